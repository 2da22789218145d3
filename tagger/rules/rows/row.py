"""One row: its type, its attributes, and their allowed values."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple, Self, get_args

from tagger.errors import InputError
from tagger.rules.patterns import compile_pattern
from tagger.rules.rows.expressions import DATES, Expression
from tagger.rules.rows.fields import Field, fields_of
from tagger.rules.templates import Template

__all__ = ["Row", "RowType", "safe", "within"]

RowType = Literal["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"]

COMMON = ("enable", "priority", "prefix", "suffix")


class _Kind(NamedTuple):
    """The attributes of a type besides the common ones, with their defaults; None where one is required."""

    priority: int
    attributes: Mapping[str, str | None]
    one_of: Mapping[str, tuple[str, ...]] = {}
    prefix: str | None = None


# docker/metadata-action, README, "tags input", and src/tag.ts.
_KINDS: Mapping[RowType, _Kind] = {
    "schedule": _Kind(1000, {"pattern": "nightly"}),
    "semver": _Kind(900, {"pattern": None, "value": "", "match": ""}),
    "pep440": _Kind(900, {"pattern": None, "value": "", "match": ""}),
    "match": _Kind(800, {"pattern": None, "group": "0", "value": ""}),
    "edge": _Kind(700, {"branch": ""}),
    "ref": _Kind(600, {"event": None}, {"event": ("branch", "tag", "pr")}),
    "raw": _Kind(200, {"value": None}),
    "sha": _Kind(100, {"format": "short"}, {"format": ("short", "long")}, "sha-"),
}
_PATTERN_FIELDS = ("raw", "version", "major", "minor", "patch", "prerelease")
_FIELD = re.compile(r"\{\{\{?([^{}]*)\}?\}\}")
_GROUP_NAME = re.compile(r"(?<!\\)\(\?<[A-Za-z_]\w*>")
_FLAGS = "dgimsuv"  # of JavaScript; only i, m and s change what the first match is
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]+")


def safe(text: str) -> str:
    """Return a text with one hyphen in place of each run of characters that a tag cannot hold."""
    return _ILLEGAL.sub("-", text)


@contextmanager
def within(row: str) -> Iterator[None]:
    """Add the row to every `InputError` that is raised inside."""
    try:
        yield
    except InputError as error:
        message = error.message if error.message.startswith("the row ") else f"the row `{row}`: {error.message}"
        raise InputError(message, error.hint, code=error.code) from error


class Row(NamedTuple):
    """A parsed row, with a value for every attribute of its type.

    `prefix` and `suffix` are None where the row has none, so that the flavor's count. `expression` is that of a value,
    or of the pattern of a schedule.
    """

    text: str
    type: RowType
    attributes: Mapping[str, str]
    priority: float
    enable: Expression
    prefix: Expression | None
    suffix: Expression | None
    expression: Expression

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a row. Raise `InputError` that names it for a wrong attribute or value."""
        with within(line):
            return cls._parse(line, fields_of(line))

    @classmethod
    def _parse(cls, line: str, fields: tuple[Field, ...]) -> Self:
        given = _once(fields)
        kind = _type(given.pop("type", "raw"))
        rules = _KINDS[kind]
        _check_names(given, kind)
        attributes = {name: default or "" for name, default in rules.attributes.items()} | given
        for name, choices in rules.one_of.items():
            if attributes[name] not in choices:
                raise InputError(f"`{name}` is {attributes[name]!r}", f"It is one of: {', '.join(choices)}.")
        prefix = given.get("prefix", "pr-" if attributes.get("event") == "pr" else rules.prefix)
        suffix = given.get("suffix")
        row = cls(
            line,
            kind,
            attributes,
            _priority(given.get("priority", str(rules.priority))),
            Expression.parse(given.get("enable", "true")),
            None if prefix is None else Expression.parse(prefix),
            None if suffix is None else Expression.parse(suffix),
            Expression.parse(attributes["pattern"], DATES) if kind == "schedule"
            else Expression.parse(attributes.get("value", "")),
        )  # fmt: skip
        row._check()
        return row

    @property
    def reads_version(self) -> bool:
        """Whether the text of the row has to be a version."""
        return self.type in ("semver", "pep440")

    @property
    def of_version(self) -> bool:
        """Whether the row can make a tag of a version."""
        return self.type in ("semver", "pep440", "match") or (self.type == "ref" and self.attributes["event"] == "tag")

    @property
    def regex(self) -> re.Pattern[str] | None:
        """The regular expression of `match`, or of the `pattern` of a `match` row: JavaScript's, as Python reads it."""
        text = self.attributes["pattern"] if self.type == "match" else self.attributes.get("match", "")
        if not text:
            return None
        written = re.fullmatch(r"/(.+)/([a-z]*)", text) if self.type == "match" else None
        unknown = sorted(set(written[2] if written else "").difference(_FLAGS))
        if unknown:
            raise InputError(f"the pattern has the flag {unknown[0]!r}", "Write /…/ with the flags i, m and s alone.")
        flags = "".join(flag for flag in (written[2] if written else "") if flag in "ims")
        pattern = _GROUP_NAME.sub("(", written[1] if written else text)
        return compile_pattern(f"(?{flags}a){pattern}" if flags else pattern)

    def search(self, text: str) -> str | None:
        """Return the group that its regular expression finds in a text; None where it finds nothing."""
        regex = self.regex
        match = regex.search(text) if regex else None
        if match is None:
            return None
        return match[int(self.attributes["group"])] if self.type == "match" else match[1]

    def _check(self) -> None:
        """Raise `InputError` for a wrong pattern, regular expression or group."""
        regex = self.regex
        if self.type == "match":
            group = self.attributes["group"]
            if not group.isdecimal() or (regex and int(group) > regex.groups):
                raise InputError(
                    f"the pattern has no group {group!r}", f"It has {regex.groups if regex else 0}; 0 is all of it."
                )
        elif regex and not regex.groups:
            raise InputError(
                f"`match` {self.attributes['match']!r} has no group", "Put the version into a group, as v(.*)."
            )
        if self.reads_version:
            _check_fields(self.attributes["pattern"])
            Template.parse(pattern_text(self.attributes["pattern"]))


