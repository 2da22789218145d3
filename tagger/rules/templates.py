"""Templates of tags: texts with fields that are filled in from a version and read back into it."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import combinations
from typing import NamedTuple, Self

from tagger.errors import InputError
from tagger.names import TAG
from tagger.rules.revisions import Revision
from tagger.rules.variants import Family
from tagger.rules.versions import Scheme, Version

__all__ = ["DEFAULT_TEMPLATES", "FIELDS", "LATEST", "PARTS", "PLAIN_FIELDS", "Template", "date_field"]

LATEST = "latest"
DEFAULT_TEMPLATES = ("{{version}}", "{{major}}.{{minor}}", "{{major}}", LATEST)
FIELDS = ("version", "major", "minor", "patch", "revision", "prerelease", "channel", "variant", "raw")
PLAIN_FIELDS = ("sha", "branch", "pr", "date")
PARTS = {"major": 0, "minor": 1, "patch": 2, "revision": 3}
LONGEST = 1024  # characters of a template
_FIELD = re.compile(r"\{\{(.*?)\}\}")
_QUOTED = r"(?:'([^']*)'|\"([^\"]*)\")"
_DATE = (
    rf"date(?:\s+{_QUOTED})?(?:\s+tz={_QUOTED})?"  # few templates have it, so it is compiled only where it is needed
)
_VARIANT = r"\A\{\{variant\}\}[-._]?|[-._]?\{\{variant\}\}"
_MARKER = "\0"  # stands for the variant; no tag holds it
_LITERAL = re.compile(r"[A-Za-z0-9._-]*")

Reader = Callable[[str], Version | None]
"""A function that returns the version of an exact tag, and None for every other tag."""


class Template(NamedTuple):
    """A template of a tag, `v{{major}}`: literals and fields in turn.

    A template with `version` or `raw` gives every version a text of its own and is *exact*; one with `sha`, `branch`
    or `date` belongs to no version and is *plain*; every other one is *floating*.
    """

    text: str
    pieces: tuple[tuple[str, str], ...]  # (literal, field or ""), in order
    fields: frozenset[str]  # names only: `date` without its format

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template. Raise `InputError` for an unknown field, or for text that a tag cannot hold."""
        if len(text) > LONGEST:
            raise InputError(
                f"the template {text[:40]!r}… has {len(text)} characters", f"At most {LONGEST} are read; a tag has 128."
            )
        pieces: list[tuple[str, str]] = []
        end = 0
        for match in _FIELD.finditer(text):
            pieces.append((text[end : match.start()], match[1].strip()))
            end = match.end()
        pieces.append((text[end:], ""))
        for literal, _ in pieces:
            _check_literal(text, literal)
        for _, field in pieces[:-1]:
            _check_field(text, field)
        fields = frozenset(field.split()[0] for _, field in pieces[:-1])
        if not TAG.fullmatch(_FIELD.sub("x", text)):
            raise InputError(f"the template {text!r} is not a tag", "A tag begins with a letter, a digit or _.")
        if not fields.isdisjoint(PLAIN_FIELDS) and not fields <= {*PLAIN_FIELDS, "variant"}:
            raise InputError(
                f"the template {text!r} mixes fields of a version with fields of a build",
                "A tag belongs to a version ({{version}}, {{major}}, …) or to none ({{sha}}, {{branch}}, {{date}}).",
            )
        return cls(text, tuple(pieces), fields)

    @property
    def is_exact(self) -> bool:
        """Whether every version has a tag of its own."""
        return not self.fields.isdisjoint(("version", "raw"))

    @property
    def is_plain(self) -> bool:
        """Whether the tag belongs to no version."""
        return not self.fields.isdisjoint(PLAIN_FIELDS)

    @property
    def is_floating(self) -> bool:
        """Whether versions share the tag."""
        return not self.is_exact and not self.is_plain

    @property
    def is_channel(self) -> bool:
        """Whether prereleases share the tag: it names their channel, or the whole prerelease."""
        return self.is_floating and not self.fields.isdisjoint(("channel", "prerelease"))

    @property
    def canonical(self) -> str:
        """The text in the form that is compared: without white space around the names of fields."""
        return "".join(f"{literal}{{{{{field}}}}}" if field else literal for literal, field in self.pieces)

    @property
    def length(self) -> int:
        """How many of a version's first numbers it names: 2 for `{{major}}.{{minor}}`."""
        return max((PARTS[field] + 1 for field in self.fields if field in PARTS), default=0)

    @property
    def bare(self) -> str:
        """The text without the variant: `latest` for `latest-{{variant}}` and for `{{variant}}`.

        A template that names the variant replaces this one for variants.
        """
        if "variant" not in self.fields:
            return self.canonical
        return re.sub(_VARIANT, "", self.canonical) or LATEST

    @property
    def is_latest(self) -> bool:
        """Whether it is `latest`, or the template that replaces `latest` for variants."""
        return self.bare == LATEST

    def with_channel(self) -> "Template":
        """Return the template of channels for this floating one: `{{major}}-{{channel}}` for `{{major}}`."""
        text = "{{channel}}" if self.is_latest else f"{self.bare}-{{{{channel}}}}"
        if "variant" in self.fields:
            text = self.canonical.replace(self.bare, text) if self.bare in self.canonical else f"{text}-{{{{variant}}}}"
        return Template.parse(text)

    def fill(self, version: Version, channel: str = "") -> str | None:
        """Return the tag of `version`; None when it lacks a part that the template names.

        `channel` replaces the version's own channel: a final release fills in the tag of a channel too.
        """
        tag = self._fill(lambda field: _value(field, version, channel), version.variant)
        return f"{tag}{version.behind}" if tag and version.behind and version.variant and self.is_exact else tag

    def fill_plain(self, facts: Callable[[str], str], variant: str = "") -> str | None:
        """Return the plain tag. `facts` returns the value of `sha`, `branch`, `pr` or a whole date field, or ""."""
        return self._fill(lambda field: variant if field == "variant" else facts(field), variant)

    def reader(self, scheme: Scheme, variant: str) -> Reader:
        """Return a reader of the exact tags of a variant."""
        read = self._text_reader(scheme, variant)
        around = self.around(variant)
        if around == ("", ""):
            return read
        if around is None:  # the text around the version depends on the version, so the version can be anywhere
            return lambda tag: next(
                (
                    version
                    for start, end in combinations(range(len(tag) + 1), 2)
                    if (version := read(tag[start:end])) is not None and self.fill(version) == tag
                ),
                None,
            )
        before, after = around
        start, rest = len(before), len(after)

        def between(tag: str) -> Version | None:
            end = len(tag) - rest
            return read(tag[start:end]) if end > start and tag.startswith(before) and tag.endswith(after) else None

        return _with_revisions(between, scheme.behind) if variant else between

    def family_reader(self, scheme: Scheme, family: Family) -> Reader:
        """Return a reader of the exact tags of any variant of a family.

        It reads no tag where the text around the version depends on the version.
        """
        around = self.around(_MARKER)
        if around is None:
            return lambda _tag: None
        first, *others = "{{version}}".join(around).split(_MARKER)
        text = re.escape(first) + f"(?P<variant>{family.expression})" + "(?P=variant)".join(map(re.escape, others))
        pattern = re.compile(text.replace(re.escape("{{version}}"), "(?P<version>.+?)"))

        def read(tag: str) -> Version | None:
            match = pattern.fullmatch(tag)
            return self._text_reader(scheme, match["variant"])(match["version"]) if match else None

        return _with_revisions(read, scheme.behind)

    def _text_reader(self, scheme: Scheme, variant: str) -> Reader:
        """Return a reader of the text of a version, with a leading `v` where the template has `raw`."""

        def without_v(text: str) -> Version | None:
            return scheme.read(text[1:] if text[:1] in ("v", "V") else text, variant, text)

        if "raw" in self.fields:
            return without_v
        return partial(scheme.read, variant=variant) if variant else scheme.read

    def around(self, variant: str) -> tuple[str, str] | None:
        """Return the text before and the text after the version; None where it depends on the version itself."""
        before, after, seen = "", "", False
        for literal, field in self.pieces:
            text = literal + (variant if field == "variant" else "")
            before, after = (before, after + text) if seen else (before + text, after)
            if field in ("version", "raw"):
                if seen:
                    return None
                seen = True
            elif field not in ("", "variant"):
                return None
        suffix = f"-{variant}" if variant and "variant" not in self.fields else ""
        return before, after + suffix

    def pattern(self, variant: str, channels: Iterable[str]) -> str:
        """Return the regular expression of the tags that this floating template can make of a variant."""
        return self.family_pattern(re.escape(variant), channels)

    def family_pattern(self, variant: str, channels: Iterable[str]) -> str:
        """Return the regular expression of its tags of all variants that the expression `variant` matches."""
        values = {"channel": "|".join(map(re.escape, channels)), "variant": variant, "prerelease": ".+"}
        text = "".join(
            re.escape(literal) + (f"(?:{values.get(field, '[0-9]+')})" if field else "")
            for literal, field in self.pieces
        )
        return self._with_variant(text, variant and f"(?:{variant})")

    def _fill(self, value: Callable[[str], str], variant: str) -> str | None:
        filled = []
        for literal, field in self.pieces:
            filled.append(literal)
            if field:
                text = value(field)
                if not text:
                    return None
                filled.append(text)
        return self._with_variant("".join(filled), variant)

    def _with_variant(self, tag: str, variant: str) -> str:
        """Add the variant where the template does not name it: `2.1-alpine`, and `alpine` for `latest`."""
        if not variant or "variant" in self.fields:
            return tag
        return variant if self.text == LATEST else f"{tag}-{variant}"


