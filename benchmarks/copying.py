"""Copies between registries: large layers in constant memory, and a source that is read once."""

import hashlib
import json
import shutil

from benchmarks.images import CONFIG, LAYER, MANIFEST, Image, push, standing
from benchmarks.measuring import Contestant, Cost
from benchmarks.report import Section, table
from benchmarks.servers import Service, registry
from benchmarks.testbed import Testbed

__all__ = ["measure"]

NAME = "acme/large"
GIB = 1 << 30
CHUNK = bytes(1 << 22)


def measure(testbed: Testbed) -> Section:
    """Copy an image with a layer of 4 GiB, and one of 256 MiB into three registries and beside others."""
    rows = []
    source = testbed.open
    small, large = (_large_image(source, f"{NAME}-{size}", size) for size in (GIB // 4, 4 * GIB))
    with registry(testbed.folder / "two") as two, registry(testbed.folder / "three") as three:
        targets = (testbed.guarded, two, three)
        for size, image, places in (
            (GIB // 4, small, targets[1:2]),
            (GIB // 4, small, targets),
            (4 * GIB, large, targets[1:2]),
        ):
            cost, read = _released(testbed, source, f"{NAME}-{size}", image, places)
            rows.append(_row("tagger release", size, len(places), cost, str(read)))
            if size == GIB // 4 and len(places) == 1:
                for name, command in _others(testbed, source, places[0], f"{NAME}-{size}"):
                    _forget(places)
                    cost, read = _measured(testbed, source, Contestant(name, command))
                    rows.append(_row(name, size, 1, cost, str(read)))
            _forget(places)
    shutil.rmtree(source.folder / "data")
    return Section(table(["", "layer, MiB", "into", "seconds", "CPU s", "peak MiB", "source read"], rows), {})


def _released(
    testbed: Testbed, source: Service, name: str, image: Image, places: tuple[Service, ...]
) -> tuple[Cost, int]:
    insecure = " ".join(place.host for place in (source, *places) if not place.authority)
    environ = {
        "TAGGER_IMAGES": "\n".join(f"{place.host}/{name}" for place in places),
        "TAGGER_INSECURE": insecure,
        "TAGGER_CA_FILE": str(testbed.authority.ca_file),
    }
    command = testbed.tagger("release", "--version", "2.1.4", "--source", f"docker://{source.host}/{name}:build")

    def check() -> None:
        for place in places:
            assert standing(place, name, "2.1.4", "latest") == [image.digest] * 2, place.host

    return _measured(testbed, source, Contestant("tagger release", command, lambda: None, check, environ))


def _measured(testbed: Testbed, source: Service, contestant: Contestant) -> tuple[Cost, int]:
    """Return what a run cost, and how often it read layers of the source."""
    before = len(source.requests())
    cost = testbed.bench.run(contestant, source)
    return cost, sum(request.startswith("GET") and "/blobs/" in request for request in source.requests()[before:]) - 1


def _others(testbed: Testbed, source: Service, target: Service, name: str) -> list[tuple[str, list[str]]]:
    found, places = [], [f"{place.host}/{name}:build" for place in (source, target)]
    if skopeo := testbed.program("skopeo"):
        tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        found.append(("skopeo copy", [skopeo, "copy", "--quiet", *tls, *(f"docker://{place}" for place in places)]))
    if crane := testbed.program("crane"):
        found.append(("crane copy", [crane, "copy", "--insecure", *places]))
    return found


def _large_image(service: Service, name: str, size: int) -> Image:
    """Put an image with a layer of `size` zeros into a registry's storage, where it takes no room."""
    hashed = hashlib.sha256()
    for _ in range(size // len(CHUNK)):
        hashed.update(CHUNK)
    digest = hashed.hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    own = f"sha256:{hashlib.sha256(config).hexdigest()}"
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": own, "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": f"sha256:{digest}", "size": size}],
    }
    image = Image(json.dumps(document).encode(), {own: config})
    root = service.folder / "data/docker/registry/v2"
    blob, link = root / f"blobs/sha256/{digest[:2]}/{digest}", root / f"repositories/{name}/_layers/sha256/{digest}"
    blob.mkdir(parents=True, exist_ok=True)
    link.mkdir(parents=True, exist_ok=True)
    with (blob / "data").open("wb") as file:
        file.truncate(size)
    (link / "link").write_text(f"sha256:{digest}")
    push(service, name, image, "build")
    return image


def _forget(places: tuple[Service, ...]) -> None:
    for place in places:
        shutil.rmtree(place.folder / "data", ignore_errors=True)


def _row(name: str, size: int, count: int, cost: Cost, read: str) -> list[str]:
    return [name, f"{size >> 20:,}", str(count), f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.peak:.0f}", read]
