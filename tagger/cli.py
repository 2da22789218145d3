"""The command line, which the action runs too: from arguments and environment to an exit code."""

import errno
import io
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

import tagger
from tagger.command_line.line import Line, read_line
from tagger.commands import NAMES, find_command
from tagger.commands.command import Command
from tagger.errors import InputError, TaggerError
from tagger.interruption import Interruption
from tagger.reporting.terminal import Outlet

# Start-up is most of the cost here, so each module is imported only where a run needs it.
if TYPE_CHECKING:
    from tagger.images.registry.dial import Dial
    from tagger.reporting.console import Console
    from tagger.settings.values import Settings

__all__ = ["main", "run"]


def main(begun: "Sequence[Dial]" = ()) -> None:
    """Run the command line, and end the process with its exit code. `begun` are early connections to registries.

    The process ends without the clean-up of the interpreter, which would cost a seventh of a run.
    """
    interruption = Interruption()
    interruption.listen()
    out, err = _Pipe.of(sys.stdout), _Pipe.of(sys.stderr)
    sys.stdout, sys.stderr = _text(out, sys.stdout), _text(err, sys.stderr)
    code = run(sys.argv[1:], os.environ, sys.stdout, sys.stderr, sys.stdin, interruption, begun)
    sys.stdout.flush()
    if out.failure:
        print(f"tagger: standard output cannot be written: {out.failure.strerror}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(code or (1 if out.failure else 0))


class _Pipe(io.FileIO):
    """A stream whose errors do not stop a release: it may be closed, full, or without a reader, as after `| head`.

    `failure` keeps the last error, except for a missing reader.
    """

    failure: OSError | None = None

    @classmethod
    def of(cls, stream: TextIO | None) -> Self:
        """Return a pipe to an open stream; without one, a pipe that discards everything."""
        return cls(stream.fileno(), "w", closefd=False) if stream else cls(os.devnull, "w")

    def write(self, text: Any, /) -> int:
        """Write bytes, and return their number, even where they cannot be written."""
        try:
            return super().write(text)
        except BrokenPipeError:
            return len(text)
        except OSError as error:
            self.failure = error
            return len(text)


def _text(pipe: _Pipe, stream: TextIO | None) -> TextIO:
    """Return a text stream that is flushed at each line. Characters that its encoding lacks become question marks."""
    encoding = stream.encoding if stream else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(pipe), encoding, "replace", line_buffering=True)


def run(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    stdin: TextIO,
    interruption: Interruption | None = None,
    begun: "Sequence[Dial]" = (),
) -> int:
    """Run one command, and return its exit code: 0 done, 1 failed or refused, 2 the input is wrong."""
    line = read_line(arguments)
    if line.wants_version:
        Outlet(out, environ).echo(f"tagger {tagger.__version__}")
        return 0
    spare = _Spare()
    from tagger.reporting.console import Console

    console = Console(environ, out, err, form=_requested_format(line, environ), commands=NAMES)
    name = line.command
    try:
        if text := _program_text(line, environ, out):
            Outlet(out, environ).echo(text)
            return 0
        command = find_command(_command_name(line, environ))
        name = command.name
        parameters = _parse(command, line.rest)
        return _run(command, parameters, environ, stdin, console, interruption or Interruption(), line, begun)
    except TaggerError as error:
        return _show_failure(console, name if name in NAMES else "", line, error)
    except ModuleNotFoundError as error:
        return _show_failure(console, name if name in NAMES else "", line, _missing_package(error))
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        spare.close()
        failure = TaggerError(f"too many files are open: {error.strerror}", "Raise the limit: `ulimit -n 1024`.")
        return _show_failure(console, name, line, failure)
    finally:
        spare.close()
        console.close()