def _with_revisions(read: Reader, forms: Iterable[Revision]) -> Reader:
    """Return a reader of tags that may also have a revision behind the variant."""
    if not forms:
        return read

    def with_revision(tag: str) -> Version | None:
        for form in forms:
            split = form.split(tag)
            version = read(split[0]) if split else None
            if split and version is not None and not version.build:
                return version.with_revision(split[1], version.raw and version.raw + split[1], behind=True)
        return read(tag)

    return with_revision


def _check_literal(text: str, literal: str) -> None:
    if not _LITERAL.fullmatch(literal):
        raise InputError(
            f"the template {text!r} has characters that a tag cannot hold: {literal.strip()!r}",
            "A template is the text of a tag, as v{{major}}.{{minor}}; it holds A-Z a-z 0-9 _ . - and fields.",
        )


def _check_field(text: str, field: str) -> None:
    if field not in (*FIELDS, "sha", "branch", "pr") and not re.fullmatch(_DATE, field):
        known = ", ".join((*FIELDS, *PLAIN_FIELDS))
        raise InputError(f"the template {text!r} has an unknown field {{{{{field}}}}}", f"The fields are: {known}.")


def _value(field: str, version: Version, channel: str) -> str:
    match field:
        case "version":
            return _without_revision(version.text, version)
        case "raw":
            return _without_revision(version.raw.replace("+", "_") or version.text, version)
        case "prerelease":
            return version.prerelease
        case "channel":
            return channel or version.channel
        case "variant":
            return version.variant
        case _:
            part = PARTS[field]
            return version.numbers[part] if part < len(version.numbers) else ""


def _without_revision(text: str, version: Version) -> str:
    """Return a text of a version without a revision that belongs behind the variant."""
    return text.removesuffix(version.behind) if version.variant else text


@lru_cache
def date_field(field: str) -> tuple[str, str]:
    """Return the format and the time zone of a field `date 'YYYYMMDD' tz='UTC'`. Raise `InputError`."""
    match = re.fullmatch(_DATE, field)
    if not match:
        raise InputError(f"{{{{{field}}}}} is not a date", "Write {{date 'YYYYMMDD' tz='UTC'}}.")
    return match[1] or match[2] or "YYYYMMDD", match[3] or match[4] or "UTC"
