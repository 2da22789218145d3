"""docs/evidence/registries.md has a row for each registry that the code knows, with tests that there are."""

import re
from pathlib import Path

from tagger.images.registry.dialects import ANYWHERE, DIALECTS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "evidence" / "registries.md").read_text(encoding="utf-8")


def test_each_dialect_has_its_row_and_its_source() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")
    ]
    named = {row[0]: row[2] for row in rows if len(row) == 4}
    assert {dialect.name: dialect.source for dialect in DIALECTS}.items() <= named.items()


def test_of_a_registry_that_runs_anywhere_nothing_is_said_that_needs_its_name() -> None:
    known = {*ANYWHERE, "name", "source"}
    said = {
        f"{row.name}: {field}" for row in DIALECTS if not row.registry
        for field, value in row._asdict().items() if value and field not in known
    }  # fmt: skip
    assert said == set()


def test_every_test_that_is_named_is_there() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named
    assert {name for name in named if f"def {name}(" not in code} == set()
