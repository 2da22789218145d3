"""Carries out a removal, and proves that every other tag still holds its image."""

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

# Registries differ (distribution-spec, "Deleting tags", "Deleting manifests"): some remove a tag alone, some delete
# only manifests with every tag at them, some do neither through this API.
MOST_RECORDED = 100
"""The placeholder records what the tags held that are moved to it, if there are at most so many of them."""


class Removed(NamedTuple):
    """The result of a removal: the tags and digests that are gone, and the error, if any.

    `begun` are the names whose removal may have been requested. `left` has the digests under the names that are not
    gone, as far as they could be read.
    """

    gone: frozenset[str]
    error: TaggerError | None = None
    begun: frozenset[str] = frozenset()
    left: Mapping[str, str | None] = MappingProxyType({})
    warnings: tuple[ReportWarning, ...] = ()

    def changes(self, planned: Iterable[Change]) -> list[Change]:
        """Return the planned changes as they are after the removal."""
        return [self._change_after(change) if change.action == "remove" else change for change in planned]

    def unchanged(self, planned: Iterable[Change]) -> bool:
        """Say whether everything is known to be as before."""
        return all(one.known and one.after == one.before for one in self.changes(planned) if one.action == "refuse")

    def _change_after(self, change: Change) -> Change:
        why = self.error.message if self.error else "it is still there"
        if change.tag in self.gone:
            return change
        if change.tag in self.left:
            return change.refused(f"not removed: {why}")._replace(after=self.left[change.tag])
        return change.unknown(why) if change.tag in self.begun else change.refused(f"not removed: {why}")


def remove(removal: Removal, groups: Sequence[Sequence[str]] = (), plan_id: str = "") -> Removed:
    """Carry out a removal, then read every tag again. A tag that the registry removed wrongly is put back.

    The images of one of the `groups` refer to each other and are removed in order; groups are removed side by side.
    Each image is removed with its tags by one request. Where a removal that stops half way would leave images that
    nothing names, a record is kept in the repository until all are gone.
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
        with _explain_refusal(store):
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
            listed = frozenset(store.tags())  # some registries delete images and leave their tags
            _untag(store, [tag for tag in removal.tags if tag in listed], progress, jobs=store.jobs)
        gone = _prove_gone(removal, staying)
        if error is None or not progress.gone:
            record.end()
    except TaggerError as failure:
        return progress.result(removal, error or failure)._replace(warnings=record.warnings)
    return progress.result(removal, error or _still_there(removal, gone), gone)._replace(warnings=record.warnings)


def _still_there(removal: Removal, gone: Collection[str]) -> StoreError | None:
    """Return the error of a registry that confirmed the removal of tags that still exist; else None."""
    left = [tag for tag in removal.tags if tag not in gone]
    if not left:
        return None
    return StoreError(
        f"the registry confirmed the removal of {', '.join(left)}, but they still exist",
        "Somebody may have set them again at the same time; if not, the registry caches: look again later.",
        code="STILL_THERE",
        place=removal.store.place,
    )


def _record_of(removal: Removal, plan_id: str) -> RemovalRecord:
    tags = {tag: removal.before[tag] for tag in removal.tags}
    before, resumed = removal.begun, removal.resumed
    return RemovalRecord(removal.store, tags, removal.images, plan_id, before=before, resumed=resumed)


class _Progress:
    """The state of a removal: what was requested, and what the registry confirmed."""

    def __init__(self, removal: Removal) -> None:
        self._before, self._meter = removal.before, meter_of(removal.store)
        self._images, self._deleted = len(removal.images), itertools.count(1)
        self.begun: set[str] = set()
        self.gone: set[str] = set()
        self.tags_first = False

    @property
    def other_gone(self) -> bool:
        """Whether an image is gone already, so that the registry is known to delete images."""
        return not self.gone <= self._before.keys()

    def untagged(self, count: int, total: int) -> None:
        """Show how many of the tags are removed."""
        self._meter.phase(f"removing tags, {count:,} of {total:,}")

    def deleted(self, digest: str) -> None:
        """Record an image that is gone, and show how many are."""
        self.gone.add(digest)
        self._meter.phase(f"deleting images, {next(self._deleted):,} of {self._images:,}")

    def result(self, removal: Removal, error: TaggerError | None, gone: Collection[str] | None = None) -> Removed:
        """Return the result of the removal. `gone` are the tags that are proven to be gone, None if not readable."""
        store = removal.store
        if error is None and gone is not None and self.gone.union(gone).issuperset((*removal.tags, *removal.images)):
            return Removed(frozenset(self.gone.union(gone)))
        left = dict(read_if_possible(store, [tag for tag in removal.tags if gone is None or tag not in gone]))
        for digest in self.begun.difference(self.gone, removal.tags):
            with suppress(TaggerError):
                left[digest] = digest if holds_manifest(store, digest) else None
        now = {name for name, digest in left.items() if digest is None}
        # For a tag that could not be read, the registry's answer counts.
        answered = self.gone - left.keys() if gone is None else self.gone - set(removal.tags)
        return Removed(
            frozenset(now.union(answered, gone or ())),
            error,
            frozenset(self.begun),
            {name: digest for name, digest in left.items() if digest},
        )


def _remove_group(removal: Removal, images: Sequence[str], progress: _Progress, record: RemovalRecord) -> None:
    """Remove the images of one group, each with its tags by one request, so that a cut-off run leaves no half.

    Where the registry refuses to delete an image that has tags, as Docker Hub does, the tags are removed first.
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
    """Remove tags and nothing else; return False where the registry cannot do that. Raise `StoreError`."""

    def untag(tag: str) -> None:
        progress.begun.add(tag)
        with suppress(NotFound):  # somebody else removed it
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
    """Remove tags whose images stay: move them to a placeholder manifest, which is deleted with them.

    A first placeholder without a tag is put and deleted, to prove that deleting works before any tag is moved. Before
    that, the deletion of a manifest that does not exist is tried: most registries refuse this already, without a write.
    """
    before = json.dumps(dict(tags)) if len(tags) <= MOST_RECORDED else "many"
    first, second = (artifact({PLACEHOLDER: secrets.token_hex(16), HELD_BEFORE: before}) for _ in range(2))
    _delete(store, first.digest)
    put_artifact(store, first, ())
    store.delete(first.digest)
    progress.begun.update(tags)
    try:
        put_artifact(store, second, tuple(tags))
        store.delete(second.digest)
    except TaggerError:
        with suppress(TaggerError):  # the first error is reported
            moved = {tag for tag, digest in store.digests(tuple(tags)).items() if digest == second.digest}
            _put_back(store, {tag: digest for tag, digest in tags.items() if tag in moved}, manifests)
        raise
    progress.gone.update(tags)


