"""Repositories of every kind, and images to release into them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tagger.images.stores import TagStore
from tests.operations.running import Builds
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import SmallRegistry


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    """Images that are built already."""
    return Builds(tmp_path / "builds")


@pytest.fixture(params=["layout", "distribution 2", "specification"])
def store(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    name: str,
    opened: Opener,
    started: Callable[[str], DockerRegistry],
    small_registry: SmallRegistry,
) -> TagStore:
    """An empty repository: on disk, in a registry that deletes manifests only, and in one that deletes tags too."""
    match request.param:
        case "layout":
            return Layout(tmp_path / "store")
        case "distribution 2":
            return opened(started("open"), name)
        case _:
            return opened(small_registry, name)
