"""The width of a text in the columns of a screen, and its folding into lines."""

import re
from collections.abc import Sequence

__all__ = ["cells", "fold", "pad"]

_OURS = dict.fromkeys(map(ord, "→·…│├└─"))
_BLANKS = re.compile(r"[ \t\r\n]+")


def cells(text: str) -> int:
    """Return the number of columns of a text: wide and fullwidth letters take two, combining marks none.

    Source: Unicode Standard Annex 11.
    """
    others = text.translate(_OURS)
    return len(text) if others.isascii() else len(text) - len(others) + _cells(others)


def _cells(text: str) -> int:
    import unicodedata  # a large module that most texts do not need

    found = [letter for letter in text if not unicodedata.combining(letter)]
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in found)


def pad(text: str, columns: int) -> str:
    """Return a text with blanks behind it, so that it takes at least so many columns."""
    return text + " " * max(0, columns - cells(text))


def fold(text: str, width: int) -> Sequence[str]:
    """Return the lines of a text, at least one, folded between words. A word that is wider than a line is split."""
    lines = [""]
    for word in _BLANKS.split(text.strip()):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cells(joined) <= width:
            lines[-1] = joined
            continue
        pieces = _pieces(word, width)
        lines = [*lines[:-1], *([lines[-1]] if lines[-1] else []), *pieces]
    return lines


def _pieces(word: str, width: int) -> Sequence[str]:
    """Return a word in pieces of `width` columns at most."""
    pieces, taken = [""], 0
    for letter in word:
        wide = cells(letter)
        if taken + wide > width:
            pieces.append("")
            taken = 0
        pieces[-1] += letter
        taken += wide
    return pieces
