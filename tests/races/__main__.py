"""`python -m tests.races`: explore what concurrent runs may do to each other, and print the counts as a table.

--quick       what the test suite explores
--whole       two runs with the default tags too: some 20 minutes
--sample N    so many random interleavings of three runs with the default tags (2000)
--seed N      of the sample (1)
"""

import argparse
import sys
import time
from collections.abc import Iterable

from tests.races.scenarios import FEW, RULES, SOME, Counted, Scenario, counted, faults, three_runs, two_runs

HEAD = "| runs | interleavings | states | wrong | after `reconcile` | exit codes |\n|---|---|---|---|---|---|"


def main() -> int:
    """Explore, print, and return 1 where anything is left wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    several = FEW if given.quick else SOME
    parts: list[tuple[str, Iterable[Scenario]]] = [
        (f"Two runs, every interleaving; tags {_tags(several)}", two_runs(several)),
        (f"Killed at any moment, and listings that lag; tags {_tags(several)}", faults(several)),
        (f"Three runs, every interleaving of their round trips; tags {_tags(several)}", three_runs(several)),
        (
            f"Three runs, {given.sample} random interleavings (seed {given.seed}); tags {_tags(RULES)}",
            three_runs(RULES, given.sample),
        ),
    ]
    if given.whole:
        parts.append((f"Two runs, every interleaving; tags {_tags(RULES)}", two_runs(RULES)))
    left = 0
    for title, scenarios in parts:
        print(f"\n{title}\n\n{HEAD}")
        for scenario in scenarios:
            start = time.monotonic()
            result = counted(scenario, given.seed)
            left += result.left + (result.wrong if not (scenario.kills == 0 or scenario.lag) else 0)
            print(_row(result), flush=True)
            print(f"{scenario.name}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    return 1 if left else 0


def _row(result: Counted) -> str:
    exits = ", ".join(
        f"{' '.join('killed' if code is None else str(code) for code in codes)}: {_number(count)}"
        for codes, count in sorted(result.exits.items(), key=lambda pair: -pair[1])
    )
    found = result.explored
    numbers = (found.interleavings, found.states, result.wrong, result.left)
    return f"| {result.scenario.name} | {' | '.join(map(_number, numbers))} | {exits} |"


def _number(count: int) -> str:
    return f"{count:,}" if count < 10_000_000 else f"{count:.1e}".replace("e+", "e")


def _tags(rules: object) -> str:
    return {id(FEW): "exact and `latest`", id(SOME): "exact, `X` and `latest`"}.get(id(rules), "the default four")


if __name__ == "__main__":
    sys.exit(main())
