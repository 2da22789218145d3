"""Measures plans, releases and reconciliations of repositories with many tags."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.images import Image, make_image, push
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.servers import Service
from benchmarks.testbed import Testbed

__all__ = ["measure"]

SIZES = (1_000, 10_000, 100_000)
FAR_AWAY = 50  # ms
PLAN, SKOPEO = "tagger plan", "skopeo list-tags"


def measure(testbed: Testbed) -> Section:
    """Measure plans, releases and reconciliations of repositories of up to 100,000 tags: on the open registry without
    a delay, and the largest on the one over TLS that wants tokens, far away."""
    lines: dict[str, list[tuple[float, float]]] = {}
    rows = []
    for size in SIZES:
        count, found = _measure(testbed, testbed.open, size)
        for title, costs in found.items():
            lines.setdefault(title, []).append((count, costs.median("wall") * 1e3))
            rows.append(_row(count, title, costs))
    rows.sort(key=lambda row: (row[0], int(row[1].replace(",", ""))))
    head = ["", "tags", "ms", "CPU ms", "peak MiB", "requests"]
    picture = curves("Cost against size, on loopback", lines, "tags in the repository", "ms")
    testbed.line.delay(FAR_AWAY)
    count, found = _measure(testbed, testbed.guarded, SIZES[-1])
    testbed.line.delay(0)
    far = [_row(count, title, costs) for title, costs in found.items()]
    text = [table(head, rows), f"### TLS and tokens, the realm unknown, {FAR_AWAY} ms", table(head, far)]
    if SKOPEO in found:
        ratio = found[PLAN].median("wall") / found[SKOPEO].median("wall")
        text.append(f"To the plan printed it takes {ratio:.2f} × the time in which skopeo lists the tags (the bar: 1).")
    return Section("\n\n".join(text), {"large.svg": picture})


def _measure(testbed: Testbed, service: Service, size: int) -> tuple[int, Mapping[str, Costs]]:
    """Measure every contestant on a repository of `size` versions; return the number of its tags, and the costs."""
    name, image = f"acme/with-{size}", make_image("every version")
    push(service, name, image, "0.0.0")
    count = _fill(service, name, image, size)
    found = in_turn(testbed.bench, list(_contestants(testbed, service, name, image)), service)
    shutil.rmtree(_tags(service, name))
    return count, found


def _report(testbed: Testbed) -> Any:
    """Return the report that a run printed; its warnings are in the same file."""
    text = (testbed.folder / "output").read_text()
    begin = re.search(r"^\{", text, re.MULTILINE)
    assert begin, text
    return json.JSONDecoder().raw_decode(text, begin.start())[0]


def _contestants(testbed: Testbed, service: Service, name: str, image: Image) -> Iterator[Contestant]:
    place, guarded = f"{service.host}/{name}", service.authority is not None
    trust = testbed.trust if guarded else {}
    program = ["env", "-u", "SSL_CERT_FILE", *testbed.tagger()]
    new = make_image("the next version")
    push(service, name, new)

    def first() -> None:
        """Push the next version, and put the tags that it takes back to where they were."""
        push(service, name, new, "99.0.0")
        push(service, name, image, "latest")
        for tag in ("99", "99.0"):
            shutil.rmtree(_tags(service, name) / tag, ignore_errors=True)

    def nobody() -> None:
        for tag in ("99.0.0", "99", "99.0"):
            shutil.rmtree(_tags(service, name) / tag, ignore_errors=True)
        push(service, name, image, "latest")

    def planned() -> None:
        report = _report(testbed)
        changes = {change["tag"]: change["action"] for change in report["repositories"][0]["changes"]}
        assert changes == {"99.0.0": "keep", "99.0": "create", "99": "create", "latest": "move"}, changes

    def unchanged() -> None:
        report = _report(testbed)
        assert not report["changed"], report

    def told(command: str, version: str = "") -> Mapping[str, str]:
        insecure = "" if guarded else service.host
        step = testbed.step_environment(command, images=place, version=version, insecure=insecure, json="true")
        return {**trust, **step}

    yield Contestant(PLAN, program, first, planned, told("plan", "99.0.0"))
    yield Contestant("tagger release", program, first, environ=told("release", "99.0.0"))
    if not guarded:
        yield Contestant("tagger reconcile", program, nobody, unchanged, told("reconcile"))
    if skopeo := testbed.program("skopeo"):
        yield Contestant(SKOPEO, [skopeo, "list-tags", f"--tls-verify={str(guarded).lower()}", f"docker://{place}"])
    if crane := testbed.program("crane"):
        yield Contestant("crane ls", [crane, "ls", *([] if guarded else ["--insecure"]), place])


def _fill(service: Service, name: str, image: Image, size: int) -> int:
    """Put a tag for every version into the registry's storage, and the floating tags where they belong; count them."""
    link = image.digest.encode()
    majors, minors = (10, 10) if size <= 10_000 else (10, 100)
    patches = size // (majors * minors)
    folder = _tags(service, name)
    tags = [f"{a}.{b}.{c}" for a in range(majors) for b in range(minors) for c in range(patches)]
    tags += [f"{a}.{b}" for a in range(majors) for b in range(minors)] + [f"{a}" for a in range(majors)] + ["latest"]
    for tag in tags:
        current = folder / tag / "current"
        os.makedirs(current, exist_ok=True)  # noqa: PTH103 - four times as fast as a Path's, 100,000 times
        with open(current / "link", "wb") as file:  # noqa: PTH123
            file.write(link)
    return len(tags)


def _tags(service: Service, name: str) -> Path:
    return service.folder / "data/docker/registry/v2/repositories" / name / "_manifests/tags"


def _row(count: int, title: str, costs: Costs) -> list[str]:
    low, high = costs.spread("wall")
    wall = f"{costs.median('wall') * 1e3:.0f} ({low * 1e3:.0f}–{high * 1e3:.0f})"
    numbers = [f"{costs.median('cpu') * 1e3:.0f}", f"{costs.median('peak'):.0f}", f"{costs.median('requests'):.0f}"]
    return [title, f"{count:,}", wall, *numbers]
