"""One command for several components, side by side: a run each, over what they share, and one report."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.concurrency import MOST_AT_ONCE, side_by_side
from tagger.errors import TaggerError
from tagger.reporting.component_console import ComponentConsole
from tagger.results import ComponentsReport, Ended, Report

if TYPE_CHECKING:
    from tagger.settings.values import Settings

__all__ = ["run_components"]

WORKERS = (2, 32)
"""The fewest and the most components of one group of registries that are worked on at once.

Each has a few requests in flight, and all of a registry share its `jobs`: more components would wait, and take memory.
"""


def run_components(command: Command, whole: Run, components: "Sequence[Settings]") -> int:
    """Run a command for each component; one that fails does not stop the others. Return the exit code."""
    lock, warned = threading.Lock(), set[str]()
    ended: dict[str, Ended] = {}
    interruption = whole.interruption

    def run(settings: "Settings") -> None:
        console = ComponentConsole(whole.console, lock, warned)
        try:
            if interruption.error:
                raise interruption.error
            command.run(whole.of(settings, console))
        except TaggerError as error:
            console.ended = Report(command.name, error=interruption.error or error)
        ended[settings.component] = console.ended or Report(command.name)

    interruption.stop = whole.connections.stop
    _each_registry(run, components)
    report = ComponentsReport(command.name, {one.component: ended[one.component] for one in components})
    return whole.console.show_components(report._replace(error=interruption.error if report.exit_code else None))


def _each_registry(run: "Callable[[Settings], None]", components: "Iterable[Settings]") -> None:
    """Do the components of different registries beside each other: those of a slow one keep no other waiting."""
    groups: dict[frozenset[str], list[Settings]] = defaultdict(list)
    for settings in components:
        groups[frozenset(_registry(image) for image in settings.images)].append(settings)
    least, most = WORKERS

    def run_group(group: "list[Settings]") -> None:
        workers = min(max(least, group[0].jobs // 2), most, max(1, MOST_AT_ONCE // len(groups)))
        for _, result in side_by_side(run, group, workers):
            if result:
                raise result

    for _, result in side_by_side(run_group, groups.values()):
        if result:
            raise result


def _registry(image: object) -> str:
    return "" if isinstance(image, Path) else str(getattr(image, "registry", ""))
