"""What a person reads in a terminal."""

from collections.abc import Iterator

import click

from tagger.errors import TaggerError
from tagger.reporting.outcomes import Outcome, Report
from tagger.rules.plan import Change

__all__ = ["error_text", "report_text", "short"]

_MARKS = {
    "create": ("+", "green"), "move": ("~", "yellow"), "keep": ("=", "bright_black"), "hold": ("·", "cyan"),
    "remove": ("-", "red"), "refuse": ("!", "red"),
}  # fmt: skip
_STATUS = {
    "planned": "bright_black", "released": "green", "unchanged": "bright_black", "incomplete": "red", "failed": "red",
    "refused": "red",
}  # fmt: skip


def report_text(report: Report) -> str:
    """Return a report as a person reads it: what, from where, and each repository with its tags."""
    return "\n".join(_lines(report))


def error_text(error: TaggerError) -> str:
    """Return an error and what to do about it."""
    hint = f"\n{click.style('Hint:', fg='cyan')} {error.hint}" if error.hint else ""
    return f"{click.style(error.title + ':', fg='red', bold=True)} {error.message}{hint}"


def short(digest: str | None) -> str:
    """Return a digest as far as people compare it: `sha256:` and twelve digits."""
    return digest[: len("sha256:") + 12] if digest else "(made by the push)"


def _lines(report: Report) -> Iterator[str]:
    title = " ".join(filter(None, (report.command.capitalize(), report.version)))
    notes = [
        f"version from {report.version_from}" if report.version_from else "",
        "dry run: nothing is written" if report.dry_run and report.command != "plan" else "",
    ]
    note = ", ".join(filter(None, notes))
    yield click.style(title, bold=True) + (f"  ({note})" if note else "")
    if report.source:
        yield f"  image   {report.source}  {short(report.source_digest) if report.source_digest else ''}".rstrip()
    if report.base:
        yield f"  base    {report.base}"
    for outcome in report.repositories:
        yield ""
        yield from _repository(outcome, report.command)


def _repository(outcome: Outcome, command: str) -> Iterator[str]:
    # `released` is the word of the contract for every command that wrote; a person reads what was done.
    status = "done" if outcome.status == "released" and command != "release" else outcome.status
    yield f"{click.style(outcome.repository, bold=True)}  {click.style(status, fg=_STATUS[outcome.status])}"
    width = max((len(change.tag) for change in outcome.changes), default=0)
    for change in outcome.changes:
        yield _change(change, width)
    if outcome.error and outcome.status != "planned":
        yield f"  {click.style('error', fg='red')} {outcome.error.message}"
    elif not outcome.changes:
        yield "  nothing to do" if outcome.status == "unchanged" else "  no tags"


def _change(change: Change, width: int) -> str:
    mark, color = _MARKS[change.action]
    head = click.style(f"  {mark} {change.tag:<{width}}  {change.action:<6}", fg=color)
    if change.action in ("create", "move"):
        where = f"{short(change.before)} -> {short(change.after)}" if change.before else short(change.after)
        return f"{head}  {where}  {change.reason}"
    if change.action == "refuse":
        return f"{head}  {change.reason}"
    return f"{head}  {short(change.before)}  {change.reason}"
