"""Updates the table in docs/versions.md that shows how each scheme reads spellings of versions."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.errors import InputError  # noqa: E402 - the project's own folder first
from tagger.rules.cascade import Rules  # noqa: E402
from tagger.rules.versions import SCHEMES, Scheme  # noqa: E402
from tagger.settings.options import DEFAULT_TEMPLATES  # noqa: E402

PAGE = ROOT / "docs" / "versions.md"
SPELLINGS = (
    "2.1.4", "v2.1.4", "refs/tags/v2.1.4", "0.9.0", "2.1", "2", "2.1.4.5", "2.1.4.5.6", "02.1.4", "2.01.4",
    "2026.11.24", "2026.07.1", "26.04", "20261124", "1234567", "1a2b3c4", "9007199254740993.0.0", "2.1.4-rc.1",
    "2.1.4-rc1", "2.1.4rc1", "2.1.4-beta.2", "2.1.4-RC.1", "2.1.4a1", "2.1.4-SNAPSHOT", "2.1.4-M1", "2.1.4-1",
    "2.1.4-0.3.7", "25.8-rc.1", "2.1.4-alpine", "2.1.4-alpine3.22", "2.1.4-20261124", "2.1.4+5", "21.0.8_9",
    "2.0.post1", "2.0.dev3", "2.1.0.RELEASE", "11.0.0.Beta1", "1!2.0", "2.1.x", "latest", "nightly", "release-2.1.4",
)  # fmt: skip


def cell(scheme: str, spelling: str) -> str:
    """Return the version that a scheme reads from a spelling, in italics for a prerelease, or a dash for none."""
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(scheme))
    try:
        version = rules.parse(spelling)
    except InputError:
        return "–"
    return f"*{version}*" if version.prerelease else f"{version}"


def table() -> str:
    """Return the table: a row for each spelling, a column for each scheme."""
    lines = [f"| spelled | {' | '.join(SCHEMES)} |", "|---" * (len(SCHEMES) + 1) + "|"]
    for spelling in SPELLINGS:
        lines.append(f"| `{spelling}` | {' | '.join(cell(scheme, spelling) for scheme in SCHEMES)} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the text of the page with a new table."""
    before, _, rest = text.partition("<!-- spellings -->")
    after = rest.partition("<!-- /spellings -->")[2]
    return f"{before}<!-- spellings -->\n{table()}\n<!-- /spellings -->{after}"


def main() -> None:
    """Write docs/versions.md."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
