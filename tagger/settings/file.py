"""Reads `.tagger.yml`: settings by their names, each with its line and column."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tagger.errors import InputError
from tagger.settings.option import Given, Option
from tagger.settings.options import OPTIONS
from tagger.settings.problems import SHOWN
from tagger.workspace import read_regular

__all__ = ["COMPONENTS", "NO", "YES", "SettingsFile", "read_settings_file"]

COMPONENTS = "components"
_NULL, _BOOL, _MERGE = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "merge"))
_TAGS = {_NULL, _BOOL, _MERGE} | {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "timestamp", "value", "seq", "map")
}
YES, NO = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


class SettingsFile(NamedTuple):
    """The settings of a file: those of every component, those of each component by its name, and all mistakes.

    `mentioned` are the names that the file uses, right or wrong, and the settings that wrong names probably mean.
    """

    values: Mapping[str, Given]
    components: Mapping[str, Mapping[str, Given]]
    problems: tuple[str, ...] = ()
    mentioned: frozenset[str] = frozenset()

    def origin(self, name: str) -> str:
        """Return where it first sets an option, for all components or for one; empty where it does not."""
        return next((values[name].origin for values in (self.values, *self.components.values()) if name in values), "")


def read_settings_file(path: Path) -> SettingsFile:
    """Read a settings file, and collect its mistakes. Raise `InputError` when it cannot be read, or is not YAML."""
    text = ""
    try:
        text = read_regular(path).decode("utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "Point `config` at a file with settings."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: {error}", "Write it in UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        hint = _mending(text.splitlines()[mark.line : mark.line + 1] if mark else [])
        if error.context_mark and error.context == "while scanning a quoted scalar":
            hint = f"Close the quote that begins in line {error.context_mark.line + 1}."
        raise InputError(f"{where}: not YAML: {error.problem}", hint) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {error}", "Correct the file.") from error
    except RecursionError as error:
        raise InputError(f"{path}: not settings: it is nested too deeply", "Correct the file.") from error
    return _Reader(str(path), text).read(root)


class _Reader:
    """Reads the nodes of one file, and collects all mistakes, not only the first."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.problems: list[tuple[int, int, str]] = []
        self.mentioned: set[str] = set()
        self.unknown = 0

    def read(self, root: Node | None) -> SettingsFile:
        """Read the whole file."""
        components: dict[str, Mapping[str, Given]] = {}
        values: Mapping[str, Given] = {}
        if isinstance(root, MappingNode):
            values = self._mapping(root, components)
        elif root is not None and root.tag != _NULL:
            self._problem(root, "the file must hold settings as `name: value`")
        problems = tuple(f"{self.path}:{line}:{column}: {text}" for line, column, text in sorted(set(self.problems)))
        return SettingsFile(values, components, problems, frozenset(self.mentioned))

    def _mapping(self, node: MappingNode, components: dict[str, Mapping[str, Given]] | None) -> dict[str, Given]:
        values: dict[str, Given] = {}
        options = {option.name: option for option in OPTIONS}
        for name, key, value in self._entries(node):
            self.mentioned.add(name)
            if name == COMPONENTS and components is not None:
                self._components(value, components)
            elif name not in options:
                close = self._close(name, () if components is None else (COMPONENTS,))
                self._problem(
                    key,
                    f"unknown setting `{name}`"
                    + (f"; did you mean `{close}`?" if close else "; it must be the name of an option"),
                )
            elif options[name].secret:
                self._problem(
                    key,
                    f"`{name}` is a secret for the workflow to name: drop `{name}` here, and set it in the environment",
                )
            elif not options[name].in_file:
                self._problem(
                    key,
                    f"`{name}` is for the workflow or the command line, not for a file: drop `{name}` here",
                )
            else:
                texts = self._texts(options[name], value)
                if texts:
                    values[name] = Given(tuple(texts.values()), self._where(value), tuple(texts), in_file=True)
        return values

    def _close(self, name: str, more: tuple[str, ...]) -> str:
        """Return the setting that an unknown name probably means; only for the first `SHOWN` names, as this is slow."""
        self.unknown += 1
        if self.unknown > SHOWN:
            return ""
        known = (option.name for option in OPTIONS if option.in_file and not option.secret)
        import difflib

        close = difflib.get_close_matches(name, [*known, *more], 1)
        self.mentioned.update(close)
        return close[0] if close else ""

    def _components(self, node: Node, components: dict[str, Mapping[str, Given]]) -> None:
        if node.tag == _NULL:
            return
        if not isinstance(node, MappingNode):
            self._problem(node, f"`{COMPONENTS}` must hold settings by the name of each component")
            return
        for name, key, value in self._entries(node):
            if not name or any(letter.isspace() for letter in name):
                self._problem(key, f"the component {name!r} cannot be selected: a name has no blanks")
            elif isinstance(value, MappingNode):
                components[name] = self._mapping(value, None)
            elif value.tag == _NULL:  # it has no settings of its own
                components[name] = {}
            else:
                self._problem(value, f"the component `{name}` must hold settings as `name: value`")

    def _entries(self, node: MappingNode) -> Iterator[tuple[str, Node, Node]]:
        """Yield the entries of a mapping, each name once: its own first, then those of the mappings merged into it."""
        seen: set[str] = set()
        merged: deque[Node] = deque()
        for key, value in node.value:
            if key.tag == _MERGE:
                merged.append(value)
            elif key.tag not in _TAGS:
                self._problem(key, f"YAML takes {key.tag} for a tag; put quotes around the name")
            elif not isinstance(key, ScalarNode):
                self._problem(key, "a setting is named by a text; put quotes around one that begins with {{")
            elif key.value in seen:
                self._problem(key, f"`{key.value}` stands here twice")
            else:
                seen.add(key.value)
                yield key.value, key, value
        visited = {id(node)}
        while merged:
            other = merged.popleft()
            if id(other) in visited:
                continue
            visited.add(id(other))
            if isinstance(other, SequenceNode):
                merged.extendleft(reversed(other.value))
            elif not isinstance(other, MappingNode):
                self._problem(other, "`<<` merges the settings of a mapping, and this is none")
            else:
                merged.extendleft(value for key, value in reversed(other.value) if key.tag == _MERGE)
                for key, value in other.value:
                    if isinstance(key, ScalarNode) and key.tag != _MERGE and key.value not in seen:
                        seen.add(key.value)
                        yield key.value, key, value

    def _texts(self, option: Option[Any], node: Node) -> dict[str, str]:
        """Return the texts of a setting by their positions, as they are written: `2.10` stays `2.10`, not 2.1."""
        if lost := self._lost_text(option, node):
            self._problem(node, f"`{option.name}`: {lost}")
            return {}
        if node.tag == _NULL:
            return {}
        if isinstance(node, SequenceNode) and option.is_list:
            return {self._where(item): text for item in node.value if (text := self._entry(option, item))}
        if not isinstance(node, ScalarNode) or (option.is_list and node.tag == _BOOL):
            expected = "a list of texts" if option.is_list else "one value"
            self._problem(node, f"`{option.name}` must be {expected}, not {_kind(node, self.text)}")
            return {}
        text = node.value.strip()
        truth = "true" if text.lower() in YES else "false"
        if node.tag == _BOOL and (option.kind == "flag" or truth in option.booleans):
            text = truth
        elif expected := _expectation(option, node, text):
            self._problem(node, f"`{option.name}` must be {expected}, not {text!r}")
            return {}
        if text in option.workflow_only:
            self._problem(
                node,
                f"`{option.name}` is {text}, which is for the workflow or the command line, not for a file: drop "
                f"`{option.name}` here",
            )
            return {}
        return {self._where(node): text} if text else {}

    def _lost_text(self, option: Option[Any], node: Node) -> str:
        """Return how YAML misreads a text that lacks quotes, where a part of it is lost; else empty."""
        start, end = node.start_mark.index, node.end_mark.index
        line = self.text[start:].partition("\n")[0].split(" #")[0].strip()
        if node.tag not in _TAGS:
            return f"YAML takes {node.tag} for a tag and drops it; put quotes around the text: {_quote(line)}"
        if re.match(r"!(?:[^!<]|\Z)", self.text[start:]):
            return f"YAML takes the ! of {line} for a tag and drops it; put quotes around the text: {_quote(line)}"
        if not isinstance(node, ScalarNode):
            return ""
        if not node.value and self.text[start:end].startswith("&"):
            return f"YAML takes {line} for an anchor and drops it; put quotes around the text: {_quote(line)}"
        if not node.value and start == end and (comment := re.match(r"[ \t]*(#[^\s#].*)", self.text[end:])):
            return f"YAML takes {comment[1]} for a comment; put quotes around the text: {_quote(comment[1].strip())}"
        if not node.value.strip() and re.match(r"[>|][+-]?[0-9]", line):
            return f"YAML takes {line} for the head of a block, and drops it; put quotes around it: {_quote(line)}"
        lines = [line for line in self.text[start:end].splitlines() if line.strip()]
        if option.kind == "lines" and len(lines) > {None: 1, ">": 2}.get(node.style, len(lines)):
            return "YAML joins these lines; write `|` after the name, or a list with a hyphen before each entry"
        return ""

    def _entry(self, option: Option[Any], item: Node) -> str:
        if lost := self._lost_text(option, item):
            self._problem(item, f"an entry of `{option.name}`: {lost}")
            return ""
        if isinstance(item, ScalarNode) and item.tag not in (_NULL, _BOOL):
            return str(item.value).strip()
        self._problem(item, f"an entry of `{option.name}` must be a text, not {_kind(item, self.text)}")
        return ""

    def _where(self, node: Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def _problem(self, node: Node, text: str) -> None:
        self.problems.append((node.start_mark.line + 1, node.start_mark.column + 1, text))


def _quote(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _mending(line: list[str]) -> str:
    """Return a hint for a line that is not YAML: usually the text that needs quotes."""
    found = re.match(r"\s*(?:- +)*(?:[\w-]+: +)?(.*?)\s*$", line[0]) if line else None
    if found and re.match(r"- ", found[1]):
        return "Put the list on lines of its own, a hyphen before each entry."
    if found and re.match(r"(?:'[^']*'|\"[^\"]*\") *,", found[1]):
        return f"Put brackets around the list: [{found[1]}]."
    if line and re.match(r"\s*\{\{", line[0]):
        return "Put a hyphen before each entry of the list, and quotes around it."
    if found and (entry := re.match(r"\[(?:[^\[\],]*, *)?([@`%&*!|>?][^\[\],]*)[\],]", found[1])):
        return f"Put quotes around the text: {_quote(entry[1].strip())}."
    if found and (re.match(r"[@`%&*!|>?]|\{\{", found[1]) or ": " in found[1] or found[1].endswith(":")):
        return f"Put quotes around the text: {_quote(found[1])}."
    return "Correct the file; put a blank where the tab is." if line and "\t" in line[0] else "Correct the file."


def _kind(node: Node, text: str) -> str:
    """Return what a node is in the text of the file, for a person: an unquoted `{{major}}` is a mapping to YAML."""
    if isinstance(node, MappingNode):
        written = text[node.start_mark.index :].partition("\n")[0] if node.flow_style else ""
        written = written[: written.rfind("}}") + 2] if written.startswith("{{") else ""
        written = written.partition(", ")[0] if "[" not in written else written
        return "a mapping" + (f"; put quotes around the text: {_quote(written)}" if written else "")
    return "a list" if isinstance(node, SequenceNode) else "nothing" if node.tag == _NULL else repr(node.value)


def _expectation(option: Option[Any], node: Node, text: str) -> str:
    """Return what a setting must be where `text` is of another kind, else empty. Its meaning is checked later."""
    if option.kind == "flag":
        return "" if text.lower() in YES | NO else "true or false"
    if node.tag == _BOOL:
        return " or ".join(("a text", *option.booleans))
    if option.kind == "number":
        return "" if text.isascii() and text.isdecimal() else "a whole number"
    return ""
