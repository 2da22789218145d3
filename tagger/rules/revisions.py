"""The forms in which a packaging revision stands behind a version: `-N`, `-rN`, `_N`, `-N.N`, `{{variant}}-rN`."""

import re
from typing import NamedTuple, Self

from tagger.errors import InputError

__all__ = ["SUFFIX", "Revision", "guess_form"]

# The separator and the letters before the numbers. A digit among the letters belongs to them, as in -k3sN.
_FORM = r"(\{\{\s*variant\s*\}\})?([-_.](?:[A-Za-z0-9._-]*?[A-Za-z._-])??)N((?:\.N)*)"
_NUMBER = r"[0-9]+"
_NUMBERS = r"[0-9]+(?:\.[0-9]+)*"
# The words before revisions: Alpine and Debian's images write r, k3s and RKE2 their names, LinuxServer ls.
_WORDS = "r|rev|build|pkg|k3s|rke2r|rke2|ls|eks|gke"
SUFFIX = re.compile(rf"[-_](?:(?:{_WORDS})[-.]?)?{_NUMBERS}", re.IGNORECASE)
"""What looks like a revision behind a version, whatever the settings say."""


class Revision(NamedTuple):
    """A form: the text `before` the number, whether it is `dotted`, and whether it stands `behind` the variant."""

    before: str
    dotted: bool = False
    behind: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a form such as `-rN`. Raise `InputError` where it is none."""
        match = re.fullmatch(_FORM, text.strip())
        if match is None or (match[2] == "." and not match[1]):
            raise InputError(
                f"{text!r} is not the form of a revision",
                "Write the text after the version, with N for its number: -N, -rN, _N, -N.N, -k3sN, or "
                "{{variant}}-rN where it follows the variant.",
            )
        return cls(match[2], bool(match[3]), bool(match[1]))

    @property
    def pattern(self) -> str:
        """The regular expression of a revision in this form, with the text before its number."""
        return re.escape(self.before) + (_NUMBERS if self.dotted else _NUMBER)

    def split(self, text: str) -> tuple[str, str] | None:
        """Split a text before its revision: `22.0.1-1` into `22.0.1` and `-1`. None where it has no revision."""
        start = text.rfind(self.before)
        if start > 0 and re.fullmatch(self.pattern, text[start:]):
            return text[:start], text[start:]
        return None

    def write(self, build: str) -> str | None:
        """Write build metadata (the text behind a `+`) in this form: `k3s2` as `-k3s2`. None where it does not fit.

        A number alone fits every form.
        """
        for text in (f"{self.before[0]}{build}", f"{self.before}{build}"):
            if re.fullmatch(self.pattern, text):
                return text
        return None

    def __str__(self) -> str:
        return f"{'{{variant}}' if self.behind else ''}{self.before}N{'.N' if self.dotted else ''}"


def guess_form(suffix: str) -> str:
    """Return the form of a suffix that looks like a revision: `-rN` for `-r2`. Empty for any other suffix."""
    if not SUFFIX.fullmatch(suffix):
        return ""
    numbers = re.search(rf"{_NUMBERS}\Z", suffix)
    start = numbers.start() if numbers else 0
    return f"{suffix[:start]}N{'.N' if '.' in suffix[start:] else ''}"
