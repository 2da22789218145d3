"""The command `config`, which shows the settings as Tagger reads them."""

from tagger.commands.command import Command
from tagger.commands.run import Run

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    return run.console.show_config(run.settings)


COMMAND = Command("config", "Show the settings as understood, and where each came from.", _run,
    kinds=("releases", "reads a version", "applies rules", "writes", "prunes", "needs no image"),
    examples=("config", "config --json", "config --only api"),
)  # fmt: skip
