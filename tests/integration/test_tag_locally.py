"""The tags of a release in the engine that its image came from."""

import pytest

from tests.integration.commands import tagger
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine

TAGS = ("1.0.0", "1.0", "1", "latest")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"TAGGER_TAG_LOCALLY": "true"}, True),
        ({"GITHUB_ACTIONS": "true"}, True),
        ({"GITHUB_ACTIONS": "true", "INPUT_TAG-LOCALLY": "false"}, False),
    ],
)
def test_a_plan_tells_them_and_a_release_sets_them(
    engine: Engine, registry: Distribution, environ: dict[str, str], expected: bool
) -> None:
    engine.build("locally/app:build")
    command = ["--json", "--image", f"{registry.host}/acme/app", "--version", "1.0.0"]
    command += ["--source", "docker-daemon:locally/app:build"]
    environ = {**engine.environ, **environ}
    before = engine.tags()
    planned = tagger("plan", *command, environ=environ)
    assert engine.tags() == before
    assert (f"(`tag-locally`): {' '.join(TAGS)}" in planned.err) is expected
    assert tagger("release", *command, environ=environ).code == 0
    own = {f"locally/app:{tag}" for tag in TAGS}
    assert (engine.tags() & own == own) is expected
    engine.docker("image", "rm", "--force", *(engine.tags() - before))
