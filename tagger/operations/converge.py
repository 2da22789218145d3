"""Point the floating tags where they belong, and look again until a pass finds nothing to write."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, TaggerError
from tagger.images.stores import TagStore
from tagger.operations.state import Scope, State, read_state
from tagger.rules.cascade import Rules
from tagger.rules.plan import Action, Change
from tagger.rules.versions import Version

__all__ = ["PASSES", "Converged", "converge", "look_again"]

PASSES = 5
"""A pass that writes is followed by another that looks: more than this many means somebody writes against us."""


class Converged(NamedTuple):
    """What converging did: every change of its first pass, what later passes wrote, and the state at the end."""

    changes: tuple[Change, ...]
    state: State
    error: TaggerError | None = None


def converge(
    store: TagStore,
    rules: Rules,
    scope: Scope,
    *,
    first: State | None = None,
    released: Version | None = None,
    seen: Collection[str] = (),
    expect: Collection[str] = (),
) -> Converged:
    """Write what differs from what its owner's exact tag holds now, then list and read again, until nothing differs.

    The OCI API has no compare-and-swap, so it is the check *after* the write that makes concurrent runs safe: whoever
    writes a floating tag last lists after it, and sees every version that was pushed before. `first` is a state read
    when the exact tag stood already, and `expect` are tags to read in every pass along with the listing. A pass that
    fails leaves what was written in the changes, with the error.
    """
    state = first or read_state(store, rules, scope, expect=(*seen, *expect), seen=seen)
    made: dict[str, Change] = {}
    written: set[str] = set()
    try:
        for passed in range(PASSES + 1):
            if state.dispute:
                raise state.dispute
            changes = state.changes(rules, released)
            writes = [change for change in changes if change.writes]
            if writes and passed == PASSES:
                break
            for change in changes:
                made[change.tag] = _merged(made.get(change.tag), change, change.tag in written)
            if not writes:
                return Converged(tuple(made.values()), state)
            for tags, failure in _write(store, writes):
                if failure:
                    raise failure
                written.update(tags)
            again = (*state.read_again, *expect)
            state = read_state(store, rules, scope, expect=again, seen=state.tags)
    except TaggerError as error:
        return Converged(tuple(_ended(store, made, written, error)), state, error)
    unsettled = IncompleteRelease(
        f"{store.place}: the tags did not settle in {PASSES} passes: {', '.join(change.tag for change in writes)}",
        "Somebody else moves the same tags, perhaps with other settings. Stop one of the two, then run `reconcile`.",
        code="UNSETTLED",
    )
    return Converged(tuple(made.values()), state, unsettled)


def look_again(
    store: TagStore, rules: Rules, scope: Scope, changes: Sequence[Change], error: TaggerError | None
) -> tuple[Sequence[Change], TaggerError | None]:
    """Converge once more after tags were removed; return the changes and the error with what that came to.

    A version that was released meanwhile may have been given one of them: whoever writes last has to look. A tag that
    stands again because it belongs to somebody now is no failure of its removal.
    """
    result = converge(store, rules, scope)
    now = {change.tag: change for change in result.changes}
    made = []
    for change in changes:
        later = now.pop(change.tag, None)
        refused = change.action == "refuse"
        made.append(_merged(change, later, True) if later and (refused or later.after != change.after) else change)
    made += [change for change in now.values() if change.writes]
    left = [change.tag for change in made if change.action == "refuse"]
    if error and error.code == "STILL_THERE" and not (left and any(store.digests(left).values())):
        made = [c._replace(action="remove", after=None, reason="removed") if c.action == "refuse" else c for c in made]
        error = None
    return made, result.error or error


def _write(store: TagStore, writes: Sequence[Change]) -> list[tuple[Sequence[str], TaggerError | None]]:
    """Point the tags of each manifest, manifests side by side; return what was written, and what failed."""
    groups: dict[str, list[str]] = defaultdict(list)
    for change in writes:
        if change.after is None:
            raise ValueError(f"{change.tag}: what it is to hold is not known")
        groups[change.after].append(change.tag)

    def write(group: tuple[str, list[str]]) -> None:
        store.point(store.manifest(group[0]), group[1])

    results = side_by_side(write, groups.items(), store.jobs)
    ended = [(group[1], result if isinstance(result, TaggerError) else None) for group, result in results]
    return sorted(ended, key=lambda end: end[1] is not None)


def _ended(store: TagStore, made: Mapping[str, Change], written: set[str], error: TaggerError) -> Iterable[Change]:
    """Yield what a failed pass did and did not: a write whose answer was lost may have been carried out, so look."""
    doubtful = [change.tag for change in made.values() if change.writes and change.tag not in written]
    try:
        found = store.digests(doubtful)
    except TaggerError:
        found = {}
    for change in made.values():
        if change.tag in doubtful and change.tag not in found:
            yield change.refused(f"perhaps not written: {error.message}")
        elif change.tag in doubtful and found[change.tag] != change.after:
            yield change.refused(f"not written: {error.message}")._replace(after=found[change.tag])
        else:
            yield change


def _merged(before: Change | None, now: Change, written: bool) -> Change:
    """Return one change of a tag over several passes: from what it held at first to what it holds now."""
    if before is None or not written:
        return now
    if before.before == now.after:
        return now._replace(before=before.before)
    action: Action = "create" if before.before is None else "move" if now.after else "remove"
    reason = now.reason if now.writes else before.reason if before.version == now.version else now.reason
    return now._replace(action=action, before=before.before, reason=reason)
