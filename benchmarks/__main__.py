"""Measure Tagger and other programs, and write tables and pictures.

    python -m benchmarks [NAME...] [--runs N] [--docs]

The names are retag, merge, push, start, image, large, many and copy; without one, all are measured. It needs root, for
the network namespaces; what `benchmarks/rivals` brought, and what is on the PATH, is measured beside.
"""

import argparse
import datetime
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import copying, image, large, many, merging, pushing, retag, starting
from benchmarks.report import Section
from benchmarks.testbed import ROOT, Testbed, open_testbed

MEASUREMENTS: Mapping[str, tuple[str, Callable[[Testbed], Section]]] = {
    "retag": ("An image that is in the repository to four tags", retag.measure),
    "merge": ("The builds of two platforms, in the repository, to four tags", merging.measure),
    "push": ("An image of the engine to four tags", pushing.measure),
    "start": ("Starting", starting.measure),
    "image": ("The action's image", image.measure),
    "large": ("Large repositories", large.measure),
    "many": ("Many repositories", many.measure),
    "copy": ("Copies between registries", copying.measure),
}

PICTURES = ROOT / "docs" / "evidence" / "performance"
MARK = "<!-- What follows is written by `make bench BENCH=--docs`. -->"


def main() -> None:
    """Make the named measurements, print them, and write them with their pictures into a folder."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Tagger beside what people use today.")
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], metavar="NAME")
    parser.add_argument("--runs", type=int, default=5, help="how many runs count (default: 5)")
    parser.add_argument("--docs", action="store_true", help="write the results into docs/evidence/performance.md")
    options = parser.parse_args()
    into = PICTURES if options.docs else ROOT / "build" / "benchmarks" / "report"
    into.mkdir(parents=True, exist_ok=True)
    with open_testbed(options.runs) as testbed:
        parts = [_surroundings(testbed, options.runs)]
        print(parts[0], flush=True)
        for name in options.names or MEASUREMENTS:
            title, measure = MEASUREMENTS[name]
            section = measure(testbed)
            pictures = [f"![{title}]({into.name}/{file})" for file in section.pictures]
            for file, picture in section.pictures.items():
                (into / file).write_text(picture)
            parts.append("\n\n".join((f"## {title}", *pictures, section.text)))
            print(f"\n{parts[-1]}", flush=True)
    results = "\n\n".join(parts) + "\n"
    page = into.with_suffix(".md")
    before = page.read_text().partition(MARK)[0] + MARK + "\n\n" if options.docs else ""
    page.write_text(before + results)
    print(f"\nWritten to {page}", file=sys.stderr)


def _surroundings(testbed: Testbed, runs: int) -> str:
    """Return a paragraph with the machine, the versions and the time of the measurements."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    day = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{day}: {os.cpu_count()} cores ({model}), load {os.getloadavg()[0]:.1f}, Linux "
        f"{platform.release()}, Python {platform.python_version()}; docker-registry (distribution) 2.8.2; the line: "
        f"{testbed.line.kind}. Medians of {runs} runs (least–most), in turn, each checked; one more warmed up."
    )


if __name__ == "__main__":
    main()
