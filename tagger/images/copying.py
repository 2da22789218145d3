"""Copies an image byte for byte: its blobs, then its child manifests. The caller puts the root under its tags."""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple, Protocol, TypeVar, cast

from tagger.concurrency import AT_ONCE, run_all, stop_error
from tagger.errors import NotFound, StoreError
from tagger.images.attachments import Attachments
from tagger.images.manifests import MANIFEST_TYPES, OCI_INDEX, Descriptor, Manifest
from tagger.images.stores import Content, TagStore
from tagger.images.walk import walk
from tagger.meters import meter_of
from tagger.names import Digest, Repository

__all__ = ["SIGNATURE_TAGS", "Copied", "TaggedContent", "copy_image", "copy_parts", "copy_referrers", "put_copied"]

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_BLOB = 1 << 40  # bytes
REFUSED_KINDS = ("MANIFEST_INVALID", "UNSUPPORTED")
"""The error codes of a registry for a kind of manifest that it does not know (oras-project/oras#727)."""
BLOB_MISSING = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
"""The error codes of a registry for a manifest whose blobs it does not have (distribution-spec, "Error Codes")."""
SIGNATURE_TAGS = (".sig", ".att", ".sbom")
"""The ends of cosign's tags of attached artifacts: `sha256-….sig` (sigstore/cosign, specs/SIGNATURE_SPEC.md)."""


class Copied(NamedTuple):
    """The manifests of a copied image, its root first, and the blobs that the store claimed to have already."""

    manifests: Sequence[Manifest]
    believed: frozenset[str]


