"""The one rule: a tag belongs to the newest version of its class."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import NamedTuple, Self

from tagger.errors import InputError
from tagger.names import TAG
from tagger.rules.marks import HELD, WITHDRAWN, check_not_reserved, is_reserved
from tagger.rules.selection import Selection, Series
from tagger.rules.templates import Template
from tagger.rules.versions import Scheme, Version, channel_of

__all__ = ["Class", "Published", "Rules", "cascade"]

_ORDER = attrgetter("key", "text")  # faster than comparing versions, where there are a hundred thousand


class Published(NamedTuple):
    """What the tags of a repository say: the versions that stand in it, and which of them are withdrawn, or held.

    A version may be withdrawn and gone (purged): it is in `withdrawn` and not in `versions`; one may be held before it
    stands. `exact` are the exact tags that each version has.
    """

    versions: frozenset[Version]
    withdrawn: frozenset[Version]
    exact: Mapping[Version, tuple[str, ...]]
    held: frozenset[Version] = frozenset()

    @property
    def in_force(self) -> frozenset[Version]:
        """The versions that count: published, not withdrawn and not held."""
        return self.versions - self.withdrawn - self.held if self.withdrawn or self.held else self.versions

    def spellings(self, versions: Iterable[Version]) -> dict[Version, list[Version]]:
        """Return, for those of `versions` that are spelled otherwise too (`1.02` beside `1.2`), the others in force."""
        wanted = {(version.variant, version.key): version for version in versions}
        others: dict[Version, list[Version]] = defaultdict(list)
        for version in self.in_force if wanted else ():
            one = wanted.get((version.variant, version.key))
            if one is not None and one != version:
                others[one].append(version)
        return others


class Class(NamedTuple):
    """A class of versions by its tag; `channel` is the channel whose tag it is, if it is one's."""

    tag: str
    channel: str
    is_latest: bool


