"""Reads the facts of a build from the environment and the event: its ref, commit, branches and repository."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tagger.clock import now
from tagger.errors import InputError
from tagger.rules.rows.facts import SHORT, BuildFacts, unknown_branch
from tagger.version_from.event import read_payload
from tagger.version_from.refs import workflow_ref

__all__ = ["Project", "Remote", "build_facts", "project_of"]

_NUMBER = re.compile(r"[0-9]{1,4}")


class Project(NamedTuple):
    """Facts about the built repository from GitHub, each empty where unknown; `license` is an SPDX identifier."""

    name: str = ""
    description: str = ""
    url: str = ""
    license: str = ""


class Remote(Protocol):
    """A source of facts that the event and the checkout do not have: GitHub."""

    def commit_time(self, sha: str) -> datetime | None:
        """Return when a commit was made; None where it is not known."""

    def default_branch(self) -> str:
        """Return the name of the default branch; empty where it is not known."""


def build_facts(environ: Mapping[str, str], workspace: Path, remote: Remote | None = None) -> BuildFacts:
    """Return what is known of the build that this run is of; `remote` is asked last, and only when a row wants it.

    The ref of a `pull_request_target` event is the pull request's, though GITHUB_REF names the branch it goes to. The
    variables DOCKER_METADATA_PR_HEAD_SHA and DOCKER_METADATA_SHORT_SHA_LENGTH count as in docker/metadata-action.
    Outside of a workflow the checkout says what it knows. Raise `InputError` where the event cannot be read.
    """
    event, payload = environ.get("GITHUB_EVENT_NAME", ""), _payload(environ)
    ref, sha = _ref(environ, event, payload), environ.get("GITHUB_SHA", "").strip()
    head = _text(payload, "pull_request", "head", "sha")
    if head and "pull_request" in event and "true" in environ.get("DOCKER_METADATA_PR_HEAD_SHA", "").lower():
        sha = head
    if not (ref and sha):
        ref, sha = _checked_out(environ, workspace, ref, sha)
    base = _text(payload, "base_ref") if ref.startswith("refs/tags/") else ""
    if ref.startswith("refs/pull/"):
        base = _text(payload, "pull_request", "base", "ref")

    @cache
    def commit_time() -> datetime | None:
        found = _event_commit_time(payload, sha) or _checked_out_time(environ, workspace, sha)
        return found or (remote.commit_time(sha) if remote and sha else None)

    def ask_default_branch() -> str:
        return (remote.default_branch() if remote else "") or unknown_branch()

    return BuildFacts(
        now(environ),
        event,
        ref,
        sha,
        _text(payload, "repository", "default_branch"),
        base.removeprefix("refs/heads/"),
        _short(environ),
        commit_time,
        ask_default_branch,
    )


def project_of(environ: Mapping[str, str]) -> Project:
    """Return what the event says of the repository; without it, what the environment does."""
    payload = _payload(environ)
    name, server = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_SERVER_URL", "").rstrip("/")
    return Project(
        _text(payload, "repository", "name") or name.rpartition("/")[2],
        _text(payload, "repository", "description"),
        _text(payload, "repository", "html_url") or (f"{server}/{name}" if server and name else ""),
        _text(payload, "repository", "license", "spdx_id"),
    )


def _payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        return {}
    try:
        return read_payload(environ)
    except FileNotFoundError:  # as GitHub's toolkit does: then only the variables count
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"the payload of the event cannot be read: {path!a}: {ascii(error)[:200]}",
            "It is the file that GITHUB_EVENT_PATH names: the runner's. Unset the variable outside of a workflow.",
        ) from error


def _text(payload: Mapping[str, Any], *keys: str) -> str:
    """Return the text under nested keys; empty where there is none."""
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _ref(environ: Mapping[str, str], event: str, payload: Mapping[str, Any]) -> str:
    if "pull_request_target" in event and isinstance(payload.get("number"), int):
        return f"refs/pull/{payload['number']}/merge"
    found = workflow_ref(environ)
    if found is None:
        return ""
    return found.text if found.text.startswith("refs/") else f"refs/tags/{found.text}"


def _checked_out(environ: Mapping[str, str], workspace: Path, ref: str, sha: str) -> tuple[str, str]:
    """Return the ref and the commit; outside of a workflow, an empty one is filled from the checkout.

    The ref is the tag at HEAD where there is just one, else the branch."""
    from tagger.version_from.git import read_checkout

    if environ.get("GITHUB_ACTIONS") == "true":
        return ref, sha
    checkout = read_checkout(workspace, environ.get("GITHUB_WORKSPACE", ""))
    if checkout is None:
        return ref, sha
    tag = checkout.at_head[0] if len(checkout.at_head) == 1 else ""
    found = f"refs/tags/{tag}" if tag else f"refs/heads/{checkout.branch}" if checkout.branch else ""
    return ref or found, sha or checkout.head


def _event_commit_time(payload: Mapping[str, Any], sha: str) -> datetime | None:
    """Return when the commit was made, where the event says it."""
    commits = payload.get("commits")
    for commit in (*(commits if isinstance(commits, list) else ()), payload.get("head_commit")):
        if isinstance(commit, dict) and sha and commit.get("id") == sha and isinstance(commit.get("timestamp"), str):
            try:
                made = datetime.fromisoformat(commit["timestamp"])
            except ValueError:
                return None
            return made if made.tzinfo else made.replace(tzinfo=UTC)
    return None


def _checked_out_time(environ: Mapping[str, str], workspace: Path, sha: str) -> datetime | None:
    """Return when the commit was made, where the checkout has it."""
    from tagger.version_from.git import commit_time

    return commit_time(workspace, sha, environ.get("GITHUB_WORKSPACE", "")) if sha else None


def _short(environ: Mapping[str, str]) -> int:
    text = environ.get("DOCKER_METADATA_SHORT_SHA_LENGTH", "").strip()
    if not text:
        return SHORT
    if not _NUMBER.fullmatch(text):
        raise InputError(f"DOCKER_METADATA_SHORT_SHA_LENGTH is {text!r}", "It is a number of digits, as 7.")
    return int(text)
