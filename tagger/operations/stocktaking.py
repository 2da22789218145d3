"""Reads what a repository holds, whole: every manifest that a tag reaches, what is attached, and how old images are."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import NotFound, Refused, StoreError, TaggerError
from tagger.images.configs import is_attestation, read_config
from tagger.images.manifests import MANIFEST_TYPES, Descriptor, Manifest
from tagger.images.moments import moment
from tagger.images.stores import PrunableStore, TagStore
from tagger.meters import meter_of
from tagger.rules.remains import Graph, Node

__all__ = ["Manifests", "Stock", "image_ages", "read_stock"]

OLDEST = datetime(1980, 2, 1, tzinfo=UTC).timestamp()
"""Before it an image says that its build is reproducible, not when it was made: 0001, 1970, and the DOS epoch."""

MOST_MANIFESTS = 500_000


class Stock(NamedTuple):
    """Manifests by their digests, and what the referrers API says is attached to each."""

    manifests: Mapping[str, Manifest]
    attached: Mapping[str, Collection[str]]

    def children(self, digest: str) -> Iterable[str]:
        """Return the digests of what a manifest names."""
        return (child.digest for child in self.manifests[digest].children())

    def graph(self, tags: Mapping[str, str]) -> Graph:
        """Return the graph of these manifests. Raise `StoreError` for a manifest that says nothing sensible."""
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
    """Read manifests, all that they name and all that the referrers API has for any of these, each once.

    A manifest that is not there (404) is left out. Raise `Refused` for one that cannot be read: nobody could say what
    it needs.
    """
    store, meter = known.store, meter_of(known.store)
    manifests: dict[str, Manifest] = {}
    attached: dict[str, Collection[str]] = {}
    asked: set[str] = set()
    todo = set(digests)

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
                below.update(_named(store, digest, found[0]))
                below.update(found[1])
            meter.phase(f"reading manifests, {len(manifests):,} of {len(asked | below):,}")
        todo = below - asked
        if len(asked) > MOST_MANIFESTS:
            raise StoreError(
                f"there are more than {MOST_MANIFESTS} manifests",
                "Delete images that nobody needs by the registry's own means first.",
                code="SIZE_INVALID",
                place=store.place,
            )
    return Stock(manifests, {digest: found for digest, found in attached.items() if found})


def image_ages(known: Manifests, digests: Collection[str], now: float) -> Mapping[str, float]:
    """Return how many seconds ago images were made, by what their configs say: of an index, its youngest image.

    An image that does not say it is left out. Raise `Refused` for one that cannot be read.
    """
    found: dict[str, float] = {}
    meter_of(known.store).phase("reading how old images are")
    for digest, made in side_by_side(lambda digest: _made(known, digest), sorted(digests), known.store.jobs):
        if isinstance(made, TaggerError):
            raise _unreadable(known.store, digest, made)
        if made is not None:
            found[digest] = max(now - made, 0.0)
    return found


def _made(manifests: Manifests, digest: str) -> float | None:
    """Return when an image was made, in seconds since 1970."""
    moments, todo, seen = [], [digest], {digest}
    while todo:
        manifest = manifests.get(todo.pop())
        if manifest is None:
            continue
        moments.append(_created(manifests.store, manifest))
        for child in manifest.children():
            if child.media_type in MANIFEST_TYPES and not is_attestation(child) and child.digest not in seen:
                seen.add(child.digest)
                todo.append(child.digest)
    return max((made for made in moments if made is not None and made >= OLDEST), default=None)


def _created(store: TagStore, manifest: Manifest) -> float | None:
    """Return what a config says, if it is an image's. Raise `StoreError`."""
    if not manifest.config():
        return None
    try:
        return moment(read_config(store, manifest).created)
    except StoreError as error:
        if isinstance(error, NotFound) or error.code in ("MANIFEST_INVALID", "SIZE_INVALID"):
            return None
        raise


def _named(store: TagStore, digest: str, manifest: Manifest) -> set[str]:
    try:
        return {child.digest for child in manifest.children() if child.media_type in MANIFEST_TYPES}
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
    """Return what an index names that is no manifest: some hold blobs so."""
    return (child for child in manifest.children() if child.media_type not in MANIFEST_TYPES)


def _unreadable(store: TagStore, digest: str, error: TaggerError) -> TaggerError:
    """Return the refusal to prune where a manifest cannot be read; after a signal, what says so."""
    if error.code in ("INTERRUPTED", "STOPPED"):
        return error
    reason = error.message.removeprefix(f"{store.place}: ")
    return Refused(
        f"{store.place}: {digest} cannot be read, so nobody can say which manifests it needs: {reason}",
        error.hint or "Run again when it can be read, or delete it first if it is broken.",
        code="UNREADABLE",
    )
