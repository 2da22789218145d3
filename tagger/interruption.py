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

    `stop` is set while an operation is under way. A signal calls it: every later request of the operation is refused,
    so that it ends and reports what is done and what is not. Without `stop` no operation is under way: a signal calls
    `release`, which ends what threads wait for, and raises `Interrupted`. A second signal raises it too.
    """

    def __init__(self) -> None:
        self.error: Interrupted | None = None
        self.stop: Callable[[], None] | None = None
        self.release: Callable[[], None] | None = None

    def listen(self) -> None:
        """Handle SIGINT and SIGTERM of this process from now on."""
        for number in ENDING:
            signal.signal(number, self.received)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.signal(WAKING, lambda _number, _frame: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=_wake, args=(reading,), daemon=True).start()

    def received(self, number: int, _frame: FrameType | None = None) -> None:
        """Handle a signal: begin to stop what is under way; raise `Interrupted` before any of it and a second time."""
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
