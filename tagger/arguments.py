"""The words behind a command, as click parses them; a run that has none does not import this."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from tagger.errors import InputError
from tagger.settings.options import ARGUMENTS, COMMAND_HELP, EPILOG, OPTIONS, Option

__all__ = ["parse"]

_LOGIN = {"--username", "--password-stdin"}


def parse(command: str, words: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the parameters that the words give, None when they ask for help, which is printed.

    Raise `InputError` for what click does not understand.
    """
    try:
        return _parser(command).make_context(f"tagger {command}", list(words)).params
    except click.exceptions.Exit:
        return None
    except click.NoSuchOption as error:
        secret = next((option for option in OPTIONS if option.secret and error.option_name == f"--{option.name}"), None)
        if secret is None:
            raise InputError(error.format_message(), f"See `tagger {command} --help`.") from error
        hint = f"Set {secret.variables[-1]} in the environment, or pipe a password into `--password-stdin`."
        raise InputError(f"{error.option_name} is not taken from the command line: it is a secret", hint) from error
    except click.ClickException as error:
        message = error.format_message()
        if _LOGIN.intersection(words):  # then a word too many may be the password
            message = re.sub(r"\(.*\)", "(***)", message)
        raise InputError(message, f"See `tagger {command} --help`.") from error


def _parser(command: str) -> click.Command:
    """Make the parser of one command from the table of options."""
    parameters: list[click.Parameter] = []
    if command in ARGUMENTS:
        parameters.append(click.Argument(["arguments"], nargs=-1, metavar=ARGUMENTS[command]))
    for option in OPTIONS:
        if not option.secret and (not option.commands or command in option.commands):
            parameters.append(_parameter(option))
    parameters.append(click.Option(["--password-stdin"], is_flag=True, help="Read the password from standard input."))
    settings = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}
    return click.Command(
        command, params=parameters, help=COMMAND_HELP[command], epilog=EPILOG, context_settings=settings
    )


def _parameter(option: Option) -> click.Option:
    spelled = (f"--{option.flag or option.name}", f"--{option.name}", option.name.replace("-", "_"))
    names = list(dict.fromkeys(spelled))
    if option.kind == "flag":
        return click.Option(names, is_flag=True, help=option.usage)
    return click.Option(names, multiple=True, metavar="|".join(option.choices) or option.metavar, help=option.usage)
