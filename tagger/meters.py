"""The protocol by which copying, pushing and archives tell their progress."""

from collections.abc import Callable
from typing import Protocol

__all__ = ["SILENT", "Meter", "Meters", "meter_of", "silent"]


class Meter(Protocol):
    """Receives the progress of the work on one repository, from any thread."""

    def phase(self, text: str) -> None:
        """Say what is done now, as `uploading`."""

    def moved(self, part: str, done: int, total: int) -> None:
        """Say how many bytes of a part (a blob or a layer) are done, of how many; the last call counts."""

    def arrived(self, part: str) -> None:
        """Say that all of a part is there."""

    def paused(self, cause: str, seconds: float) -> None:
        """Say that something is tried again after so many seconds, and why."""

    def asked(self, request: str) -> None:
        """Say what was asked of a registry, and how that was answered."""


Meters = Callable[[str], Meter]
"""Returns the meter of a repository, by the name that a person gives it."""


class _Silent:
    """Tells nobody."""

    def phase(self, text: str) -> None:
        pass

    def moved(self, part: str, done: int, total: int) -> None:
        pass

    def arrived(self, part: str) -> None:
        pass

    def paused(self, cause: str, seconds: float) -> None:
        pass

    def asked(self, request: str) -> None:
        pass


SILENT: Meter = _Silent()


def silent(_place: str) -> Meter:
    """Return a meter that tells nobody."""
    return SILENT


def meter_of(store: object) -> Meter:
    """Return the meter of a repository; one that tells nobody, where it has none."""
    meter: Meter = getattr(store, "meter", SILENT)
    return meter
