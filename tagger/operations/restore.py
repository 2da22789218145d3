"""Restores what `prune` deleted, from its report: the manifests, children first, then the tags."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import InputError, NotFound, StoreError, TaggerError
from tagger.images.manifests import Manifest
from tagger.images.stores import PrunableStore, TagStore
from tagger.names import DIGEST, TAG, Digest
from tagger.operations.afterwards import outcome_after
from tagger.operations.everywhere import each, everywhere, first_error
from tagger.operations.removal import holds_manifest
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.plan import Change
from tagger.workspace import read_regular

__all__ = ["Deleted", "read_report", "restore"]

LARGEST_REPORT = 512 * 1024 * 1024
GONE = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN"})


class Deleted(NamedTuple):
    """What a run deleted in one repository: tags with their digests, and manifests in the order of their deletion."""

    tags: Mapping[str, str]
    manifests: Sequence[tuple[str, Manifest | None]]


def restore(stores: Sequence[PrunableStore], deleted: Mapping[str, Deleted], *, dry_run: bool = False) -> Running:
    """Restore what was deleted in each repository. A tag that holds another image now is left alone.

    `deleted` is by the names of repositories. Raise `InputError` where it has none of them.
    """
    if not any(store.place in deleted for store in stores):
        raise InputError(
            f"the report is about {' and '.join(sorted(deleted)) or 'no repository'}, not about {stores[0].place}",
            "Name in `images` the repository that was pruned.",
        )
    known: dict[TagStore, PrunableStore] = {store: store for store in stores}

    def look(store: TagStore) -> _Restoration:
        found = deleted.get(store.place, Deleted({}, ()))
        return _Restoration(known[store], found, store.digests(tuple(found.tags)))

    def act(found: _Restoration) -> Outcome:
        return Outcome.of(found.store.place, found.changes, dry_run=True) if dry_run else found.put()

    def events(store: TagStore, outcome: Outcome) -> Iterator[Event]:
        for change in outcome.changes:
            if change.writes and not dry_run:
                yield Event("pointed", store.place, change.tag)
            elif change.action == "hold":
                yield Event("warning", store.place, f"{change.tag} {change.reason}", "RESTORE")

    outcomes = yield from everywhere(stores, look, each(act, events))
    return Report("prune", outcomes, dry_run=dry_run, error=first_error(outcomes))


def read_report(path: Path) -> Mapping[str, Deleted]:
    """Read what a run of `prune` deleted, by repository, from its JSON. Raise `InputError`."""
    try:
        document = json.loads(read_regular(path, LARGEST_REPORT))
        reports = document["components"].values() if "components" in document else [document]
        found = {place: one for report in reports for place, one in _deletions(report)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is not a report of `prune`: {error}",
            "Save the output of `prune --yes --json`, and name that file.",
        ) from error
    if not found:
        raise InputError(
            f"{path} says that nothing was deleted", "A plan deletes nothing: there is nothing to restore."
        )
    return found


class _Restoration(NamedTuple):
    """One repository before the restoration; `now` has the digests under the deleted tags."""

    store: PrunableStore
    deleted: Deleted
    now: Mapping[str, str | None]

    @property
    def changes(self) -> list[Change]:
        """The change of each deleted tag."""
        return [self._change(tag, digest) for tag, digest in self.deleted.tags.items()]

    def put(self) -> Outcome:
        """Restore the manifests, and then the tags."""
        planned, done = self.changes, list[Change]()
        try:
            self._put_manifests()
        except TaggerError as error:
            left = [one.refused(f"not put back: {error.message}") if one.writes else one for one in planned]
            return outcome_after(self.store.place, left, _with_hint(error))
        for number, change in enumerate(planned):
            try:
                if change.writes and self.store.digests([change.tag])[change.tag] != change.after:
                    self.store.tag(self.store.manifest(change.after or ""), [change.tag])
                done.append(change)
            except TaggerError as error:
                left = [
                    one.refused(f"not put back: {error.message}") if one.writes else one for one in planned[number:]
                ]
                return outcome_after(self.store.place, [*done, *left], _with_hint(error))
        return outcome_after(self.store.place, done, None)

    def _change(self, tag: str, digest: str) -> Change:
        now = self.now[tag]
        if now is None:
            return Change(tag, "create", None, digest, "", "was deleted by `prune`")
        if now == digest:
            return Change(tag, "keep", now, digest, "", "already there")
        return Change(tag, "hold", now, now, "", "holds another image now, and is left alone")

    def _put_manifests(self) -> None:
        for digest, manifest in reversed(self.deleted.manifests):
            if holds_manifest(self.store, digest) or self.store.restore(digest):
                continue
            if manifest is None:
                hint = "It can only be built again: push the image again from its build."
                raise NotFound(f"{digest} is gone, and the report does not have it", hint, code="MANIFEST_UNKNOWN")
            self.store.tag(manifest, ())


def _deletions(report: Mapping[str, Any]) -> Iterator[tuple[str, Deleted]]:
    """Yield what was deleted in each repository of one report. Raise `ValueError`, or the error of a wrong type."""
    if report["command"] != "prune" or report["dry_run"]:
        raise ValueError("it is of another command, or only a plan")
    kept = {one["repository"]: one.get("deleted") or () for one in report.get("pruned") or ()}
    for outcome in report["repositories"]:
        gone = [change for change in outcome["changes"] if change["action"] == "remove"]
        tags = {str(one["tag"]): str(one["before"]) for one in gone if not DIGEST.fullmatch(one["tag"])}
        if not all(TAG.fullmatch(tag) and DIGEST.fullmatch(digest) for tag, digest in tags.items()):
            raise ValueError("it names what is no tag")
        if gone:
            place = str(outcome["repository"])
            yield place, Deleted(tags, [_manifest(one) for one in kept.get(place, ())])


def _manifest(one: Mapping[str, Any]) -> tuple[str, Manifest]:
    digest, content = Digest(one["digest"]), str(one["content"]).encode()
    if not DIGEST.fullmatch(digest) or not digest.fits(content):
        raise ValueError(f"a manifest is not what its digest {digest} says")
    return digest, Manifest(str(one["media_type"]), content, digest.algorithm)


def _with_hint(error: TaggerError) -> TaggerError:
    """Add a hint to the error of a registry that has deleted the blobs of a manifest."""
    if isinstance(error, StoreError) and error.code in GONE:
        hint = "The registry has deleted the blobs of the image: push it again from where it was built."
        return StoreError(error.message, hint, code=error.code, status=error.status)
    return error
