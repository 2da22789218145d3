"""Many repositories in one release: the time should be that of the slowest, and the memory that of one."""

from benchmarks.images import make_image, push, standing
from benchmarks.measuring import Contestant, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.testbed import Testbed

__all__ = ["measure"]

COUNTS = (1, 10, 100)
JOBS = (8, 64)
DELAY = 50
FLOATING = ("2.1", "2", "latest")


def measure(testbed: Testbed) -> Section:
    """Measure releases into 1, 10 and 100 repositories of the guarded registry at 50 ms.

    They are all in one registry, so that `jobs` bounds them together; in registries of their own each has its own.
    """
    service = testbed.guarded
    old, new = make_image("the release before"), make_image("the release")
    trust = {"TAGGER_CA_FILE": str(testbed.authority.ca_file), "SSL_CERT_DIR": "/etc/ssl/certs"}
    rows, lines = [], {jobs: list[tuple[float, float]]() for jobs in JOBS}
    for count in COUNTS:
        names = [f"many/app-{number}" for number in range(count)]
        for name in names:
            push(service, name, old, "2.1.3")
            push(service, name, new, "2.1.4")

        def reset(names: list[str] = names) -> None:
            for name in names:
                push(service, name, old, *FLOATING)

        def check(names: list[str] = names) -> None:
            for name in names:
                assert standing(service, name, *FLOATING) == [new.digest] * 3, name

        images = "\n".join(f"{service.host}/{name}" for name in names)
        command = ["env", "-u", "SSL_CERT_FILE", *testbed.tagger("release", "--version", "2.1.4")]
        contestants = [
            Contestant(str(jobs), [*command, "--jobs", str(jobs)], reset, check, {**trust, "TAGGER_IMAGES": images})
            for jobs in JOBS
        ]
        testbed.line.delay(DELAY)
        found = in_turn(testbed.bench, contestants, service)
        testbed.line.delay(0)
        for jobs, costs in zip(JOBS, found.values(), strict=True):
            low, high = costs.spread("wall")
            wall = f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})"
            numbers = [f"{costs.median('cpu') * 1e3:.0f}", f"{costs.median('peak'):.0f}"]
            numbers += [f"{costs.median(what):.0f}" for what in ("requests", "connections")]
            rows.append([str(count), str(jobs), wall, *numbers])
            lines[jobs].append((float(count), costs.median("wall") * 1e3))
    head = ["repositories", "jobs", "ms at 50 ms", "CPU ms", "peak MiB", "requests", "connections"]
    title = "Releases into many repositories of one registry at 50 ms"
    picture = curves(title, {f"jobs: {jobs}": line for jobs, line in lines.items()}, "repositories", "ms")
    return Section(table(head, rows), {"many.svg": picture})
