"""The outcome of planned changes after an error: what stands there now, or that it is unknown."""

from collections.abc import Collection, Iterable, Mapping

from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.results import Done, Outcome
from tagger.rules.plan import Change

__all__ = ["came_out", "ended", "read_if_possible"]


def ended(place: str, changes: Iterable[Change], error: TaggerError | None, *, done: Done) -> Outcome:
    """Return how a repository ended: nothing was written only where that is known of every tag."""
    changes = tuple(changes)
    if error and all(change.known and not change.writes for change in changes):
        return Outcome.failed(place, error, changes)
    return Outcome.of(place, changes, error, done=done)


def read_if_possible(store: TagStore, tags: Collection[str]) -> Mapping[str, str | None]:
    """Return the digest under each of `tags`; nothing where they cannot be read."""
    try:
        return store.digests(tags) if tags else {}
    except TaggerError:
        return {}


def came_out(
    store: TagStore,
    planned: Iterable[Change],
    error: TaggerError,
    *,
    written: Collection[str] = (),
    begun: Collection[str] | None = None,
) -> list[Change]:
    """Return planned changes as they came out: those of `written` were carried out, as the registry answered.

    `begun` are the others whose requests were sent, or may have been; by default every other one. A write whose answer
    was lost may have been carried out: what stands there is read, and where that fails too it is called unknown.
    """
    changes = list(planned)
    doubtful = {c.tag for c in changes if c.writes and c.tag not in written and (begun is None or c.tag in begun)}
    found = read_if_possible(store, doubtful)
    return [
        _came_out(change, found, error, doubtful) if change.writes and change.tag not in written else change
        for change in changes
    ]


def _came_out(change: Change, found: Mapping[str, str | None], error: TaggerError, doubtful: Collection[str]) -> Change:
    if change.tag not in doubtful:
        return change.refused(f"not written: {error.message}")
    if change.tag not in found:
        return change.unknown(error.message)
    if found[change.tag] == change.after != change.before:
        return change
    return change.refused(f"not written: {error.message}")._replace(after=found[change.tag])
