"""The command line, which is also the action: arguments and environment become an exit code."""

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TextIO

import tagger
from tagger.commands import NAMES, command_named, commands
from tagger.commands.command import Command
from tagger.confidential import logins_in
from tagger.errors import InputError, TaggerError
from tagger.interruption import Interruption
from tagger.settings.option import TRUE
from tagger.settings.options import OPTIONS, named

# Start-up is most of what a run costs here, so each module is imported where it is clear that it is needed.
if TYPE_CHECKING:
    from tagger.reporting.console import Console

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line and end the process with its code.

    The interpreter is not taken down piece by piece: nothing is left to do, and it would cost a seventh of a run.
    """
    interruption = Interruption()
    interruption.listen()
    out, err = _Pipe.of(sys.stdout), _Pipe.of(sys.stderr)
    sys.stdout, sys.stderr = _text(out, sys.stdout), _text(err, sys.stderr)
    code = run(sys.argv[1:], os.environ, sys.stdout, sys.stderr, sys.stdin, interruption)
    sys.stdout.flush()
    if out.failure:
        print(f"tagger: standard output cannot be written: {out.failure.strerror}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(code or (1 if out.failure else 0))


class _Pipe(io.FileIO):
    """A stream that perhaps nobody reads any more, as behind `| head`, or that is full or closed: no release ends half
    way because of that. What went wrong is kept in `failure`, unless it is that nobody reads."""

    failure: OSError | None = None

    @classmethod
    def of(cls, stream: TextIO | None) -> Self:
        """Return the stream of a file that is open, else one that takes everything."""
        return cls(stream.fileno(), "w", closefd=False) if stream else cls(os.devnull, "w")

    def write(self, text: Any, /) -> int:
        """Write, or let it be where that cannot be done."""
        try:
            return super().write(text)
        except BrokenPipeError:
            return len(text)
        except OSError as error:
            self.failure = error
            return len(text)


def _text(pipe: _Pipe, stream: TextIO | None) -> TextIO:
    """Return a stream of lines; what its encoding lacks is written as a question mark."""
    encoding = stream.encoding if stream else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(pipe), encoding, "replace", line_buffering=True)


def run(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    stdin: TextIO,
    interruption: Interruption | None = None,
) -> int:
    """Run one command and return its exit code: 0 done, 1 failed or refused, 2 the input is wrong."""
    words = list(arguments)
    if words == ["--version"]:
        print(f"tagger {tagger.__version__}", file=out)
        return 0
    if words[:1] in (["--help"], ["-h"]):
        print(_overview(), file=out)
        return 0
    from tagger.reporting.console import Console

    console = Console(environ, out, err, json=_wants_json(words, environ), commands=NAMES)
    name = ""
    try:
        name = _command_name(words, environ)
        command = command_named(name)
        parameters = _parse(command, words[1:] if words[:1] == [name] else words)
        if parameters is None:
            return 0
        return _run(command, parameters, environ, stdin, console, interruption or Interruption())
    except TaggerError as error:
        return _show_failure(console, name, error)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        failure = TaggerError(f"too many files are open: {error.strerror}", "Raise the limit: `ulimit -n 1024`.")
        return _show_failure(console, name, failure)


def _show_failure(console: "Console", name: str, error: TaggerError) -> int:
    from tagger.results import Report

    return console.show_report(Report(name, error=error))


def _run(
    command: Command,
    parameters: Mapping[str, Any],
    environ: Mapping[str, str],
    stdin: TextIO,
    console: "Console",
    interruption: Interruption,
) -> int:
    """Gather the settings, open what the command works with, and run it."""
    from tagger.commands.connections import Connections
    from tagger.commands.run import Run
    from tagger.settings.gather import gather_each

    positional = _positional(parameters, environ)
    if positional and not command.arguments:
        raise InputError(
            f"`{command.name}` takes no arguments, and got {' '.join(positional)}", "Leave `arguments` out."
        )
    components = gather_each(command.name, _given(parameters, stdin), environ, several=command.several)
    settings = components[0]
    if settings.json:  # a file may have said so
        console.use_json(True)
    console.mask((*settings.secrets, *_proxy_logins(environ)))
    with Connections(settings, environ, console.warn, components) as connections:
        run = Run(
            settings,
            positional,
            environ,
            command=command.name,
            argument_name=command.arguments,
            connections=connections,
            console=console,
            interruption=interruption,
        )
        if len(components) < 2:
            return command.run(run)
        from tagger.commands.several import run_components

        return run_components(command, run, components)


def _proxy_logins(environ: Mapping[str, str]) -> set[str]:
    """Return the passwords of the proxies that the environment names."""
    return {
        password
        for name, value in environ.items()
        if name.lower().endswith("_proxy")
        for password in logins_in(value if "://" in value else f"http://{value}")
    }


def _wants_json(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Say whether JSON is asked for, also where the rest cannot be understood."""
    asked = any(environ.get(name, "").strip().lower() in TRUE for name in named("json").variables)
    return asked or "--json" in words


def _command_name(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the command: the first word, else what the environment names, else `plan`, which writes nothing."""
    if words and not words[0].startswith("-"):
        name, origin = words[0], ""
    else:
        variables = ("INPUT_COMMAND", "TAGGER_COMMAND")
        origin = next((variable for variable in variables if environ.get(variable, "").strip()), "")
        name = environ[origin].strip() if origin else "plan"
    if name not in NAMES:
        import difflib

        close = difflib.get_close_matches(name, NAMES, 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        where = f"{origin}: " if origin else ""
        raise InputError(f"{where}there is no command {name!r}", f"{hint}The commands are: {', '.join(NAMES)}.")
    return name


def _parse(command: Command, words: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the parameters that the words behind a command give, None when its help was printed instead."""
    if not words:
        return {}
    from tagger.arguments import parse

    return parse(command, words)


def _overview() -> str:
    """Return the help of the whole program."""
    from tagger.arguments import EPILOG

    return "\n".join(
        (
            "Usage: tagger [COMMAND] [OPTIONS]",
            f"\n{tagger.__doc__}",
            "\nCommands; without one it is what INPUT_COMMAND says, else plan:",
            *(f"  {command.name:<10} {command.help}" for command in commands()),
            "\ntagger COMMAND --help lists the options of a command, tagger --version prints the version.",
            EPILOG,
        )
    )


def _positional(parameters: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return the positional arguments: of the command line, else one a line of the input `arguments`."""
    given = list(parameters.get("arguments") or ())
    if given:
        return given
    texts = (environ.get(name, "") for name in ("INPUT_ARGUMENTS", "TAGGER_ARGUMENTS"))
    text = next((text for text in texts if text.strip()), "")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _given(parameters: Mapping[str, Any], stdin: TextIO) -> dict[str, list[str]]:
    """Return what the command line says, as texts by option name."""
    given = {}
    for option in OPTIONS:
        value = parameters.get(option.attribute)
        if value:
            given[option.name] = ["true"] if value is True else list(value)
    if parameters.get("password_stdin"):
        given["password"] = [stdin.read().rstrip("\r\n")]
        if given["password"] == [""]:
            raise InputError("--password-stdin: there is nothing on standard input", "Pipe the password into it.")
    return given
