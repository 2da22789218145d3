"""The commands: a module each, which holds its row and makes its job of the settings."""

from importlib import import_module

from tagger.commands.command import Command

__all__ = ["NAMES", "command_named", "commands"]

NAMES = (
    "plan", "release", "approve", "policy", "reconcile", "withdraw", "tags", "check", "push", "delete", "prune",
    "components", "init", "config",
)  # fmt: skip
"""The names of the commands, in the order of their lists; each is a module here."""


def command_named(name: str) -> Command:
    """Return the row of one of `NAMES`; a run imports the module of no other command."""
    command: Command = import_module(f"tagger.commands.{name}").COMMAND
    return command


def commands() -> tuple[Command, ...]:
    """Return the row of every command."""
    return tuple(map(command_named, NAMES))
