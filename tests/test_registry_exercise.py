"""The page `docs/registry-exercise.md`, run: each of its commands, with a real engine and a real registry."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.distribution import Distribution
from tests.servers.engine import Engine, classic_engine

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "registry-exercise.md"
THEIRS = "docker run "
"""What begins the command that starts the registry, which the fixture does here: no public image can be pulled."""


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a page with what it prints."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = step.partition("\n")
            yield command, printed


def masked(text: str) -> str:
    """Return what was printed without what differs each time."""
    text = re.sub(r"sha256:[0-9a-f]+", "sha256:…", text.replace("\r", "")).rstrip()
    return re.sub(r"\b[0-9]+\.[0-9]+ s\b", "… s", re.sub(r"(?<= )[0-9a-f]{7}(?= |$)", "…", text, flags=re.MULTILINE))


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that no other test left images in: the page pushes all that it has of a name."""
    with classic_engine() as found:
        yield found


def test_every_command_prints_what_the_page_says(engine: Engine, registry: Distribution) -> None:
    environ = {**engine.environ, "PATH": f"{Path(sys.executable).parent}:{engine.environ['PATH']}"}
    commands = list(steps(PAGE.read_text()))
    assert [command for command, _ in commands if command.startswith(THEIRS)] == [commands[0][0]]
    assert "REGISTRY_STORAGE_DELETE_ENABLED=true" in commands[0][0]
    for command, printed in commands[1:]:
        ended = subprocess.run(
            ["bash", "-c", command.replace("localhost:5000", registry.host)],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert masked(ended.stdout.replace(registry.host, "localhost:5000")) == masked(printed), command
