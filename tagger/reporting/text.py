"""Reports and errors as text."""

from collections.abc import Iterator

from tagger.errors import TaggerError
from tagger.names import DIGEST
from tagger.reporting.folding import cells, fold, pad
from tagger.reporting.sentences import number_of, pruned_text, sentence
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.results import Outcome, Report
from tagger.rules.plan import Change
from tagger.rules.words import DEFAULT_VARIANT

__all__ = ["COLORS", "digests_of", "error_text", "with_label", "reason_of", "report_text", "short"]

_MARKS = {
    "create": ("+", "green"), "move": ("~", "yellow"), "keep": ("=", "bright_black"), "hold": ("·", "cyan"),
    "remove": ("-", "red"), "refuse": ("!", "red"),
}  # fmt: skip
COLORS = {
    "planned": "bright_black", "unchanged": "bright_black", "incomplete": "red", "failed": "red", "refused": "red",
}  # fmt: skip
_ACTION = 6  # columns of the longest action
_REASON = 24  # columns; a reason with fewer begins on a line of its own


def report_text(report: Report, width: int = ELSEWHERE, *, verbose: bool = False, seconds: float | None = None) -> str:
    """Return a report as text: the image, each repository with its tags, and with `seconds` what the run did.

    No line is wider than `width`, except those that name an image by its whole digest. Tags that are right already are
    counted; `verbose` lists them. `seconds` is the time that the run took.
    """
    return "\n".join(_lines(report, width, verbose, seconds))


def error_text(error: TaggerError, width: int | None = None) -> str:
    """Return an error and its hint, folded where there is a `width`."""
    shown = with_label(f"{error.title}:", error.message, width, fg="red", bold=True)
    return "\n".join((shown, with_label("Hint:", error.hint, width, fg="cyan"))) if error.hint else shown


def with_label(label: str, text: str, width: int | None = None, *, fg: str, bold: bool = False) -> str:
    """Return a text behind a label in colour, folded where there is a `width`."""
    shown = f"{label} {plain(text)}"
    if width:
        shown = "\n".join(line for each in shown.splitlines() for line in fold(each, width))
    return style(label, fg=fg, bold=bold) + shown[len(label) :]


def short(digest: str | None) -> str:
    """Return the first seven digits of a digest, as git does with commits; empty for None."""
    return (digest or "").rpartition(":")[2][:7]


def digests_of(change: Change, *, pushed: bool) -> str:
    """Return the short digest of a tag; where it moves, the digests before and after, with digits enough to differ.

    `pushed` says that a digest which is not known yet is made by the push.
    """
    if not change.writes or change.action == "remove":
        return short(change.before)
    if not change.after:
        after = "(made by the push)" if pushed else ""
        return f"{short(change.before)} → {after}" if change.before and after else after
    if change.action != "move" or not change.before or change.before == change.after:
        return short(change.after)
    before, after = (digest.rpartition(":")[2] for digest in (change.before, change.after))
    digits = next(count for count in range(7, 129) if before[:count] != after[:count])
    return f"{before[:digits]} → {after[:digits]}"


def _lines(report: Report, width: int, verbose: bool, seconds: float | None) -> Iterator[str]:
    title = plain(" ".join(filter(None, (report.title.capitalize(), report.build))))
    notes = [
        {None: "", "version": "version given"}.get(report.version_from, f"version from {report.version_from}"),
        "dry run: nothing is written" if report.is_rehearsal else "",
    ]
    note = f"  ({plain(', '.join(filter(None, notes)))})" if any(notes) else ""
    if cells(title + note) <= width:
        yield style(title, bold=True) + note
    else:
        yield from (style(line, bold=True) for line in fold(title, width))
        yield from (f"  {line}" for line in fold(note, width - 2))
    for name, one in report.variants.items() or (("", report),):
        yield from _image(f"{name or DEFAULT_VARIANT}: " if report.variants else "", one, width)
    for outcome in report.repositories:
        yield ""
        yield from _repository(outcome, report, width, verbose)
    if report.plan_id and report.dry_run and report.changed:
        yield ""
        yield from fold(f"To delete just this: prune --yes --plan-id {report.plan_id}", width)
    if seconds is not None:
        yield ""
        yield from (style(line, bold=True) for line in fold(plain(sentence(report, seconds)), width))
        if not report.dry_run and not report.exit_code:
            yield from dict.fromkeys(f"{one.repository}@{one.digest}" for one in report.repositories if one.digest)


