"""Many repositories in one release: the time should be that of the slowest, and the memory that of one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.images import make_image, push, standing
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.servers import Service, docker_login, registry
from benchmarks.testbed import Testbed

__all__ = ["measure"]

COUNTS = ((1, 1), (10, 1), (10, 10), (100, 1), (100, 10))  # repositories, and the registries that they are spread over
JOBS = (8, 64)
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
    """Measure releases into 1, 10 and 100 repositories at 50 ms: of one registry, and of ten beside each other.

    `jobs` bounds the requests to one registry, so that its repositories wait for each other; registries do not.
    """
    rows, lines = [], dict[str, list[tuple[float, float]]]()
    with _open_registries(testbed) as registries:
        for count, spread in COUNTS:
            found = _measured(testbed, registries.services[:spread], registries, count)
            for jobs, costs in found.items():
                low, high = costs.spread("wall")
                wall = f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})"
                numbers = [f"{costs.median('cpu') * 1e3:.0f}", f"{costs.median('peak'):.0f}"]
                numbers += [f"{costs.median(what):.0f}" for what in ("requests", "connections")]
                rows.append([str(count), str(spread), jobs, wall, *numbers])
                name = f"jobs: {jobs}" if spread == 1 else f"jobs: {jobs}, {spread} registries"
                lines.setdefault(name, []).append((count, costs.median("wall") * 1e3))
    head = ["repositories", "registries", "jobs", "ms at 50 ms", "CPU ms", "peak MiB", "requests", "connections"]
    picture = curves("Releases into many repositories at 50 ms", lines, "repositories", "ms")
    return Section(table(head, rows), {"many.svg": picture})


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
    contestants = [Contestant(str(jobs), [*command, "--jobs", str(jobs)], reset, check, environ) for jobs in JOBS]
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
