"""The version under a key in files that are no JSON, TOML or YAML: properties, INI, XML, lines of source."""

import re
from collections.abc import Callable
from pathlib import Path

from tagger.version_from.found import Absent
from tagger.workspace import read_regular, read_text

__all__ = ["KEYS", "keyed_text"]

_MSBUILD = "Project.PropertyGroup.Version"  # learn.microsoft.com, "MSBuild properties for NuGet pack"
KEYS = {
    "gradle.properties": "version",  # docs.gradle.org, "Project Properties"
    "setup.cfg": "metadata.version",  # setuptools, "Configuring setuptools using setup.cfg files"
    "mix.exs": "version",  # hexdocs.pm/mix, "Mix.Project"
    ".csproj": _MSBUILD,
    ".fsproj": _MSBUILD,
    ".vbproj": _MSBUILD,
    "Directory.Build.props": _MSBUILD,
}
"""Where a version stands in files known by their name or ending."""

_COMMENTS = ("//", "/*", "* ", "--", ";", '"""', "'''")
LONGEST_LINE = 1000  # characters of a line of source that are looked at
_TYPE = r"(?:\[\]|\s*:\s*[\w\[\]<>.&' ]{1,40}|\s+\w{1,40})?"
_ALSO = r"(?:\w{1,80}\s*=\s*)?"  # __version__ = version = "2.1.4"
_BARE = r"(?P<bare>v?[0-9]{1,80}\.[\w.+-]{1,200})(?=[\s;,)}]|$)"


def keyed_text(file: Path, key: str) -> str:
    """Return the text under a key, by the kind of file. Raise `Absent` where there is none, `ValueError`, `OSError`."""
    readers: dict[str, Callable[[Path, str], str]] = {
        ".properties": _property,
        ".cfg": _ini,
        ".conf": _ini,
        ".ini": _ini,
        ".nuspec": _xml,
        ".xml": _xml,
        ".csproj": _msbuild,
        ".fsproj": _msbuild,
        ".vbproj": _msbuild,
        ".props": _msbuild,
    }
    text = readers.get(file.suffix, _source_line)(file, key)
    if not text:
        raise Absent(f"it has no text under {key}")
    if file.name == "setup.cfg" and (directive := re.match(r"(attr|file):\s*(\S+)", text)):
        place = _place_of(*directive.groups())
        raise Absent(f"its version stands elsewhere, {directive[0]}", f"Set `version-from: {place}`.")
    return text


def _place_of(kind: str, named: str) -> str:
    module, _, name = named.rpartition(".")
    return f"file:{named}" if kind == "file" else f"file:{module.replace('.', '/')}/__init__.py#{name}"


def _property(file: Path, key: str) -> str:
    """Read `key=value`, `key: value` or `key value`; the last one counts (docs.oracle.com, java.util.Properties).

    The file is read as Latin-1, which is right for ASCII in UTF-8 too. A backslash at the end of a line joins the next
    line to it; `\\u002e` is a character.
    """
    found = ""
    text = re.sub(r"\\\r?\n[ \t\f]*", "", _latin(file))
    for line in re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), text).splitlines():
        name, value = [*re.split(r"\s*[=:]\s*|\s+", line.strip(), maxsplit=1), ""][:2]
        if name == key and not line.lstrip().startswith(("#", "!")):
            found = value.strip()
    return found


def _latin(file: Path) -> str:
    return read_regular(file).removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _ini(file: Path, key: str) -> str:
    """Read `section.name`, or `name` in a file without sections."""
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    section, _, name = key.rpartition(".")
    try:
        parser.read_string(read_text(file))
    except configparser.MissingSectionHeaderError as error:
        if section:
            raise ValueError("it is no INI file: MissingSectionHeaderError") from error
        return _property(file, key).strip("\"'")
    except configparser.Error as error:
        raise ValueError(f"it is no INI file: {type(error).__name__}") from error
    text = (parser.get(section, name, fallback="") or "").strip()
    return re.split(r"\s[;#]", text)[0].strip().strip("\"'")


def _xml(file: Path, key: str) -> str:
    """Read a path from the root, as `package.metadata.version`; its last name is an element or an attribute."""
    from tagger.version_from.elements import elements

    path = key.replace(".", "/")
    outer, _, name = path.rpartition("/")
    for element in elements(file):
        if element.path == path and element.text:
            return element.text
        if element.path == outer and element.attributes.get(name, "").strip():
            return element.attributes[name].strip()
    return ""


def _msbuild(file: Path, key: str) -> str:
    """Read a property of MSBuild; of several, the last counts. A version may consist of a prefix and a suffix.

    Raise `Absent` where the text depends on a condition or refers to another property: only MSBuild evaluates those.
    """
    from tagger.version_from.elements import elements

    condition, found, limited = "", dict[str, str](), dict[str, str]()
    for element in elements(file):
        if not (condition and element.path.startswith(condition)):
            condition = f"{element.path}/" if "Condition" in element.attributes else ""
        if element.text:
            (limited if condition else found)[element.path] = element.text
    path = key.replace(".", "/")
    text = found.get(path, "")
    if not text and key == _MSBUILD:
        text = "-".join(filter(None, (found.get(f"{path}Prefix", ""), found.get(f"{path}Suffix", ""))))
    if "$(" in text or limited.get(path, text) != text:
        why = "refers to another property" if "$(" in text else "depends on a condition"
        raise Absent(f"what stands under {key} {why}")
    return text


def _source_line(file: Path, key: str) -> str:
    """Read a text that is assigned to a name: `__version__ = "1.2.3"`, `const Version = "…"`, `VERSION=1.2.3`.

    A text in quotes counts before one without, and a name before any quote of its line before other names. Comments do
    not count, nor does the version of a plugin, as in `id 'java' version '1.0'`.
    """
    name = rf"""(?<!\w)(?<!\w\.){re.escape(key)}["']?{_TYPE}"""
    quoted = rf"""{name}(?P<sign>\s*(?::=|=>|=|:|,|\(|\s)\s*){_ALSO}["'`](?P<quoted>[^"'`]{{1,256}})["'`]"""
    bare = rf"""{name}(?P<sign>\s*(?::=|\?=|=|:)\s*|\s+){_BARE}"""
    behind = ""
    lines = [line[:LONGEST_LINE] for line in read_text(file).splitlines() if not _is_comment(line)]
    for pattern in map(re.compile, (quoted, bare)):
        for line in lines:
            match = pattern.search(line)
            if match and not re.search("[\"'`]", line[: match.start()]):
                return match[2].strip()
            if match and match["sign"].strip():
                behind = behind or match[2].strip()
    return behind


def _is_comment(line: str) -> bool:
    start = line.lstrip()
    other = start.startswith("cmake_minimum_required")  # the version that it names is that of a tool
    return other or start.startswith(_COMMENTS) or bool(re.match(r"#(?!define\b)", start))
