"""Which tags a version has, and which version a tag is."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from tagger.errors import InputError
from tagger.names import TAG
from tagger.rules.marks import check_not_reserved, is_reserved
from tagger.rules.revisions import guess_form
from tagger.rules.templates import Reader, Template
from tagger.rules.variants import Variants
from tagger.rules.versions import Scheme, Version

__all__ = ["Class", "Grammar", "shortens"]


class Class(NamedTuple):
    """A class of versions, named by the floating tag that they share.

    `channel` is the channel that the tag belongs to, empty where it is none's. `variant` is the variant that the tag
    belongs to: that of its versions, or an alias.
    """

    tag: str
    channel: str
    is_latest: bool
    variant: str = ""


class Grammar:
    """How the tags of a repository are written: a scheme, templates, variants, and channels of prerelease words.

    `channels` has the words of each channel by its name. A template that names the variant replaces, for variants, the
    same template without it. Without `has_latest` there is no tag `latest`.
    """

    def __init__(
        self,
        scheme: Scheme,
        templates: tuple[Template, ...],
        variants: Variants,
        channels: Mapping[str, Collection[str]],
        *,
        has_latest: bool = True,
    ) -> None:
        self.scheme = scheme
        self.templates = templates
        self.families = variants.families
        self.variants = variants.names
        self.channels = tuple(channels)
        self.declared = variants
        self._has_latest = has_latest
        self._channels_of = {
            word: tuple(n for n in channels if word in channels[n]) for n in channels for word in channels[n]
        }
        self._replaced = frozenset(template.bare for template in templates if "variant" in template.fields)
        self._exact: dict[bool, Sequence[Template]] = {}
        self._floating: dict[bool, Sequence[tuple[Template, bool, bool]]] = {}
        self._aliases: dict[str, tuple[str, ...]] = {}

    @property
    def exact(self) -> tuple[Template, ...]:
        """The exact templates; the first is the one that is staged."""
        return tuple(template for template in self.templates if template.is_exact)

    @property
    def plain(self) -> tuple[Template, ...]:
        """The templates of tags that belong to no version."""
        return tuple(template for template in self.templates if template.is_plain)

    def templates_of(self, variant: str) -> tuple[Template, ...]:
        """Return the templates of a variant: without those that a template which names the variant replaces."""
        if not variant or not self._replaced:
            return self.templates
        return tuple(one for one in self.templates if "variant" in one.fields or one.canonical not in self._replaced)

    def _exact_of(self, variant: str) -> Sequence[Template]:
        """Return the exact templates of a variant."""
        named = bool(variant)
        if named not in self._exact:
            self._exact[named] = tuple(template for template in self.templates_of(variant) if template.is_exact)
        return self._exact[named]

    def _floating_of(self, variant: str) -> Sequence[tuple[Template, bool, bool]]:
        """Return the floating templates of a variant; of each whether it is a channel's, and whether it is `latest`."""
        named = bool(variant)
        if named not in self._floating:
            floating = (template for template in self.templates_of(variant) if template.is_floating)
            self._floating[named] = [(template, template.is_channel, template.is_latest) for template in floating]
        return self._floating[named]

    def aliases(self, variant: str) -> tuple[str, ...]:
        """Return the aliases of a variant, which have floating tags of its versions."""
        if not self.families:
            return ()
        if variant not in self._aliases:
            self._aliases[variant] = self.declared.aliases(variant)
        return self._aliases[variant]

    def members_in(self, tag: str) -> Iterator[str]:
        """Yield the aliases, and the members of families, that a tag ends in."""
        for family in self.families:
            yield family.alias
            if match := re.search(rf"(?:\A|-)({family.expression})\Z", tag):
                yield match[1]

    def channels_of(self, version: Version) -> tuple[str, ...]:
        """Return the channels that a prerelease is in."""
        return self._channels_of.get(version.channel, ()) if self._channels_of else ()

    def exact_tags(self, version: Version) -> tuple[str, ...]:
        """Return the exact tags of a version, the staged one first."""
        filled = (tag for template in self._exact_of(version.variant) if (tag := template.fill(version)))
        return tuple(dict.fromkeys(filled))

    def floating_tags(self, version: Version, channels: Collection[str] = ()) -> tuple[str, ...]:
        """Return the floating tags whose class `version` is in, narrow to wide as the templates stand.

        A prerelease is in the classes of its channels only; a stable version also in those of `channels`.
        """
        return tuple(one.tag for one in self.classes(version, channels))

    def classes(self, version: Version, channels: Collection[str] = ()) -> Iterator[Class]:
        """Yield the classes of `version`, each tag once, those of aliases last. Its exact tags are no classes."""
        seen = set(self.exact_tags(version))
        names = self.channels_of(version) if version.prerelease else channels
        for named in (version, *map(version.of_variant, self.aliases(version.variant))):
            for template, is_channel, is_latest in self._floating_of(named.variant):
                if is_channel:
                    fills = [(template.fill(named, name), name) for name in names]
                elif version.prerelease or (is_latest and not self._has_latest):
                    continue
                else:
                    fills = [(template.fill(named), "")]
                for tag, channel in fills:
                    if tag and tag not in seen:
                        seen.add(tag)
                        yield Class(tag, channel, is_latest, named.variant)

    def parse(self, text: str, variant: str = "") -> Version:
        """Read a version as a person writes it, with or without its variant behind it.

        Raise `InputError` when it is no version, or when its tag would read back as another one.
        """
        return self.check(self.scheme.parse(self._without(text, variant)).of_variant(variant))

    def _without(self, text: str, variant: str) -> str:
        """Return a version's text without its variant, which may have a revision behind it."""
        for form in self.scheme.behind if variant else ():
            split = form.split(text)
            if split and split[0].endswith(f"-{variant}"):
                return split[0].removesuffix(f"-{variant}") + split[1]
        return text.removesuffix(f"-{variant}") if variant else text

    def check(self, version: Version) -> Version:
        """Return `version` when its exact tags read back as it. Raise `InputError` when they read back as another."""
        tags = self.exact_tags(version)
        if not tags or not TAG.fullmatch(max(tags, key=len)):
            raise InputError(
                f"the version {version} has no exact tag" if not tags else f"{max(tags, key=len)} is not a tag",
                "It lacks what a template in `tags` names: its numbers, or the word of a prerelease."
                if not tags
                else "A tag has at most 128 characters.",
            )
        found = self.read(tags[0])
        if found == version:
            return version
        if found is None:
            suffix = version.prerelease or version.text
            raise InputError(f"{version}: {suffix!r} is not a known prerelease", _hint(version, suffix))
        if (found.key, found.variant) == (version.key, version.variant):
            raise InputError(
                f"{version.raw} is another spelling of {version}, and a version has only one",
                f"Name the git tag {version.text}; or write {{{{version}}}} in `tags` instead of {{{{raw}}}}.",
            )
        raise InputError(
            f"{tags[0]} is the exact tag of {found}" + (f" in the variant {found.variant}" if found.variant else ""),
            f"Release it as version {found}" + (f" with `variant: {found.variant}`." if found.variant else "."),
        )

    @cached_property
    def reader(self) -> Reader:
        """A function that returns the version of an exact tag, and None for every other tag."""
        ends = self._readers()
        lengths = sorted({len(end) for end in ends}, reverse=True)
        aliases = tuple(f"-{family.alias}" for family in self.families if family.alias)

        def read(tag: str) -> Version | None:
            for length in lengths:
                for reader in ends.get(tag[-length:] if length else "", ()):
                    version = reader(tag)
                    if version is not None:  # 2.2-rc-alpine is a tag of the alias alpine, no prerelease rc-alpine
                        return None if aliases and version.prerelease.endswith(aliases) else version
            return None

        plain = ends.get("", ())
        return plain[0] if lengths == [0] and len(plain) == 1 and not aliases else read

    def _readers(self) -> dict[str, list[Reader]]:
        """Return the readers of exact tags, by what the tags end in. Those without a variant are tried last.

        To them, the variant of a prerelease is a part of it: `2.1.4-rc.1-alpine` is the prerelease `rc.1-alpine`.
        """
        ends: dict[str, list[Reader]] = defaultdict(list)
        bare: list[Reader] = []
        for variant in self.variants:
            for template in self.templates_of(variant):
                if template.is_exact:
                    around = template.around(variant)
                    end = around[1] if around and not (variant and self.scheme.behind) else ""
                    (ends[end] if variant or end else bare).append(template.reader(self.scheme, variant))
        for family in self.families:
            for template in self.templates_of(family.example):
                if template.is_exact:
                    ends[""].append(template.family_reader(self.scheme, family))
        ends[""] += bare
        return dict(ends)

    def read(self, tag: str) -> Version | None:
        """Return the version whose exact tag this is, or None."""
        return self.reader(tag)

    def claims(self, tag: str) -> bool:
        """Say whether a tag is reserved, or is or could become an exact or a floating tag of a version."""
        if is_reserved(tag) or self.read(tag):
            return True
        named = [re.escape(variant) for variant in (*self.variants, *(family.alias for family in self.families))]
        return any(
            re.fullmatch(template.family_pattern(variant, self.channels), tag)
            for variant in (*named, *(family.expression for family in self.families))
            for template in self.templates_of(variant)
            if template.is_floating
        )

    def check_templates(self) -> None:
        """Raise `InputError` for a template whose tags read back as other versions, or belong to another variant."""
        hint = "Choose another word: Tagger keeps its own records under such tags."
        for template in self.plain:
            check_not_reserved(template.text, hint)
        variant_of: dict[str, str] = {}
        for sample in self._samples():
            exact = self.exact_tags(sample)
            own = dict.fromkeys(exact, sample.variant)
            floating = {one.tag: one.variant for one in self.classes(sample, self.channels)}
            for tag, variant in {**own, **floating}.items():
                found = self.read(check_not_reserved(tag, hint))
                if found is not None and found != sample and not shortens(found, sample):
                    raise InputError(
                        f"a template makes the tag {tag} of {exact[0]}, and that is the tag of another version",
                        f"Write `series-{self._template_of(tag, sample)}`: a version's tag is written once.",
                    )
                if variant_of.setdefault(tag, variant) != variant:
                    raise InputError(
                        f"two variants would share the tag {tag}",
                        "Leave the variant out of the template: it is added to the tags of its builds.",
                    )

    def _template_of(self, tag: str, sample: Version) -> str:
        """Return the template that makes a tag of a version."""
        return next((one.text for one in self.templates_of(sample.variant) if one.fill(sample) == tag), tag)

    def _samples(self) -> Iterator[Version]:
        """Yield a version of every shape and variant."""
        lengths = (3,) if self.scheme.name == "semver" else (2, 3, 4)
        ends = ("", *(f"-{word}.1" for word in self._channels_of))
        for variant in (*self.variants, *(family.example for family in self.families)):
            for numbers in (".".join("1234"[:length]) for length in lengths):
                for end in ends:
                    version = self.scheme.read(numbers + end, variant)
                    if version is not None:
                        yield version


