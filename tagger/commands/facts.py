"""The facts of a build: from the event, the checkout and, last, GitHub."""

from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from tagger.images.registry.github_project import GithubProject
    from tagger.rules.rows.facts import BuildFacts

__all__ = ["facts_of"]


def facts_of(run: Run) -> "BuildFacts":
    """Return the facts of the build. Raise `InputError` where the event cannot be read."""
    from tagger.version_from.build import build_facts

    asks = run.settings.github_token and run.environ.get("GITHUB_REPOSITORY") and run.environ.get("GITHUB_ACTIONS")
    return build_facts(run.environ, run.workspace, _Github(run) if asks else None)


class _Github:
    """The workflow's repository at GitHub. Where GitHub does not answer, the fact is unknown, with a warning."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def commit_time(self, sha: str) -> "datetime | None":
        try:
            return self._project().commit_time(sha)
        except StoreError as error:
            self._run.warn("GITHUB", error.message)
            return None

    def default_branch(self) -> str:
        try:
            return self._project().default_branch()
        except StoreError as error:
            self._run.warn("GITHUB", error.message)
            return ""

    def _project(self) -> "GithubProject":
        """Return the client of GitHub's API. Only rows that need it call this."""
        from tagger.images.registry.github_project import GithubProject

        run = self._run
        return GithubProject(
            run.connections.registries.github(run.settings.github_token), run.environ["GITHUB_REPOSITORY"]
        )
