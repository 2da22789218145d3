"""The protocol of the output of a run, which a command uses."""

from typing import Protocol

from tagger.results import Event, Report
from tagger.results.checkup import Checkup
from tagger.results.components import Listing
from tagger.results.proposal import Proposal
from tagger.results.tree import Trees
from tagger.settings.values import Settings

__all__ = ["Output"]


class Output(Protocol):
    """The output of a run: the console of a run, or of one component of it.

    Each `show_…` except `show_event` takes a result, and returns the exit code.
    """

    def warn(self, message: str) -> None:
        """Show a warning."""

    def note(self, message: str) -> None:
        """Show a note."""

    def prepare(self) -> None:
        """Import what shows a report, while connections are made."""

    def show_event(self, event: Event) -> None:
        """Show an event of an operation."""

    def show_report(self, report: Report) -> int:
        """Show the report of a command."""

    def show_trees(self, shown: Trees) -> int:
        """Show trees of repositories."""

    def show_check(self, checkup: Checkup) -> int:
        """Show the findings of `check`."""

    def show_config(self, settings: Settings) -> int:
        """Show the settings."""

    def show_proposal(self, proposal: Proposal) -> int:
        """Show the settings that are proposed."""

    def show_listing(self, listing: Listing) -> int:
        """Show the list of components."""
