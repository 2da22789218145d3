"""Small images, put into registries from this side of the line."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.servers import Service

__all__ = ["Image", "make_image", "make_index", "push", "standing"]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its manifest's bytes, its blobs by digest, and its media type."""

    manifest: bytes
    blobs: dict[str, bytes]
    media_type: str = MANIFEST

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return _digest(self.manifest)


def make_image(text: str, architecture: str = "amd64") -> Image:
    """Make an image with one small layer that holds `text`."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("content")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    rootfs = {"type": "layers", "diff_ids": [_digest(tar.getvalue())]}
    config = json.dumps({"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": _digest(layer), "size": len(layer)}],
    }
    blobs = {_digest(content): content for content in (config, layer)}
    return Image(json.dumps(document, separators=(",", ":")).encode(), blobs)


def make_index(*images: Image, architectures: Sequence[str] = ("amd64",)) -> Image:
    """Make an index that names images of one platform each, which have to be pushed before it."""
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": image.digest,
            "size": len(image.manifest),
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for image, architecture in zip(images, architectures, strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Image(json.dumps(document, separators=(",", ":")).encode(), {}, INDEX)


def push(service: Service, name: str, image: Image, *tags: str) -> None:
    """Put an image under tags, or under its digest alone."""
    for digest, content in image.blobs.items():
        if service.ask("HEAD", f"/v2/{name}/blobs/{digest}")[0] == 200:
            continue
        _, headers, _ = service.ask("POST", f"/v2/{name}/blobs/uploads/")
        location = headers["Location"].partition(service.host)[2]
        status, _, _ = service.ask("PUT", f"{location}&digest={digest}", content)
        assert status == 201, status
    for tag in tags or (image.digest,):
        status, _, said = service.ask(
            "PUT", f"/v2/{name}/manifests/{tag}", image.manifest, {"Content-Type": image.media_type}
        )
        assert status == 201, said


def standing(service: Service, name: str, *tags: str) -> list[str | None]:
    """Return the digests under tags."""
    accept = {"Accept": f"{MANIFEST}, {INDEX}, application/vnd.docker.distribution.manifest.v2+json"}
    answers = [service.ask("HEAD", f"/v2/{name}/manifests/{tag}", headers=accept) for tag in tags]
    return [headers.get("Docker-Content-Digest") if status == 200 else None for status, headers, _ in answers]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
