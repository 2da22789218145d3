"""Repositories of many tags: what is listed, decided and written, against their size."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.images import Image, make_image, push
from benchmarks.measuring import Contestant, Costs, in_turn
from benchmarks.report import Section, curves, table
from benchmarks.servers import Service
from benchmarks.testbed import Testbed

__all__ = ["measure"]

SIZES = (1_000, 10_000, 100_000)


def measure(testbed: Testbed) -> Section:
    """Measure plans, releases and reconciliations of repositories of up to 100,000 tags, on the open registry."""
    service, image = testbed.open, make_image("every version")
    names = {size: f"acme/with-{size}" for size in SIZES}
    lines: dict[str, list[tuple[float, float]]] = {}
    rows = []
    for size, name in names.items():
        push(service, name, image, "0.0.0")
        count = _fill(service, name, image, size)
        for title, costs in in_turn(testbed.bench, list(_contestants(testbed, service, name, image)), service).items():
            lines.setdefault(title, []).append((count, costs.median("wall") * 1e3))
            rows.append(_row(count, title, costs))
        shutil.rmtree(_tags(service, name))
    rows.sort(key=lambda row: (row[0], int(row[1].replace(",", ""))))
    head = ["", "tags", "ms", "CPU ms", "peak MiB", "requests"]
    picture = curves("Cost against size, on loopback", lines, "tags in the repository", "ms")
    return Section(table(head, rows), {"large.svg": picture})


def _contestants(testbed: Testbed, service: Service, name: str, image: Image) -> Iterator[Contestant]:
    place = f"{service.host}/{name}"
    insecure = ["--insecure", service.host]
    new = make_image("the next version")
    push(service, name, new)

    def first() -> None:
        """Let the next version be pushed, and the tags that it takes be where they were."""
        push(service, name, new, "99.0.0")
        push(service, name, image, "latest")
        for tag in ("99", "99.0"):
            shutil.rmtree(_tags(service, name) / tag, ignore_errors=True)

    def nobody() -> None:
        for tag in ("99.0.0", "99", "99.0"):
            shutil.rmtree(_tags(service, name) / tag, ignore_errors=True)
        push(service, name, image, "latest")

    def planned() -> None:
        report = json.loads((testbed.folder / "output").read_text())
        changes = {change["tag"]: change["action"] for change in report["repositories"][0]["changes"]}
        assert changes == {"99.0.0": "keep", "99.0": "create", "99": "create", "latest": "move"}, changes

    def unchanged() -> None:
        report = json.loads((testbed.folder / "output").read_text())
        assert not report["changed"], report

    plan = testbed.tagger("plan", "--json", "--image", place, "--version", "99.0.0", *insecure)
    yield Contestant("tagger plan", plan, first, planned)
    yield Contestant(
        "tagger release", testbed.tagger("release", "--image", place, "--version", "99.0.0", *insecure), first
    )
    yield Contestant(
        "tagger reconcile", testbed.tagger("reconcile", "--json", "--image", place, *insecure), nobody, unchanged
    )
    if skopeo := testbed.program("skopeo"):
        yield Contestant("skopeo list-tags", [skopeo, "list-tags", "--tls-verify=false", f"docker://{place}"])
    if crane := testbed.program("crane"):
        yield Contestant("crane ls", [crane, "ls", "--insecure", place])


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
