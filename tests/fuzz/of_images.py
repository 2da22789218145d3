"""Manifests, configs, layouts, archives, and what is attached to images."""

import gzip
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tagger.errors import TaggerError
from tagger.gates.provenance import _images
from tagger.gates.signatures import keys
from tagger.gates.signatures.places import Candidate, Target
from tagger.gates.signatures.rows import parse_row
from tagger.gates.signatures.statements import Rejected, check_payload, check_statement
from tagger.images.archives import Archive, DockerImage, LayoutArchive, saved_images
from tagger.images.configs import parse_config
from tagger.images.digests import read_digests
from tagger.images.layout import Index, Layout
from tagger.images.manifests import (
    DOCKER_LIST,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    Platform,
    artifact_type_of,
    manifest_type,
)
from tagger.images.moments import moment
from tests.fuzz.parser import Parser, document, halves, one_of, text

__all__ = ["PARSERS"]

DIGEST = f"sha256:{'1a' * 32}"
DESCRIPTOR = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 7}
INDEX = {
    "schemaVersion": 2,
    "mediaType": OCI_INDEX,
    "manifests": [{**DESCRIPTOR, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}, DESCRIPTOR],
    "annotations": {"a": "b"},
}
IMAGE = {
    "schemaVersion": 2,
    "config": {**DESCRIPTOR, "mediaType": "application/vnd.oci.image.config.v1+json"},
    "layers": [{**DESCRIPTOR, "urls": ["https://x"], "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}],
    "subject": DESCRIPTOR,
    "artifactType": "x/y",
}
CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "created": "2026-01-02T03:04:05Z",
    "config": {"Labels": {"a": "b"}},
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
}
STATEMENT = {
    "predicateType": "https://slsa.dev/provenance/v1",
    "subject": [{"digest": {"sha256": "1a" * 32}}],
    "predicate": {"materials": [{"uri": "pkg:docker/ghcr.io/acme/base@2.1?platform=x", "digest": {"sha256": "1a"}}]},
}
ROW = parse_row("key cosign.pub predicate=*")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tagger-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))


@cache
def _key() -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(7, ec.SECP256R1()).public_key()


def _manifest(content: bytes) -> None:
    kind, body = halves(content)
    named = text(kind)
    found = manifest_type(body, named)
    manifest = Manifest(found if found in MANIFEST_TYPES else OCI_MANIFEST, body)
    for read in (manifest.children, manifest.blobs, manifest.config, manifest.layers, manifest.subject):
        with suppress(TaggerError):
            read()
    with suppress(TaggerError):
        assert artifact_type_of(manifest).isprintable() or True


def _layout(content: bytes) -> None:
    with suppress(TaggerError, ValueError, RecursionError):
        index = Index.parse(content)
        assert Index.parse(index.to_bytes()).tags == index.tags
    layout = Layout(_folder() / "layout")
    if not layout.exists():
        layout.path.mkdir(exist_ok=True)
        (layout.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout.path / "index.json").write_bytes(content)
    for tag in list(layout.tags())[:3]:
        with suppress(TaggerError):
            layout.manifest(tag)
    layout.referrers(DIGEST)


def _archive(content: bytes) -> None:
    path = _folder() / "archive.tar"
    path.write_bytes(content)
    archive = Archive(path, "it")
    if "oci-layout" in archive or "index.json" in archive:
        inside = LayoutArchive(archive)
        for tag in inside.index().tags:
            inside.manifest(tag)
        return
    for saved in saved_images(archive)[:2]:
        DockerImage(archive, saved).to_manifest()


def _saved(content: bytes) -> None:
    """Read an archive whose two documents are the input: the bytes of a tar header are seldom right by chance."""
    listed, config = halves(content)
    _archive(_packed({"manifest.json": listed, "c.json": config, "l": b"layer"}))


