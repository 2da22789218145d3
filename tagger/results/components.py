"""The results for the components of a settings file: a report for each, or the list of `components`."""

from collections.abc import Mapping
from typing import NamedTuple

from tagger.errors import TaggerError
from tagger.results import Report
from tagger.results.checkup import Checkup
from tagger.results.tree import Trees

__all__ = ["Component", "ComponentsReport", "Ended", "Listing", "join_components"]

Ended = Report | Trees | Checkup
"""How a command ended for one component."""


class ComponentsReport(NamedTuple):
    """How a command ended for several components, each by its name; `error` is that of the run as a whole."""

    command: str
    components: Mapping[str, Ended]
    error: TaggerError | None = None

    @property
    def exit_code(self) -> int:
        """The highest exit code of the components and of the run's own error; 0 when all is done."""
        codes = [ended.exit_code for ended in self.components.values()]
        return max([*codes, self.error.exit_code if self.error else 0])


class Component(NamedTuple):
    """A component of a settings file: its name, its repositories, its version, and whether that is released there.

    `version` is None where nothing says one, `released` where that is not known; then `error` may say why.
    """

    name: str
    images: tuple[str, ...]
    version: str | None = None
    released: bool | None = None
    error: TaggerError | None = None


class Listing(NamedTuple):
    """The components that a person or a workflow asked for."""

    components: tuple[Component, ...] = ()

    @property
    def exit_code(self) -> int:
        """The highest exit code of the components' errors; 0 without any."""
        return max((one.error.exit_code for one in self.components if one.error), default=0)

    @property
    def error(self) -> TaggerError | None:
        """The first error."""
        return next((one.error for one in self.components if one.error), None)


def join_components(
    command: str, ended: Mapping[str, Ended | Listing], interrupted: TaggerError | None = None
) -> ComponentsReport | Listing:
    """Return one report, or one list, made of the results of several components.

    `interrupted` is the error that ended the run early; it counts only where a component failed. Raise `TaggerError`
    where some components have no list because of an error.
    """
    reports = {name: one for name, one in ended.items() if not isinstance(one, Listing)}
    report = ComponentsReport(command, reports)
    report = report._replace(error=interrupted if report.exit_code else None)
    if reports and len(reports) == len(ended):
        return report
    for failed in filter(None, (report.error, *(one.error for one in reports.values()))):
        raise failed
    return Listing(
        tuple(one for listing in ended.values() if isinstance(listing, Listing) for one in listing.components)
    )
