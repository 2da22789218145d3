"""Carry a removal out, and prove that every other tag holds its image still.

Registries differ (distribution-spec, "Deleting tags", "Deleting manifests"): some remove a tag alone, some delete
manifests only and every tag at them, some do neither through this API.
"""

import itertools
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import run_all, side_by_side
from tagger.errors import NotFound, StoreError, TaggerError
from tagger.images.artifacts import HELD_BEFORE, PLACEHOLDER, artifact, put_artifact
from tagger.images.manifests import Manifest
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import read_if_possible
from tagger.operations.removal import Removal, holds_manifest, other_way, standing_tags
from tagger.operations.unfinished import RemovalRecord, wants_tags_first
from tagger.results import ReportWarning
from tagger.rules.marks import is_reserved
from tagger.rules.plan import Change

__all__ = ["Removed", "remove"]

MOST_TOLD = 100
"""As many tags are told in the manifest that they are moved to, with what they held."""


class Removed(NamedTuple):
    """How a removal ended: the tags and digests that are gone, and what went wrong.

    `begun` are the names whose removal was asked for, or may have been; `left` says what stands under those that are
    not gone, as far as that could be read.
    """

    gone: frozenset[str]
    error: TaggerError | None = None
    begun: frozenset[str] = frozenset()
    left: Mapping[str, str | None] = MappingProxyType({})
    warnings: tuple[ReportWarning, ...] = ()

    def changes(self, planned: Iterable[Change]) -> list[Change]:
        """Return the planned changes as they came out."""
        return [self._came_out(change) if change.action == "remove" else change for change in planned]

    def unchanged(self, planned: Iterable[Change]) -> bool:
        """Say whether everything is known to stand as before."""
        return all(one.known and one.after == one.before for one in self.changes(planned) if one.action == "refuse")

    def _came_out(self, change: Change) -> Change:
        why = self.error.message if self.error else "it is still there"
        if change.tag in self.gone:
            return change
        if change.tag in self.left:
            return change.refused(f"not removed: {why}")._replace(after=self.left[change.tag])
        return change.unknown(why) if change.tag in self.begun else change.refused(f"not removed: {why}")


def remove(removal: Removal, groups: Sequence[Sequence[str]] = (), plan_id: str = "") -> Removed:
    """Carry a removal out, then read every tag again. A tag that went though nobody asked for it is put back.

    Images in `groups` that hang together go group by group, several groups side by side, each image with its tags in
    one request. Where an end half way would leave images that nothing names, a record is kept until all are gone.
    """
    store, shared = removal.store, removal.shared
    groups = groups or [removal.images]
    progress = _Progress(removal)
    record = _record_of(removal, plan_id)
    error: TaggerError | None = None
    try:
        staying = {digest: store.manifest(digest) for digest in set(shared.values())}
    except TaggerError as failure:
        return Removed(frozenset(), failure)
    try:
        with _explained(store):
            if plan_id or removal.leaves_unnamed:
                record.keep()
            if not _untag(store, tuple(shared), progress, jobs=store.jobs) and shared:
                _remove_by_manifest(store, shared, staying, progress)
            run_all(lambda group: _remove_group(removal, group, progress, record), groups, store.jobs)
    except TaggerError as failure:
        error = failure
    meter_of(store).phase("looking again")
    try:
        if removal.images and error is None:
            listed = frozenset(store.tags())  # some registries take images, and leave their tags
            _untag(store, [tag for tag in removal.tags if tag in listed], progress, jobs=store.jobs)
        gone = _proven(removal, staying)
        if error is None or not progress.gone:
            record.end()
    except TaggerError as failure:
        return progress.ended(removal, error or failure)._replace(warnings=record.warnings)
    return progress.ended(removal, error or _still_there(removal, gone), gone)._replace(warnings=record.warnings)


