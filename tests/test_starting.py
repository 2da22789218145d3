"""Starting: a run imports what it needs, and a run that is told everything by its environment needs little."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import SmallRegistry

PROGRAM = str(Path(__file__).parent.parent / "entrypoint.py")
NOT_NEEDED = {
    "click", "concurrent", "dataclasses", "docker", "dulwich", "email", "encodings.idna", "http", "inspect",
    "logging", "platform", "urllib3", "uuid", "xml", "yaml",
}  # fmt: skip


def imported(*arguments: str, environ: Mapping[str, str] | None = None) -> set[str]:
    """Return what a run of Python imports, which is to end well."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-Es", *arguments], env=environ or {}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}


@pytest.fixture(scope="module")
def of_others() -> set[str]:
    """What the libraries import that a release cannot do without: that differs between versions of Python."""
    return imported("-c", "import ssl")


@pytest.fixture(params=["layout", "registry"])
def environ(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opened: Opener,
    small_registry: SmallRegistry,
) -> dict[str, str]:
    """Name a repository in which 2.1.4 was pushed."""
    monkeypatch.chdir(tmp_path)
    if request.param == "layout":
        make_image(Layout("app"), "app", "2.1.4")
        return {"INPUT_IMAGES": "oci:app"}
    make_image(opened(small_registry), "app", "2.1.4")
    return {"INPUT_IMAGES": f"{small_registry.host}/acme/app"}


@pytest.mark.parametrize("command", ["plan", "release", "reconcile"])
def test_the_environment_alone(command: str, environ: dict[str, str], of_others: set[str]) -> None:
    asked = {"INPUT_COMMAND": command, "INPUT_VERSION": "2.1.4", "GITHUB_ACTIONS": "true"}
    found = imported(PROGRAM, environ=environ | asked)
    assert f"tagger.operations.{'reconcile' if command == 'reconcile' else 'release'}" in found
    assert (found - of_others) & NOT_NEEDED == set()


def test_what_a_release_asks_of_no_registry(environ: dict[str, str]) -> None:
    found = imported(PROGRAM, environ=environ | {"INPUT_COMMAND": "release", "INPUT_VERSION": "2.1.4"})
    assert {f"tagger.operations.{name}" for name in ("approve", "marking", "policy", "removal")} & found == set()


def test_a_git_tag_that_started_the_workflow(environ: dict[str, str], of_others: set[str]) -> None:
    found = imported(PROGRAM, "plan", environ=environ | {"GITHUB_REF": "refs/tags/v2.1.4"})
    assert (found - of_others) & NOT_NEEDED == set()


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("version",)])
def test_the_version_of_the_program_needs_no_option(words: tuple[str, ...]) -> None:
    found = {name for name in imported(PROGRAM, *words) if name.startswith("tagger.")}
    assert {"tagger.settings.options", "tagger.names", "tagger.results"} & found == set()


def test_words_need_click(environ: dict[str, str]) -> None:
    assert "click" in imported(PROGRAM, "plan", "--version", "2.1.4", environ=environ)


def test_a_file_of_settings_needs_yaml(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text("version: 2.1.4\n")
    assert "yaml" in imported(PROGRAM, environ=environ)
