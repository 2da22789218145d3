"""Who signed it: `verify` from the command line, against a Sigstore of the tests."""

import json
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tagger.settings import gates
from tests.images.making import EMPTY_CONFIG, make_image, put, put_manifest
from tests.integration.commands import Ran, tagger
from tests.servers.http_server import Reply
from tests.servers.sigstore import BUNDLE, Sigstore, statement
from tests.servers.small_registry import Fault, Request, SmallRegistry

INDEX = "application/vnd.oci.image.index.v1+json"
NOTHING = Reply(
    200, [("Content-Type", INDEX)], json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
)
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
    assert "names no issuer" in ran.err


class TestArrival:
    """What was copied is verified again where it was copied to, before a floating tag moves."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gates, "LAGS", (0.01, 0.01))

    def release(self, build: str, folder: Path, registry: SmallRegistry) -> Ran:
        words = ("--source", build, "--image", f"{registry.host}/acme/app", "--trusted-root", f"{folder}/root.json")
        return tagger("release", *words, "--version", "2.1.4", "--verify", ROW, "--json")

    def test_it_arrives_with_its_signature(self, build: str, tmp_path: Path, small_registry: SmallRegistry) -> None:
        assert self.release(build, tmp_path, small_registry).code == 0
        assert "latest" in small_registry.store.repositories["acme/app"].tags

    def test_a_registry_that_lists_it_a_moment_later(
        self, build: str, tmp_path: Path, small_registry: SmallRegistry
    ) -> None:
        asked = []

        def lag(request: Request) -> Fault | None:
            if request.method == "GET" and "/referrers/" in request.path:
                asked.append(request)
                if len(asked) < 2:
                    return Fault("answer", NOTHING)
            return None

        small_registry.watch = lag
        assert self.release(build, tmp_path, small_registry).code == 0
        assert len(asked) > 1

    def test_a_registry_that_loses_it_gets_no_floating_tag(
        self, build: str, tmp_path: Path, small_registry: SmallRegistry
    ) -> None:
        def lose(request: Request) -> Fault | None:
            return Fault("answer", Reply(404)) if request.method == "GET" and "/blobs/" in request.path else None

        small_registry.watch = lose
        ran = self.release(build, tmp_path, small_registry)
        error = ran.document["repositories"][0]["error"]
        assert (ran.code, error["code"]) == (1, "NOT_VERIFIED")
        assert f"{small_registry.host}/acme/app: what was copied there" in error["message"]
        assert "it is listed and is not there" in error["message"]
        assert set(small_registry.store.repositories["acme/app"].tags) == {"2.1.4"}

    def test_a_signature_that_is_missing_there_is_brought(
        self, build: str, tmp_path: Path, small_registry: SmallRegistry
    ) -> None:
        """Who asks for it in a later run has the version there already, perhaps from before it was signed."""
        assert self.release(build, tmp_path, small_registry).code == 0
        assert lose_what_is_attached(small_registry) == 1
        ran = self.release(build, tmp_path, small_registry)
        assert (ran.code, ran.statuses) == (0, ["unchanged"])
        assert lose_what_is_attached(small_registry) == 1

    def test_a_run_again_is_refused_where_it_cannot_be_proved(
        self, build: str, tmp_path: Path, small_registry: SmallRegistry
    ) -> None:
        assert self.release(build, tmp_path, small_registry).code == 0
        del small_registry.store.repositories["acme/app"].tags["latest"]
        small_registry.watch = lambda request: (
            Fault("answer", Reply(404)) if request.method == "GET" and "/blobs/" in request.path else None
        )
        ran = self.release(build, tmp_path, small_registry)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert "latest" not in small_registry.store.repositories["acme/app"].tags

    def test_a_run_again_where_the_build_is_asks_no_more(self, build: str, tmp_path: Path) -> None:
        words = ("--source", build, "--image", f"oci:{tmp_path}/build", "--trusted-root", f"{tmp_path}/root.json")
        for _ in range(2):
            assert tagger("release", *words, "--version", "2.1.4", "--verify", ROW).code == 0

    def plain(self, build: str, folder: Path, registry: SmallRegistry) -> Ran:
        words = ("--source", build, "--image", f"{registry.host}/acme/app", "--trusted-root", f"{folder}/root.json")
        row = ("--tags", "type=raw,value=nightly", "--verify", "keyless repo=acme/app issuer=github")
        return tagger("release", *words, "--version", "none", *row, "--json")

    def test_a_build_without_a_version(self, build: str, tmp_path: Path, small_registry: SmallRegistry) -> None:
        assert self.plain(build, tmp_path, small_registry).code == 0
        assert lose_what_is_attached(small_registry) == 1
        ran = self.plain(build, tmp_path, small_registry)
        assert (ran.code, ran.statuses) == (0, ["unchanged"])
        assert lose_what_is_attached(small_registry) == 1

    def test_a_build_without_a_version_that_cannot_be_proved_gets_no_tag(
        self, build: str, tmp_path: Path, small_registry: SmallRegistry
    ) -> None:
        small_registry.watch = lambda request: (
            Fault("answer", Reply(404)) if request.method == "GET" and "/blobs/" in request.path else None
        )
        ran = self.plain(build, tmp_path, small_registry)
        assert (ran.code, ran.document["error"]["code"]) == (1, "NOT_VERIFIED")
        assert "what was copied there" in ran.document["error"]["message"]
        assert not small_registry.store.repositories["acme/app"].tags


def lose_what_is_attached(registry: SmallRegistry) -> int:
    """Take every manifest with a subject out of a repository; return how many there were."""
    manifests = registry.store.repositories["acme/app"].manifests
    attached = [digest for digest, one in manifests.items() if "subject" in one.document]
    for digest in attached:
        del manifests[digest]
    return len(attached)
