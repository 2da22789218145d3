"""One workflow for every event: rows of docker/metadata-action in `tags`, from the environment to the repository."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.operations.running import standing
from tests.servers.http_server import Exchange, HttpServer, Reply

ROWS = """\
# what most workflows say
type=schedule
type=ref,event=branch
type=ref,event=pr
type=semver,pattern={{version}}
type=semver,pattern={{major}}.{{minor}}
type=semver,pattern={{major}}
type=sha
"""
SHA = "860c1904a1ce19322e91ac35af1ab07466440c37"
PAYLOAD = {
    "repository": {
        "name": "app", "default_branch": "main", "html_url": "https://github.com/acme/app", "description": "An app",
        "license": {"spdx_id": "MIT"},
    },
    "pull_request": {"base": {"ref": "main"}, "head": {"sha": "3370e228f2209994d57af4427fe64e71bb79ac96"}},
    "number": 7,
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the payload of an event, and a build."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "event.json").write_text(json.dumps(PAYLOAD))
    make_image(Layout("build"), "one", "built")
    return tmp_path


def environ(ref: str, event: str = "push", rows: str = ROWS, **inputs: str) -> dict[str, str]:
    """Return the environment of a run on an event."""
    given = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
    return {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, "GITHUB_SHA": SHA,
        "GITHUB_EVENT_PATH": "event.json", "GITHUB_OUTPUT": "outputs", "TAGGER_NOW": "2020-01-10T00:30:00Z",
        "INPUT_TAGS": rows, "INPUT_IMAGES": "oci:app", **given,
    }  # fmt: skip


def run(command: str, ref: str, event: str = "push", rows: str = ROWS, **inputs: str) -> Ran:
    """Run a command on an event, with a build at hand unless `source` says otherwise."""
    inputs = {"source": "oci:build", "tag_locally": "false", **inputs}
    return tagger(command, "--json", environ=environ(ref, event, rows, **{k: v for k, v in inputs.items() if v}))


def outputs() -> Mapping[str, str]:
    """Return the outputs of the last run."""
    found: dict[str, str] = {}
    lines = iter(Path("outputs").read_text().splitlines())
    for line in lines:
        name, _, fence = line.partition("<<")
        values = []
        for value in lines:
            if value == fence:
                break
            values.append(value)
        found[name] = "\n".join(values)
    return found


def tags(place: str = "app") -> list[str]:
    """Return what stands in a repository."""
    return sorted(standing(Layout(Path(place))))


@pytest.mark.parametrize(
    ("ref", "event", "made", "version"),
    [
        ("refs/heads/main", "push", "main sha-860c190", "main"),
        ("refs/heads/feat/x", "push", "feat-x sha-860c190", "feat-x"),
        ("refs/heads/main", "schedule", "main nightly sha-860c190", "nightly"),
        ("refs/heads/main", "workflow_dispatch", "main sha-860c190", "main"),
        ("refs/pull/7/merge", "pull_request", "pr-7 sha-860c190", "pr-7"),
        ("refs/heads/main", "pull_request_target", "pr-7 sha-860c190", "pr-7"),
        ("refs/heads/main", "workflow_run", "main sha-860c190", "main"),
        ("refs/heads/gh-readonly-queue/main/pr-7-860c190", "merge_group",
         "gh-readonly-queue-main-pr-7-860c190 sha-860c190", "gh-readonly-queue-main-pr-7-860c190"),
        ("refs/tags/v2.1.4", "push", "2 2.1 2.1.4 latest sha-860c190", "2.1.4"),
        ("refs/tags/v2.2.0-rc.1", "push", "2.2.0-rc.1 sha-860c190", "2.2.0-rc.1"),
    ],
)  # fmt: skip
def test_every_event(ref: str, event: str, made: str, version: str) -> None:
    planned = run("plan", ref, event)
    assert (planned.code, sorted(planned.document["tags"])) == (0, made.split())
    assert not Path("app").exists() or tags() == []
    ran = run("release", ref, event)
    assert (ran.code, " ".join(tags())) == (0, made), ran.err
    assert outputs()["version"] == version
    assert sorted(outputs()["tag-names"].split()) == made.split()
    again = run("release", ref, event)
    assert (again.code, again.document["changed"], again.document["repositories"][0]["status"]) == (
        0,
        False,
        "unchanged",
    )


def test_before_the_build_a_plan_needs_no_image() -> None:
    for source in ("", "oci:nowhere"):
        ran = run("plan", "refs/tags/v2.1.4", source=source)
        assert (ran.code, ran.document["digest"]) == (0, None), ran.err
        assert outputs()["tags"].split() == [f"oci:app:{tag}" for tag in ("2.1.4", "2.1", "2", "latest", "sha-860c190")]
    assert run("release", "refs/tags/v2.1.4", source="").code == 2
    assert run("release", "refs/heads/main", source="").code == 2


def test_labels_and_annotations() -> None:
    run(
        "plan",
        "refs/heads/main",
        labels="org.opencontainers.image.title=My {{branch}}\nmaintainer=acme",
        annotations="a=b",
    )
    labels = outputs()["labels"].splitlines()
    assert labels == [
        "maintainer=acme",
        "org.opencontainers.image.created=2020-01-10T00:30:00.000Z",
        "org.opencontainers.image.description=An app",
        "org.opencontainers.image.licenses=MIT",
        f"org.opencontainers.image.revision={SHA}",
        "org.opencontainers.image.source=https://github.com/acme/app",
        "org.opencontainers.image.title=My main",
        "org.opencontainers.image.url=https://github.com/acme/app",
        "org.opencontainers.image.version=main",
    ]
    assert outputs()["annotations"].splitlines()[0] == "manifest:a=b"
    assert "org.opencontainers.image.title=app" in outputs()["annotations"]


def test_a_label_without_a_value_is_left_out_and_told() -> None:
    """As docker/metadata-action does, which says nothing of it."""
    ran = run("plan", "refs/heads/main", labels="invalid\nmaintainer=acme")
    assert ran.code == 0
    assert [(one["code"], one["message"]) for one in ran.document["warnings"]] == [
        ("LABELS", "`labels`: 'invalid' is no key=value: it is left out"),
    ]
    made = outputs()["labels"] + outputs()["annotations"]
    assert "maintainer=acme" in made
    assert "invalid" not in made


def test_outputs_that_differ_from_metadata_action() -> None:
    """Each is in docs/metadata-action.md: the version, the order, the name of Docker Hub, `tags` without a row."""
    rows = "type=sha,priority=2000\ntype=semver,pattern={{major}}\ntype=ref,event=tag"
    said = {"flavor": "latest=true", "images": "acme/app", "source": "", "published_from": "none"}
    ran = run("plan", "refs/tags/v2.1.4", rows=rows, **said)
    assert ran.code == 0
    assert outputs()["version"] == "2.1.4"
    assert "org.opencontainers.image.version=2.1.4" in outputs()["labels"].splitlines()
    names = ["v2.1.4", "2", "latest", "sha-860c190"]
    assert outputs()["tags"].splitlines() == [f"docker.io/acme/app:{name}" for name in names]
    ran = run("plan", "refs/heads/main", rows="", source="", published_from="none")
    assert (ran.code, "no version found" in ran.document["error"]["message"]) == (2, True)
    ran = run("plan", "refs/heads/main", rows="nightly", source="", published_from="none")
    assert (ran.code, "a row: type=raw,value=nightly." in ran.document["error"]["hint"]) == (2, True)
    ran = run("plan", "refs/heads/main", rows="nightly\ntype=sha", source="", published_from="none")
    assert (ran.code, ran.document["tags"]) == (0, ["nightly", "sha-860c190"])
    ran = run("plan", "refs/heads/main", rows="foo/bar\ntype=sha", source="", published_from="none")
    assert (ran.code, "a tag cannot hold: 'foo/bar'" in ran.document["error"]["message"]) == (2, True)


DATED = "type=raw,value={{commit_date 'YYYYMMDD'}}"


class GithubRepository(HttpServer):
    """GitHub's API for one repository: its default branch, and the date of every commit; or a refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.status = 200

    def answer(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        found: object = {"default_branch": "main"}
        if "/commits/" in exchange.path:
            found = {"commit": {"committer": {"date": "2019-12-24T10:11:12Z"}}}
        if exchange.headers.get("Authorization") != "Bearer ghs_token":
            self.status = 401
        exchange.reply(Reply(self.status, body=json.dumps(found if self.status == 200 else {}).encode()))


@pytest.fixture
def github() -> Iterator[tuple[GithubRepository, dict[str, str]]]:
    """GitHub's API, and the environment of a run that may ask it."""
    with GithubRepository() as api:
        yield (
            api,
            {
                "GITHUB_REPOSITORY": "acme/app",
                "GITHUB_API_URL": f"{api.url}/api/v3",
                "INPUT_GITHUB-TOKEN": "ghs_token",
                "INPUT_RETRIES": "0",
            },
        )


def planned(ref: str, rows: str, **more: str) -> Ran:
    """Plan a build, and ask no registry."""
    given = environ(ref, rows=rows, images="ghcr.io/acme/app", published_from="none") | more
    return tagger("plan", "--json", environ=given)


def test_github_says_what_the_event_does_not(github: tuple[GithubRepository, dict[str, str]]) -> None:
    api, where = github
    Path("event.json").write_text("{}")
    assert planned("refs/heads/main", "type=sha", **where).code == 0
    assert api.asked == []
    ran = planned("refs/heads/main", f"{DATED}\ntype=edge", **where)
    assert (ran.code, ran.document["tags"], ran.document["warnings"]) == (0, ["edge", "20191224"], [])
    assert planned("refs/heads/dev", "type=edge\ntype=sha", **where).document["tags"] == ["sha-860c190"]
    assert api.asked == ["/api/v3/repos/acme/app", f"/api/v3/repos/acme/app/commits/{SHA}", "/api/v3/repos/acme/app"]


@pytest.mark.parametrize(("status", "codes"), [(404, ["ROWS"]), (503, ["GITHUB", "ROWS"])])
def test_a_date_that_nobody_knows(
    github: tuple[GithubRepository, dict[str, str]], status: int, codes: Sequence[str]
) -> None:
    api, where = github
    api.status = status
    ran = planned("refs/heads/main", DATED, **where)
    assert (ran.code, ran.document["tags"]) == (0, ["20200110"])
    assert [warning["code"] for warning in ran.document["warnings"]] == codes
    assert f"the row `{DATED}` uses the date of now" in ran.err
    assert "ghs_token" not in ran.out + ran.err.replace("::add-mask::ghs_token", "")
    row = "type=semver,pattern={{version}},value={{commit_date 'YYYY.M.D'}}"
    ran = planned("refs/heads/main", row, **where)
    assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")
    assert f"the row `{row}`" in ran.document["error"]["message"]
    assert "Check the code out" in ran.document["error"]["hint"]


@pytest.mark.parametrize("name", ["foo", "vfoo"])
def test_a_tag_that_is_no_version(name: str) -> None:
    """The hint proposes no condition that this tag passes: `vfoo` begins with v as versions do."""
    ran = run("plan", f"refs/tags/{name}", rows="type=semver,pattern={{version}}")
    hint = ran.document["error"]["hint"]
    assert (ran.code, "narrow its trigger to v[0-9]*" in hint) == (2, True)
    assert ("startsWith(github.ref, 'refs/tags/v')" in hint) == (name == "foo")


def test_a_format_of_a_date_without_quotes_is_told() -> None:
    row = "type=raw,value={{date YYYY-MM-DD tz='Asia/Tokyo'}}"
    ran = run("plan", "refs/heads/main", rows=row)
    assert (ran.code, ran.document["tags"]) == (0, ["2020-01-10T09-30-00-09-00"])
    (warning,) = ran.document["warnings"]
    assert f"the row `{row}`" in warning["message"]
    assert "write {{date 'YYYY-MM-DD'}} for that format" in warning["message"]


def test_a_label_that_has_the_date_of_now_is_told() -> None:
    ran = run("plan", "refs/heads/main", labels="built={{commit_date 'YYYYMMDD'}}")
    assert [warning["code"] for warning in ran.document["warnings"]] == ["LABELS"]
    assert "built=20200110" in outputs()["labels"].splitlines()


def test_a_backport_moves_nothing_that_is_not_its_own() -> None:
    assert run("release", "refs/tags/v2.1.4", rows=ROWS.replace("type=sha", "")).code == 0
    before = standing(Layout(Path("app")))
    make_image(Layout("old"), "two", "built")
    ran = run("release", "refs/tags/v1.9.5", source="oci:old", rows=ROWS.replace("type=sha", ""))
    assert ran.code == 0
    after = standing(Layout(Path("app")))
    assert {tag for tag in after if after[tag] != before.get(tag)} == {"1.9.5", "1.9", "1"}
    assert outputs()["latest"] == "false"


def test_a_backport_moves_no_series_that_only_match_rows_name() -> None:
    rows = "type=match,pattern=v(\\d+),group=1\ntype=match,pattern=v(\\d+\\.\\d+),group=1"
    assert run("release", "refs/tags/v2.1.4", rows=rows).code == 0
    before = standing(Layout(Path("app")))
    assert sorted(before) == ["2", "2.1", "2.1.4", "latest"]
    make_image(Layout("old"), "two", "built")
    assert run("release", "refs/tags/v2.0.9", source="oci:old", rows=rows).code == 0
    after = standing(Layout(Path("app")))
    assert {tag for tag in after if after[tag] != before.get(tag)} == {"2.0.9", "2.0"}


def test_a_row_that_is_not_enabled_sets_nothing() -> None:
    rows = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}},enable=false\ntype=raw,value=x,priority=950"
    assert run("release", "refs/tags/v0.1.2", rows=rows).code == 0
    assert tags() == ["0.1.2", "x"]


