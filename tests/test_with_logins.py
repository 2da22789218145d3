"""with-logins: the wrapper that hands the runner's logins to the action's container."""

import importlib.util
import json
import stat
from base64 import b64encode
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "with-logins" / "run.py"
SPEC = importlib.util.spec_from_file_location("with_logins", PATH)
assert SPEC
assert SPEC.loader
wrapper = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(wrapper)

HELPER = """#!/bin/sh
read -r host
case "$host" in
  ghcr.io) echo '{"Username": "octocat", "Secret": "hunter2"}' ;;
  acme.azurecr.io) echo '{"Username": "<token>", "Secret": "refresh"}' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"""


def test_a_runner_without_logins(tmp_path: Path) -> None:
    assert wrapper.logins(tmp_path / "config.json") == {}


def test_logins_are_read_and_helpers_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER)
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = {
        "auths": {"docker.io": {"auth": "eDp5"}, "ghcr.io": {}, "quay.io": {}},
        "credsStore": "test",
        "credHelpers": {"acme.azurecr.io": "test"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert wrapper.logins(tmp_path / "config.json") == {
        "docker.io": {"auth": "eDp5"},
        "ghcr.io": {"auth": b64encode(b"octocat:hunter2").decode()},
        "acme.azurecr.io": {"identitytoken": "refresh"},
    }


def test_a_helper_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"ghcr.io": {}}, "credsStore": "nowhere"}')
    with pytest.raises(SystemExit, match="docker-credential-nowhere, which cannot be run: No such file"):
        wrapper.logins(tmp_path / "config.json")


def test_no_value_stands_in_the_words(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    environ = {
        "INPUT_DRY-RUN": "true", "INPUT_PASSWORD": "hunter2", "INPUT_TAGS": "", "DOCKER_AUTH_CONFIG": "hunter2",
        "GITHUB_EVENT_PATH": str(event), "GITHUB_WORKSPACE": "/work", "DOCKER_CONFIG": "/home/me/.docker",
        "HOME": "/home/me",
    }  # fmt: skip
    assert wrapper.words(environ, "image") == [
        "run", "--rm", "--network", "host", "--workdir", "/work",
        "--volume", f"{tmp_path}:{tmp_path}", "--volume", "/work:/work",
        "--volume", "/var/run/docker.sock:/var/run/docker.sock",
        "--env", "DOCKER_AUTH_CONFIG", "--env", "GITHUB_EVENT_PATH", "--env", "GITHUB_WORKSPACE",
        "--env", "INPUT_DRY-RUN", "--env", "INPUT_PASSWORD", "image",
    ]  # fmt: skip
