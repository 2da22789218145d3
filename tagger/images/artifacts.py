"""The artifacts of marks and of the policy: images without layers, which differ by their annotation."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

from tagger.images.manifests import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from tagger.images.stores import TagStore

__all__ = [
    "HELD", "HELD_BEFORE", "LIFTED", "LIFTED_DIGEST", "PLACEHOLDER", "POLICY", "REMOVAL", "WITHDRAWN", "artifact",
    "lifted_artifact", "policy_artifact", "put_artifact",
]  # fmt: skip

POLICY = "dev.tagger.policy"
"""The annotation of the policy's artifact: its JSON."""

LIFTED = "dev.tagger.lifted"
"""The annotation of the lifted artifact: a mark that points at it is not in force."""

WITHDRAWN = "dev.tagger.withdrawn"
"""The annotation of the artifact of a withdrawn mark that cannot point at the image. Its value is the exact tag."""

HELD = "dev.tagger.held"
"""The annotation of the artifact of the mark of a held version. Its value is the exact tag."""

PLACEHOLDER = "dev.tagger.removing"
"""The annotation of an artifact that tags are moved to, so that they are deleted with it: a random text."""

HELD_BEFORE = "dev.tagger.before"
"""The annotation of the same artifact: the tags with their digests before, as JSON, for recovery after a crash."""

REMOVAL = "dev.tagger.removal"
"""The annotation of the artifact that records what a removal has to remove: its JSON."""

CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}},
    separators=(",", ":"),
).encode()
"""The config of an empty image. With the empty descriptor of image-spec instead, `docker pull --all-tags` fails."""


def artifact(annotations: Mapping[str, str]) -> Manifest:
    """Return an image without layers that has these annotations. The same annotations give the same bytes."""
    config = Descriptor(OCI_CONFIG, f"sha256:{hashlib.sha256(CONFIG).hexdigest()}", len(CONFIG))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_json(),
        "layers": [],
        "annotations": dict(annotations),
    }
    return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":")).encode())


def lifted_artifact() -> Manifest:
    """Return the artifact that takes a mark out of force. Its bytes are fixed, so its digest is known in advance."""
    return artifact({LIFTED: "true"})


LIFTED_DIGEST = lifted_artifact().digest
"""A mark, or the tag of the policy, is not in force when it points at this digest."""


def policy_artifact(text: str) -> Manifest:
    """Return the artifact of a policy, given its JSON."""
    return artifact({POLICY: text})


def put_artifact(store: TagStore, manifest: Manifest, tags: Sequence[str]) -> None:
    """Put an artifact under `tags`; without tags, only under its digest. Raise `StoreError`."""

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        yield BytesIO(CONFIG)

    for config in manifest.blobs():
        if not store.has_blob(config):
            store.put_blob(config, opener)
    store.tag(manifest, tags)
