"""No line is wider than the screen, whatever stands in a report or a repository; every tag that matters is told."""

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.command_line.help import command_help, program_help
from tagger.commands import commands, find_command
from tagger.errors import StoreError
from tagger.reporting.checkups import checkup_text
from tagger.reporting.folding import cells, fold
from tagger.reporting.proposals import proposal_text
from tagger.reporting.sentences import duration
from tagger.reporting.settings import settings_text
from tagger.reporting.text import digests_of, error_text, report_text
from tagger.reporting.trees import tree_text
from tagger.results import Report
from tagger.results.checkup import Checkup, Finding
from tagger.results.proposal import Proposal
from tagger.results.tree import Tree
from tagger.rules.immutability import immutability
from tagger.rules.plan import Change
from tagger.settings.gather import gather_each
from tests.reporting.anything import changes, digests, names, reports, tags, texts, trees

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


findings = st.builds(Finding, st.sampled_from(["error", "warning", "note"]), st.just("CODE"), texts, texts, names)


@settings(max_examples=60)
@given(st.lists(names, max_size=3).map(tuple), st.lists(findings, max_size=6).map(tuple), widths)
def test_no_line_of_a_checkup(places: tuple[str, ...], found: tuple[Finding, ...], width: int) -> None:
    text = click.unstyle(checkup_text(Checkup(places, found), width))
    assert [line for line in text.splitlines() if cells(line) > width] == []


proposals = st.builds(
    Proposal, names, st.just({}), st.just("images: []"), st.integers(0, 1 << 20), st.integers(0, 1 << 20),
    st.integers(0, 1 << 20), st.lists(changes, max_size=4).map(tuple), st.lists(tags, max_size=40).map(tuple),
    st.lists(tags, max_size=40).map(tuple),
)  # fmt: skip


@settings(max_examples=60)
@given(proposals, widths)
def test_no_line_of_a_proposal(proposal: Proposal, width: int) -> None:
    text = click.unstyle(proposal_text(proposal, width))
    assert [line for line in text.splitlines() if cells(line) > width] == []


@settings(max_examples=30)
@given(st.lists(names, min_size=1, max_size=4), widths)
def test_no_line_of_settings_but_a_rule_to_copy(images: list[str], width: int) -> None:
    (understood,) = gather_each(find_command("config"), {"images": [f"oci:漢/{image}" for image in images]}, {})
    rule = immutability(understood.rules)
    for line in click.unstyle(settings_text(understood, width)).splitlines():
        assert cells(line) <= width or line.strip() in (rule.expression, rule.harbor, rule.ecr), line


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_of_the_help(width: int, verbose: bool) -> None:
    texts = [program_help(width, verbose=verbose), *(command_help(one, width, verbose=verbose) for one in commands())]
    for line in "\n".join(texts).splitlines():
        assert cells(click.unstyle(line)) <= width, line


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
    assert [duration(one) for one in (0.004, 0.5, 0.96, 3.21, 59.9, 72, 3601)] == [
        "0.00 s", "0.50 s", "1.0 s", "3.2 s", "59.9 s", "1 min 12 s", "60 min 1 s",
    ]  # fmt: skip
