"""with-logins: the wrapper that hands the runner's logins to the action's container."""

import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
import yaml

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
  gcr.io) echo 'no account is active'; exit 1 ;;
  quay.io) echo 'credentials not found in native keychain'; exit 1 ;;
  ecr.io) echo '{"message": "expired"}' ;;
esac
"""


def test_a_runner_without_logins(tmp_path: Path) -> None:
    assert wrapper.logins(tmp_path / "config.json") == {}


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a helper program into the PATH."""
    program = folder / "docker-credential-test"
    program.write_text(HELPER)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_logins_are_read_and_helpers_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch)
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


def test_a_helper_that_fails_is_named_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run may need no login there."""
    helper(tmp_path, monkeypatch)
    helpers = {"ghcr.io": "test", "gcr.io": "test", "quay.io": "test", "ecr.io": "test", "acr.io": "nowhere"}
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": helpers}))
    assert list(wrapper.logins(tmp_path / "config.json")) == ["ghcr.io"]
    assert capsys.readouterr().out.splitlines() == [
        "::warning title=No login for gcr.io::docker-credential-test: no account is active",
        "::warning title=No login for ecr.io::docker-credential-test: its answer is not a login",
        "::warning title=No login for acr.io::docker-credential-nowhere: "
        "[Errno 2] No such file or directory: 'docker-credential-nowhere'",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": {"ghcr.io": null}}', '{"auths": ["ghcr.io"]}'])
def test_a_configuration_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SystemExit, match=r"::error title=No logins::.*config\.json cannot be read"):
        wrapper.logins(tmp_path / "config.json")


def script(folder: Path) -> str:
    """Write the script of the step as the runner does, and return its path."""
    (step,) = yaml.safe_load((PATH.parent / "action.yml").read_text())["runs"]["steps"]
    (folder / "step.sh").write_text(step["run"])
    return str(folder / "step.sh")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_signal_of_a_cancelled_job_reaches_docker(number: signal.Signals, tmp_path: Path) -> None:
    """The runner sends it to the shell of the step alone."""
    docker = tmp_path / "docker"
    docker.write_text(f"""#!{sys.executable}
import signal, sys
def end(number, frame): sys.exit(100 + number)
signal.signal(signal.{number.name}, end)
if "build" in sys.argv: print("built"), sys.exit()
print("began", *sys.argv[1:2], sys.argv[-1], flush=True)
signal.pause()
""")
    docker.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "INPUTS": "{}"}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script(tmp_path)]
    environ["GITHUB_ACTION_PATH"] = str(PATH.parent)
    with subprocess.Popen(shell, env=environ, stdout=subprocess.PIPE, text=True) as step:
        assert step.stdout
        assert step.stdout.readline() == "began run built\n"
        step.send_signal(number)
        assert step.wait() == 100 + number


def test_a_runner_without_docker(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "INPUTS": "{}"}
    ended = subprocess.run([sys.executable, PATH], env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("::error title=No docker::")


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