def test_a_suffix_is_a_variant() -> None:
    rows, flavor = ROWS.replace("type=sha", ""), "suffix=-alpine,onlatest=true"
    assert run("release", "refs/tags/v2.1.4", rows=rows).code == 0
    make_image(Layout("alpine"), "alpine", "built")
    ran = run("release", "refs/tags/v2.1.4", rows=rows, flavor=flavor, source="oci:alpine")
    assert ran.code == 0, ran.err
    assert tags() == ["2", "2-alpine", "2.1", "2.1-alpine", "2.1.4", "2.1.4-alpine", "latest", "latest-alpine"]


def test_a_policy_stores_the_templates_of_rows_and_every_build_follows_it() -> None:
    rows, suffix = ROWS.replace("type=sha", ""), "suffix=-alpine,onlatest=true"
    templates = "{{version}}\n{{major}}.{{minor}}\n{{major}}\nlatest\nlatest-{{variant}}"
    environ_of = environ("refs/heads/main", rows=rows, flavor=suffix) | {"INPUT_ARGUMENTS": "set"}
    assert tagger("policy", "--json", environ=environ_of).code == 0
    stored = tagger("policy", "--json", environ={"INPUT_IMAGES": "oci:app"}).out
    assert "latest-{{variant}}" in stored
    assert "alpine" in stored
    assert "schedule" not in stored
    assert run("release", "refs/tags/v2.1.4", rows=rows, flavor=suffix).code == 0
    assert run("release", "refs/tags/v2.1.4", rows=rows).code == 2, "bare builds have no `latest` by this policy"
    setting = environ("refs/heads/main", rows=templates, variants="alpine") | {"INPUT_ARGUMENTS": "set"}
    assert tagger("policy", "--json", environ=setting).code == 0
    make_image(Layout("alpine"), "alpine", "built")
    for flavor, source in (("", "oci:build"), (suffix, "oci:alpine")):
        ran = run("release", "refs/tags/v2.1.5", rows=rows, flavor=flavor, source=source)
        assert (ran.code, ran.document["policy"]["differs"]) == (0, []), ran.err
    assert {"2.1.5", "latest", "2.1.5-alpine", "latest-alpine"} <= set(tags())


