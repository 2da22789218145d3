"""Runs one command for several components, side by side, with shared connections and one report."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.reporting.component_console import ComponentConsole
from tagger.results import Report
from tagger.results.components import Ended, Listing, join_components
from tagger.version_from.git import checkouts_read_once

if TYPE_CHECKING:
    from tagger.reporting.console import Console
    from tagger.settings.values import Settings

__all__ = ["run_components"]

MOST = 32
"""Components that run at the same time. Each has up to nine requests, with a thread and a connection for each: more
components would only wait for the processor, and use memory.
"""


def run_components(command: Command, whole: Run, components: "Sequence[Settings]", output: "Console") -> int:
    """Run a command for each component. An error in one does not stop the others. Return the exit code."""
    lock, warned = threading.Lock(), set[str]()
    ended: dict[str, Ended | Listing] = {}
    interruption = whole.interruption

    def run(settings: "Settings") -> None:
        console = ComponentConsole(output, lock, warned)
        try:
            if interruption.error:
                raise interruption.error
            command.run(whole.of(settings, console))
        except TaggerError as error:
            console.ended = Report(command.name, error=interruption.error or error)
        ended[settings.component] = console.ended or Report(command.name)

    interruption.stop = whole.connections.stop
    with checkouts_read_once():
        _each_registry(run, components)
    in_order = {settings.component: ended[settings.component] for settings in components}
    told = join_components(command.name, in_order, interruption.error)
    return output.show_listing(told) if isinstance(told, Listing) else output.show_components(told)


def _each_registry(run: "Callable[[Settings], None]", components: "Iterable[Settings]") -> None:
    """Run the components of different registries side by side, so that a slow registry does not delay the others."""
    groups: dict[frozenset[str], list[Settings]] = defaultdict(list)
    for settings in components:
        groups[frozenset(_registry(image) for image in settings.images)].append(settings)
    fair = max(1, MOST // len(groups))

    def run_group(group: "list[Settings]") -> None:
        enough = max(2, group[0].most_jobs // 2)  # so that this many requests run at the same time
        for _, result in side_by_side(run, group, min(enough, fair)):
            if result:
                raise result

    for _, result in side_by_side(run_group, groups.values(), MOST):
        if result:
            raise result


def _registry(image: object) -> str:
    return "" if isinstance(image, Path) else str(getattr(image, "registry", ""))
