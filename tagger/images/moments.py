"""Reads the times of registries and images (RFC 3339)."""

from datetime import UTC, datetime

__all__ = ["moment"]


def moment(text: object) -> float | None:
    """Return a time in seconds since 1970 (UTC where it has no time zone); None where the text is no time."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
