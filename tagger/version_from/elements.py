"""The elements of an XML file: their paths, their attributes and their texts."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from tagger.workspace import read_regular

__all__ = ["Element", "elements"]

DEEPEST = 8  # levels that are looked at


class Element(NamedTuple):
    """An element by its path from the root, `project/version`, name spaces left out, with its own text."""

    path: str
    attributes: Mapping[str, str]
    text: str


def elements(file: Path) -> list[Element]:
    """Return the elements of the outer levels, in the order in which they begin. Raise `ValueError`, `OSError`.

    A document type is refused, and with it every entity: none can be defined elsewhere (XML 1.0, section 4).
    """
    opened: list[tuple[str, int]] = []  # the name of each open element, and its number; -1 of one too deep
    found: list[tuple[str, Mapping[str, str], list[str]]] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        opened.append((_local(name), len(found) if len(opened) < DEEPEST else -1))
        if len(opened) <= DEEPEST:
            path = "/".join(name for name, _ in opened)
            found.append((path, {_local(key): value for key, value in attributes.items()}, []))

    def end(_name: str) -> None:
        opened.pop()

    def text(data: str) -> None:
        if opened and opened[-1][1] >= 0:
            found[opened[-1][1]][2].append(data)

    def doctype(*_declaration: object) -> None:
        raise ValueError("it declares a document type, which no such file needs")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(read_regular(file), True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return [Element(path, attributes, "".join(parts).strip()) for path, attributes, parts in found]


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
