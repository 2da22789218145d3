"""Modules, classes and functions stay small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "tagger"
MODULE, CLASS, FUNCTION = 350, 250, 40  # lines


def larger() -> Iterator[str]:
    for path in PACKAGE.rglob("*.py"):
        name, text = str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")
        if len(text.splitlines()) > MODULE:
            yield name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                most = CLASS if isinstance(node, ast.ClassDef) else FUNCTION
                if (node.end_lineno or 0) - node.lineno >= most:
                    yield f"{name} {node.name}"


def test_none_is_larger() -> None:
    assert list(larger()) == []