def _still_there(removal: Removal, gone: Collection[str]) -> StoreError | None:
    """Return the error of a registry that said of tags that it removed them."""
    left = [tag for tag in removal.tags if tag not in gone]
    if not left:
        return None
    return StoreError(
        f"the registry said that it removed {', '.join(left)}, and they are still there",
        "Somebody may have set them again at this moment; if not, the registry caches: look again later.",
        code="STILL_THERE",
        place=removal.store.place,
    )


def _record_of(removal: Removal, plan_id: str) -> RemovalRecord:
    tags = {tag: removal.before[tag] for tag in removal.tags}
    before, resumed = removal.begun, removal.resumed
    return RemovalRecord(removal.store, tags, removal.images, plan_id, before=before, resumed=resumed)


class _Progress:
    """What a removal asked for so far, and what the registry answered that it removed."""

    def __init__(self, removal: Removal) -> None:
        self._before, self._meter = removal.before, meter_of(removal.store)
        self._images, self._deleted = len(removal.images), itertools.count(1)
        self.begun: set[str] = set()
        self.gone: set[str] = set()
        self.tags_first = False

    @property
    def other_gone(self) -> bool:
        """Say whether an image is gone already, so that the registry deletes them."""
        return not self.gone <= self._before.keys()

    def untagged(self, count: int, total: int) -> None:
        """Tell how many of several tags are removed."""
        self._meter.phase(f"removing tags, {count:,} of {total:,}")

    def deleted(self, digest: str) -> None:
        """Take note of an image that is gone, and tell how many are."""
        self.gone.add(digest)
        self._meter.phase(f"deleting images, {next(self._deleted):,} of {self._images:,}")

    def ended(self, removal: Removal, error: TaggerError | None, gone: Collection[str] | None = None) -> Removed:
        """Return how the removal ended: `gone` are the tags that are proven to be, where they could be read."""
        store = removal.store
        if error is None and gone is not None and self.gone.union(gone).issuperset((*removal.tags, *removal.images)):
            return Removed(frozenset(self.gone.union(gone)))
        left = dict(read_if_possible(store, [tag for tag in removal.tags if gone is None or tag not in gone]))
        for digest in self.begun.difference(self.gone, removal.tags):
            with suppress(TaggerError):
                left[digest] = digest if holds_manifest(store, digest) else None
        now = {name for name, digest in left.items() if digest is None}
        # Of a tag that could not be read, the registry's answer counts.
        answered = self.gone - left.keys() if gone is None else self.gone - set(removal.tags)
        return Removed(
            frozenset(now.union(answered, gone or ())),
            error,
            frozenset(self.begun),
            {name: digest for name, digest in left.items() if digest},
        )


def _remove_group(removal: Removal, images: Sequence[str], progress: _Progress, record: RemovalRecord) -> None:
    """Remove images that hang together: each with its tags in one request, so that no end of a run parts them.

    A registry that refuses what a tag names, as Docker Hub, gets the tags first.
    """
    store, names = removal.store, removal.names
    if not progress.tags_first:
        try:
            _delete_images(store, images, names, progress, strict=True)
        except StoreError as error:
            if not wants_tags_first(error):
                raise
            progress.tags_first = True
        else:
            return
    record.keep()
    tags = [tag for digest in images for tag in names.get(digest, ())]
    if not _untag(store, tags, progress, jobs=1):
        progress.tags_first = False
    _delete_images(store, images, names, progress)


def _delete_images(
    store: TagStore,
    images: Iterable[str],
    names: Mapping[str, Sequence[str]],
    progress: _Progress,
    *,
    strict: bool = False,
) -> None:
    for digest in images:
        progress.begun.update((digest, *names.get(digest, ())))
        if _delete(store, digest, dependent=progress.other_gone and not strict):
            progress.deleted(digest)


