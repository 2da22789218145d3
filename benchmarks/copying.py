"""Measures copies between registries: memory with large layers, reads of the source, resumed transfers."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.images import CONFIG, LAYER, MANIFEST, Image, push, standing
from benchmarks.measuring import Contestant, Cost, Costs, in_turn
from benchmarks.relay import Relay, relay
from benchmarks.report import Section, table
from benchmarks.servers import Service, registry
from benchmarks.testbed import Testbed

__all__ = ["measure"]

NAME = "acme/large"
MIB = 1 << 20
SMALL, LARGE = 256 * MIB, 4096 * MIB
CUT = 128 * MIB
CHUNK = bytes(4 * MIB)
GZIP = b"\x1f\x8b\x08"
OURS = "tagger release"
HEAD = ("", "layer, MiB", "into", "seconds", "CPU s", "peak MiB", "source read")
CUT_HEAD = ("", "layer, MiB", "reset after", "seconds", "CPU s", "source read", "sent again, MiB")


def measure(testbed: Testbed) -> Section:
    """Copy images with layers of 256 MiB and 4 GiB, with other programs too, into three registries, and over resets."""
    source = testbed.open
    small, large = (_large_image(source, f"{NAME}-{size}", size) for size in (SMALL, LARGE))
    with registry(testbed.folder / "two") as two, registry(testbed.folder / "three") as three:
        rows = []
        for copy in (
            _Copy(testbed, source, f"{NAME}-{SMALL}", small, (two,)),
            _Copy(testbed, source, f"{NAME}-{SMALL}", small, (testbed.guarded, two, three)),
            _Copy(testbed, source, f"{NAME}-{LARGE}", large, (two,)),
        ):
            found = in_turn(testbed.bench, list(copy.contestants()), source)
            rows += [_row(copy, title, costs) for title, costs in found.items()]
        with relay(source.host) as broken:
            copy = _Copy(testbed, source, f"{NAME}-{SMALL}", small, (two,), broken)
            cut = [_cut_row(testbed, source, copy, contestant, broken) for contestant in copy.contestants()]
        copy.forget()
    shutil.rmtree(source.folder / "data")
    text = (
        "On the servers' side of the line, which would compute most of the time. The layers are gzip as far as their "
        "beginning tells: what is not, skopeo compresses, and sends 0.4 MiB of 256 MiB of zeros.",
        table(HEAD, rows),
        "### A reading connection that is reset",
        table(CUT_HEAD, cut),
    )
    return Section("\n\n".join(text), {})


@dataclass
class _Copy:
    """An image to be copied from one registry, through a relay if there is one, into others; `reads` count by name."""

    testbed: Testbed
    source: Service
    name: str
    image: Image
    places: tuple[Service, ...]
    relay: Relay | None = None
    reads: dict[str, int] = field(default_factory=dict)

    def contestants(self) -> Iterator[Contestant]:
        """Yield ours, and for one target the others, which copy to one target only."""
        host = self.relay.host if self.relay else self.source.host
        insecure = [host, *(place.host for place in self.places if not place.authority)]
        environ = {
            "TAGGER_IMAGES": "\n".join(f"{place.host}/{self.name}" for place in self.places),
            "TAGGER_INSECURE": " ".join(insecure),
            "TAGGER_CA_FILE": str(self.testbed.authority.ca_file),
        }
        ours = self.testbed.tagger("release", "--version", "2.1.4", "--source", f"docker://{host}/{self.name}:build")
        yield self._contestant(OURS, ours, ("2.1.4", "latest"), environ)
        if len(self.places) == 1:
            one, other = (f"{place}/{self.name}:build" for place in (host, self.places[0].host))
            tls = ["--src-tls-verify=false", "--dest-tls-verify=false"]
            for program, words in (
                ("skopeo", ["copy", "--quiet", *tls, f"docker://{one}", f"docker://{other}"]),
                ("crane", ["copy", "--insecure", one, other]),
                ("oras", ["cp", "--from-plain-http", "--to-plain-http", one, other]),
            ):
                if found := self.testbed.program(program):
                    yield self._contestant(f"{program} {words[0]}", [found, *words], ("build",))

    def forget(self) -> None:
        """Empty the targets."""
        for place in self.places:
            shutil.rmtree(place.folder / "data", ignore_errors=True)

    def _contestant(
        self, title: str, command: Sequence[str], tags: Sequence[str], environ: dict[str, str] | None = None
    ) -> Contestant:
        layer = f"/blobs/{json.loads(self.image.manifest)['layers'][0]['digest']}"
        before = 0

        def reads() -> int:
            return sum(asked.startswith("GET") and asked.endswith(layer) for asked in self.source.requests())

        def prepare() -> None:
            nonlocal before
            self.forget()
            if self.relay:
                self.relay.cut_after(CUT)
            before = reads()

        def check() -> None:
            self.reads[title] = reads() - before
            for place in self.places:
                assert standing(place, self.name, *tags) == [self.image.digest] * len(tags), place.host

        here = ["nsenter", f"--net=/proc/{os.getpid()}/ns/net"]
        return Contestant(title, [*here, *command], prepare, check, environ)


def _row(copy: _Copy, title: str, costs: Costs) -> list[str]:
    size, (least, most) = _size(copy.image), costs.spread("wall")
    seconds = f"{costs.median('wall'):.1f} ({least:.1f}–{most:.1f})"
    used = [f"{costs.median('cpu'):.1f}", f"{costs.spread('peak')[1]:.0f}"]
    return [title, f"{size // MIB:,}", str(len(copy.places)), seconds, *used, str(copy.reads[title])]


def _cut_row(testbed: Testbed, source: Service, copy: _Copy, contestant: Contestant, broken: Relay) -> list[str]:
    size = _size(copy.image)
    begin = [contestant.name, f"{size // MIB:,}", f"{CUT // MIB:,}"]
    try:
        cost: Cost = testbed.bench.run(contestant, source)
    except (RuntimeError, AssertionError):
        if contestant.name == OURS:
            raise
        return [*begin, "failed", "", "", ""]
    again = f"{(broken.passed - size) / MIB:.1f}"
    return [*begin, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", str(copy.reads[contestant.name]), again]


def _size(image: Image) -> int:
    return int(json.loads(image.manifest)["layers"][0]["size"])


def _large_image(service: Service, name: str, size: int) -> Image:
    """Put an image into a registry's storage. Its layer is a gzip header and zeros, which take no room on disk."""
    hashed = hashlib.sha256(GZIP + CHUNK[len(GZIP) :])
    for _ in range(size // len(CHUNK) - 1):
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
        file.write(GZIP)
        file.truncate(size)
    (link / "link").write_text(f"sha256:{digest}")
    push(service, name, image, "build")
    return image
