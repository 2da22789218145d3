"""Run Tagger's image beside a job's steps, with the logins that the runner has: docker/login-action's among them.

The runner mounts no `~/.docker` into a container action, so this takes its place: the same environment, the same
files under the same names, and the logins in DOCKER_AUTH_CONFIG. It wants nothing but the runner's Python and docker.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ACTION = Path(__file__).resolve().parent.parent
HANDED_ON = re.compile(r"(INPUT|GITHUB|RUNNER|ACTIONS|TAGGER)_.+|CI|(?i:https?|all|no)_proxy|DOCKER_AUTH_CONFIG")
NOT_FOUND = "credentials not found"
SOCKET = "unix:///var/run/docker.sock"


def main() -> None:
    """Become `docker run`: the signals of a cancelled job reach Tagger, and its exit code is that of the step."""
    environ = dict(os.environ)
    inputs = json.loads(environ.pop("INPUTS"))
    environ |= {f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()}
    found = logins(Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json")
    if found and not environ.get("DOCKER_AUTH_CONFIG"):
        environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": found})
    if not shutil.which("docker"):
        raise SystemExit(
            "::error title=No docker::with-logins runs Tagger's image with docker, which is not in PATH here."
        )
    sys.stdout.flush()
    os.execvpe("docker", ["docker", *words(environ, image())], environ)  # noqa: S606, S607


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
    """Return the logins of a docker configuration, as its `auths` has them; helper programs are asked.

    Raise `SystemExit` where it cannot be read. A helper that cannot be asked is a warning: the run may not need it.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kept, helpers = config.get("auths") or {}, config.get("credHelpers") or {}
        found = {host: entry for host, entry in kept.items() if entry.get("auth") or entry.get("identitytoken")}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise SystemExit(f"::error title=No logins::{path} cannot be read: {error}") from None
    for host, helper in (dict.fromkeys(kept, config.get("credsStore", "")) | helpers).items():
        if helper and host not in found:
            try:
                found |= dict(asked(helper, host))
            except (OSError, ValueError) as error:
                print(f"::warning title=No login for {host}::docker-credential-{helper}: {error}")
    return found


def asked(helper: str, host: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the login that a helper program keeps for a host, if it has one (docker-credential-helpers, README).

    Raise `OSError` where it cannot be run, `ValueError` where it fails.
    """
    command = [f"docker-credential-{helper}", "get"]
    ended = subprocess.run(command, input=host, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode == 0:
        try:
            login = json.loads(ended.stdout)
            user, secret = login["Username"], login["Secret"]
        except (ValueError, KeyError, TypeError):
            raise ValueError("its answer is not a login") from None
        plain = f"{user}:{secret}".encode()
        yield host, {"identitytoken": secret} if user == "<token>" else {"auth": base64.b64encode(plain).decode()}
    elif NOT_FOUND not in ended.stdout:
        raise ValueError(ended.stdout.strip().partition("\n")[0] or f"it ended with {ended.returncode}")


if __name__ == "__main__":
    main()
