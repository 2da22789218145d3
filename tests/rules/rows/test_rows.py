"""Rows and flavor: how they are read, what is refused, and which tags a build gets."""

import pytest

from tagger.errors import InputError
from tagger.rules.rows.facts import BuildFacts
from tagger.rules.rows.fields import fields_of, is_row
from tagger.rules.rows.flavor import Flavor
from tagger.rules.rows.meaning import Rows
from tagger.rules.rows.row import Row
from tests.rules.rows.filling import MAIN, filled, on, rules_of, tags

TAG, BACK, PRE = on("refs/tags/v2.1.4"), on("refs/tags/v1.9.5"), on("refs/tags/v2.2.0-rc.1")
UNDATED = MAIN._replace(commit_time=lambda: None)
PULL = on("refs/pull/7/merge", event="pull_request")
SEMVER = ("type=semver,pattern={{version}}", "type=semver,pattern={{major}}.{{minor}}", "type=semver,pattern={{major}}")
SUFFIX = "suffix=-alpine,onlatest=true"


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("type=raw, Value = a=b ", [("type", "raw"), ("value", "a=b")]),
        ("nightly", [("", "nightly")]),
        ('type=match,"pattern=v(\\d{1,3}),x"', [("type", "match"), ("pattern", "v(\\d{1,3}),x")]),
        ('type=match,"""pattern=a,b"""', [("type", "match"), ("pattern", "a,b")]),
        ('"value=say ""x"""', [("value", 'say "x"')]),
        ("=x", [("", "=x")]),
        ("a,,b", [("", "a"), ("", ""), ("", "b")]),
    ],
)
def test_fields(line: str, fields: list[tuple[str, str]]) -> None:
    assert [tuple(field) for field in fields_of(line)] == fields


@pytest.mark.parametrize("line", ['type=raw,"value=a', '"a"b,c', "x" * 5000])
def test_lines_that_are_no_csv(line: str) -> None:
    with pytest.raises(InputError):
        fields_of(line)


