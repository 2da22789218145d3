"""Texts with Handlebars expressions in double braces, as far as rows use them: values, dates, `#if`, `#unless`."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Protocol, Self

from tagger.errors import InputError

__all__ = ["DATES", "Expression", "Facts", "NAMES"]

DATES = ("date", "commit_date")
NAMES = ("branch", "tag", "sha", "base_ref", "is_default_branch", "is_not_default_branch", *DATES)
"""The names that every expression may use (docker/metadata-action, "Global expressions")."""

LONGEST = 4096  # characters of a text
DEEPEST = 8  # levels of nested blocks
_CALL = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"(?:\s+(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[A-Za-z_][\w:-]*(?:[./][\w:-]+)*)(?!\s*=)))?"
    r"(?:\s+(?P<key>\w+)\s*=\s*(?:'(?P<one>[^']*)'|\"(?P<two>[^\"]*)\"))?"
)
_LITERALS = ("true", "false", "null", "undefined", "this")
_BLOCK = re.compile(r"#(?P<kind>\w+)\s+(?P<condition>.+)")


class Facts(Protocol):
    """The facts of a build that expressions ask for."""

    def value(self, name: str) -> str:
        """Return the value of a name that takes no format; empty where there is none."""

    def date(self, name: str, form: str, tz: str) -> str:
        """Return a date, `date` or `commit_date`, in a format and a time zone."""


class _Call(NamedTuple):
    name: str
    form: str = ""
    tz: str = "UTC"
    unquoted: str = ""

    def render(self, facts: Facts) -> str:
        return facts.date(self.name, self.form, self.tz) if self.name in DATES else facts.value(self.name)


class _Block(NamedTuple):
    condition: _Call
    inverted: bool
    then: "tuple[_Node, ...]"
    otherwise: "tuple[_Node, ...]"

    def render(self, facts: Facts) -> str:
        holds = bool(self.condition.render(facts)) != self.inverted
        return _render(self.then if holds else self.otherwise, facts)


_Node = str | _Call | _Block


class Expression(NamedTuple):
    """A parsed text: literal text, values, and blocks."""

    nodes: tuple[_Node, ...]

    @classmethod
    def parse(cls, text: str, known: Collection[str] = NAMES) -> Self:
        """Parse a text. Raise `InputError` for a name that is not `known`, and for any other Handlebars helper."""
        if len(text) > LONGEST:
            raise InputError(f"a text has {len(text)} characters", f"At most {LONGEST} are read.")
        return cls(_Parser(text, known).read())

    @property
    def constant(self) -> str | None:
        """The text, where it depends on no build; else None."""
        return None if any(not isinstance(node, str) for node in self.nodes) else "".join(map(str, self.nodes))

    @property
    def names(self) -> frozenset[str]:
        """The names that it uses, in blocks too."""
        return frozenset(call.name for call in _calls(self.nodes))

    @property
    def unquoted(self) -> tuple[str, ...]:
        """The dates whose format has no quotes, as written. For Handlebars it is an unknown name, and so no format."""
        return tuple(f"{{{{{call.name} {call.unquoted}}}}}" for call in _calls(self.nodes) if call.unquoted)

    def render(self, facts: Facts) -> str:
        """Return the text with its values. Nothing is escaped, as a tag is not HTML."""
        return _render(self.nodes, facts)


class _Parser:
    """Parses one text from its start to its end."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        self.text, self.known, self.position = text, known, 0

    def read(self) -> tuple[_Node, ...]:
        nodes, ended = self._nodes("", 0)
        if ended:
            raise _wrong(f"{{{{{ended}}}}} closes nothing", self.known)
        return nodes

    def _nodes(self, kind: str, depth: int) -> tuple[tuple[_Node, ...], str]:
        """Parse up to the expression that ends the block `kind`, or to the end. Return that expression too."""
        nodes: list[_Node] = []
        while (begin := self.text.find("{{", self.position)) >= 0:
            nodes.append(self.text[self.position : begin])
            inside = self._inside(begin)
            if inside.startswith("!"):
                continue
            if inside in ("else", "^") or inside.startswith("/"):
                return _compact(nodes), inside
            block = _BLOCK.fullmatch(inside)
            nodes.append(self._block(block, depth + 1) if block else self._call(inside))
        if kind:
            raise _wrong(f"{{{{#{kind}}}}} is not closed", self.known)
        nodes.append(self.text[self.position :])
        self.position = len(self.text)
        return _compact(nodes), ""

    def _inside(self, begin: int) -> str:
        """Return the text between double or triple braces, and move the position behind them."""
        braces = 3 if self.text.startswith("{{{", begin) else 2
        end = self.text.find("}" * braces, begin)
        if end < 0:
            raise _wrong("{{ is not closed", self.known)
        self.position = end + braces
        return self.text[begin + braces : end].strip()

    def _block(self, match: re.Match[str], depth: int) -> _Block:
        kind = match["kind"]
        if kind not in ("if", "unless"):
            raise _wrong(f"{{{{#{kind}}}}} is not known", self.known)
        if depth > DEEPEST:
            raise _wrong(f"more than {DEEPEST} blocks are nested", self.known)
        condition = self._call(match["condition"].strip())
        if condition.name in DATES:
            raise _wrong(f"{{{{#{kind} {condition.name} …}}}} is always true", self.known)
        then, ended = self._nodes(kind, depth)
        otherwise: tuple[_Node, ...] = ()
        if ended in ("else", "^"):
            otherwise, ended = self._nodes(kind, depth)
        if ended.removeprefix("/").strip() != kind:
            raise _wrong(f"{{{{#{kind}}}}} is closed by {{{{{ended}}}}}", self.known)
        return _Block(condition, kind == "unless", then, otherwise)

    def _call(self, text: str) -> _Call:
        match = _CALL.fullmatch(text)
        if not match or match["name"] not in self.known:
            raise _wrong(f"{{{{{text}}}}} is not known", self.known)
        name, form = match["name"], match["single"] if match["single"] is not None else match["double"]
        if name not in DATES:
            if form is not None or match["bare"] or match["key"]:
                raise _wrong(f"{{{{{name}}}}} takes no argument", self.known)
            return _Call(name)
        bare = match["bare"] or ""
        if form is None and (not bare or re.split("[./]", bare)[0] in (*NAMES, *_LITERALS)):
            raise InputError(f"{{{{{text}}}}} has no format", f"Write {{{{{name} 'YYYYMMDD' tz='UTC'}}}}.")
        if match["key"] not in (None, "tz"):
            raise InputError(
                f"{{{{{text}}}}}: {match['key']!r} is not known", f"Write {{{{{name} 'YYYYMMDD' tz='UTC'}}}}."
            )
        zone = match["one"] if match["one"] is not None else match["two"]
        return _Call(name, form or "", "UTC" if zone is None else zone, bare)


def _compact(nodes: list[_Node]) -> tuple[_Node, ...]:
    return tuple(node for node in nodes if node != "")


def _render(nodes: tuple[_Node, ...], facts: Facts) -> str:
    return "".join(node if isinstance(node, str) else node.render(facts) for node in nodes)


def _calls(nodes: tuple[_Node, ...]) -> Iterator[_Call]:
    """Yield what is called, in blocks too."""
    for node in nodes:
        if isinstance(node, _Call):
            yield node
        elif isinstance(node, _Block):
            yield node.condition
            yield from _calls((*node.then, *node.otherwise))


def _wrong(text: str, known: Collection[str]) -> InputError:
    shown: Mapping[str, str] = {name: f"{name} 'YYYYMMDD' tz='UTC'" for name in DATES}
    names = ", ".join(f"{{{{{shown.get(name, name)}}}}}" for name in known)
    return InputError(text, f"There are {names}, {{{{#if …}}}}…{{{{else}}}}…{{{{/if}}}} and {{{{#unless …}}}}.")
