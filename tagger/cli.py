"""The command line, which is also the action: the only place that reads arguments and environment."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

import tagger
from tagger.errors import EngineError, InputError, TaggerError
from tagger.interruption import Interruption
from tagger.reporting.terminal import echo, style
from tagger.settings.options import ARGUMENTS, COMMAND_HELP, COMMANDS, EPILOG, OPTIONS, Option

# Start-up is most of what a run costs here, so each module is imported where it is clear that it is needed.
if TYPE_CHECKING:
    from tagger.assembly import Workshop
    from tagger.results import Event, Report, Running
    from tagger.settings.gather import Settings

__all__ = ["COMMAND_HELP", "main", "run"]


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
    program = Program(environ, out, err, stdin, as_json=_wants_json(words, environ))
    program.interruption = interruption or program.interruption
    try:
        program.command = _command(words, environ)
        parameters = _parse(program.command, words[1:] if words[:1] == [program.command] else words)
        return 0 if parameters is None else program.run(parameters)
    except TaggerError as error:
        return program.fail(error)


def _wants_json(words: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Say whether JSON is asked for, also where the rest cannot be understood."""
    asked = any(
        environ.get(name, "").strip().lower() in ("true", "yes", "on", "1") for name in _named("json").variables
    )
    return asked or "--json" in words


