"""Finds out after an error which of the planned changes were written."""

from collections.abc import Collection, Iterable, Mapping

from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.results import Outcome
from tagger.rules.plan import Change

__all__ = ["changes_after", "outcome_after", "read_if_possible"]


def outcome_after(
    place: str, changes: Iterable[Change], error: TaggerError | None, *, dry_run: bool = False
) -> Outcome:
    """Return the outcome of a repository: it failed without a write only where that is known of every tag."""
    changes = tuple(changes)
    if error and not dry_run and all(change.known and not change.writes for change in changes):
        return Outcome.failed(place, error, changes)
    return Outcome.of(place, changes, error, dry_run=dry_run)


def read_if_possible(store: TagStore, tags: Collection[str]) -> Mapping[str, str | None]:
    """Return the digest under each of `tags`; an empty mapping where they cannot be read."""
    try:
        return store.digests(tags) if tags else {}
    except TaggerError:
        return {}


def changes_after(
    store: TagStore,
    planned: Iterable[Change],
    error: TaggerError,
    *,
    written: Collection[str] = (),
    begun: Collection[str] | None = None,
) -> list[Change]:
    """Return the planned changes as they are after `error`.

    The registry confirmed the changes of the tags `written`. `begun` are other tags whose requests may have been sent
    (default: all others). Such a write may have happened although its answer was lost: the tag is read again, and the
    change is called unknown where that fails too.
    """
    changes = list(planned)
    doubtful = {c.tag for c in changes if c.writes and c.tag not in written and (begun is None or c.tag in begun)}
    found = read_if_possible(store, doubtful)
    return [
        _change_after(change, found, error, doubtful) if change.writes and change.tag not in written else change
        for change in changes
    ]


def _change_after(
    change: Change, found: Mapping[str, str | None], error: TaggerError, doubtful: Collection[str]
) -> Change:
    if change.tag not in doubtful:
        return change.refused(f"not written: {error.message}")
    if change.tag not in found:
        return change.unknown(error.message)
    if found[change.tag] == change.after != change.before:
        return change
    return change.refused(f"not written: {error.message}")._replace(after=found[change.tag])
