"""The golden-image gate from outside: plans and releases over layouts and real registries."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.images.making import make_config, make_image, make_layer, put, put_manifest
from tests.integration.commands import Ran, images, tagger
from tests.servers.registries import DockerRegistry

SYSTEM = make_layer({"etc/os-release": "official"})
CERTIFICATES = make_layer({"app": "golden", "platform": "linux/amd64"})
OWN = make_layer({"app": "build", "platform": "linux/amd64"})


def squashed(layout: Layout, tag: str) -> None:
    """Put an image with the files of all three layers in one."""
    layer = make_layer({"etc/os-release": "official", "app": "build", "platform": "linux/amd64"})
    config = put(layout, make_config([layer], "linux/amd64", {}), OCI_CONFIG)
    blob = put(layout, gzip.compress(layer, mtime=0), OCI_LAYER_GZIP)
    put_manifest(layout, OCI_MANIFEST, {"config": config.to_json(), "layers": [blob.to_json()]}, [tag])


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    """A build on the golden image, the same on the golden image's parent, the same squashed, and the base itself."""
    layout = Layout(tmp_path / "builds")
    make_image(layout, "build", "approved", below=[SYSTEM, CERTIFICATES])
    make_image(layout, "build", "parent", below=[SYSTEM])
    make_image(layout, "golden", "base", below=[SYSTEM])
    squashed(layout, "squashed")
    return layout


@pytest.fixture(params=["layout", "registry"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, open_registry: DockerRegistry, name: str
) -> Iterator[Callable[[str], tuple[str, TagStore]]]:
    """Name and open a repository of the test, on disk or in a real registry."""
    with open_registry.client() as client:

        def make(kind: str) -> tuple[str, TagStore]:
            if request.param == "layout":
                return f"oci:{tmp_path / kind}", Layout(tmp_path / kind)
            repository = Repository(open_registry.host, f"{name}-{kind}")
            return str(repository), client.repository(repository, write=True)

        yield make


def run(command: str, build: str, builds: Layout, place: str, *golden: str) -> Ran:
    """Plan or release a build as 1.0.0."""
    approvals = [word for line in golden for word in ("--golden", line)]
    source = ("--source", f"oci:{builds.path}:{build}", "--version", "1.0.0")
    return tagger(command, "--json", *images(place), *source, *approvals)


def test_a_build_on_an_approved_base_passes(builds: Layout, place: Callable[[str], tuple[str, TagStore]]) -> None:
    (golden, shelf), (app, store) = place("golden"), place("app")
    base = make_image(shelf, "golden", "2.1.4", below=[SYSTEM])
    planned = run("plan", "approved", builds, app, golden)
    assert (planned.code, list(store.tags())) == (0, [])
    released = run("release", "approved", builds, app, golden)
    assert released.code == 0, released.err
    for ran in (planned, released):
        assert f"{golden}:2.1.4@{base.digest}" in json.dumps(ran.document["base"])
    assert sorted(store.tags()) == ["1", "1.0", "1.0.0", "latest"]


@pytest.mark.parametrize("build", ["parent", "squashed"])
def test_every_other_build_is_refused_before_anything_is_written(
    builds: Layout, place: Callable[[str], tuple[str, TagStore]], build: str
) -> None:
    (golden, shelf), (app, store) = place("golden"), place("app")
    make_image(shelf, "golden", "2.1.4", below=[SYSTEM])
    for command in ("plan", "release"):
        ran = run(command, build, builds, app, golden)
        assert (ran.code, ran.statuses, ran.document["changed"]) == (1, ["refused"], False)
        assert ran.document["error"]["code"] == "GOLDEN"
        assert "stands on no approved base" in ran.document["error"]["message"]
        assert list(store.tags()) == []
    assert run("release", "approved", builds, app, golden).code == 0


def test_an_older_base_passes_and_the_report_says_so(
    builds: Layout, place: Callable[[str], tuple[str, TagStore]]
) -> None:
    (golden, shelf), (app, _) = place("golden"), place("app")
    make_image(shelf, "golden", "2.1.4", below=[SYSTEM])
    make_image(shelf, "newer", "2.1.5", below=[SYSTEM])
    ran = run("release", "approved", builds, app, golden)
    assert ran.code == 0
    assert "2.1.5 is newer" in json.dumps(ran.document["base"])


def test_a_withdrawn_base_is_refused(builds: Layout, place: Callable[[str], tuple[str, TagStore]]) -> None:
    (golden, shelf), (app, store) = place("golden"), place("app")
    make_image(shelf, "golden", "2.1.4", below=[SYSTEM])
    make_image(shelf, "newer", "2.1.5", below=[SYSTEM])
    assert tagger("withdraw", "2.1.4", *images(golden)).code == 0
    ran = run("release", "approved", builds, app, golden)
    assert (ran.code, ran.document["error"]["code"], list(store.tags())) == (1, "GOLDEN", [])
    assert "was withdrawn" in ran.document["error"]["message"]


def test_a_base_that_cannot_be_read_stops_the_release(
    builds: Layout, place: Callable[[str], tuple[str, TagStore]]
) -> None:
    (golden, _), (app, store) = place("golden"), place("app")
    for command in ("plan", "release"):
        ran = run(command, "approved", builds, app, golden)
        assert (ran.code, list(store.tags())) == (1, [])


def test_an_image_that_is_kept_in_place_of_the_build_is_looked_at_too(
    builds: Layout, place: Callable[[str], tuple[str, TagStore]]
) -> None:
    (golden, shelf), (app, store) = place("golden"), place("app")
    make_image(shelf, "golden", "2.1.4", below=[SYSTEM])
    assert run("release", "parent", builds, app).code == 0
    before = store.digests(tuple(store.tags()))
    source = ("--source", f"oci:{builds.path}:approved", "--version", "1.0.0", "--on-conflict", "keep")
    ran = tagger("release", "--json", *images(app), *source, "--golden", golden)
    assert (ran.code, ran.document["error"]["code"]) == (1, "GOLDEN")
    assert store.digests(tuple(store.tags())) == before
