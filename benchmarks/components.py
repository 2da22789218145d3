"""Measures releases of many components, in one run and on as many runners."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images import Image, make_image, push, standing
from benchmarks.measuring import Asked, Contestant, Costs, in_turn
from benchmarks.servers import Service
from benchmarks.testbed import Testbed

__all__ = ["COUNTS", "HEAD", "JOBS", "RUNNERS", "RUNNERS_HEAD", "measure_components", "measure_runners"]

COUNTS = ((1, 1), (10, 1), (10, 10), (100, 1), (100, 10), (300, 1), (300, 10))
"""Components, and the registries that they are spread over."""

RUNNERS = (1, 10, 40)
JOBS = (8, 64)
FLOATING = ("2.1", "2", "latest")
DELAY = 50
RUNNERS_HEAD = ["runners", "ms of one", "ms of the slowest", "requests", "each"]
HEAD = ["components", "registries", "jobs", "ms at 50 ms", "CPU ms", "peak MiB", "requests", "each", "connections"]


@dataclass(frozen=True)
class _Monorepo:
    """Components, each with a repository that holds the image of its release, and one release before."""

    places: Mapping[str, tuple[Service, str]]
    folder: Path
    old: Image
    new: Image

    @classmethod
    def make(cls, folder: Path, services: Sequence[Service], count: int) -> "_Monorepo":
        """Push both images of each component, and write the settings file."""
        places = {
            f"app-{number}": (services[number % len(services)], f"components/app-{number}") for number in range(count)
        }
        made = cls(places, folder, make_image("the release before"), make_image("the release"))
        for service, name in places.values():
            push(service, name, made.old, "2.1.3")
            push(service, name, made.new, "2.1.4")
        folder.mkdir(exist_ok=True)
        rows = {name: {"images": [f"{service.host}/{path}"]} for name, (service, path) in places.items()}
        (folder / ".tagger.yml").write_text(json.dumps({"components": rows}))
        return made

    def reset(self) -> None:
        for service, name in self.places.values():
            push(service, name, self.old, *FLOATING)

    def check(self) -> None:
        for service, name in self.places.values():
            assert standing(service, name, *FLOATING) == [self.new.digest] * 3, f"{service.host}/{name}"


def measure_components(
    testbed: Testbed, services: Sequence[Service], asked: Asked, count: int, jobs: Sequence[int] = JOBS
) -> Mapping[str, Costs]:
    """Return the costs by `jobs` of a release of `count` components, spread evenly over the services."""
    monorepo = _Monorepo.make(testbed.folder / f"monorepo-{count}-{len(services)}", services, count)
    environ = {**testbed.trust, "DOCKER_CONFIG": str(testbed.folder / "many")}
    words = [
        "--version",
        "2.1.4",
        "--config",
        str(monorepo.folder / ".tagger.yml"),
        "--only",
        " ".join(monorepo.places),
    ]
    command = ["env", "-u", "SSL_CERT_FILE", *testbed.tagger("release", *words)]
    contestants = [
        Contestant(str(most), [*command, "--jobs", str(most)], monorepo.reset, monorepo.check, environ) for most in jobs
    ]
    testbed.line.delay(DELAY)
    found = in_turn(testbed.bench, contestants, asked)
    testbed.line.delay(0)
    return found


def measure_runners(testbed: Testbed, service: Service, asked: Asked, count: int) -> list[str]:
    """Release each of `count` components in a process of its own, as a matrix of runners does; return the row.

    Two run at once, as there are no more cores: a runner has its own.
    """
    monorepo = _Monorepo.make(testbed.folder / f"runners-{count}", [service], count)
    environ = {**testbed.bench.environ, **testbed.trust, "DOCKER_CONFIG": str(testbed.folder / "many")}
    environ.pop("SSL_CERT_FILE", None)
    command = testbed.tagger(
        "release", "--version", "2.1.4", "--config", str(monorepo.folder / ".tagger.yml"), "--only"
    )

    def run(name: str) -> float:
        begin = time.perf_counter()
        with testbed.line.near():
            process = subprocess.Popen([*command, name], env=environ, stdout=subprocess.DEVNULL)
        assert process.wait(120) == 0, name
        return time.perf_counter() - begin

    monorepo.reset()
    testbed.line.delay(DELAY)
    before = len(asked.requests())
    with ThreadPoolExecutor(2) as runners:
        seconds = sorted(runners.map(run, monorepo.places))
    testbed.line.delay(0)
    requests = len(asked.requests()) - before
    monorepo.check()
    times = [f"{value * 1e3:.0f}" for value in (seconds[len(seconds) // 2], seconds[-1])]
    return [str(count), *times, str(requests), f"{requests / count:.1f}"]
