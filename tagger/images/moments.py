"""Times as registries and images write them (RFC 3339)."""

from datetime import UTC, datetime

__all__ = ["moment"]


def moment(text: object) -> float | None:
    """Return a time in seconds since 1970, without a zone that of UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
