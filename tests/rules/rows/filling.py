"""Fill in rows as a run does, and return every tag that they give."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from tagger.rules.cascade import Rules
from tagger.rules.rows.facts import BuildFacts
from tagger.rules.rows.meaning import Filled, Rows
from tagger.rules.templates import Template
from tagger.rules.versions import Scheme

NOW = datetime(2020, 1, 10, 0, 30, tzinfo=UTC)
MAIN = BuildFacts(
    NOW, "push", "refs/heads/main", "860c1904a1ce19322e91ac35af1ab07466440c37", "main", commit_time=lambda: NOW
)


def on(ref: str, **other: str) -> BuildFacts:
    """Return the facts of a build of a ref."""
    return MAIN._replace(ref=ref, **other)  # type: ignore[arg-type]


def rules_of(rows: Rows) -> Rules:
    """Return the rules that follow from rows alone."""
    variants = ("", *filter(None, (rows.variant,)))
    return Rules.of(rows.templates, scheme=Scheme(rows.scheme), variants=variants) if rows.templates else Rules()


def filled(rows: Rows, facts: BuildFacts, given: str = "") -> Filled:
    """Fill in rows."""
    rules = rules_of(rows)
    parse = partial(rules.parse, variant=rows.variant) if rules.templates else Scheme(rows.scheme).parse
    return rows.fill(facts, parse, given)


def tags(lines: Sequence[str], facts: BuildFacts, flavor: Sequence[str] = (), given: str = "") -> list[str]:
    """Return the tags that rows give a build, in an empty repository, sorted."""
    rows = Rows.parse(lines, flavor)
    one, rules = filled(rows, facts, given), rules_of(rows)
    made = set(one.plain_tags(rules))
    if version := one.version:
        version = version.of_variant(rows.variant)
        owned = {*rules.exact_tags(version), *rules.floating_tags(version)}
        made |= owned.intersection(filter(None, (Template.parse(text).fill(version) for text in one.earned)))
    return sorted(made)
