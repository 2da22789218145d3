"""The version in a POM of Maven, with the values of its properties."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tagger.version_from.elements import elements
from tagger.version_from.found import Absent
from tagger.workspace import is_regular, read_regular

__all__ = ["pom_version"]

MOST_PARENTS = 8
MOST_NESTED = 10  # properties in properties
_PROPERTY = re.compile(r"\$\{([^}]*)\}")
_DEFINED = re.compile(r"(?:-D|--define)[=\s]*([^=\s]+)=(\S*)")


def pom_version(file: Path, root: Path) -> str:
    """Return the version of a POM below `root`. Raise `Absent` where it has none, or not all of it is defined.

    A property comes from `.mvn/maven.config`, else from the POM, else from a parent POM inside the workspace; it may be
    empty (maven.apache.org, "Maven CI Friendly Versions", "POM Reference"). Raise `ValueError`, `OSError` too.
    """
    own = _texts(file)
    parent = own.get("project/parent/version") or ""
    version = own.get("project/version") or parent
    properties = {"project.parent.version": parent} if parent else {}
    for texts in (own, *_parents(file, own, root)) if "${" in version else ():
        for path, text in texts.items():
            if path.startswith("project/properties/"):
                properties.setdefault(path.removeprefix("project/properties/"), text)
    if "${" in version:
        properties |= _command_line_properties(file, root)
    for _ in range(MOST_NESTED):  # the bound also ends a property that refers to itself
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
        relative = texts.get("project/parent/relativePath", "../pom.xml")
        if not relative:  # an empty element says that the parent comes from a repository of Maven's
            return
        named = file.parent / relative
        file = (named / "pom.xml" if named.is_dir() else named).resolve()
        if not file.is_relative_to(root) or not is_regular(file):
            return
        texts = _texts(file)
        yield texts


def _command_line_properties(file: Path, root: Path) -> dict[str, str]:
    """Return the properties that the nearest `.mvn/maven.config` defines, from the POM's folder upwards."""
    for folder in file.parents:
        config = folder / ".mvn/maven.config"
        if is_regular(config) and config.resolve().is_relative_to(root):
            return dict(_DEFINED.findall(read_regular(config).decode(errors="replace")))
        if folder == root:
            break
    return {}


def _texts(file: Path) -> dict[str, str]:
    return {element.path: element.text for element in elements(file)}
