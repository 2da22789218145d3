"""What the environment and the event say of a build."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tagger.errors import InputError
from tagger.version_from.build import Project, build_facts, project_of
from tagger.version_from.refs import is_pull_request
from tests.version_from.repositories import ENVIRON, git, make_repository

SHA, HEAD = "860c1904a1ce19322e91ac35af1ab07466440c37", "3370e228f2209994d57af4427fe64e71bb79ac96"
PULL = {"number": 7, "pull_request": {"base": {"ref": "main"}, "head": {"sha": HEAD}}}


def environ(folder: Path, event: str, ref: str, payload: Mapping[str, Any] | str = "", **more: str) -> dict[str, str]:
    path = folder / "event.json"
    path.write_text(payload if isinstance(payload, str) and payload else json.dumps(payload or {}))
    return {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, "GITHUB_SHA": SHA,
        "GITHUB_EVENT_PATH": str(path), "TAGGER_NOW": "2026-01-02T03:04:05Z", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "ref", "payload", "branch", "tag", "pull", "base"),
    [
        ("push", "refs/heads/feat/x", {}, "feat/x", "", "", ""),
        ("push", "refs/tags/v2.1.4", {"base_ref": "refs/heads/main"}, "", "v2.1.4", "", "main"),
        ("pull_request", "refs/pull/7/merge", PULL, "", "", "7", "main"),
        ("pull_request_target", "refs/heads/main", PULL, "", "", "7", "main"),
        ("release", "refs/tags/v2.1.4", {}, "", "v2.1.4", "", ""),
        ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7", {}, "gh-readonly-queue/main/pr-7", "", "", ""),
        ("workflow_run", "refs/heads/main", {}, "main", "", "", ""),
    ],
)
def test_the_ref(
    event: str, ref: str, payload: Mapping[str, Any], branch: str, tag: str, pull: str, base: str, tmp_path: Path
) -> None:
    given = environ(tmp_path, event, ref, payload)
    facts = build_facts(given, tmp_path)
    assert (facts.branch, facts.tag, facts.pull_request, facts.base_ref) == (branch, tag, pull, base)
    assert (facts.sha, facts.now) == (SHA, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert is_pull_request(given) == event.startswith("pull_request")


def test_the_commit_of_a_pull_request_and_its_length(tmp_path: Path) -> None:
    asked = {"DOCKER_METADATA_PR_HEAD_SHA": "true", "DOCKER_METADATA_SHORT_SHA_LENGTH": "12"}
    facts = build_facts(environ(tmp_path, "pull_request", "refs/pull/7/merge", PULL, **asked), tmp_path)
    assert (facts.sha, facts.value("sha")) == (HEAD, HEAD[:12])
    with pytest.raises(InputError, match="DOCKER_METADATA_SHORT_SHA_LENGTH is 'x'"):
        build_facts(environ(tmp_path, "push", "refs/heads/x", DOCKER_METADATA_SHORT_SHA_LENGTH="x"), tmp_path)


def test_when_the_commit_was_made(tmp_path: Path) -> None:
    for payload in (
        {
            "commits": [
                {"id": HEAD, "timestamp": "2020-01-01T00:00:00Z"},
                {"id": SHA, "timestamp": "2022-04-19T11:27:24+02:00"},
            ]
        },
        {"head_commit": {"id": SHA, "timestamp": "2022-04-19T11:27:24+02:00"}},
    ):
        facts = build_facts(environ(tmp_path, "push", "refs/heads/main", payload), tmp_path)
        assert facts.commit_time() == datetime(2022, 4, 19, 9, 27, 24, tzinfo=UTC)
        assert facts.date("commit_date", "YYYYMMDD-HHmm", "Europe/Paris") == "20220419-1127"
    facts = build_facts(environ(tmp_path, "push", "refs/heads/main"), tmp_path)
    assert facts.commit_time() is None
    assert facts.date("commit_date", "YYYYMMDD", "UTC") == "20260102"


class Asked(NamedTuple):
    """GitHub, as far as builds ask it: what it says, and what it was asked."""

    asked: list[str]
    made: datetime | None = datetime(2020, 2, 2, tzinfo=UTC)
    branch: str = "main"

    def commit_time(self, sha: str) -> datetime | None:
        self.asked.append(sha)
        return self.made

    def default_branch(self) -> str:
        self.asked.append("branch")
        return self.branch


def test_the_commit_time_is_the_events_then_the_checkouts_then_githubs(tmp_path: Path) -> None:
    folder, remote = make_repository(tmp_path / "code", commits=0), Asked([])
    for when in ("2021-05-05T12:00:00+02:00", "2022-06-06T12:00:00+02:00"):
        git(folder, "commit", "-q", "--allow-empty", "-m", "x\n\ncommitter x <y> 1 +0000", GIT_COMMITTER_DATE=when)
    first, second = git(folder, "rev-list", "HEAD").split()[::-1]
    payload = {"head_commit": {"id": second, "timestamp": "2022-04-19T11:27:24+02:00"}}
    for sha, day in ((second, "20220419"), (first, "20210505"), (SHA, "20200202")):
        given = environ(tmp_path, "push", "refs/heads/main", payload, GITHUB_SHA=sha)
        assert build_facts(given, folder, remote).date("commit_date", "YYYYMMDD", "UTC") == day
    assert remote.asked == [SHA]


def test_github_is_asked_once_and_only_when_it_has_to_be(tmp_path: Path) -> None:
    remote = Asked([], made=None)
    facts = build_facts(environ(tmp_path, "push", "refs/heads/main"), tmp_path, remote)
    assert remote.asked == []
    assert [facts.commit_time() for _ in range(2)] == [None, None]
    assert facts.ask_default_branch() == "main"
    assert remote.asked == [SHA, "branch"]
    facts = build_facts(environ(tmp_path, "push", "refs/heads/main"), tmp_path, Asked([], branch=""))
    with pytest.raises(InputError, match="which branch is the default one"):
        facts.ask_default_branch()


def test_the_default_branch(tmp_path: Path) -> None:
    payload = {"repository": {"default_branch": "main"}}
    assert build_facts(environ(tmp_path, "push", "refs/heads/main", payload), tmp_path).on_default_branch
    assert not build_facts(environ(tmp_path, "push", "refs/heads/dev", payload), tmp_path).on_default_branch
    assert build_facts(environ(tmp_path, "schedule", "refs/heads/main"), tmp_path).on_default_branch


def test_the_repository(tmp_path: Path) -> None:
    repository = {"name": "app", "description": None, "html_url": "https://x/acme/app", "license": {"spdx_id": "MIT"}}
    given = environ(tmp_path, "push", "refs/heads/main", {"repository": repository})
    assert project_of(given) == Project("app", "", "https://x/acme/app", "MIT")
    given = {"GITHUB_REPOSITORY": "acme/app", "GITHUB_SERVER_URL": "https://github.com"}
    assert project_of(given) == Project("app", "", "https://github.com/acme/app", "")
    assert project_of({}) == Project()


def test_a_payload_that_is_none(tmp_path: Path) -> None:
    for payload in ("not JSON", "[]", "[" * 100_000):
        with pytest.raises(InputError, match="the payload of the event cannot be read"):
            build_facts(environ(tmp_path, "push", "refs/heads/main", payload), tmp_path)
    given = environ(tmp_path, "push", "refs/heads/main") | {"GITHUB_EVENT_PATH": str(tmp_path / "nowhere")}
    assert build_facts(given, tmp_path).branch == "main"


def test_outside_of_a_workflow_the_checkout_says(tmp_path: Path) -> None:
    import subprocess

    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, env=ENVIRON, capture_output=True)

    assert build_facts({}, tmp_path).ref == ""
    git("init", "--quiet", "--initial-branch=dev")
    git("commit", "--quiet", "--allow-empty", "--message", "x")
    assert build_facts({}, tmp_path).branch == "dev"
    assert len(build_facts({}, tmp_path).sha) == 40
    git("tag", "v2.1.4")
    assert build_facts({}, tmp_path).tag == "v2.1.4"


def test_the_commit_where_only_the_tag_is_said(tmp_path: Path) -> None:
    """GitLab says its commit under a name of its own: the checkout knows it."""
    make_repository(tmp_path)
    head = git(tmp_path, "rev-parse", "HEAD")
    facts = build_facts({"GITLAB_CI": "true", "CI_COMMIT_TAG": "v2.1.4"}, tmp_path)
    assert (facts.tag, facts.sha) == ("v2.1.4", head)
