"""The findings of `check` as text, as JSON, and as Markdown for the step summary."""

from collections.abc import Iterator
from typing import Any

from tagger.names import DIGEST
from tagger.reporting.folding import fold
from tagger.reporting.markdown import cell
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.reporting.text import short
from tagger.results.checkup import Checkup, Finding

__all__ = ["checkup_document", "checkup_markdown", "checkup_text"]

_LEVELS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "note": ("✓", "green"), "advice": ("·", "cyan")}
_ICONS = {"error": "❌", "warning": "⚠️", "note": "✅", "advice": "💡"}


def checkup_document(checkup: Checkup) -> dict[str, Any]:
    """Return the JSON of `check`: errors and warnings are in `findings`, notes in `notes`.

    A finding whose `repository` is null is about all repositories. `error` is the first error.
    """
    first = checkup.error
    return {
        "command": "check",
        "repositories": [{"repository": place, **_counts(checkup, place)} for place in checkup.repositories],
        "findings": [_document(finding) for finding in checkup.findings if finding.level != "note"],
        "notes": [_document(finding) for finding in checkup.findings if finding.level == "note"],
        "error": {"code": first.code, "message": first.message, "hint": first.hint} if first else None,
    }


def checkup_text(checkup: Checkup, width: int = ELSEWHERE) -> str:
    """Return the findings as text, by repository, with the counts at the end. Lines have `width` columns at most."""
    return "\n".join(_lines(checkup, width))


def checkup_markdown(checkup: Checkup) -> str:
    """Return the findings as Markdown for the step summary."""
    lines = [f"### Check: {_summary(checkup)}"]
    for place in _places(checkup):
        lines += ["", f"**{cell(place or 'All repositories')}**", ""]
        for finding, hint in _with_hints(checkup, place):
            below = f"<br>{cell(hint)}" if hint else ""
            lines.append(f"- {_ICONS[_level(finding)]} {cell(_message(finding))}{below}")
    return "\n".join(lines)


def _lines(checkup: Checkup, width: int) -> Iterator[str]:
    for place in _places(checkup):
        yield from (style(line, bold=True) for line in fold(plain(place or "all repositories"), width))
        for finding, hint in _with_hints(checkup, place):
            mark, color = _LEVELS[_level(finding)]
            first, *more = fold(plain(_message(finding)), width - 4)
            yield f"  {style(mark, fg=color)} {first}"
            yield from (f"    {line}" for line in more)
            if hint:
                first, *more = fold(plain(hint), width - 10)
                yield f"    {style('Hint:', fg='cyan')} {first}"
                yield from (f"          {line}" for line in more)
        yield ""
    yield style(_summary(checkup), fg="red" if checkup.exit_code else "green", bold=True)


def _with_hints(checkup: Checkup, place: str) -> Iterator[tuple[Finding, str]]:
    """Yield the findings of a repository with their hints. A hint that neighbours share is given with the last only."""
    found = [finding for finding in checkup.findings if finding.repository == place]
    for finding, after in zip(found, [*found[1:], None], strict=True):
        yield finding, "" if after and after.hint == finding.hint else finding.hint


def _level(finding: Finding) -> str:
    """Return the level that a finding is shown with: a note that has a hint is advice."""
    return "advice" if finding.level == "note" and finding.hint else finding.level


def _message(finding: Finding) -> str:
    """Return the message of a finding, with shortened digests."""
    return DIGEST.sub(lambda match: short(match[0]), finding.message)


def _places(checkup: Checkup) -> list[str]:
    with_findings = {finding.repository for finding in checkup.findings}
    return [place for place in (*checkup.repositories, "") if place in with_findings]


def _summary(checkup: Checkup) -> str:
    counts = {level: sum(one.level == level for one in checkup.findings) for level in ("error", "warning")}
    texts = [f"{count} {level}{'s' if count > 1 else ''}" for level, count in counts.items() if count]
    return ", ".join(texts) or "nothing is wrong"


def _counts(checkup: Checkup, place: str) -> dict[str, int]:
    own = [finding.level for finding in checkup.findings if finding.repository == place]
    return {"errors": own.count("error"), "warnings": own.count("warning")}


def _document(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "repository": finding.repository or None}
