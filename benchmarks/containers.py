"""Measures the time to the first output and to the end of containers of the action, and of trivial containers."""

import hashlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.images import Image, make_image
from benchmarks.report import table
from benchmarks.testbed import ROOT
from tagger import __version__
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

__all__ = ["starting"]

NOTHING = "an empty interpreter"
LAYOUT = "layout"
TAGS = ["2.1.4", "2.1", "2", "latest"]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to run a container: what runs if not the action, words, and inputs; `check` says if it did its job."""

    name: str
    check: Callable[[Step], bool]
    program: Sequence[str] = ()
    words: Sequence[str] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Time:
    """Milliseconds until the first byte of output, and until the end."""

    first: float
    end: float


def starting(engine: Engine, image: str, folder: Path, runs: int) -> str:
    """Return a table of runs in turn, each checked, after one more of each to warm up."""
    runner = Runner(folder / "runner", engine)
    old, new = make_image("the release before"), make_image("the release")
    _write_layout(runner.workspace / LAYOUT, {"2.1.3": old, "2.1": old, "2": old, "latest": old, "2.1.4": new})
    entrypoint = json.loads(engine.docker("image", "inspect", "--format", "{{json .Config.Entrypoint}}", image))
    ways = _ways(entrypoint[:-1])
    times: dict[str, list[_Time]] = {way.name: [] for way in ways}
    for _ in range(runs + 1):
        for way in ways:
            times[way.name].append(_run(runner, image, way))
    rows = []
    least = statistics.median(time.end for time in times[NOTHING][1:])
    for name, (_, *counted) in times.items():
        first, end = _spread([time.first for time in counted]), _spread([time.end for time in counted])
        more = f"{statistics.median(time.end for time in counted) - least:.0f}"
        rows.append([name, first, end, "" if name == NOTHING else more])
    return table(["", "first byte, ms", "end, ms", f"more than {NOTHING}"], rows)


def _ways(python: Sequence[str]) -> Sequence[_Way]:
    """Return what is run; `python` is the interpreter with its options, as the action starts it."""

    def printed_nothing(step: Step) -> bool:
        return step.log == "\n"

    def planned(step: Step) -> bool:
        return step.outputs["tag-names"].split() == TAGS

    def planned_moves(step: Step) -> bool:
        (repository,) = json.loads(step.outputs["json"])["repositories"]
        return [change["action"] for change in repository["changes"]] == ["keep", "move", "move", "move"]

    empty = ("-c", "print()")
    plan = {"command": "plan", "version": "2.1.4"}
    return (
        _Way(NOTHING, printed_nothing, [*python, *empty]),
        _Way("`--version`", lambda step: __version__ in step.log, words=["--version"]),
        _Way("`plan`, nothing is published", planned, inputs={**plan, "published-from": "none"}),
        _Way("`plan` for a layout", planned_moves, inputs={**plan, "images": f"oci:{LAYOUT}"}),
    )


def _run(runner: Runner, image: str, way: _Way) -> _Time:
    invocation = runner.invocation(ROOT, image, way.inputs)
    entrypoint = ["--entrypoint", way.program[0]] if way.program else []
    command = [*invocation.command[:-1], *entrypoint, image, *way.program[1:], *way.words]
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
        env=dict(invocation.environ),
    ) as process:  # fmt: skip
        assert process.stdout
        output = process.stdout.read(1)
        first = time.perf_counter()
        output += process.stdout.read()
    end = time.perf_counter()
    step = invocation.step(process.returncode, output.decode())
    assert step.code == 0, step.log
    assert way.check(step), step
    return _Time((first - begin) * 1e3, (end - begin) * 1e3)


def _write_layout(folder: Path, images: Mapping[str, Image]) -> None:
    """Write an OCI layout of images by tag."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    manifests = []
    for tag, image in images.items():
        for content in (image.manifest, *image.blobs.values()):
            (blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
        descriptor = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest)}
        manifests.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f}–{max(values):.0f})"
