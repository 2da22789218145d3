"""The gate of signatures, against a Sigstore of the tests: what is right passes, all else is refused by its name."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, Refused
from tagger.gates.signatures.judging import Signers, check_signatures
from tagger.gates.signatures.rows import parse_row
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_MANIFEST, Manifest
from tagger.results import Verification
from tests.images.making import EMPTY_CONFIG, make_image, make_index, put, put_manifest
from tests.servers.sigstore import BUNDLE, Sigstore, key_bundle, new_key, public_pem, statement

OURS = "keyless repo=acme/app workflow=.github/workflows/release.yml ref=refs/tags/v{{version}} issuer=github"
FIELDS = {"version": "2.1.4", "major": "2", "minor": "1", "patch": "4"}

Check = Callable[..., tuple[Verification, ...]]


@pytest.fixture(scope="module")
def sigstore() -> Sigstore:
    return Sigstore()


@pytest.fixture(scope="module")
def root_file(sigstore: Sigstore, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("root") / "trusted_root.json"
    path.write_text(json.dumps(sigstore.trusted_root()))
    return str(path)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "images")


@pytest.fixture
def check(layout: Layout, root_file: str) -> Check:
    def run(image: Manifest, *rows: str, **signers: Any) -> tuple[Verification, ...]:
        told = Signers(tuple(map(parse_row, rows or (OURS,))), root_file)._replace(**signers)
        return check_signatures(layout, image, told, "the build", FIELDS)

    return run


def attach(store: Layout, subject: Manifest, bundle: Mapping[str, Any] | bytes, kind: str = BUNDLE) -> Manifest:
    """Attach a bundle as cosign 3 and actions/attest do."""
    content = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return put_manifest(
        store,
        OCI_MANIFEST,
        {
            "artifactType": kind,
            "config": put(store, b"{}", EMPTY_CONFIG).to_json(),
            "layers": [put(store, content, kind).to_json()],
            "subject": subject.descriptor().to_json(),
        },
    )


class TestKeyless:
    """Signed without a key."""

    def test_the_right_signer_passes(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image = make_image(layout)
        attached = attach(layout, image, sigstore.bundle(statement(image.digest)))
        assert check(image) == (
            Verification(
                image.digest,
                OURS,
                "https://github.com/acme/app",
                "refs/tags/v2.1.4",
                "https://github.com/acme/app/.github/workflows/release.yml",
                "https://slsa.dev/provenance/v1",
                f"referrer {attached.digest}",
            ),
        )

    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            ({"repository": "https://github.com/acme/other"}, "signed by acme/other"),
            ({"issuer": "https://issuer.evil"}, "its issuer is https://issuer.evil"),
            ({"ref": "refs/heads/main"}, "signed at refs/heads/main"),
            ({"ref": "refs/tags/v2.1.3"}, "signed at refs/tags/v2.1.3"),
            ({"workflow": ".github/workflows/pr.yml"}, "signed by the workflow acme/app/.github/workflows/pr.yml"),
            ({"payload_type": "text/plain"}, "and not an in-toto statement"),
        ],
    )
    def test_another_signer_is_named(
        self, layout: Layout, sigstore: Sigstore, check: Check, made: dict[str, Any], reason: str
    ) -> None:
        image = make_image(layout)
        attach(layout, image, sigstore.bundle(statement(image.digest), **made))
        with pytest.raises(Refused, match=reason) as caught:
            check(image)
        assert f"Looked at: referrers of {image.digest}; tag sha256-" in caught.value.message
        assert caught.value.code == "NOT_VERIFIED"

    def test_a_signature_about_another_digest(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image, other = make_image(layout), make_image(layout, "other")
        attach(layout, image, sigstore.bundle(statement(other.digest)))
        with pytest.raises(Refused, match="it is about another digest"):
            check(image)

    def test_a_predicate_that_nobody_asked_for(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image = make_image(layout)
        attach(layout, image, sigstore.bundle(statement(image.digest, "https://acme.io/review")))
        with pytest.raises(Refused, match=r"its predicate is https://acme\.io/review"):
            check(image, f"{OURS} predicate=slsa-provenance")

    def test_another_sigstore(self, layout: Layout, check: Check) -> None:
        image = make_image(layout)
        attach(layout, image, Sigstore().bundle(statement(image.digest)))
        with pytest.raises(Refused, match="it cannot be proved"):
            check(image)

    def test_no_log_entry(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image = make_image(layout)
        bundle = sigstore.bundle(statement(image.digest))
        bundle["verificationMaterial"]["tlogEntries"] = []
        attach(layout, image, bundle)
        with pytest.raises(Refused, match="no log entry: a private repository's attestation"):
            check(image)

    def test_an_altered_payload(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image, other = make_image(layout), make_image(layout, "other")
        bundle = sigstore.bundle(statement(other.digest))
        forged = json.dumps(statement(image.digest)).encode()
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(forged).decode()
        attach(layout, image, bundle)
        with pytest.raises(Refused, match="it cannot be proved"):
            check(image)

    def test_a_referrer_whose_manifest_is_about_another_image(
        self, layout: Layout, sigstore: Sigstore, check: Check
    ) -> None:
        """The list of referrers is a claim: buildx #4010."""
        image, other = make_image(layout), make_image(layout, "other")
        attached = attach(layout, other, sigstore.bundle(statement(image.digest)))
        tag = image.digest.replace(":", "-")
        put_manifest(
            layout,
            "application/vnd.oci.image.index.v1+json",
            {"manifests": [attached.descriptor().to_json() | {"artifactType": BUNDLE}]},
            [tag],
        )
        with pytest.raises(Refused, match=r"is attached to something else|no signature was found"):
            check(image)

    def test_nothing_is_attached(self, layout: Layout, check: Check) -> None:
        with pytest.raises(Refused, match="no signature was found") as caught:
            check(make_image(layout))
        assert caught.value.hint

    def test_any_one_row_is_enough(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        image = make_image(layout)
        attach(layout, image, sigstore.bundle(statement(image.digest)))
        (proof,) = check(image, "keyless repo=acme/other issuer=github", OURS)
        assert proof.by == OURS


class TestPlatforms:
    """An image of several platforms."""

    def test_a_signature_of_the_index_is_enough(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        index = make_index(layout)
        attach(layout, index, sigstore.bundle(statement(index.digest)))
        assert [proof.digest for proof in check(index)] == [index.digest]

    def test_a_signature_of_each_platform_is_enough(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        index = make_index(layout)
        platforms = [layout.manifest(child.digest) for child in index.children()[:2]]
        for one in platforms:
            attach(layout, one, sigstore.bundle(statement(one.digest)))
        assert [proof.digest for proof in check(index)] == [one.digest for one in platforms]

    def test_one_platform_alone_is_not(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        index = make_index(layout)
        one = layout.manifest(index.children()[0].digest)
        attach(layout, one, sigstore.bundle(statement(one.digest)))
        with pytest.raises(Refused, match="was signed by none") as caught:
            check(index)
        signed, unsigned = (str(child.platform) for child in index.children()[:2])
        assert f"- {unsigned}: no signature was found" in caught.value.message
        assert signed not in caught.value.message

    def test_a_builder_signs_the_attestation_of_each_platform(
        self, layout: Layout, sigstore: Sigstore, check: Check
    ) -> None:
        """docker/github-builder: nothing is attached to the index or to the images."""
        index = _attested(layout)
        signer = "https://github.com/docker/github-builder/.github/workflows/build.yml"
        for child in index.children():
            if child.annotations:
                about = layout.manifest(child.digest)
                attach(layout, about, sigstore.bundle(statement(about.digest), signer=signer))
        row = "builder docker/github-builder repo=acme/app"
        assert len(check(index, row)) == 2
        with pytest.raises(Refused, match="signed by acme/app"):
            check(index, "builder docker/github-builder repo=acme/other")

    def test_a_builder_on_a_runner_of_ones_own(self, layout: Layout, sigstore: Sigstore, check: Check) -> None:
        index = _attested(layout)
        signer = "https://github.com/docker/github-builder/.github/workflows/build.yml"
        for child in index.children():
            if child.annotations:
                about = layout.manifest(child.digest)
                attach(layout, about, sigstore.bundle(statement(about.digest), signer=signer, hosted=False))
        with pytest.raises(Refused, match="a runner that is self-hosted"):
            check(index, "builder docker/github-builder repo=acme/app")

    def test_an_attestation_of_another_image_proves_nothing(
        self, layout: Layout, sigstore: Sigstore, check: Check
    ) -> None:
        """The index says of which image an attestation is: whoever makes the index can say what he likes."""
        good, evil = _attested(layout), make_image(layout, "evil")
        attestation = next(child for child in good.children() if child.annotations)
        about = layout.manifest(attestation.digest)
        attach(layout, about, sigstore.bundle(statement(about.digest)))
        marks = {**attestation.annotations, "vnd.docker.reference.digest": evil.digest}
        document = {
            "manifests": [
                evil.descriptor().to_json() | {"platform": {"os": "linux", "architecture": "amd64"}},
                attestation.to_json() | {"annotations": marks},
            ]
        }
        forged = put_manifest(layout, "application/vnd.oci.image.index.v1+json", document)
        with pytest.raises(Refused, match="no signature was found"):
            check(forged)


class TestKeys:
    """Signed with a key."""

    def test_a_bundle(self, layout: Layout, check: Check, tmp_path: Path) -> None:
        key, image = new_key(), make_image(layout)
        (tmp_path / "cosign.pub").write_bytes(public_pem(key))
        attach(layout, image, key_bundle(key, statement(image.digest)))
        (proof,) = check(image, "key cosign.pub", workspace=tmp_path)
        assert (proof.by, proof.predicate) == ("key cosign.pub", "https://slsa.dev/provenance/v1")

    def test_another_key(self, layout: Layout, check: Check) -> None:
        image = make_image(layout)
        attach(layout, image, key_bundle(new_key(), statement(image.digest)))
        with pytest.raises(Refused, match="this key did not sign it"):
            check(image, "key env:PUBLIC", environ={"PUBLIC": public_pem(new_key()).decode()})

    def test_an_old_signature_of_cosign(self, layout: Layout, check: Check) -> None:
        key, image = new_key(), make_image(layout)
        _sign_simply(layout, image, key, image.digest)
        (proof,) = check(image, "key env:PUBLIC", environ={"PUBLIC": public_pem(key).decode()})
        assert proof.found_at.endswith(".sig")

    def test_an_old_signature_of_another_image(self, layout: Layout, check: Check) -> None:
        key, image, other = new_key(), make_image(layout), make_image(layout, "other")
        _sign_simply(layout, image, key, other.digest)
        with pytest.raises(Refused, match="it is about another digest"):
            check(image, "key env:PUBLIC", environ={"PUBLIC": public_pem(key).decode()})

    def test_an_old_signature_counts_not_as_keyless(self, layout: Layout, check: Check) -> None:
        image = make_image(layout)
        _sign_simply(layout, image, new_key(), image.digest)
        with pytest.raises(Refused, match="no proof of inclusion"):
            check(image)

    def test_notation_is_found_and_said(self, layout: Layout, check: Check) -> None:
        image = make_image(layout)
        attach(layout, image, b"{}", kind="application/vnd.cncf.notary.signature")
        with pytest.raises(Refused, match="a notation signature, which Tagger cannot verify"):
            check(image)

    @pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
    def test_what_is_no_key_is_the_workflows_mistake(self, layout: Layout, check: Check, content: str) -> None:
        with pytest.raises(InputError, match="holds no public key"):
            check(make_image(layout), "key env:PUBLIC", environ={"PUBLIC": content})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=400)
@given(data=st.data())
def test_no_mutation_of_a_valid_bundle_passes(
    data: st.DataObject, sigstore: Sigstore, root_file: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is changed in what is signed, or in what signs it, ends in a refusal and never in a traceback."""
    store = Layout(tmp_path_factory.mktemp("mutation") / "images")
    image = make_image(store)
    bundle = sigstore.bundle(statement(image.digest))
    path = data.draw(st.sampled_from([path for path in _paths(bundle) if path[-1] not in UNSIGNED]))
    before = _at(bundle, path)
    text = str(before)
    middle = len(text) // 2
    turned = text[:middle] + ("A" if text[middle : middle + 1] != "A" else "B") + text[middle + 1 :]
    after: Any = data.draw(st.sampled_from([None, "", "AAAA", 0, [], {}, turned, text[: middle - middle % 4]]))
    if after == before:
        return
    _put(bundle, path, after)
    attach(store, image, bundle)
    with pytest.raises(Refused):
        check_signatures(store, image, Signers((parse_row(OURS),), root_file), "the build", FIELDS)


# What neither the signature nor the log covers, or what says the same a second time.
UNSIGNED = {"mediaType", "keyid", "logIndex", "integratedTime", "treeSize", "signedEntryTimestamp", "inclusionPromise"}
UNSIGNED |= {"kindVersion", "kind", "version", "hashes", "keyId", "logId"}


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += _paths(below, (*path, key))
    return found


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _put(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    _at(value, path[:-1])[path[-1]] = new


def _sign_simply(store: Layout, image: Manifest, key: ec.EllipticCurvePrivateKey, digest: str) -> None:
    """Sign as cosign 1 and 2 do (cosign, specs/SIGNATURE_SPEC.md)."""
    critical = {"identity": {}, "image": {"docker-manifest-digest": digest}, "type": "cosign container image signature"}
    payload = json.dumps({"critical": critical, "optional": None}).encode()
    signature = base64.b64encode(key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()
    layer = put(store, payload, "application/vnd.dev.cosign.simplesigning.v1+json").to_json()
    layer["annotations"] = {"dev.cosignproject.cosign/signature": signature}
    document = {"config": put(store, b"{}", OCI_CONFIG).to_json(), "layers": [layer]}
    put_manifest(store, OCI_MANIFEST, document, [f"{image.digest.replace(':', '-')}.sig"])


def _attested(store: Layout) -> Manifest:
    """Make an index of two platforms whose attestations are in-toto statements about them, as BuildKit makes them."""
    children = []
    images = [make_image(store, "app", platform=platform) for platform in ("linux/amd64", "linux/arm64")]
    for image, architecture in zip(images, ("amd64", "arm64"), strict=True):
        children.append(image.descriptor().to_json() | {"platform": {"os": "linux", "architecture": architecture}})
    for image in images:
        claim = put(store, json.dumps(statement(image.digest)).encode(), "application/vnd.in-toto+json")
        config = put(store, b"{}", OCI_CONFIG)
        about = put_manifest(store, OCI_MANIFEST, {"config": config.to_json(), "layers": [claim.to_json()]})
        marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest}
        unknown = {"os": "unknown", "architecture": "unknown"}
        children.append(about.descriptor().to_json() | {"platform": unknown, "annotations": marks})
    return put_manifest(store, "application/vnd.oci.image.index.v1+json", {"manifests": children})
