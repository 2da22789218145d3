"""Small real images, made in a repository: layers, configs, manifests, indexes with attestations, artifacts."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from tagger.images.manifests import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    Platform,
)
from tagger.images.stores import Opener, TagStore
from tagger.names import Digest

PLATFORMS = ("linux/amd64", "linux/arm64/v8")
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(content: bytes) -> str:
    """Return the digest of `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def opener_of(content: bytes) -> Opener:
    """Return what opens `content`."""

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        yield io.BytesIO(content)

    return opener


def make_layer(files: Mapping[str, bytes | str]) -> bytes:
    """Make a layer, an uncompressed tar archive of `files`; the same files make the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def make_config(layers: Sequence[bytes], platform: str, labels: Mapping[str, str]) -> bytes:
    """Make an image config for uncompressed `layers`."""
    system, architecture, *variant = platform.split("/")
    config = {
        "created": "2026-01-02T03:04:05Z",
        "architecture": architecture,
        "os": system,
        "config": {"Env": ["PATH=/bin"], "Cmd": ["/app"], "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        "history": [{"created_by": "tests"} for _ in layers],
    }
    return json.dumps(config | ({"variant": variant[0]} if variant else {})).encode()


def put(store: TagStore, content: bytes, media_type: str) -> Descriptor:
    """Put a blob."""
    descriptor = Descriptor(media_type, digest_of(content), len(content))
    store.put_blob(descriptor, opener_of(content))
    return descriptor


def make_image(
    store: TagStore,
    text: str = "app",
    *tags: str,
    platform: str = PLATFORMS[0],
    labels: Mapping[str, str] | None = None,
    below: Sequence[bytes] = (),
    docker: bool = False,
) -> Manifest:
    """Put an image of one platform under `tags`: `below` are the uncompressed layers of its base, `text` is its own."""
    layers = [*below, make_layer({"app": text, "platform": platform})]
    config = put(store, make_config(layers, platform, labels or {}), DOCKER_CONFIG if docker else OCI_CONFIG)
    kind = DOCKER_LAYER if docker else OCI_LAYER_GZIP
    blobs = [put(store, gzip.compress(layer, mtime=0), kind) for layer in layers]
    return put_manifest(
        store,
        DOCKER_MANIFEST if docker else OCI_MANIFEST,
        {"config": config.to_json(), "layers": [blob.to_json() for blob in blobs]},
        tags,
    )


def make_index(
    store: TagStore,
    text: str = "app",
    *tags: str,
    platforms: Sequence[str] = PLATFORMS,
    labels: Mapping[str, str] | None = None,
    attestations: bool = True,
    docker: bool = False,
    predicate: str = "",
) -> Manifest:
    """Put an image of several platforms under `tags`, each with an attestation as BuildKit adds it.

    `predicate` is what the attestations are said to be, if anything.
    """
    children = []
    for platform in platforms:
        image = make_image(store, text, platform=platform, labels=labels, docker=docker)
        children.append(describe(image, platform))
    for child in list(children) if attestations and not docker else ():
        statement = put(store, json.dumps({"subject": child["digest"]}).encode(), "application/vnd.in-toto+json")
        config = put(store, make_config([], "unknown/unknown", {}), OCI_CONFIG)
        said = {"annotations": {"in-toto.io/predicate-type": predicate}} if predicate else {}
        document = {"config": config.to_json(), "layers": [statement.to_json() | said]}
        about = put_manifest(store, OCI_MANIFEST, document)
        marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": child["digest"]}
        children.append(describe(about, "unknown/unknown") | {"annotations": marks})
    return put_manifest(store, DOCKER_LIST if docker else OCI_INDEX, {"manifests": children}, tags)


def attach(
    store: TagStore, subject: Manifest, text: str = "signed", kind: str = "application/vnd.tests.sbom"
) -> Manifest:
    """Put an artifact that is attached to `subject`, as the referrers API knows it."""
    config = put(store, b"{}", EMPTY_CONFIG)
    blob = put(store, text.encode(), "text/plain")
    return put_manifest(
        store,
        OCI_MANIFEST,
        {
            "artifactType": kind,
            "config": config.to_json(),
            "layers": [blob.to_json()],
            "subject": subject.descriptor().to_json(),
            "annotations": {"org.tests.text": text},
        },
    )


def sign(store: TagStore, subject: Manifest, *texts: str, end: str = ".sig") -> Manifest:
    """Put an artifact under a tag of cosign's, one layer for each signature."""
    config = put(store, json.dumps({"signs": subject.digest}).encode(), OCI_CONFIG)
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    layers = [put(store, text.encode(), kind).to_json() for text in texts or ("signature",)]
    tag = Digest(subject.digest).tag + end
    return put_manifest(store, OCI_MANIFEST, {"config": config.to_json(), "layers": layers}, [tag])


def describe(manifest: Manifest, platform: str) -> dict[str, Any]:
    """Return the descriptor of a child of an index."""
    return Descriptor(manifest.media_type, manifest.digest, len(manifest.content), Platform.parse(platform)).to_json()


def put_manifest(store: TagStore, media_type: str, document: Mapping[str, Any], tags: Sequence[str] = ()) -> Manifest:
    """Put a manifest under `tags`."""
    # Indented, as BuildKit writes them: whoever writes a manifest anew is found out.
    content = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}, indent=2).encode()
    manifest = Manifest(media_type, content)
    store.tag(manifest, tags)
    return manifest
