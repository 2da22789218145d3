"""The words of a command line, before anything parses them: the command among them, and what asks for help."""

from collections import deque
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

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
        short = self.options & PROGRAM_VERSION or self.rest == ("--version",)
        return self.command == "version" or bool(short and not self.command)

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
    command, rest, plain, options = "", list[str](), list[str](), set[str]()
    waiting = deque(words)
    while waiting:
        word = waiting.popleft()
        if word == "--":
            rest += [word, *waiting]
            plain += waiting
            break
        if word.startswith("-") and word != "-":
            rest.append(word)
            name, equals, _ = word.partition("=")
            options.update([name] if name.startswith("--") else [f"-{letter}" for letter in word[1:]])
            if waiting and not equals and name in _valued():
                rest.append(waiting.popleft())
        elif not command and not plain:
            command = word
        else:
            rest.append(word)
            plain.append(word)
    return Line(command, tuple(rest), tuple(plain), frozenset(options))


@cache
def _valued() -> frozenset[str]:
    """Return the spellings of the options that take a value."""
    from tagger.settings.options import OPTIONS  # `--version` alone does without

    return frozenset(spelling for option in OPTIONS if option.kind != "flag" for spelling in option.spellings)