def test_a_row_is_told_from_a_template() -> None:
    assert is_row("type=sha")
    assert is_row("value=x")
    assert not is_row("{{date 'YYYY' tz='UTC'}}-x")
    assert not is_row("nightly")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("type=semer,pattern={{version}}", "there is no type 'semer'"),
        ("type=Semver,pattern={{version}}", "there is no type 'Semver'"),
        ("type=semver", "`pattern` is missing"),
        ("type=semver,pattern={{version}},enabled=false", "`enabled` is no attribute of type=semver"),
        ("type=semver,pattern={{versions}}", "unknown field {{versions}}"),
        ("type=semver,pattern={{branch}}", "unknown field {{branch}}"),
        ("type=semver,pattern=-{{major}}", "is not a tag"),
        ("type=semver,pattern={{version}},match=v\\d", "has no group"),
        ("type=semver,pattern={{version}},match=v(", "is not a regular expression"),
        ("type=semver,pattern={{version}},match=((a+)+)", "could take long"),
        ("type=match,pattern=v(.*),group=2", "the pattern has no group '2'"),
        ("type=match,pattern=v(.*),group=x", "the pattern has no group 'x'"),
        ("type=ref", "`event` is missing"),
        ("type=ref,event=push", "`event` is 'push'"),
        ("type=sha,format=medium", "`format` is 'medium'"),
        ("type=raw", "`value` is missing"),
        ("type=raw,value={{branhc}}", "{{branhc}} is not known"),
        ("type=sha,priority=high", "`priority` is 'high'"),
        ("type=schedule,pattern={{branch}}", "{{branch}} is not known"),
        ("type=raw,value=x,prefix={{date}}", "{{date}} has no format"),
        ("type=semver,pattern={{version", "a brace that no field opens or closes"),
        ("type=semver,pattern=version}}", "a brace that no field opens or closes"),
        ("type=match,pattern=/v(.*)/iq,group=1", "the pattern has the flag 'q'"),
        ("type=match,pattern=v([0-9", "is not a regular expression"),
        ("type=raw,value=a,b", "`value` is given twice, the second time as 'b'"),
        ("type=sha,type=raw,value=x", "`type` is given twice"),
        ("type=sha,", "a field is empty"),
        ("type=raw,value=x,,suffix=y", "a field is empty"),
        ('type=raw,"value=x', "a quote is not closed"),
        ("type=,value=x", "there is no type ''"),
        ("type=sha,priority=", "`priority` is ''"),
        ("type=raw,value={{date 'YYYY' zone='UTC'}}", "'zone' is not known"),
        ("type=raw,value={{#if tag}}x", "{{#if}} is not closed"),
        ("type=raw,value={{lower branch}}", "{{lower branch}} is not known"),
    ],
)
def test_a_refusal_names_the_row_and_what_to_write(line: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Row.parse(line)
    assert f"the row `{line}`" in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("lines", "facts", "flavor", "message"),
    [
        (["type=raw,value=x,enable=yes"], MAIN, [], "`enable` is 'yes'"),
        (["type=raw,value=x,enable={{branch}}"], MAIN, [], "`enable` is 'main'"),
        (["type=raw,value=-x"], MAIN, [], "'-x' is not a tag"),
        (["type=ref,event=branch"], on("refs/heads/#5-fix"), [], "'-5-fix' is not a tag"),
        (["type=raw,value=" + "x" * 129], MAIN, [], "is not a tag"),
        (SEMVER, on("refs/tags/nightly"), [], "'nightly' is not a version"),
        (["type=pep440,pattern={{raw}}"], on("refs/tags/1.1beta2"), [], "1.1beta2 is another spelling of 1.1b2"),
        (SEMVER, on("refs/tags/v1.2.3+5"), [], "has build metadata"),
        (["type=semver,pattern={{version}},match=^api-v(.*)$"], TAG, [], "`match` does not find a version"),
        ([*SEMVER, "type=raw,value=latest"], MAIN, [], "sets latest, which belongs to the newest version"),
        ([*SEMVER, "type=raw,value=latest,enable=false"], TAG, [], "sets latest"),
        ([*SEMVER, "type=raw,value=2.1.4"], MAIN, [], "gives the tag 2.1.4, which belongs to a version"),
        ([*SEMVER, "type=ref,event=branch"], on("refs/heads/2.1"), [], "gives the tag 2.1, which belongs to a version"),
        (["type=raw,value=withdrawn-1.0.0"], MAIN, [], "or is reserved"),
        (["type=raw,value=tagger-policy"], MAIN, [], "or is reserved"),
        ([SEMVER[0], "type=semver,pattern={{raw}},value=3.0.0"], TAG, [], "reads 2.1.4, and the row"),
        (SEMVER, TAG, ["suffix=-alpine"], "but not `latest`"),
        (SEMVER, TAG, ["prefix=a", "onlatest=true"], "`onlatest` stands alone"),
        (SEMVER, TAG, ["latest=maybe"], "`latest` is 'maybe'"),
        (SEMVER, TAG, ["suffx=-a"], "`suffx` is no entry of a flavor"),
        (SEMVER, TAG, ["suffix=-a,onlatest=yes"], "`onlatest` is 'yes'"),
        (["type=raw,value={{tag}}"], MAIN, ["suffix=-x", "latest=false"], "'-x' is not a tag"),
        (["type=raw,value={{date 'YYYY' tz='Mars'}}"], MAIN, [], "no time zone 'Mars'"),
        (["type=semver,pattern={{version}},value={{commit_date 'YYYY.M.D'}}"], UNDATED, [],
         "the time of the commit is unknown"),
        (["type=edge"], on("refs/heads/main", default_branch=""), [], "which branch is the default one"),
    ],
)  # fmt: skip
def test_refused_together(lines: list[str], facts: BuildFacts, flavor: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        tags(lines, facts, flavor)
    assert message in caught.value.message
    assert caught.value.hint
    assert "the row `" in caught.value.message or "the flavor" in caught.value.message


@pytest.mark.parametrize(
    ("lines", "flavor", "facts", "made"),
    [
        (SEMVER, [], TAG, "2 2.1 2.1.4 latest"),
        (SEMVER, [], on("refs/tags/V2.1.4"), "2 2.1 2.1.4 latest"),
        (SEMVER, [], PRE, "2.2.0-rc.1"),
        (SEMVER, ["latest=true"], PRE, "2.2.0-rc.1"),
        (["type=semver,pattern={{major}}"], [], TAG, "2 2.1.4 latest"),
        (["type=pep440,pattern={{version}}", "type=pep440,pattern={{major}}.{{minor}}.{{patch}}"], [],
         on("refs/tags/1.2"), "1.2 latest"),
        (SEMVER, ["latest=false"], TAG, "2 2.1 2.1.4"),
        (SEMVER, ["prefix=v"], TAG, "latest v2 v2.1 v2.1.4"),
        (SEMVER, ["prefix=web-,onlatest=true"], TAG, "web-2 web-2.1 web-2.1.4 web-latest"),
        (SEMVER, [SUFFIX], TAG, "2-alpine 2.1-alpine 2.1.4-alpine latest-alpine"),
        (SEMVER, ["suffix=-alpine", "latest=false"], TAG, "2-alpine 2.1-alpine 2.1.4-alpine"),
        ([*SEMVER, "type=sha"], [SUFFIX], TAG, "2-alpine 2.1-alpine 2.1.4-alpine latest-alpine sha-860c190-alpine"),
        ([*SEMVER, "type=sha"], [], MAIN, "sha-860c190"),
        ([*SEMVER, "type=raw,value=latest,enable={{is_default_branch}}"], ["latest=false"], MAIN, "latest"),
        ([*SEMVER, "type=raw,value=latest,enable={{is_default_branch}}"], ["latest=false"], TAG, "2 2.1 2.1.4"),
        (["type=ref,event=tag"], [], TAG, "latest v2.1.4"),
        (["type=ref,event=tag"], [], PRE, "v2.2.0-rc.1"),
        (["type=ref,event=tag"], [], on("refs/tags/nightly-foo"), "nightly-foo"),
        (["type=match,pattern=v(.*),group=1"], [], TAG, "2.1.4 latest"),
        (["type=match,pattern=v(.*),group=1"], [], MAIN, ""),
        (["type=match,pattern=v(\\d+\\.\\d+),group=1"], [], TAG, "2.1 2.1.4 latest"),
        (["type=match,pattern=^release\\d+"], [], on("refs/tags/release1"), "release1"),
        (["type=match,pattern=v(\\d+\\.\\d+),group=1", SEMVER[0]], [], TAG, "2.1 2.1.4 latest"),
        (["type=match,pattern=v(.*),group=1,value=v9.8.7"], [], TAG, "9.8.7 latest"),
        (["type=match,pattern=release-(.*),group=1"], [], on("refs/tags/release-2.0.1"), "2.0.1 latest"),
        (["type=match,pattern=release-(.*),group=1"], [], on("refs/tags/release-v2.0.1"), "latest v2.0.1"),
        (["type=match,pattern=^v?(\\d+.\\d+.\\d+)$,group=1"], [], on("refs/tags/2.0.1"), "2.0.1 latest"),
        (["type=match,pattern=v(?<text>.*),group=1"], [], TAG, "2.1.4 latest"),
        (["type=match,pattern=/v(.*)/gu,group=1"], [], TAG, "2.1.4 latest"),
        (["type=raw,value={{tag}}"], ["prefix=web-"], MAIN, "web-"),
        (["type=semver,pattern={{version}},match=v(.*)", "type=ref,event=tag,prefix=t-"], [], TAG,
         "2.1.4 latest t-v2.1.4"),
        (["type=raw,value={{tag}}"], [], MAIN, ""),
        ([r"type=match,pattern=v(\d+.\d+.\d+),group=1", r"type=match,pattern=v(\d+.\d+),group=1"], [], TAG,
         "2.1 2.1.4 latest"),
        (["type=match,pattern=/V(.*)/i,group=1"], [], TAG, "2.1.4 latest"),
        (["type=match,pattern=^app-v(.*),group=1"], [], on("refs/tags/app-v2.1.4"), "2.1.4 latest"),
        (["type=semver,pattern={{version}},match=^app-v(.*)$"], [], on("refs/tags/app-v2.1.4"), "2.1.4 latest"),
        (["type=semver,pattern={{version}},value=v3.0.0"], [], MAIN, "3.0.0 latest"),
        (["type=semver,pattern={{version}},value={{tag}}"], [], MAIN, ""),
        ([*SEMVER[:2], SEMVER[2] + ",enable=false"], [], TAG, "2.1 2.1.4 latest"),
        ([*SEMVER, "type=raw,value=x,priority=1000"], [], TAG, "2 2.1 2.1.4 x"),
        ([*SEMVER, "type=raw,value=x,priority=1000"], ["latest=true"], TAG, "2 2.1 2.1.4 latest x"),
        (["type=ref,event=branch"], ["latest=true"], MAIN, "latest main"),
        ([*SEMVER, "type=ref,event=branch"], ["latest=true"], MAIN, "main"),
        (["type=ref,event=pr"], [], PULL, "pr-7"),
        (["type=ref,event=pr,prefix=x-"], [], on("refs/pull/7/head"), "x-7-head"),
        (["type=edge"], [], MAIN, "edge"),
        (["type=edge,branch=dev"], [], MAIN, ""),
        (["type=schedule", "type=ref,event=branch"], [], on("refs/heads/main", event="schedule"), "main nightly"),
        (["type=schedule,pattern={{date 'YYYYMMDD'}}"], [], on("refs/heads/main", event="schedule"), "20200110"),
        (["type=ref,event=branch"], [], on("refs/heads/feat/a&b=c"), "feat-a-b-c"),
        (["type=raw,value={{branch}}"], [], on("refs/heads/feat/a&b=c"), "feat-a-b-c"),
        (["nightly"], [], MAIN, "nightly"),
        (["type=raw,value=a", "value=a"], [], MAIN, "a"),
        ([*SEMVER, "type=raw,value=2.1.4"], [], TAG, "2 2.1 2.1.4 latest"),
        (["type=pep440,pattern={{version}}", "type=pep440,pattern={{major}}.{{minor}}"], [],
         on("refs/tags/1.2.3rc2"), "1.2.3rc2"),
        (["type=semver,pattern={{version}},suffix=-{{sha}}"], [], TAG, "2.1.4-860c190"),
        (["type=semver,pattern={{version}},suffix=-alpine"], [], TAG, "2.1.4-alpine latest"),
        (["type=sha,format=long,prefix="], [], MAIN, "860c1904a1ce19322e91ac35af1ab07466440c37"),
    ],
)  # fmt: skip
def test_tags(lines: list[str], flavor: list[str], facts: BuildFacts, made: str) -> None:
    assert " ".join(tags(lines, facts, flavor)) == made


def test_the_version_that_somebody_gave() -> None:
    assert tags(SEMVER, MAIN, given="v2.1.4") == ["2", "2.1", "2.1.4", "latest"]


def test_templates_are_the_same_for_every_build() -> None:
    rows = Rows.parse([*SEMVER[:2], f"{SEMVER[2]},enable={{{{is_default_branch}}}}", "type=ref,event=tag", "type=sha"])
    assert rows.templates == ("{{version}}", "{{major}}.{{minor}}", "{{major}}", "{{raw}}", "latest")
    assert Rows.parse(SEMVER, [SUFFIX]).templates[-1] == "latest-{{variant}}"
    assert Rows.parse(["type=sha", "nightly"]).templates == ()


def test_a_backport_owns_what_is_its_own() -> None:
    """The rows give 1.9.5 the classes of 1.9.5; the rule says that `latest` is the newest version's."""
    rows = Rows.parse(SEMVER)
    assert filled(rows, BACK).earned[-1] == "latest"
    rules = rules_of(rows)
    from tagger.rules.cascade import cascade

    owners = cascade(rules.published(["1.9.5", "2.1.4"]).in_force, rules)
    assert {tag: str(owner) for tag, owner in owners.items()} == {
        "1": "1.9.5", "1.9": "1.9.5", "2": "2.1.4", "2.1": "2.1.4", "latest": "2.1.4",
    }  # fmt: skip


def test_an_unknown_date_of_a_commit_is_told() -> None:
    """As docker/metadata-action does, it is now; that it is a guess, is said of rows that are used alone."""
    rows = ["type=raw,value={{commit_date 'YYYYMMDD'}}", "type=sha,prefix={{commit_date 'YYYY'}}-,enable=false"]
    one = filled(Rows.parse(rows), UNDATED)
    assert [tag.tag for tag in one.plain] == ["20200110"]
    assert len(one.notes) == 1
    assert one.notes[0].startswith(f"the row `{rows[0]}` uses the date of now: the time of the commit is unknown")
    assert filled(Rows.parse(["type=sha"], ["suffix=-{{commit_date 'YYYY'}}", "latest=false"]), UNDATED).notes
    assert filled(Rows.parse(rows), MAIN).notes == ()


@pytest.mark.parametrize(
    ("row", "flavor", "made"),
    [
        ("type=semver,pattern={{major}}.{{minor}},suffix=-{{sha}}", [], "2.1-860c190"),
        ("type=semver,pattern={{version}},prefix={{date 'YYYY'}}-", [], "2020-2.1.4"),
        ("type=semver,pattern={{major}}", ["suffix=-{{sha}}"], "2-860c190"),
    ],
)
def test_a_tag_that_each_build_has_anew_brings_no_latest(row: str, flavor: list[str], made: str) -> None:
    """A version without a tag of its own cannot own `latest`: an older one would take it."""
    one = filled(Rows.parse([row], flavor), TAG)
    assert [plain.tag for plain in one.plain] == [made]
    assert one.notes == (
        f"the row `{row}` has a prefix or suffix that differs between builds: it does not set `latest`",
    )
    assert filled(Rows.parse([row], [*flavor, "latest=false"]), TAG).notes == ()


def test_latest_true_on_a_branch_is_told() -> None:
    one = filled(Rows.parse([*SEMVER, "type=ref,event=branch"], ["latest=true"]), MAIN)
    assert "does not get `latest`" in one.notes[0]


def test_the_row_that_is_to_blame_is_named() -> None:
    rows = Rows.parse(SEMVER)
    assert rows.culprit(lambda templates: "{{major}}" in templates) == SEMVER[2]
    assert rows.culprit(lambda templates: len(templates) > 1) == SEMVER[1]
    assert rows.culprit(lambda _templates: False) == ""


def test_a_row_that_gives_nothing_sets_no_tag() -> None:
    assert tags(["type=raw,value=,prefix={{branch}}"], TAG) == []
    assert tags(["type=raw,value=,prefix={{branch}}"], MAIN) == ["main"]


def test_latest_is_a_plain_tag_where_no_version_could_own_it() -> None:
    assert tags(["type=sha"], MAIN, ["latest=true"]) == ["latest", "sha-860c190"]


@pytest.mark.parametrize("suffix", ["-latest", "-1.2", "+x", "alpine"])
def test_a_suffix_that_no_variant_may_have(suffix: str) -> None:
    assert Flavor.parse([f"suffix={suffix}"]).variant == ""


@pytest.mark.parametrize("ref", ["refs/tags/v1.1.1", "refs/tags/v1.1.2", "refs/tags/v2.1.2"])
def test_a_match_in_a_version_whose_numbers_are_alike(ref: str) -> None:
    version = ref.removeprefix("refs/tags/v")
    series = version.rpartition(".")[0]
    rows = ["type=semver,pattern={{version}}", "type=match,pattern=v(\\d+\\.\\d+),group=1"]
    assert tags(rows, on(ref)) == [series, version, "latest"]


def test_a_match_that_could_be_any_number_of_a_version_is_refused() -> None:
    rows = ["type=semver,pattern={{version}}", "type=match,pattern=v\\d+\\.\\d+\\.(\\d+),group=1"]
    assert tags(rows, on("refs/tags/v2.1.4")) == ["2.1.4", "4", "latest"]
    with pytest.raises(InputError, match="gives the tag 2, which belongs to a version"):
        tags(rows, on("refs/tags/v1.1.2"))


def test_a_prerelease_has_its_whole_version_where_its_commit_stands_before_it() -> None:
    rows = ["type=semver,pattern={{major}},prefix={{sha}}-"]
    assert tags(rows, PRE) == ["860c190-2.2.0-rc.1"]
    assert tags(rows, TAG) == ["860c190-2"]


def test_an_edge_build_of_an_event_that_runs_on_the_default_branch_alone() -> None:
    unsaid = MAIN._replace(default_branch="")
    assert tags(["type=edge"], unsaid._replace(event="schedule")) == ["edge"]
    with pytest.raises(InputError):
        tags(["type=edge"], unsaid)


def test_what_is_known_of_a_build() -> None:
    assert (MAIN.is_pull_request, PULL.is_pull_request, PULL._replace(ref="").is_pull_request) == (False, True, True)
    assert (MAIN.on_default_branch, MAIN._replace(ref="").on_default_branch) == (True, False)
    with pytest.raises(KeyError):
        MAIN.value("version")
