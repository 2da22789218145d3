"""No line is wider than the screen, whatever stands in a report or a repository; every tag that matters is told."""

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import StoreError
from tagger.reporting.folding import cells, fold
from tagger.reporting.sentences import took
from tagger.reporting.text import digests_of, error_text, report_text
from tagger.reporting.trees import tree_text
from tagger.results import Report, Tree
from tagger.rules.plan import Change
from tests.reporting.anything import digests, reports, texts, trees

widths = st.integers(60, 200)


@given(texts, st.integers(2, 60))
def test_folding_loses_nothing(text: str, width: int) -> None:
    lines = fold(text, width)
    assert max(map(cells, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())


@settings(max_examples=60)
@given(reports, widths, st.booleans())
def test_no_line_of_a_report(report: Report, width: int, verbose: bool) -> None:
    text = click.unstyle(report_text(report, width, verbose=verbose, seconds=3.21))
    whole = {f"{one.repository}@{one.digest}" for one in report.repositories}
    for line in text.splitlines():
        assert cells(line) <= width or line in whole, line


@settings(max_examples=60)
@given(reports, widths)
def test_each_tag_that_is_not_right_already_is_told(report: Report, width: int) -> None:
    told = "".join(click.unstyle(report_text(report, width)).split())
    for outcome in report.repositories:
        for change in outcome.changes:
            assert change.action == "keep" or change.tag in told


@settings(max_examples=60)
@given(trees, widths, st.booleans())
def test_no_line_of_a_tree(tree: Tree, width: int, verbose: bool) -> None:
    text = click.unstyle(tree_text(tree, width, verbose=verbose))
    assert [line for line in text.splitlines() if cells(line) > width] == []
    told = "".join(text.split()).translate(str.maketrans("", "", "│├└─"))
    assert [one.tags for one in tree.versions if any(tag not in told for tag in one.tags)] == []


@given(texts, texts, widths)
def test_no_line_of_an_error(message: str, hint: str, width: int) -> None:
    shown = click.unstyle(error_text(StoreError(message, hint), width))
    assert [line for line in shown.splitlines() if cells(line) > width] == []


@given(digests, digests)
def test_digests_that_differ_look_different(one: str, other: str) -> None:
    shown = digests_of(Change("a", "move", one, other, "", ""), pushed=False)
    before, arrow, after = shown.partition(" → ")
    assert (before != after and len(before) >= 7) if one != other else not arrow


def test_times() -> None:
    assert [took(one) for one in (0.004, 0.5, 0.96, 3.21, 59.9, 72, 3601)] == [
        "0.00 s", "0.50 s", "1.0 s", "3.2 s", "59.9 s", "1 min 12 s", "60 min 1 s",
    ]  # fmt: skip