class TaggedContent(Content, Protocol):
    """Content in which tags can be read too, to find cosign's artifacts."""

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`; None where there is no such tag."""


def copy_image(source: Content, store: TagStore, root: Manifest, *, jobs: int | None = None) -> Copied:
    """Copy everything that `root` names into `store`, and return what was copied.

    A blob is copied once, or mounted where the registry can do that. Layers with `urls`, which may not be
    redistributed, are left out where `source` does not have them. Raise `StoreError`, which names the failed side.
    """
    jobs = jobs or _at_once(source, store)

    levels = walk(root, lambda child: _child(source, child), name=source.place, jobs=jobs)
    manifests = [step.manifest for level in levels for step in level]
    copied = Copied(manifests, _copy_blobs(source, store, manifests, jobs))
    for wave in _children_first(manifests[1:]):
        run_all(lambda manifest: _put_child(source, store, manifest, copied), wave, jobs)
    return copied


def put_copied(
    source: Content, store: TagStore, manifest: Manifest, copied: Copied | None, put: Callable[[], Result]
) -> Result:
    """Call `put`, which puts `manifest` into `store` after its blobs were `copied`; return its result.

    A registry with a cache may claim to have a blob, and then refuse the manifest because the blob is missing. In that
    case the blob is uploaded, and `put` is called once more. Raise `StoreError`.
    """
    try:
        return put()
    except StoreError as error:
        again = [blob for blob in _blobs(manifest) if copied and blob.digest in copied.believed]
        if error.code not in BLOB_MISSING or not again:
            raise
        stop = threading.Event()
        run_all(lambda blob: _send_blob(source, store, blob, None, stop), again, _at_once(source, store), stop)
        return put()


def _put_child(source: Content, store: TagStore, manifest: Manifest, copied: Copied) -> None:
    put_copied(source, store, manifest, copied, lambda: store.tag(manifest, []))


def copy_parts(source: TaggedContent, store: TagStore, parts: Sequence[Manifest]) -> None:
    """Copy manifests, none of them an index, into `store` under their digests, with what is attached to them.

    Raise `StoreError`, which names the failed side.
    """
    jobs = _at_once(source, store)
    copied = Copied(parts, _copy_blobs(source, store, parts, jobs))
    run_all(lambda manifest: _put_child(source, store, manifest, copied), parts, jobs)
    copy_referrers(source, store, [part.digest for part in parts], jobs=jobs)


def _copy_blobs(source: Content, store: TagStore, manifests: Sequence[Manifest], jobs: int) -> frozenset[str]:
    """Copy the blobs of manifests, each once; return the digests of those that were perhaps not uploaded."""
    blobs = {blob.digest: blob for manifest in manifests for blob in _blobs(manifest)}
    for blob in blobs.values():
        if blob.size > LARGEST_BLOB:
            raise StoreError(
                f"the manifest gives blob {blob.digest} {blob.size} bytes; the limit is {LARGEST_BLOB}",
                "Build the image again, and push it.",
                code="SIZE_INVALID", place=source.place,
            )  # fmt: skip
    mount_from = source.repository if _same_registry(source.repository, store.repository) else None
    stop = threading.Event()
    meter = meter_of(store)
    meter.phase("copying")
    for blob in blobs.values():
        meter.advance(blob.digest, 0, blob.size)
    sent = run_all(lambda blob: _copy_blob(source, store, blob, mount_from, stop), list(blobs.values()), jobs, stop)
    return frozenset(digest for digest, uploaded in zip(blobs, sent, strict=True) if not uploaded)


def copy_referrers(
    source: TaggedContent,
    store: TagStore,
    subjects: Iterable[str],
    *,
    root: Copied | None = None,
    jobs: int | None = None,
) -> Sequence[Manifest]:
    """Copy the artifacts attached to the digests `subjects`, and those attached to these, into `store`; return them.

    The image `root` is put under its digest before its artifacts, as some registries need the subject first.

    Artifacts are found as referrers and under cosign's tags. Where `store` does not list a referrer after it was put,
    the tag `sha256-…` lists it (distribution-spec, "Referrers Tag Schema"). Raise `StoreError`.
    """
    jobs = jobs or _at_once(source, store)
    limits = Attachments(source.place)
    copied: dict[str, Manifest] = {}
    waiting = list(dict.fromkeys(subjects))
    seen = set(waiting)
    while waiting:
        listed, tags, digests = _attached(source, waiting, jobs, limits)
        if root and digests:
            _put_child(source, store, root.manifests[0], root)
            root = None
        found = run_all(
            lambda digest: _copy_artifact(source, store, digest, jobs, limits), sorted(digests - copied.keys()), jobs
        )
        copied |= {parts[0].digest: parts[0] for parts in found if parts}
        for subject, several in listed.items():
            _list_referrers(store, subject, [artifact for artifact in several if artifact.digest in copied])
        for tag, digest in tags.items():
            if digest in copied:
                _point_signature(store, tag, copied[digest])
        waiting = sorted({part.digest for parts in found for part in parts} - seen)
        seen.update(waiting)
    return list(copied.values())


def _attached(
    source: TaggedContent, subjects: Sequence[str], jobs: int, limits: Attachments
) -> tuple[Mapping[str, Sequence[Descriptor]], Mapping[str, str], set[str]]:
    """Return the referrers of each subject, cosign's tags for all of them, and the digests of both. Raise `StoreError`.

    `limits` counts them as one level more.
    """
    listed = dict(zip(subjects, run_all(source.referrers, subjects, jobs), strict=True))
    tagged = source.digests([Digest(subject).tag + end for subject in subjects for end in SIGNATURE_TAGS])
    tags = {tag: digest for tag, digest in tagged.items() if digest}
    digests = {artifact.digest for several in listed.values() for artifact in several} | set(tags.values())
    if digests:
        limits.level += 1
        limits.add(limits.level, len(digests))
    return listed, tags, digests


def _copy_artifact(source: Content, store: TagStore, digest: str, jobs: int, limits: Attachments) -> Sequence[Manifest]:
    """Copy an artifact and what it names, and return the manifests, its own first.

    Return nothing where it was deleted but is still listed, as may happen in the referrers tag schema.
    """
    try:
        artifact = source.manifest(digest)
    except NotFound:
        return ()
    limits.keep(artifact)
    copied = copy_image(source, store, artifact, jobs=jobs)
    try:
        _put_child(source, store, artifact, copied)
    except StoreError as error:
        if error.code not in REFUSED_KINDS:
            raise
        text = error.message.removeprefix(f"{store.place}: ")
        raise StoreError(
            f"the registry refuses an artifact attached to the image, of the type {artifact.media_type}: {text}",
            "Delete that artifact at the source of the image, and attach it again with a current tool (cosign, oras "
            "1.0 and later, notation 1.0 and later).",
            code=error.code,
            place=store.place,
            status=error.status,
        ) from error
    return copied.manifests


def _list_referrers(store: TagStore, subject: str, artifacts: Sequence[Descriptor]) -> None:
    """Make sure that `store` lists `artifacts` as referrers of `subject`.

    Two writers of the referrers tag can overwrite each other's entries, so it is read again until nothing is missing.
    """
    for _ in range(5):
        listed = {artifact.digest for artifact in store.referrers(subject)} if artifacts else set()
        missing = [artifact for artifact in artifacts if artifact.digest not in listed]
        if not missing:
            return
        tag = Digest(subject).tag
        known: Sequence[Descriptor] = ()
        with suppress(NotFound):
            known = store.manifest(tag).children()
        manifests = [artifact.to_json() for artifact in (*known, *missing)]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        store.tag(Manifest(OCI_INDEX, json.dumps(document, separators=(",", ":")).encode()), [tag])
    raise StoreError(
        f"the registry does not list the artifacts attached to {subject}, though they were put there",
        "Another writer may overwrite the list, or the registry may be slow to update it. Run again.",
        place=store.place,
    )


def _point_signature(store: TagStore, tag: str, artifact: Manifest) -> None:
    """Point a tag of cosign at its artifact, unless the tag holds signatures (layers) that the artifact lacks."""
    held = store.digests([tag])[tag]
    if held == artifact.digest:
        return
    if held is not None:
        ours = {layer.digest for layer in artifact.layers()}
        if not ours.issuperset(layer.digest for layer in store.manifest(held).layers()):
            return
    store.tag(artifact, [tag])


def _children_first(manifests: Sequence[Manifest]) -> Iterator[Sequence[Manifest]]:
    """Yield manifests in groups: the children of a manifest are in an earlier group."""
    waiting = {str(manifest.digest): manifest for manifest in manifests}
    while waiting:
        wave = [one for one in waiting.values() if not any(child.digest in waiting for child in one.children())]
        yield wave
        for manifest in wave:
            del waiting[manifest.digest]


def _child(source: Content, child: Descriptor) -> Manifest:
    try:
        content = source.manifest(child.digest).content
    except NotFound as error:
        raise NotFound(
            f"the image names {child.platform or child.media_type}, but {child.digest} does not exist",
            "The source must have every platform. Build or pull all of them, or name the image of one platform.",
            code="MANIFEST_UNKNOWN",
            place=source.place,
        ) from error
    return Manifest(child.media_type, content, Digest(child.digest).algorithm)


def _copy_blob(
    source: Content, store: TagStore, blob: Descriptor, mount_from: Repository | None, stop: threading.Event
) -> bool:
    """Copy a blob, unless `store` claims to have it; return whether it was certainly uploaded."""
    if store.has_blob(blob):
        meter_of(store).finish(blob.digest)
        return False
    _send_blob(source, store, blob, mount_from, stop)
    return mount_from is None


def _send_blob(
    source: Content, store: TagStore, blob: Descriptor, mount_from: Repository | None, stop: threading.Event
) -> None:
    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        with source.blob(blob) as stream:
            yield cast("BinaryIO", _Stoppable(stream, stop, lambda done: meter.advance(blob.digest, done, blob.size)))

    meter = meter_of(store)
    try:
        store.put_blob(blob, opener, mount_from)
    except NotFound as error:
        if not blob.urls and blob.is_foreign:
            error.hint = (
                "This layer is a foreign one, kept elsewhere, and the image does not say where. Push it with the image "
                "(docker: `allow-nondistributable-artifacts`), or build on a base without it."
            )
        if not blob.urls:
            raise
    meter.finish(blob.digest)


class _Stoppable:
    """A stream that raises an error when the copy is stopped, and calls `tell` with the number of bytes read so far."""

    def __init__(self, stream: BinaryIO, stop: threading.Event, tell: Callable[[int], None]) -> None:
        self._stream, self._stop, self._tell = stream, stop, tell
        self._given = 0

    def read(self, size: int = -1) -> bytes:
        if self._stop.is_set():
            raise stop_error()
        chunk = self._stream.read(size)
        self._given += len(chunk)
        self._tell(self._given)
        return chunk


def _blobs(manifest: Manifest) -> list[Descriptor]:
    """Return the blobs of a manifest: config and layers, and those that a build cache lists in an index."""
    return [part for part in manifest.children() + manifest.blobs() if part.media_type not in MANIFEST_TYPES]


def _same_registry(one: Repository | None, other: Repository | None) -> bool:
    return one is not None and other is not None and one.registry == other.registry and one != other


def _at_once(source: Content, store: TagStore) -> int:
    return store.jobs if store.repository else AT_ONCE if source.repository else 1
