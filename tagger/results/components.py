"""What becomes of the components of a file: how a command ended for each, and what `components` lists."""

from collections.abc import Mapping
from typing import NamedTuple

from tagger.errors import TaggerError
from tagger.results import Checkup, Report, Trees

__all__ = ["Component", "ComponentsReport", "Ended", "Listing"]

Ended = Report | Trees | Checkup
"""How a command ended for one component."""


class ComponentsReport(NamedTuple):
    """How a command ended for several components, each by its name; `error` is that of the run as a whole."""

    command: str
    components: Mapping[str, Ended]
    error: TaggerError | None = None

    @property
    def exit_code(self) -> int:
        """0 when all is done, else the highest of the components."""
        codes = [ended.exit_code for ended in self.components.values()]
        return max([*codes, self.error.exit_code if self.error else 0])


class Component(NamedTuple):
    """A component of a file of settings: what it is called, where it is released, and whether its version is there.

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
        """0 when it is known of every component what it is."""
        return max((one.error.exit_code for one in self.components if one.error), default=0)

    @property
    def error(self) -> TaggerError | None:
        """The first error."""
        return next((one.error for one in self.components if one.error), None)
