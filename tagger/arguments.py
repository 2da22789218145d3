"""The words behind a command, as click parses them; a run that has none does not import this."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tagger.commands.command import Command
from tagger.errors import InputError
from tagger.settings.option import Option
from tagger.settings.options import OPTIONS

__all__ = ["EPILOG", "parse"]

EPILOG = (
    "Every option but --password-stdin is an input of the action, and read from the environment:\n"
    "--dry-run is the input dry-run, and the variables INPUT_DRY-RUN and TAGGER_DRY_RUN."
)
_LOGIN = {"--username", "--password-stdin"}


def parse(command: Command, words: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the parameters that the words give, None when they ask for help, which is printed.

    Raise `InputError` for what click does not understand.
    """
    try:
        return _parser(command).make_context(f"tagger {command.name}", list(words)).params
    except click.exceptions.Exit:
        return None
    except click.NoSuchOption as error:
        secret = next((option for option in OPTIONS if option.secret and error.option_name == f"--{option.name}"), None)
        if secret is None:
            raise InputError(error.format_message(), f"See `tagger {command.name} --help`.") from error
        hint = f"Set {secret.variables[-1]} in the environment, or pipe a password into `--password-stdin`."
        raise InputError(f"{error.option_name} is not taken from the command line: it is a secret", hint) from error
    except click.ClickException as error:
        message = error.format_message()
        if _LOGIN.intersection(words):  # then a word too many may be the password
            message = re.sub(r"\(.*\)", "(***)", message)
        raise InputError(message, f"See `tagger {command.name} --help`.") from error


def _parser(command: Command) -> click.Command:
    """Make the parser of one command from the rows of the options."""
    parameters: list[click.Parameter] = []
    if command.arguments:
        parameters.append(click.Argument(["arguments"], nargs=-1, metavar=command.arguments))
    for option in OPTIONS:
        if not option.secret and (not option.commands or command.name in option.commands):
            parameters.append(_parameter(option))
    parameters.append(click.Option(["--password-stdin"], is_flag=True, help="Read the password from standard input."))
    settings = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}
    return click.Command(command.name, params=parameters, help=command.help, epilog=EPILOG, context_settings=settings)


def _parameter(option: Option[object]) -> click.Option:
    names = list(dict.fromkeys((option.spelling, f"--{option.name}", option.attribute)))
    if option.kind == "flag":
        return click.Option(names, is_flag=True, help=option.usage)
    return click.Option(names, multiple=True, metavar="|".join(option.choices) or option.metavar, help=option.usage)
