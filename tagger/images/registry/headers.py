"""The fields of an HTTP answer."""

from collections.abc import Iterable, Mapping

__all__ = ["Headers"]


class Headers:
    """Fields by their names, in any case; a name may have several (RFC 9110, section 5)."""

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields.items() if isinstance(fields, Mapping) else fields:
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Add a field beside those of its name."""
        self._fields.setdefault(name.lower(), []).append(value)

    def get(self, name: str, default: str = "") -> str:
        """Return the value of a field, all of several with commas between."""
        found = self._fields.get(name.lower())
        return ", ".join(found) if found else default

    def getlist(self, name: str) -> list[str]:
        """Return the values of all fields of a name."""
        return list(self._fields.get(name.lower(), ()))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._fields
