"""The report of several components as JSON, as text, and as Markdown for the step summary."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from tagger.errors import TaggerError
from tagger.reporting.checkups import checkup_document, checkup_text
from tagger.reporting.documents import error_document, report_document
from tagger.reporting.forms import trees_text
from tagger.reporting.markdown import cell, code, collapsible, fitting
from tagger.reporting.sentences import number_of
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.reporting.text import COLORS, report_text
from tagger.reporting.trees import trees_document
from tagger.results import Report
from tagger.results.checkup import Checkup
from tagger.results.components import ComponentsReport, Ended, Listing
from tagger.results.tree import Trees

__all__ = [
    "components_document",
    "components_markdown",
    "components_sentence",
    "components_text",
    "listing_document",
    "named_errors",
    "status_of",
]

TABLE, LISTED = 20_000, 8_000  # bytes of the tables and of the list in a summary
NAMED = 5
"""The most components that are named when they share an error; the others are counted."""


def components_document(report: ComponentsReport) -> dict[str, Any]:
    """Return the JSON of several components. Its `error` is that of the run, else the first error of a component."""
    errors = (ended.error for ended in report.components.values() if ended.error)
    return {
        "command": report.command,
        "components": {name: _document(ended) for name, ended in report.components.items()},
        "error": error_document(report.error or next(errors, None)),
    }


def listing_document(listing: Listing) -> list[dict[str, Any]]:
    """Return the JSON of `components`."""
    return [
        {"name": one.name, "images": list(one.images), "version": one.version, "released": one.released}
        for one in listing.components
    ]


def components_text(report: ComponentsReport, width: int = ELSEWHERE, *, verbose: bool = False) -> str:
    """Return the text of each component that has changes or errors to show, then a table of all components."""
    return "\n".join(_lines(report, width, verbose))


def components_sentence(report: ComponentsReport) -> str:
    """Return the number of components for each status: `Release of 5 components: 3 released, 2 unchanged`."""
    counts = Counter(map(status_of, report.components.values()))
    ended = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{report.command.capitalize()} of {number_of(len(report.components), 'component')}: {ended}"


def components_markdown(report: ComponentsReport) -> str:
    """Return the summary of a step: a row for each component that differs, a list of the others, and the errors."""
    return "\n".join(_markdown(report))


def _markdown(report: ComponentsReport) -> Iterator[str]:
    yield f"### {report.command.capitalize()}: {number_of(len(report.components), 'component')}\n"
    differing = {name: ended for name, ended in report.components.items() if _differs(ended)}
    if differing:
        yield "| component | version | status | tags written |\n|---|---|---|---|"
        yield from fitting(differing.items(), TABLE, "components", lambda pair: _row(*pair))
    same = [code(name) for name in report.components if name not in differing]
    if same:
        yield collapsible(
            f"Nothing to write for {number_of(len(same), 'component')}", list(fitting(same, LISTED, "components"))
        )
    yield from fitting(
        named_errors(report, found=True), TABLE, "errors",
        lambda error: f"\n> **{error.title}**: {cell(error.message)}{_hint(error)}",
    )  # fmt: skip


def _differs(ended: Ended) -> bool:
    """Say whether tags of a component are written, or would be, or it failed."""
    return bool(_written_tags(ended)) or status_of(ended) not in ("unchanged", "planned", "listed", "checked")


def _row(name: str, ended: Ended) -> str:
    tags = " ".join(map(code, _written_tags(ended)))
    return f"| {code(name)} | {cell(_version(ended))} | {status_of(ended)} | {tags} |"


def named_errors(report: ComponentsReport, *, found: bool = False) -> list[TaggerError]:
    """Return the errors, each once, with the names of its components in the message. The error of the run is first.

    `found` adds the errors that `check` found, which its own text shows already.
    """
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    errors: dict[tuple[str, str], TaggerError] = {}
    for name, ended in report.components.items():
        for error in _errors(ended, found):
            key = (error.message, error.hint)
            if report.error is None or report.error.message != error.message:
                names[key].append(name)
                errors[key] = error
    each = [_with_names(error, names[key]) for key, error in errors.items()]
    return [report.error, *each] if report.error else each


def status_of(ended: Ended) -> str:
    """Return the status of a component in one word.

    That is the worst status of its repositories, else the first one that is not `unchanged`. Where the component alone
    has an error, it is `failed`, or `incomplete` with such a repository. Trees are `listed`, checkups `checked`; either
    is `failed` with an error.
    """
    if isinstance(ended, Trees):
        return "failed" if ended.error else "listed"
    if isinstance(ended, Checkup):
        return "failed" if ended.error else "checked"
    statuses = [ended.json_status(outcome) for outcome in ended.repositories]
    if ended.error and not any(outcome.error for outcome in ended.repositories):
        return "incomplete" if "incomplete" in statuses else "failed"
    order = ("incomplete", "failed", "refused")
    worst = next((status for status in order if status in statuses), None)
    return worst or next((status for status in statuses if status != "unchanged"), "unchanged")


def _document(ended: Ended) -> dict[str, Any]:
    if isinstance(ended, Trees):
        return trees_document(ended.trees) | ({"error": error_document(ended.error)} if ended.error else {})
    return checkup_document(ended) if isinstance(ended, Checkup) else report_document(ended)


def _errors(ended: Ended, found: bool) -> Iterable[TaggerError]:
    """Return the errors of one component; those of a report have each message once."""
    if isinstance(ended, Trees):
        return ended.errors
    if isinstance(ended, Checkup):
        wrong = (finding for finding in ended.findings if finding.level == "error" and found)
        return [TaggerError(": ".join(filter(None, (one.repository, one.message))), one.hint) for one in wrong]
    errors = {outcome.error.message: outcome.error for outcome in ended.repositories if outcome.error}
    if ended.error:
        errors.setdefault(ended.error.message, ended.error)
    return errors.values()


def _with_names(error: TaggerError, names: list[str]) -> TaggerError:
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    named = copy(error)
    named.message = f"{shown}: {error.message}"
    return named


def _lines(report: ComponentsReport, width: int, verbose: bool) -> Iterator[str]:
    for name, ended in report.components.items():
        if text := _text(ended, width, verbose):
            yield f"{style('component', fg='cyan')} {style(name, bold=True)}"
            yield from (text, "")
    rows = {name: (_version(ended), status_of(ended)) for name, ended in report.components.items()}
    names = max(map(len, ("component", *rows)))
    versions = max(len(version) for version in ("version", *(version for version, _ in rows.values())))
    yield style(f"{'component':<{names}}  {'version':<{versions}}  status", bold=True)
    for name, (version, status) in rows.items():
        written = len(_written_tags(report.components[name]))
        tags = f"  {written} tag{'s' * (written != 1)}" if written else ""
        shown = style(status, fg=COLORS.get(status, "green"))
        yield f"{plain(name):<{names}}  {plain(version):<{versions}}  {shown}{tags}"


def _text(ended: Ended, width: int, verbose: bool) -> str:
    """Return the text of a component; empty where it has neither changes, errors of repositories nor findings."""
    if isinstance(ended, Trees):
        return trees_text(ended, width, verbose=verbose)
    if isinstance(ended, Checkup):
        return checkup_text(ended, width) if any(finding.level != "note" for finding in ended.findings) else ""
    worth = (ended.verb.tells_kept and ended.repositories) or any(
        change.action != "keep" for outcome in ended.repositories for change in outcome.changes
    )
    return (
        report_text(ended, width, verbose=verbose)
        if worth or any(outcome.error for outcome in ended.repositories)
        else ""
    )


def _version(ended: Ended) -> str:
    return (ended.version or "") if isinstance(ended, Report) else ""


def _written_tags(ended: Ended) -> list[str]:
    """Return the tags that were written, each once; in a plan or a dry run, the tags that would be."""
    if not isinstance(ended, Report):
        return []
    changes = (change for outcome in ended.repositories for change in outcome.changes)
    return list(dict.fromkeys(change.tag for change in changes if change.writes))


def _hint(error: TaggerError) -> str:
    return f"\n> {cell(error.hint)}" if error.hint else ""
