"""Opens TCP connections."""

import socket

TYPE_CHECKING = False  # `typing` takes 2 ms, and connections begin before it is imported
if TYPE_CHECKING:
    from typing import Any

__all__ = ["open_socket"]


def open_socket(place: tuple[str, int], timeout: float) -> socket.socket:
    """Return a connection to a host and port. Raise `OSError`."""
    # A name in bytes needs no IDNA, whose tables take a millisecond: those of registries are ASCII.
    host: Any = place[0].encode()
    return socket.create_connection((host, place[1]), timeout)