def test_a_flavor_against_the_policy_is_refused() -> None:
    """A policy says what owns `latest`, for every build of the repository: one workflow cannot say otherwise."""
    environ_of = environ("refs/heads/main") | {"INPUT_ARGUMENTS": "set"}
    assert tagger("policy", "--json", environ=environ_of).code == 0
    for ref in ("refs/tags/v2.1.4", "refs/heads/main"):
        ran = run("release", ref, flavor="latest=false")
        assert (ran.code, ran.document["error"]["code"], tags()) == (2, "POLICY", ["tagger-policy"])
        said = "INPUT_FLAVOR says latest: false, and the policy of oci:app says auto"
        assert said in ran.document["error"]["message"]
        assert "drop `latest=false` of `flavor` to follow it" in ran.document["error"]["hint"]
    assert run("release", "refs/heads/main", rows="type=ref,event=branch", flavor="latest=false").code == 0
    assert tags() == ["main", "tagger-policy"]
    environ_of = environ("refs/heads/main", flavor="latest=false") | {"INPUT_ARGUMENTS": "set"}
    assert tagger("policy", "--json", environ=environ_of).code == 0
    assert run("release", "refs/tags/v2.1.4", flavor="latest=false").code == 0
    assert "latest" not in tags()


@pytest.mark.parametrize(
    ("ref", "event", "rows", "message"),
    [
        ("refs/tags/nightly", "push", ROWS, "the row `type=semver,pattern={{version}}`"),
        ("refs/heads/main", "push", f"{ROWS}type=raw,value=latest", "flavor: latest=false"),
        ("refs/heads/main", "push", "type=semver,pattern={{version}}\n{{major}}", "{{major}} is a template"),
        ("refs/heads/main", "push", "type=schedule", "gives this build a tag"),
        (
            "refs/heads/main",
            "push",
            "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}.0",
            "the row `type=semver,pattern={{major}}.{{minor}}.0`: a template makes",
        ),
        ("refs/heads/2.1", "push", ROWS, "the row `type=ref,event=branch` gives the tag 2.1"),
    ],
)
def test_refusals(ref: str, event: str, rows: str, message: str) -> None:
    ran = run("release", ref, event, rows)
    assert ran.code == 2
    error = ran.document["error"]
    assert message in f"{error['message']} {error['hint']}"
    assert not Path("app").exists() or tags() == []


