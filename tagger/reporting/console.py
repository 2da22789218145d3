"""The console of a run: standard output, standard error, and the runner of a workflow."""

import time
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

from tagger.errors import TaggerError
from tagger.meters import SILENT, Meter
from tagger.reporting.formatter import FORMATS, TEXT, trees_with_error
from tagger.reporting.github import Runner
from tagger.reporting.markdown import cut_to_limit
from tagger.reporting.spelling import Spelling
from tagger.reporting.terminal import Outlet

if TYPE_CHECKING:
    from tagger.reporting.progress import Progress
    from tagger.results import Event, Report
    from tagger.results.checkup import Checkup
    from tagger.results.components import ComponentsReport, Listing
    from tagger.results.proposal import Proposal
    from tagger.results.tree import Trees
    from tagger.settings.values import Settings

__all__ = ["Console"]

PREPARED = ("failures", "sentences", "text")
_ANNOTATED = 10
"""The most findings with one hint that an annotation lists; the others are counted."""


class Console:
    """All the output of one run.

    Each `show_…` except `show_event` prints a result, sets the outputs and the summary of a step in a workflow, and
    returns the exit code.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        out: TextIO,
        err: TextIO,
        *,
        form: str = TEXT,
        commands: Collection[str] = (),
    ) -> None:
        """Take `commands`, the names of all commands: such a name in a message is not a setting."""
        self._environ, self._commands = environ, commands
        self._out, self._err = Outlet(out, environ), Outlet(err, environ)
        self._quiet = self._verbose = False
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self.be(form)

    def be(self, form: str, *, quiet: bool = False, verbose: bool = False) -> None:
        """Print in a format of `FORMATS`. For a document, the runner's commands go to standard error.

        `quiet` prints no progress, notes or warnings, but the runner gets its annotations. `verbose` prints all events.
        """
        self._quiet, self._verbose = quiet, verbose
        self._formatter = FORMATS[form](self._out.width, verbose=verbose)
        self._runner = Runner(self._environ, (self._err if self._formatter.is_document else self._out).stream)

    def meter(self, place: str) -> Meter:
        """Return the meter of a repository, whose progress is shown unless the run is quiet."""
        if self._quiet:
            return SILENT
        if self._progress is None:
            from tagger.reporting.progress import Progress

            self._progress = Progress(self._err, verbose=self._verbose)
        return self._progress.meter(place)

    def close(self) -> None:
        """Stop the display of progress."""
        if self._progress:
            self._progress.stop()

    def mask(self, secrets: Iterable[str]) -> None:
        """Make the runner hide these texts in its logs."""
        self._runner.mask(secrets)

    def show_event(self, event: "Event") -> None:
        """Show a warning. Show `pushing` and `staged` where no progress is drawn; in a verbose run, show all events."""
        if event.kind == "warning":
            self.warn(event.message)
            return
        if self._progress:
            self._progress.show(event)
        if self._verbose or (event.kind in ("pushing", "staged") and not (self._progress and self._progress.is_drawn)):
            self._print(f"{event.place}: {event.kind} {event.text}")

    def prepare(self) -> None:
        """Import what shows a report, so that nothing is imported once the last answer has come."""
        for name in PREPARED:
            import_module(f"tagger.reporting.{name}")

    def show_report(self, report: "Report") -> int:
        """Show the report of a command."""
        from tagger.reporting.failures import failures
        from tagger.reporting.sentences import sentence

        report, seconds, summary = self._spelling.of_report(report), time.monotonic() - self._began, ""
        outputs = _report_outputs(report) if self._runner.takes_outputs else {}
        if self._runner.present and report.repositories and (report.changed or not report.exit_code):
            self._runner.notice(sentence(report, seconds))
        if self._runner.takes_summary:
            from tagger.reporting.summary import report_markdown

            summary = report_markdown(report, seconds)
        return self._show(self._formatter.report(report, seconds), failures(report), outputs, summary)

    def show_components(self, report: "ComponentsReport") -> int:
        """Show the report of several components, and write the pages that they ask for."""
        from tagger.reporting.components import (
            components_document,
            components_markdown,
            components_sentence,
            named_errors,
        )
        from tagger.reporting.outputs import components_outputs
        from tagger.results.checkup import Checkup
        from tagger.results.tree import Trees

        each = {name: self._spelling.of_ended(ended) for name, ended in report.components.items()}
        report = report._replace(components=each, error=report.error and self._spelling.of_error(report.error))
        wanted = self._runner.takes_outputs  # for hundreds of components the outputs take a while
        outputs = components_outputs(report, components_document(report)) if wanted else {}
        for ended in report.components.values():
            if isinstance(ended, Checkup):
                self._annotate(ended)
        if self._runner.present and not report.exit_code:
            self._runner.notice(components_sentence(report))
        text = self._formatter.components(report)
        pages = _write_pages(ended for ended in report.components.values() if isinstance(ended, Trees))
        errors = [*named_errors(report), *map(self._spelling.of_error, pages)]
        code = self._show(text, errors, outputs, components_markdown(report))
        return max(code, report.exit_code)

    def show_trees(self, shown: "Trees") -> int:
        """Show trees of repositories, and write the page that is asked for."""
        for text in shown.warnings:
            self.warn(text)
        errors = [self._spelling.of_error(error) for error in (*shown.errors, *_write_pages([shown]))]
        shown = shown._replace(errors=tuple(errors))
        from tagger.reporting.shown_summary import trees_markdown

        outputs = _json_output(trees_with_error(shown))
        return self._show(self._formatter.trees(shown), errors, outputs, trees_markdown(shown))

    def show_config(self, settings: "Settings") -> int:
        """Show the settings."""
        from tagger.reporting.settings import settings_document
        from tagger.reporting.shown_summary import settings_markdown

        outputs = _json_output(settings_document(settings))
        return self._show(self._formatter.config(settings), (), outputs, settings_markdown(settings))

    def show_check(self, checkup: "Checkup") -> int:
        """Show the findings of `check`. In a workflow errors and warnings are annotations too, grouped by hint."""
        from tagger.reporting.checkups import checkup_document, checkup_markdown

        checkup = self._spelling.of_checkup(checkup)
        self._annotate(checkup)
        code = self._show(
            self._formatter.checkup(checkup), (), _json_output(checkup_document(checkup)), checkup_markdown(checkup)
        )
        return max(code, checkup.exit_code)

    def show_proposal(self, proposal: "Proposal") -> int:
        """Show the settings that are proposed."""
        from tagger.reporting.proposals import proposal_document, proposal_markdown

        outputs = _json_output(proposal_document(proposal))
        return self._show(self._formatter.proposal(proposal), (), outputs, proposal_markdown(proposal))

    def show_listing(self, listing: "Listing") -> int:
        """Show the list of components."""
        errors = {one.error.message: self._spelling.of_error(one.error) for one in listing.components if one.error}
        text = self._formatter.listing(listing)
        return self._show(text, errors.values(), {"json": text})

    def _annotate(self, checkup: "Checkup") -> None:
        """Annotate the step with errors and warnings of `check`: one annotation for each repository, code and hint."""
        groups = dict[tuple[str, str, str, str], list[str]]()
        for finding in checkup.findings if self._runner.present else ():
            if finding.level != "note":
                key = (finding.level, finding.code, finding.repository, finding.hint)
                groups.setdefault(key, []).append(finding.message)
        for (level, code, place, hint), found in groups.items():
            more = f"and {len(found) - _ANNOTATED:,} more" if len(found) > _ANNOTATED else ""
            text = "\n".join(filter(None, (*found[:_ANNOTATED], more, hint)))
            text = f"{place}: {text}" if place else text
            if level == "warning":
                self._runner.warning(text, code)
            else:
                self._runner.error(TaggerError(text, code=code))

    def warn(self, message: str) -> None:
        """Show a warning: as an annotation in a workflow, else on standard error unless the run is quiet."""
        message = self._spelling.of_text(message, names=False)
        if self._runner.present:
            self._runner.warning(message)
        else:
            from tagger.reporting.text import with_label

            self._print(
                with_label("Warning:", message, self._err.width if self._err.is_terminal else None, fg="yellow")
            )

    def note(self, message: str) -> None:
        """Show a note on how an input is read, where that may surprise. A quiet run shows none."""
        from tagger.reporting.text import with_label

        self._print(with_label("Note:", message, self._err.width if self._err.is_terminal else None, fg="cyan"))

    def _print(self, text: str) -> None:
        """Print what is neither a result nor an error, on standard error, unless the run is quiet."""
        if not self._quiet:
            (self._progress or self._err).echo(text)

    @property
    def _spelling(self) -> Spelling:
        return Spelling(self._commands, self._runner.present)

    def _show(self, text: str, errors: Iterable[TaggerError], outputs: Mapping[str, str], summary: str = "") -> int:
        """Print the text and the errors, give outputs and summary to the runner, and return the errors' exit code."""
        self.close()
        if text:
            self._out.echo(text)
        errors = list(errors)
        for error in errors:
            self._show_error(error)
        try:
            self._runner.tell(outputs, cut_to_limit(summary))
        except TaggerError as error:
            self._show_error(error)
            errors.append(error)
        return max((error.exit_code for error in errors), default=0)

    def _show_error(self, error: TaggerError) -> None:
        if self._runner.present:
            self._runner.error(error)
        else:
            from tagger.reporting.text import error_text

            self._err.echo(error_text(error, self._err.width if self._err.is_terminal else None))


def _report_outputs(report: "Report") -> dict[str, str]:
    from tagger.reporting.documents import report_document
    from tagger.reporting.outputs import report_outputs

    return report_outputs(report, report_document(report, contents=False))


def _write_pages(ended: "Iterable[Trees]") -> list[TaggerError]:
    asked = [shown for shown in ended if shown.page]
    if not asked:
        return []
    from tagger.reporting.forms import write_pages

    return write_pages(asked)


def _json_output(document: Mapping[str, Any]) -> dict[str, str]:
    from tagger.reporting.outputs import as_output

    return {"json": as_output(document)}
