"""Whole workflows with `uses: ./`, run by act: what a step leaves, the next one reads."""

import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import ACTION
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine

WORKFLOW = """
on: push
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v7 # act copies the folder
      - id: release
        uses: ./
        with:
          images: {images}
          source: docker-daemon:{source}
          version: 2.1.4
      - env:
          TAGS: ${{{{ steps.release.outputs.tag-names }}}}
        run: |
          echo "version=${{{{ steps.release.outputs.version }}}} latest=${{{{ steps.release.outputs.latest }}}}"
          echo "digest=${{{{ steps.release.outputs.digest }}}}"
          echo "tags=" $TAGS
"""

Act = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str) -> Act:
    """Run a workflow in a copy of the action's repository, with the image that was built."""
    repository, home = tmp_path / "repository", tmp_path / "home"
    repository.mkdir()
    for name in ("action.yml", "Dockerfile", "entrypoint.py"):
        shutil.copy(ACTION / name, repository)
    (home / ".config/act").mkdir(parents=True)
    (home / ".config/act/actrc").touch()
    engine.docker("tag", action_image, "act-dockeraction:latest")

    def run(workflow: str) -> "subprocess.CompletedProcess[str]":
        folder = repository / ".github/workflows"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "release.yml").write_text(workflow)
        for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "First"]):
            identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.invalid"]
            subprocess.run(["git", *identity, *command], cwd=repository, check=True, capture_output=True)
        cache = home / ".cache"
        mounts = f"--network host -v {cache}/act:{cache}/act -v {engine.socket}:{engine.socket}"
        options = [
            *("--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--rebuild=false"),
            *("--action-offline-mode", "--no-cache-server"),
            *("--container-daemon-socket", engine.host, "--container-options", mounts),
        ]
        return subprocess.run(
            [Path(sysconfig.get_path("scripts"), "act"), "push", *options],
            cwd=repository,
            env={
                **engine.environ,
                "HOME": str(home),
                "XDG_CONFIG_HOME": f"{home}/.config",
                "XDG_CACHE_HOME": str(cache),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_next_step_reads_the_outputs(engine: Engine, registry: Distribution, act: Act) -> None:
    engine.build("workflow/app:build")
    ended = act(WORKFLOW.format(images=f"{registry.host}/acme/app", source="workflow/app:build"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "version=2.1.4 latest=true" in ended.stdout
    assert "tags= 2.1.4 2.1 2 latest" in ended.stdout
    digest = engine.docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", "workflow/app:2.1")
    assert f"digest={digest.rpartition('@')[2]}" in ended.stdout


def test_failed_step_shows_its_annotation(registry: Distribution, act: Act) -> None:
    ended = act(WORKFLOW.format(images=f"{registry.host}/acme/app", source="nothing/here:build"))
    assert ended.returncode == 1
    (annotation,) = [line for line in ended.stdout.splitlines() if "::error" in line]
    assert "::error title=Docker Engine failed::the engine has no image nothing/here:build" in annotation
    assert "load: true" in annotation
    assert "tags=" not in ended.stdout
