"""The progress of a run: drawn on a terminal, elsewhere as a line for each repository every ten seconds."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from tagger.meters import Meter
from tagger.names import DIGEST, Digest
from tagger.reporting.sentences import duration, number_of
from tagger.reporting.states import State, state_line
from tagger.reporting.terminal import Outlet
from tagger.results import Event

__all__ = ["Progress"]

SOON = 0.4  # seconds; a run that ends sooner shows no progress, and does not import what draws it
OFTEN = 0.1  # seconds between two drawings
SELDOM = 10.0  # seconds between two lines where nothing is drawn
MOST = 12  # repositories that are shown at once; the others are counted
WINDOW = 5.0  # seconds over which a rate is measured

_PHASES = {"pushing": "pushing", "staged": "copied", "verified": "done"}
"""The phase of a repository after an event, by the kind of the event."""


class _Repository:
    """The meter of one repository. `show_verbose` prints a line if the run is verbose."""

    def __init__(self, place: str, show_verbose: Callable[[str], None]) -> None:
        self._place, self._show_verbose = place, show_verbose
        self._phase, self._pauses, self._cause = "looking", 0, ""
        self._parts: dict[str, tuple[int, int]] = {}
        self._parts_of = ""
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._lock = threading.Lock()

    def phase(self, text: str) -> None:
        """Set the phase of the work; a verbose run shows it at once."""
        if text != self._phase:
            self._show_verbose(f"{self._place}: {text}")
        self._phase = text

    def reach(self, text: str) -> None:
        """Set the phase that an event means, without showing it: the event is shown itself."""
        self._phase = text

    def advance(self, part: str, done: int, total: int) -> None:
        """Set the bytes that are done of a part. The bytes of an earlier phase are forgotten."""
        with self._lock:
            if self._parts_of != self._phase:
                self._parts_of = self._phase
                self._parts.clear()
                self._samples = deque([(time.monotonic(), 0)])
            self._parts[part] = (done, max(done, total))

    def finish(self, part: str) -> None:
        """Set all bytes of a part as done."""
        with self._lock:
            total = self._parts.get(part, (0, 0))[1]
            self._parts[part] = (total, total)

    def report_retry(self, cause: str, seconds: float) -> None:
        """Count a retry, with its cause; a verbose run shows it at once."""
        cause = DIGEST.sub(lambda match: Digest(match[0]).encoded[:7], cause)
        with self._lock:
            self._pauses += 1
            self._cause = cause
        self._show_verbose(f"{self._place}: tried again in {duration(seconds)}: {cause}")

    def report_request(self, request: str) -> None:
        """Show a request to a registry, in a verbose run."""
        self._show_verbose(f"{self._place}: {request}")

    def state(self) -> State:
        """Return the state now, with the rate of the last seconds."""
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
    """The progress of all repositories. A thread of its own shows it until `stop`."""

    def __init__(self, outlet: Outlet, *, verbose: bool = False, seldom: float = SELDOM, soon: float = SOON) -> None:
        """Draw on a terminal after `soon` seconds; elsewhere, or if `verbose`, print lines every `seldom` seconds."""
        self._outlet, self._verbose = outlet, verbose
        self._drawn = outlet.is_terminal and not verbose
        self._soon, self._seldom = soon, seldom
        self._repositories: dict[str, _Repository] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._print: Callable[[str], None] | None = None
        self._began = time.monotonic()

    @property
    def is_drawn(self) -> bool:
        """True where the progress is drawn on a terminal: then a line for each step is not needed."""
        return self._drawn

    def meter(self, place: str) -> Meter:
        """Return the meter of a repository, whose progress is shown from now on."""
        with self._lock:
            if place not in self._repositories:
                self._repositories[place] = _Repository(place, self._show_verbose)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
                self._thread.start()
            return self._repositories[place]

    def show(self, event: Event) -> None:
        """Set the phase that an event means for its repository."""
        if event.place in self._repositories and event.kind in _PHASES:
            self._repositories[event.place].reach(_PHASES[event.kind])

    def echo(self, text: str) -> None:
        """Print a text, above the progress where that is drawn."""
        with self._lock:
            (self._print or self._outlet.echo)(text)

    def stop(self) -> None:
        """End the thread, and remove what is drawn."""
        self._stopped.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def states(self) -> Sequence[State]:
        """Return the states of all repositories now."""
        with self._lock:
            repositories = list(self._repositories.values())
        return [one.state() for one in repositories]

    def _show_verbose(self, text: str) -> None:
        if self._verbose:
            self.echo(text)

    def _run(self) -> None:
        while not self._stopped.wait(self._soon if self._drawn else self._seldom):
            if self._drawn:
                try:
                    self._draw()
                except ModuleNotFoundError as error:  # lines need no package
                    self._drawn = False
                    package = (error.name or "rich").partition(".")[0]
                    self.echo(f"progress is told in lines, as the Python package {package} is missing")
                    continue
                return
            states = [state for state in self.states() if state.phase != "done"]
            for state in states[:MOST]:
                self.echo(state_line(state, time.monotonic() - self._began))
            if len(states) > MOST:
                self.echo(f"and {number_of(len(states) - MOST, 'more repository', 'more repositories')}")

    def _draw(self) -> None:
        from tagger.reporting.live import Live  # importing rich takes a tenth of a second, and most runs end sooner

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
