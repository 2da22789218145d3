"""What is known of a build when its rows are filled in: the event, the ref, the commit, the time."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from tagger.errors import InputError
from tagger.rules.rows.dates import moment

__all__ = ["COMMIT_DATE", "NO_COMMIT_TIME", "BuildFacts", "unknown_branch"]

COMMIT_DATE = "commit_date"
NO_COMMIT_TIME = "nothing says when the commit was made: the event does not, no checkout has it, nor did GitHub tell"
SHORT = 7  # digits of a short commit, as git and docker/metadata-action write it
ON_DEFAULT_BRANCH = re.compile("create|discussion|issues|schedule")
"""Events that always run on the default branch (GitHub docs, "Events that trigger workflows")."""


def unknown_branch() -> str:
    """Raise `InputError`: nobody says which branch is the default one."""
    raise InputError("the event does not say which branch is the default one", "Write branch=main.")


class BuildFacts(NamedTuple):
    """What a build knows of itself.

    `event` is the name of GitHub's event, `ref` a whole one (`refs/heads/main`), empty where there is none;
    `default_branch` and `base_ref` are names of branches, as the event says them. `now` knows its zone.
    `commit_time` and `ask_default_branch` look further, when a row wants it: the first returns None where nobody says
    it, the other raises `InputError`.
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
        """The branch; empty of a tag and of a pull request."""
        return _behind(self.ref, "refs/heads/")

    @property
    def tag(self) -> str:
        """The git tag; empty of everything else."""
        return _behind(self.ref, "refs/tags/")

    @property
    def pull_request(self) -> str:
        """The pull request, `7`, or `7/head` where that is its ref; empty of everything else."""
        return _behind(self.ref, "refs/pull/").removesuffix("/merge")

    @property
    def is_pull_request(self) -> bool:
        """True of a build whose code is not merged yet."""
        return bool(self.pull_request) or self.event.startswith("pull_request")

    @property
    def on_default_branch(self) -> bool:
        """True where the build is of the repository's default branch."""
        if not self.ref:
            return False
        named = self.default_branch == self.ref.removeprefix("refs/heads/")
        return named or bool(ON_DEFAULT_BRANCH.search(self.event))

    def value(self, name: str) -> str:
        """Return what an expression names; empty where there is nothing."""
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

        Where nobody says when the commit was made, it is now, as in docker/metadata-action; `dates_to_tell` says so.
        """
        return moment((self.commit_time() if name == COMMIT_DATE else None) or self.now, form, tz)


def _behind(ref: str, begin: str) -> str:
    return ref.removeprefix(begin) if ref.startswith(begin) else ""
