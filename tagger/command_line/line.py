"""The words of a command line before click parses them: the command, the options, and requests for help."""

from collections import deque
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

__all__ = ["HELP", "PROGRAM_VERSION", "Line", "read_line"]

HELP = frozenset({"-h", "--help"})
PROGRAM_VERSION = frozenset({"-V"})
_LOGIN = frozenset({"--username", "--password-stdin"})


class Line(NamedTuple):
    """A command line.

    `command` is the first word that is neither an option nor the value of one; `rest` are all other words. `plain` are
    the words behind the command that are neither. `options` are the spellings of all options, without their values.
    """

    command: str
    rest: tuple[str, ...]
    plain: tuple[str, ...]
    options: frozenset[str]

    @property
    def wants_help(self) -> bool:
        """True where any option asks for help."""
        return bool(self.options & HELP)

    @property
    def wants_version(self) -> bool:
        """True for the command `version`, and without a command for `-V`, and for `--version` as the only word.

        Where help is asked for, that is shown.
        """
        short = self.options & PROGRAM_VERSION or self.rest == ("--version",)
        return not self.wants_help and (self.command == "version" or bool(short and not self.command))

    @property
    def is_verbose(self) -> bool:
        """True where `--verbose` is among the options."""
        return bool(self.options & {"-v", "--verbose"})

    @property
    def may_hold_a_password(self) -> bool:
        """True where a login is typed: then a word too many may be its password."""
        return bool(self.options & _LOGIN)

    def hidden(self, text: str, known: Collection[str]) -> str:
        """Return a message. Where a login is typed, hide plain words and the command unless they are `known`."""
        if self.may_hold_a_password:
            for word in sorted({*self.plain, self.command}.difference(known), key=len, reverse=True):
                text = text.replace(word, "***") if word else text
        return text


def read_line(words: Sequence[str]) -> Line:
    """Return the command line in words. Options may come before the command; behind `--` no word is an option."""
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
            if waiting and not equals and name in _spellings_with_value():
                rest.append(waiting.popleft())
        elif not command and not plain:
            command = word
        else:
            rest.append(word)
            plain.append(word)
    return Line(command, tuple(rest), tuple(plain), frozenset(options))


@cache
def _spellings_with_value() -> frozenset[str]:
    """Return the spellings of the options that take a value."""
    from tagger.settings.options import OPTIONS  # `--version` alone does not need them

    return frozenset(spelling for option in OPTIONS if option.kind != "flag" for spelling in option.spellings)