class Rules(NamedTuple):
    """How a repository's tags follow from its versions.

    `variants` are all that the repository has, the bare tags being the variant "" (written `default`); `latest` is
    `auto`, `false` or a series; `stable` limits the versions that floating tags may belong to. Templates that are
    `replaced` have one beside them that names the variant, and are not the variants'.
    """

    scheme: Scheme = Scheme()
    templates: tuple[Template, ...] = ()
    variants: tuple[str, ...] = ("",)
    channels: tuple[str, ...] = ()
    stable: Selection = Selection("")
    latest: str = "auto"
    withdrawn: frozenset[str] = frozenset()
    mixed_parts: bool = False
    replaced: frozenset[str] = frozenset()

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
    ) -> Self:
        """Read the rules from what settings say. Raise `InputError` when no template is exact, or one is wrong.

        Where channels are on and no template names one, every floating template gets a channel's beside it.
        """
        read = [Template.parse(text) for text in templates]
        names = tuple(dict.fromkeys(channel_of(name) or name for name in channels))
        if not any(template.is_exact for template in read):
            raise InputError(
                "no template gives every version a tag of its own",
                "Add {{version}} to `tags`: it is the tag that is staged, written once and kept.",
            )
        if names and not any(template.is_channel for template in read):
            read += [template.with_channel() for template in read if template.is_floating]
        if latest not in ("auto", "false"):
            Series.parse(latest)
        rules = cls(
            scheme=scheme,
            templates=tuple(read),
            variants=tuple(dict.fromkeys(sorted(variants, key=len, reverse=True))),
            channels=names,
            stable=Selection.parse(stable),
            latest=latest,
            withdrawn=frozenset(map(_plain_name, withdrawn)),
            mixed_parts=mixed_parts,
            replaced=frozenset(template.bare for template in read if "variant" in template.fields),
        )
        rules._check_templates()
        return rules

    @property
    def exact(self) -> tuple[Template, ...]:
        """The exact templates; the first is the one that is staged."""
        return tuple(template for template in self.templates if template.is_exact)

    @property
    def plain(self) -> tuple[Template, ...]:
        """The templates of tags that belong to no version."""
        return tuple(template for template in self.templates if template.is_plain)

    def templates_of(self, variant: str) -> tuple[Template, ...]:
        """Return the templates of a variant: without those that another one replaces, which names it."""
        if not variant or not self.replaced:
            return self.templates
        return tuple(one for one in self.templates if "variant" in one.fields or one.canonical not in self.replaced)

    def exact_tags(self, version: Version) -> tuple[str, ...]:
        """Return the exact tags of a version, the staged one first."""
        templates = self.templates_of(version.variant)
        return _distinct(tag for template in templates if template.is_exact and (tag := template.fill(version)))

    def floating_tags(self, version: Version, channels: Collection[str] = ()) -> tuple[str, ...]:
        """Return the floating tags whose class `version` is in, narrow to wide as the templates stand.

        A prerelease is in its channel's classes only; a stable version also in those of `channels`.
        """
        return tuple(place.tag for place in self.classes(version, channels))

    def classes(self, version: Version, channels: Collection[str] = ()) -> Iterator[Class]:
        """Yield the classes of `version`, each tag once; its exact tags are none."""
        seen = set(self.exact_tags(version))
        own = version.channel if version.channel in self.channels else ""
        for template in self.templates_of(version.variant):
            if not template.is_floating:
                continue
            if template.is_channel:
                names = channels if not version.prerelease else (own,) if own else ()
                fills = [(template.fill(version, name), name) for name in names]
            elif version.prerelease or (template.is_latest and self.latest == "false"):
                continue
            else:
                fills = [(template.fill(version), "")]
            for tag, channel in fills:
                if tag and tag not in seen:
                    seen.add(tag)
                    yield Class(tag, channel, template.is_latest)

    def parse(self, text: str, variant: str = "") -> Version:
        """Read a version as somebody gave it, with its variant behind it or not.

        Raise `InputError` when it is none, or its tag would say another.
        """
        plain = text.removesuffix(f"-{variant}") if variant else text
        return self.check(self.scheme.parse(plain).of_variant(variant))

    def check(self, version: Version) -> Version:
        """Return `version` when its exact tags read back as it. Raise `InputError` when they would say another."""
        tags = self.exact_tags(version)
        if not tags or not TAG.fullmatch(max(tags, key=len)):
            raise InputError(
                f"the version {version} has no exact tag" if not tags else f"{max(tags, key=len)} is not a tag",
                "It lacks what a template in `tags` names." if not tags else "A tag has at most 128 characters.",
            )
        found = self.read(tags[0])
        if found == version:
            return version
        suffix = version.prerelease or version.text
        if found is None:
            hint = f"If {suffix} is a variant, say so in `variant`; if it is a prerelease, name its word in `channels`."
            if re.fullmatch(r"[0-9.]+", suffix):  # neither a variant nor a channel may be called so
                hint = f"Release it as {version.text.removesuffix(f'-{suffix}')}, or begin {suffix} with a word, as rc."
            raise InputError(f"{version}: {suffix!r} is no prerelease that is known by its word", hint)
        raise InputError(
            f"{tags[0]} is the exact tag of {found}" + (f" in the variant {found.variant}" if found.variant else ""),
            f"Release it as version {found}" + (f" with `variant: {found.variant}`." if found.variant else "."),
        )

    def reader(self) -> Callable[[str], Version | None]:
        """Return what tells the version of an exact tag, or None for every other tag: made once, for many tags."""
        readers = [
            template.reader(self.scheme, variant)
            for variant in self.variants
            for template in self.templates_of(variant)
            if template.is_exact
        ]

        def read(tag: str) -> Version | None:
            for reader in readers:
                version = reader(tag)
                if version is not None:
                    return version
            return None

        return readers[0] if len(readers) == 1 else read

    def read(self, tag: str) -> Version | None:
        """Return the version whose exact tag this is, if it is one's."""
        return self.reader()(tag)

    def claims(self, tag: str) -> bool:
        """Say whether a tag is, or could become, a version's (exact, floating), or is reserved."""
        patterns = [
            template.pattern(variant, self.channels)
            for variant in self.variants
            for template in self.templates_of(variant)
            if template.is_floating
        ]
        return bool(is_reserved(tag) or self.read(tag) or any(re.fullmatch(pattern, tag) for pattern in patterns))

    def published(self, tags: Iterable[str], lifted: Collection[str] = ()) -> Published:
        """Return what the tags of a repository say, in any order, without the marks that are `lifted`."""
        read = self.reader()
        exact: dict[Version, tuple[str, ...]] = {}
        withdrawn: set[Version] = set()
        held: set[Version] = set()
        for tag in sorted(tags) if any("raw" in template.fields for template in self.exact) else tags:
            version = read(tag)
            if version is not None:
                exact[version] = (*exact[version], tag) if version in exact else (tag,)
            elif tag.startswith((WITHDRAWN, HELD)) and tag not in lifted:
                mark, _, name = tag.partition("-")
                marked = read(name)
                if marked is not None:
                    (held if mark == HELD[:-1] else withdrawn).add(marked)
        versions = frozenset(exact)
        versions -= self._shortened(versions | withdrawn)
        if self.withdrawn:
            withdrawn |= {version for version in versions if not self.withdrawn.isdisjoint(self._names(version))}
        if len(self.exact) > 1 or len(versions) < len(exact):
            exact = {version: tuple(sorted(exact[version])) for version in versions}
        return Published(versions, frozenset(withdrawn), exact, frozenset(held))

    def withdrawn_mark(self, version: Version) -> str:
        """Return the tag that says that `version` is withdrawn."""
        return f"{WITHDRAWN}{self.exact_tags(version)[0]}"

    def held_mark(self, version: Version) -> str:
        """Return the tag that says that `version` is held."""
        return f"{HELD}{self.exact_tags(version)[0]}"

    def why_not_stable(self, version: Version) -> str:
        """Return why floating tags pass `version` by, for a person; empty when they do not."""
        if version.prerelease and version.channel not in self.channels:
            return f"{version} is a prerelease"
        if version not in self.stable:
            return f"{version} is not in `stable` ({self.stable.text})"
        return ""

    def check_lengths(self, versions: Iterable[Version]) -> None:
        """Raise `InputError` where versions of several lengths stand side by side unasked."""
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
        """Return what a person may call a version when withdrawing it: its text (all variants), or an exact tag."""
        names = self._names(version)
        return names | {name.replace("_", "+", 1) for name in names} | {f"v{name}" for name in names}

    def _names(self, version: Version) -> set[str]:
        text = version.text
        return {text, f"{text}-{version.variant}", *(_plain_name(tag) for tag in self.exact_tags(version))}

    def leaders(self, versions: Iterable[Version], *, stable: bool = True) -> list[Version]:
        """Return the newest of those versions that fill in every floating template alike: only they can own a tag.

        With `stable`, only versions that floating tags may belong to count.
        """
        length = self.depth
        whole = any("prerelease" in template.fields for template in self.templates if template.is_floating)
        groups: dict[tuple[str, tuple[str, ...], str], list[Version]] = defaultdict(list)
        for version in versions:
            end = version.prerelease and (version.prerelease if whole else version.channel)
            groups[version.variant, version.numbers[:length], end].append(version)
        if not stable:
            return [max(group, key=_ORDER) for group in groups.values()]
        newest = (self._newest_stable(group) for group in groups.values())
        return [version for version in newest if version is not None]

    def _newest_stable(self, group: list[Version]) -> Version | None:
        if not self.stable.text:
            return None if self.why_not_stable(group[0]) else max(group, key=_ORDER)
        ordered = sorted(group, key=_ORDER, reverse=True)
        return next((version for version in ordered if not self.why_not_stable(version)), None)

    @property
    def depth(self) -> int:
        """How many of a version's numbers say which floating tags it may own: 2 of `X.Y`, `X` and `latest`."""
        pinned = self.series
        lengths = (template.length for template in self.templates if template.is_floating)
        return max(len(pinned.numbers) if pinned else 0, *lengths, 0)

    @property
    def series(self) -> Series | None:
        """The series that `latest` stays in, if it stays in one."""
        return None if self.latest in ("auto", "false") else Series.parse(self.latest)

    def _shortened(self, versions: Collection[Version]) -> set[Version]:
        """Return those that are a longer version of their variant, shortened: their tags float."""
        if (self.scheme.name, self.scheme.build_metadata, self.channels) == ("semver", "refuse", ()):
            return set()  # three numbers, always
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
        read = self.reader()
        for version in self.leaders(fuller, stable=False):
            for tag in self.floating_tags(version):
                short = read(tag)
                if short is not None and _shortens(short, version):
                    found.add(short)
        return found

    def _check_templates(self) -> None:
        """Raise `InputError` for a template whose tags read back as other versions, or are another variant's."""
        hint = "Leave that word out of `tags`."
        for template in self.plain:
            check_not_reserved(template.text, hint)
        variant_of: dict[str, str] = {}
        read = self.reader()
        for sample in self._samples():
            exact = self.exact_tags(sample)
            for tag in exact + self.floating_tags(sample, self.channels):
                found = read(check_not_reserved(tag, hint))
                if found is not None and found != sample and not _shortens(found, sample):
                    raise InputError(
                        f"a template makes the tag {tag} of {exact[0]}, and that is the tag of another version",
                        "Put a word before it, as series-{{minor}}: a version's tag is written once, and never moves.",
                    )
                if variant_of.setdefault(tag, sample.variant) != sample.variant:
                    raise InputError(
                        f"two variants would share the tag {tag}",
                        "Leave the variant out of the template: it is added to the tags of its builds.",
                    )

    def _samples(self) -> Iterator[Version]:
        """Yield a version of every shape and variant."""
        lengths = (3,) if self.scheme.name == "semver" else (2, 3, 4)
        ends = ("", *(f"-{channel}.1" for channel in self.channels))
        for variant in self.variants:
            for numbers in (".".join("1234"[:length]) for length in lengths):
                for end in ends:
                    version = self.scheme.read(numbers + end, variant)
                    if version is not None:
                        yield version


