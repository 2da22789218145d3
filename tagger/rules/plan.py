"""Compares the tags of a repository with what they should hold: a plan of changes, in the order of writing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

from tagger.rules.cascade import Rules
from tagger.rules.versions import Version

__all__ = [
    "FOLLOWS_BUILD", "NO_OWNER", "WRITES", "Action", "Change", "Claim", "Standing", "floating_changes", "full_name",
    "needed_channel_tags",
]  # fmt: skip

Action = Literal["create", "move", "keep", "hold", "remove", "refuse"]
"""What happens to a tag. `keep`: it is already right. `hold`: it is left alone, as it belongs to another version."""

WRITES: frozenset[Action] = frozenset({"create", "move", "remove"})

FOLLOWS_BUILD = "belongs to no version: it follows the build"
"""The reason that a change of a plain tag gives."""

NO_OWNER = "no version of its class is left"
"""The reason that a change gives for a floating tag without an owner."""


class Change(NamedTuple):
    """What happens to one tag.

    `before` and `after` are digests, or None where there is none or where only the push makes it. `drifted` is true
    where the tag differs from its owner's exact tag and this run leaves it alone. `known` is false where a write was
    cut off and the tag could not be read afterwards.
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
        """Whether the change writes to the repository."""
        return self.action in WRITES

    def refused(self, reason: str) -> Self:
        """Return the change as one that is not written: the tag holds what it held before."""
        return self._replace(action="refuse", after=self.before, reason=reason)

    def unconfirmed(self) -> Self:
        """Return the change as one that is written only after a confirmation."""
        done = {"create": "be set", "move": f"move to {self.version}" if self.version else "move"}
        return self.refused(f"would {done.get(self.action, 'be removed')}, and that needs --yes")

    def unknown(self, reason: str) -> Self:
        """Return the change as one of which nobody knows whether it was written."""
        text = f"unknown whether it was written: {reason}"
        return self._replace(action="refuse", after=None, reason=text, known=False)


class Standing(NamedTuple):
    """The floating tags of a repository as one look finds them.

    `owners` has the version that each tag belongs to, `held` the digest under each owner's exact tag, and `current` the
    digest under each tag. `unmarked` has the owners as they would be if the versions of the run had no mark. `needed`
    has the tags of channels that do not exist yet and that a prerelease of the run makes necessary.
    """

    tags: Sequence[str]
    owners: Mapping[str, Version]
    held: Mapping[Version, str | None]
    current: Mapping[str, str | None]
    unmarked: Mapping[str, Version] = MappingProxyType({})
    needed: Collection[str] = ()


class Claim(NamedTuple):
    """Which floating tags a run answers for, where they differ from what they should hold.

    It answers for tags that a version in `owns` owns, or would own without a mark; for tags that hold one of `images`;
    for tags that still hold what the run `wrote` there last; or for `everything`. So no run undoes the work of another
    run or of a person.
    """

    owns: frozenset[Version] = frozenset()
    images: frozenset[str] = frozenset()
    wrote: Mapping[str, str | None] = MappingProxyType({})
    everything: bool = False

    def covers(self, tag: str, standing: Standing) -> bool:
        """Say whether the run answers for a tag that differs."""
        before = standing.current.get(tag)
        return (
            self.everything
            or standing.owners.get(tag) in self.owns
            or standing.unmarked.get(tag) in self.owns
            or tag in standing.needed
            or before in self.images
            or (tag in self.wrote and before == self.wrote[tag])
        )


def floating_changes(standing: Standing, rules: Rules, claim: Claim, released: Version | None = None) -> list[Change]:
    """Compare floating tags with their owners.

    With `released`, the action of a right tag that belongs to another version is `hold`, not `keep`. A tag that differs
    and that `claim` does not cover is left alone and called drifted. A tag without an owner is removed where the claim
    covers it; `everything` does not cover such a removal, as the user has to ask for it.
    """
    changes = []
    for tag in standing.tags:
        owner, before = standing.owners.get(tag), standing.current.get(tag)
        if owner is None:
            asked = claim._replace(everything=False)
            if before is not None and asked.covers(tag, standing):
                changes.append(Change(tag, "remove", before, None, "", NO_OWNER))
            continue
        after = standing.held.get(owner)
        if before is not None and before == after:
            held_back = released is not None and owner != released
            reason = _why_held(released, owner, rules) if released and held_back else "already right"
            changes.append(Change(tag, "hold" if held_back else "keep", before, after, owner.text, reason))
        elif claim.covers(tag, standing):
            action: Action = "create" if before is None else "move"
            changes.append(Change(tag, action, before, after, owner.text, _why_owner(tag, owner, rules, released)))
        else:
            reason = f"belongs to {full_name(owner)}, the {_newest(tag, owner, rules)}"
            changes.append(Change(tag, "hold", before, before, owner.text, reason, drifted=True))
    return changes


def needed_channel_tags(
    versions: Iterable[Version], owners: Mapping[str, Version], current: Mapping[str, str | None], rules: Rules
) -> frozenset[str]:
    """Return the tags of channels that are not there yet, and that the prereleases among `versions` make necessary."""
    classes = (one for version in versions if version.prerelease for one in rules.classes(version, rules.channels))
    return frozenset(one.tag for one in classes if one.channel and one.tag in owners and not current.get(one.tag))


def full_name(version: Version) -> str:
    """Return the text of a version with its variant, for people: `2.1.4-alpine`."""
    return f"{version}-{version.variant}" if version.variant else version.text


def _why_held(released: Version, owner: Version, rules: Rules) -> str:
    if owner > released:
        return f"{full_name(owner)} is newer"
    return rules.why_not_stable(released) or f"`latest` stays in {_limit(rules)}"


def _why_owner(tag: str, owner: Version, rules: Rules, released: Version | None) -> str:
    newest = _newest(tag, owner, rules)
    if released is not None and owner != released:
        return f"belongs to {full_name(owner)}, the {newest}"
    return f"{full_name(owner)} is the {newest}"


def _newest(tag: str, owner: Version, rules: Rules) -> str:
    """Return what the owner of a tag is, for a person: `newest of all`, `newest of 2.1`, `newest alpine`."""
    found = next((one for one in rules.classes(owner, rules.channels) if one.tag == tag), None)
    if found and found.is_latest and not found.channel:
        newest = f"newest {found.variant}" if found.variant else "newest of all"
        newest = f"{newest.removesuffix(' of all')} in {_limit(rules)}" if rules.pinned else newest
    else:
        newest = f"newest of {tag}"
    return f"{newest} that is stable" if rules.stable.text and not owner.prerelease else newest


def _limit(rules: Rules) -> str:
    """Return the versions that `latest` may belong to, for a person."""
    return f"the series {rules.latest}" if rules.pinned and rules.pinned.is_series else f"`{rules.latest}`"
