"""The header fields of an HTTP response."""

from collections.abc import Iterable, Mapping

__all__ = ["Headers"]


class Headers:
    """Header fields by name, in upper or lower case; a name may have several values (RFC 9110, section 5)."""

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields.items() if isinstance(fields, Mapping) else fields:
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Add a value, and keep the other values of the name."""
        self._fields.setdefault(name.lower(), []).append(value)

    def get(self, name: str, default: str = "") -> str:
        """Return the values of a name, joined by commas; `default` where there is none."""
        found = self._fields.get(name.lower())
        return ", ".join(found) if found else default

    def getlist(self, name: str) -> list[str]:
        """Return all values of a name."""
        return list(self._fields.get(name.lower(), ()))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields
