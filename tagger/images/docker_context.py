"""Reads the context of the docker command, which says what engine to use."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tagger.errors import EngineError
from tagger.images.documents import object_in
from tagger.workspace import read_regular

__all__ = ["SOCKET", "docker_context"]

SOCKET = "unix:///var/run/docker.sock"


def docker_context(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings of the current docker context, as environment variables; none for the default context.

    The folders are those of docker/cli, cli/context/store. Raise `EngineError`.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "/", ".docker"))
    name = environ.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext") or "default"
    if name == "default":
        return {}
    key = hashlib.sha256(str(name).encode(errors="surrogateescape")).hexdigest()
    endpoint = object_in(object_in(_read(folder / "contexts" / "meta" / key / "meta.json"), "Endpoints"), "docker")
    if not endpoint.get("Host"):
        raise EngineError(
            f"the docker context {name} is not in {folder}",
            f"Choose another with `docker context use`, or set DOCKER_HOST, for example to {SOCKET}.",
        )
    certificates = folder / "contexts" / "tls" / key / "docker"
    return {
        "DOCKER_HOST": str(endpoint["Host"]),
        **({"DOCKER_CERT_PATH": str(certificates)} if certificates.is_dir() else {}),
        **({"DOCKER_TLS_VERIFY": "" if endpoint.get("SkipTLSVerify") else "1"} if certificates.is_dir() else {}),
    }


def _read(path: Path) -> Mapping[str, Any]:
    """Read a JSON object; an empty one where the file is missing or invalid, as docker itself reports that."""
    with suppress(OSError, ValueError, RecursionError):
        value = json.loads(read_regular(path))
        return value if isinstance(value, dict) else {}
    return {}
