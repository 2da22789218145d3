"""The parser for the words behind a command, made with click. A run without such words does not import it."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tagger.commands import commands
from tagger.commands.command import Command
from tagger.errors import InputError
from tagger.settings.option import Option
from tagger.settings.options import OPTIONS

__all__ = ["parse"]


def parse(command: Command, words: Sequence[str]) -> Mapping[str, Any]:
    """Return the parameters that the words give, by name. Raise `InputError` for words that click refuses."""
    try:
        return _parser(command).make_context(f"tagger {command.name}", list(words)).params
    except click.NoSuchOption as error:
        secret = next((option for option in OPTIONS if option.secret and error.option_name == f"--{option.name}"), None)
        if secret is None:
            other = [option for option in OPTIONS if error.option_name in option.spellings]
            if other:
                wrong = f"`{command.name}` does not take {error.option_name}"
                raise InputError(wrong, f"Drop `{other[0].name}`: {_takers(other[0])} take it.") from error
            name, close = _closest_option(error, words)
            meant = f"Did you mean `{close}`? " if close else ""
            hint = f"{meant}See `tagger {command.name} --help`."
            raise InputError(f"there is no option {name!r} of `{command.name}`", hint) from error
        hint = f"Set {secret.variables[-1]} in the environment, or pipe a password into `--password-stdin`."
        raise InputError(f"{error.option_name} is not taken from the command line: it is a secret", hint) from error
    except click.ClickException as error:
        raise InputError(error.format_message(), f"See `tagger {command.name} --help`.") from error


def _closest_option(error: click.NoSuchOption, words: Sequence[str]) -> tuple[str, str]:
    """Return an unknown option as it was written, and the option it may mean. Click reads `-version` as letters."""
    for word in words:
        long = f"-{word.partition('=')[0]}"
        if not word.startswith("--") and any(long in option.spellings for option in OPTIONS):
            return word, long
    close = difflib.get_close_matches(error.option_name, error.possibilities or (), cutoff=0.7)
    whole = [name for name in close if f"{close[0]}s" == name]  # `--tag` is another spelling of `--tags`
    return error.option_name, next(iter((*whole, *close)), "")


def _takers(option: Option[object]) -> str:
    return ", ".join(command.name for command in commands() if command.takes(option))


def _parser(command: Command) -> click.Command:
    """Return the parser of a command, made from the rows of its options."""
    parameters: list[click.Parameter] = []
    if command.arguments:
        parameters.append(click.Argument(["arguments"], nargs=-1, metavar=command.arguments))
    parameters += map(_parameter, command.options)
    parameters.append(click.Option(["--password-stdin"], is_flag=True))
    return click.Command(command.name, params=parameters, add_help_option=False)


def _parameter(option: Option[object]) -> click.Option:
    names = [*option.spellings, option.attribute]
    if option.kind == "flag":
        return click.Option(names, is_flag=True)
    return click.Option(names, multiple=True)
