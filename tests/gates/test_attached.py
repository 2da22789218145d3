"""The gate `require-referrer`: what has to be attached to a build before it is released."""

from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tagger.images.stores import TagStore
from tests.images.making import attach, make_image, sign
from tests.integration.commands import tagger
from tests.operations.running import standing

SBOM = "application/vnd.tests.sbom"
SIGNATURE = "application/vnd.dev.cosign.simplesigning.v1+json"


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "builds")


def released(builds: TagStore, store: Layout, *kinds: str, command: str = "release") -> tuple[int, str]:
    words = [word for kind in kinds for word in ("--require-referrer", kind)]
    ran = tagger(
        command, "--json", "--version", "2.1.4", "--source", f"{builds.place}:app", "--image", store.place, *words
    )
    return ran.code, (ran.document["error"] or {}).get("code", "")


def test_it_is_refused_without(tmp_path: Path, builds: Layout) -> None:
    store = Layout(tmp_path / "store")
    make_image(builds, "app", "app")
    assert released(builds, store, SBOM) == (1, "REFERRER_MISSING")
    assert released(builds, store, SBOM, command="plan") == (1, "REFERRER_MISSING")
    assert standing(store) == {}


def test_it_is_released_with_all_of_them(tmp_path: Path, builds: Layout) -> None:
    store = Layout(tmp_path / "store")
    image = make_image(builds, "app", "app")
    attach(builds, image)
    assert released(builds, store, SBOM, SIGNATURE) == (1, "REFERRER_MISSING")
    sign(builds, image)
    assert released(builds, store, SBOM, SIGNATURE) == (0, "")
    assert [artifact.artifact_type for artifact in store.referrers(image.digest)] == [SBOM]
