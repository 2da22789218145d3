"""Fixtures of the built action: its image, made as the runner makes it, and a runner to run it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.debian import python_base
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

ACTION = Path(__file__).parents[2]
BASE = "python:3.13-slim-trixie"
BASE_SETTINGS = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
)

Run = Callable[..., Step]


@pytest.fixture(scope="session")
def action_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the action, on a stand-in for its base."""
    changes = [part for setting in BASE_SETTINGS for part in ("--change", setting)]
    engine.docker("import", *changes, str(python_base()), BASE)
    return Runner(tmp_path_factory.mktemp("build"), engine).build(ACTION)


@pytest.fixture
def runner(tmp_path: Path, engine: Engine) -> Runner:
    """A runner whose job is about a branch."""
    return Runner(tmp_path / "runner", engine)


@pytest.fixture
def run(runner: Runner, action_image: str) -> Run:
    """Run a step: inputs, with `_` for `-`, and what the job's and the step's `env` sets in `environ`."""

    def step(environ: dict[str, str] | None = None, on: Runner = runner, **inputs: str) -> Step:
        return on.run(ACTION, action_image, {name.replace("_", "-"): value for name, value in inputs.items()}, environ)

    return step
