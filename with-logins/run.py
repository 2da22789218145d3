"""Run Tagger's image beside a job's steps, with the logins that the runner has: docker/login-action's among them.

The runner mounts no `~/.docker` into a container action, so this takes its place: the same environment, the same
files under the same names, and the logins in DOCKER_AUTH_CONFIG. It wants nothing but the runner's Python and docker.
"""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ACTION = Path(__file__).resolve().parent.parent
HANDED_ON = re.compile(r"(INPUT|GITHUB|RUNNER|ACTIONS|TAGGER)_.+|CI|(?i:https?|all|no)_proxy|DOCKER_AUTH_CONFIG")
SOCKET = "unix:///var/run/docker.sock"


def main() -> int:
    """Run the image, and return its exit code."""
    environ = dict(os.environ)
    inputs = json.loads(environ.pop("INPUTS"))
    environ |= {f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()}
    found = logins(Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json")
    if found and not environ.get("DOCKER_AUTH_CONFIG"):
        environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": found})
    return subprocess.run(["docker", *words(environ, image())], env=environ, check=False).returncode  # noqa: S603, S607


def image() -> str:
    """Return the image that the action runs; where it names a Dockerfile, the image is built first."""
    text = (ACTION / "action.yml").read_text(encoding="utf-8")
    named = re.search(r"^  image: (?:docker://)?(\S+)$", text, re.MULTILINE)
    if named and named[1] != "Dockerfile":
        return named[1]
    build = ["docker", "build", "--quiet", str(ACTION)]
    return subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603


def words(environ: Mapping[str, str], name: str) -> list[str]:
    """Return the words behind `docker`: the runner's folders at their own places, variables by their names alone."""
    workspace = environ.get("GITHUB_WORKSPACE") or str(Path.cwd())
    folders = {workspace, environ.get("RUNNER_TEMP", "")}
    folders |= {
        str(Path(value).parent)
        for key, value in environ.items()
        if key.startswith("GITHUB_") and value.startswith("/") and Path(value).is_file()
    }
    mounts = {folder: folder for folder in sorted(folders) if folder}
    host = environ.get("DOCKER_HOST") or SOCKET
    if host.startswith("unix://"):
        mounts[host.removeprefix("unix://")] = SOCKET.removeprefix("unix://")
    handed_on = sorted(key for key, value in environ.items() if value and HANDED_ON.fullmatch(key))
    return [
        "run", "--rm", "--network", "host", "--workdir", workspace,
        *(word for source, target in mounts.items() for word in ("--volume", f"{source}:{target}")),
        *(word for key in handed_on for word in ("--env", key)),
        name,
    ]  # fmt: skip


def logins(path: Path) -> dict[str, Any]:
    """Return the logins of a docker configuration, as its `auths` has them; helper programs are asked."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    kept = config.get("auths") or {}
    found = {host: entry for host, entry in kept.items() if entry.get("auth") or entry.get("identitytoken")}
    helpers = dict.fromkeys(kept, config.get("credsStore", "")) | (config.get("credHelpers") or {})
    for host, helper in helpers.items():
        if helper and host not in found:
            found |= dict(asked(helper, host))
    return found


def asked(helper: str, host: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the login that a helper program keeps for a host, if it has one (docker-credential-helpers, README)."""
    command = [f"docker-credential-{helper}", "get"]
    try:
        ended = subprocess.run(command, input=host, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        message = f"The docker configuration names {command[0]}, which cannot be run: {error.strerror}."
        raise SystemExit(message) from error
    if ended.returncode == 0:
        login = json.loads(ended.stdout)
        if login["Username"] == "<token>":
            yield host, {"identitytoken": login["Secret"]}
        else:
            auth = base64.b64encode(f"{login['Username']}:{login['Secret']}".encode())
            yield host, {"auth": auth.decode()}


if __name__ == "__main__":
    sys.exit(main())
