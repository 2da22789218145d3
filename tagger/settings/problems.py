"""The mistakes in the settings of a run, reported all at once."""

import re
import sys
from collections.abc import Callable
from typing import TypeVar

from tagger.confidential import hide_logins
from tagger.errors import InputError

__all__ = ["SHOWN", "Problems"]

Value = TypeVar("Value")
SHOWN = 100
"""The most mistakes that are shown; the others are only counted."""


class Problems:
    """Mistakes, each with a hint. Logins in addresses are hidden."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, text: str, hint: str = "") -> None:
        """Note a mistake, once."""
        self._found[hide_logins(text), hide_logins(hint)] = None

    def attempt(self, place: str, make: Callable[[], Value]) -> Value | None:
        """Return what `make` makes; where it raises `InputError`, that is a mistake at `place`."""
        try:
            return make()
        except InputError as error:
            self.add(f"{place}: {error.message}", error.hint)
            return None

    def check(self) -> None:
        """Raise one `InputError` that says everything that is wrong, a line each."""
        if not self._found:
            return
        if len(self._found) == 1:
            raise InputError(*next(iter(self._found)))
        lines = [
            f"{text}{'' if text.endswith(('?', '.')) else '.'} {hint}".rstrip()
            for text, hint in sorted(self._found, key=_line_and_column)[:SHOWN]
        ]
        if more := len(self._found) - len(lines):
            lines.append(f"And {more} more.")
        raise InputError("\n".join((f"{len(self._found)} problems in the settings:", *lines)))


def _line_and_column(problem: tuple[str, str]) -> tuple[int, int]:
    """Return the line and the column of a mistake in a file; for others a line after all of them."""
    match = re.match(r"[^\n`]*?:([0-9]+):([0-9]+): ", problem[0])
    return (int(match[1]), int(match[2])) if match else (sys.maxsize, 0)
