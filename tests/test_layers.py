"""Imports point one way: cli -> assembly -> operations -> { images, build, reporting } -> rules -> errors."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tagger"
BELOW = {
    "errors": set[str](),
    "interruption": {"errors"},
    "rules": {"errors"},
    "options": {"rules", "errors"},
    "images": {"rules", "errors"},
    "build": {"images", "rules", "errors"},
    "words": {"options", "errors"},
    "settings_file": {"options", "errors"},
    "settings": {"settings_file", "options", "build", "images", "rules", "errors"},
    "reporting": {"rules", "errors", "settings", "options"},
    "operations": {"images", "build", "reporting", "rules", "errors"},
    "assembly": {"operations", "images", "build", "reporting", "settings", "rules", "errors"},
    "cli": {
        "interruption",
        "words",
        "assembly",
        "operations",
        "images",
        "build",
        "reporting",
        "settings",
        "options",
        "rules",
        "errors",
    },
}
ONLY = {
    "click": {"words.py"},
    "docker": {"images/engine.py"},
    "dulwich": {"build/git.py"},
    "yaml": {"settings_file.py", "build/files.py"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if layer == "__init__":
        return
    for name in imports(path):
        inside = name.removeprefix("tagger.")
        if name.startswith("tagger.") and inside.split(".")[0] != layer:
            assert inside.split(".")[0] in BELOW[layer], f"{layer} imports {inside}"


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_library_has_one_importer(library: str) -> None:
    importers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert importers <= ONLY[library]
