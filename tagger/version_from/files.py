"""The version in a file of the project: VERSION, the manifests of the common languages, any key, plain text."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.version_from.found import Absent, Given
from tagger.workspace import read_text

__all__ = ["KNOWN_FILES", "check_placeholder", "file_version", "read_file", "split_key"]

KNOWN_FILES = (
    *("VERSION", "package.json", "pyproject.toml", "Cargo.toml", "Chart.yaml", "pom.xml"),
    *("gradle.properties", "composer.json", "mix.exs", "setup.cfg"),
)
PROJECTS = "*.csproj"
KEYED = frozenset({".json", ".toml", ".yaml", ".yml"})
_PART = re.compile(r"""(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<plain>[^."']+))(?:\.(?=.)|\Z)""")


def file_version(place: str, workspace: Path) -> Given:
    """Return the version text of the file `place`, `PATH` or `PATH#KEY`; of the first known file where it is empty.

    Raise `Absent` where there is no version, `InputError` where a file cannot be read.
    """
    path, _, key = place.partition("#")
    if path:
        named = bool(key) or Path(path).name not in KNOWN_FILES
        text = read_file(workspace, path, key)
        return Given(text, f"file:{place}", f"the file {path}{key and f', {key}'}", named=named)
    texts, reasons, hints = [], list[str](), list[str]()
    for name in (*KNOWN_FILES, *_project(workspace)):
        try:
            texts.append((name, read_file(workspace, name)))
        except Absent as absent:
            if (workspace / name).exists():
                reasons.append(f"{name}: {absent}")
                hints.append(absent.hint)
        except InputError:
            if not texts:
                raise
    if not texts:
        none = f"{workspace} has none of {', '.join((*KNOWN_FILES, PROJECTS))}"
        raise Absent("; ".join(reasons) or none, next(filter(None, hints), ""))
    (name, text), *others = texts
    differing = [f"{other} says {version}" for other, version in others if version.lstrip("v") != text.lstrip("v")]
    notes = tuple(f"the file {name} decides, and the file {one}" for one in differing)
    return Given(text, f"file:{name}", "; ".join((f"the file {name}", *differing)), notes=notes)


def _project(workspace: Path) -> list[str]:
    """Return the name of the only .NET project in the folder; nothing where there are none or several."""
    names = [file.name for file in workspace.glob(PROJECTS)]
    return names if len(names) == 1 else []


def read_file(workspace: Path, path: str, key: str = "") -> str:
    """Return the version in a file of the workspace, as a text: under `key`, or where its kind of file has it.

    Raise `Absent` where there is none, `InputError` when the file is broken, lies outside, or needs a key.
    """
    with _readable(path):
        root = workspace.resolve()
        file = (root / path).resolve()
        if not file.is_relative_to(root):
            raise InputError(f"file:{path} leads outside the workspace {root}", "Name a file of the workspace.")
        if not file.is_file():
            raise Absent("it is not a file" if file.exists() else "there is no such file")
        try:
            return check_placeholder(_version_in(file, root, key))
        except Absent as absent:
            near = "" if absent.hint or file.name in KNOWN_FILES[1:6] else _near(file)
            raise Absent(str(absent), absent.hint or (near and f"Set `version-from: file:{path}#{near}`.")) from None


def _near(file: Path) -> str:
    """Return the one key under which a file has a version; empty where it has none, or several."""
    from tagger.version_from.near import version_keys

    with suppress(OSError, ValueError):
        keys = version_keys(file, _document(file) if file.suffix in KEYED else None)
        return keys[0] if len(keys) == 1 else ""
    return ""


def check_placeholder(text: str) -> str:
    """Return a version. Raise `Absent` for 0.0.0, which a tool replaces at build time, as semantic-release does."""
    if re.match(r"v?0\.0\.0(?![0-9.])", text):
        raise Absent(
            "its version is a placeholder, 0.0.0, which a tool replaces when it releases",
            "Set `version-from: git-tag`, or name the variable that has it, as env:NAME.",
        )
    return text


def _version_in(file: Path, root: Path, key: str) -> str:
    from tagger.version_from.keyed import KEYS, keyed_text

    known = key or KEYS.get(file.name) or KEYS.get(file.suffix, "")
    if known and (file.name, known) != ("pom.xml", "project.version"):
        return _text_under(file, known) if file.suffix in KEYED else keyed_text(file, known)
    match file.name:
        case "pyproject.toml":
            return _pyproject(file)
        case "Cargo.toml":
            return _cargo(file, root)
        case "pom.xml":
            from tagger.version_from.maven import pom_version  # most runs read no POM

            return pom_version(file, root)
        case _:
            return _plain(file, root)


def split_key(key: str) -> list[str]:
    """Split a dotted key into its parts; a part in quotes may hold dots. Raise `InputError` for what is no key."""
    parts, end = [], 0
    while match := _PART.match(key, end):
        parts.append(match["double"] or match["single"] or match["plain"])
        end = match.end()
    if not parts or end != len(key):
        raise InputError(f"{key!r} is not a key", 'Write the names on the way, as project.version or tool."a.b".0')
    return parts


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links or nesting without end
        detail = " ".join(str(error).split())
        cure = "Save it as UTF-8" if isinstance(error, UnicodeDecodeError) else "Correct the file"
        raise InputError(f"file:{path} cannot be read: {detail}", f"{cure}, or name another one.") from error


def _document(file: Path) -> Any:
    """Parse a file by its ending, and keep each number as its text: `2.10` is not 2.1."""
    text = read_text(file)
    match file.suffix:
        case ".json":
            return json.loads(text, parse_int=str, parse_float=str)
        case ".toml":
            import tomllib

            return tomllib.loads(text, parse_float=str)
        case _:
            return _yaml(text)


def _yaml(text: str) -> Any:
    import yaml

    try:  # the base loader makes texts, lists and mappings and nothing else
        return next(iter(yaml.load_all(text, Loader=yaml.BaseLoader)), None)
    except yaml.YAMLError as error:  # its text repeats the lines of the file, and one may be a secret
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise ValueError("it is not YAML" + (f", see its line {mark.line + 1}" if mark else "")) from None


def _at(document: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, Mapping):
            document = document.get(part)
        else:
            return None
    return document


def _text(value: Any) -> str:
    """Return a scalar as a text; empty for nothing, and for what is not one."""
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _text_under(file: Path, *keys: str) -> str:
    """Return the text under the first of `keys` that has one."""
    document = _document(file)
    for key in keys:
        if text := _text(_at(document, split_key(key))):
            return text
    raise Absent(f"it has no text under {' or '.join(keys)}")


def _plain(file: Path, root: Path) -> str:
    """Read `version` at the top of JSON, TOML and YAML, and the first line of any other file."""
    if file.suffix in KEYED:
        return _text_under(file, "version")
    lines = (line.strip() for line in read_text(file).splitlines())
    first = next(filter(None, lines), "")
    if not first:
        raise Absent("it is empty")
    if not re.search("[0-9]", first) or re.search("[=:\"']", first):
        _require_key(file, root)
    return first


def _require_key(file: Path, root: Path) -> None:
    """Raise `InputError` with the key to name, where a file has its version under a usual name; else return."""
    from tagger.version_from.keyed import keyed_text

    for key in ("__version__", "VERSION", "Version", "version"):
        with suppress(Absent):
            keyed_text(file, key)
            _refuse_without_key(file, root, key)
    if near := _near(file):
        _refuse_without_key(file, root, near)


def _refuse_without_key(file: Path, root: Path, key: str) -> None:
    place = f"file:{file.relative_to(root)}#{key}"
    raise InputError(f"{file.name} is more than a version alone", f"Set `version-from: {place}`.")


def _pyproject(file: Path) -> str:
    if _at(_document(file), ["tool", "poetry-dynamic-versioning", "enable"]) is True:
        raise Absent(
            "poetry-dynamic-versioning sets its version when the package is built", "Set `version-from: git-tag`."
        )
    try:
        # Poetry 2 takes its own version for a dynamic one (python-poetry.org, "The pyproject.toml file").
        return _text_under(file, "project.version", "tool.poetry.version")
    except Absent:
        if "version" not in (_at(_document(file), ["project", "dynamic"]) or ()):
            raise
        raise Absent(
            "its version is dynamic, worked out when the package is built",
            "Set `version-from: git-tag`, or name what it is worked out from, as file:PATH.",
        ) from None


def _cargo(file: Path, root: Path) -> str:
    document = _document(file)
    if _at(document, ["package", "version", "workspace"]) is not True:
        return _text_under(file, "package.version", "workspace.package.version")
    # The Cargo Book, "Workspaces": the root is named, or the nearest folder upwards whose manifest has [workspace].
    named = _at(document, ["package", "workspace"])
    for folder in [file.parent / named] if isinstance(named, str) else file.parents:
        manifest = (folder / "Cargo.toml").resolve()
        if manifest.is_relative_to(root) and manifest.is_file() and _at(_document(manifest), ["workspace"]) is not None:
            return _text_under(manifest, "workspace.package.version")
    raise Absent("it takes its version from its Cargo workspace, which is not here")
