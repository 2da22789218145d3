"""Measures releases into many repositories, and of many components."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.components import COUNTS as COMPONENTS
from benchmarks.components import HEAD, JOBS, RUNNERS, RUNNERS_HEAD, measure_components, measure_runners
from benchmarks.images import make_image, push, standing
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.servers import Service, docker_login, registry
from benchmarks.testbed import Testbed

__all__ = ["measure"]

COUNTS = ((1, 1), (10, 1), (10, 10), (100, 1), (100, 10))  # repositories, and the registries that they are spread over
DELAY = 50
FLOATING = ("2.1", "2", "latest")


@dataclass(frozen=True, slots=True)
class _Registries:
    """Registries with one token server."""

    services: Sequence[Service]
    tokens: Service

    def requests(self) -> list[str]:
        return [request for service in (*self.services, self.tokens) for request in service.own_requests()]


def measure(testbed: Testbed) -> Section:
    """Measure releases into many repositories, of many components, and of as many runners, at 50 ms.

    `jobs` bounds the requests to one registry, so that its repositories wait for each other; registries do not.
    """
    with _open_registries(testbed) as registries:
        services = registries.services
        repositories = _Table(["repositories", *HEAD[1:]])
        for count, spread in COUNTS:
            repositories.add(count, spread, _measured(testbed, services[:spread], registries, count))
        components = _Table(HEAD)
        for count, spread in COMPONENTS:
            jobs = JOBS if count < 300 else JOBS[-1:]
            components.add(count, spread, measure_components(testbed, services[:spread], registries, count, jobs))
        runners = [measure_runners(testbed, services[0], registries, count) for count in RUNNERS]
    pictures = {
        "many.svg": curves("Releases into many repositories at 50 ms", repositories.lines, "repositories", "ms"),
        "components.svg": curves("Releases of many components at 50 ms", components.lines, "components", "ms"),
    }
    parts = [repositories.text(), "### Components in one run", components.text()]
    parts += ["### Components on runners of their own, two at once", table(RUNNERS_HEAD, runners)]
    return Section("\n\n".join(parts), pictures)


class _Table:
    """Rows of what was measured, and the lines of their picture."""

    def __init__(self, head: Sequence[str]) -> None:
        self.head, self.rows, self.lines = head, list[list[str]](), dict[str, list[tuple[float, float]]]()

    def add(self, count: int, spread: int, found: Mapping[str, Costs]) -> None:
        """Add the costs of `count` things by `jobs`."""
        for jobs, costs in found.items():
            low, high = costs.spread("wall")
            wall = f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})"
            numbers = [f"{costs.median('cpu') * 1e3:.0f}", f"{costs.median('peak'):.0f}"]
            requests = costs.median("requests")
            numbers += [f"{requests:.0f}", f"{requests / count:.1f}", f"{costs.median('connections'):.0f}"]
            self.rows.append([str(count), str(spread), jobs, wall, *numbers])
            name = f"jobs: {jobs}" if spread == 1 else f"jobs: {jobs}, {spread} registries"
            self.lines.setdefault(name, []).append((count, costs.median("wall") * 1e3))

    def text(self) -> str:
        """Return the table."""
        return table(self.head, self.rows)


def _measured(
    testbed: Testbed, services: Sequence[Service], registries: _Registries, count: int
) -> Mapping[str, Costs]:
    """Return the costs by `jobs` of a release into `count` repositories, spread evenly over the services."""
    places = [(services[number % len(services)], f"many/app-{number}") for number in range(count)]
    old, new = make_image("the release before"), make_image("the release")
    for service, name in places:
        push(service, name, old, "2.1.3")
        push(service, name, new, "2.1.4")

    def reset() -> None:
        for service, name in places:
            push(service, name, old, *FLOATING)

    def check() -> None:
        for service, name in places:
            assert standing(service, name, *FLOATING) == [new.digest] * 3, f"{service.host}/{name}"

    environ = {
        "TAGGER_CA_FILE": str(testbed.authority.ca_file),
        "SSL_CERT_DIR": "/etc/ssl/certs",
        "DOCKER_CONFIG": str(testbed.folder / "many"),
        "TAGGER_IMAGES": "\n".join(f"{service.host}/{name}" for service, name in places),
    }
    command = ["env", "-u", "SSL_CERT_FILE", *testbed.tagger("release", "--version", "2.1.4")]
    contestants = [Contestant("not set", command, reset, check, environ)]
    contestants += [Contestant(str(jobs), [*command, "--jobs", str(jobs)], reset, check, environ) for jobs in JOBS]
    testbed.line.delay(DELAY)
    found = in_turn(testbed.bench, contestants, registries)
    testbed.line.delay(0)
    return found


@contextmanager
def _open_registries(testbed: Testbed) -> Iterator[_Registries]:
    """Run as many registries as are needed, guarded by the token server, and write their logins."""
    folder = testbed.folder / "many"
    with ExitStack() as cleanup:
        services = [
            cleanup.enter_context(registry(folder / str(number), authority=testbed.authority, tokens=testbed.tokens))
            for number in range(max(spread for _, spread in COUNTS))
        ]
        (folder / "config.json").write_text(docker_login(*(service.host for service in services)))
        yield _Registries(services, testbed.tokens)
