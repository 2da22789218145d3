"""The one outlet of text: what others wrote is cleaned, and coloured where a terminal shows that."""

import re
from typing import TextIO

__all__ = ["echo", "plain", "style"]

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