class _Spare:
    """An open file in reserve. Closing it lets an error be reported where no more files can be opened."""

    def __init__(self) -> None:
        self._file = -1
        with suppress(OSError):
            self._file = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the file, so that another one can be opened."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _show_failure(console: "Console", name: str, line: Line, error: TaggerError) -> int:
    from tagger.results import Report

    if isinstance(error, InputError) and line.may_hold_a_password:
        error = InputError(line.hidden(error.message, NAMES), line.hidden(error.hint, NAMES), code=error.code)
    return console.show_report(Report(name, error=error))


def _missing_package(error: ModuleNotFoundError) -> InputError:
    """Return the error for a package that is not installed. Raise `error` for a module of Tagger or Python: a bug."""
    package = (error.name or "").partition(".")[0]
    if not package or package == "tagger" or package in sys.stdlib_module_names:
        raise error
    return InputError(
        f"the Python package {package} is missing",
        "Install what Tagger needs: `pip install --require-hashes -r requirements.txt`, or `pip install .`.",
        code="MISSING_PACKAGE",
    )


def _program_text(line: Line, environ: Mapping[str, str], out: TextIO) -> str:
    """Return the help or the completion that a line asks for; empty where it asks for a run."""
    if line.command == "completion" and not line.wants_help:
        from tagger.command_line.completion import completion

        return completion(" ".join(line.plain))
    helping = line.command in ("help", "completion")
    if not (line.wants_help or helping or _is_unconfigured(line, environ)):
        return ""
    from tagger.command_line.help import command_help, program_help

    width = min(Outlet(out, environ).width, 100)
    name = " ".join(line.plain) if helping else line.command
    if not name or name in ("help", "version") or "completion" in (name, line.command):
        return program_help(width, verbose=line.is_verbose)
    return command_help(find_command(_valid_name(name, line)), width, verbose=line.is_verbose)


def _is_unconfigured(line: Line, environ: Mapping[str, str]) -> bool:
    """Say whether there are no words, no INPUT_ or TAGGER_ variables except TAGGER_NOW, and no settings file."""
    if line.command or line.rest:
        return False
    said = (name for name, value in environ.items() if value.strip() and name.startswith(("INPUT_", "TAGGER_")))
    if any(name != "TAGGER_NOW" for name in said):
        return False
    from tagger.settings.search import find_settings_file

    return find_settings_file(Path(), environ.get("GITHUB_WORKSPACE", "")) is None


def _run(
    command: Command,
    parameters: Mapping[str, Any],
    environ: Mapping[str, str],
    stdin: TextIO,
    console: "Console",
    interruption: Interruption,
    line: Line,
    begun: "Sequence[Dial]",
) -> int:
    """Read the settings, open the connections, and run the command for each component."""
    from tagger.commands.connections import Connections
    from tagger.commands.run import Run

    positional, repositories = command.apart(_positional(parameters, environ))
    components = _settings(command, positional, repositories, _option_values(parameters, stdin), environ, line)
    settings = components[0]
    console.be(command.prints or _configured_format(settings), quiet=settings.quiet, verbose=settings.verbose)
    console.mask((*settings.secrets, *_proxy_logins(environ)))
    _note_names(settings, console)
    with Connections(settings, environ, console.warn, components, console.meter, console.mask, begun) as connections:
        interruption.release = connections.stop
        run = Run(
            settings,
            positional,
            environ,
            command=command.name,
            argument_name=command.arguments,
            verb_of=command.verb_of,
            connections=connections,
            console=console,
            interruption=interruption,
        )
        if len(components) < 2:
            return command.run(run)
        from tagger.commands.several import run_components

        return run_components(command, run, components, console)


def _note_names(settings: "Settings", console: "Console") -> None:
    """Note which repository is meant by a name with capitals, or without a registry."""
    for text in settings.given["images"].texts if "images" in settings.given else ():
        if text != text.lower() and "oci:" not in text:
            console.note(f"{text.lower()} is meant by {text}: names of repositories are in lower case")
        if re.fullmatch(r"[\w.-]+", text):
            name = f"docker.io/library/{text.lower()}"
            console.note(f"{name} is meant by {text}: a name without a registry is Docker Hub's")


