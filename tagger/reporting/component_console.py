"""The console for the run of one component among several."""

import threading

from tagger.reporting.console import Console
from tagger.results import Event, Report
from tagger.results.checkup import Checkup
from tagger.results.components import Ended, Listing
from tagger.results.proposal import Proposal
from tagger.results.tree import Trees
from tagger.settings.values import Settings

__all__ = ["ComponentConsole"]


class ComponentConsole:
    """Shows events and warnings at once, and keeps the result of the component in `ended` for the report of all."""

    def __init__(self, console: Console, lock: threading.Lock, warned: set[str]) -> None:
        """Take what components share: `lock`, so that one prints at a time, and `warned`, what was shown so far."""
        self._whole, self._lock, self._warned = console, lock, warned
        self.ended: Ended | Listing | None = None

    def prepare(self) -> None:
        """Import what shows a report."""
        self._whole.prepare()

    def show_event(self, event: Event) -> None:
        """Show an event at once."""
        if event.kind == "warning":
            self.warn(event.message)
            return
        with self._lock:
            self._whole.show_event(event)

    def warn(self, message: str) -> None:
        """Show a warning, once for all components."""
        with self._lock:
            if message not in self._warned:
                self._warned.add(message)
                self._whole.warn(message)

    def note(self, message: str) -> None:
        """Show a note, once for all components."""
        with self._lock:
            if message not in self._warned:
                self._warned.add(message)
                self._whole.note(message)

    def show_config(self, settings: Settings) -> int:
        """Show the settings at once, and return the exit code."""
        with self._lock:
            return self._whole.show_config(settings)

    def show_proposal(self, proposal: Proposal) -> int:
        """Show proposed settings at once, and return the exit code."""
        with self._lock:
            return self._whole.show_proposal(proposal)

    def show_report(self, report: Report) -> int:
        """Keep the report of a command, and return its exit code."""
        self.ended = report
        return report.exit_code

    def show_trees(self, shown: Trees) -> int:
        """Show the warnings of trees, keep the trees, and return their exit code."""
        for text in shown.warnings:
            self.warn(text)
        self.ended = shown
        return shown.exit_code

    def show_check(self, checkup: Checkup) -> int:
        """Keep the findings of `check`, and return their exit code."""
        self.ended = checkup
        return checkup.exit_code

    def show_listing(self, listing: Listing) -> int:
        """Keep the entry of a component, and return its exit code."""
        self.ended = listing
        return listing.exit_code
