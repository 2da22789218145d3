"""The TLS context of a run, made when the first connection needs it."""

import threading

TYPE_CHECKING = False  # `typing` takes 2 ms, and connections begin before it is imported
if TYPE_CHECKING:
    import ssl

__all__ = ["Tls"]


class Tls:
    """The TLS context of a run, with the authorities of `ca_file`. The first thread that calls it makes the context."""

    def __init__(self, ca_file: str) -> None:
        self.ca_file = ca_file
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> "ssl.SSLContext":
        """Return the context. Raise `InputError` where `ca_file` cannot be used."""
        with self._lock:
            if self._context is None:
                from tagger.images.registry.tls import tls_context  # in the thread of a connection

                self._context = tls_context(self.ca_file)
            return self._context
