"""The protocol for reports of progress, from copying, pushing and archives."""

from collections.abc import Callable
from typing import Protocol

__all__ = ["SILENT", "Meter", "Meters", "meter_of", "silent"]


class Meter(Protocol):
    """Receives the progress of the work on one repository, from any thread."""

    def phase(self, text: str) -> None:
        """Begin a phase, such as `uploading`."""

    def advance(self, part: str, done: int, total: int) -> None:
        """Report how many bytes of a part (a blob or a layer) are done, of `total`; the last call counts."""

    def finish(self, part: str) -> None:
        """Report that a part is complete."""

    def report_retry(self, cause: str, seconds: float) -> None:
        """Report that a request is repeated after so many seconds, and why."""

    def report_request(self, request: str) -> None:
        """Report a request to a registry, with the status of its answer."""


Meters = Callable[[str], Meter]
"""A function that returns the meter of a repository, given its name in messages."""


class _Silent:
    """Ignores all reports."""

    def phase(self, text: str) -> None:
        pass

    def advance(self, part: str, done: int, total: int) -> None:
        pass

    def finish(self, part: str) -> None:
        pass

    def report_retry(self, cause: str, seconds: float) -> None:
        pass

    def report_request(self, request: str) -> None:
        pass


SILENT: Meter = _Silent()


def silent(_place: str) -> Meter:
    """Return a meter that ignores all reports."""
    return SILENT


def meter_of(store: object) -> Meter:
    """Return the meter of a repository; one that ignores all reports where it has none."""
    meter: Meter = getattr(store, "meter", SILENT)
    return meter
