"""The state of the work on a repository, and the line that shows it."""

from typing import NamedTuple

from tagger.reporting.sentences import duration, number_of
from tagger.reporting.terminal import plain

__all__ = ["State", "amount", "state_line"]


class State(NamedTuple):
    """The state of the work on a repository: `done` of `total` bytes, and `rate` in bytes a second.

    `pauses` counts the retries; `cause` is why the last was needed.
    """

    place: str
    phase: str
    done: int
    total: int
    rate: float
    pauses: int
    cause: str


def state_line(state: State, seconds: float) -> str:
    """Return one line: repository, phase, the `seconds` so far, bytes, rate, and the retries with the last cause."""
    parts = [f"{state.phase}, {duration(seconds)}"]
    if state.total:
        parts.append(f"{amount(state.done)} of {amount(state.total)}, {amount(state.rate)}/s")
    if state.pauses:
        parts.append(f"{number_of(state.pauses, 'retry', 'retries')}, the last: {plain(state.cause)}")
    return f"{plain(state.place)}: {'; '.join(parts)}"


def amount(count: float) -> str:
    """Return a number of bytes with a unit, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
