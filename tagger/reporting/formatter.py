"""The formats of standard output: text for people, JSON for programs."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tagger.results import Report
    from tagger.results.checkup import Checkup
    from tagger.results.components import ComponentsReport, Listing
    from tagger.results.proposal import Proposal
    from tagger.results.tree import Trees
    from tagger.settings.values import Settings

__all__ = ["FORMATS", "TEXT", "Formatter", "trees_with_error"]


class Formatter(Protocol):
    """A format of output. Each method returns the text to print; empty where there is nothing to print.

    `is_document` is true where a program reads the output: then everything else goes to standard error.
    """

    is_document: bool

    def report(self, report: "Report", seconds: float) -> str:
        """Return the report of a command that took so many seconds."""

    def components(self, report: "ComponentsReport") -> str:
        """Return the report of several components."""

    def trees(self, shown: "Trees") -> str:
        """Return trees of repositories."""

    def config(self, settings: "Settings") -> str:
        """Return the settings, each with its origin."""

    def checkup(self, checkup: "Checkup") -> str:
        """Return the findings of `check`."""

    def proposal(self, proposal: "Proposal") -> str:
        """Return the settings that are proposed."""

    def listing(self, listing: "Listing") -> str:
        """Return the list of components, which is JSON in every format."""


class TextFormatter:
    """Text for people, with `width` columns. It has no errors of the run: the console prints those."""

    is_document = False

    def __init__(self, width: int, *, verbose: bool = False) -> None:
        self._width, self._verbose = width, verbose

    def report(self, report: "Report", seconds: float) -> str:
        """Return the report of a command; empty where it has an error and no repository."""
        from tagger.reporting.text import report_text

        if report.error and not report.repositories:
            return ""
        return report_text(report, self._width, verbose=self._verbose, seconds=seconds)

    def components(self, report: "ComponentsReport") -> str:
        """Return the report of several components."""
        from tagger.reporting.components import components_text

        return components_text(report, self._width, verbose=self._verbose)

    def trees(self, shown: "Trees") -> str:
        """Return repositories as trees, as a table, or a line that names the page with them."""
        from tagger.reporting.forms import trees_text

        return trees_text(shown, self._width, verbose=self._verbose)

    def config(self, settings: "Settings") -> str:
        """Return the settings, one a line, folded where they are long."""
        from tagger.reporting.settings import settings_text

        return settings_text(settings, self._width)

    def checkup(self, checkup: "Checkup") -> str:
        """Return the findings of `check`, with their hints."""
        from tagger.reporting.checkups import checkup_text

        return checkup_text(checkup, self._width)

    def proposal(self, proposal: "Proposal") -> str:
        """Return the settings that are proposed, and the changes that they would make."""
        from tagger.reporting.proposals import proposal_text

        return proposal_text(proposal, self._width)

    def listing(self, listing: "Listing") -> str:
        """Return the list of components as JSON on one line."""
        return listing_text(listing)


class JsonFormatter:
    """JSON: one document for each command, on every exit code."""

    is_document = True

    def __init__(self, width: int, *, verbose: bool = False) -> None:
        """Take the same arguments as the text formatter. They do not change a document."""

    def report(self, report: "Report", seconds: float) -> str:  # noqa: ARG002 - for people
        """Return the report of a command."""
        from tagger.reporting.documents import report_document

        return _dump(report_document(report))

    def components(self, report: "ComponentsReport") -> str:
        """Return the report of several components."""
        from tagger.reporting.components import components_document

        return _dump(components_document(report))

    def trees(self, shown: "Trees") -> str:
        """Return trees of repositories, and the first error if there is one."""
        return _dump(trees_with_error(shown))

    def config(self, settings: "Settings") -> str:
        """Return the settings, each with its origin."""
        from tagger.reporting.settings import settings_document

        return _dump(settings_document(settings))

    def checkup(self, checkup: "Checkup") -> str:
        """Return the findings of `check`, with notes apart from errors and warnings."""
        from tagger.reporting.checkups import checkup_document

        return _dump(checkup_document(checkup))

    def proposal(self, proposal: "Proposal") -> str:
        """Return the settings that are proposed, and the changes that they would make."""
        from tagger.reporting.proposals import proposal_document

        return _dump(proposal_document(proposal))

    def listing(self, listing: "Listing") -> str:
        """Return the list of components as JSON on one line."""
        return listing_text(listing)


TEXT = "text"
"""The format where no other is asked for."""

FORMATS: Mapping[str, Callable[..., Formatter]] = {TEXT: TextFormatter, "json": JsonFormatter}
"""Every format by its name. Each but text is asked for by the option of the same name."""


def listing_text(listing: "Listing") -> str:
    """Return the JSON of `components` on one line, as the matrix of a workflow takes it."""
    from tagger.reporting.components import listing_document

    return _dump(listing_document(listing), indent=None)


def trees_with_error(shown: "Trees") -> Mapping[str, Any]:
    """Return the JSON of `tags`, with the first error if there is one."""
    from tagger.reporting.documents import error_document
    from tagger.reporting.trees import trees_document

    return trees_document(shown.trees) | ({"error": error_document(shown.error)} if shown.error else {})


def _dump(document: Any, indent: int | None = 2) -> str:
    from tagger.reporting.terminal import plain

    # `plain` writes a backslash into `##[`, which JSON does not allow: the escape of JSON takes its place.
    return plain(json.dumps(document, indent=indent, ensure_ascii=False)).replace("##\\[", "##\\u005b")
