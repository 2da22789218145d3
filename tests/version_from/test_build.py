"""What the environment and the event say of a build."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.version_from.build import Project, build_facts, is_pull_request, project_of
from tests.version_from.repositories import ENVIRON

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
        assert facts.committed == datetime(2022, 4, 19, 9, 27, 24, tzinfo=UTC)
        assert facts.date("commit_date", "YYYYMMDD-HHmm", "Europe/Paris") == "20220419-1127"
    facts = build_facts(environ(tmp_path, "push", "refs/heads/main"), tmp_path)
    assert facts.date("commit_date", "YYYYMMDD", "UTC") == "20260102"


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
