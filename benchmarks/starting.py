"""Measures start-up, and compares it with its budget."""

import re
import subprocess
from collections.abc import Sequence

from benchmarks.images import make_image, push
from benchmarks.measuring import Contestant, in_turn
from benchmarks.report import Section, table
from benchmarks.testbed import ROOT, Testbed

__all__ = ["measure"]

NAME = "acme/app"
SHOWN = 12
TRIES = 5
_IMPORT = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")


def measure(testbed: Testbed) -> Section:
    """Measure start-up without a delay on the line, and find the imports that take longest."""
    service = testbed.open
    push(service, NAME, make_image("the release before"), "2.1.3", "2.1", "2", "latest")
    push(service, NAME, make_image("the release"), "2.1.4")
    plan = testbed.tagger("plan", "--image", f"{service.host}/{NAME}", "--version", "2.1.4", "--insecure", service.host)
    environment = testbed.step_environment(
        "plan", images=f"{service.host}/{NAME}", version="2.1.4", insecure=service.host
    )
    contestants = [
        Contestant("an empty interpreter", [*testbed.tagger()[:2], "-c", "pass"]),
        Contestant("--version", testbed.tagger("--version")),
        Contestant("--help", testbed.tagger("--help")),
        Contestant("plan", plan),
        Contestant("plan, set by the environment", testbed.tagger(), environ=environment),
    ]
    budgets = {"--help": (100, None), "plan": (250, 48)}
    found = in_turn(testbed.bench, contestants, service)
    rows = []
    for name, costs in found.items():
        low, high = costs.spread("cpu")
        most, memory = budgets.get(name, (None, None))
        cpu, peak = costs.median("cpu") * 1e3, costs.median("peak")
        kept = (most is None or cpu <= most) and (memory is None or peak <= memory)
        rows.append([
            name, f"{cpu:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})", str(most or ""), f"{costs.median('wall') * 1e3:.0f}",
            f"{peak:.0f}", str(memory or ""), "" if most is None else "yes" if kept else "no",
        ])  # fmt: skip
    head = ["", "CPU ms", "budget", "wall ms", "peak MiB", "budget", "kept"]
    return Section("\n\n".join((table(head, rows), "### Imports of `plan` that take longest", _imports(plan))), {})


def _imports(command: Sequence[str]) -> str:
    """Return the time of a command's imports by package: the sum of the shortest time of each of its modules."""
    python, *rest = command
    least: dict[str, int] = {}
    for _ in range(TRIES):
        ended = subprocess.run(
            [python, "-X", "importtime", *rest], capture_output=True, text=True, check=True, cwd=ROOT
        )
        for found in filter(None, map(_IMPORT.match, ended.stderr.splitlines())):
            least[found[2]] = min(int(found[1]), least.get(found[2], int(found[1])))
    packages: dict[str, int] = {}
    for module, spent in least.items():
        parts = module.split(".")
        name = ".".join(parts[: 2 if parts[0] == "tagger" else 1])
        packages[name] = packages.get(name, 0) + spent
    longest = sorted(packages.items(), key=lambda entry: -entry[1])[:SHOWN]
    rows = [[f"`{name}`", f"{spent / 1e3:.1f}"] for name, spent in longest]
    return table(["package", "ms"], [*rows, ["all", f"{sum(packages.values()) / 1e3:.1f}"]])