def _settings(
    command: Command,
    words: Sequence[str],
    repositories: Sequence[str],
    given: Mapping[str, Sequence[str]],
    environ: Mapping[str, str],
    line: Line,
) -> "tuple[Settings, ...]":
    """Return the settings of each component that the command works on; a single one without components."""
    from tagger.settings.arguments import Arguments
    from tagger.settings.gather import gather_each

    if words and not command.arguments:
        raise InputError(f"`{command.name}` takes no arguments, and got {' '.join(words)}", "Leave `arguments` out.")
    texts, meaning = (words, command.words) if command.words else (repositories, ("images",))
    meant = Arguments(texts, meaning, guarded=line.may_hold_a_password)
    return gather_each(command, given, environ, arguments=meant, spelled=line.options)


def _proxy_logins(environ: Mapping[str, str]) -> set[str]:
    """Return the passwords in the URLs of proxies in the environment."""
    from tagger.confidential import logins_in

    return {
        password
        for name, value in environ.items()
        if name.lower().endswith("_proxy")
        for password in logins_in(value if "://" in value else f"http://{value}")
    }


def _requested_format(line: Line, environ: Mapping[str, str]) -> str:
    """Return the format that the words or the environment ask for, even where the rest is wrong."""
    from tagger.reporting.formatter import FORMATS, TEXT
    from tagger.settings.option import TRUE
    from tagger.settings.options import find_option

    for option in map(find_option, [form for form in FORMATS if form != TEXT]):
        asked = any(environ.get(name, "").strip().lower() in TRUE for name in option.variables)
        if asked or option.spelling in line.options:
            return option.name
    return TEXT


def _configured_format(settings: "Settings") -> str:
    """Return the format that the settings ask for, which include the settings file. Raise `InputError` for several."""
    from tagger.reporting.formatter import FORMATS, TEXT
    from tagger.settings.options import find_option

    asked = [form for form in FORMATS if form != TEXT and getattr(settings, find_option(form).attribute)]
    if len(asked) > 1:
        raise InputError(f"several formats are asked for: {', '.join(asked)}", f"Keep one, such as `{asked[0]}`.")
    return next(iter(asked), TEXT)


def _command_name(line: Line, environ: Mapping[str, str]) -> str:
    """Return the command of the line, else of the environment, else `plan`, which writes nothing."""
    if line.command:
        return _valid_name(line.command, line)
    variables = ("INPUT_COMMAND", "TAGGER_COMMAND")
    origin = next((variable for variable in variables if environ.get(variable, "").strip()), "")
    return _valid_name(environ[origin].strip(), line, f"{origin}: ") if origin else "plan"


def _valid_name(name: str, line: Line, where: str = "") -> str:
    """Return `name` if a command has it. Raise `InputError` if none has; `where` begins the message."""
    if name in NAMES:
        return name
    import difflib

    close = difflib.get_close_matches(name, NAMES if where else (*NAMES, "help", "version", "completion"), 1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    if not where and len(line.plain) == 0 and re.match(r"v?[0-9]|[^/]+/", name):
        hint = f"Say what to do with it: `release {name}`, or `plan {name}`, which writes nothing. "
    raise InputError(f"{where}there is no command {name!r}", f"{hint}The commands are: {', '.join(NAMES)}.")


def _parse(command: Command, words: Sequence[str]) -> Mapping[str, Any]:
    """Return the parameters that the words give; empty without words, where click is not imported."""
    if not words:
        return {}
    from tagger.command_line.parser import parse

    return parse(command, words)


def _positional(parameters: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return the positional arguments of the command line, else the lines of the input `arguments`."""
    given = list(parameters.get("arguments") or ())
    if given:
        return given
    texts = (environ.get(name, "") for name in ("INPUT_ARGUMENTS", "TAGGER_ARGUMENTS"))
    text = next((text for text in texts if text.strip()), "")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _option_values(parameters: Mapping[str, Any], stdin: TextIO) -> dict[str, list[str]]:
    """Return the values on the command line by option name, with the password from standard input."""
    from tagger.settings.options import OPTIONS

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
