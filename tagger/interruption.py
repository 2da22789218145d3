"""SIGINT and SIGTERM: the first lets a run end and report, the second ends it at once."""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from tagger.errors import Interrupted

__all__ = ["Interruption"]

ENDING = (signal.SIGINT, signal.SIGTERM)
WAKING = signal.SIGURG
"""A signal that is ignored unless somebody asks for it."""


class Interruption:
    """The signals of one process.

    While an operation is under way `stop` lets it come to its end: whatever it asks of any place from then on is
    refused, so that it reports what is done and what is not, as after any other failure. Before that, when nothing is
    written yet, a signal raises `Interrupted`; so does a second one, as the runner sends it before it kills; `release`
    ends what threads wait for then.
    """

    def __init__(self) -> None:
        self.error: Interrupted | None = None
        self.stop: Callable[[], None] | None = None
        self.release: Callable[[], None] | None = None

    def listen(self) -> None:
        """Take over what the signals of this process do."""
        for number in ENDING:
            signal.signal(number, self.received)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.signal(WAKING, lambda _number, _frame: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_wake, args=(reading,), daemon=True).start()

    def received(self, number: int, _frame: FrameType | None = None) -> None:
        """Stop what is under way."""
        again = self.error is not None
        self.error = Interrupted(f"the run was ended by {signal.Signals(number).name}")
        ending = self.stop or self.release
        if ending:
            # In a thread of its own: the one that was interrupted may hold the locks that stopping takes.
            threading.Thread(target=ending, daemon=True).start()
        if again or self.stop is None:
            raise self.error


def _wake(reading: int) -> None:
    """Wake the main thread after each signal that ends a run.

    Python runs a handler in the main thread, which may have begun to wait just when the signal came: then it would
    wait on (PEP 475 repeats only what a signal interrupts).
    """
    main = threading.main_thread().ident
    while received := os.read(reading, 1):
        for seconds in (0.05, 0.5) if received[0] in ENDING else ():
            time.sleep(seconds)
            if main:
                signal.pthread_kill(main, WAKING)
