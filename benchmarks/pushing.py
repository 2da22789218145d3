"""Measures pushes of a new image of the engine to four tags, and a second push of the same image."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from benchmarks.images import standing
from benchmarks.measuring import Contestant, in_turn
from benchmarks.report import Section, bars, table
from benchmarks.testbed import Testbed

__all__ = ["measure"]

NAME = "acme/built"
TAGS = ("2.1.4", "2.1", "2", "latest")
OURS = "tagger release"
DELAY = 50
SIZE = 1 << 20  # bytes, of the image's one layer


def measure(testbed: Testbed) -> Section:
    """Measure a push to four tags at 50 ms, over TLS and with tokens."""
    service, engine = testbed.guarded, testbed.engine
    place = f"{service.host}/{NAME}"
    content = b"".join(number.to_bytes(8, "big") * 2 for number in range(SIZE // 16))
    engine.build("app:build", content)
    for tag in TAGS:
        engine.docker("tag", "app:build", f"{place}:{tag}")
    host = {"DOCKER_HOST": engine.host}

    def empty() -> None:
        """Delete the repository from the storage; the registry keeps nothing in memory."""
        with suppress(FileNotFoundError):
            shutil.rmtree(service.folder / "data")

    def check(tags: Sequence[str]) -> None:
        held = standing(service, NAME, *tags)
        assert len({digest or "" for digest in held} | {""}) == 2, f"the tags hold {held}"

    docker, skopeo = testbed.program("docker"), testbed.program("skopeo")
    assert docker
    assert skopeo
    all_four = partial(check, TAGS)
    each = [f"{docker} push --quiet {place}:{tag}" for tag in TAGS]
    copy = f"{skopeo} copy --quiet --src-daemon-host {engine.host} docker-daemon:app:build docker://{place}"
    trust = {**host, "TAGGER_CA_FILE": str(testbed.authority.ca_file), "SSL_CERT_DIR": "/etc/ssl/certs"}
    ours = ["env", "-u", "SSL_CERT_FILE", *testbed.tagger()]
    trust |= testbed.step_environment("release", images=place, version="2.1.4", source="docker-daemon:app:build")
    contestants = [
        Contestant("docker push, one tag", ["sh", "-c", each[0]], empty, partial(check, TAGS[:1]), host),
        Contestant(OURS, ours, empty, all_four, trust),
        Contestant("docker push --all-tags", [docker, "push", "--quiet", "--all-tags", place], empty, all_four, host),
        Contestant("docker push ×4", ["sh", "-c", " && ".join(each)], empty, all_four, host),
        Contestant("skopeo copy ×4", ["sh", "-c", " && ".join(f"{copy}:{tag}" for tag in TAGS)], empty, all_four, host),
        Contestant(f"{OURS}, once more", ours, lambda: None, all_four, trust),
    ]
    order = [*contestants[:1], *contestants[2:5], contestants[1], contestants[5]]  # once more comes after the release
    testbed.line.delay(DELAY)
    found = in_turn(testbed.bench, order, service)
    testbed.line.delay(0)
    rows = []
    for name, costs in sorted(found.items(), key=lambda entry: entry[1].median("wall")):
        low, high = costs.spread("wall")
        numbers = [f"{costs.median(what):.0f}" for what in ("requests", "connections")]
        rows.append([name, f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})", *numbers])
    one, whole = found["docker push, one tag"].median("wall"), found["docker push --all-tags"].median("wall")
    mine = found[OURS].median("wall")
    text = [
        table(["", "ms at 50 ms", "requests", "connections"], rows),
        f"Ours is {mine / one:.2f} × one `docker push` (the bar: 1.2), and {mine / whole:.2f} × "
        "`docker push --all-tags` (the bar: below 1).",
    ]
    values = [
        (name, costs.median("wall") * 1e3, (costs.spread("wall")[0] * 1e3, costs.spread("wall")[1] * 1e3))
        for name, costs in found.items()
    ]
    picture = bars("An image of the engine to four tags at 50 ms, TLS and tokens", values, "ms", OURS)
    return Section("\n\n".join(text), {"push.svg": picture})
