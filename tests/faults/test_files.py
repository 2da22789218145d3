"""Files that are none: a FIFO keeps nobody waiting, a device fills no memory, a long name is no traceback."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.cli import run
from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.races.processes import ENTRYPOINT

LONG = "l" * 300
PLAN = ("plan", "1.0.0", "--image", "oci:target", "--source", "oci:source:v")
NAMED = [
    ("config", "--config", "{}"),
    ("components", "--config", "{}"),
    (*PLAN, "--ca-file", "{}"),
    (*PLAN, "--verify", "key {}"),
    (*PLAN, "--verify", "keyless repo=a/b issuer=github", "--trusted-root", "{}"),
    ("plan", "--image", "oci:target", "--source", "oci:source:v", "--version-from", "file:{}"),
    ("plan", "1.0.0", "--image", "oci:target", "--digests", "{}"),
    ("prune", "--image", "oci:target", "--restore", "{}"),
    ("tags", "oci:{}"),
]


@pytest.mark.parametrize("words", NAMED, ids=lambda words: " ".join(words[-2:]))
@pytest.mark.parametrize("name", ["fifo", "/dev/zero", LONG], ids=["fifo", "device", "long"])
def test_what_an_option_names_and_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    make_image(Layout(tmp_path / "source"), "app", "v")
    out, err = io.StringIO(), io.StringIO()
    given = [word.format(name) for word in words]
    code = run(given, {"HOME": str(tmp_path)}, out, err, io.StringIO())
    assert code == (2 if words[0] != "tags" or name != LONG else code)
    assert code in (1, 2)
    assert err.getvalue()


def test_an_event_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    environ = {"GITHUB_EVENT_NAME": "release", "GITHUB_EVENT_PATH": str(tmp_path / "fifo"), "GITHUB_ACTIONS": "true"}
    err = io.StringIO()
    words = ["plan", "1.0.0", "--image", f"oci:{tmp_path}/target", "--published-from", "none"]
    assert run(words, environ, io.StringIO(), err, err) in (0, 2)


@pytest.mark.parametrize("most", [8, 9, 10, 11, 12])
def test_no_more_files_may_be_opened(tmp_path: Path, most: int) -> None:
    """Whatever the limit, it is done, or said in one message."""
    make_image(Layout(tmp_path / "source"), "app", "v")
    words = ["release", "1.0.0", "--source", f"oci:{tmp_path}/source:v", "--image", f"oci:{tmp_path}/target"]
    command = ["prlimit", f"--nofile={most}:{most}", sys.executable, str(ENTRYPOINT), *words]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0 or "too many" in ran.stderr.lower()