def _delete(store: TagStore, digest: str, *, dependent: bool = False) -> bool:
    """Delete a manifest; return whether it is gone. With `dependent`, the registry may refuse it, as it is needed."""
    try:
        store.delete(digest)
    except NotFound:
        return True
    except StoreError as error:
        if dependent and error.code == "DENIED":
            return False
        raise
    return True


def _prove_gone(removal: Removal, manifests: Mapping[str, Manifest]) -> frozenset[str]:
    """Return the tags that are gone. Where other tags are gone too, put them back and raise `StoreError`."""
    store = removal.store
    others = {tag: digest for tag, digest in removal.before.items() if tag not in removal.tags}
    now = store.snapshot(others).digests
    lost = {tag: digest for tag, digest in others.items() if now[tag] is None}
    images = {digest for tag, digest in lost.items() if not is_reserved(tag)}
    # Where only marks are gone, another run lifted them: a registry that removes too much removes all tags of an image.
    lost = {tag: digest for tag, digest in lost.items() if digest in images}
    if not lost:
        left = store.digests(removal.tags)
        return frozenset(tag for tag in removal.tags if left[tag] is None)
    _put_back(store, lost, manifests)
    raise StoreError(
        f"the registry removed {', '.join(lost)} too; "
        + (
            "they were put back" if lost.keys() <= standing_tags(store).keys() else f"they were at {set(lost.values())}"
        ),
        "Delete in this registry with its own tools, and report this error.",
        code="TAG_LOST",
        place=store.place,
    )


def _put_back(store: TagStore, tags: Mapping[str, str], manifests: Mapping[str, Manifest]) -> None:
    for digest, manifest in manifests.items():
        own = [tag for tag, held in tags.items() if held == digest]
        if own:
            store.tag(manifest, own)


@contextmanager
def _explain_refusal(store: TagStore) -> Iterator[None]:
    """Add a hint what to enable to the error of a registry that deletes nothing."""
    try:
        yield
    except StoreError as error:
        if error.code != "UNSUPPORTED" or store.repository is None:
            raise
        raise StoreError(
            "the registry does not delete; nothing was deleted",
            other_way(store.repository),
            code="UNSUPPORTED",
            place=store.place,
            status=error.status,
        ) from error