def _untag(store: TagStore, tags: Sequence[str], progress: _Progress, *, jobs: int) -> bool:
    """Remove tags and nothing else, where the registry can; say whether it can. Raise `StoreError`."""

    def untag(tag: str) -> None:
        progress.begun.add(tag)
        with suppress(NotFound):  # somebody else was faster
            store.untag(tag)
        progress.gone.add(tag)

    try:
        for tag in tags[:1]:
            progress.untagged(0, len(tags))
            untag(tag)
    except StoreError as error:
        if error.code == "UNSUPPORTED":
            return False
        raise
    count = itertools.count(2)
    for last in (False, True):
        wave = [tag for tag in tags[1:] if is_reserved(tag) == last]
        failures = []
        for _, failure in side_by_side(untag, wave, jobs):
            failures += [failure] if failure else []
            progress.untagged(next(count), len(tags))
        for failure in failures:
            raise failure
    return True


def _remove_by_manifest(
    store: TagStore, tags: Mapping[str, str], manifests: Mapping[str, Manifest], progress: _Progress
) -> None:
    """Remove tags whose images stay: they are moved to a manifest of our own, which is deleted with them.

    A first one is put under its digest alone and deleted, to see that deleting works before any tag is moved. Where it
    does not, most registries say so of a manifest that was never there, and nothing at all is written.
    """
    before = json.dumps(dict(tags)) if len(tags) <= MOST_TOLD else "many"
    first, second = (artifact({PLACEHOLDER: secrets.token_hex(16), HELD_BEFORE: before}) for _ in range(2))
    _delete(store, first.digest)
    put_artifact(store, first, ())
    store.delete(first.digest)
    progress.begun.update(tags)
    try:
        put_artifact(store, second, tuple(tags))
        store.delete(second.digest)
    except TaggerError:
        with suppress(TaggerError):  # then the first failure is the one to tell of
            moved = {tag for tag, digest in store.digests(tuple(tags)).items() if digest == second.digest}
            _put_back(store, {tag: digest for tag, digest in tags.items() if tag in moved}, manifests)
        raise
    progress.gone.update(tags)


def _delete(store: TagStore, digest: str, *, dependent: bool = False) -> bool:
    """Delete a manifest, and say whether it is gone; a `dependent` one stays where the registry needs it yet."""
    try:
        store.delete(digest)
    except NotFound:
        return True
    except StoreError as error:
        if dependent and error.code == "DENIED":
            return False
        raise
    return True


def _proven(removal: Removal, manifests: Mapping[str, Manifest]) -> frozenset[str]:
    """Return the tags that are gone. Put others back that went with them, and raise `StoreError`."""
    store = removal.store
    others = {tag: digest for tag, digest in removal.before.items() if tag not in removal.tags}
    now = store.survey(others).digests
    lost = {tag: digest for tag, digest in others.items() if now[tag] is None}
    images = {digest for tag, digest in lost.items() if not is_reserved(tag)}
    # A mark alone was lifted by another run: a registry that takes too much takes every tag of the image.
    lost = {tag: digest for tag, digest in lost.items() if digest in images}
    if not lost:
        left = store.digests(removal.tags)
        return frozenset(tag for tag in removal.tags if left[tag] is None)
    _put_back(store, lost, manifests)
    raise StoreError(
        f"the registry took {', '.join(lost)} away too; "
        + (
            "they were put back" if lost.keys() <= standing_tags(store).keys() else f"they were at {set(lost.values())}"
        ),
        "Delete in this registry by its own means, and report what it did.",
        code="TAG_LOST",
        place=store.place,
    )


def _put_back(store: TagStore, tags: Mapping[str, str], manifests: Mapping[str, Manifest]) -> None:
    for digest, manifest in manifests.items():
        own = [tag for tag, held in tags.items() if held == digest]
        if own:
            store.point(manifest, own)


@contextmanager
def _explained(store: TagStore) -> Iterator[None]:
    """Say what to enable where a registry deletes nothing."""
    try:
        yield
    except StoreError as error:
        if error.code != "UNSUPPORTED" or store.repository is None:
            raise
        raise StoreError(
            "the registry does not delete; nothing was changed",
            other_way(store.repository),
            code="UNSUPPORTED",
            place=store.place,
            status=error.status,
        ) from error
