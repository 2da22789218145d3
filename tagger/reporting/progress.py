"""What is under way, told while it is: a line for each repository on a terminal, elsewhere one every ten seconds."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from tagger.meters import Meter
from tagger.names import DIGEST, Digest
from tagger.reporting.sentences import counted, took
from tagger.reporting.states import State, told
from tagger.reporting.terminal import Outlet
from tagger.results import Event

__all__ = ["Progress"]

SOON = 0.4  # seconds; what is done by then needs no progress, and nothing that draws it is imported
OFTEN = 0.1  # seconds between two drawings
SELDOM = 10.0  # seconds between two lines, where nobody watches
MOST = 12  # repositories that are told of at once; of the others, how many they are
WINDOW = 5.0  # seconds over which a rate is taken

_PHASES = {"pushing": "pushing", "staged": "copied", "verified": "done"}
"""What an event says of where a repository is."""


class _Repository:
    """The meter of one repository."""

    def __init__(self, place: str, ask: Callable[[str], None]) -> None:
        self._place, self._ask = place, ask
        self._phase, self._pauses, self._cause = "looking", 0, ""
        self._parts: dict[str, tuple[int, int]] = {}
        self._parts_of = ""
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._lock = threading.Lock()

    def phase(self, text: str) -> None:
        """Say what is done now; a verbose run tells it at once."""
        if text != self._phase:
            self._ask(f"{self._place}: {text}")
        self._phase = text

    def reach(self, text: str) -> None:
        """Take note of a phase that an event says, which is told by itself."""
        self._phase = text

    def moved(self, part: str, done: int, total: int) -> None:
        """Say how many bytes of a part are there: of the phase that goes on, and of no other."""
        with self._lock:
            if self._parts_of != self._phase:
                self._parts_of = self._phase
                self._parts.clear()
                self._samples = deque([(time.monotonic(), 0)])
            self._parts[part] = (done, max(done, total))

    def arrived(self, part: str) -> None:
        """Say that all of a part is there."""
        with self._lock:
            total = self._parts.get(part, (0, 0))[1]
            self._parts[part] = (total, total)

    def paused(self, cause: str, seconds: float) -> None:
        """Say that something is tried again, and why."""
        cause = DIGEST.sub(lambda match: Digest(match[0]).encoded[:7], cause)
        with self._lock:
            self._pauses += 1
            self._cause = cause
        self._ask(f"{self._place}: tried again in {took(seconds)}: {cause}")

    def asked(self, request: str) -> None:
        """Say what was asked of a registry."""
        self._ask(f"{self._place}: {request}")

    def state(self) -> State:
        """Return where it is now."""
        with self._lock:
            done, total = (sum(numbers) for numbers in zip((0, 0), *self._parts.values(), strict=True))
            pauses, cause = self._pauses, self._cause
            if self._phase not in (self._parts_of, _PHASES["staged"]):
                done = total = 0
        now = time.monotonic()
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] > WINDOW:
            self._samples.popleft()
        began, before = self._samples[0]
        rate = max(0.0, (done - before) / (now - began)) if now > began else 0.0
        return State(self._place, self._phase, done, total, rate, pauses, cause)


class Progress:
    """What is under way in all repositories, told by a thread of its own, until it is stopped."""

    def __init__(self, outlet: Outlet, *, verbose: bool = False, seldom: float = SELDOM, soon: float = SOON) -> None:
        """Where nobody watches, a line is told every `seldom` seconds; what takes longer than `soon` is drawn."""
        self._outlet, self._verbose = outlet, verbose
        self._drawn = outlet.is_terminal and not verbose
        self._wait = soon if self._drawn else seldom
        self._repositories: dict[str, _Repository] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._print: Callable[[str], None] | None = None
        self._began = time.monotonic()

    @property
    def is_drawn(self) -> bool:
        """True where a terminal shows it, which needs no line for each step."""
        return self._drawn

    def meter(self, place: str) -> Meter:
        """Return the meter of a repository, which is shown from now on."""
        with self._lock:
            if place not in self._repositories:
                self._repositories[place] = _Repository(place, self._ask)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
                self._thread.start()
            return self._repositories[place]

    def show(self, event: Event) -> None:
        """Take note of what happened in a repository."""
        if event.place in self._repositories and event.kind in _PHASES:
            self._repositories[event.place].reach(_PHASES[event.kind])

    def echo(self, text: str) -> None:
        """Print a text, above what is drawn."""
        with self._lock:
            (self._print or self._outlet.echo)(text)

    def stop(self) -> None:
        """End it, and take away what is drawn."""
        self._stopped.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def states(self) -> Sequence[State]:
        """Return where all repositories are now."""
        with self._lock:
            repositories = list(self._repositories.values())
        return [one.state() for one in repositories]

    def _ask(self, text: str) -> None:
        if self._verbose:
            self.echo(text)

    def _run(self) -> None:
        while not self._stopped.wait(self._wait):
            if self._drawn:
                self._draw()
                return
            states = [state for state in self.states() if state.phase != "done"]
            for state in states[:MOST]:
                self.echo(told(state, time.monotonic() - self._began))
            if len(states) > MOST:
                self.echo(f"and {counted(len(states) - MOST, 'more repository', 'more repositories')}")

    def _draw(self) -> None:
        from tagger.reporting.live import Live  # rich takes a tenth of a second, and most runs end before

        with Live(self._outlet) as live:
            with self._lock:
                self._print = live.echo
            try:
                while not self._stopped.wait(OFTEN):
                    states = self.states()
                    with self._lock:
                        live.draw(states[:MOST], len(states) - MOST)
            finally:
                with self._lock:
                    self._print = None
