"""Points the floating tags where they belong, and looks again until a pass finds nothing to write."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, Refused, TaggerError
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import changes_after
from tagger.operations.look import Look
from tagger.operations.view import View
from tagger.rules.plan import Action, Change
from tagger.rules.versions import Version

__all__ = ["PASSES", "Converged", "converge", "look_again"]

PASSES = 10
"""The most passes that write. When more are needed, somebody else moves the same tags."""


class Converged(NamedTuple):
    """The result of converging: every change of the first pass, the writes of later passes, and the last look."""

    changes: tuple[Change, ...]
    look: Look
    error: TaggerError | None = None


def converge(view: View, first: Look | None = None, released: Version | None = None) -> Converged:
    """Write the tags that differ from their owner's exact tag, then list and read again, until nothing differs.

    The OCI API has no compare-and-swap. So the check *after* the write makes concurrent runs safe: the run that writes
    a floating tag last lists after that, and sees every version that was pushed before. `first` is a look from after
    the push of the exact tag. When a pass fails, the result has the changes so far and the error. Raise `TaggerError`
    where the first look fails.
    """
    look = first = first or view.look()
    made: dict[str, Change] = {}
    failure: TaggerError | None = None
    try:
        for passed in range(PASSES + 1):
            if look.dispute:
                raise look.dispute
            changes = look.changes(view.claim, released)
            writes = [change for change in changes if change.writes]
            if writes and passed == PASSES:
                break
            for change in changes:
                made[change.tag] = _merge(made.get(change.tag), change, change.tag in view.wrote)
            if not writes:
                return Converged(tuple(made.values()), look, failure or _changed_policy(view.objection()))
            failure = _write(view, writes) or failure
            meter_of(view.store).phase("looking again")
            look = view.look()
    except TaggerError as error:
        return Converged(tuple(changes_after(view.store, made.values(), error, written=view.wrote)), look, error)
    return Converged(tuple(made.values()), look, _unsettled_error(view, first, writes))


def _unsettled_error(view: View, first: Look, writes: Sequence[Change]) -> IncompleteRelease:
    """Return the error of tags that are to be written in every pass."""
    tags = ", ".join(change.tag for change in writes)
    if all(change.before == first.digests.get(change.tag) for change in writes):
        return IncompleteRelease(
            f"{view.store.place}: the registry confirmed {PASSES} times that {tags} changed, and nothing changed",
            "A cache or a proxy in front of the registry may answer in its place: ask who runs it.",
            code="UNSETTLED",
        )
    return IncompleteRelease(
        f"{view.store.place}: the tags did not settle in {PASSES} passes: {tags}",
        "Somebody else moves the same tags, perhaps with other settings. Stop one of the two, then run `reconcile`.",
        code="UNSETTLED",
    )


def _changed_policy(objection: TaggerError | None) -> TaggerError | None:
    """Return the error of an objection that arose after the first write: the policy changed during the run."""
    if objection is None:
        return None
    return Refused(f"the policy changed during the run: {objection.message}", objection.hint, code=objection.code)


def look_again(
    view: View, changes: Sequence[Change], error: TaggerError | None
) -> tuple[Sequence[Change], TaggerError | None]:
    """Converge once more after tags were removed; return the changes and the error, with those of this convergence.

    Another run may have released a version that owns a removed tag, so the last writer has to look. A tag that exists
    again because it has an owner is no failure of the removal. When this look fails, the changes so far are kept.
    """
    try:
        result = converge(view)
    except TaggerError as failure:
        return changes, error or failure
    now = {change.tag: change for change in result.changes}
    made = []
    for change in changes:
        later = now.pop(change.tag, None)
        refused = change.action == "refuse"
        made.append(_merge(change, later, True) if later and (refused or later.after != change.after) else change)
    made += [change for change in now.values() if change.writes]
    left = [change.tag for change in made if change.action == "refuse"]
    if error and error.code == "STILL_THERE" and not (left and _any_exists(view.store, left)):
        made = [c._replace(action="remove", after=None, reason="removed") if c.action == "refuse" else c for c in made]
        error = None
    return made, result.error or error


def _any_exists(store: TagStore, tags: Sequence[str]) -> bool:
    """Say whether one of `tags` exists, or may exist."""
    try:
        return any(store.digests(tags).values())
    except TaggerError:
        return True


def _write(view: View, writes: Sequence[Change]) -> TaggerError | None:
    """Point the tags of each manifest, manifests side by side; then remove tags. Raise `TaggerError`.

    An error that occurs although every tag was removed is returned: another look has to follow in that case too.
    """
    meter_of(view.store).phase("pointing tags")
    groups: dict[str, list[str]] = defaultdict(list)
    for change in writes:
        if change.action == "remove":
            continue
        if change.after is None:
            raise ValueError(f"{change.tag}: the digest that it has to hold is unknown")
        groups[change.after].append(change.tag)

    def write(group: tuple[str, list[str]]) -> None:
        view.store.tag(view.store.manifest(group[0]), group[1])

    failure: TaggerError | None = None
    for (digest, tags), result in side_by_side(write, groups.items(), view.store.jobs):
        failure = failure or result
        view.wrote.update({} if result else dict.fromkeys(tags, digest))
    if failure:
        raise failure
    leaving = [change.tag for change in writes if change.action == "remove"]
    return _remove(view, leaving) if leaving else None


def _remove(view: View, tags: Sequence[str]) -> TaggerError | None:
    """Remove floating tags without an owner; return an error beside the removal of the tags. Raise `TaggerError`.

    A tag that exists again may have got an owner meanwhile: the next look finds that out.
    """
    from tagger.operations.removal import tags_alone  # few runs remove anything
    from tagger.operations.removing import remove

    removed = remove(tags_alone(view.store, tags, view.seen))
    view.wrote.update({tag: None for tag in tags if tag in removed.gone})
    if removed.error is None or removed.error.code == "STILL_THERE":
        return None
    if removed.gone.issuperset(tags):
        return removed.error
    raise removed.error


def _merge(before: Change | None, now: Change, written: bool) -> Change:
    """Return one change of a tag for several passes: from what it held first to what it holds now."""
    if before is None or not written:
        return now
    if before.before == now.after:
        return now._replace(before=before.before)
    action: Action = "create" if before.before is None else "move" if now.after else "remove"
    reason = now.reason if now.writes else before.reason if before.version == now.version else now.reason
    return now._replace(action=action, before=before.before, reason=reason)
