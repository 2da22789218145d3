"""The output of text: its escapes, its colours, and the width of the reader's screen."""

import os
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple, TextIO

__all__ = ["ESCAPED", "Outlet", "plain", "style", "visible"]

ESCAPED = "backslashreplace"
"""The error handler for encoding texts of others: a lone surrogate, as from JSON or a file name, becomes `\\udc80`."""

_UNSEEN = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
"""Control characters but tab and line feed, invisible and bidirectional ones, and lone surrogates.

To compile it takes a run 0.6 ms, and most runs print no such character.
"""

_COMMAND = r"(?m)^(\s*)(?=::)|(?<=##)(?=\[)"
"""The beginnings of commands to the runner, also in the old spelling `##[` (actions/runner, ActionCommand.cs)."""

_LOOK = re.compile(r"(\x1b\[[0-9;]*m)")
"""The escape sequences that `style` writes. `echo` lets no others through."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bright_black": "90"}
"""ECMA-48, "Select graphic rendition"."""

NARROWEST, WIDEST = 60, 200
ELSEWHERE = 200  # columns of a file, a pipe, or the log of a workflow


def style(text: str, *, fg: str = "", bold: bool = False, dim: bool = False) -> str:
    """Return a text that a terminal shows in a colour, bold or dim."""
    looks = [fg] * bool(fg) + ["bold"] * bold + ["dim"] * dim
    return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m" if looks else text


def plain(text: str) -> str:
    """Return a text of others, escaped: it is no command to a terminal or to the runner."""
    text = visible(text)
    return re.sub(_COMMAND, r"\g<0>\\", text) if "::" in text or "##[" in text else text


def visible(text: str) -> str:
    """Return a text with each control or invisible character as its escape, such as `\\u001b`."""
    if text.replace("\n", "").isprintable():
        return text
    return re.sub(_UNSEEN, lambda match: f"\\u{ord(match[0]):04x}", text)


class Outlet(NamedTuple):
    """A stream for text, with the environment that says how the reader sees it."""

    stream: TextIO
    environ: Mapping[str, str]

    @property
    def is_terminal(self) -> bool:
        """True for a terminal whose lines can be written again."""
        return self.stream.isatty() and self.environ.get("TERM") != "dumb"

    @property
    def is_coloured(self) -> bool:
        """True where colours are shown.

        The first of these decides: NO_COLOR forbids them (no-color.org), FORCE_COLOR and CLICOLOR_FORCE ask for them,
        CLICOLOR=0 forbids them (bixense.com/clicolors). Else terminals have them, and logs of workflows, but no files.
        """
        environ = self.environ
        if environ.get("NO_COLOR"):
            return False
        if any(environ.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
            return True
        if environ.get("CLICOLOR") == "0":
            return False
        return self.is_terminal or (environ.get("GITHUB_ACTIONS") == "true" and not self._is_file)

    @property
    def width(self) -> int:
        """The columns of a line, from 60 to 200: by COLUMNS, else those of the terminal, else 200."""
        said = self.environ.get("COLUMNS", "")
        columns = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0
        if not columns and self.stream.isatty():
            try:
                columns = os.get_terminal_size(self.stream.fileno()).columns
            except (OSError, ValueError):  # a terminal that has no size
                columns = 80
        return min(max(columns or ELSEWHERE, NARROWEST), WIDEST)

    def echo(self, text: str) -> None:
        """Print a text at once, escaped, in colours where they are shown."""
        if self.is_coloured:
            text = "".join(part if number % 2 else plain(part) for number, part in enumerate(_LOOK.split(text)))
        else:
            text = plain(_LOOK.sub("", text))
        print(text, file=self.stream, flush=True)

    @property
    def _is_file(self) -> bool:
        try:
            return stat.S_ISREG(os.fstat(self.stream.fileno()).st_mode)
        except (OSError, ValueError):
            return True  # a stream without a descriptor is no log
