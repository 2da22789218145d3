"""The version in a POM of Maven, with what its properties stand for."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

from tagger.version_from.found import Absent
from tagger.workspace import is_regular, read_regular

__all__ = ["pom_version", "xml_texts"]

MOST_PARENTS = 8
MOST_NESTED = 10  # properties in properties
_PROPERTY = re.compile(r"\$\{([^}]*)\}")
_DEFINED = re.compile(r"-D([^=\s]+)=(\S*)")


def pom_version(file: Path, root: Path) -> str:
    """Return the version of a POM below `root`. Raise `Absent` where it has none, or not all of it is defined.

    A property may be empty, stand in `.mvn/maven.config`, or in the POM of a parent inside the workspace
    (maven.apache.org, "Maven CI Friendly Versions", "POM Reference").
    """
    own = xml_texts(file)
    version = own.get("project/version") or own.get("project/parent/version") or ""
    properties: dict[str, str] = {}
    for texts in (own, *_parents(file, own, root)) if "${" in version else ():
        for path, text in texts.items():
            if path.startswith("project/properties/"):
                properties.setdefault(path.removeprefix("project/properties/"), text)
    if "${" in version:
        properties |= _of_the_command_line(file, root)
    for _ in range(MOST_NESTED):  # one that holds itself ends here too
        if "${" in version and len(version) < 256:
            version = _PROPERTY.sub(lambda name: properties.get(name[1], name[0]), version)
    if "${" in version:
        raise Absent(f"its version is {version[:100]}, and not all of that is defined in it")
    if not version:
        raise Absent("it has neither project/version nor project/parent/version")
    return version


def _parents(file: Path, texts: Mapping[str, str], root: Path) -> Iterator[Mapping[str, str]]:
    for _ in range(MOST_PARENTS):
        if not any(path.startswith("project/parent/") for path in texts):
            return
        named = file.parent / (texts.get("project/parent/relativePath") or "../pom.xml")
        file = (named / "pom.xml" if named.is_dir() else named).resolve()
        if not file.is_relative_to(root) or not is_regular(file):
            return
        texts = xml_texts(file)
        yield texts


def _of_the_command_line(file: Path, root: Path) -> dict[str, str]:
    """Return what the nearest `.mvn/maven.config` upwards defines."""
    for folder in file.parents:
        config = folder / ".mvn/maven.config"
        if is_regular(config) and config.resolve().is_relative_to(root):
            return dict(_DEFINED.findall(read_regular(config).decode(errors="replace")))
        if folder == root:
            break
    return {}


def xml_texts(file: Path) -> dict[str, str]:
    """Return the texts of the outer three levels of elements by their path, name spaces left out.

    A document type is refused, and with it every entity: none can be defined elsewhere (XML 1.0, section 4).
    """
    names: list[str] = []
    texts: dict[str, list[str]] = {}

    def start(name: str, _attributes: Mapping[str, str]) -> None:
        names.append(name.rpartition(" ")[2])
        if len(names) <= 3:
            texts.setdefault("/".join(names), [])  # an empty element says something too

    def end(_name: str) -> None:
        names.pop()

    def text(data: str) -> None:
        if len(names) <= 3:
            texts.setdefault("/".join(names), []).append(data)

    def doctype(*_declaration: object) -> None:
        raise ValueError("it declares a document type, which no POM needs")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(read_regular(file), True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return {path: "".join(parts).strip() for path, parts in texts.items()}
