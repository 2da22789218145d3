"""The one rule: a tag belongs to the newest version of its class."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

from tagger.errors import InputError
from tagger.rules.grammar import Class, Grammar, shortens
from tagger.rules.marks import HELD_MARK, WITHDRAWN_MARK
from tagger.rules.published import Published
from tagger.rules.selection import Selection
from tagger.rules.templates import DEFAULT_TEMPLATES, Template
from tagger.rules.variants import Variants, natural
from tagger.rules.versions import ORDER, Scheme, Version
from tagger.rules.words import channel_words

__all__ = ["Class", "Published", "Rules", "cascade"]

SEMVER, BARE, EVERY = Scheme(), Variants(), Selection("")
_BASES = ("{{major}}.{{minor}}.{{patch}}.{{revision}}", "{{major}}.{{minor}}.{{patch}}")
"""The templates of a version without its revision: they join the default templates where revisions are declared."""


class Rules(Grammar):
    """How the tags of a repository follow from its versions.

    `variants` are all that the repository has; the bare tags are the variant "", written `default` in settings.
    `latest` is `auto`, `false`, or the versions that the tag `latest` may belong to. `stable` has the versions that any
    floating tag may belong to.
    """

    def __init__(
        self,
        scheme: Scheme = SEMVER,
        templates: tuple[Template, ...] = (),
        variants: Variants = BARE,
        channels: Mapping[str, Collection[str]] | None = None,
        *,
        stable: Selection = EVERY,
        latest: str = "auto",
        withdrawn: frozenset[str] = frozenset(),
        mixed_parts: bool = False,
    ) -> None:
        super().__init__(scheme, templates, variants, channels or {}, has_latest=latest != "false")
        self.stable, self.latest, self.withdrawn, self.mixed_parts = stable, latest, withdrawn, mixed_parts
        self.pinned = None if latest in ("auto", "false") else Selection.parse(latest)

    @classmethod
    def of(
        cls,
        templates: Iterable[str],
        *,
        scheme: Scheme,
        variants: Iterable[str] = ("",),
        channels: Iterable[str] = (),
        stable: str = "",
        latest: str = "auto",
        withdrawn: Iterable[str] = (),
        mixed_parts: bool = False,
        check: bool = True,
    ) -> Self:
        """Read the rules from what settings say. Raise `InputError` when no template is exact, or one is wrong.

        Where channels are on and no template names one, every floating template gets a channel's beside it. Without
        `check` the templates may contradict each other.
        """
        words = channel_words(channels)
        rules = cls(
            scheme._replace(channels=scheme.channels.union(*words.values())),
            tuple(_read_templates(templates, revisions=bool(scheme.revisions), channels=bool(words))),
            Variants.of(variants),
            words,
            stable=Selection.parse(stable),
            latest=latest,
            withdrawn=frozenset(map(_plain_name, withdrawn)),
            mixed_parts=mixed_parts,
        )
        rules.check_limits()
        if check:
            rules.check_templates()
        return rules

    def check_limits(self) -> None:
        """Raise `InputError` where `stable` or `latest` names a variant that nobody declared."""
        for name, selection in (("stable", self.stable), ("latest", self.pinned or EVERY)):
            self.declared.check_named(name, selection.variants)

    def published(self, tags: Iterable[str], lifted: Collection[str] = ()) -> Published:
        """Return what the tags of a repository say, in any order, without the marks that are `lifted`."""
        read = self.reader
        exact: dict[Version, tuple[str, ...]] = {}
        withdrawn: set[Version] = set()
        held: set[Version] = set()
        for tag in sorted(tags) if any("raw" in template.fields for template in self.exact) else tags:
            version = read(tag)
            if version is not None:
                own = (tag,)
                if (before := exact.setdefault(version, own)) is not own:
                    exact[version] = (*before, tag)
            elif tag.startswith((WITHDRAWN_MARK, HELD_MARK)) and tag not in lifted:
                mark, _, name = tag.partition("-")
                marked = read(name)
                if marked is not None:
                    (held if mark == HELD_MARK[:-1] else withdrawn).add(marked)
        versions = frozenset(exact)
        versions -= self._find_shortened(versions | withdrawn)
        if self.withdrawn:
            withdrawn |= {version for version in versions if not self.withdrawn.isdisjoint(self._names(version))}
        if len(self.exact) > 1 or len(versions) < len(exact):
            exact = {version: tuple(sorted(exact[version])) for version in versions}
        return Published(versions, frozenset(withdrawn), exact, frozenset(held))

    def withdrawn_mark(self, version: Version) -> str:
        """Return the tag that marks `version` as withdrawn."""
        return f"{WITHDRAWN_MARK}{self.exact_tags(version)[0]}"

    def held_mark(self, version: Version) -> str:
        """Return the tag that marks `version` as held."""
        return f"{HELD_MARK}{self.exact_tags(version)[0]}"

    def why_not_stable(self, version: Version) -> str:
        """Return why no floating tag may belong to `version`, for people; empty when one may."""
        if version.prerelease and not self.channels_of(version):
            return f"{version} is a prerelease"
        if version not in self.stable:
            return f"{version} is not in `stable` ({self.stable.text})"
        return ""

    def check_lengths(self, versions: Iterable[Version]) -> None:
        """Raise `InputError` where versions of one variant differ in length and `mixed-parts` is off."""
        if self.mixed_parts:
            return
        by_variant: dict[str, dict[int, Version]] = defaultdict(dict)
        for version in versions:
            by_variant[version.variant].setdefault(len(version.numbers), version)
        for lengths in by_variant.values():
            if len(lengths) > 1:
                one, other = (lengths[length] for length in sorted(lengths)[:2])
                raise InputError(
                    f"the repository has versions of several lengths: {one} and {other}",
                    "If both are versions set `mixed-parts: true`; a tag such as 2.1 beside 2.1.4 is floating anyway.",
                    code="MIXED_PARTS",
                )

    def withdrawn_names(self, version: Version) -> set[str]:
        """Return the names by which a person may withdraw a version: its text (for all variants), or an exact tag."""
        names = self._names(version)
        return names | {name.replace("_", "+", 1) for name in names} | {f"v{name}" for name in names}

    def _names(self, version: Version) -> set[str]:
        text = version.text
        return {text, f"{text}-{version.variant}", *(_plain_name(tag) for tag in self.exact_tags(version))}

    def leaders(self, versions: Collection[Version], *, stable: bool = True) -> list[Version]:
        """Return the newest version of each group that fills in every floating template alike: no other can own a tag.

        With `stable`, only versions that floating tags may belong to count. Where settings limit `latest`, the newest
        version that it may belong to is among them.
        """
        length = self.depth
        whole = any("prerelease" in template.fields for template in self.templates if template.is_floating)
        groups: dict[tuple[str, tuple[str, ...], str], list[Version]] = defaultdict(list)
        for version in versions:
            end = version.prerelease and (version.prerelease if whole else version.channel)
            groups[version.variant, version.numbers[:length], end].append(version)
        if not stable:
            return [max(group, key=ORDER) for group in groups.values()]
        newest = (self._newest_stable(group) for group in groups.values())
        return [*(version for version in newest if version is not None), *self._pinned_leaders(versions)]

    def _newest_stable(self, group: list[Version]) -> Version | None:
        if not self.stable.text:
            return None if self.why_not_stable(group[0]) else max(group, key=ORDER)
        ordered = sorted(group, key=ORDER, reverse=True)
        return next((version for version in ordered if not self.why_not_stable(version)), None)

    def _pinned_leaders(self, versions: Iterable[Version]) -> Iterable[Version]:
        """Return the newest version of each variant and alias that `latest` may belong to, where settings limit it."""
        newest: dict[str, Version] = {}
        pinned = self.pinned or EVERY
        for version in versions if self.pinned else ():
            if version.prerelease or version not in self.stable:
                continue
            for variant in (version.variant, *self.aliases(version.variant)):
                best = newest.get(variant)
                if (best is None or ORDER(version) > ORDER(best)) and version.of_variant(variant) in pinned:
                    newest[variant] = version
        return newest.values()

    @property
    def depth(self) -> int:
        """How many of a version's numbers say which floating tags it may own: 2 of `X.Y`, `X` and `latest`."""
        return max((template.length for template in self.templates if template.is_floating), default=0)

    def _find_shortened(self, versions: Collection[Version]) -> set[Version]:
        """Return the versions that are a shorter form of another version of their variant: their tags are floating."""
        if (self.scheme.name, self.scheme.build_metadata, self.scheme.revisions, self.channels) == (
            "semver", "refuse", (), (),
        ):  # fmt: skip
            return set()  # such versions always have three numbers
        shortest = min((len(version.numbers) for version in versions), default=0)
        longer: set[tuple[str, tuple[str, ...], str]] = set()
        fuller = []
        for version in versions:
            if len(version.numbers) > shortest:
                for length in range(shortest, len(version.numbers)):
                    longer.update((version.variant, version.numbers[:length], end) for end in ("", *self.channels))
            if version.build or version.prerelease:
                fuller.append(version)
        found = (
            {v for v in versions if not v.build and (v.variant, v.numbers, v.prerelease) in longer} if longer else set()
        )
        for version in self.leaders(fuller, stable=False):
            for tag in self.floating_tags(version):
                short = self.read(tag)
                if short is not None and shortens(short, version):
                    found.add(short)
        return found