def shortens(version: Version, owner: Version) -> bool:
    """Say whether `version` is a shorter form of `owner`: fewer numbers, no build, or only its prerelease word."""
    length = len(version.numbers)
    if version.variant != owner.variant or version.numbers != owner.numbers[:length] or version.build:
        return False
    if version.prerelease:
        return version.prerelease == version.channel
    return length < len(owner.numbers) or bool(owner.build and not owner.prerelease)


def _hint(version: Version, suffix: str) -> str:
    """Return what to do about a version whose suffix is unknown."""
    variant, dash, end = suffix.rpartition("-")
    behind = guess_form(f"-{end}") if dash else ""
    if re.fullmatch(r"[0-9.]+", suffix):  # no variant and no channel may be a number
        plain = version.text.removesuffix(f"-{suffix}")
        form = guess_form(f"-{suffix}")
        return f"If {suffix} is a packaging revision, set `revisions: {form}`. Else release it as {plain}."
    if form := guess_form(f"-{suffix}"):
        return f"If {suffix} is a packaging revision, set `revisions: {form}`; if a variant, say so in `variant`."
    if behind:
        return (
            f"If {end} is a revision behind a variant, set `revisions: {{{{variant}}}}{behind}`, `variant: {variant}`."
        )
    return f"If {suffix} is a variant, say so in `variant`; if it is a prerelease, name its word in `channels`."
