"""Where the run of one component says what it does."""

import threading

from tagger.reporting.console import Console
from tagger.results import Checkup, Event, Report, Trees
from tagger.results.components import Ended, Listing

__all__ = ["ComponentConsole"]


class ComponentConsole(Console):
    """Says at once what happens on the way, and keeps how the component ended for the report of all."""

    def __init__(self, console: Console, lock: threading.Lock, warned: set[str]) -> None:
        """`lock` lets the components of a run speak one at a time; `warned` is what they warned of."""
        self._whole, self._lock, self._warned = console, lock, warned
        self.ended: Ended | Listing | None = None

    def show_event(self, event: Event) -> None:
        """Say what happened on the way."""
        if event.kind == "warning":
            self.warn(event.message)
            return
        with self._lock:
            self._whole.show_event(event)

    def warn(self, message: str) -> None:
        """Say what a person has to know, once for all components."""
        with self._lock:
            if message not in self._warned:
                self._warned.add(message)
                self._whole.warn(message)

    def show_report(self, report: Report) -> int:
        """Keep how a command ended."""
        self.ended = report
        return report.exit_code

    def show_trees(self, shown: Trees) -> int:
        """Keep what stands in repositories."""
        for text in shown.warnings:
            self.warn(text)
        self.ended = shown
        return shown.exit_code

    def show_check(self, checkup: Checkup) -> int:
        """Keep what `check` found."""
        self.ended = checkup
        return checkup.exit_code

    def show_listing(self, listing: Listing) -> int:
        """Keep what a component is."""
        self.ended = listing
        return listing.exit_code
