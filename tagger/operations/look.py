"""What one repository holds and what it should, as one look found it: values that compute, nothing is read here."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tagger.errors import Refused
from tagger.rules.cascade import Published, Rules
from tagger.rules.plan import Change, Claim, Standing, floating_changes
from tagger.rules.versions import Version

__all__ = ["Look", "Scope", "every_tag", "own_tags", "rivals"]

_NUMBERS = re.compile("[0-9]+")

Scope = Callable[[Rules, Mapping[str, Version], Collection[str]], Iterable[str]]
"""Which floating tags a verb looks at, given the rules, the owner of each tag, and the tags that stand."""


class Look(NamedTuple):
    """A repository as it was read once: its versions, the owner of each floating tag, and the digests that matter.

    `tags` are all that stand, `contenders` those that decide, of which `published` tells; whoever needs every version
    reads all of them. `unmarked` are the owners if the versions of the run had no mark, `needed` the tags of channels
    that a prerelease of the run makes necessary and that are not there yet, `scope` the floating tags that are looked
    at. `held` is what the exact tags of each owner hold; `dispute` says where two spellings of one version hold
    different images, so that nobody can say what its floating tags should hold. `unlisted` are tags that stand though
    the listing omits them, `lost` those that it has and whose manifests are gone; `named` says which version an image
    is, of those that were read.
    """

    rules: Rules
    tags: frozenset[str] = frozenset()
    contenders: frozenset[str] = frozenset()
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
        """Return what becomes of the floating tags in scope, in a run that answers for what `claim` says."""
        return floating_changes(self.standing, self.rules, claim, released)

    def orphans(self) -> set[str]:
        """Return the floating tags that stand here though no version of their class is left.

        They are those of withdrawn versions and of versions that do not count, and `2.1` with its `2` where every 2.1.x
        is gone. A number alone may be anybody's date or build, and `latest` of no version at all anybody's image.
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
        """The tags that a later look wants: those in scope, and the exact tags of their owners."""
        owners = {self.owners[tag] for tag in self.scope if tag in self.owners}
        return (*self.scope, *(tag for owner in owners for tag in self.published.exact.get(owner, ())))


def every_tag(rules: Rules, owners: Mapping[str, Version], _standing: Collection[str] = ()) -> Iterable[str]:
    """Look at every floating tag: those of the oldest versions first, narrow to wide."""
    for owner in sorted(set(owners.values()), key=lambda version: (version.variant, version)):
        for tag in rules.floating_tags(owner, rules.channels):
            if owners.get(tag) == owner:
                yield tag


def own_tags(versions: Iterable[Version], skipped: Collection[str] = ()) -> Scope:
    """Look at the floating tags of `versions` that are not `skipped`: those that belong to anybody, or stand."""
    mine = tuple(versions)

    def tags(rules: Rules, owners: Mapping[str, Version], standing: Collection[str]) -> Iterable[str]:
        floating = (rules.floating_tags(version, rules.channels) for version in mine)
        tags = (tag for group in floating for tag in group if tag not in skipped)
        return (tag for tag in tags if tag in owners or tag in standing)

    return tags


def rivals(
    owner: Version, published: Published, others: Mapping[Version, Collection[Version]], known: Collection[str]
) -> tuple[str, ...]:
    """Return the exact tags that must all hold the owner's image: its own, and those of its other spellings."""
    own = published.exact.get(owner, ())
    spelled = [tag for version in others.get(owner, ()) for tag in published.exact.get(version, ())]
    lettered = [twin for tag in own for twin in (f"v{tag}", tag.removeprefix("v")) if twin != tag and twin in known]
    return tuple(dict.fromkeys((*own, *spelled, *lettered)))


def _one_of_class(tag: str, rules: Rules) -> Version | None:
    """Return a version that would fill in a floating template of two numbers or more to `tag`, published or not."""
    for variant in (*rules.variants, *rules.members_in(tag)):
        numbers = _NUMBERS.findall(tag.removesuffix(f"-{variant}") if variant else tag)
        for missing in range(4) if 2 <= len(numbers) <= 4 else ():
            version = rules.scheme.read(".".join([*numbers, *("0",) * missing]), variant)
            if version and tag in rules.floating_tags(version):
                return version
    return None
