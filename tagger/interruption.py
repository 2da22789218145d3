"""SIGINT and SIGTERM: the first lets a run end and report, the second ends it at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from tagger.errors import Interrupted

__all__ = ["Interruption"]


class Interruption:
    """The signals of one process.

    While an operation is under way `stop` lets it come to its end: whatever it asks of any place from then on is
    refused, so that it reports what is done and what is not, as after any other failure. Before that, when nothing is
    written yet, a signal raises `Interrupted`; so does a second one, as the runner sends it before it kills.
    """

    def __init__(self) -> None:
        self.error: Interrupted | None = None
        self.stop: Callable[[], None] | None = None

    def listen(self) -> None:
        """Take over what the signals of this process do."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.received)

    def received(self, number: int, _frame: FrameType | None = None) -> None:
        """Stop what is under way."""
        again = self.error is not None
        self.error = Interrupted(f"the run was ended by {signal.Signals(number).name}")
        if again or self.stop is None:
            raise self.error
        # In a thread of its own: the one that was interrupted may hold the locks that stopping takes.
        threading.Thread(target=self.stop, daemon=True).start()
