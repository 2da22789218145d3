"""The stand-in for the action's base image, under its name in an engine."""

from tests.servers.debian import python_base
from tests.servers.engine import Engine

__all__ = ["BASE", "import_base"]

BASE = "python:3.13-slim-trixie"
SETTINGS = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV LANG=C.UTF-8",
    "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
)


def import_base(engine: Engine) -> None:
    """Let an engine have the stand-in, so that it asks no registry for the base image."""
    changes = [part for setting in SETTINGS for part in ("--change", setting)]
    engine.docker("import", *changes, str(python_base()), BASE)
