"""One run of a command: its settings, its connections, and its output."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.errors import InputError

if TYPE_CHECKING:
    from tagger.commands.connections import Connections
    from tagger.commands.output import Output
    from tagger.concurrency import Ahead
    from tagger.images.stores import Source
    from tagger.interruption import Interruption
    from tagger.results import Event, Report, ReportWarning, Running, Verb
    from tagger.rules.terms import PolicyTerms
    from tagger.settings.values import Settings
    from tagger.version_from.event import ReleaseEvent

__all__ = ["Run"]


class Run:
    """One run: its settings, its positional arguments, its environment, its connections and its console."""

    def __init__(
        self,
        settings: "Settings",
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        command: str,
        argument_name: str,
        verb_of: "Callable[[Report, Settings], Verb]",
        connections: "Connections",
        console: "Output",
        interruption: "Interruption",
        workspace: Path = Path(),
    ) -> None:
        self.settings, self.arguments, self.environ = settings, tuple(arguments), environ
        self.command, self.argument_name, self._verb_of = command, argument_name, verb_of
        self.connections, self.console, self.interruption = connections, console, interruption
        self.workspace = workspace
        self._build: tuple[Source | None] | None = None
        self._ahead: Ahead[Source | None] | None = None
        self._release_event: tuple[ReleaseEvent | None] | None = None
        self._warnings: list[ReportWarning] = []
        self._variants: dict[str, Run] = {}
        self._terms: PolicyTerms | None = None

    def of(self, settings: "Settings", console: "Output") -> "Run":
        """Return the run of another component, which shares the connections of this one."""
        return Run(
            settings,
            self.arguments,
            self.environ,
            command=self.command,
            argument_name=self.argument_name,
            verb_of=self._verb_of,
            connections=self.connections.of(settings),
            console=console,
            interruption=self.interruption,
            workspace=self.workspace,
        )

    def of_variants(self) -> "Mapping[str, Run]":
        """Return a run for each variant that has a build of its own, else this run, by the names of the variants."""
        if not self.settings.built_apart:
            return {"": self}
        if not self._variants:
            for variant in self.settings.built_apart:
                self._variants[variant] = one = self.of(self.settings.of_variant(variant), self.console)
                one._warnings = self._warnings
        return self._variants

    @property
    def terms(self) -> "PolicyTerms":
        """The rules of the run in each repository."""
        if self._terms is None:
            from tagger.settings.policy import policy_terms  # while the registries are being connected to

            self._terms = policy_terms(self.settings)
        return self._terms

    @property
    def build(self) -> "Source | None":
        """The built image, if the settings name one. It is opened once."""
        if self._ahead:
            return self._ahead.get()
        if self._build is None:
            self._build = (self._open_build(),)
        return self._build[0]

    def begin_build(self) -> None:
        """Begin to read several builds in another thread; a single build is opened when it is needed."""
        if self.settings.has_several_builds and self._ahead is None:
            from tagger.concurrency import Ahead

            self._ahead = Ahead(self._open_build)

    def _open_build(self) -> "Source | None":
        from tagger.commands.sources import open_build

        return open_build(self.settings, self.connections, pushing=self.command == "release")

    @property
    def release_event(self) -> "ReleaseEvent | None":
        """The release event that decides whether the version is held, if `hold` is `auto`. It is read once."""
        if self._release_event is None:
            self._release_event = (None,)
            if self.settings.hold == "auto" and self.environ.get("GITHUB_EVENT_NAME") == "release":
                from tagger.version_from.event import read_release_event

                self._release_event = (read_release_event(self.environ),)
        return self._release_event[0]

    def now(self) -> float:
        """Return the time in seconds since 1970. Raise `InputError` where TAGGER_NOW is no time."""
        from tagger.clock import now

        return now(self.environ).timestamp()

    def one_argument(self) -> str:
        """Return the one positional argument. Raise `InputError` where there is none, or several."""
        if len(self.arguments) != 1:
            name, what = self.command, self.argument_name.partition(" ")[0]
            whole = any("/" in word for word in self.arguments)
            more = " Name a repository after it with its registry, as docker.io/acme/app." if whole else ""
            raise InputError(
                f"`{name}` takes one {what}, but got {' '.join(self.arguments) or 'none'}",
                f"Name one after the command, as {name} {what}, or in the input arguments.{more}",
            )
        return self.arguments[0]

    def warn(self, code: str, message: str) -> None:
        """Show a warning at once, and add it to the report of this run."""
        from tagger.results import ReportWarning

        warning = ReportWarning(code, message)
        if warning not in self._warnings:
            self._warnings.append(warning)
            self.console.warn(message)

    def drive(self, running: "Running") -> "Report":
        """Run an operation to its end, or to its report after a signal, and show its events."""
        from tagger.results import finish

        self.interruption.stop = self.connections.stop
        self.console.prepare()  # while connections are made
        told: set[str] = set()

        def tell(event: "Event") -> None:
            told.add(event.message)
            self.console.show_event(event)

        report = finish(running, tell)
        for warning in report.warnings:
            if warning.message not in told:  # the warnings about policies are known only at the end
                self.console.warn(warning.message)
        interrupted = self.interruption.error if report.exit_code else None
        return report._replace(error=interrupted) if interrupted else report

    def show(self, report: "Report") -> int:
        """Show the report of an operation, with the warnings of this run, and return the exit code."""
        warnings = (*self._warnings, *report.warnings)
        return self.console.show_report(report._replace(warnings=warnings, verb=self._verb_of(report, self.settings)))

    def finish(self, running: "Running") -> int:
        """Run an operation, report it, and return the exit code."""
        return self.show(self.drive(running))
