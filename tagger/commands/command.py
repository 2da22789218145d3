"""The row of a command."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tagger.commands.run import Run
    from tagger.results import Report, Verb
    from tagger.settings.components import Several
    from tagger.settings.option import CommandKind, Option
    from tagger.settings.values import Settings

__all__ = ["Command"]


class Command(NamedTuple):
    """A command: its name, one line of help, and the function that runs it and returns the exit code.

    `arguments` names its positional arguments, as `VERSION`; without, it takes none. `words` are the options that the
    arguments are values of, in order. Where it is empty, arguments from number `repositories_from` on may name a
    repository. The command takes the options that name it or one of its `kinds`. `examples` are shown in its help,
    without the name of the program. `several` says how many components of a file it works on. `prints` is the format of
    its output, if it has only one. `verb` has the words of its report.
    """

    name: str
    help: str
    run: "Callable[[Run], int]"
    arguments: str = ""
    kinds: "tuple[CommandKind, ...]" = ()
    words: tuple[str, ...] = ()
    repositories_from: int | None = None
    several: "Several" = "one"
    examples: tuple[str, ...] = ()
    prints: str = ""
    verb: "Verb | Callable[[Report, Settings], Verb] | None" = None

    def apart(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the arguments that are the command's own, and those that name a repository."""
        from tagger.settings.arguments import names_repository

        first = len(words) if self.repositories_from is None else self.repositories_from
        own = [word for number, word in enumerate(words) if number < first or not names_repository(word)]
        return own, [word for number, word in enumerate(words) if number >= first and names_repository(word)]

    @property
    def options(self) -> "tuple[Option[object], ...]":
        """The options that the command takes on the command line: all but secrets."""
        from tagger.settings.options import OPTIONS

        return tuple(option for option in OPTIONS if not option.secret and self.takes(option))

    def verb_of(self, report: "Report", settings: "Settings") -> "Verb":
        """Return the words that a report uses for what the command did by these settings.

        A status for programs that the report has already stays.
        """
        words = (self.verb(report, settings) if callable(self.verb) else self.verb) or report.verb
        return words._replace(json_status=report.verb.json_status or words.json_status)

    def takes(self, option: "Option[object]") -> bool:
        """Say whether the command uses an option."""
        return not option.commands or not {self.name, *self.kinds}.isdisjoint(option.commands)
