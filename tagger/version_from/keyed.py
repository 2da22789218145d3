"""The version under a key in files that are no JSON, TOML or YAML: properties, INI, XML, lines of source."""

import re
from collections.abc import Callable
from pathlib import Path

from tagger.version_from.found import Absent
from tagger.workspace import read_text

__all__ = ["KEYS", "keyed_text"]

KEYS = {
    "gradle.properties": "version",  # docs.gradle.org, "Project Properties"
    "setup.cfg": "metadata.version",  # setuptools, "Configuring setuptools using setup.cfg files"
    "mix.exs": "version",  # hexdocs.pm/mix, "Mix.Project"
    ".csproj": "Project.PropertyGroup.Version",  # learn.microsoft.com, "MSBuild properties for NuGet pack"
}
"""Where a version stands in files known by their name or ending."""


def keyed_text(file: Path, key: str) -> str:
    """Return the text under a key, by the kind of file. Raise `Absent` where there is none, `ValueError`, `OSError`."""
    readers: dict[str, Callable[[Path, str], str]] = {
        ".properties": _property,
        ".cfg": _ini,
        ".ini": _ini,
        ".xml": _xml,
        ".csproj": _xml,
        ".fsproj": _xml,
        ".vbproj": _xml,
        ".props": _xml,
    }
    text = readers.get(file.suffix, _source_line)(file, key)
    if not text:
        raise Absent(f"it has no text under {key}")
    return text


def _property(file: Path, key: str) -> str:
    """Read a line `key=value` or `key: value` (docs.oracle.com, java.util.Properties)."""
    for line in read_text(file).splitlines():
        name, value = [*re.split(r"\s*[=:]\s*|\s+", line.strip(), maxsplit=1), ""][:2]
        if name == key and not line.lstrip().startswith(("#", "!")):
            return value.strip()
    return ""


def _ini(file: Path, key: str) -> str:
    """Read `section.name`."""
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(file))
    except configparser.Error as error:
        raise ValueError(f"it is no INI file: {type(error).__name__}") from error
    section, _, name = key.rpartition(".")
    return parser.get(section, name, fallback="").strip()


def _xml(file: Path, key: str) -> str:
    """Read `Project.PropertyGroup.Version`: the names of elements from the root."""
    from tagger.version_from.maven import xml_texts

    return xml_texts(file).get(key.replace(".", "/"), "")


def _source_line(file: Path, key: str) -> str:
    """Read a text in quotes that is given to a name: `__version__ = "1.2.3"`, `const Version = "…"`, `version: "…"`."""
    typed = r"(?::\s*[\w\[\]<>. ]{1,40})?"
    name = re.compile(rf"""(?<![\w.]){re.escape(key)}\s*{typed}(?::=|=|:)\s*["'`]([^"'`]{{1,256}})["'`]""")
    for line in read_text(file).splitlines():
        if match := name.search(line[:1000]):
            return match[1].strip()
    return ""
