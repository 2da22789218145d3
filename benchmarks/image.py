"""Measures the action's image: its parts, a build after a change of the code, and the time to the first output."""

import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.containers import starting
from benchmarks.layers import Part, parts_of, read_layers
from benchmarks.report import Section, table
from benchmarks.testbed import ROOT, Testbed
from tests.servers.base_image import BASE, import_base, on_stand_in
from tests.servers.engine import Engine, classic_engine

__all__ = ["measure"]

IMAGE = "action:built"
SOURCES = (
    "Dockerfile",
    ".dockerignore",
    "entrypoint.py",
    "requirements.txt",
    "requirements-verify.txt",
    "tagger",
    "tools",
)
MIB = 1 << 20
BRIEF = 70  # characters of a step
_STEP = re.compile(r"^Step \d+/\d+ : ", re.MULTILINE)


def measure(testbed: Testbed) -> Section:
    """Build the image on the stand-in for its base and measure it, in an engine of its own and without the line."""
    folder = testbed.folder / "image"
    folder.mkdir()
    with testbed.line.outside(), classic_engine() as engine:
        import_base(engine)
        _, seconds = _build(engine, ROOT, IMAGE)
        texts = ["### What it consists of", *_contents(engine, folder)]
        texts += ["### Building it", *_building(engine, folder, seconds)]
        texts += ["### Running it as the runner does", starting(engine, IMAGE, folder, testbed.bench.runs)]
    return Section("\n\n".join(texts), {})


def _contents(engine: Engine, folder: Path) -> Iterator[str]:
    """Yield tables of the image's parts and of its layers."""
    layers = read_layers(engine, IMAGE, folder / "root")
    parts = parts_of(layers, folder / "root")
    rows = [*parts, Part("all", {path: size for layer in layers for path, size in layer.files.items()})]
    yield table(["", "MiB", "sources", "bytecode", "compiled", "files"], [_row(part) for part in rows])
    lines = [
        [str(number), _mib(sum(layer.files.values())), _mib(layer.packed), f"{len(layer.files):,}"]
        for number, layer in enumerate(layers, 1)
    ]
    yield table(["layer", "MiB", "packed", "files"], lines)
    yield (
        f"It is made of `{BASE}` of Docker Hub. The tests' stand-in for that has the same Debian, with Debian's own "
        "Python, so the interpreter is Debian's here, and everything else is as users get it."
    )


def _building(engine: Engine, folder: Path, whole: float) -> Iterator[str]:
    """Yield the steps that a change of the code rebuilds, and the bytes that are sent to the engine."""
    context = folder / "context"
    context.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, context / name)
    steps, _ = _build(engine, context, "action:unchanged")
    assert all(reused for _, reused in steps), steps
    with (context / "tagger/cli.py").open("a") as file:
        file.write("# changed\n")
    steps, seconds = _build(engine, context, "action:changed")
    before, after = _digests(engine, IMAGE), _digests(engine, "action:changed")
    same = sum(old == new for old, new in zip(before, after, strict=True))
    anew = [f"`{step}`" for step, reused in steps if not reused]
    yield (
        f"After a change of `tagger/cli.py`, {len(steps) - len(anew)} of {len(steps)} steps and {same} of {len(after)} "
        f"layers are reused, and a build takes {seconds:.1f} s, where the first took {whole:.1f}. "
        f"Anew: {', '.join(anew)}."
    )
    engine.docker("build", "--tag", "context", "--file", "-", str(ROOT), content=b"FROM scratch\nCOPY . /\n")
    (sent,) = read_layers(engine, "context", folder / "sent")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.split(b"\0")
    sizes = [(ROOT / os.fsdecode(name)).stat().st_size for name in tracked if name]
    yield (
        f"The context is {len(sent.files)} files of {_mib(sum(sent.files.values()))} MiB, out of a checkout of "
        f"{len(sizes)} files of {_mib(sum(sizes))} MiB."
    )


def _build(engine: Engine, context: Path, image: str) -> tuple[Sequence[tuple[str, bool]], float]:
    """Build as the runner does; return its steps, and whether each was reused, and how many seconds it took."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        dockerfile = on_stand_in(context / "Dockerfile", Path(folder))
        said = engine.docker("build", "--network=host", "--tag", image, "--file", str(dockerfile), str(context))
    seconds = time.perf_counter() - begin
    blocks = [block.partition("\n") for block in _STEP.split(said)[1:]]
    steps = [
        (textwrap.shorten(text, BRIEF, placeholder=" …"), "Using cache" in rest)
        for text, _, rest in blocks
        if text.split()[0] not in ("ARG", "FROM")
    ]
    return steps, seconds


def _digests(engine: Engine, image: str) -> Sequence[str]:
    return engine.docker("image", "inspect", "--format", '{{join .RootFS.Layers "\\n"}}', image).splitlines()


def _row(part: Part) -> list[str]:
    sizes = (part.size(), part.size(".py"), part.size(".pyc"), part.size(".so"))
    return [part.name, *map(_mib, sizes), f"{len(part.files):,}"]


def _mib(size: int) -> str:
    return f"{size / MIB:.2f}"
