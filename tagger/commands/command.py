"""What a command is: a row."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tagger.settings.components import Several

if TYPE_CHECKING:
    from tagger.commands.run import Run

__all__ = ["Command"]


class Command(NamedTuple):
    """A command: its name, one line of help, and what runs it and returns the exit code.

    `arguments` names its positional arguments, as `VERSION`; a command without takes none. Which options it takes
    stands with each option. `several` says on how many components of a file it works.
    """

    name: str
    help: str
    run: "Callable[[Run], int]"
    arguments: str = ""
    several: Several = "one"