def cascade(versions: Collection[Version], rules: Rules) -> dict[str, Version]:
    """Return the version that each floating tag belongs to: the newest of its class.

    A pure function of the set of versions. A channel's tag exists where a prerelease of the channel does, and moves
    on to the final release when that is newer. A tag that reads back as another version is never floating. Where one
    version has several variants of a family, the tags of the alias belong to the newest variant.
    """
    leaders = rules.leaders(versions)
    channel_tags = {tag for version in leaders if version.prerelease for tag in rules.floating_tags(version)}
    channels = rules.channels if channel_tags else ()
    owners: dict[str, Version] = {}
    orders: dict[str, Any] = {}
    for version in leaders:
        own = version.key, (), version.key, version.text
        for one in rules.classes(version, channels):
            if one.channel and one.tag not in channel_tags:
                continue
            if one.is_latest and rules.pinned and version.of_variant(one.variant) not in rules.pinned:
                continue
            order = own if one.variant == version.variant else _alias_order(version)
            if one.tag not in owners or orders[one.tag] < order:
                owners[one.tag], orders[one.tag] = version, order
    return {tag: owner for tag, owner in owners.items() if (exact := rules.read(tag)) is None or shortens(exact, owner)}


def _alias_order(version: Version) -> Any:
    """Return a sort key for versions of several variants; a revision behind the variant counts only within it."""
    before = version.key[:-1] if version.behind else version.key
    return before, natural(version.variant), version.key, version.text


def _read_templates(texts: Iterable[str], *, revisions: bool, channels: bool) -> list[Template]:
    """Read the templates and add those of revisions and channels. Raise `InputError` where none is exact."""
    read = [Template.parse(text) for text in texts]
    if not any(template.is_exact for template in read):
        plain = next((one.text for one in read if not one.fields), "")
        row = f" A tag of no version is a row: type=raw,value={plain}." if plain and len(read) == 1 else ""
        raise InputError(
            "no template gives every version a tag of its own",
            f"Add `tags: {{{{version}}}}`: it is the tag that is staged, written once and kept.{row}",
        )
    bases = revisions and tuple(one.canonical for one in read if not one.is_plain) == DEFAULT_TEMPLATES
    if channels and not any(template.is_channel for template in read):
        read += [template.with_channel() for template in read if template.is_floating]
    if bases:
        behind = next(place for place, one in enumerate(read, 1) if one.is_exact)
        read[behind:behind] = map(Template.parse, _BASES)
    return read


def _plain_name(text: str) -> str:
    """Return the name of a version in one form: without a leading `v`, and with `_` before the build."""
    return re.sub(r"\Av(?=[0-9])", "", text).replace("+", "_")
