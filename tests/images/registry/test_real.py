"""Against real registries of every kind: what is written is read back, by us and by skopeo, byte for byte."""

import contextlib
import io
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tagger.errors import InputError, NotFound, StoreError
from tagger.images.manifests import Descriptor, Manifest
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.tls import PEM, tls_context
from tagger.names import Repository
from tests.images.making import attach, digest_of, make_image, make_index, opener_of, put, sign
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry

UNKNOWN = "sha256:" + "0" * 64


def test_an_image_of_several_platforms_is_pushed_and_read_back(
    any_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    store = opened(any_registry, name)
    image = make_index(store, "app", "2.1.4", "2.1", "2", "latest")

    reader = opened(any_registry, name, write=False)
    assert set(reader.tags()) == {"2.1.4", "2.1", "2", "latest"}
    assert reader.digests(["2.1", "9"]) == {"2.1": image.digest, "9": None}
    assert reader.snapshot(["2", "9"]).digests == {"2": image.digest, "9": None}
    assert reader.manifest("latest") == image == reader.manifest(image.digest)
    for child in image.children():
        manifest = reader.manifest(child.digest)
        for part in manifest.blobs():
            with reader.blob(part) as stream:
                assert digest_of(stream.read()) == part.digest


def test_skopeo_reads_what_was_written(any_registry: DockerRegistry, opened: Opener, name: str, tmp_path: Path) -> None:
    image = make_index(opened(any_registry, name), "app", "1.0", docker=True)
    config = any_registry.docker_config(tmp_path / "docker") / "config.json"
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", "--authfile", str(config)]
    raw = subprocess.run([*command, f"docker://{any_registry.host}/{name}:1.0"], capture_output=True, check=True).stdout
    assert raw == image.content


def test_a_repository_that_does_not_exist_is_empty(any_registry: DockerRegistry, opened: Opener, name: str) -> None:
    store = opened(any_registry, name)
    assert list(store.tags()) == []
    assert store.snapshot(["1.0"]).digests == {"1.0": None}
    with pytest.raises(NotFound) as caught:
        store.manifest("1.0")
    assert caught.value.place == f"{any_registry.host}/{name}"


def test_a_tag_moves_to_another_image_and_its_image_is_deleted(
    any_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    store = opened(any_registry, name)
    first, second = make_image(store, "one", "1.0", "latest"), make_image(store, "two", "2.0")
    store.tag(second, ["latest"])
    assert store.digests(["1.0", "latest"]) == {"1.0": first.digest, "latest": second.digest}
    assert store.put_if_absent(first, "latest") == second.digest
    assert store.put_if_absent(first, "new") == first.digest
    store.delete(second.digest)
    assert store.digests(["1.0", "2.0", "latest"]) == {"1.0": first.digest, "2.0": None, "latest": None}


def test_a_tag_that_others_move_is_never_taken_as_absent(
    open_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    store = opened(open_registry, name, retries=6)
    images = [make_image(store, text, f"{text}.0", "latest") for text in ("1", "2")]
    stop = threading.Event()

    def move() -> None:
        while not stop.is_set():
            for image in images:
                store.tag(image, ["latest"])

    movers = [threading.Thread(target=move) for _ in range(2)]
    for mover in movers:
        mover.start()
    try:
        for _ in range(20):
            snapshot = opened(open_registry, name, retries=6).snapshot(["latest", "1.0", "2.0", "3.0"])
            assert snapshot.tags == {"1.0", "2.0", "latest"}
            assert snapshot.digests["latest"] in {image.digest for image in images}
            assert snapshot.digests["3.0"] is None
    finally:
        stop.set()
        for mover in movers:
            mover.join(30)


def test_deleting_one_tag_is_unsupported(open_registry: DockerRegistry, opened: Opener, name: str) -> None:
    store = opened(open_registry, name)
    image = make_image(store, "one", "1.0")
    with pytest.raises(StoreError, match="deletes no tags") as caught:
        store.untag("1.0")
    assert caught.value.code == "UNSUPPORTED"
    assert store.digests(["1.0"]) == {"1.0": image.digest}


def test_writing_is_proved_without_leaving_anything(any_registry: DockerRegistry, opened: Opener, name: str) -> None:
    store = opened(any_registry, name)
    store.check_writable()
    assert list(store.tags()) == []


@pytest.mark.parametrize("content", [b"", b"a", bytes(3 * 1024 * 1024 + 7)])
def test_a_blob_is_uploaded_and_read_back(
    any_registry: DockerRegistry, opened: Opener, name: str, content: bytes
) -> None:
    store = opened(any_registry, name)
    blob = Descriptor("application/octet-stream", digest_of(content), len(content))
    assert not store.has_blob(blob)
    store.put_blob(blob, opener_of(content))
    assert store.has_blob(blob)
    with store.blob(blob) as stream:
        assert stream.read() == content


def test_a_blob_is_mounted_from_another_repository(any_registry: DockerRegistry, opened: Opener, name: str) -> None:
    source = opened(any_registry, f"{name}/source")
    blob = put(source, b"layer", "application/octet-stream")

    read: list[int] = []

    @contextlib.contextmanager
    def unread() -> Iterator[BinaryIO]:
        read.append(1)
        yield io.BytesIO()

    target = opened(any_registry, name)
    target.put_blob(blob, unread, source.repository)
    assert target.has_blob(blob)
    assert not read


def test_content_that_is_not_its_digest_is_not_uploaded(
    any_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    store = opened(any_registry, name)
    for content in (b"other", b"short", b"what is said and more"):
        blob = Descriptor("application/octet-stream", digest_of(b"what is said"), 12)
        with contextlib.suppress(StoreError):
            store.put_blob(blob, opener_of(content))
            assert content.startswith(b"what is said")
        assert store.has_blob(blob) == content.startswith(b"what is said")


def test_artifacts_are_found_by_the_fallback_tag(open_registry: DockerRegistry, opened: Opener, name: str) -> None:
    store = opened(open_registry, name)
    image = make_image(store, "app", "1.0")
    assert store.referrers(image.digest) == ()
    artifact = attach(store, image)
    listing = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}
    listing |= {"manifests": [artifact.descriptor().to_json()]}
    fallback = Manifest(str(listing["mediaType"]), json.dumps(listing).encode())
    store.tag(fallback, [image.digest.replace(":", "-")])
    assert [found.digest for found in store.referrers(image.digest)] == [artifact.digest]
    sign(store, image)


def test_a_wrong_password_is_said(login_registry: DockerRegistry, opened: Opener, name: str) -> None:
    keychain = Keychain(logins=[(login_registry.host, "somebody", "wrong horse")])
    with pytest.raises(StoreError) as caught:
        list(opened(login_registry, name, keychain=keychain).tags())
    assert (caught.value.status, caught.value.code) == (401, "UNAUTHORIZED")
    assert "the login given for it" in caught.value.hint
    assert "wrong horse" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("kind", ["login", "token"])
def test_without_a_login_the_ways_to_log_in_are_said(
    login_registry: DockerRegistry, token_registry: DockerRegistry, opened: Opener, name: str, kind: str
) -> None:
    registry = login_registry if kind == "login" else token_registry
    store = opened(registry, name, keychain=Keychain())
    with pytest.raises(StoreError) as caught:
        store.check_writable()
    assert caught.value.status == 401
    assert "`logins`" in caught.value.hint
    assert "DOCKER_CONFIG" in caught.value.hint


def test_an_authority_that_is_not_known_is_not_trusted(tls_registry: DockerRegistry, opened: Opener, name: str) -> None:
    with pytest.raises(StoreError, match=r"certificate of .* is not trusted") as caught:
        list(opened(tls_registry, name, ca_file="").tags())
    assert "`ca-file`" in caught.value.hint
    assert caught.value.code == "UNREACHABLE"


def test_a_ca_file_without_certificates_is_refused(tls_registry: DockerRegistry, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(InputError, match="ca-file"):
        tls_registry.client(ca_file=str(file))


def test_https_by_name_needs_the_name_in_the_certificate(tls_registry: DockerRegistry, name: str) -> None:
    endpoints = {"registry.local:5000": tls_registry.host}
    with tls_registry.client(endpoints=endpoints) as client:
        assert list(client.repository(Repository("registry.local:5000", name)).tags()) == []


def test_a_token_that_ran_out_is_fetched_anew(token_registry: DockerRegistry, opened: Opener, name: str) -> None:
    tokens = token_registry.tokens
    assert tokens is not None
    store = opened(token_registry, name)
    # Distribution still takes a token 60 s after its end: this one is old when it is made, and nobody is told.
    tokens.lifetime = -61.0
    with pytest.raises(StoreError) as caught:
        make_image(store, "app")
    assert caught.value.status == 401
    tokens.lifetime = 300.0
    image = make_image(store, "app", "1.0")
    assert store.digests(["1.0"]) == {"1.0": image.digest}


def test_a_registry_that_is_down_is_said_and_is_met_again(own_registry: DockerRegistry, opened: Opener) -> None:
    store = opened(own_registry, retries=0)
    image = make_image(store, "app", "1.0")
    own_registry.stop()
    with pytest.raises(StoreError, match=r"cannot be reached: connection refused|connection to .* broke") as caught:
        store.snapshot(["1.0"])
    assert caught.value.code == "UNREACHABLE"
    own_registry.start()
    assert opened(own_registry).digests(["1.0"]) == {"1.0": image.digest}


def test_authorities_as_text(tls_registry: DockerRegistry, name: str, opened: Opener) -> None:
    """Also one that `openssl req -x509` made, which has no `keyUsage`: Python 3.13 alone refuses it."""
    text = Path(tls_registry.ca_file).read_text()
    assert list(opened(tls_registry, name, ca_file=text).tags()) == []
    assert not (tls_context(text).verify_flags | tls_context("").verify_flags) & ssl.VERIFY_X509_STRICT
    broken = f"{PEM}\nnonsense"
    with pytest.raises(InputError, match="PEM text that holds no certificate") as caught:
        opened(tls_registry, name, ca_file=broken)
    assert "nonsense" not in caught.value.message
