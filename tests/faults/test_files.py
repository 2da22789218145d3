"""Files that are none: a FIFO keeps nobody waiting, a device fills no memory, a long name is no traceback."""

import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tagger.cli import run
from tagger.errors import InputError
from tagger.images.layout import Layout
from tagger.images.registry.tls import tls_context
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


def test_what_a_run_writes_to_and_nobody_reads(tmp_path: Path) -> None:
    """The files of the runner and a page are FIFOs: that is said, and nobody waits."""
    os.mkfifo(tmp_path / "fifo")
    make_image(Layout(tmp_path / "source"), "app", "v")
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "fifo"), "HOME": str(tmp_path)}
    words = ["plan", "1.0.0", "--source", f"oci:{tmp_path}/source:v", "--image", f"oci:{tmp_path}/target"]
    err = io.StringIO()
    assert run(words, environ, err, err, err) == 1
    assert "GITHUB_OUTPUT" in err.getvalue()
    words = ["tags", f"oci:{tmp_path}/source", "--html", str(tmp_path / "fifo")]
    assert run(words, {"HOME": str(tmp_path)}, io.StringIO(), err, err) == 2
    assert "html" in err.getvalue()


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "refs/tags/v1.0.0", "objects/info/alternates", "objects/ab/c"])
def test_a_repository_with_a_fifo(tmp_path: Path, name: str) -> None:
    """git never makes one: it is named, and nobody waits for who writes into it."""
    commands = ("init -q .", "-c user.name=a -c user.email=a@b commit -q --allow-empty -m x", "tag v1.0.0")
    for command in commands:
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    git = tmp_path / ".git"
    commit = next(one for one in git.glob("objects/??/*") if one.is_file())
    path = commit if name == "objects/ab/c" else git / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    words = [sys.executable, str(ENTRYPOINT), "plan", "--published-from", "git", "--image", "oci:o"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert ran.returncode == 2 if name != "objects/ab/c" else ran.returncode in (0, 2)
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["fifo", "/dev/zero"])
def test_authorities_that_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / name))
    with pytest.raises(InputError, match="SSL_CERT_FILE"):
        tls_context("")


def test_a_pipe_that_nobody_writes_to_is_waited_for_with_a_word(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    words = ["plan", "1.0.0", "--source", "docker-archive:fifo", "--image", "oci:o"]
    command = [sys.executable, str(ENTRYPOINT), *words]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        assert "waiting" in running.stderr.readline()
        running.terminate()
        assert running.wait(10) == 1


def test_a_look_at_a_registry_that_says_nothing_ends_at_a_signal(tmp_path: Path) -> None:
    """Nothing is written yet: nobody waits for the end of the timeout."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        words = ["tags", f"{host}/acme/app", "--insecure", host]
        command = [sys.executable, str(ENTRYPOINT), *words]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
            with silent.accept()[0]:  # it asks
                time.sleep(0.3)
                begun = time.monotonic()
                running.terminate()
                assert running.wait(20) == 1
                assert time.monotonic() - begun < 7
            assert running.stderr
            assert "ended by SIGTERM" in running.stderr.read()


@pytest.mark.parametrize("most", [8, 9, 10, 11, 12])
def test_no_more_files_may_be_opened(tmp_path: Path, most: int) -> None:
    """Whatever the limit, it is done, or said in one message."""
    make_image(Layout(tmp_path / "source"), "app", "v")
    words = ["release", "1.0.0", "--source", f"oci:{tmp_path}/source:v", "--image", f"oci:{tmp_path}/target"]
    command = ["prlimit", f"--nofile={most}:{most}", sys.executable, str(ENTRYPOINT), *words]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0 or ("too many" in ran.stderr.lower() and "ulimit -n" in ran.stderr)
