"""The help of the program and of each command: short, or with every option explained."""

import re
import textwrap
from collections.abc import Iterator, Sequence

import tagger
from tagger.commands import commands
from tagger.commands.command import Command
from tagger.reporting.terminal import style
from tagger.settings.option import Group, Option
from tagger.settings.options import OPTIONS

__all__ = ["GROUPS", "command_help", "program_help"]

GROUPS: dict[Group, tuple[str, tuple[str, ...]]] = {
    "what": (
        "What is worked on, and what a run may do to it",
        ("--image ghcr.io/acme/app", "--source docker-daemon:app:build", "--source oci-archive:app.tar"),
    ),
    "version": (
        "Its version, and how versions are written",
        ("--version 2.1.4", "--version-from file:package.json", "--scheme calver"),
    ),
    "tags": (
        "The tags that a version holds",
        ("--tag '{{version}}' --tag '{{major}}.{{minor}}'", "--variants 'default alpine'", "--channel rc"),
    ),
    "gates": (
        "What an image must be before it gets a name",
        ("--platforms 'linux/amd64 linux/arm64'", "--golden ghcr.io/acme/base:1", "--require-referrer signature"),
    ),
    "login": (
        "Who logs in",
        (
            "--username octocat --password-stdin <token.txt",
            "--registry ghcr.io --username octocat --password-stdin <token.txt",
            "--username octocat --password-stdin --dry-run <token.txt",
        ),
    ),
    "network": (
        "How registries are reached",
        ("--insecure registry.test:5000", "--ca-file authority.pem", "--endpoint ghcr.io=127.0.0.1:5000"),
    ),
    "output": ("What is printed", ("--json", "--quiet", "--verbose")),
}
"""The groups of options in their order, each with its title and three examples."""

PASSWORD_STDIN = "--password-stdin"  # noqa: S105 - the name of an option
_EVERYWHERE = (
    "Every option but --password-stdin is an input of the action, and read from the environment: --dry-run is the "
    "input dry-run, and the variables INPUT_DRY-RUN and TAGGER_DRY_RUN."
)


def program_help(width: int, *, verbose: bool) -> str:
    """Return the help of the program: its commands; with `verbose`, every option too."""
    return "\n".join(_program(width, verbose))


def command_help(command: Command, width: int, *, verbose: bool) -> str:
    """Return the help of a command: the names of its options; with `verbose`, each option explained."""
    return "\n".join(_command(command, width, verbose))


def _program(width: int, verbose: bool) -> Iterator[str]:
    yield f"{_heading('Usage:')} tagger [OPTIONS] COMMAND [OPTIONS] [WORDS]"
    yield from textwrap.wrap(tagger.__doc__ or "", width)
    yield ""
    yield _heading("Commands:")
    rows = [(command.name, command.help) for command in commands()]
    for name, text in (*rows, ("completion", "Print what completes these words in a shell: bash, zsh or fish.")):
        yield from _row(name, 11, text, width)
    yield ""
    yield from _examples(
        ("plan ghcr.io/acme/app 2.1.4 --source app:build", "release ghcr.io/acme/app 2.1.4 --source app:build",
         "tags ghcr.io/acme/app"), width,
    )  # fmt: skip
    yield ""
    if verbose:
        yield from _option_groups("COMMAND", OPTIONS, width)
    yield from _wrap(
        "Without COMMAND it is what INPUT_COMMAND says, else plan. `tagger help COMMAND` tells more of one, "
        "`tagger help --verbose` lists every option, `tagger version` prints the version.",
        width,
    )


def _command(command: Command, width: int, verbose: bool) -> Iterator[str]:
    usage = " ".join(filter(None, ("tagger", command.name, "[OPTIONS]", command.arguments)))
    yield f"{_heading('Usage:')} {usage}"
    yield ""
    yield from _wrap(command.help, width)
    yield ""
    yield from _examples(command.examples, width)
    yield ""
    if verbose:
        yield from _option_groups(command.name, command.options, width)
        yield from _wrap(_EVERYWHERE, width)
        return
    yield _heading("Options:")
    for group in GROUPS:
        names = [option.spelling for option in command.options if option.group == group]
        names += [PASSWORD_STDIN] * (group == "login")
        if names:
            yield from _row(group, 8, " ".join(names), width)
    yield ""
    yield from _wrap(f"`tagger {command.name} --help --verbose` explains each.", width)


def _row(name: str, columns: int, text: str, width: int) -> Iterator[str]:
    """Yield a name and its text in two columns."""
    first, *more = _wrap(text, width, columns + 3)
    yield f"  {style(f'{name:<{columns}}', fg='cyan')} {first}"
    yield from (f"{'':{columns + 3}}{line}" for line in more)


def _examples(examples: Sequence[str], width: int) -> Iterator[str]:
    yield _heading("Examples:")
    for example in examples:
        yield from _shell_lines(f"tagger {example}", width)


def _shell_lines(example: str, width: int) -> Iterator[str]:
    """Yield a line for the shell. A long one is broken with backslashes, so that it can be pasted."""
    line = "  "
    for word in re.findall(r"(?:'[^']*'|\S)+", example):
        if line.strip() and len(line) + len(word) > width - 2:
            yield f"{line}\\"
            line = "      "
        line += f"{word} "
    yield line.rstrip()


def _option_groups(command: str, options: Sequence[Option[object]], width: int) -> Iterator[str]:
    """Yield the options in groups, each with its help, and the examples that use only these options."""
    known = {spelling for option in options for spelling in option.spellings} | {PASSWORD_STDIN}
    for group, (about, examples) in GROUPS.items():
        yield _heading(f"{about} ({group}):")
        for option in options:
            if option.group == group and not option.secret:
                yield from _option(option, width)
        if group == "login":
            yield f"  {style(PASSWORD_STDIN, fg='cyan')}"
            yield "      Read the password from standard input."
        fitting = [one for one in examples if known.issuperset(re.findall(r"--[a-z-]+", one))]
        if fitting:
            yield ""
            for example in fitting:
                yield from _shell_lines(f"tagger {command} … {example}", width)
        yield ""


def _option(option: Option[object], width: int) -> Iterator[str]:
    value = "" if option.kind == "flag" else f" {'|'.join(option.choices) or option.metavar}"
    yield f"  {style(', '.join(option.spellings), fg='cyan')}{value}"
    yield from (f"{'':6}{line}" for line in _wrap(option.usage, width, 6))


def _wrap(text: str, width: int, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False)


def _heading(text: str) -> str:
    return style(text, bold=True)
