"""The summary of a step is below 64 KiB for any report, is well-formed, and says each failure once."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import StoreError
from tagger.reporting.failures import failures
from tagger.reporting.markdown import MOST, cell, cut_to_limit
from tagger.reporting.shown_summary import settings_markdown, trees_markdown
from tagger.reporting.summary import report_markdown
from tagger.results import Outcome, Report, ReportWarning
from tagger.results.tree import Floating, ListedVersion, Tree, Trees
from tagger.rules.plan import Change
from tests.reporting.anything import reports, texts, trees
from tests.settings.gathering import gather

A, B = (f"sha256:{letter * 64}" for letter in "ab")


def is_whole(text: str) -> bool:
    """Say whether all that a summary opens is closed, and every row of a table has the columns of its head."""
    lines = text.split("\n")
    opened = sum(line.startswith("<details>") for line in lines) == lines.count("</details>")
    fences = sum(line.startswith("```") for line in lines) % 2 == 0
    columns = 0
    for line in lines:
        if not line.startswith("|"):
            columns = 0
        elif columns and line.count("|") != columns:
            return False
        else:
            columns = line.count("|")
    return opened and fences


@settings(max_examples=40)
@given(reports, st.floats(0, 1e5))
def test_any_report(report: Report, seconds: float) -> None:
    text = report_markdown(report, seconds)
    assert len(text.encode()) <= MOST
    assert is_whole(text)
    assert not re.search(r"\]\(|!\[|://", text)
    for error in failures(report):
        message = cell(error.message)
        assert not message or f"**{error.title}**: {message}\n" in f"{text}\n"


@settings(max_examples=25)
@given(st.lists(trees, max_size=3), texts)
def test_any_repository(several: list[Tree], problem: str) -> None:
    text = trees_markdown(Trees(tuple(several), (StoreError(problem, problem),)))
    assert len(text.encode()) <= MOST
    assert is_whole(text)


@pytest.mark.parametrize("places", [1, 3, 40])
def test_of_any_size(places: int) -> None:
    """Thousands of tags in dozens of repositories, each with a failure of its own and a long reason."""
    changes = tuple(
        Change(f"{number}.0", ("move", "keep", "hold")[number % 3], A, B, f"{number}.0.1", "|*_" * 300)
        for number in range(3000)
    )
    outcomes = tuple(
        Outcome(f"r{n}.test/acme/app", "incomplete", changes, B, StoreError(f"{n}" + "<x>" * 3000, "[h](i)" * 900))
        for n in range(places)
    )
    warnings = tuple(ReportWarning("DRIFTED", f"{number} `drifted`" * 50) for number in range(500))
    report = Report("reconcile", outcomes, warnings=warnings, source="x" * 5000, source_digest=A, base="y" * 9000)
    text = report_markdown(report)
    assert len(text.encode()) <= MOST
    assert is_whole(text)
    assert text.startswith("### ⚠️ Reconcile")
    assert re.search(r"… and [0-9,]+ more rows", text)
    tree = Tree(
        "r.test/acme/app",
        tuple(ListedVersion(f"{n}.0.1", "", A, (f"{n}.0.1", f"{n}.0", f"{n}"), n % 2 == 0) for n in range(10_000)),
        {f"{n}.0": Floating(A, f"{n}.0.1", drifted=True) for n in range(10_000)},
        tuple(f"pr-{n}" for n in range(10_000)),
    )
    text = trees_markdown(Trees((tree,) * places, ()))
    assert len(text.encode()) <= MOST
    assert is_whole(text)


BLOCKS = ("a", "| x |", "<details><summary>t</summary>\n\nb\n\n</details>", "```mermaid\nx\n```", "é" * 40)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(BLOCKS), max_size=9))
def test_what_is_cut_off_is_closed(blocks: list[str]) -> None:
    text = "\n".join(blocks * 900)
    shown = cut_to_limit(text)
    assert len(shown.encode()) <= MOST
    assert is_whole(shown)
    assert shown == text or shown.endswith("The log has all of it._")


def test_of_settings() -> None:
    environ = {
        "INPUT_IMAGES": "ghcr.io/acme/app\nacme/app",
        "INPUT_LOGINS": "ghcr.io me hunter2",
        "INPUT_STABLE": "<3.0",
    }
    text = settings_markdown(gather("config", {}, environ, Path("/nonexistent")))
    given, _, defaults = text.partition("<details><summary>Defaults</summary>")
    assert "| `images` | `ghcr.io/acme/app`<br>`acme/app` | `INPUT_IMAGES` |" in given
    assert "| `stable` | <code>&#60;3.0</code> | `INPUT_STABLE` |" in given
    assert "| `scheme` | `semver` | `default` |" in defaults
    assert "hunter2" not in text
    assert is_whole(text)


def test_of_a_repository() -> None:
    tree = Tree(
        "ghcr.io/acme/app",
        (ListedVersion("2.1.4", "", A, ("2.1.4", "2.1", "2"), False), ListedVersion("2.1.3", "", B, ("2.1.3",), True)),
        {"latest": Floating(B, "2.1.4", True), "2": Floating(A, "2.1.4", False)},
        ("nightly",),
    )
    text = trees_markdown(Trees((tree,), ()))
    assert text.startswith("### ⚠️ ghcr.io/acme/app\n\n2 versions, 2 floating tags, 1 withdrawn\n")
    assert "| `latest` | `bbbbbbb` | 2.1.4 |" in text
    assert "| `2.1.4` | `aaaaaaa` | `2.1` `2` |  |" in text
    assert "| `2.1.3` | `bbbbbbb` |  | withdrawn |" in text
    assert "<details><summary>1 tag of no version</summary>\n\n`nightly`" in text


class TestFailures:
    """Each failure once."""

    def test_of_several_repositories(self) -> None:
        places = [f"r{number}.test/acme/app" for number in range(5)]
        errors = [StoreError("denied", "Log in.", code="DENIED", place=place) for place in places]
        outcomes = tuple(Outcome(place, "failed", (), None, error) for place, error in zip(places, errors, strict=True))
        other = Outcome("x.test/a", "failed", (), None, StoreError("is down", place="x.test/a"))
        report = Report("release", (*outcomes, other), error=errors[0])
        assert [(one.message, one.hint) for one in failures(report)] == [
            ("r0.test/acme/app, r1.test/acme/app, r2.test/acme/app and 2 more: denied", "Log in."),
            ("x.test/a: is down", ""),
        ]
        assert errors[0].message == "r0.test/acme/app: denied"

    def test_of_the_run(self) -> None:
        error = StoreError("the version cannot be read")
        assert failures(Report("release", error=error)) == [error]

    @settings(max_examples=40)
    @given(reports)
    def test_no_message_is_lost(self, report: Report) -> None:
        said = " ".join(one.message for one in failures(report))
        for outcome in report.repositories:
            assert not outcome.error or outcome.error.message.removeprefix(f"{outcome.repository}: ") in said
        assert not report.error or report.error.message in said
        assert max((one.exit_code for one in failures(report)), default=0) == report.exit_code
