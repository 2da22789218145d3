"""What a repository holds against what it should: the plan, change by change, in the order of writing."""

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
"""What becomes of a tag: `keep` is right already, `hold` is left alone, as it belongs to another version."""

WRITES: frozenset[Action] = frozenset({"create", "move", "remove"})

FOLLOWS_BUILD = "belongs to no version: it follows the build"
"""The reason of a plain tag."""

NO_OWNER = "no version of its class is left"
"""The reason of a floating tag that nothing owns."""


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


class Standing(NamedTuple):
    """The floating tags of a repository as they stand: `current` digests, and what each owner's exact tag has, `held`.

    `unmarked` are the owners if the versions of the run had no mark. `needed` are tags of channels that do not exist
    yet, though a prerelease of the run makes them necessary.
    """

    tags: Sequence[str]
    owners: Mapping[str, Version]
    held: Mapping[Version, str | None]
    current: Mapping[str, str | None]
    unmarked: Mapping[str, Version] = MappingProxyType({})
    needed: Collection[str] = ()


class Claim(NamedTuple):
    """Which floating tags a run answers for, where they differ from what they should hold.

    Those that one of its versions `owns`, or would own without a mark; those that hold one of `images`; those that hold
    what the run `wrote` there last; or `everything`. No other run's work is undone, and no hand's.
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

    With `released`, a tag that is right and belongs to another version is held back rather than kept. A tag that
    differs and that `claim` does not cover is left alone, and called drifted. One that no version is left for is
    removed where the claim covers it; a claim on everything does not, as such a removal has to be asked for.
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
    """Return a version as a person tells it from those of other variants: `2.1.4-alpine`."""
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
    place = next((one for one in rules.classes(owner, rules.channels) if one.tag == tag), None)
    if place and place.is_latest and not place.channel:
        newest = f"newest {place.variant}" if place.variant else "newest of all"
        newest = f"{newest.removesuffix(' of all')} in {_limit(rules)}" if rules.pinned else newest
    else:
        newest = f"newest of {tag}"
    return f"{newest} that is stable" if rules.stable.text and not owner.prerelease else newest


def _limit(rules: Rules) -> str:
    """Return the versions that `latest` may belong to, for a person."""
    return f"the series {rules.latest}" if rules.pinned and rules.pinned.is_series else f"`{rules.latest}`"
