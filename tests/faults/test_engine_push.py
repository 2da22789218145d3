"""An engine's push that is under way when a signal comes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.races.processes import ENTRYPOINT
from tests.servers.engine import Engine
from tests.servers.small_registry import Fault, Request, SmallRegistry


@pytest.fixture
def slow() -> Iterator[tuple[SmallRegistry, threading.Event]]:
    """A registry that answers no upload, and an event that says that one has begun."""
    with SmallRegistry() as registry:
        begun, going_on = threading.Event(), threading.Event()

        def watch(request: Request) -> Fault | None:
            if request.method in ("PATCH", "PUT"):
                begun.set()
                going_on.wait(60)
            return None

        registry.watch = watch
        yield registry, begun
        going_on.set()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_is_not_waited_for(engine: Engine, slow: tuple[SmallRegistry, threading.Event], sent: signal.Signals) -> None:
    registry, begun = slow
    engine.build("slow/app:build", sent.name.encode())
    command = ["release", "--json", "--source", "docker-daemon:slow/app:build", "--version", "2.1.4"]
    command += ["--image", f"{registry.host}/acme/app"]
    with subprocess.Popen(
        [sys.executable, str(ENTRYPOINT), *command],
        env={**engine.environ, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert begun.wait(60)
        process.send_signal(sent)
        out, _ = process.communicate(timeout=30)  # the registry keeps silent for a minute
    report = json.loads(out)
    assert process.returncode == 1
    assert report["error"]["code"] == "INTERRUPTED"
    (outcome,) = report["repositories"]
    assert "the engine's push was stopped" in outcome["error"]["message"]
    (exact,) = outcome["changes"]
    assert "unknown" in exact["reason"]
