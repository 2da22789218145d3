"""An image of the engine has one digest, with a version and without, in whichever order it is released."""

from itertools import permutations

import pytest

from tests.integration.commands import tagger
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine

COMMIT = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "1a2b3c4" * 5 + "1a2b3"}
ROWS = {"none": "nightly\nsha-{{sha}}", "2.1.4": "{{version}}\nsha-{{sha}}", "2.1.5": "{{version}}"}


@pytest.mark.parametrize("order", list(permutations(ROWS)), ids=" ".join)
def test_one_digest(order: tuple[str, ...], engine: Engine, registry: Distribution) -> None:
    engine.build("one-digest:build", b"content " * 1000)
    places = ("--image", f"{registry.host}/one", "--image", f"{registry.host}/two")
    digests = set()
    for version in order:
        words = (*places, "--source", "docker-daemon:one-digest:build", "--version", version, "--tags", ROWS[version])
        ran = tagger("release", *words, "--json", environ={**engine.environ, **COMMIT})
        assert (ran.code, ran.document["source"]["reference"]) == (0, "docker-daemon:one-digest:build"), ran.err
        digests.add(ran.document["digest"])
        for repository in ran.document["repositories"]:
            digests.update(change["after"] for change in repository["changes"])
            assert not [change for change in repository["changes"] if change["action"] == "move"]
    assert len(digests) == 1
