"""What a command is: a row."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tagger.settings.components import Several

if TYPE_CHECKING:
    from tagger.commands.run import Run
    from tagger.settings.option import Option

__all__ = ["Command"]


class Command(NamedTuple):
    """A command: its name, one line of help, and what runs it and returns the exit code.

    `arguments` names its positional arguments, as `VERSION`; a command without takes none. `words` says which options
    they stand for, in order, where they do. Which options it takes stands with each option. `examples` are shown by its
    help, each without the name of the program. `several` says on how many components of a file it works. With
    `prints_json` its output is JSON always.
    """

    name: str
    help: str
    run: "Callable[[Run], int]"
    arguments: str = ""
    words: tuple[str, ...] = ()
    several: Several = "one"
    examples: tuple[str, ...] = ()
    prints_json: bool = False

    @property
    def options(self) -> "tuple[Option[object], ...]":
        """The options that the command line takes of it: secrets are no words."""
        from tagger.settings.options import OPTIONS

        return tuple(one for one in OPTIONS if not one.secret and (not one.commands or self.name in one.commands))
