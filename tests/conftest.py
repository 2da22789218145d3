"""Where the fixtures of all tests are."""

import os

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures_engine", "tests.servers.fixtures_registry"]

# How long an example takes depends on the machine. One tree gives one answer: `make fuzz` throws the dice.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))
