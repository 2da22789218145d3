"""The gate `require-referrer`: what has to be attached to a build before it is released."""

import json
from pathlib import Path

import pytest

from tagger.gates.attached import WORDS
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.stores import TagStore
from tests.images.making import EMPTY_CONFIG, attach, make_image, make_index, put, put_manifest, sign
from tests.integration.commands import tagger
from tests.operations.running import standing
from tests.servers.sigstore import BUNDLE, key_bundle, new_key, public_pem, statement

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


def test_an_index_of_thousands_is_not_looked_through(tmp_path: Path, builds: Layout) -> None:
    make_image(builds, "other")
    children = []
    for number in range(1001):
        one = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2, "number": %d}' % number)
        (tmp_path / "builds/blobs/sha256" / one.digest.partition(":")[2]).write_bytes(one.content)
        children.append({**one.descriptor().to_json(), "platform": {"os": "linux", "architecture": str(number)}})
    put_manifest(builds, OCI_INDEX, {"manifests": children}, ["app"])
    for gate in (("--require-referrer", SBOM), ("--verify", f"key {tmp_path}/key.pem")):
        (tmp_path / "key.pem").write_bytes(public_pem(new_key()))
        words = ("--version", "2.1.4", "--source", f"{builds.place}:app", "--image", f"oci:{tmp_path}/store")
        ran = tagger("release", "--json", *words, *gate)
        assert ran.code == 1
        assert "names more than 1000 manifests" in ran.document["error"]["message"]


class TestWords:
    """`signature`, `attestation`, `sbom` and `provenance` mean the types that people have."""

    @pytest.mark.parametrize(
        ("kind", "word"),
        [
            ("application/spdx+json", "sbom"),
            ("text/spdx", "sbom"),
            ("application/vnd.cyclonedx+json", "sbom"),
            ("application/vnd.syft+json", "sbom"),
            ("application/vnd.cncf.notary.signature", "signature"),
        ],
    )
    def test_the_type_of_an_artifact(self, tmp_path: Path, builds: Layout, kind: str, word: str) -> None:
        attach(builds, make_image(builds, "app", "app"), kind=kind)
        self.check(builds, tmp_path, word)

    def test_a_signature_under_a_tag_of_cosigns(self, tmp_path: Path, builds: Layout) -> None:
        sign(builds, make_image(builds, "app", "app"))
        self.check(builds, tmp_path, "signature")

    @pytest.mark.parametrize(
        ("predicate", "words"),
        [
            ("https://sigstore.dev/cosign/sign/v1", ["signature"]),
            ("https://slsa.dev/provenance/v1", ["attestation", "provenance"]),
            ("https://slsa.dev/provenance/v0.2", ["attestation", "provenance"]),
            ("https://spdx.dev/Document/v2.3", ["attestation", "sbom"]),
            ("https://cyclonedx.org/bom", ["attestation", "sbom"]),
            ("https://acme.io/tested", ["attestation"]),
        ],
    )
    def test_the_statement_in_a_bundle(self, tmp_path: Path, builds: Layout, predicate: str, words: list[str]) -> None:
        """The statement counts, and no annotation that claims what it is."""
        image = make_image(builds, "app", "app")
        bundle = key_bundle(new_key(), statement(image.digest, predicate))
        put_manifest(
            builds,
            "application/vnd.oci.image.manifest.v1+json",
            {
                "artifactType": BUNDLE,
                "config": put(builds, b"{}", EMPTY_CONFIG).to_json(),
                "layers": [put(builds, json.dumps(bundle).encode(), BUNDLE).to_json()],
                "subject": image.descriptor().to_json(),
                "annotations": {"dev.sigstore.bundle.predicateType": "https://spdx.dev/Document"},
            },
        )
        self.check(builds, tmp_path, *words)

    def test_the_attestations_of_buildkit_in_the_index(self, tmp_path: Path, builds: Layout) -> None:
        make_index(builds, "app", "app", predicate="https://slsa.dev/provenance/v0.2")
        self.check(builds, tmp_path, "attestation", "provenance")

    def test_what_each_platform_has_counts(self, tmp_path: Path, builds: Layout) -> None:
        index = make_index(builds, "app", "app")
        images = [child for child in index.children() if child.platform and child.platform.known]
        attach(builds, builds.manifest(images[0].digest), kind="application/spdx+json")
        assert released(builds, Layout(tmp_path / "store"), "sbom") == (1, "REFERRER_MISSING")
        attach(builds, builds.manifest(images[1].digest), kind="application/vnd.cyclonedx+json")
        assert released(builds, Layout(tmp_path / "store"), "sbom") == (0, "")

    def check(self, builds: Layout, folder: Path, *words: str) -> None:
        """Release with each of the words that hold, and be refused with each of the others."""
        for number, word in enumerate(WORDS):
            expected = (0, "") if word in words else (1, "REFERRER_MISSING")
            assert released(builds, Layout(folder / f"store{number}"), word) == expected, word
