"""Runs credential helpers with docker's protocol (docker-credential-helpers)."""

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tagger.errors import InputError
from tagger.images.registry.logins import Login, docker_key
from tagger.workspace import is_regular

if TYPE_CHECKING:
    import subprocess

__all__ = ["ask_helper", "read_answer"]

TIMEOUT = 60.0  # seconds; the helpers of clouds ask a server
LARGEST = 1024 * 1024  # bytes of an answer
LONG = 8  # secrets of at least so many characters are also looked for inside other values

# Variables whose values are, or may contain, logins that are not for the helper.
PRIVATE = (
    "INPUT_", "TAGGER_", "ACTIONS_RUNTIME_", "ACTIONS_ID_TOKEN_", "DOCKER_AUTH_CONFIG", "CI_REGISTRY_PASSWORD",
    "CI_JOB_TOKEN",
)  # fmt: skip


def ask_helper(
    helper: str,
    name: str,
    environ: Mapping[str, str],
    secrets: Collection[str],
    origin: str,
    begun: Callable[[Callable[[], None]], None] = lambda _: None,
) -> Login:
    """Return a helper's login for a registry; an empty one where it has none.

    The helper gets `environ` without `secrets`, which are other logins. `origin` is the configuration that names the
    helper, and `begun` is called with what ends it. Raise `InputError` when it does not exist here, or fails.
    """
    program = f"docker-credential-{helper}"
    if "/" in helper or "\0" in helper:
        raise InputError(f"{origin}: {helper!r} is not the name of a credential helper", _HINT)
    path = _find(program, environ)
    if not path:
        raise InputError(f"{origin} takes the login for {name} from {program}, which does not exist here", _HINT)
    try:
        code, output = _run(path, docker_key(name).encode(), _without(environ, secrets), begun)
    except (OSError, ValueError) as error:
        raise InputError(f"{program} could not be asked for the login for {name}", _HINT) from error
    if code:
        said = output.decode(errors="replace").strip()
        if "credentials not found" in said:
            return Login()
        what = said.splitlines()[0][:200] if said else f"it ended with {code}"
        raise InputError(f"{program} has no login for {name}: {what}", _HINT)
    return read_answer(output, program)


def read_answer(output: bytes, program: str) -> Login:
    """Return the login in the answer of a helper. Raise `InputError` where it has none."""
    try:
        answer = json.loads(output)
        username, secret = str(answer["Username"]), str(answer["Secret"])
        f"{username}{secret}".encode()  # half a character is none
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"the answer of {program} is not a login", _HINT) from error
    return Login.of(username, secret, program)


def _find(program: str, environ: Mapping[str, str]) -> str:
    """Return the path of a program in PATH, but not in a folder that may be an untrusted checkout.

    These are the working folder and the runner's workspace. A link that leads into one is not followed.
    """
    checkouts = {Path(os.path.realpath(one)) for one in (".", environ.get("GITHUB_WORKSPACE") or ".")} - {Path("/")}
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        found = Path(folder, program)
        real = [Path(os.path.realpath(path)) for path in (folder, found)]
        inside = any(path.is_relative_to(checkout) for path in real for checkout in checkouts)
        if found.is_absolute() and not inside and is_regular(found) and os.access(found, os.X_OK):
            return str(found)
    return ""


def _run(
    path: str, question: bytes, environ: Mapping[str, str], begun: Callable[[Callable[[], None]], None]
) -> tuple[int, bytes]:
    """Run a helper; return its exit code and its output. Raise `OSError`, `ValueError` for too much output."""
    import subprocess  # few configurations name a helper
    from threading import Timer

    with subprocess.Popen(  # noqa: S603 - the user's own configuration names the program
        [path, "get"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environ),
        cwd="/",
        start_new_session=True,
    ) as process:
        end = partial(_end, process)
        begun(end)
        asked, answer = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        timer = Timer(TIMEOUT, end)
        timer.daemon = True
        timer.start()
        try:
            try:
                asked.write(question)
                asked.close()
            except BrokenPipeError:
                pass  # it did not read the question
            output = answer.read(LARGEST + 1)
            if len(output) > LARGEST:
                end()
                raise ValueError("it writes too much")
            code = process.wait()
        finally:
            timer.cancel()
    if code < 0:
        raise ValueError("it was killed")
    return code, output


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a helper and what it started, which may hold its output open."""
    with suppress(ProcessLookupError):
        if process.returncode is None:  # until it is waited for, no other process gets its number
            os.killpg(process.pid, signal.SIGKILL)


def _without(environ: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """Return the environment of a helper, without other logins."""
    return {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith(PRIVATE)
        and not any(value == secret or (len(secret) >= LONG and secret in value) for secret in secrets)
    }


_HINT = (
    "Give the login directly, with `username` and `password` or in `logins`; or write a docker configuration that "
    "has the login itself, without `credsStore` and `credHelpers`. A container action has no programs of the runner."
)
