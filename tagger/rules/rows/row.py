"""One row: its type, its attributes, and what each of them may say."""

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
    """What a type takes besides the common attributes: with defaults, None where it must be said."""

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
_FLAGS = "dgimsuv"  # of JavaScript; i, m and s mean something where the first match is looked for
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]+")


def safe(text: str) -> str:
    """Return a text with one hyphen in place of each run of characters that no tag holds."""
    return _ILLEGAL.sub("-", text)


@contextmanager
def within(row: str) -> Iterator[None]:
    """Name the row in every `InputError` that is raised inside."""
    try:
        yield
    except InputError as error:
        message = error.message if error.message.startswith("the row ") else f"the row `{row}`: {error.message}"
        raise InputError(message, error.hint, code=error.code) from error


class Row(NamedTuple):
    """A row as it was read: every attribute of its type has a value.

    `prefix` and `suffix` are None where the row says none, so that the flavor's counts. `pattern` and `match` are
    texts still, `expression` is what a schedule's pattern or a value says.
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
        """Read a row. Raise `InputError`, which names it, for what it may not say."""
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
        """True of a row whose text has to be a version."""
        return self.type in ("semver", "pep440")

    @property
    def of_version(self) -> bool:
        """True of a row that a version may earn."""
        return self.type in ("semver", "pep440", "match") or (self.type == "ref" and self.attributes["event"] == "tag")

    @property
    def regex(self) -> re.Pattern[str] | None:
        """What `match`, or the `pattern` of a `match` row, looks for: JavaScript's, as far as Python's is the same."""
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

    def found(self, text: str) -> str | None:
        """Return what its regular expression finds in a text, by the group that counts; None where nothing."""
        regex = self.regex
        match = regex.search(text) if regex else None
        if match is None:
            return None
        return match[int(self.attributes["group"])] if self.type == "match" else match[1]

    def _check(self) -> None:
        """Raise `InputError` for a pattern, a regular expression or a group that is none."""
        regex = self.regex
        if self.type == "match":
            group = self.attributes["group"]
            if not group.isdecimal() or (regex and int(group) > regex.groups):
                raise InputError(
                    f"the pattern has no group {group!r}", f"It has {regex.groups if regex else 0}; 0 is all of it."
                )
        elif regex and not regex.groups:
            raise InputError(
                f"`match` {self.attributes['match']!r} has no group", "Put what is the version into one, as v(.*)."
            )
        if self.reads_version:
            _check_fields(self.attributes["pattern"])
            Template.parse(pattern_text(self.attributes["pattern"]))


def pattern_text(pattern: str) -> str:
    """Return the template that a `pattern` is: what no tag holds becomes a hyphen, outside of its fields."""
    parts = re.split(r"(\{\{\{?[^{}]*\}?\}\})", pattern)
    return "".join(f"{{{{{part.strip('{}').strip()}}}}}" if part.startswith("{{") else safe(part) for part in parts)


def _type(text: str) -> RowType:
    for kind in get_args(RowType):
        if text == kind:
            found: RowType = kind
            return found
    raise InputError(f"there is no type {text!r}", f"The types are: {', '.join(get_args(RowType))}.")


def _once(fields: tuple[Field, ...]) -> dict[str, str]:
    """Return the attributes. Raise `InputError` for one that is said twice, and for a field that says nothing."""
    given: dict[str, str] = {}
    for name, value in fields:
        if not (name or value):
            raise InputError("a field is empty", "Leave out the comma beside it.")
        if (name or "value") in given:
            raise InputError(
                f"`{name or 'value'}` is said twice, the second time as {value!r}",
                'Say it once. A comma ends a value: put a field that holds one into quotes, as "value=a,b".',
            )
        given[name or "value"] = value
    return given


def _check_fields(pattern: str) -> None:
    """Raise `InputError` for a field of a version that there is not, and for one that is not closed."""
    names = ", ".join(f"{{{{{name}}}}}" for name in _PATTERN_FIELDS)
    for name in map(str.strip, _FIELD.findall(pattern)):
        if name not in _PATTERN_FIELDS:
            raise InputError(f"the pattern has an unknown field {{{{{name}}}}}", f"There are {names}.")
    if set("{}").intersection(_FIELD.sub("", pattern)):
        raise InputError("the pattern has a brace that no field opens or closes", f"The fields are {names}.")


def _check_names(given: Mapping[str, str], kind: RowType) -> None:
    """Raise `InputError` for an attribute that the type does not have, and for one that it lacks."""
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
