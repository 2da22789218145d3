"""The words of a command line, before anything parses them: the command among them, and what asks for help."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from tagger.settings.options import OPTIONS

__all__ = ["HELP", "PROGRAM_VERSION", "Line", "read_line"]

HELP = frozenset({"-h", "--help"})
PROGRAM_VERSION = frozenset({"-V"})
_LOGIN = frozenset({"--username", "--password-stdin"})


class Line(NamedTuple):
    """A command line: the first word that is no option and no option's value, the words without it, and the options.

    `plain` are the words behind it that are neither an option nor its value; `options` are the spellings that stand
    there, without values.
    """

    command: str
    rest: tuple[str, ...]
    plain: tuple[str, ...]
    options: frozenset[str]

    @property
    def wants_help(self) -> bool:
        """True where help is asked for, whatever else is said."""
        return bool(self.options & HELP)

    @property
    def wants_version(self) -> bool:
        """True where nothing but the version of the program is asked for."""
        return not self.command and bool(self.options & PROGRAM_VERSION or self.rest == ("--version",))

    @property
    def is_verbose(self) -> bool:
        """True where everything is asked for."""
        return bool(self.options & {"-v", "--verbose"})

    @property
    def may_hold_a_password(self) -> bool:
        """True where a word too many may be the password of a login."""
        return bool(self.options & _LOGIN)

    def hidden(self, text: str, known: Collection[str]) -> str:
        """Return a message without the words that may be a password: those that are none of the `known` commands."""
        if self.may_hold_a_password:
            for word in sorted({*self.plain, self.command}.difference(known), key=len, reverse=True):
                text = text.replace(word, "***") if word else text
        return text


def read_line(words: Sequence[str]) -> Line:
    """Read a command line. Options may stand before the command; behind `--` there are none."""
    valued = {spelling for option in OPTIONS if option.kind != "flag" for spelling in option.spellings}
    command, rest, plain, options = "", list[str](), list[str](), set[str]()
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            behind = list(waiting)
            rest += [word, *behind]
            plain += behind
        elif word.startswith("-") and word != "-":
            rest.append(word)
            name, equals, _ = word.partition("=")
            options.update([name] if name.startswith("--") else [f"-{letter}" for letter in word[1:]])
            if name in valued and not equals:
                rest += [value for value in [next(waiting, None)] if value is not None]
        elif not command and not plain:
            command = word
        else:
            rest.append(word)
            plain.append(word)
    return Line(command, tuple(rest), tuple(plain), frozenset(options))
