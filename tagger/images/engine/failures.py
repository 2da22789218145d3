"""The errors of pushes by the engine, with hints."""

import re
from collections.abc import Callable, Mapping

from tagger.confidential import hide
from tagger.errors import StoreError
from tagger.images.registry.dialects import dialect_of
from tagger.images.registry.logins import login_hint
from tagger.names import Repository

__all__ = ["refusal"]

_FAILURES = (
    (
        r"unauthorized|authentication|basic auth|denied|forbidden|insufficient_scope",
        "DENIED",
        "The login for {registry} may not push there.",
    ),
    (
        r"HTTP response to HTTPS client",
        "UNREACHABLE",
        "The engine uses HTTPS for {registry}, which answers in plain HTTP. Name it in `insecure-registries` of the "
        "engine's /etc/docker/daemon.json; `insecure` is only for Tagger's own requests.",
    ),
    (
        r"x509|certificate",
        "UNREACHABLE",
        "The engine does not trust {registry}. Put its authority into /etc/docker/certs.d/{registry}/ca.crt where the "
        "engine runs; `ca-file` is only for Tagger's own requests.",
    ),
    (
        r"refused|no such host|timeout|unreachable|no route|EOF|reset by peer",
        "UNREACHABLE",
        "The engine does the push, so it must be able to reach {registry} by this name. Where Tagger reaches it "
        "by another name, set `endpoints`: {registry}=HOST:PORT.",
    ),
)


_PODMAN = {
    "Name it in `insecure-registries` of the engine's /etc/docker/daemon.json": "Podman is the engine: name it in "
    '/etc/containers/registries.conf where it runs, as `[[registry]] location = "{registry}" insecure = true`',
    "/etc/docker/certs.d/": "/etc/containers/certs.d/",
}
"""The same files of Podman's engine (containers-registries.conf(5), containers-certs.d(5))."""


def refusal(
    repository: Repository, failure: str, login: Mapping[str, str], *, is_podman: Callable[[], bool] = bool
) -> StoreError:
    """Return the error of a push: the registry's words, and a hint that usually fixes it."""
    secrets = [value for value in map(login.get, ("password", "identitytoken", "registrytoken")) if value]
    words = hide(" ".join(hide(failure, secrets).split()), secrets)
    code, hint = next((found[1:] for found in _FAILURES if re.search(found[0], words, re.IGNORECASE)), ("FAILED", ""))
    if code == "DENIED":
        denied = dialect_of(repository.registry).denied
        hint = f"{hint} {denied}".strip() if login else login_hint(repository.registry)
    if any(text in hint for text in _PODMAN) and is_podman():
        for docker, podman in _PODMAN.items():
            hint = hint.replace(docker, podman)
    hint = hint.replace("{registry}", repository.registry)
    return StoreError(f"the engine could not push: {words}", hint, code=code, place=str(repository))
