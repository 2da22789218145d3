"""Finds the versions that a name means: all variants of `2.1.4`, or only `2.1.4-alpine`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import NamedTuple

from tagger.errors import InputError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.stores import TagStore
from tagger.operations.look import Look
from tagger.operations.terms import Terms
from tagger.operations.view import View, marks_of
from tagger.rules.cascade import Published, Rules
from tagger.rules.plan import Claim
from tagger.rules.versions import Version

__all__ = ["Named", "all_tags", "find_versions", "in_places", "no_version"]

NAMED = 3
"""The most repositories that a message names; the others are counted."""


class Named(NamedTuple):
    """The versions that a name means in one repository, newest first, and what was read there.

    `digests` has the digests under their exact tags and marks, and under other tags that were read.
    """

    store: TagStore
    rules: Rules
    versions: tuple[Version, ...]
    tags: Set[str]
    published: Published
    digests: Mapping[str, str | None]

    def image(self, version: Version) -> str | None:
        """Return the digest under the exact tags of a version; None where none of them exists."""
        return next((found for tag in self.rules.exact_tags(version) if (found := self.digests.get(tag))), None)

    @property
    def images(self) -> frozenset[str]:
        """The digests of the images of the versions."""
        return frozenset(found for version in self.versions if (found := self.image(version)))


def find_versions(store: TagStore, terms: Terms, name: str) -> Named:
    """Return the versions that `name` means. Their tags are read by name, as the listing may omit some.

    A version that was purged is known by its mark. Raise `TaggerError`.
    """
    view = View(store, terms, lambda _rules, _owners, _standing: (), Claim())
    assumed = terms.rules(None, store.place)
    look = view.look(_candidates(name, assumed))
    if look.rules != assumed:
        look = view.look(_candidates(name, look.rules))
    rules = look.rules
    lifted = [tag for tag in look.tags if look.digests.get(tag) == LIFTED_DIGEST]
    published = rules.published(look.tags, lifted)
    known = published.versions | published.withdrawn | published.held
    versions = tuple(sorted((version for version in known if name in rules.withdrawn_names(version)), reverse=True))
    return Named(store, rules, versions, look.tags, published, _with_digests(store, look, versions))


def no_version(name: str, found: Sequence[Named]) -> InputError:
    """Return the error for a name that means no version in any repository; its hint names revisions of it."""
    places = in_places(named.store.place for named in found)
    builds = sorted({build for named in found for build in _builds(name, named)}, reverse=True)
    if builds:
        return InputError(
            f"no repository holds a version {name} without a revision; there are {' '.join(map(str, builds))}{places}",
            f"Name one revision at a time, the newest first: {builds[0]}.",
            code="MANIFEST_UNKNOWN",
        )
    return InputError(
        f"no repository holds a version {name}{places}",
        "`tags` lists the versions. Name one variant by its exact tag, as 2.1.4-alpine.",
        code="MANIFEST_UNKNOWN",
    )


def in_places(places: Iterable[str]) -> str:
    """Return the repositories that a message is about, in brackets: three of them, and how many more there are."""
    names = list(places)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" ({', '.join(names[:NAMED])}{more})"


def _builds(name: str, named: Named) -> Iterator[Version]:
    """Yield the versions that are revisions of the version that a name means, without their variants."""
    meant = [(short.numbers, short.prerelease) for short in _versions(name, named.rules) if not short.build]
    for version in named.published.versions if named.rules.scheme.revisions else ():
        if version.build and (version.numbers, version.prerelease) in meant:
            yield version.of_variant("")


def all_tags(rules: Rules, versions: Iterable[Version]) -> tuple[str, ...]:
    """Return all tags that the rules give these versions, exact ones first."""
    meant = tuple(dict.fromkeys(versions))
    exact = [tag for version in meant for tag in rules.exact_tags(version)]
    return tuple(dict.fromkeys((*exact, *(tag for version in meant for tag in rules.floating_tags(version)))))


def _with_digests(store: TagStore, look: Look, versions: Iterable[Version]) -> Mapping[str, str | None]:
    wanted = {tag for version in versions for tag in _names(version, look.rules)}
    missing = wanted - look.digests.keys()
    return {**look.digests, **store.digests(missing)} if missing else look.digests


def _candidates(name: str, rules: Rules) -> list[str]:
    """Return the exact tags and marks that a name may mean."""
    return list(dict.fromkeys(tag for version in _versions(name, rules) for tag in _names(version, rules)))


def _names(version: Version, rules: Rules) -> tuple[str, ...]:
    return *rules.exact_tags(version), *marks_of(version, rules)


def _versions(name: str, rules: Rules) -> Iterator[Version]:
    for variant in rules.variants:
        with suppress(InputError):
            yield rules.parse(name, variant)
    for text in (name, f"v{name}", name.removeprefix("v")):
        if found := rules.read(text):
            yield found
