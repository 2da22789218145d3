"""Measures the cost of commands: time, CPU, memory, requests, connections; and the medians of several runs."""

import json
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.line import Line

__all__ = ["Asked", "Bench", "Contestant", "Cost", "Costs", "in_turn"]


class Asked(Protocol):
    """A counter of the requests of a run."""

    def requests(self) -> list[str]:
        """Return the requests so far."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one run: seconds on the clock, seconds of CPU, MiB of memory at most, requests, connections."""

    wall: float
    cpu: float
    peak: float
    requests: int
    connections: int


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of several runs, and the number of failed runs, which are not among them."""

    runs: tuple[Cost, ...]
    failures: tuple[str, ...] = ()

    def median(self, name: str) -> float:
        """Return the median of one measure."""
        return statistics.median(self._values(name))

    def spread(self, name: str) -> tuple[float, float]:
        """Return the minimum and the maximum of one measure."""
        values = self._values(name)
        return min(values), max(values)

    def _values(self, name: str) -> list[float]:
        return [float(getattr(run, name)) for run in self.runs]


@dataclass(frozen=True)
class Contestant:
    """One way to do a job: `prepare` sets it up, `check` raises `AssertionError` where the job was not done."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], object] = lambda: None
    check: Callable[[], object] = lambda: None
    environ: Mapping[str, str] | None = None


class Bench:
    """The tools of the measurements: the line, the compiled programs in `programs`, and a folder for files."""

    def __init__(self, line: Line, programs: Path, folder: Path, environ: Mapping[str, str], runs: int) -> None:
        self.line = line
        self.programs = programs
        self.folder = folder
        self.environ = environ
        self.runs = runs

    def run(self, contestant: Contestant, service: Asked | None, *, timeout: float = 600) -> Cost:
        """Measure one run, whose result is checked before it counts. Raise `RuntimeError`, `AssertionError`."""
        contestant.prepare()
        result = self.folder / "cost.json"
        command = [str(self.programs / "measure"), str(self.line.namespace), str(result), *contestant.command]
        asked, connected = len(service.requests()) if service else 0, self.line.connections()
        with (self.folder / "output").open("wb") as output:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=True, timeout=timeout,
                env={**self.environ, **(contestant.environ or {})}, cwd=self.folder,
            )  # fmt: skip
        connections = self.line.connections() - connected
        requests = len(service.requests()) - asked if service else 0
        cost = json.loads(result.read_text())
        if cost["status"]:
            said = (self.folder / "output").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{contestant.name} ended with {cost['status']}:\n{said}")
        contestant.check()
        return Cost(cost["wall"], cost["cpu"], cost["peak"] / 1024, requests, connections)


def in_turn(bench: Bench, contestants: Sequence[Contestant], service: Asked | None) -> Mapping[str, Costs]:
    """Measure several contestants, each once a round, so that drift affects all alike; one more round warms up.

    A run that fails is made again, as distribution 2.8.2 answers 500 to some who read while another writes.
    """
    runs: dict[str, list[Cost]] = {contestant.name: [] for contestant in contestants}
    failures: dict[str, list[str]] = {contestant.name: [] for contestant in contestants}
    for _ in range(bench.runs + 1):
        for contestant in contestants:
            while True:
                try:
                    runs[contestant.name].append(bench.run(contestant, service))
                    break
                except (RuntimeError, AssertionError) as error:
                    failures[contestant.name].append(str(error))
                    if len(failures[contestant.name]) > bench.runs:
                        raise
    return {name: Costs(tuple(costs[1:]), tuple(failures[name])) for name, costs in runs.items()}
