"""A release that is ended by a signal, at any request and at any moment."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.faults.releasing import Bench, bench
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.operations.running import standing
from tests.races.processes import ENTRYPOINT
from tests.servers.registries import DockerRegistry

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@pytest.fixture(scope="module")
def releases(started: Callable[[str], DockerRegistry]) -> Iterator[Bench]:
    """A repository of a real registry behind a proxy."""
    with bench(started("login"), f"acme/killed-{uuid.uuid4().hex[:8]}") as made:
        yield made


def killed_at(releases: Bench, version: str, number: int, sent: signal.Signals, *, done: bool) -> Ran:
    """Release a version in a process that gets a signal at one of its requests: as it arrives, or when it is done."""
    words, environ = releases.command(version)
    command = [sys.executable, str(ENTRYPOINT), *words]
    releases.proxy.plan("", 0)
    with subprocess.Popen(
        command, env={**environ, "PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def watch(at: int, carried_out: bool) -> None:
            if (at, carried_out) == (number, done):
                process.send_signal(sent)
                if sent == signal.SIGKILL:
                    process.wait(10)

        releases.proxy.watch = watch
        out, err = process.communicate(timeout=60)
        releases.proxy.watch = lambda _number, _done: None
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize("sent", SIGNALS, ids=lambda sent: sent.name)
def test_at_a_request(releases: Bench, sent: signal.Signals) -> None:
    """Each tag is where it was or where it belongs, and the same command again goes on from there."""
    count = len(releases.requests())
    reported = 0
    for number in range(1 + int(sent) % 3, count + 1, 5):
        version = releases.build()
        before = releases.look(version)
        belongs = releases.belongs(version, before)
        ran = killed_at(releases, version, number, sent, done=number % 2 == 0)
        after = releases.look(version)
        for tag in belongs:
            assert after[tag] in (before[tag], belongs[tag]), f"request {number}: {tag}"
        if sent == signal.SIGKILL:
            assert ran.code == -sent
        else:
            assert list(releases.problems(ran, before, after, belongs)) == [], f"request {number}"
            if ran.code:
                assert ran.document["error"]["code"] == "INTERRUPTED"
                assert sent.name in ran.err
                reported += bool(ran.document.get("repositories"))
        assert releases.release(version).code == 0
        assert releases.look(version) == belongs
    assert sent == signal.SIGKILL or reported


def test_a_layout_is_readable_at_every_moment(tmp_path: Path) -> None:
    """Processes that release into an OCI layout are killed at random moments."""
    builds, layout, chance = Layout(tmp_path / "builds"), Layout(tmp_path / "store"), random.Random(1)
    took = 0.0
    ended = set()
    for patch in range(16):
        version = f"2.1.{patch}"
        make_image(builds, version, version)
        before = dict(standing(layout))
        words = ["release", "--json", "--version", version, "--image", layout.place]
        words += ["--source", f"{builds.place}:{version}"]
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, str(ENTRYPOINT), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            if patch:
                time.sleep(took * chance.uniform(0.5, 1))  # the first half of a run is the start of the interpreter
                process.send_signal(SIGNALS[patch % 3])
            out, _ = process.communicate(timeout=60)
        took = took or time.monotonic() - began
        ended.add(process.returncode)
        after = standing(Layout(layout.path))
        belongs = before | dict.fromkeys((version, "2.1", "2", "latest"), builds.manifest(version).digest)
        assert all(after.get(tag) in (before.get(tag), belongs[tag]) for tag in belongs)
        if out:  # else it ended before Python had started
            assert (process.returncode == 0) == (json.loads(out)["error"] is None)
        assert tagger(*words).code == 0
        assert standing(layout) == belongs
        for tag, digest in belongs.items():
            assert layout.manifest(tag).digest == digest
    assert ended >= {0}
