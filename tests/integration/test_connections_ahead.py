"""Connections that a run opens before it needs them."""

import time
from pathlib import Path

import pytest

from tagger.commands.connections import Connections
from tagger.images.registry import dialects
from tagger.images.registry.defaults import JOBS
from tagger.images.registry.dialects import DIALECTS, Dialect
from tests.servers.registries import Authority
from tests.servers.small_registry import SmallRegistry
from tests.servers.token_server import TokenServer
from tests.settings.gathering import gather


def test_those_of_the_first_look_are_opened_while_an_engine_is_connected_to(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What speaks to an engine takes longer to import than connections take to be opened."""
    with (
        TokenServer(users={"tester": "secret"}, tls=authority.server_context()) as tokens,
        SmallRegistry(tls=authority.server_context(), tokens=tokens) as registry,
    ):
        row = Dialect("Known", "tests", registry=registry.host, realm=f"{tokens.url}/token", service=tokens.service)
        monkeypatch.setattr(dialects, "DIALECTS", (*DIALECTS, row))
        given = {"images": [f"{registry.host}/acme/app"], "ca-file": [str(authority.ca_file)]}
        settings = gather("release", given, {})
        with Connections(settings, {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}) as connections:
            connections.stores(write=True)
            assert not connections.engine.holds("app:build")
            end = time.monotonic() + 10
            while registry.connections < JOBS and time.monotonic() < end:
                time.sleep(0.01)
        assert registry.connections >= JOBS
