"""`python -m tests.races`: explore what concurrent runs may do to each other, and print the counts as a table.

--quick       what the test suite explores
--whole       two runs with the default tags too: some 20 minutes
--sample N    so many random interleavings of three runs with the default tags (2000)
--seed N      of the sample (1)
--states      every pair of runs from every small state, triples from a few, runs beside a change of the policy, and
              killed runs: some two hours
"""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.races.processes import race
from tests.races.scenarios import FEW, RULES, SOME, Counted, Scenario, counted, faults, three_runs, two_pushes, two_runs
from tests.races.states import explored, killed, kills, pairs, policies, triples, untold
from tests.servers.distribution import distribution

HEAD = "| runs | interleavings | states | wrong | after `reconcile` | exit codes |\n|---|---|---|---|---|---|"


def main() -> int:
    """Explore, print, and return 1 where anything is left wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=0, metavar="ROUNDS")
    parser.add_argument("--states", action="store_true")
    given = parser.parse_args()
    if given.states:
        return _states()
    if given.processes:
        return _processes(given.processes)
    several = FEW if given.quick else SOME
    parts: list[tuple[str, Iterable[Scenario]]] = [
        (f"Two runs, every interleaving; tags {_tags(several)}", two_runs(several)),
        (f"Two runs, one with an image of an engine, every interleaving; tags {_tags(FEW)}", two_pushes(FEW)),
        (f"Killed at any moment, and listings that lag; tags {_tags(several)}", faults(several)),
        (f"Three runs, every interleaving of their round trips; tags {_tags(FEW)}", three_runs(FEW)),
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


def _states() -> int:
    """Explore pairs and triples of runs from small states, print what ends wrong, and return 1 where anything does."""
    from concurrent.futures import ProcessPoolExecutor

    found = 0
    print("| runs | from | wrong | seconds |\n|---|---|---|---|")
    with ProcessPoolExecutor(2) as pool:
        for title, explore, given in (
            ("killed runs", killed, list(kills())),
            ("runs beside a change of the policy, or under one", untold, list(policies())),
            ("pairs", explored, list(pairs())),
            ("triples, their round trips at one moment", explored, list(triples())),
        ):
            start, wrong = time.monotonic(), 0
            for ends in pool.map(explore, given, chunksize=8):
                wrong += bool(ends)
                for end in ends[:1]:
                    print(end, file=sys.stderr, flush=True)
            found += wrong
            print(
                f"| {len(given)} {title} | {len({state for state, _ in given})} states | {wrong} | "
                f"{time.monotonic() - start:.0f} |",
                flush=True,
            )
    return 1 if found else 0


def _processes(rounds: int) -> int:
    """Let twenty processes race in a real registry, print each round, and return 1 where anything was wrong."""
    print("| round | wrong tags | failed runs | the two builds of one version | seconds |\n|---|---|---|---|---|")
    amiss = 0
    with TemporaryDirectory() as folder, distribution(Path(folder) / "registry") as registry:
        for number in range(1, rounds + 1):
            result = race(registry.host, f"acme/round-{number}", Path(folder) / str(number))
            amiss += len(result.wrong) + len(result.failed)
            builds = " and ".join(map(str, result.contested))
            print(
                f"| {number} | {len(result.wrong)} | {len(result.failed)} | exit {builds} | {result.seconds:.1f} |",
                flush=True,
            )
            for text in (*result.wrong, *result.failed):
                print(text, file=sys.stderr)
    return 1 if amiss else 0


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
