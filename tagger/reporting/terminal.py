"""The one outlet of text: what others wrote is cleaned, and coloured where a terminal shows that."""

import os
import re
from collections.abc import Mapping
from typing import TextIO

__all__ = ["echo", "plain", "style", "width_of"]

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that move the cursor, colour, hide or turn what stands beside them."""

_COMMAND = re.compile(r"^(\s*)(?=::)|(?<=##)(?=\[)", re.MULTILINE)
"""Where the runner would see a command, also in its old spelling (actions/runner, ActionCommand.cs)."""

_LOOK = re.compile(r"(\x1b\[[0-9;]*m)")
"""What `style` writes; of all sequences the only one that passes."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bright_black": "90"}
"""ECMA-48, "Select graphic rendition"."""


def style(text: str, *, fg: str = "", bold: bool = False, dim: bool = False) -> str:
    """Return a text that a terminal shows in a colour, bold or dim."""
    looks = [fg] * bool(fg) + ["bold"] * bold + ["dim"] * dim
    return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m" if looks else text


def plain(text: str) -> str:
    """Return a text of somebody else's so that it is nothing but a text, to a terminal and to the runner."""
    shown = _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return _COMMAND.sub(r"\g<0>\\", shown)


def echo(text: str, stream: TextIO) -> None:
    """Print a text at once, cleaned; a terminal shows it in colours, everybody else gets none."""
    if stream.isatty():
        text = "".join(part if number % 2 else plain(part) for number, part in enumerate(_LOOK.split(text)))
    else:
        text = plain(_LOOK.sub("", text))
    print(text, file=stream, flush=True)


NARROWEST, WIDEST = 60, 200
ELSEWHERE = 120  # columns, where a text goes that nobody's window bounds: a file, a pipe, the log of a workflow


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Return how many columns a text has, from 60 to 200: by COLUMNS, else those of the terminal."""
    said = environ.get("COLUMNS", "")
    columns = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0
    if not columns and stream.isatty():
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):  # what says that it is a terminal, and has no size
            columns = 80
    return min(max(columns or ELSEWHERE, NARROWEST), WIDEST)
