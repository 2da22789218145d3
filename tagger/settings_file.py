"""`.tagger.yml`: the settings under their own names, each with the line where it stands."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tagger.errors import InputError
from tagger.options import OPTIONS, Given, Option

__all__ = ["COMPONENTS", "SettingsFile", "read_settings_file", "schema"]

COMPONENTS = "components"
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a file says: for every component, and for each by its name; and all that is wrong in it."""

    values: Mapping[str, Given]
    components: Mapping[str, Mapping[str, Given]]
    problems: tuple[str, ...] = ()


def read_settings_file(path: Path) -> SettingsFile:
    """Read a file of settings. Raise `InputError` when it is not YAML; collect what is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Point `config` at a readable file.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise InputError(
            f"{where}: not YAML: {error.problem}", "Mend the file; quote a text that begins with {{."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {error}", "Mend the file.") from error
    reader = _Reader(str(path))
    return reader.read(root)


class _Reader:
    """Reads the nodes of one file, and gathers what is wrong instead of stopping at the first."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[tuple[int, int, str]] = []

    def read(self, root: Node | None) -> SettingsFile:
        components: dict[str, Mapping[str, Given]] = {}
        values: Mapping[str, Given] = {}
        if root is not None:
            if not isinstance(root, MappingNode):
                self._problem(root, "the file must hold settings as `name: value`")
            else:
                values = self._mapping(root, components)
        problems = tuple(f"{self.path}:{line}:{column}: {text}" for line, column, text in sorted(self.problems))
        return SettingsFile(values, components, problems)

    def _mapping(self, node: MappingNode, components: dict[str, Mapping[str, Given]] | None) -> dict[str, Given]:
        values: dict[str, Given] = {}
        options = {option.name: option for option in OPTIONS}
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if name in seen:
                self._problem(key, f"`{name}` stands here twice")
                continue
            seen.add(name)
            if name == COMPONENTS and components is not None:
                self._components(value, components)
            elif name not in options:
                close = difflib.get_close_matches(name, [*options, COMPONENTS], 1)
                self._problem(key, f"unknown setting `{name}`" + (f"; did you mean `{close[0]}`?" if close else ""))
            elif options[name].secret:
                self._problem(key, f"`{name}` is a secret: hand it over in the environment, never in a file")
            elif not options[name].in_file:
                self._problem(key, f"`{name}` is decided at each run, not in a file")
            else:
                texts = self._texts(options[name], value)
                if texts:
                    values[name] = Given(texts, self._where(value))
        return values

    def _components(self, node: Node, components: dict[str, Mapping[str, Given]]) -> None:
        if not isinstance(node, MappingNode):
            self._problem(node, f"`{COMPONENTS}` must hold settings by the name of each component")
            return
        for key, value in node.value:
            if not isinstance(value, MappingNode):
                self._problem(value, f"the component `{key.value}` must hold settings as `name: value`")
            else:
                components[key.value] = self._mapping(value, None)

    def _texts(self, option: Option, node: Node) -> tuple[str, ...]:
        if node.tag == "tag:yaml.org,2002:null":
            return ()
        if isinstance(node, SequenceNode) and option.is_list:
            wrong = [item for item in node.value if not isinstance(item, ScalarNode)]
            for item in wrong:
                self._problem(item, f"an entry of `{option.name}` must be a text; quote one that begins with {{{{")
            return tuple(item.value for item in node.value if isinstance(item, ScalarNode) and item.value)
        if not isinstance(node, ScalarNode):
            expected = "a list of texts" if option.is_list else "one value"
            found = "a mapping" if isinstance(node, MappingNode) else "a list"
            self._problem(node, f"`{option.name}` must be {expected}, not {found}; quote a text that begins with {{{{")
            return ()
        text = node.value.strip()
        wrong_flag = option.kind == "flag" and text.lower() not in _TRUE | _FALSE
        if wrong_flag or (option.kind == "number" and not text.isdigit()):
            expected = "true or false" if option.kind == "flag" else "a whole number"
            self._problem(node, f"`{option.name}` must be {expected}, not {text!r}")
            return ()
        return (text,) if text else ()

    def _where(self, node: Node) -> str:
        return f"{self.path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def _problem(self, node: Node, text: str) -> None:
        self.problems.append((node.start_mark.line + 1, node.start_mark.column + 1, text))


def schema() -> dict[str, object]:
    """Return the JSON Schema of the file, from the options, so that editors complete it."""
    texts: dict[str, object] = {"type": ["string", "number", "boolean", "null"]}
    shapes: dict[str, dict[str, object]] = {
        "text": texts,
        "seconds": {"type": ["string", "number", "null"]},
        "flag": {"type": ["boolean", "null"]},
        "number": {"type": ["integer", "null"], "minimum": 0},
        "lines": {"type": ["string", "array", "null"], "items": texts},
        "words": {"type": ["string", "number", "array", "null"], "items": texts},
    }
    properties: dict[str, object] = {}
    for option in OPTIONS:
        if option.in_file and not option.secret:
            shape = {"enum": [*option.choices]} if option.choices else shapes[option.kind]
            properties[option.name] = {"description": option.help, **shape}
    component = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Tagger",
        "type": "object",
        "properties": {
            **properties,
            COMPONENTS: {
                "description": "Images of a monorepo, by name.",
                "type": "object",
                "additionalProperties": component,
            },
        },
        "additionalProperties": False,
    }