def pattern_text(pattern: str) -> str:
    """Return the template of a `pattern`: outside of fields, a hyphen replaces characters that a tag cannot hold."""
    parts = re.split(r"(\{\{\{?[^{}]*\}?\}\})", pattern)
    return "".join(f"{{{{{part.strip('{}').strip()}}}}}" if part.startswith("{{") else safe(part) for part in parts)


def _type(text: str) -> RowType:
    for kind in get_args(RowType):
        if text == kind:
            found: RowType = kind
            return found
    raise InputError(f"there is no type {text!r}", f"The types are: {', '.join(get_args(RowType))}.")


def _once(fields: tuple[Field, ...]) -> dict[str, str]:
    """Return the attributes. Raise `InputError` for one that is given twice, and for an empty field."""
    given: dict[str, str] = {}
    for name, value in fields:
        if not (name or value):
            raise InputError("a field is empty", "Leave out the comma beside it.")
        if (name or "value") in given:
            raise InputError(
                f"`{name or 'value'}` is given twice, the second time as {value!r}",
                'Give it once. A comma ends a value: put a field that holds one into quotes, as "value=a,b".',
            )
        given[name or "value"] = value
    return given


def _check_fields(pattern: str) -> None:
    """Raise `InputError` for an unknown field of a version, and for one that is not closed."""
    names = ", ".join(f"{{{{{name}}}}}" for name in _PATTERN_FIELDS)
    for name in map(str.strip, _FIELD.findall(pattern)):
        if name not in _PATTERN_FIELDS:
            raise InputError(f"the pattern has an unknown field {{{{{name}}}}}", f"There are {names}.")
    if set("{}").intersection(_FIELD.sub("", pattern)):
        raise InputError("the pattern has a brace that no field opens or closes", f"The fields are {names}.")


def _check_names(given: Mapping[str, str], kind: RowType) -> None:
    """Raise `InputError` for an attribute that the type does not have, and for a required one that is missing."""
    own = _KINDS[kind].attributes
    known = (*own, *COMMON)
    for name in given:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean `{close[0]}`? " if close else ""
            raise InputError(f"`{name}` is no attribute of type={kind}", f"{hint}It has: {', '.join(known)}.")
    for name, default in own.items():
        if default is None and name not in given:
            raise InputError(f"`{name}` is missing", f"Write type={kind},{name}=….")


def _priority(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
        raise InputError(f"`priority` is {text!r}", "It is a number; the row with the highest comes first.")
    return float(text)