def test_on_a_pull_request_a_plan_is_green() -> None:
    rows = f"{ROWS}type=semver,pattern={{{{version}}}},value=2.1.4"
    assert run("release", "refs/heads/main", rows=rows).code == 0
    make_image(Layout("other"), "other", "built")
    ran = run("plan", "refs/pull/7/merge", "pull_request", rows, source="oci:other")
    assert ran.code == 0, ran.err
    assert [warning["code"] for warning in ran.document["warnings"]] == ["CONFLICT"]
    assert run("plan", "refs/heads/main", rows=rows, source="oci:other").code == 1


def test_version_none_sets_plain_tags_alone() -> None:
    ran = run("release", "refs/heads/main", rows="{{version}}\nlatest\n{{branch}}\nsha-{{sha}}", version="none")
    assert (ran.code, tags()) == (0, ["main", "sha-860c190"])
    assert ran.document["version"] is None
    ran = run("plan", "refs/pull/7/merge", "pull_request", "{{version}}\npr-{{pr}}", version="none")
    assert ran.document["tags"] == ["pr-7"]
    ran = run("release", "refs/heads/main", rows="sha-{{sha}}", version="none", images="oci:plain")
    assert (ran.code, tags("plain")) == (0, ["sha-860c190"])


def test_a_word_is_a_tag_where_no_template_is_a_versions() -> None:
    ran = run("release", "refs/heads/main", rows="nightly\nlatest\n{{pr}}", version="none")
    assert (ran.code, tags()) == (0, ["latest", "nightly"])


