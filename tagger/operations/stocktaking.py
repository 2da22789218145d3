"""Reads all manifests of a repository, the artifacts attached to them, and the ages of images."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import NotFound, Refused, StoreError, TaggerError
from tagger.images.attachments import Attachments
from tagger.images.configs import is_attestation, read_config
from tagger.images.manifests import MANIFEST_TYPES, Descriptor, Manifest
from tagger.images.moments import moment
from tagger.images.stores import PrunableStore, TagStore
from tagger.images.walk import check_width
from tagger.meters import meter_of
from tagger.rules.remains import Graph, Node

__all__ = ["Manifests", "Stock", "image_ages", "read_stock"]

OLDEST = datetime(1980, 2, 1, tzinfo=UTC).timestamp()
"""A reproducible build has an earlier time (the year 0001, 1970, or the DOS epoch), which is not that of the build."""

MOST_MANIFESTS = 500_000


class Stock(NamedTuple):
    """Manifests by their digests, and the digests of the artifacts that the referrers API lists for each."""

    manifests: Mapping[str, Manifest]
    attached: Mapping[str, Collection[str]]

    def children(self, digest: str) -> Iterable[str]:
        """Return the digests of the children of a manifest."""
        return (child.digest for child in self.manifests[digest].children())

    def graph(self, tags: Mapping[str, str]) -> Graph:
        """Return the graph of these manifests. Raise `StoreError` for an invalid manifest."""
        return Graph({digest: _node(manifest) for digest, manifest in self.manifests.items()}, self.attached, tags)


class Manifests:
    """The manifests of a repository, each read once."""

    def __init__(self, store: PrunableStore) -> None:
        self.store = store
        self._found: dict[str, Manifest | None] = {}

    def get(self, digest: str) -> Manifest | None:
        """Return a manifest; None where there is none. Raise `StoreError`."""
        if digest not in self._found:
            try:
                self._found[digest] = self.store.manifest(digest)
            except NotFound:
                self._found[digest] = None
        return self._found[digest]


def read_stock(known: Manifests, digests: Iterable[str]) -> Stock:
    """Read manifests, their children and their referrers, all of them recursively and each once.

    A manifest that does not exist (404) is left out. Raise `Refused` for one that cannot be read, as it is unknown then
    which manifests it needs.
    """
    store, meter = known.store, meter_of(known.store)
    manifests: dict[str, Manifest] = {}
    attached: dict[str, Collection[str]] = {}
    asked: set[str] = set()
    limits, levels = Attachments(store.place), dict.fromkeys(digests, 0)
    todo = set(levels)

    def read(digest: str) -> tuple[Manifest, Collection[str]] | None:
        manifest = known.get(digest)
        if manifest is None:
            return None
        return manifest, tuple(one.digest for one in store.listed_referrers(digest))

    while todo:
        asked |= todo
        below: set[str] = set()
        for digest, found in side_by_side(read, sorted(todo), store.jobs):
            if isinstance(found, TaggerError):
                raise _unreadable(store, digest, found)
            if found:
                manifests[digest], attached[digest] = found
                children, level = _child_digests(store, digest, found[0]), levels[digest]
                levels |= dict.fromkeys(children - levels.keys(), level)
                more = set(found[1]) - levels.keys()
                if level:  # a repository has many artifacts that are attached to images
                    limits.add(level + 1, len(more))
                levels |= dict.fromkeys(more, level + 1)
                below.update(children, found[1])
            meter.phase(f"reading manifests, {len(manifests):,} of {len(asked | below):,}")
        todo = below - asked
        _check_number(store, len(asked))
    return Stock(manifests, {digest: found for digest, found in attached.items() if found})


def _check_number(store: TagStore, number: int) -> None:
    if number > MOST_MANIFESTS:
        raise StoreError(
            f"there are more than {MOST_MANIFESTS} manifests",
            "First delete images that are not needed with the registry's own tools.",
            code="SIZE_INVALID",
            place=store.place,
        )


def image_ages(known: Manifests, digests: Collection[str], now: float) -> Mapping[str, float]:
    """Return the ages of images in seconds, by the times in their configs; for an index, that of its youngest image.

    An image without a time is left out. Raise `Refused` for one that cannot be read.
    """
    found: dict[str, float] = {}
    meter_of(known.store).phase("reading how old images are")
    for digest, made in side_by_side(lambda digest: _build_time(known, digest), sorted(digests), known.store.jobs):
        if isinstance(made, TaggerError):
            raise _unreadable(known.store, digest, made)
        if made is not None:
            found[digest] = max(now - made, 0.0)
    return found


def _build_time(manifests: Manifests, digest: str) -> float | None:
    """Return when an image was built, in seconds since 1970; None where it does not say."""
    moments, todo, seen = [], [digest], {digest}
    while todo:
        manifest = manifests.get(todo.pop())
        if manifest is None:
            continue
        moments.append(_creation_time(manifests.store, manifest))
        for child in manifest.children():
            if child.media_type in MANIFEST_TYPES and not is_attestation(child) and child.digest not in seen:
                seen.add(child.digest)
                todo.append(child.digest)
    return max((made for made in moments if made is not None and made >= OLDEST), default=None)


def _creation_time(store: TagStore, manifest: Manifest) -> float | None:
    """Return the time in the config of a manifest, if it is an image. Raise `StoreError`."""
    if not manifest.config():
        return None
    try:
        return moment(read_config(store, manifest).created)
    except StoreError as error:
        if isinstance(error, NotFound) or error.code in ("MANIFEST_INVALID", "SIZE_INVALID"):
            return None
        raise


def _child_digests(store: TagStore, digest: str, manifest: Manifest) -> set[str]:
    try:
        children = manifest.children()
        check_width(len(children), manifest, store.place)
        return {child.digest for child in children if child.media_type in MANIFEST_TYPES}
    except StoreError as error:
        raise _unreadable(store, digest, error) from error


def _node(manifest: Manifest) -> Node:
    subject = manifest.subject()
    return Node(
        tuple(child.digest for child in manifest.children() if child.media_type in MANIFEST_TYPES),
        subject.digest if subject else "",
        {blob.digest: blob.size for blob in (*manifest.blobs(), *_other_children(manifest))},
        len(manifest.content),
    )


def _other_children(manifest: Manifest) -> Iterable[Descriptor]:
    """Return the children of an index that are no manifests: some indexes hold blobs."""
    return (child for child in manifest.children() if child.media_type not in MANIFEST_TYPES)


def _unreadable(store: TagStore, digest: str, error: TaggerError) -> TaggerError:
    """Return the refusal to prune where a manifest cannot be read; after a signal, the error of the signal."""
    if error.code in ("INTERRUPTED", "STOPPED"):
        return error
    reason = error.message.removeprefix(f"{store.place}: ")
    return Refused(
        f"{store.place}: {digest} cannot be read, so it is unknown which manifests it needs: {reason}",
        error.hint or "Run again when it can be read, or delete it first if it is broken.",
        code="UNREADABLE",
    )