def cascade(versions: Iterable[Version], rules: Rules) -> dict[str, Version]:
    """Return the version that each floating tag belongs to: the newest of its class.

    A pure function of the set of versions. A channel's tag exists where a prerelease of the channel does, and moves
    on to the final release when that is newer. A tag that would read back as a version of its own never floats.
    """
    leaders = rules.leaders(versions)
    channel_tags = {tag for version in leaders if version.prerelease for tag in rules.floating_tags(version)}
    channels = rules.channels if channel_tags else ()
    series = rules.series
    owners: dict[str, Version] = {}
    for version in leaders:
        for place in rules.classes(version, channels):
            if place.channel and place.tag not in channel_tags:
                continue
            if place.is_latest and series and version not in series:
                continue
            holder = owners.get(place.tag)
            if holder is None or holder < version:
                owners[place.tag] = version
    read = rules.reader()
    return {tag: owner for tag, owner in owners.items() if (exact := read(tag)) is None or _shortens(exact, owner)}


def _shortens(version: Version, owner: Version) -> bool:
    """Say whether `version` is `owner` with less said: fewer numbers, no build, or no more than its prerelease word."""
    length = len(version.numbers)
    if version.variant != owner.variant or version.numbers != owner.numbers[:length] or version.build:
        return False
    if version.prerelease:
        return version.prerelease == version.channel
    return length < len(owner.numbers) or bool(owner.build and not owner.prerelease)


def _plain_name(text: str) -> str:
    """Return a version's name as people compare them: without a leading `v`, and with the build behind a `_`."""
    return re.sub(r"\Av(?=[0-9])", "", text).replace("+", "_")


def _distinct(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))
