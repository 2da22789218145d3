"""The step summary: what the text says, as Markdown."""

import re
from collections.abc import Iterator

from tagger.reporting.sentences import pruned_text
from tagger.reporting.text import digests_of
from tagger.results import Report

__all__ = ["cell", "code", "report_markdown"]

# What means something in GitHub's Markdown (GFM, sections 2.4, 6.9 and 6.11), as an entity; a hyphen and a dot mean
# something at the beginning of a line alone, and there are words of ours.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~@&$]")
_ADDRESS = re.compile("://")
_SAFE_CODE = re.compile(r"[\w./:@+=-]+", re.ASCII)


def report_markdown(report: Report) -> str:
    """Return a report as the runner shows it under the job."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    title = " ".join(filter(None, (report.command.capitalize(), report.version)))
    yield f"### {title}{' (dry run)' if report.dry_run else ''}"
    if report.source:
        yield f"\nImage {code(report.source)}" + (f" · digest `{report.digest}`" if report.digest else "")
    for name, digest in report.platforms.items() if report.origins else ():
        yield f"- {code(name)} `{digest}` from {cell(report.origins.get(digest, ''))}"
    if report.base:
        yield f"\nBase {cell(report.base)}"
    for outcome in report.repositories:
        yield f"\n**{cell(outcome.repository)}** · {outcome.status}\n"
        if outcome.changes:
            yield "| tag | action | digest after | why |"
            yield "|---|---|---|---|"
        for change in outcome.changes:
            digest = digests_of(change, pushed=bool(report.source))
            yield f"| {code(change.tag)} | {change.action} | {digest} | {cell(change.reason)} |"
        yield from (f"\n{pruned_text(one)}" for one in report.pruned if one.repository == outcome.repository)
    if report.plan_id and report.dry_run:
        yield f"\nPlan id `{report.plan_id}`"
    errors = dict.fromkeys(error for error in (report.error, *(o.error for o in report.repositories)) if error)
    for error in errors:
        yield f"\n> **{error.title}**: {cell(error.message)}"
        if error.hint:
            yield f"> {cell(error.hint)}"


def cell(text: str) -> str:
    """Return a text of somebody else's so that it is nothing but a text: no link, image, heading, table or diagram."""
    line = " ".join(text.split())
    return _ADDRESS.sub(":&#47;&#47;", _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", line))


def code(text: str) -> str:
    """Return a text in the type of code."""
    return f"`{text}`" if _SAFE_CODE.fullmatch(text) else f"<code>{cell(text)}</code>"
