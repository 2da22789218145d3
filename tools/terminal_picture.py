"""Runs a program in a terminal, and draws what it shows there as an SVG."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

__all__ = ["DARK", "LIGHT", "Screen", "Theme", "run", "svg"]

RGB = 1 << 24
REDS, GREYS = 160, 232  # the first reds and greys among the 256 colours
WIDTH, HEIGHT = 8.43, 18  # pixels of a character, in a font of 14 pixels
SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07|(\r\n|\n|\r)|([^\x1b\r\n])")


class Theme(NamedTuple):
    """The colours of a terminal: background, text, and the colours of ECMA-48 by number."""

    paper: str
    ink: str
    colors: Mapping[int, str]


LIGHT = Theme("#ffffff", "#1c2024", {31: "#b3261e", 32: "#14612f", 33: "#8a5a00", 34: "#0b57d0", 35: "#8e24aa",
                                     36: "#00696f", 90: "#5b6570"})  # fmt: skip
DARK = Theme("#14171a", "#e6e9ec", {31: "#ff8a80", 32: "#8fe0ac", 33: "#ffd479", 34: "#8ab4f8", 35: "#d7aefb",
                                    36: "#7fd7df", 90: "#9aa5b1"})  # fmt: skip


class Screen:
    """The content of a terminal: lines of characters, each with the numbers of its looks."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[tuple[str, tuple[int, ...]]]] = [[]]
        self.row = self.column = 0
        self._looks: tuple[int, ...] = ()

    def feed(self, text: str) -> None:
        """Draw the output of a program: text, line ends, looks, moves up, and erasures. Other sequences are ignored."""
        for match in SEQUENCE.finditer(text):
            parameters, kind, end, character = match.groups()
            if character:
                self._put(character)
            elif end:
                self.column = 0
                if "\n" in end:
                    self._go(self.row + 1)
            elif kind == "m":
                numbers = _looks(parameters)
                self._looks = () if 0 in numbers else (*self._looks, *numbers)
            elif kind == "A":
                self._go(max(self.row - int(parameters or 1), 0))
            elif kind in ("K", "J"):
                start = 0 if parameters == "2" and kind == "K" else self.column
                del self.lines[self.row][start:]
                if kind == "J":
                    del self.lines[self.row + 1 :]

    def _go(self, row: int) -> None:
        self.row = row
        while len(self.lines) <= row:
            self.lines.append([])

    def _put(self, character: str) -> None:
        if self.column >= self.columns:
            self.column = 0
            self._go(self.row + 1)
        line = self.lines[self.row]
        line.extend([(" ", ())] * (self.column - len(line)))
        line[self.column : self.column + 1] = [(character, self._looks)]
        self.column += 1

    @property
    def text(self) -> str:
        """The characters without their looks, as lines without blanks at their end."""
        return "\n".join("".join(character for character, _ in line).rstrip() for line in self.lines)


def _looks(parameters: str) -> tuple[int, ...]:
    """Return the numbers of one sequence. 38;2;R;G;B becomes `RGB` plus the colour; 38;5;N becomes 32, 35 or 90."""
    numbers = [int(part or 0) for part in parameters.split(";")]
    if numbers[:2] == [38, 2]:
        red, green, blue = numbers[2:5]
        return (RGB + red * 65536 + green * 256 + blue,)
    if numbers[:2] == [38, 5]:
        return (90 if numbers[2] >= GREYS else 35 if numbers[2] >= REDS else 32,)
    return tuple(numbers)


def run(command: Sequence[str], columns: int, environ: Mapping[str, str], *, until: str = "") -> Screen:
    """Run a program in a terminal for 120 seconds at most, and return the screen at its end.

    With `until`, return the last screen that matches this pattern, if one does.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    settings = {**environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "60"}
    ends = {"stdin": slave, "stdout": slave, "stderr": slave}
    with subprocess.Popen(command, env=settings, **ends) as process:  # noqa: S603 - a command of ours
        os.close(slave)
        screen, kept, written = Screen(columns), None, ""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 0.1)
            try:
                chunk = os.read(master, 1 << 16) if ready else b""
            except OSError:
                break
            if not chunk and process.poll() is not None:
                break
            written += chunk.decode(errors="replace")
            if chunk:
                screen = Screen(columns)
                screen.feed(written)
                if until and re.search(until, screen.text):
                    kept = screen
    os.close(master)
    return kept or screen


def svg(screen: Screen, columns: int, theme: Theme, title: str) -> str:
    """Return the SVG of a screen, below its command line `title`."""
    lines = [[(character, (90,)) for character in line] for line in _command_lines(f"$ {title}", columns)]
    lines += screen.lines
    while lines and not "".join(character for character, _ in lines[-1]).strip():
        lines.pop()
    width, height = round(columns * WIDTH + 24), len(lines) * HEIGHT + 16
    rows = []
    for number, line in enumerate(lines, 1):
        spans = "".join(_spans(line, theme))
        rows.append(f'<text x="12" y="{number * HEIGHT + 2}">{spans}</text>')
    font = '14px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace'
    style = f"text{{font:{font};fill:{theme.ink};white-space:pre}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(title)}</title><style>{style}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{theme.paper}" stroke="{theme.colors[90]}"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def _command_lines(command: str, columns: int) -> list[str]:
    """Return a command as lines for the shell: a long one is broken with backslashes."""
    lines = textwrap.wrap(command, columns - 2, break_on_hyphens=False, subsequent_indent="    ")
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _spans(line: Sequence[tuple[str, tuple[int, ...]]], theme: Theme) -> list[str]:
    spans, place = [], 0
    while place < len(line):
        looks, end = line[place][1], place
        while end < len(line) and line[end][1] == looks:
            end += 1
        text = "".join(character for character, _ in line[place:end])
        own = next((f"#{look - RGB:06x}" for look in reversed(looks) if look >= RGB), "")
        color = own or next((theme.colors[look] for look in reversed(looks) if look in theme.colors), "")
        attributes = f' fill="{color}"' if color else ""
        attributes += ' font-weight="bold"' if 1 in looks else ""
        attributes += ' opacity=".65"' if 2 in looks else ""
        # Each run has its place and length in pixels, because the widths of fonts differ.
        begin, length = 12 + place * WIDTH, len(text) * WIDTH
        if text.strip():
            spans.append(
                f'<tspan x="{begin:.1f}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"{attributes}>'
                f"{escape(text)}</tspan>"
            )
        place = end
    return spans
