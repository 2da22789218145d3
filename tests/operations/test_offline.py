"""Plans without a registry: decided by the same rules as a release into a repository that holds those versions."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.images.layout import Layout
from tagger.operations.offline import OfflineRelease, plan_offline
from tagger.operations.release import plan
from tagger.results import Report
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.operations.running import RULES, Builds, finished, job, released

SMALL = st.integers(0, 2)
VERSIONS = st.builds("{}.{}.{}{}".format, SMALL, SMALL, SMALL, st.sampled_from(["", "", "-rc.1"]))
RULE_SETS = (
    RULES,
    Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), stable="<2"),
    Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), latest="1", channels=["rc"]),
)


def planned(version: str, *published: str, rules: Rules = RULES) -> Report:
    """Plan a release beside versions that are published."""
    parse = rules.scheme.parse
    return plan_offline(OfflineRelease((parse(version),), rules, ("nowhere yet",)), map(parse, published))


def said(report: Report) -> dict[str, tuple[str, str, str]]:
    return {change.tag: (change.action, change.version, change.reason) for change in report.repositories[0].changes}


def test_what_is_not_stable_is_passed_by_for_that_reason() -> None:
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), stable="<3")
    report = planned("3.1.0", "2.1.4", "2.1.3", rules=rules)
    assert said(report) == {
        "3.1.0": ("create", "3.1.0", "the exact tag of 3.1.0"),
        "latest": ("hold", "2.1.4", "3.1.0 is not in `stable` (<3)"),
    }
    assert report.tags == ("3.1.0", "3.1", "3", "latest")


def test_a_backport_moves_its_own_tags_alone() -> None:
    assert {tag: action for tag, (action, _, _) in said(planned("2.1.5", "2.1.4", "3.0.0")).items()} == {
        "2.1.5": "create", "2.1": "move", "2": "move", "latest": "hold",
    }  # fmt: skip


def test_nothing_is_published() -> None:
    report = planned("1.0.0")
    assert [action for action, _, _ in said(report).values()] == ["create"] * 4
    assert {(change.before, change.after) for change in report.repositories[0].changes} == {(None, None)}


def test_a_withdrawn_version_and_another_length_are_refused() -> None:
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), withdrawn=["2.1.4"])
    report = planned("2.1.4", rules=rules)
    assert (report.exit_code, report.error and report.error.code) == (1, "WITHDRAWN")
    with pytest.raises(InputError, match="several lengths"):
        planned("3.1", "2.1.4", rules=Rules.of(("{{version}}", "latest"), scheme=Scheme("numeric")))


@settings(max_examples=40, deadline=None)
@given(st.lists(VERSIONS, unique=True, max_size=4), VERSIONS, st.sampled_from(RULE_SETS))
def test_it_plans_what_a_repository_of_those_versions_would_get(
    tmp_path_factory: pytest.TempPathFactory, published: list[str], version: str, rules: Rules
) -> None:
    folder: Path = tmp_path_factory.mktemp("offline")
    builds, store = Builds(folder / "builds"), Layout(folder / "store")
    others = [one for one in published if one != version]
    for one in others:
        released(builds, one, store, rules=rules)
    assert said(planned(version, *others, rules=rules)) == said(
        finished(plan(job(builds, version, store, rules=rules)))
    )


def test_what_looks_like_a_revision_is_told() -> None:
    report = planned("22.0.1-1", "22.0.0", rules=Rules.of(DEFAULT_TEMPLATES, scheme=Scheme()))
    assert [one.code for one in report.warnings] == ["UNDECLARED_REVISION"]
    assert "set `revisions: -N`" in report.warnings[0].message
    rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme.of("semver", "refuse", ["-N"]))
    assert planned("22.0.1-1", "22.0.0", rules=rules).warnings == ()
