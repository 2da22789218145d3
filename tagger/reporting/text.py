"""What a person reads in a terminal."""

import re
from collections.abc import Iterator

from tagger.errors import TaggerError
from tagger.reporting.terminal import plain, style
from tagger.results import Outcome, Report
from tagger.rules.plan import Change

__all__ = ["COLORS", "digest_after", "error_text", "report_text", "short"]

_MARKS = {
    "create": ("+", "green"), "move": ("~", "yellow"), "keep": ("=", "bright_black"), "hold": ("·", "cyan"),
    "remove": ("-", "red"), "refuse": ("!", "red"),
}  # fmt: skip
COLORS = {
    "planned": "bright_black", "unchanged": "bright_black", "incomplete": "red", "failed": "red", "refused": "red",
}  # fmt: skip


def report_text(report: Report) -> str:
    """Return a report as a person reads it: what, from where, and each repository with its tags."""
    return "\n".join(_lines(report))


def error_text(error: TaggerError) -> str:
    """Return an error and what to do about it."""
    hint = f"\n{style('Hint:', fg='cyan')} {plain(error.hint)}" if error.hint else ""
    return f"{style(error.title + ':', fg='red', bold=True)} {plain(error.message)}{hint}"


def short(digest: str | None) -> str:
    """Return a digest as far as people compare it: `sha256:` and twelve digits."""
    return (digest or "")[: len("sha256:") + 12]


def digest_after(change: Change, report: Report) -> str:
    """Return the digest under a tag when all is done, as people read it."""
    if not change.writes or change.action == "remove":
        return short(change.before)
    return short(change.after) or ("(made by the push)" if report.source else "")


def _lines(report: Report) -> Iterator[str]:
    title = " ".join(filter(None, (report.command.capitalize(), report.version)))
    notes = [
        {None: "", "version": "version given"}.get(report.version_from, f"version from {report.version_from}"),
        "dry run: nothing is written" if report.dry_run and report.command != "plan" else "",
    ]
    note = ", ".join(filter(None, notes))
    yield style(title, bold=True) + (f"  ({note})" if note else "")
    if report.source:
        yield f"  image   {plain(report.source)}  {short(report.source_digest)}".rstrip()
    if report.base:
        yield f"  base    {plain(report.base)}"
    for outcome in report.repositories:
        yield ""
        yield from _repository(outcome, report)


def _repository(outcome: Outcome, report: Report) -> Iterator[str]:
    color = COLORS.get(outcome.status, "green")
    yield f"{style(outcome.repository, bold=True)}  {style(outcome.status, fg=color)}"
    width = max((len(change.tag) for change in outcome.changes), default=0)
    for change in outcome.changes:
        mark, color = _MARKS[change.action]
        head = style(f"  {mark} {change.tag:<{width}}  {change.action:<6}", fg=color)
        if change.action == "refuse":
            yield f"{head}  {plain(_why_refused(change, outcome.repository))}"
        else:
            moved = f"{short(change.before)} -> " if change.action == "move" and change.before else ""
            yield "  ".join(filter(None, (head, moved + digest_after(change, report), plain(change.reason))))
    if not outcome.changes:
        yield "  nothing was written" if report.exit_code else "  nothing to do"


def _why_refused(change: Change, place: str) -> str:
    """Return a reason without what stands beside it; the error itself is said in full once, at the end."""
    reason = change.reason.removeprefix(f"{place}: ").removeprefix(f"{change.tag} ")
    return re.sub("sha256:[0-9a-f]{64}", lambda match: f"{short(match[0])}…", reason)
