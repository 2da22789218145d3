"""Colours, where a terminal shows them."""

import re
from typing import TextIO

__all__ = ["echo", "style"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bright_black": "90"}
"""ECMA-48, "Select graphic rendition"."""


def style(text: str, *, fg: str = "", bold: bool = False, dim: bool = False) -> str:
    """Return a text that a terminal shows in a colour, bold or dim."""
    looks = [fg] * bool(fg) + ["bold"] * bold + ["dim"] * dim
    return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m" if looks else text


def echo(text: str, stream: TextIO) -> None:
    """Print a text at once; without anything that only a terminal understands where the stream is none."""
    print(text if stream.isatty() else re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text), file=stream, flush=True)
