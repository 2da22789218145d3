"""Who signed the base: `base-verify` and rows in `golden`, against a Sigstore of the tests."""

import json
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import EMPTY_CONFIG, PLATFORMS, make_image, make_layer, put, put_manifest
from tests.integration.commands import Ran, tagger
from tests.servers.sigstore import BUNDLE, Sigstore, statement

ROW = "keyless repo=acme/app issuer=github"
OTHER = "keyless repo=acme/other issuer=github"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two bases, of which acme/app signed the first, and a build on each."""
    sigstore, bases, builds = Sigstore(), Layout(tmp_path / "bases"), Layout(tmp_path / "builds")
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    layers = {name: make_layer({"etc/base": name}) for name in ("signed", "unsigned")}
    images = {name: make_image(bases, name, name, below=[layers[name]]) for name in layers}
    bundle = json.dumps(sigstore.bundle(statement(images["signed"].digest))).encode()
    document = {
        "artifactType": BUNDLE,
        "config": put(bases, b"{}", EMPTY_CONFIG).to_json(),
        "layers": [put(bases, bundle, BUNDLE).to_json()],
        "subject": images["signed"].descriptor().to_json(),
    }
    put_manifest(bases, "application/vnd.oci.image.manifest.v1+json", document)
    for name, layer in layers.items():
        below = [layer, make_layer({"app": name, "platform": PLATFORMS[0]})]
        make_image(builds, f"app on {name}", name, below=below)
    return tmp_path


def release(place: Path, build: str, *words: str) -> Ran:
    where = ("--source", f"oci:{place}/builds:{build}", "--image", f"oci:{place}/app", "--version", "2.1.4", "--json")
    return tagger("release", *where, "--trusted-root", f"{place}/root.json", *words)


def approved(place: Path, row: str = "") -> list[str]:
    behind = row and f" {row}"
    return [word for name in ("signed", "unsigned") for word in ("--golden", f"oci:{place}/bases:{name}{behind}")]


@pytest.mark.parametrize("carried", [False, True], ids=["base-verify", "golden"])
def test_a_base_of_who_signed_it_passes(place: Path, carried: bool) -> None:
    words = approved(place, ROW) if carried else [*approved(place), "--base-verify", OTHER, "--base-verify", ROW]
    ran = release(place, "signed", *words)
    assert ran.code == 0, ran
    (proof,) = ran.document["verified"]
    base = Layout(place / "bases").digests(["signed"])["signed"]
    assert (proof["digest"], proof["by"], proof["repo"]) == (base, ROW, "https://github.com/acme/app")


@pytest.mark.parametrize("carried", [False, True], ids=["base-verify", "golden"])
@pytest.mark.parametrize(
    ("build", "row", "says"),
    [("signed", OTHER, "signed by acme/app"), ("unsigned", ROW, "no signature was found")],
)
def test_another_base_is_refused_and_nothing_is_written(
    place: Path, build: str, row: str, says: str, carried: bool
) -> None:
    words = approved(place, row) if carried else [*approved(place), "--base-verify", row]
    ran = release(place, build, *words)
    error = ran.document["error"]
    assert (ran.code, error["code"]) == (1, "NOT_VERIFIED"), ran
    assert f"the base oci:{place}/bases:{build}@sha256:" in error["message"]
    assert says in error["message"]
    assert ("base-verify" in error["hint"]) != carried
    assert not (place / "app").exists()


def test_its_own_row_stands_in_place_of_the_others(place: Path) -> None:
    assert release(place, "signed", *approved(place, ROW), "--base-verify", OTHER).code == 0
    assert release(place, "signed", *approved(place, OTHER), "--base-verify", ROW).code == 1


def test_the_build_and_its_base_are_two_questions(place: Path) -> None:
    assert release(place, "signed", *approved(place, ROW), "--verify", ROW).document["error"]["code"] == "NOT_VERIFIED"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--base-verify", ROW), "without `golden` there is no base"),
        (("--golden", "acme/base keyless repo=acme/base"), "names no issuer"),
        (("--golden", "acme/base", "--base-verify", "anybody"), "is no row"),
    ],
)
def test_mistakes(place: Path, words: tuple[str, ...], says: str) -> None:
    ran = release(place, "signed", *words)
    assert ran.code == 2
    assert says in ran.document["error"]["message"]