def _image(variant: str, report: Report, width: int) -> Iterator[str]:
    """Yield the image that is released, where its platforms came from, and its base."""
    if report.source:
        yield from _fact("image", f"{variant}{report.source}  {short(report.source_digest)}", width)
    for name, digest in report.platforms.items() if report.origins else ():
        yield from _fact("", f"{name}  {short(digest)}  from {report.origins.get(digest, 'the index')}", width)
    if report.base:
        yield from _fact("base", report.base, width)


def _fact(name: str, text: str, width: int) -> Iterator[str]:
    first, *more = fold(plain(text), width - 10)
    yield f"  {name:<7} {first}"
    yield from (f"{'':10}{line}" for line in more)


def _repository(outcome: Outcome, report: Report, width: int, verbose: bool) -> Iterator[str]:
    *lines, last = fold(plain(outcome.repository), width)
    yield from (style(line, bold=True) for line in lines)
    word = report.status_of(outcome)
    status = style(word, fg=COLORS.get(outcome.status, "green"))
    if cells(last) + 2 + len(word) <= width:
        yield f"{style(last, bold=True)}  {status}"
    else:
        yield style(last, bold=True)
        yield f"  {status}"
    whole = verbose or report.verb.tells_kept
    shown = [change for change in outcome.changes if whole or change.action != "keep"]
    yield from _rows(shown, outcome, report, width)
    if kept := len(outcome.changes) - len(shown):
        yield style(f"  = {number_of(kept, 'tag')} already right", fg="bright_black")
    for pruned in (one for one in report.pruned if one.repository == outcome.repository):
        yield from (f"  {line}" for line in fold(pruned_text(pruned), width - 2))
    if not outcome.changes:
        yield "  nothing was written" if report.exit_code else "  nothing to do"


def _rows(changes: list[Change], outcome: Outcome, report: Report, width: int) -> Iterator[str]:
    """Yield the row of each tag: its mark and name, the action, the digests, and the reason."""
    tags = min(max((cells(change.tag) for change in changes), default=0), max(width // 3, 12))
    digests = [digests_of(change, pushed=bool(report.source)) for change in changes]
    column = max(map(cells, digests), default=0)
    for change, digest in zip(changes, digests, strict=True):
        mark, color = _MARKS[change.action]
        *above, tag = [plain(change.tag)] if cells(change.tag) <= tags else [*fold(plain(change.tag), width - 4), ""]
        for number, line in enumerate(above):
            yield style(f"  {' ' if number else mark} {line}", fg=color)
        head = f"  {' ' if above else mark} {pad(tag, tags)}  {change.action:<{_ACTION}}"
        reason = plain(reason_of(change, outcome, report))
        behind = f"{pad(digest, column)}  " if column else ""
        begins = cells(head) + 2 + cells(behind)
        if not reason or width - begins >= _REASON:
            first, *more = fold(reason, width - begins) if reason else [""]
            yield f"{style(head, fg=color)}  {behind}{first}".rstrip()
            yield from (f"{'':{begins}}{line}" for line in more)
        else:
            yield f"{style(head, fg=color)}  {digest}".rstrip()
            yield from (f"{'':6}{line}" for line in fold(reason, width - 6))


def reason_of(change: Change, outcome: Outcome, report: Report) -> str:
    """Return the reason of a change, with short digests. A refusal omits its error, which is shown in full once."""
    reason = change.reason
    if change.action == "refuse":
        for error in filter(None, (outcome.error, report.error)):
            reason = reason.replace(error.message, "").rstrip(": ")
        reason = reason.removeprefix(f"{outcome.repository}: ").removeprefix(f"{change.tag} ")
    return DIGEST.sub(lambda match: short(match[0]), reason)
