"""An image of the engine as one of several builds, and what an engine pulls of their index."""

import json
from collections.abc import Iterator

import pytest

from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.images.making import make_image, make_index
from tests.integration.commands import tagger
from tests.servers.engine import Engine
from tests.servers.registries import DockerRegistry


@pytest.fixture(params=["engine", "containerd"], ids=["classic", "containerd"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine with each of the image stores in turn."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def store(open_registry: DockerRegistry, name: str) -> Iterator[TagStore]:
    with open_registry.client() as client:
        yield client.repository(Repository(open_registry.host, name), write=True)


def test_an_image_of_the_engine_and_one_of_the_registry(
    engine: Engine, store: TagStore, open_registry: DockerRegistry, name: str
) -> None:
    engine.build("several/app:build")
    before = engine.tags()
    place = f"{open_registry.host}/{name}"
    arm = make_index(store, "app", platforms=["linux/arm64"])
    words = ["--json", "--image", place, "--version", "2.1.4"]
    sources = ["--source", "docker-daemon:several/app:build", "--source", f"{place}@{arm.digest}"]
    planned = tagger("plan", *words, *sources, environ=engine.environ)
    assert planned.code == 0, planned.err
    assert not list(store.tags())
    released = tagger("release", *words, *sources, environ=engine.environ)
    assert released.code == 0, released.err
    assert released.document["digest"] == planned.document["digest"]
    assert set(released.document["platforms"]) == {"linux/amd64", "linux/arm64"}
    assert "docker-daemon:several/app:build" in released.document["assembled_from"]["linux/amd64"]
    assert engine.tags() == before  # nothing was named for a push
    again = tagger("release", *words, *sources, environ=engine.environ)
    assert (again.code, again.document["changed"]) == (0, False)


def test_an_engine_pulls_every_platform(
    engine: Engine, store: TagStore, open_registry: DockerRegistry, name: str
) -> None:
    place = f"{open_registry.host}/{name}"
    legs = [
        make_image(store, "app", platform=platform) for platform in ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")
    ]
    digests = json.dumps({f"digest-{number}": leg.digest for number, leg in enumerate(legs)})
    ran = tagger("release", "--image", place, "--version", "2.1.4", "--digests", digests)
    assert ran.code == 0, ran.err
    for platform in ("linux/amd64", "linux/arm64", "linux/arm/v7"):
        engine.docker("pull", "--quiet", "--platform", platform, f"{place}:2.1.4")