def _packed(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()[: 512 * (2 + sum(1 + -(-len(content) // 512) for content in members.values()))]


def _signature(content: bytes) -> None:
    kind, body = halves(content)
    target = Target(DIGEST, 7)
    for form in ("bundle", "envelope", "simple"):
        with suppress(Rejected):
            keys.verify(Candidate("it", form, body, target, text(kind)), _key(), ROW)
    with suppress(Rejected):
        check_payload(body, DIGEST, ROW)
    check_statement("application/vnd.in-toto+json", body, DIGEST, ROW)


def _keyless(content: bytes) -> None:
    from tagger.gates.signatures.keyless import open_verifier, verify

    row = parse_row("keyless repo=acme/app issuer=github")
    verify(Candidate("it", "bundle", content, Target(DIGEST, 7)), open_verifier(""), row)


def _digests(content: bytes) -> None:
    path = _folder() / "digests"
    path.write_bytes(content)
    with suppress(TaggerError):
        read_digests(str(path))
    if content.startswith((b"{", b"[", b'"')):
        read_digests(text(content))


def _mutations() -> Iterator[bytes]:
    yield _packed({"manifest.json": document([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l"]}])})
    yield _packed({"index.json": document(INDEX), "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'})
    yield gzip.compress(_packed({"index.json": document(INDEX)}), mtime=0)
    yield from (b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE):
        member = tarfile.TarInfo("manifest.json")
        member.type, member.linkname, member.size = kind, "manifest.json", 20
        yield member.tobuf() + b"20 path=manifest.js\n".ljust(512, b"\0") + bytes(1024)


BUNDLE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"publicKey": {"hint": ""}},
    "dsseEnvelope": {
        "payloadType": "application/vnd.in-toto+json",
        "payload": "e30=",
        "signatures": [{"sig": "YQ=="}],
    },
}
KEYLESS = {
    **BUNDLE,
    "verificationMaterial": {
        "certificate": {"rawBytes": "MAA="},
        "tlogEntries": [
            {
                "logIndex": "1",
                "logId": {"keyId": "YQ=="},
                "kindVersion": {"kind": "dsse", "version": "0.0.1"},
                "integratedTime": "1",
                "canonicalizedBody": "e30=",
                "inclusionPromise": {"signedEntryTimestamp": "YQ=="},
                "inclusionProof": {
                    "logIndex": "1",
                    "rootHash": "YQ==",
                    "treeSize": "2",
                    "hashes": ["YQ=="],
                    "checkpoint": {"envelope": "x"},
                },
            }
        ],
    },
}
PAYLOAD = {
    "critical": {"type": "cosign container image signature", "image": {"docker-manifest-digest": DIGEST}},
}

PARSERS = (
    Parser(
        "manifests and indexes",
        _manifest,
        [
            OCI_INDEX.encode() + b"\n" + document(INDEX),
            OCI_MANIFEST.encode() + b"; charset=utf-8\n" + document(IMAGE),
            DOCKER_LIST.encode() + b"\n{}",
            b"text/html\n{",
            b'\n{"layers": [], "Layers": [], "manifests": []}',
            b"\n" + document({"schemaVersion": 2, "blobs": [DESCRIPTOR], "artifactType": "x"}),
        ],
    ),
    one_of(
        "configs, platforms, times",
        Parser(
            "configs", parse_config, [document(CONFIG), b'{"os": "linux", "OS": "x"}', b'{"config": {"Labels": []}}']
        ),
        Parser(
            "platforms",
            lambda content: str(Platform.parse(text(content)).normal),
            [
                b"linux/amd64",
                b"linux/arm64/v8",
                b"windows/amd64:10.0",
                b"unknown/unknown",
                b"linux/arm/v7",
            ],
        ),
        Parser("times", lambda content: moment(text(content)), [b"2026-01-02T03:04:05Z", b"0001-01-01T00:00+23:59"]),
    ),
    Parser(
        "layouts",
        _layout,
        [
            document(
                {**INDEX, "manifests": [{**DESCRIPTOR, "annotations": {"org.opencontainers.image.ref.name": "2.1"}}]}
            ),
            b'{"manifests": []}',
            b"[" * 2000,
        ],
    ),
    Parser("archives", _archive, tuple(_mutations())),
    Parser(
        "archives' documents",
        _saved,
        [
            document([{"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l"]}]) + b"\n" + document(CONFIG),
            document([{"Config": "../c.json", "RepoTags": None, "Layers": []}]) + b"\n{}",
        ],
    ),
    Parser(
        "signatures",
        _signature,
        [
            b"YQ==\n" + document(BUNDLE),
            b"\n" + document(BUNDLE["dsseEnvelope"]),
            b"\n" + document(PAYLOAD),
            b"\n" + document(STATEMENT),
            b'\n{"payloadType": "\\ud800", "payload": "", "signatures": [{"sig": ""}]}',
            b'\n{"messageSignature": {"signature": "YQ=="}}',
        ],
        (Rejected,),
    ),
    Parser(
        "bundles without a key", _keyless, [document(KEYLESS), document(BUNDLE), b'{"dsseEnvelope": null}'], (Rejected,)
    ),
    Parser(
        "provenance",
        lambda content: list(_images(content)),
        [
            document(STATEMENT),
            document({"predicate": {"buildDefinition": {"resolvedDependencies": [{"uri": "pkg:docker/a%"}]}}}),
        ],
    ),
    Parser(
        "digests of build jobs",
        _digests,
        [
            f"ghcr.io/acme/app@{DIGEST}".encode(),
            document({"containerimage.digest": DIGEST, "image.name": "a"}),
            document({"digest-amd64": DIGEST, "x": document({"digest": DIGEST}).decode()}),
            document([DIGEST]),
            b'{"digest": ""}',
            b"[" * 3000,
            b'{"digest": "{\\"digest\\": \\"[[[[\\"}"}',
        ],
    ),
)
