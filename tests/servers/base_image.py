"""The stand-in for the action's base image, under its name in an engine."""

import re
from pathlib import Path

from tests.servers.debian import python_base
from tests.servers.engine import Engine

__all__ = ["BASE", "PINNED", "import_base", "on_stand_in"]

BASE = "python:3.13-slim-trixie"
PINNED = re.compile(rf"^FROM ({re.escape(BASE)}@sha256:[0-9a-f]{{64}})(?= |$)", re.MULTILINE)
SETTINGS = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
)


def import_base(engine: Engine) -> None:
    """Import the stand-in into an engine, so that the engine asks no registry for the base image."""
    changes = [part for setting in SETTINGS for part in ("--change", setting)]
    engine.docker("import", *changes, str(python_base()), BASE)


def on_stand_in(dockerfile: Path, folder: Path) -> Path:
    """Write a copy of a Dockerfile with the stand-in as its base: engines of the tests cannot pull the pinned base."""
    text, count = PINNED.subn(f"FROM {BASE}", dockerfile.read_text())
    if count != 1:
        raise ValueError(f"{dockerfile} must pin the base {BASE} once, by its digest")
    written = folder / "Dockerfile"
    written.write_text(text)
    return written
