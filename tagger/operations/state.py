"""What one repository holds and what it should: read, never written."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tagger.errors import Refused
from tagger.images.stores import Survey, TagStore
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.contenders import contenders
from tagger.rules.plan import Change, floating_changes
from tagger.rules.versions import Version

__all__ = ["Scope", "State", "read_state"]

_NUMBERS = re.compile("[0-9]+")

Scope = Callable[[Mapping[str, Version]], Iterable[str]]
"""Which floating tags an operation answers for, given the cascade."""


class State(NamedTuple):
    """A repository as it was read once: its versions, the owner of each floating tag, and the digests that matter.

    `published` is what `contenders` say, those of `tags` that decide; whoever needs every version reads all of them.
    `held` is what the exact tags of each owner hold; `dispute` says where two spellings of one version hold different
    images, so that nobody can say what its floating tags should hold.
    """

    tags: frozenset[str] = frozenset()
    contenders: frozenset[str] = frozenset()
    published: Published = Published(frozenset(), frozenset(), MappingProxyType({}))
    owners: Mapping[str, Version] = MappingProxyType({})
    scope: tuple[str, ...] = ()
    digests: Mapping[str, str | None] = MappingProxyType({})
    held: Mapping[Version, str | None] = MappingProxyType({})
    dispute: Refused | None = None

    def changes(self, rules: Rules, released: Version | None = None) -> list[Change]:
        """Return what becomes of the floating tags in scope."""
        return floating_changes(self.scope, self.owners, self.held, self.digests, rules, released)

    def orphans(self, rules: Rules) -> set[str]:
        """Return the floating tags that stand here though no version of their class is left.

        They are those of withdrawn versions and of versions that do not count, and `2.1` with its `2` where every 2.1.x
        is gone. A number alone may be anybody's date or build, and `latest` of no version at all anybody's image.
        """
        known = self.published.versions | self.published.withdrawn
        leaders = rules.leaders(known, stable=False)
        floating = {tag for version in leaders for tag in rules.floating_tags(version, rules.channels)}
        exact = {tag for tags in self.published.exact.values() for tag in tags}
        rest = self.contenders - self.owners.keys() - exact
        gone = (version for tag in rest if (version := _one_of_class(tag, rules)))
        floating.update(place.tag for version in gone for place in rules.classes(version) if not place.is_latest)
        return floating & rest

    @property
    def read_again(self) -> tuple[str, ...]:
        """The tags that a later reading wants: those in scope, and the exact tags of their owners."""
        owners = {self.owners[tag] for tag in self.scope if tag in self.owners}
        return (*self.scope, *(tag for owner in owners for tag in self.published.exact.get(owner, ())))


def read_state(
    store: TagStore,
    rules: Rules,
    scope: Scope,
    *,
    expect: Iterable[str] = (),
    manifests: Collection[str] = (),
    releasing: Iterable[Version] = (),
    seen: Collection[str] = (),
    unlisted: bool = False,
    amended: Callable[[Published], Published] | None = None,
) -> State:
    """Read what decides: the listing, then the digests of the tags in scope and of their owners' exact tags.

    `expect` are tags read along with the listing, in the same round trip, and those of `manifests` with their
    manifests, which will be asked for. Versions of `releasing` count as published though their exact tags may not
    stand yet; what they hold is then None. `seen` are tags that this run knows of though a listing may lag behind; one
    that answers nothing when read is gone. An `unlisted` repository is not asked for its listing: it does not exist
    yet. What the listing says is taken as `amended`: as it will be.
    """
    expected = tuple(dict.fromkeys(expect))
    survey = Survey(frozenset(), store.digests(expected)) if unlisted else store.survey(expected, manifests)
    digests = dict(survey.digests)
    coming = {tag for version in releasing for tag in rules.exact_tags(version)}
    known = survey.tags.union((tag for tag, digest in digests.items() if digest), seen)
    while True:
        decisive = frozenset(contenders(known, rules) if amended is None else known)
        published = rules.published(decisive | coming)
        published = amended(published) if amended else published
        owners = cascade(published.in_force, rules)
        tags = tuple(dict.fromkeys(scope(owners)))
        others = published.spellings({owners[tag] for tag in tags if tag in owners})
        rivals = {tag: _rivals(owners[tag], published, others, known) for tag in tags if tag in owners}
        wanted = {*tags, *(exact for group in rivals.values() for exact in group)}
        missing = wanted - digests.keys()
        if missing:
            digests |= store.digests(missing)
            doubtful = {tag for tag in missing if tag in survey.tags and digests[tag] is None}
            if doubtful:
                survey = store.survey(doubtful)
                digests |= survey.digests
        vanished = {tag for tag in wanted & known if digests[tag] is None}
        if not vanished:
            break
        known -= vanished
    held: dict[Version, str | None] = {}
    dispute = None
    for tag, group in rivals.items():
        found = {digests[exact] for exact in group if digests[exact]}
        held[owners[tag]] = found.pop() if len(found) == 1 else None
        if found and held[owners[tag]] is None:
            dispute = Refused(
                f"{store.place}: {' and '.join(sorted(group))} are spellings of one version and hold different images",
                f"Delete the wrong one, or withdraw it; {tag} cannot belong to both.",
                code="AMBIGUOUS_VERSION",
            )
    return State(known, decisive, published, owners, tags, digests, held, dispute)


def _one_of_class(tag: str, rules: Rules) -> Version | None:
    """Return a version that would fill in a floating template of two numbers or more to `tag`, published or not."""
    for variant in rules.variants:
        numbers = _NUMBERS.findall(tag.removesuffix(f"-{variant}") if variant else tag)
        for missing in range(4) if 2 <= len(numbers) <= 4 else ():
            version = rules.scheme.read(".".join([*numbers, *("0",) * missing]), variant)
            if version and tag in rules.floating_tags(version):
                return version
    return None


def _rivals(
    owner: Version, published: Published, others: Mapping[Version, Collection[Version]], known: Collection[str]
) -> tuple[str, ...]:
    """Return the exact tags that must all hold the owner's image: its own, and those of its other spellings."""
    own = published.exact.get(owner, ())
    spelled = [tag for version in others.get(owner, ()) for tag in published.exact.get(version, ())]
    lettered = [twin for tag in own for twin in (f"v{tag}", tag.removeprefix("v")) if twin != tag and twin in known]
    return tuple(dict.fromkeys((*own, *spelled, *lettered)))
