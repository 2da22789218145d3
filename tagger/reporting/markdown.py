"""The step summary: what the text says, as Markdown."""

from collections.abc import Iterator

from tagger.reporting.text import digest_after
from tagger.results import Report

__all__ = ["report_markdown"]


def report_markdown(report: Report) -> str:
    """Return a report as the runner shows it under the job."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    title = " ".join(filter(None, (report.command.capitalize(), report.version)))
    yield f"### {title}{' (dry run)' if report.dry_run else ''}"
    if report.source:
        yield f"\nImage `{report.source}`" + (f" · digest `{report.digest}`" if report.digest else "")
    if report.base:
        yield f"\nBase {_cell(report.base)}"
    for outcome in report.repositories:
        yield f"\n**{_cell(outcome.repository)}** · {outcome.status}\n"
        if outcome.changes:
            yield "| tag | action | digest after | why |"
            yield "|---|---|---|---|"
        for change in outcome.changes:
            digest = digest_after(change, report)
            digest = f"`{digest}`" if digest.startswith("sha256:") else digest
            yield f"| `{change.tag}` | {change.action} | {digest} | {_cell(change.reason)} |"
    errors = dict.fromkeys(error for error in (report.error, *(o.error for o in report.repositories)) if error)
    for error in errors:
        yield f"\n> **{error.title}**: {_cell(error.message)}"
        if error.hint:
            yield f"> {_cell(error.hint)}"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
