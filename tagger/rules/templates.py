"""A tag template: a text with fields, filled in from a version and read back into one."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from tagger.errors import InputError
from tagger.images.references import TAG
from tagger.rules.versions import Scheme, Version

__all__ = ["FIELDS", "LATEST", "PLAIN_FIELDS", "Template"]

LATEST = "latest"
FIELDS = ("version", "major", "minor", "patch", "revision", "prerelease", "channel", "variant", "raw")
PLAIN_FIELDS = ("sha", "branch", "date")
_PARTS = {"major": 0, "minor": 1, "patch": 2, "revision": 3}
_FIELD = re.compile(r"\{\{(.*?)\}\}")
_DATE = re.compile(
    r"date(?:\s+(?:'(?P<format>[^']*)'|\"(?P<format2>[^\"]*)\"))?(?:\s+tz=(?:'(?P<tz>[^']*)'|\"(?P<tz2>[^\"]*)\"))?"
)
_LITERAL = re.compile(r"[A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Template:
    """A template of a tag, `v{{major}}`: literals and fields in turn.

    A template with `version` or `raw` gives every version a text of its own and is *exact*; one with `sha`, `branch`
    or `date` belongs to no version and is *plain*; every other one is *floating*.
    """

    text: str
    pieces: tuple[tuple[str, str], ...]  # (literal, field or ""), in order

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template. Raise `InputError` for an unknown field, or a literal that no tag may hold."""
        pieces: list[tuple[str, str]] = []
        end = 0
        for match in _FIELD.finditer(text):
            pieces.append((text[end : match.start()], match[1].strip()))
            end = match.end()
        pieces.append((text[end:], ""))
        for literal, field in pieces:
            if not _LITERAL.fullmatch(literal):
                hint = (
                    "A template is the text of a tag, as v{{major}}.{{minor}}; it holds A-Z a-z 0-9 _ . - and fields."
                )
                if "=" in literal:
                    hint = (
                        "Write the pattern alone: `type=semver,pattern={{major}}` of other tools is `{{major}}` here."
                    )
                raise InputError(f"the template {text!r} holds what no tag can: {literal.strip()!r}", hint)
            if field and field not in FIELDS + PLAIN_FIELDS and not _DATE.fullmatch(field):
                known = ", ".join(FIELDS + PLAIN_FIELDS)
                raise InputError(
                    f"the template {text!r} has an unknown field {{{{{field}}}}}", f"The fields are: {known}."
                )
        template = cls(text, tuple(pieces))
        if not text or (not template.fields and not TAG.fullmatch(text)):
            raise InputError(f"the template {text!r} is not a tag", "A tag begins with a letter, a digit or _.")
        if template.is_plain and any(field in FIELDS and field != "variant" for field in template.fields):
            raise InputError(
                f"the template {text!r} mixes fields of a version with fields of a build",
                "A tag belongs to a version ({{version}}, {{major}}, …) or to none ({{sha}}, {{branch}}, {{date}}).",
            )
        return template

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in order."""
        return tuple(field.split()[0] for _, field in self.pieces if field)

    @property
    def is_exact(self) -> bool:
        """True when every version has a text of its own."""
        return "version" in self.fields or "raw" in self.fields

    @property
    def is_plain(self) -> bool:
        """True when the tag belongs to no version."""
        return any(field in PLAIN_FIELDS for field in self.fields)

    @property
    def is_floating(self) -> bool:
        """True when versions share the tag."""
        return not self.is_exact and not self.is_plain

    @property
    def is_channel(self) -> bool:
        """True when prereleases share the tag: it names their channel."""
        return self.is_floating and "channel" in self.fields

    def with_channel(self) -> "Template":
        """Return the channel's template beside this floating one: `{{major}}` -> `{{major}}-{{channel}}`."""
        return Template.parse("{{channel}}" if self.text == LATEST else f"{self.text}-{{{{channel}}}}")

    def fill(self, version: Version, channel: str = "") -> str | None:
        """Return the tag of `version`; None when it lacks a part that the template names.

        `channel` stands in for the version's own: a final release fills in the channel's tag too.
        """
        return self._fill(lambda field: _value(field, version, channel), version.variant)

    def fill_plain(self, facts: Callable[[str], str], variant: str = "") -> str | None:
        """Return the plain tag; `facts` gives the value of `sha`, `branch` or a whole date field, or nothing."""
        return self._fill(lambda field: variant if field == "variant" else facts(field), variant)

    def read(self, tag: str, scheme: Scheme, variants: Iterable[str]) -> Version | None:
        """Return the version whose exact tag this is; None when it is no version's."""
        for variant in variants:
            for text in self._candidates(tag, variant):
                raw = text if "raw" in self.fields else ""
                version = scheme.read(text[1:] if raw[:1] in ("v", "V") else text)
                if version is not None:
                    version = replace(version, variant=variant, raw=raw)
                    if self.fill(version) == tag:
                        return version
        return None

    def _fill(self, value: Callable[[str], str], variant: str) -> str | None:
        filled = []
        for literal, field in self.pieces:
            filled.append(literal)
            if field:
                text = value(field)
                if not text:
                    return None
                filled.append(text)
        tag = "".join(filled)
        if variant and "variant" not in self.fields:
            tag = variant if self.text == LATEST else f"{tag}-{variant}"
        return tag

    def _candidates(self, tag: str, variant: str) -> Iterable[str]:
        """Yield the texts in `tag` that could be its version: what stands between the literals, or anything."""
        around = self._around(variant)
        if around:
            before, after = around
            if tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after):
                yield tag[len(before) : len(tag) - len(after)]
            return
        for start in range(len(tag)):
            for end in range(len(tag), start, -1):
                yield tag[start:end]

    def _around(self, variant: str) -> tuple[str, str] | None:
        """Return what stands before and after the version; None when that depends on the version itself."""
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


def _value(field: str, version: Version, channel: str) -> str:
    match field:
        case "version":
            return version.text
        case "raw":
            return version.raw.replace("+", "_") or version.text
        case "prerelease":
            return version.prerelease
        case "channel":
            return channel or version.channel
        case "variant":
            return version.variant
        case _:
            part = _PARTS[field]
            return version.numbers[part] if part < len(version.numbers) else ""


@lru_cache
def date_field(field: str) -> tuple[str, str]:
    """Return the format and the time zone that a field `date 'YYYYMMDD' tz='UTC'` asks for."""
    match = _DATE.fullmatch(field)
    if not match:
        raise InputError(f"{{{{{field}}}}} is not a date", "Write {{date 'YYYYMMDD' tz='UTC'}}.")
    return match["format"] or match["format2"] or "YYYYMMDD", match["tz"] or match["tz2"] or "UTC"
