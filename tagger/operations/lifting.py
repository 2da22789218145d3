"""Takes marks or the policy out of force: removes their tags, or points them at the lifted artifact."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tagger.errors import StoreError, TaggerError
from tagger.images.artifacts import LIFTED_DIGEST, lifted_artifact, put_artifact
from tagger.images.stores import TagStore
from tagger.operations.afterwards import changes_after
from tagger.operations.removal import Removal, check_deletable
from tagger.operations.removing import Removed, remove
from tagger.rules.plan import Change

__all__ = ["NO_DELETION", "NO_REMOVAL", "lift", "planned_lift"]

NO_DELETION = ("UNSUPPORTED", "DENIED", "UNAUTHORIZED")
"""The error codes of registries that remove no tags, or not for this login."""

NO_REMOVAL = "the registry removes no tags"


def planned_lift(store: TagStore, tag: str, before: str, version: str, reason: str) -> Change:
    """Return the planned change of a tag that holds `before`: to remove it, unless it is known that this is refused."""
    try:
        check_deletable(store)
    except StoreError:
        return _at_lifted(Change(tag, "remove", before, None, version, reason))
    return Change(tag, "remove", before, None, version, reason)


def lift(
    store: TagStore, planned: Sequence[Change], beside: Mapping[str, str] = MappingProxyType({})
) -> tuple[list[Change], TaggerError | None]:
    """Carry out planned lifts; return the changes as they are then, and the error, if any.

    Only tags are removed, never an image, as it may have tags that the listing omits. `beside` are tags with their
    digests that must still stand afterwards.
    """
    leaving = {change.tag: change.before for change in planned if change.action == "remove" and change.before}
    removed = _remove(store, leaving, beside) if leaving else Removed(frozenset())
    changes = removed.changes(planned)
    if removed.error and not (_is_refusal(removed.error) and removed.unchanged(planned)):
        return changes, removed.error
    why = NO_REMOVAL if removed.error and removed.error.code in NO_DELETION else "the registry removed no tag"
    pointed = [_at_lifted(change, why) if change.action == "remove" and removed.error else change for change in planned]
    tags = [change.tag for change in pointed if change.action == "move"]
    try:
        if tags:
            put_artifact(store, lifted_artifact(), tags)
    except TaggerError as error:
        return changes_after(store, pointed, error), error
    return pointed, None


def _is_refusal(error: TaggerError) -> bool:
    """Say whether a mark may still be pointed elsewhere after this error of a removal, whatever the registry answered.

    Deleting may go through an API of its own, which has faults of its own.
    """
    return isinstance(error, StoreError) and error.code not in ("STOPPED", "TAG_LOST")


def _remove(store: TagStore, tags: Mapping[str, str], beside: Mapping[str, str]) -> Removed:
    try:
        check_deletable(store)
    except TaggerError as error:
        return Removed(frozenset(), error)
    return remove(Removal(store, {**beside, **tags}, tuple(tags), (), {}))


def _at_lifted(change: Change, why: str = NO_REMOVAL) -> Change:
    reason = f"{change.reason}; {why}, so it points at an empty artifact"
    return change._replace(action="move", after=LIFTED_DIGEST, reason=reason)
