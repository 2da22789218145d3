"""Attestations that are at GitHub alone: `verify` asks its API, with `github-token`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.attestations import AttestationsApi, BundleStorage
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
    api.bundles["acme/other", image.digest] = [other]
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
    assert "GitHub's attestations of acme/app: the attestation has no bundle and no URL of one" in message


@pytest.mark.parametrize("status", [401, 403, 500])
def test_what_cannot_be_asked_proves_nothing(build: str, tmp_path: Path, api: AttestationsApi, status: int) -> None:
    api.status = status
    environ = {"TAGGER_GITHUB_TOKEN": TOKEN}
    ran = release(build, tmp_path, environ, "--endpoint", f"api.github.com={api.host}")
    assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
    assert "GitHub's attestations of acme/app: " in ran.document["error"]["message"]
    assert TOKEN not in ran.out + ran.err


def test_without_a_token_nobody_is_asked(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    ran = release(build, tmp_path, {}, "--endpoint", f"api.github.com={api.host}")
    assert ran.code == 1
    assert "Not looked at: GitHub's attestations: there is no `github-token`" in ran.document["error"]["message"]
    assert api.asked == []


@pytest.mark.parametrize("people", [set[str](), {"acme"}])
@pytest.mark.parametrize(
    "row",
    ["keyless repo=acme/* issuer=github", "keyless workflow=acme/app/.github/workflows/release.yml issuer=github"],
)
def test_a_pattern_asks_the_owner(build: str, tmp_path: Path, api: AttestationsApi, row: str, people: set[str]) -> None:
    api.people = people
    words = ("--endpoint", f"api.github.com={api.host}", "--verify", row)
    ran = release(build, tmp_path, {"TAGGER_GITHUB_TOKEN": TOKEN}, *words)
    assert ran.code == 0, ran
    assert ran.document["verified"][0]["found_at"] == "GitHub's attestations of acme"
    root = "users" if people else "orgs"
    assert any(path.startswith(f"/{root}/acme/attestations/sha256") for path in api.asked)


def test_a_pattern_of_owners_asks_nobody_and_says_so(build: str, tmp_path: Path, api: AttestationsApi) -> None:
    words = ("--endpoint", f"api.github.com={api.host}", "--verify", "keyless repo=*/app issuer=github")
    ran = release(build, tmp_path, {"TAGGER_GITHUB_TOKEN": TOKEN}, *words)
    assert ran.code == 1
    assert "Not looked at: GitHub's attestations: a row names no owner" in ran.document["error"]["message"]
    assert api.asked == []


class TestKeptElsewhere:
    """GitHub keeps bundles in storage of another host, compressed, and names their addresses."""

    @pytest.fixture
    def storage(self, build: str, api: AttestationsApi) -> Iterator[BundleStorage]:  # noqa: ARG002
        with BundleStorage() as server:
            for found in api.bundles.values():
                for index, bundle in enumerate(found):
                    if isinstance(bundle, dict):
                        path = f"/attestations/{len(server.content)}.json.sn"
                        server.content[path] = compressed(json.dumps(bundle).encode())
                        found[index] = f"{server.url}{path}?sig=sensitive-signature"
            yield server

    def released(self, build: str, folder: Path, api: AttestationsApi, *words: str) -> Ran:
        words = ("--endpoint", f"api.github.com={api.host}", *words)
        return release(build, folder, {"TAGGER_GITHUB_TOKEN": TOKEN}, *words)

    def test_it_counts_and_gets_no_token(
        self, build: str, tmp_path: Path, api: AttestationsApi, storage: BundleStorage
    ) -> None:
        ran = self.released(build, tmp_path, api, "--verbose")
        assert ran.code == 0, ran
        assert ran.document["verified"][0]["found_at"] == "GitHub's attestations of acme/app"
        assert {path.partition("?")[0] for path, _ in storage.asked} == {
            "/attestations/0.json.sn",
            "/attestations/1.json.sn",
        }
        assert {token for _, token in storage.asked} == {None}
        assert "sensitive" not in ran.out + ran.err

    @pytest.mark.parametrize("status", [401, 403, 404, 500])
    def test_what_is_not_given_is_told(
        self, build: str, tmp_path: Path, api: AttestationsApi, storage: BundleStorage, status: int
    ) -> None:
        storage.status = status
        ran = self.released(build, tmp_path, api)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert "GitHub's attestations of acme/app: reading the bundle at 127.0.0.1" in ran.document["error"]["message"]
        assert {token for _, token in storage.asked} == {None}
        assert "sensitive" not in ran.out + ran.err

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"{}", "it cannot be decompressed"),
            (b"\x81\x80\x80\x10\x00a", "the limit is 33554432"),
            (b"\x02\x04{}", "it cannot be proved"),
        ],
    )
    def test_what_is_no_bundle_is_told(
        self, build: str, tmp_path: Path, api: AttestationsApi, storage: BundleStorage, content: bytes, says: str
    ) -> None:
        storage.content = dict.fromkeys(storage.content, content)
        ran = self.released(build, tmp_path, api)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert says in ran.document["error"]["message"]

    @pytest.mark.parametrize("address", ["file:///etc/passwd", "http://169.254.169.254/latest", "nonsense:"])
    def test_an_address_that_may_not_be_asked(
        self, build: str, tmp_path: Path, api: AttestationsApi, address: str
    ) -> None:
        api.bundles = {key: [address] for key in api.bundles}
        ran = self.released(build, tmp_path, api)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert "reading the bundle at" in ran.document["error"]["message"]


def compressed(data: bytes) -> bytes:
    """Return data as a block of Snappy's: its length, and one literal."""
    size, rest = b"", len(data)
    while rest >= 0x80:
        size += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    return size + bytes([rest, 61 << 2]) + (len(data) - 1).to_bytes(2, "little") + data
