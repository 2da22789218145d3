"""Imports point one way: cli -> commands -> operations -> { images, version_from, gates } -> rules -> names, errors.

No module imports in a circle, inside folders too; imports inside functions count.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tagger"
GROUND = {"names", "errors", "workspace", "confidential", "meters", "clock"}
BELOW = {
    "errors": set[str](),
    "meters": set[str](),
    "workspace": set[str](),
    "confidential": {"names"},
    "interruption": {"errors"},
    "concurrency": {"errors"},
    "clock": {"errors"},
    "names": {"errors"},
    "rules": {"names", "errors"},  # no I/O
    "results": {"rules", *GROUND},
    "images": {"rules", "concurrency", *GROUND},
    "version_from": {"images", "rules", *GROUND},
    "gates": {"results", "images", "rules", "concurrency", *GROUND},
    "settings": {"results", "version_from", "gates", "images", "rules", *GROUND},
    "operations": {"results", "version_from", "gates", "images", "rules", "concurrency", *GROUND},
    "reporting": {"results", "settings", "rules", *GROUND},
    "commands": {
        "results",
        "operations",
        "version_from",
        "gates",
        "images",
        "settings",
        "reporting",
        "rules",
        "concurrency",
        "interruption",
        *GROUND,
    },
    "program": {"cli", "images", *GROUND},
    "__main__": {"program"},
    "command_line": {"commands", "reporting", "settings", *GROUND},
    "cli": {
        "images",
        "interruption",
        "command_line",
        "commands",
        "reporting",
        "results",
        "settings",
        *GROUND,
    },
}
ONLY = {
    "click": {"command_line/parser.py"},
    "cryptography": {"gates/signatures/keys.py", "gates/signatures/keyless.py"},
    "docker": {"images/engine/engine.py"},
    "rich": {"reporting/live.py"},
    "dulwich": {"version_from/git.py"},
    "sigstore": {"gates/signatures/keyless.py"},
    "yaml": {"settings/file.py", "version_from/files.py"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(alias.name for alias in node.names if node.module == "importlib")
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def circles(graph: dict[str, set[str]]) -> Iterator[frozenset[str]]:
    """Yield the groups of modules that import each other, directly or by others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for name in graph[todo.pop()] - seen:
                seen.add(name)
                todo.append(name)
        return seen

    reach = {name: reached(name) for name in graph}
    yield from {
        frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]
    }


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if layer == "__init__":
        return
    for name in imports(path):
        inside = name.removeprefix("tagger.")
        if name.startswith("tagger.") and inside.split(".")[0] != layer:
            assert inside.split(".")[0] in BELOW[layer], f"{layer} imports {inside}"


def test_no_module_imports_in_a_circle() -> None:
    known = modules()
    graph = {
        name: {inside for one in imports(path) if (inside := one.removeprefix("tagger.")) in known and inside != name}
        for name, path in known.items()
    }
    by_name = [name for name, path in known.items() if path.name == "__init__.py" and "import_module" in imports(path)]
    assert set(by_name) == {"commands", "images.source_kinds"}
    for package in by_name:  # it imports its modules by their names
        graph[package] |= {name for name in known if name.startswith(f"{package}.")}
    assert set(circles(graph)) == set()


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_has_one_importer(library: str) -> None:
    importers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert importers <= ONLY[library]


TWELVE = (
    "an option", "a command", "a source kind", "a registry's quirk", "a retried status", "an output",
    "an output format", "a gate", "sha512 beside sha256", "progress by bytes", "several sources assembled",
    "several components reported",
)  # fmt: skip


def changes() -> dict[str, str]:
    """Return where each kind of change goes, as the tables of `.github/CONTRIBUTING.md` say it."""
    text = (PACKAGE.parent / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tables = text.split("| a change | goes to |\n|---|---|\n")[1:]
    rows = [row for table in tables for row in table.partition("\n\n")[0].splitlines()]
    return {kind.strip(): place for kind, place in (row.strip("|").split("|", 1) for row in rows)}


@pytest.mark.parametrize("kind", changes())
def test_a_kind_of_change_goes_to_one_place_and_its_use(kind: str) -> None:
    place = changes()[kind]
    files = re.findall(r"`((?:tagger|tools)/[\w/.]*)`", place)
    assert files
    assert [name for name in files if not (PACKAGE.parent / name).exists()] == []
    new = place.partition("Its use:")[0]
    assert kind not in TWELVE or len([name for name in files if name in new]) <= (4 if " or " in new else 2)
    paths = [PACKAGE.parent / name for name in files]
    texts = [path.read_text() for one in paths for path in (one.glob("*.py") if one.is_dir() else [one])]
    for name in re.findall(r"`([A-Z]\w+)`", place):
        assert any(re.search(rf"^(?:class )?{name}\b", text, re.MULTILINE) for text in texts), name


def test_the_twelve_changes_that_the_house_is_made_for_have_a_place() -> None:
    assert tuple(changes())[: len(TWELVE)] == TWELVE