def test_a_policy_keeps_its_tags_from_words() -> None:
    assert tagger("policy", "--json", environ={"INPUT_IMAGES": "oci:app", "INPUT_ARGUMENTS": "set"}).code == 0
    ran = run("release", "refs/heads/main", rows="latest", version="none")
    assert (ran.code, ran.document["changed"]) == (2, False)
    assert run("release", "refs/heads/main", rows="nightly", version="none").code == 0


def test_latest_may_be_plain_where_the_rules_own_none() -> None:
    ran = run("release", "refs/heads/main", rows="type=raw,value=latest,enable={{is_default_branch}}")
    assert (ran.code, tags()) == (0, ["latest"])


def test_a_plan_without_any_registry() -> None:
    for ref, made in (
        ("refs/heads/main", ["main", "sha-860c190"]),
        ("refs/tags/v2.1.4", ["2.1.4", "2.1", "2", "latest", "sha-860c190"]),
    ):
        ran = run("plan", ref, published_from="none", source="", images="")
        assert (ran.code, ran.document["tags"]) == (0, made)


def test_a_git_tag_decides_and_what_says_otherwise_is_named() -> None:
    Path("VERSION").write_text("2.1.5\n")
    ran = run("plan", "refs/tags/v2.1.4")
    assert (ran.code, ran.document["version"]) == (0, "2.1.4")
    (warning,) = [one for one in ran.document["warnings"] if one["code"] == "VERSIONS_DIFFER"]
    assert warning["message"].endswith("the git tag of 2.1.4 decides, and the file VERSION says 2.1.5")
    assert run("plan", "refs/heads/main").document["warnings"] == []


def test_rows_without_a_version_are_no_policy() -> None:
    ran = tagger("policy", "set", environ=environ("refs/heads/main", rows="type=ref,event=branch"))
    assert ran.code == 2
    assert "no row of `tags` makes a tag of a version" in ran.out
    assert not Path("app").exists()
