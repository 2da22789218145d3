"""How far the work on a repository is, as one line."""

from typing import NamedTuple

from tagger.reporting.sentences import counted, took
from tagger.reporting.terminal import plain

__all__ = ["State", "amount", "told"]


class State(NamedTuple):
    """Where the work on one repository is: `done` of `total` bytes, `rate` bytes a second, its pauses and why."""

    place: str
    phase: str
    done: int
    total: int
    rate: float
    pauses: int
    cause: str


def told(state: State, seconds: float) -> str:
    """Return a line on a repository: where it is, how much of it is there, how fast, and what holds it up."""
    parts = [f"{state.phase}, {took(seconds)}"]
    if state.total:
        parts.append(f"{amount(state.done)} of {amount(state.total)}, {amount(state.rate)}/s")
    if state.pauses:
        parts.append(f"{counted(state.pauses, 'retry', 'retries')}, the last: {plain(state.cause)}")
    return f"{plain(state.place)}: {'; '.join(parts)}"


def amount(count: float) -> str:
    """Return a number of bytes as people read it, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.5 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
