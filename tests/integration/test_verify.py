"""Who signed it: `verify` from the command line, against a Sigstore of the tests."""

import json
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import EMPTY_CONFIG, make_image, put, put_manifest
from tests.integration.commands import tagger
from tests.servers.sigstore import BUNDLE, Sigstore, statement

ROW = "keyless repo=acme/app ref=refs/tags/v{{version}} issuer=github"


@pytest.fixture
def build(tmp_path: Path) -> str:
    """A build of 2.1.4 that acme/app signed at its tag; return its source."""
    sigstore, store = Sigstore(), Layout(tmp_path / "build")
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    image = make_image(store, "app", "build")
    bundle = json.dumps(sigstore.bundle(statement(image.digest))).encode()
    document = {
        "artifactType": BUNDLE,
        "config": put(store, b"{}", EMPTY_CONFIG).to_json(),
        "layers": [put(store, bundle, BUNDLE).to_json()],
        "subject": image.descriptor().to_json(),
    }
    put_manifest(store, "application/vnd.oci.image.manifest.v1+json", document)
    return f"oci:{tmp_path}/build:build"


def test_a_build_is_released_by_who_signed_it(build: str, tmp_path: Path) -> None:
    words = ("--source", build, "--image", f"oci:{tmp_path}/app", "--trusted-root", f"{tmp_path}/root.json", "--json")
    ran = tagger("release", *words, "--version", "2.1.4", "--verify", ROW)
    assert ran.code == 0, ran
    (proof,) = json.loads(ran.out)["verified"]
    assert (proof["repo"], proof["ref"]) == ("https://github.com/acme/app", "refs/tags/v2.1.4")
    assert proof["by"] == ROW


@pytest.mark.parametrize(
    ("version", "row", "says"),
    [
        ("2.1.5", ROW, "signed at refs/tags/v2.1.4"),
        ("2.1.4", "keyless repo=acme/other issuer=github", "signed by acme/app"),
    ],
)
def test_a_build_of_somebody_else_is_refused_and_nothing_is_written(
    build: str, tmp_path: Path, version: str, row: str, says: str
) -> None:
    words = ("--source", build, "--image", f"oci:{tmp_path}/app", "--trusted-root", f"{tmp_path}/root.json", "--json")
    ran = tagger("release", *words, "--version", version, "--verify", row)
    assert ran.code == 1, ran
    error = json.loads(ran.out)["error"]
    assert error["code"] == "NOT_VERIFIED"
    assert says in error["message"]
    assert not (tmp_path / "app").exists()


def test_a_row_that_lets_anybody_in_is_a_mistake(build: str, tmp_path: Path) -> None:
    ran = tagger("release", "--source", build, "--image", f"oci:{tmp_path}/app", "--verify", "keyless repo=acme/app")
    assert ran.code == 2
    assert "says no issuer" in ran.err
