"""The formats of what a run prints on standard output: text for people, JSON for programs."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tagger.results import Checkup, Report, Trees
from tagger.results.components import ComponentsReport, Listing
from tagger.results.proposal import Proposal
from tagger.settings.values import Settings

__all__ = ["FORMATS", "TEXT", "Formatter", "trees_with_error"]


class Formatter(Protocol):
    """A format of output. Each method returns what is printed; empty where nothing is.

    `is_document` is true where a program reads it: everything else goes to standard error then.
    """

    is_document: bool

    def report(self, report: Report, seconds: float) -> str:
        """Return how a command ended."""

    def components(self, report: ComponentsReport) -> str:
        """Return how a command ended for several components."""

    def trees(self, shown: Trees) -> str:
        """Return repositories in the form that was asked for."""

    def config(self, settings: Settings) -> str:
        """Return the settings as understood."""

    def checkup(self, checkup: Checkup) -> str:
        """Return what `check` found."""

    def proposal(self, proposal: Proposal) -> str:
        """Return which settings are proposed."""

    def listing(self, listing: Listing) -> str:
        """Return components, as JSON."""


class TextFormatter:
    """Text as a person reads it, `width` columns wide; errors are told beside it."""

    is_document = False

    def __init__(self, width: int, *, verbose: bool = False) -> None:
        self._width, self._verbose = width, verbose

    def report(self, report: Report, seconds: float) -> str:
        """Return how a command ended; nothing where an error is all there is to say."""
        from tagger.reporting.text import report_text

        if report.error and not report.repositories:
            return ""
        return report_text(report, self._width, verbose=self._verbose, seconds=seconds)

    def components(self, report: ComponentsReport) -> str:
        """Return how a command ended for several components."""
        from tagger.reporting.components import components_text

        return components_text(report, self._width, verbose=self._verbose)

    def trees(self, shown: Trees) -> str:
        """Return repositories as trees, as a table, or where the page of them is."""
        from tagger.reporting.forms import trees_text

        return trees_text(shown, self._width, verbose=self._verbose)

    def config(self, settings: Settings) -> str:
        """Return the settings, a line each."""
        from tagger.reporting.settings import settings_text

        return settings_text(settings, self._width)

    def checkup(self, checkup: Checkup) -> str:
        """Return what `check` found, a line each, with what to do about it."""
        from tagger.reporting.checkups import checkup_text

        return checkup_text(checkup, self._width)

    def proposal(self, proposal: Proposal) -> str:
        """Return which settings are proposed, with what they would change."""
        from tagger.reporting.proposals import proposal_text

        return proposal_text(proposal, self._width)

    def listing(self, listing: Listing) -> str:
        """Return components, on one line."""
        return listing_text(listing)


class JsonFormatter:
    """The JSON of the contract, on every exit code."""

    is_document = True

    def __init__(self, width: int, *, verbose: bool = False) -> None:
        """Be made as text is; neither changes a document."""

    def report(self, report: Report, seconds: float) -> str:  # noqa: ARG002 - for people
        """Return how a command ended."""
        from tagger.reporting.documents import report_document

        return _dumped(report_document(report))

    def components(self, report: ComponentsReport) -> str:
        """Return how a command ended for several components."""
        from tagger.reporting.components import components_document

        return _dumped(components_document(report))

    def trees(self, shown: Trees) -> str:
        """Return repositories as trees, and the first error."""
        return _dumped(trees_with_error(shown))

    def config(self, settings: Settings) -> str:
        """Return the settings, each with its origin."""
        from tagger.reporting.settings import settings_document

        return _dumped(settings_document(settings))

    def checkup(self, checkup: Checkup) -> str:
        """Return what `check` found, errors and warnings apart from notes."""
        from tagger.reporting.checkups import checkup_document

        return _dumped(checkup_document(checkup))

    def proposal(self, proposal: Proposal) -> str:
        """Return which settings are proposed, with what they would change."""
        from tagger.reporting.proposals import proposal_document

        return _dumped(proposal_document(proposal))

    def listing(self, listing: Listing) -> str:
        """Return components, on one line."""
        return listing_text(listing)


TEXT = "text"
"""The format that is printed where no other is asked for."""

FORMATS: Mapping[str, Callable[..., Formatter]] = {TEXT: TextFormatter, "json": JsonFormatter}
"""Every format of output, made of `width` and `verbose`; but for text the option of its name asks for it."""


def listing_text(listing: Listing) -> str:
    """Return the JSON of `components` as a workflow's matrix takes it."""
    from tagger.reporting.components import listing_document
    from tagger.reporting.terminal import plain

    return plain(json.dumps(listing_document(listing), ensure_ascii=False))


def trees_with_error(shown: Trees) -> Mapping[str, Any]:
    """Return the JSON of `tags`."""
    from tagger.reporting.documents import error_document
    from tagger.reporting.trees import trees_document

    return trees_document(shown.trees) | ({"error": error_document(shown.error)} if shown.error else {})


def _dumped(document: Mapping[str, Any]) -> str:
    from tagger.reporting.terminal import plain

    return plain(json.dumps(document, indent=2, ensure_ascii=False)).replace("##\\[", "##\\u005b")
