"""`python -m tests.faults [FAULT…]`: break every request of a release in every way, and print what the user sees.

Each fault is made once, at one request, which one repetition mends; and from that request on, without end. A row
stands for requests that ended alike. The command exits 1 where a tag stood neither where it was nor where it belongs,
where the exit code told something else, or where the same command run again did not end right.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.releasing import Bench, Case, bench
from tests.servers.proxy import FAULTS
from tests.servers.registries import Authority, DockerRegistry

FLOATING = ("2.1", "2", "latest")


def main(faults: Sequence[str]) -> int:
    """Print a table for each fault, and return 1 where anything was lost."""
    problems: list[str] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "authority").mkdir()
        authority = Authority.make(folder / "authority")
        for number, fault in enumerate(faults):
            kind = "token" if fault == "expired" else "login"
            with (
                DockerRegistry.open(kind, folder / str(number), authority) as registry,
                bench(registry, "acme/app") as b,
            ):
                problems += _table(b, fault)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _table(b: Bench, fault: str) -> list[str]:
    """Print what one fault does at every request, and return what should not be."""
    print(f"\n### {fault}\n")
    print("| request | once | from then on: exit, tags written | what the user sees then |\n|---|---|---|---|")
    problems: list[str] = []
    rows: dict[tuple[str, str, str, str], int] = {}
    for place, step in enumerate(b.requests(), 1):
        once, lasting = b.strike(fault, place, lasting=False), b.strike(fault, place, lasting=True)
        row = (step, _ended(once), f"{lasting.ran.code}, {_written(lasting)}", lasting.says)
        rows[row] = rows.get(row, 0) + 1
        problems += [f"{fault} at {place} ({step}): {p}" for case in (once, lasting) for p in case.problems]
    for (step, first, second, says), count in rows.items():
        print(
            f"| {step}{f' ({count})' if count > 1 else ''} | {first} | {second} | {says.replace('|', '/')} |",
            flush=True,
        )
    return problems


def _ended(case: Case) -> str:
    return "released" if case.ran.code == 0 else f"exit {case.ran.code}: {case.says}"


def _written(case: Case) -> str:
    floating = sum(tag in FLOATING for tag in case.moved)
    exact = len(case.moved) > floating
    return (
        "none"
        if not case.moved
        else "all"
        if exact and floating == len(FLOATING)
        else "exact"
        if not floating
        else "some"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or FAULTS))
