"""Fixtures of the built action: its image, made as the runner makes it, and a runner to run it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.base_image import import_base
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

ACTION = Path(__file__).parents[2]

Run = Callable[..., Step]


@pytest.fixture(scope="session")
def action_image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the action, on a stand-in for its base."""
    import_base(engine)
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
