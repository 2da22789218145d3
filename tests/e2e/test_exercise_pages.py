"""The exercise at ghcr.io and at Docker Hub, as its pages have it, against servers that answer as they do."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.pages.blocks import ROOT, blocks, steps
from tests.servers.engine import Engine
from tests.servers.own_apis import GithubApi, HubApi
from tests.servers.small_registry import SmallRegistry


def masked(text: str) -> str:
    """Return what was printed without what differs each time."""
    text = re.sub(r"\b\d+(\.\d+)? (ms|s)\b", "… s", text)
    return re.sub(r"(sha256:)?\b[0-9a-f]{7,64}\b", "…", text).rstrip()


def answers(
    page: str, runner: str, endpoints: Mapping[str, str], engine: Engine, folder: Path
) -> list[tuple[str, str, str]]:
    """Run the commands of a page in one shell; return each with what the page says of it, and what it printed."""
    found = [step for block in blocks(ROOT / "docs" / page) if block.runner == runner for step in steps(block)]
    programs, work = folder / "programs", folder / "work"
    for one in (programs, work):
        one.mkdir()
    (programs / "tagger").write_text(f'#!/bin/sh\nexec {sys.executable} -Es {ROOT}/entrypoint.py "$@"\n')
    (programs / "tagger").chmod(0o755)
    environ = {
        **engine.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LANG": "C.UTF-8", "NO_COLOR": "1",
        "TAGGER_ENDPOINTS": "\n".join(f"{name}={host}" for name, host in endpoints.items()),
    }  # fmt: skip
    script = "exec 2>&1\n" + "".join(f"{step.command}\necho \x01$?\x02\n" for step in found)
    ended = subprocess.run(
        ["bash"], input=script, cwd=work, env=environ, stdout=subprocess.PIPE, text=True, check=False
    )  # fmt: skip
    printed = re.findall("(.*?)\x01(\\d+)\x02\n", ended.stdout, re.DOTALL)
    assert len(printed) == len(found), ended.stdout
    for step, (text, code) in zip(found, printed, strict=True):
        assert (code != "0") == step.fails, f"{step.command}\n{text}"
    return [(step.command, masked(step.printed), masked(text)) for step, (text, _) in zip(found, printed, strict=True)]


def check(found: list[tuple[str, str, str]]) -> None:
    assert [(command, said) for command, said, text in found if said and said != text] == []


def test_at_ghcr(small_registry: SmallRegistry, engine: Engine, tmp_path: Path) -> None:
    with GithubApi(small_registry) as api:
        api.token = "ghp_right"
        endpoints = {"ghcr.io": small_registry.host, "api.github.com": api.host}
        found = answers("exercise-ghcr.md", "ghcr-exercise", endpoints, engine, tmp_path)
        assert len(found) == 10
        check(found)
        assert "acme/app" not in small_registry.store.repositories


def test_at_docker_hub(small_registry: SmallRegistry, engine: Engine, tmp_path: Path) -> None:
    with HubApi(small_registry) as api:
        endpoints = {"docker.io": small_registry.host, "hub.docker.com": api.host}
        found = answers("exercise-docker-hub.md", "hub-exercise", endpoints, engine, tmp_path)
        assert len(found) == 8
        check(found)
        assert not small_registry.tags("acme/app")
