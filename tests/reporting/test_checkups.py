"""What `check` found, as text and as Markdown."""

import click

from tagger.reporting.checkups import checkup_markdown, checkup_text
from tagger.results.checkup import Checkup, Finding


def test_a_hint_that_several_in_a_row_share_stands_once() -> None:
    found = (
        Finding("error", "DRIFTED", "1.0 is missing", "`reconcile` puts it right.", "oci:app"),
        Finding("error", "DRIFTED", "1.1 is missing", "`reconcile` puts it right.", "oci:app"),
        Finding("error", "PLATFORMS", "1.1.0 lacks linux/arm64", "Build it.", "oci:app"),
        Finding("error", "DRIFTED", "1.0 is missing", "`reconcile` puts it right.", "oci:other"),
    )
    checkup = Checkup(("oci:app", "oci:other"), found)
    assert click.unstyle(checkup_text(checkup)).splitlines() == [
        "oci:app",
        "  ✗ 1.0 is missing",
        "  ✗ 1.1 is missing",
        "    Hint: `reconcile` puts it right.",
        "  ✗ 1.1.0 lacks linux/arm64",
        "    Hint: Build it.",
        "",
        "oci:other",
        "  ✗ 1.0 is missing",
        "    Hint: `reconcile` puts it right.",
        "",
        "4 errors",
    ]
    assert checkup_markdown(checkup).count("puts it right") == 2
