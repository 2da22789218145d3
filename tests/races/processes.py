"""Twenty processes at one repository of a real registry, round after round."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.images.layout import Layout
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.images.making import make_image
from tests.operations.running import standing
from tests.races.scenarios import wrong

__all__ = ["ENTRYPOINT", "Round", "environment", "race"]

ENTRYPOINT = Path(__file__).parents[2] / "entrypoint.py"
BEFORE = ("1.0.0", "1.1.0")
RELEASED = (
    "1.0.1", "1.1.1", "1.1.2", "1.2.0", "2.0.0", "2.0.1", "2.0.2", "2.1.0", "2.1.1", "2.1.2", "2.1.3", "2.2.0",
    "3.0.0", "3.0.1", "3.1.0",
)  # fmt: skip
CONTESTED = "3.1.1"


@dataclass(frozen=True, slots=True)
class Round:
    """How one round ended: the tags that are wrong, the processes that ended as they should not, and what they said."""

    wrong: Sequence[str]
    failed: Sequence[str]
    contested: Sequence[int]
    seconds: float


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that knows no login and no workflow."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(folder), "PYTHONUTF8": "1"}


def race(host: str, name: str, folder: Path) -> Round:
    """Let fifteen releases, two builds of one version, a withdrawal and two reconciles meet in a new repository."""
    folder.mkdir(parents=True, exist_ok=True)
    builds = Layout(folder / "builds")
    for text in (*BEFORE, *RELEASED, f"{CONTESTED}-one", f"{CONTESTED}-other"):
        make_image(builds, text, text)
    image = f"{host}/{name}"

    def command(*words: str) -> list[str]:
        return [sys.executable, str(ENTRYPOINT), *words, "--image", image]

    def release(version: str, build: str) -> list[str]:
        return command("release", "--version", version, "--source", f"{builds.place}:{build}")

    for version in BEFORE:
        subprocess.run(release(version, version), check=True, env=environment(folder), cwd=folder, capture_output=True)
    commands = [release(version, version) for version in RELEASED]
    commands += [release(CONTESTED, f"{CONTESTED}-{build}") for build in ("one", "other")]
    commands += [command("withdraw", BEFORE[1]), command("reconcile"), command("reconcile")]
    start = time.monotonic()
    running = [
        subprocess.Popen(
            words, env=environment(folder), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for words in commands
    ]
    outputs = [process.communicate(timeout=300)[0] for process in running]
    seconds = time.monotonic() - start
    codes = [process.returncode for process in running]
    contested = codes[len(RELEASED) : len(RELEASED) + 2]
    failed = [
        f"{' '.join(words[2:])}\n{output}"
        for words, output, code in zip(commands, outputs, codes, strict=True)
        if code and CONTESTED not in words
    ]
    with Registries() as client:
        tags = standing(client.repository(Repository(host, name)))
    held = frozenset((tag, digest) for tag, digest in tags.items() if digest)
    return Round(wrong(held), failed, sorted(contested), seconds)
