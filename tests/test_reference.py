"""The messages that the reference has a cure for are printed; the table of registries has all that are known."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tagger.images.registry.dialects import DIALECTS

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/reference.md").read_text()
CURES = REFERENCE.partition("## Messages and cures")[2].partition("\n## ")[0]
MESSAGES = re.findall(r"(`+)(.+?)\1", "\n".join(re.findall(r"^\| (.*?) \| .*\|$", CURES, re.MULTILINE)))


def printed() -> Iterator[str]:
    """Yield every text in the code, with … for what is filled in."""
    for path in (ROOT / "tagger").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_message_with_a_cure_is_one_that_is_printed() -> None:
    texts = list(printed())
    assert len(MESSAGES) > 8
    assert [message for _, message in MESSAGES if not any(message in text for text in texts)] == []


def test_every_registry_with_habits_of_its_own_is_in_the_table() -> None:
    table = (ROOT / "docs/registries.md").read_text()
    known = {"GitHub Container Registry": "ghcr.io"}
    assert [row.name for row in DIALECTS if f"| {known.get(row.name, row.name)} |" not in table] == []


def test_the_readme_names_the_oldest_python() -> None:
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()
