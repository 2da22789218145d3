"""The commands, one module each, with its row and the job that it makes from the settings."""

from importlib import import_module

from tagger.commands.command import Command

__all__ = ["NAMES", "find_command", "commands"]

NAMES = (
    "plan", "release", "approve", "policy", "reconcile", "withdraw", "tags", "check", "push", "delete", "prune",
    "components", "init", "config",
)  # fmt: skip
"""The names of the commands, in the order of help; each is a module here."""


def find_command(name: str) -> Command:
    """Return the row of one of `NAMES`. A run imports only the module of its command."""
    command: Command = import_module(f"tagger.commands.{name}").COMMAND
    return command


def commands() -> tuple[Command, ...]:
    """Return the row of every command."""
    return tuple(map(find_command, NAMES))
