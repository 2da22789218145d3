"""Where the fixtures of all tests are."""

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures_engine", "tests.servers.fixtures_registry"]

settings.register_profile("patient", deadline=None)  # how long an example takes depends on what else the machine does
settings.load_profile("patient")
