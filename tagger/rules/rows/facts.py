"""What is known of a build when its rows are filled in: the event, the ref, the commit, the time."""

import re
from datetime import datetime
from typing import NamedTuple

from tagger.rules.rows.dates import moment

__all__ = ["BuildFacts"]

SHORT = 7  # digits of a short commit, as git and docker/metadata-action write it
ON_DEFAULT_BRANCH = re.compile("create|discussion|issues|schedule")
"""Events that always run on the default branch (GitHub docs, "Events that trigger workflows")."""


class BuildFacts(NamedTuple):
    """What a build knows of itself.

    `event` is the name of GitHub's event, `ref` a whole one (`refs/heads/main`), empty where there is none;
    `default_branch` and `base_ref` are names of branches. `now` and `committed` know their zones.
    """

    now: datetime
    committed: datetime | None = None
    event: str = ""
    ref: str = ""
    sha: str = ""
    default_branch: str = ""
    base_ref: str = ""
    short: int = SHORT

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
        """Return `date` or `commit_date` in a format and a time zone. Raise `InputError` for an unknown zone."""
        return moment(self.committed or self.now if name == "commit_date" else self.now, form, tz)


def _behind(ref: str, begin: str) -> str:
    return ref.removeprefix(begin) if ref.startswith(begin) else ""
