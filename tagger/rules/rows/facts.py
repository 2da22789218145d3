"""The facts of a build that its rows are filled in from: the event, the ref, the commit, the time."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from tagger.errors import InputError
from tagger.rules.rows.dates import moment

__all__ = ["COMMIT_DATE", "NO_COMMIT_TIME", "BuildFacts", "unknown_branch"]

COMMIT_DATE = "commit_date"
NO_COMMIT_TIME = "the time of the commit is unknown: neither the event, nor a checkout, nor GitHub tells it"
SHORT = 7  # digits of a short commit, as git and docker/metadata-action write it
ON_DEFAULT_BRANCH = re.compile("create|discussion|issues|schedule")
"""Events that always run on the default branch (GitHub docs, "Events that trigger workflows")."""


def unknown_branch() -> str:
    """Raise `InputError`: the default branch is unknown."""
    raise InputError("the event does not say which branch is the default one", "Write branch=main.")


class BuildFacts(NamedTuple):
    """The facts of a build.

    `event` is the name of GitHub's event. `ref` is a full ref (`refs/heads/main`), or empty. `default_branch` and
    `base_ref` are names of branches from the event. `now` has a time zone. `commit_time` and `ask_default_branch` are
    called only when a row needs them: the first returns None where the time is unknown, the other raises `InputError`.
    """

    now: datetime
    event: str = ""
    ref: str = ""
    sha: str = ""
    default_branch: str = ""
    base_ref: str = ""
    short: int = SHORT
    commit_time: Callable[[], datetime | None] = lambda: None
    ask_default_branch: Callable[[], str] = unknown_branch

    @property
    def branch(self) -> str:
        """The branch; empty for a tag or a pull request."""
        return _behind(self.ref, "refs/heads/")

    @property
    def tag(self) -> str:
        """The git tag; empty for any other ref."""
        return _behind(self.ref, "refs/tags/")

    @property
    def pull_request(self) -> str:
        """The number of the pull request, `7`, or `7/head` where the ref ends so; empty for any other ref."""
        return _behind(self.ref, "refs/pull/").removesuffix("/merge")

    @property
    def is_pull_request(self) -> bool:
        """Whether the build is one of a pull request."""
        return bool(self.pull_request) or self.event.startswith("pull_request")

    @property
    def on_default_branch(self) -> bool:
        """Whether the build is one of the repository's default branch."""
        if not self.ref:
            return False
        named = self.default_branch == self.ref.removeprefix("refs/heads/")
        return named or bool(ON_DEFAULT_BRANCH.search(self.event))

    def value(self, name: str) -> str:
        """Return the value of a name in an expression; empty where there is none."""
        match name:
            case "branch":
                return self.branch
            case "tag":
                return self.tag
            case "sha":
                return self.sha[: self.short]
            case "base_ref":
                return self.base_ref
            case "is_default_branch":
                return "true" if self.on_default_branch else "false"
            case "is_not_default_branch":
                return "false" if self.on_default_branch else "true"
        raise KeyError(name)

    def date(self, name: str, form: str, tz: str) -> str:
        """Return `date` or `commit_date` in a format and a time zone. Raise `InputError` for an unknown zone.

        Where the time of the commit is unknown, now is used, as in docker/metadata-action. `date_warnings` warns of it.
        """
        return moment((self.commit_time() if name == COMMIT_DATE else None) or self.now, form, tz)


def _behind(ref: str, begin: str) -> str:
    return ref.removeprefix(begin) if ref.startswith(begin) else ""
