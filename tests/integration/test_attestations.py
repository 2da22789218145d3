"""Attestations that are at GitHub alone: `verify` asks its API, with `github-token`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.attestations import AttestationsApi
from tests.servers.sigstore import Sigstore, statement

ROW = "keyless repo=acme/app ref=refs/tags/v{{version}} issuer=github"
TOKEN = "sensitive-token"


@pytest.fixture
def api() -> Iterator[AttestationsApi]:
    with AttestationsApi(TOKEN) as server:
        yield server


@pytest.fixture
def build(tmp_path: Path, api: AttestationsApi) -> str:
    """A build that acme/app attested, at GitHub alone, behind one that is kept elsewhere and one of another image."""
    sigstore = Sigstore()
    (tmp_path / "root.json").write_text(json.dumps(sigstore.trusted_root()))
    image = make_image(Layout(tmp_path / "build"), "app", "build")
    other = sigstore.bundle(statement(f"sha256:{'0' * 64}"))
    api.bundles["acme/app", image.digest] = [None, other, sigstore.bundle(statement(image.digest))]
    return f"oci:{tmp_path}/build:build"


def release(build: str, folder: Path, environ: dict[str, str], *words: str) -> Ran:
    where = ("--source", build, "--image", f"oci:{folder}/app", "--trusted-root", f"{folder}/root.json", "--json")
    row = () if "--verify" in words else ("--verify", ROW)
    return tagger("release", *where, "--version", "2.1.4", "--retries", "0", *row, *words, environ=environ)


def test_it_counts(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    ran = release(build, tmp_path, environ, "--endpoint", f"api.github.com={api.host}")
    assert ran.code == 0, ran
    (proof,) = ran.document["verified"]
    assert (proof["repo"], proof["found_at"]) == ("https://github.com/acme/app", "GitHub's attestations of acme/app")
    assert len(api.asked) >= 3  # a page each
    assert TOKEN not in ran.out + ran.err


def test_in_a_workflow_the_runner_says_where_github_is(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": f"{api.url}/api/v3", "INPUT_GITHUB-TOKEN": TOKEN}
    assert release(build, tmp_path, environ).code == 0
    assert api.asked[0].startswith("/api/v3/repos/acme/app/attestations/sha256")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("keyless repo=acme/app ref=refs/tags/v9 issuer=github", "signed at refs/tags/v2.1.4"),
        ("keyless repo=acme/other issuer=github", "GitHub's attestations of acme/other"),
    ],
)
def test_another_signer_is_refused(build: str, tmp_path: Path, api: AttestationsApi, row: str, says: str) -> None:
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    ran = release(build, tmp_path, environ, "--endpoint", f"api.github.com={api.host}", "--verify", row)
    assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
    assert says in ran.document["error"]["message"]
    assert not (tmp_path / "app").exists()


def test_every_reason_is_told(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    api.bundles = {key: found[:2] for key, found in api.bundles.items()}
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    message = release(build, tmp_path, environ, "--endpoint", f"api.github.com={api.host}").document["error"]["message"]
    assert "GitHub's attestations of acme/app: it is about another digest" in message
    assert "at an address of its own, which is not read" in message


@pytest.mark.parametrize("status", [401, 403, 500])
def test_what_cannot_be_asked_proves_nothing(build: str, tmp_path: Path, api: AttestationsApi, status: int) -> None:
    api.status = status
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    ran = release(build, tmp_path, environ, "--endpoint", f"api.github.com={api.host}")
    assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
    assert "GitHub's attestations of acme/app: " in ran.document["error"]["message"]
    assert TOKEN not in ran.out + ran.err


def test_without_a_token_nobody_is_asked(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    assert release(build, tmp_path, {}, "--endpoint", f"api.github.com={api.host}").code == 1
    assert api.asked == []


def test_a_row_by_key_or_with_a_pattern_asks_nobody(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    words = ("--endpoint", f"api.github.com={api.host}", "--verify", "keyless repo=acme/* issuer=github")
    assert release(build, tmp_path, environ, *words).code == 1
    assert api.asked == []
