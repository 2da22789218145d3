"""Texts with expressions: values, dates, blocks; in linear time, and nothing that is not known."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.rules.rows.expressions import Expression
from tests.rules.rows.filling import MAIN, on

PULL = on("refs/pull/7/merge", event="pull_request", base_ref="main")
TAG = on("refs/tags/v2.1.4")


@pytest.mark.parametrize(
    ("text", "main", "tag", "pull"),
    [
        ("nightly", "nightly", "nightly", "nightly"),
        ("{{branch}}", "main", "", ""),
        ("x-{{ tag }}", "x-", "x-v2.1.4", "x-"),
        ("{{sha}}", "860c190", "860c190", "860c190"),
        ("{{base_ref}}", "", "", "main"),
        ("{{is_default_branch}}", "true", "false", "false"),
        ("{{is_not_default_branch}}", "false", "true", "true"),
        ("{{date 'YYYYMMDD'}}", "20200110", "20200110", "20200110"),
        ("{{commit_date \"YYYYMMDD-HHmm\" tz='Asia/Tokyo'}}", "20200110-0930", "20200110-0930", "20200110-0930"),
        ("{{#if branch}}b-{{branch}}{{else}}none{{/if}}", "b-main", "none", "none"),
        ("{{#unless tag}}dev{{/unless}}", "dev", "", "dev"),
        ("{{date YYYY.MM tz='Asia/Tokyo'}}", "2020-01-10T09:30:00+09:00", *["2020-01-10T09:30:00+09:00"] * 2),
        ("{{#if tag}}{{#if branch}}a{{else}}b{{/if}}{{^}}c{{/if}}", "c", "b", "c"),
        ("{{#if is_default_branch}}x{{/if}}", "x", "x", "x"),  # both words are texts, and a text is true
        ("a{{! nothing }}b", "ab", "ab", "ab"),
    ],
)
def test_table(text: str, main: str, tag: str, pull: str) -> None:
    assert [Expression.parse(text).render(facts) for facts in (MAIN, TAG, PULL)] == [main, tag, pull]


def test_nothing_is_escaped() -> None:
    facts = on("refs/heads/feat/a&b=<c>")
    assert Expression.parse("{{branch}}").render(facts) == "feat/a&b=<c>"
    assert Expression.parse("{{{branch}}}").render(facts) == "feat/a&b=<c>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{branches}}", "{{branches}} is not known"),
        ("{{version}}", "{{version}} is not known"),
        ("{{branch", "{{ is not closed"),
        ("{{#each x}}{{/each}}", "{{#each}} is not known"),
        ("{{#if tag}}", "{{#if}} is not closed"),
        ("{{#if tag}}{{/unless}}", "{{#if}} is closed by {{/unless}}"),
        ("{{/if}}", "{{/if}} closes nothing"),
        ("{{branch 'x'}}", "{{branch}} takes no argument"),
        ("{{date}}", "{{date}} has no format"),
        ("{{date branch}}", "{{date branch}} has no format"),
        ("{{date null}}", "{{date null}} has no format"),
        ("{{date YYYY MM}}", "{{date YYYY MM}} is not known"),
        ("{{#if date 'YYYY'}}x{{/if}}", "{{#if date …}} is always true"),
        ("{{date 'YYYY' zone='UTC'}}", "'zone' is not known"),
        ("{{#if tag}}" * 9 + "{{/if}}" * 9, "more than 8 blocks"),
        ("x" * 5000, "5000 characters"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Expression.parse(text)
    assert message in caught.value.message
    assert caught.value.hint


def test_an_unknown_time_zone() -> None:
    with pytest.raises(InputError, match="no time zone 'Mars/Base'"):
        Expression.parse("{{date 'YYYY' tz='Mars/Base'}}").render(MAIN)


@given(st.text(st.sampled_from("{}#/^!'\" abif"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        made = Expression.parse(text).render(MAIN)
    except InputError:
        return
    assert len(made) <= len(text) + 100


@pytest.mark.parametrize("text", ["{{" * 2000, "{{#if tag}}" * 370, "}}{{!" * 800, "{{tag " + " " * 4000 + "x}}"])
def test_long_texts_take_no_time(text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(InputError):
        Expression.parse(text)
    assert time.monotonic() - begin < 10


def test_a_format_without_quotes_is_known() -> None:
    expression = Expression.parse("{{date 'YYYY'}}-{{#if tag}}{{date YYYY-MM tz='UTC'}}{{/if}}-{{commit_date X}}")
    assert expression.unquoted == ("{{date YYYY-MM}}", "{{commit_date X}}")


def test_what_is_named_in_blocks_too() -> None:
    expression = Expression.parse("x-{{sha}}{{#if tag}}{{branch}}{{else}}{{date 'YYYY'}}{{/if}}")
    assert expression.names == {"sha", "tag", "branch", "date"}
