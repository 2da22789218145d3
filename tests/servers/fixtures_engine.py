"""Fixtures: Docker Engines, one of each kind for a worker, and registries, one for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.images.engine import Engine as Client
from tagger.images.registry.credentials import Keychain
from tests.servers.distribution import Distribution, distribution
from tests.servers.engine import Engine, classic_engine, containerd_engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker Engine with the classic image store."""
    with classic_engine() as found:
        yield found


@pytest.fixture(scope="session")
def containerd() -> Iterator[Engine]:
    """A Docker Engine with containerd's image store."""
    with containerd_engine() as found:
        yield found


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Distribution]:
    """An empty, open registry of this test alone."""
    with distribution(tmp_path / "registry") as found:
        yield found


@pytest.fixture
def locked_registry(tmp_path: Path) -> Iterator[Distribution]:
    """An empty registry of this test alone that needs a login."""
    with distribution(tmp_path / "locked-registry", login=True) as found:
        yield found


@pytest.fixture(params=["engine", "containerd"], ids=["classic", "containerd"])
def running(request: pytest.FixtureRequest) -> Engine:
    """An engine with each of the image stores in turn."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(running: Engine) -> Iterator[Client]:
    """Tagger's client of that engine."""
    found = Client.find(running.environ, Keychain())
    yield found
    found.close()
