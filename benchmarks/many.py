"""Many repositories in one release: the time should be that of the slowest, and the memory that of one."""

from benchmarks.images import make_image, push, standing
from benchmarks.measuring import Contestant, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.testbed import Testbed

__all__ = ["measure"]

COUNTS = (1, 10, 100)
DELAY = 50
FLOATING = ("2.1", "2", "latest")


def measure(testbed: Testbed) -> Section:
    """Measure releases into 1, 10 and 100 repositories of the guarded registry at 50 ms."""
    service = testbed.guarded
    old, new = make_image("the release before"), make_image("the release")
    trust = {"TAGGER_CA_FILE": str(testbed.authority.ca_file), "SSL_CERT_DIR": "/etc/ssl/certs"}
    rows, line = [], []
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
        contestant = Contestant("tagger release", command, reset, check, {**trust, "TAGGER_IMAGES": images})
        testbed.line.delay(DELAY)
        costs = in_turn(testbed.bench, [contestant], service)[contestant.name]
        testbed.line.delay(0)
        low, high = costs.spread("wall")
        wall = f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})"
        numbers = [f"{costs.median('cpu') * 1e3:.0f}", f"{costs.median('peak'):.0f}"]
        numbers += [f"{costs.median(what):.0f}" for what in ("requests", "connections")]
        rows.append([str(count), wall, *numbers])
        line.append((float(count), costs.median("wall") * 1e3))
    head = ["repositories", "ms at 50 ms", "CPU ms", "peak MiB", "requests", "connections"]
    picture = curves("Releases into many repositories at 50 ms", {"tagger release": line}, "repositories", "ms")
    return Section(table(head, rows), {"many.svg": picture})
