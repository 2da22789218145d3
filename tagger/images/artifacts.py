"""The artifacts that marks and the policy stand at: images without layers, told apart by an annotation."""

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
    "lifted", "policy_artifact", "put_artifact",
]  # fmt: skip

POLICY = "dev.tagger.policy"
"""The annotation of the policy's artifact: its JSON."""

LIFTED = "dev.tagger.lifted"
"""The annotation of the one artifact at which a mark is not in force."""

WITHDRAWN = "dev.tagger.withdrawn"
"""The annotation of an artifact that a mark stands at where it cannot stand at the image: the exact tag."""

HELD = "dev.tagger.held"
"""The annotation of the artifact that the mark of a held version stands at: the exact tag."""

PLACEHOLDER = "dev.tagger.removing"
"""The annotation of an artifact that tags are moved to, so that they go with it: a random text."""

HELD_BEFORE = "dev.tagger.before"
"""The annotation of the same artifact: the tags with their digests, as JSON, for whoever finds one after a kill."""

REMOVAL = "dev.tagger.removal"
"""The annotation of the artifact that says what a removal under way has to remove: its JSON."""

CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}},
    separators=(",", ":"),
).encode()
"""The config of an empty image. With image-spec's empty descriptor in its place, `docker pull --all-tags` fails."""


def artifact(annotations: Mapping[str, str]) -> Manifest:
    """Return an image without layers that has these annotations: the same annotations are the same bytes."""
    config = Descriptor(OCI_CONFIG, f"sha256:{hashlib.sha256(CONFIG).hexdigest()}", len(CONFIG))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_json(),
        "layers": [],
        "annotations": dict(annotations),
    }
    return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":")).encode())


def lifted() -> Manifest:
    """Return the artifact at which a mark is not in force: fixed bytes, so its digest is known beforehand."""
    return artifact({LIFTED: "true"})


LIFTED_DIGEST = lifted().digest
"""The digest at which a mark, or the tag of the policy, is not in force."""


def policy_artifact(text: str) -> Manifest:
    """Return the artifact of a policy, given its JSON."""
    return artifact({POLICY: text})


def put_artifact(store: TagStore, manifest: Manifest, tags: Sequence[str]) -> None:
    """Put an artifact under `tags`; none means under its digest alone. Raise `StoreError`."""

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        yield BytesIO(CONFIG)

    for config in manifest.blobs():
        if not store.has_blob(config):
            store.put_blob(config, opener)
    store.point(manifest, tags)