def _command(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the command: the first word, else what the environment names, else `plan`, which writes nothing."""
    if words and not words[0].startswith("-"):
        name, origin = words[0], ""
    else:
        variables = ("INPUT_COMMAND", "TAGGER_COMMAND")
        origin = next((variable for variable in variables if environ.get(variable, "").strip()), "")
        name = environ[origin].strip() if origin else "plan"
    if name not in COMMANDS:
        import difflib

        close = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        where = f"{origin}: " if origin else ""
        raise InputError(f"{where}there is no command {name!r}", f"{hint}The commands are: {', '.join(COMMANDS)}.")
    return name


def _parse(command: str, words: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the parameters that the words behind a command give, None when its help was printed instead."""
    if not words:
        return {}
    from tagger.arguments import parse

    return parse(command, words)


def _overview() -> str:
    """Return the help of the whole program."""
    return "\n".join(
        (
            "Usage: tagger [COMMAND] [OPTIONS]",
            f"\n{tagger.__doc__}",
            "\nCommands; without one it is what INPUT_COMMAND says, else plan:",
            *(f"  {name:<10} {text}" for name, text in COMMAND_HELP.items()),
            "\ntagger COMMAND --help lists the options of a command, tagger --version prints the version.",
            EPILOG,
        )
    )


def _named(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)


class Program:
    """One run: what it reads, and how it says what happened."""

    def __init__(
        self, environ: Mapping[str, str], out: TextIO, err: TextIO, stdin: TextIO, *, as_json: bool = False
    ) -> None:
        from tagger.reporting.github import Runner

        self.environ, self.out, self.err, self.stdin, self.as_json = environ, out, err, stdin, as_json
        self.command = ""
        self.interruption = Interruption()
        self.stop: Callable[[], None] | None = None
        self.runner = Runner(environ, err if as_json else out)

    def run(self, parameters: Mapping[str, Any]) -> int:
        """Run the command and return its exit code."""
        from tagger.assembly import open_workshop
        from tagger.settings.gather import gather

        if self.command not in ARGUMENTS and (words := self._arguments(parameters)):
            raise InputError(
                f"`{self.command}` takes no arguments, and got {' '.join(words)}", "Leave `arguments` out."
            )
        settings = gather(self.command, self._given(parameters), self.environ)
        if settings.json and not self.as_json:  # a file said so
            self.as_json, self.runner = True, self.runner._replace(stream=self.err)
        self.runner.mask(settings.secrets)
        with open_workshop(settings, self.environ, Path()) as workshop:
            self.stop = workshop.stop
            match self.command:
                case "plan" | "release":
                    return self._release(workshop)
                case "reconcile":
                    reconciliation = workshop.reconciliation()
                    from tagger.operations.reconcile import reconcile

                    return self._finish(self._drive(reconcile(reconciliation, dry_run=settings.dry_run)))
                case "withdraw":
                    withdrawal = workshop.withdrawal(self._one_argument(parameters))
                    from tagger.operations.withdraw import withdraw

                    return self._finish(self._drive(withdraw(withdrawal, dry_run=settings.dry_run)))
                case "delete":
                    deletion = workshop.deletion(self._arguments(parameters))
                    from tagger.operations.delete import delete

                    return self._finish(self._drive(delete(deletion, dry_run=settings.dry_run)))
                case "push":
                    pushing = workshop.push(self._one_argument(parameters))
                    from tagger.operations.push import push

                    return self._finish(self._drive(push(pushing, dry_run=settings.dry_run)))
                case "tags":
                    return self._tags(workshop)
                case _:
                    return self._config(settings)

    def fail(self, error: TaggerError) -> int:
        """Say what ended the run before it had anything to report, and return the exit code."""
        from tagger.results import Report

        return self._finish(Report(self.command, error=error))

    def _release(self, workshop: "Workshop") -> int:
        settings = workshop.settings
        if settings.published_from != "registry":
            from tagger.operations.offline import plan_offline

            return self._finish(plan_offline(workshop.offline_release(), workshop.published_versions()))
        writing = self.command == "release" and not settings.dry_run
        job = workshop.release(write=writing)
        from tagger.operations.release import plan, release  # while the registries are being connected to

        report = self._drive(release(job) if writing else plan(job, self.command))
        if writing and not report.exit_code:
            try:
                workshop.tag_locally(report)
            except EngineError as error:  # the release is done, and stays done
                self._warn(f"the engine did not take the tags of the release: {error.message}")
        return self._finish(report)

    def _tags(self, workshop: "Workshop") -> int:
        stores = workshop.stores()
        from tagger.concurrency import side_by_side
        from tagger.operations.tags import list_tags
        from tagger.reporting.documents import error_document
        from tagger.reporting.trees import tree_text, trees_document
        from tagger.results import Tree

        settings = workshop.settings
        results = dict(side_by_side(lambda store: list_tags(store, settings.rules, long=settings.long), stores))
        trees = [result for store in stores if isinstance(result := results[store], Tree)]
        errors = [result for store in stores if isinstance(result := results[store], TaggerError)]
        for dispute in filter(None, (tree.dispute for tree in trees)):
            self._warn(dispute)
        document = trees_document(trees) | ({"error": error_document(errors[0])} if errors else {})
        return self._say(document, "\n".join(map(tree_text, trees)), errors)

    def _config(self, settings: "Settings") -> int:
        from tagger.reporting.settings import settings_document, settings_text

        return self._say(settings_document(settings), settings_text(settings))

    def _arguments(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return the positional arguments: of the command line, else one a line of the input `arguments`."""
        given = list(parameters.get("arguments") or ())
        if given:
            return given
        texts = (self.environ.get(name, "") for name in ("INPUT_ARGUMENTS", "TAGGER_ARGUMENTS"))
        text = next((text for text in texts if text.strip()), "")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _one_argument(self, parameters: Mapping[str, Any]) -> str:
        arguments = self._arguments(parameters)
        if len(arguments) != 1:
            what = ARGUMENTS[self.command]
            raise InputError(
                f"`{self.command}` takes one {what}, and got {' '.join(arguments) or 'none'}",
                f"Write `{self.command} {what}`, or set the input `arguments`.",
            )
        return arguments[0]

    def _given(self, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return what the command line says, as texts by option name."""
        given = {}
        for option in OPTIONS:
            value = parameters.get(option.name.replace("-", "_"))
            if value:
                given[option.name] = ["true"] if value is True else list(value)
        if parameters.get("password_stdin"):
            given["password"] = [self.stdin.read().rstrip("\r\n")]
            if given["password"] == [""]:
                raise InputError("--password-stdin: there is nothing on standard input", "Pipe the password into it.")
        return given

    def _drive(self, running: "Running") -> "Report":
        """Run an operation to its end, or to its report after a signal, saying what happens on the way."""
        from tagger.results import finish

        self.interruption.stop = self.stop
        report = finish(running, self._tell)
        interrupted = self.interruption.error if report.exit_code else None
        return report._replace(error=interrupted) if interrupted else report

    def _tell(self, event: "Event") -> None:
        if event.kind == "warning":
            self._warn(f"{event.place}: {event.text}" if event.place else event.text)
        elif event.kind in ("pushing", "staged"):
            from tagger.reporting.text import plain

            echo(plain(f"{event.place}: {event.kind} {event.text}"), self.err)

    def _finish(self, report: "Report") -> int:
        """Say how it ended, everywhere that somebody listens."""
        from tagger.reporting.documents import report_document
        from tagger.reporting.markdown import report_markdown
        from tagger.reporting.outputs import report_outputs
        from tagger.reporting.text import report_text

        document = report_document(report)
        errors = {outcome.error.message: outcome.error for outcome in report.repositories if outcome.error}
        if report.error:
            errors.setdefault(report.error.message, report.error)
        text = report_text(report) if report.repositories or not report.error else ""
        return self._say(document, text, errors.values(), report_outputs(report, document), report_markdown(report))

    def _say(
        self,
        document: Mapping[str, Any],
        text: str,
        errors: Iterable[TaggerError] = (),
        outputs: Mapping[str, str] | None = None,
        summary: str = "",
    ) -> int:
        """Print the document or the text, then the errors, then tell the runner; return the exit code."""
        from tagger.reporting.outputs import as_output

        if self.as_json:
            self._print_json(document)
        elif text:
            echo(text, self.out)
        errors = list(errors)
        for error in errors:
            self._say_error(error)
        try:
            self.runner.tell(outputs or {"json": as_output(document)}, summary)
        except TaggerError as error:
            self._say_error(error)
            errors.append(error)
        return max((error.exit_code for error in errors), default=0)

    def _warn(self, message: str) -> None:
        if self.runner.present:
            self.runner.warning(message)
        else:
            from tagger.reporting.text import plain

            echo(f"{style('Warning:', fg='yellow')} {plain(message)}", self.err)

    def _say_error(self, error: TaggerError) -> None:
        if self.runner.present:
            self.runner.error(error)
        else:
            from tagger.reporting.text import error_text

            echo(error_text(error), self.err)

    def _print_json(self, document: Mapping[str, Any]) -> None:
        import json

        from tagger.reporting.text import plain

        text = json.dumps(document, indent=2, ensure_ascii=False)
        print(plain(text).replace("##\\[", "##\\u005b"), file=self.out)
