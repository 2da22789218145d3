"""What one look finds in a repository: what its tags hold, and what they should hold. Reads nothing itself."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from tagger.errors import Refused
from tagger.rules.cascade import Published, Rules
from tagger.rules.plan import Change, Claim, Standing, floating_changes
from tagger.rules.versions import Version

__all__ = ["Look", "Scope", "every_tag", "own_tags", "rivals", "with_tags"]

_NUMBERS = re.compile("[0-9]+")

Scope = Callable[[Rules, Mapping[str, Version], Collection[str]], Iterable[str]]
"""A function that returns the floating tags to look at, given the rules, the owner of each tag, and the tags."""


class Look(NamedTuple):
    """A repository as one look reads it: its versions, the owner of each floating tag, and the digests that matter.

    `tags` are all its tags; `contenders` are those that decide, and `published` has the versions of these only.
    `unmarked` has the owners as they would be if the versions of the run had no mark. `needed` are the missing tags of
    channels that a prerelease of the run makes necessary. `scope` are the floating tags that are looked at. `held` has
    the digest under the exact tag of each owner. `dispute` is the error where two spellings of one version hold
    different images. `unlisted` are tags that exist though the listing omits them. `lost` are listed tags whose
    manifests are gone. `named` has the version of each digest that was read.
    """

    rules: Rules
    tags: Set[str] = frozenset()
    contenders: Set[str] = frozenset()
    published: Published = Published(frozenset(), frozenset(), MappingProxyType({}))
    owners: Mapping[str, Version] = MappingProxyType({})
    unmarked: Mapping[str, Version] = MappingProxyType({})
    needed: frozenset[str] = frozenset()
    scope: tuple[str, ...] = ()
    digests: Mapping[str, str | None] = MappingProxyType({})
    held: Mapping[Version, str | None] = MappingProxyType({})
    dispute: Refused | None = None
    unlisted: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    named: Mapping[str, Version] = MappingProxyType({})

    @property
    def standing(self) -> Standing:
        """The floating tags in scope."""
        return Standing(self.scope, self.owners, self.held, self.digests, self.unmarked, self.needed)

    def changes(self, claim: Claim, released: Version | None = None) -> list[Change]:
        """Return the changes of the floating tags in scope, for a run that answers for what `claim` says."""
        return floating_changes(self.standing, self.rules, claim, released)

    def orphans(self) -> set[str]:
        """Return the floating tags that exist although no version of their class is left.

        They are those of withdrawn, held and filtered versions, and `2.1` with its `2` where every 2.1.x is gone. A
        number alone is not one of them, as it may be a date or a build, nor is `latest` without any version.
        """
        rules = self.rules
        known = self.published.versions | self.published.withdrawn | self.published.held
        leaders = rules.leaders(known, stable=False)
        floating = {tag for version in leaders for tag in rules.floating_tags(version, rules.channels)}
        exact = {tag for tags in self.published.exact.values() for tag in tags}
        rest = self.contenders - self.owners.keys() - exact
        gone = (version for tag in rest if (version := _one_of_class(tag, rules)))
        floating.update(one.tag for version in gone for one in rules.classes(version) if not one.is_latest)
        return floating & rest

    @property
    def read_again(self) -> tuple[str, ...]:
        """The tags that a later look has to read: those in scope, and the exact tags of their owners."""
        owners = {self.owners[tag] for tag in self.scope if tag in self.owners}
        return (*self.scope, *(tag for owner in owners for tag in self.published.exact.get(owner, ())))


def every_tag(rules: Rules, owners: Mapping[str, Version], _standing: Collection[str] = ()) -> Iterable[str]:
    """Yield every floating tag: those of the oldest versions first, narrow to wide. It is a `Scope`."""
    for owner in sorted(set(owners.values()), key=lambda version: (version.variant, version)):
        for tag in rules.floating_tags(owner, rules.channels):
            if owners.get(tag) == owner:
                yield tag


def own_tags(versions: Iterable[Version], skipped: Collection[str] = ()) -> Scope:
    """Return the scope of the floating tags of `versions`, without `skipped`: those that exist or have an owner."""
    mine = tuple(versions)

    def tags(rules: Rules, owners: Mapping[str, Version], standing: Collection[str]) -> Iterable[str]:
        floating = (rules.floating_tags(version, rules.channels) for version in mine)
        tags = (tag for group in floating for tag in group if tag not in skipped)
        return (tag for tag in tags if tag in owners or tag in standing)

    return tags


def with_tags(scope: Scope, more: Collection[str]) -> Scope:
    """Return a scope with `more` floating tags, those that exist or have an owner."""

    def tags(rules: Rules, owners: Mapping[str, Version], standing: Collection[str]) -> Iterable[str]:
        yield from scope(rules, owners, standing)
        yield from (tag for tag in more if tag in owners or tag in standing)

    return tags


def rivals(
    owner: Version, published: Published, others: Mapping[Version, Collection[Version]], known: Collection[str]
) -> tuple[str, ...]:
    """Return the exact tags that must all hold the owner's image: its own, and those of its other spellings.

    `others` has the other spellings of each version, `known` are the tags of the repository.
    """
    own = published.exact.get(owner, ())
    spelled = [tag for version in others.get(owner, ()) for tag in published.exact.get(version, ())]
    lettered = [twin for tag in own for twin in (f"v{tag}", tag.removeprefix("v")) if twin != tag and twin in known]
    return tuple(dict.fromkeys((*own, *spelled, *lettered)))


def _one_of_class(tag: str, rules: Rules) -> Version | None:
    """Return a version, published or not, that `tag` would be a floating tag of. None where it has too few numbers."""
    for variant in (*rules.variants, *rules.members_in(tag)):
        numbers = _NUMBERS.findall(tag.removesuffix(f"-{variant}") if variant else tag)
        for missing in range(4) if 2 <= len(numbers) <= 4 else ():
            version = rules.scheme.read(".".join([*numbers, *("0",) * missing]), variant)
            if version and tag in rules.floating_tags(version):
                return version
    return None
