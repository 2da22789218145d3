"""Where the fixtures of all tests are."""

pytest_plugins = ["tests.servers.fixtures_engine", "tests.servers.fixtures_registry"]
