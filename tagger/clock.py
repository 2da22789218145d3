"""The current time; TAGGER_NOW sets it, for tests and for dates that must be reproducible."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tagger.errors import InputError

__all__ = ["now"]


def now(environ: Mapping[str, str]) -> datetime:
    """Return the time, with its zone; a TAGGER_NOW without one is UTC. Raise `InputError` where it is no time."""
    text = environ.get("TAGGER_NOW", "").strip()
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Write it as ISO 8601 has it: 2026-01-02T03:04:05Z."
        raise InputError(f"TAGGER_NOW is {text!r}, which is no time", hint) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
