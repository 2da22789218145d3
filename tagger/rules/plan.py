"""What a repository holds against what it should: the plan, change by change, in the order of writing."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Self

from tagger.rules.cascade import Rules
from tagger.rules.versions import Version

__all__ = ["WRITES", "Action", "Change", "floating_changes"]

Action = Literal["create", "move", "keep", "hold", "remove", "refuse"]
"""What becomes of a tag: `keep` is right already, `hold` is left alone, as it belongs to another version."""

WRITES: frozenset[Action] = frozenset({"create", "move", "remove"})


class Change(NamedTuple):
    """What becomes of one tag.

    `before` and `after` are digests, None where there is none, or where only the push makes it. A change has `drifted`
    where the tag holds what its owner does not, and this run leaves it alone. It is not `known` where a write was cut
    off, and what stands there since could not be read.
    """

    tag: str
    action: Action
    before: str | None
    after: str | None
    version: str
    reason: str
    drifted: bool = False
    known: bool = True

    @property
    def writes(self) -> bool:
        """True when something is written."""
        return self.action in WRITES

    def refused(self, reason: str) -> Self:
        """Return what becomes of it where it is not written: it holds what it held."""
        return self._replace(action="refuse", after=self.before, reason=reason)

    def unknown(self, reason: str) -> Self:
        """Return what becomes of it where nobody can tell whether it was written."""
        text = f"unknown whether it was written: {reason}"
        return self._replace(action="refuse", after=None, reason=text, known=False)


def floating_changes(
    tags: Sequence[str],
    owners: Mapping[str, Version],
    held: Mapping[Version, str | None],
    current: Mapping[str, str | None],
    rules: Rules,
    released: Version | None = None,
) -> list[Change]:
    """Compare floating tags with their owners.

    `held` is the digest under each owner's exact tag, `current` the digest under each tag. With `released`, a tag
    that is right and belongs to another version is held back rather than kept.
    """
    changes = []
    for tag in tags:
        owner, before = owners.get(tag), current.get(tag)
        if owner is None:
            continue
        after = held.get(owner)
        if before is not None and before == after:
            held_back = released is not None and owner != released
            reason = _why_held(released, owner, rules) if released and held_back else "already right"
            changes.append(Change(tag, "hold" if held_back else "keep", before, after, owner.text, reason))
        else:
            action: Action = "create" if before is None else "move"
            changes.append(Change(tag, action, before, after, owner.text, _why_owner(tag, owner, rules, released)))
    return changes


def _why_held(released: Version, owner: Version, rules: Rules) -> str:
    if owner > released:
        return f"{owner} is newer"
    return rules.why_not_stable(released) or f"`latest` stays in the series {rules.latest}"


def _why_owner(tag: str, owner: Version, rules: Rules, released: Version | None) -> str:
    bare = tag.removesuffix(f"-{owner.variant}") if owner.variant else tag
    every = f"in the series {rules.latest}" if rules.series else "of all"
    newest = f"newest {every if tag in ('latest', owner.variant) else f'of {bare}'}"
    if rules.stable.text and not owner.prerelease:
        newest += " that is stable"
    if released is not None and owner != released:
        return f"belongs to {owner}, the {newest}"
    return f"{owner} is the {newest}"
