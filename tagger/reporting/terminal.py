"""The output of text: cleans what others wrote, colours it, and folds it for the reader's screen."""

import os
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple, TextIO

__all__ = ["ESCAPED", "Outlet", "plain", "style", "visible"]

ESCAPED = "backslashreplace"
"""How texts of others are encoded: half a character, as JSON and names of files may hold, is written as JSON has it."""

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that move the cursor, colour, hide or turn what stands beside them, and halves of characters."""

_COMMAND = re.compile(r"^(\s*)(?=::)|(?<=##)(?=\[)", re.MULTILINE)
"""Where the runner would see a command, also in its old spelling (actions/runner, ActionCommand.cs)."""

_LOOK = re.compile(r"(\x1b\[[0-9;]*m)")
"""What `style` writes; of all sequences the only one that passes."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bright_black": "90"}
"""ECMA-48, "Select graphic rendition"."""

NARROWEST, WIDEST = 60, 200
ELSEWHERE = 200  # columns, where a text goes that no window bounds: a file, a pipe, the log of a workflow


def style(text: str, *, fg: str = "", bold: bool = False, dim: bool = False) -> str:
    """Return a text that a terminal shows in a colour, bold or dim."""
    looks = [fg] * bool(fg) + ["bold"] * bold + ["dim"] * dim
    return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m" if looks else text


def plain(text: str) -> str:
    """Return a text of somebody else's so that it is nothing but a text, to a terminal and to the runner."""
    return _COMMAND.sub(r"\g<0>\\", visible(text))


def visible(text: str) -> str:
    """Return a text of characters that are seen; others are named."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class Outlet(NamedTuple):
    """Where text goes: a stream, and the environment that says what its reader's screen can do."""

    stream: TextIO
    environ: Mapping[str, str]

    @property
    def is_terminal(self) -> bool:
        """True where somebody watches, on a screen whose lines can be written again."""
        return self.stream.isatty() and self.environ.get("TERM") != "dumb"

    @property
    def is_coloured(self) -> bool:
        """True where colours are shown.

        NO_COLOR forbids them (no-color.org), then FORCE_COLOR and CLICOLOR_FORCE ask for them, CLICOLOR=0 forbids them
        (bixense.com/clicolors); else a terminal shows them, and so does the log of a workflow, unless it is a file.
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
        """How many columns a text has, from 60 to 200: by COLUMNS, else those of the terminal."""
        said = self.environ.get("COLUMNS", "")
        columns = int(said) if said.isascii() and said.isdecimal() and len(said) < 6 else 0
        if not columns and self.stream.isatty():
            try:
                columns = os.get_terminal_size(self.stream.fileno()).columns
            except (OSError, ValueError):  # what says that it is a terminal, and has no size
                columns = 80
        return min(max(columns or ELSEWHERE, NARROWEST), WIDEST)

    def echo(self, text: str) -> None:
        """Print a text at once, cleaned, and in colours where they are shown."""
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
            return True  # nobody's log
