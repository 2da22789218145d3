"""A report as Markdown for the step summary: tables, lines to pull, a diagram, errors and details."""

import re
from collections.abc import Iterator, Sequence

from tagger.reporting.failures import failures
from tagger.reporting.markdown import cell, code, collapsible, cut_to_limit, error_quote, fitting
from tagger.reporting.sentences import number_of, pruned_text, sentence
from tagger.reporting.text import digests_of, reason_of, short
from tagger.results import Outcome, Report
from tagger.rules.plan import Change
from tagger.rules.words import DEFAULT_VARIANT

__all__ = ["report_markdown"]

ICONS = {
    "planned": "📝", "unchanged": "☑️", "incomplete": "⚠️", "failed": "❌", "refused": "⛔",
}  # fmt: skip
"""Icons by the status of a repository. Every other status, in which all is done, is ✅."""
_ACTIONS = {"create": "🆕", "move": "➡️", "remove": "🗑️", "refuse": "⛔", "hold": "·", "keep": "="}
COLUMNS = 5  # repositories that are columns; where there are more, each is in rows
PULLED = 10  # repositories that are listed, or have a line to pull from
TABLE = 20_000  # bytes of the table
DRAWN = 12  # tags in the diagram
LABEL = 40  # characters of a name in the diagram
_PULLED_NAME = re.compile(r"(?!oci:)[a-z0-9\[][\w.:\]-]*(/[a-z0-9][\w.-]*)+@[\w:]+", re.ASCII)
_PLAIN_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def report_markdown(report: Report, seconds: float | None = None) -> str:
    """Return a report as Markdown for the step summary, below 64 KiB for a report of any size."""
    return cut_to_limit("\n".join(_parts(report, seconds)))


def _parts(report: Report, seconds: float | None) -> Iterator[str]:
    words = (_icon(report), report.title.capitalize(), report.build and cell(report.build))
    dry = " (dry run)" if report.is_rehearsal else ""
    yield f"### {' '.join(filter(None, words))}{dry}"
    if report.repositories:
        yield f"\n{cell(sentence(report, seconds))}"
    differing = _tags_to_show(report)
    if differing:
        yield from _table(report, differing)
    elif report.repositories:
        yield f"\n{' · '.join(_heading(one, report) for one in report.repositories[:PULLED])}"
    if rest := _unchanged_counts(report):
        yield f"\n{rest}"
    yield from (f"\n{cell(one.repository)}: {cell(pruned_text(one))}" for one in report.pruned[:PULLED])
    if report.plan_id and report.dry_run:
        yield f"\nPlan id `{report.plan_id}`"
    yield from _pull_lines(report)
    yield from _diagram(report)
    yield from fitting(failures(report), 12_000, "errors", error_quote)
    yield from _details(report)


def _icon(report: Report) -> str:
    if report.exit_code and any(c.writes for one in report.repositories for c in one.changes) and not report.dry_run:
        return ICONS["incomplete"]
    if report.exit_code:
        refused = any(one.status == "refused" for one in report.repositories)
        return ICONS["refused" if refused else "failed"]
    return ICONS["planned"] if report.dry_run else "✅" if report.changed else ICONS["unchanged"]


def _heading(outcome: Outcome, report: Report) -> str:
    return f"{ICONS.get(outcome.status, '✅')} {cell(outcome.repository)} ({report.status_of(outcome)})"


def _differs(change: Change) -> bool:
    return change.writes or change.action == "refuse" or change.drifted


def _tags_to_show(report: Report) -> Sequence[str]:
    """Return the tags that the table shows: those that are written, refused or drifted in some repository."""
    changes = (change for outcome in report.repositories for change in outcome.changes)
    return list(dict.fromkeys(change.tag for change in changes if _differs(change)))


def _table(report: Report, tags: Sequence[str]) -> Iterator[str]:
    """Yield the table: a row for each tag, a column for each repository; for many, a row for each tag of each."""
    yield ""
    if len(report.repositories) > COLUMNS:
        yield "| repository | tag | before → after |\n|---|---|---|"
        pairs = ((one, change) for one in report.repositories for change in one.changes if _differs(change))
        yield from fitting(
            pairs, TABLE, "rows",
            lambda pair: f"| {_heading(pair[0], report)} | {code(pair[1].tag)} | {_tag_cell(pair[1], report)} |",
        )  # fmt: skip
    else:
        yield f"| tag | {' | '.join(_heading(one, report) for one in report.repositories)} |"
        yield f"|---|{'---|' * len(report.repositories)}"
        found = [{change.tag: change for change in outcome.changes} for outcome in report.repositories]
        yield from fitting(
            tags, TABLE, "rows",
            lambda tag: f"| {code(tag)} | {' | '.join(_tag_cell(of.get(tag), report) for of in found)} |",
        )  # fmt: skip


def _tag_cell(change: Change | None, report: Report) -> str:
    """Return the cell of a tag: an icon for its action, and the digests before and after."""
    if change is None:
        return ""
    digests = digests_of(change, pushed=bool(report.source)).split(" → ")
    shown = " → ".join(f"`{one}`" if re.fullmatch("[0-9a-f]+", one) else one for one in digests if one)
    icon = "⚠️" if change.drifted else _ACTIONS[change.action]
    return f"{icon} {shown}{' → gone' if change.action == 'remove' else ''}".rstrip()


def _unchanged_counts(report: Report) -> str:
    """Return how many tags are right already, and how many are left to other versions."""
    changes = [change for outcome in report.repositories for change in outcome.changes]
    kept = sum(change.action == "keep" for change in changes)
    held = sum(change.action == "hold" and not change.drifted for change in changes)
    return ", ".join(
        [f"{number_of(kept, 'tag')} already right"] * bool(kept)
        + [f"{number_of(held, 'tag')} left to others"] * bool(held)
    )


def _pull_lines(report: Report) -> Iterator[str]:
    """Yield lines to pull by digest from the first registries with the release. A failure or a dry run has none."""
    if report.dry_run or report.exit_code:
        return
    names = [f"{one.repository}@{one.digest}" for one in report.repositories if one.digest]
    if names := [name for name in names if _PULLED_NAME.fullmatch(name)][:PULLED]:
        yield "\n".join(("\n```sh", *(f"docker pull {name}" for name in names), "```"))


def _diagram(report: Report) -> Iterator[str]:
    """Yield a Mermaid diagram of the first repository, with arrows from floating tags to their versions.

    A thick arrow is new. The labels are tags, versions and digests, whose characters have no meaning in Mermaid.
    """
    if report.exit_code or not report.changed or not report.repositories:
        return
    shown = [
        change
        for change in report.repositories[0].changes
        if change.version and change.after and change.tag != change.version and _PLAIN_TAG.fullmatch(change.tag)
    ]
    shown.sort(key=lambda change: not change.writes)
    if not shown:
        return
    nodes: dict[str, str] = {}
    yield "\n```mermaid\nflowchart LR"
    for number, change in enumerate(shown[:DRAWN]):
        version = re.sub(r"[^\w.+-]", "", change.version, flags=re.ASCII)
        node = nodes.setdefault(f"{_label(version)} · {short(change.after)}", f"v{len(nodes)}")
        yield f'  t{number}("{_label(change.tag)}") {"==>" if change.writes else "-->"} {node}'
    yield from (f'  {node}["{text}"]' for text, node in nodes.items())
    yield "```"


def _label(name: str) -> str:
    """Return a name for the diagram without the middle of a long one, which would make all letters small."""
    return name if len(name) <= LABEL else f"{name[: LABEL // 2]}…{name[-LABEL // 2 :]}"


def _image(variant: str, report: Report) -> Iterator[str]:
    """Yield the image that is released, its platforms, and its base."""
    if report.source:
        yield f"Image{variant} {code(report.source)}" + (f" · digest `{report.digest}`" if report.digest else "")
    for name, digest in report.platforms.items():
        origin = f" from {cell(report.origins[digest])}" if digest in report.origins else ""
        yield f"{code(name)} `{digest}`{origin}"
    if report.base:
        yield f"Base {cell(report.base)}"


def _details(report: Report) -> Iterator[str]:
    """Yield the collapsed parts: the image, signatures and warnings, and the reason for each tag."""
    facts = [f"Version from {code(report.version_from)}"] if report.version_from not in (None, "version") else []
    for variant, one in report.variants.items() or (("", report),):
        facts += _image(f" of {code(variant or DEFAULT_VARIANT)}" if report.variants else "", one)
    facts += [f"Signed: {cell(' '.join(filter(None, (one.by, one.repo, one.ref))))}" for one in report.verified]
    facts += [f"⚠️ {cell(warning.message)}" for warning in report.warnings]
    if facts:
        yield collapsible("Image, version, warnings", list(fitting((f"- {one}" for one in facts), 8000, "facts")))

    def why(pair: tuple[Outcome, Change]) -> str:
        outcome, change = pair
        reason = cell(reason_of(change, outcome, report))
        return f"| {cell(outcome.repository)} | {code(change.tag)} | {change.action} | {reason} |"

    if any(outcome.changes for outcome in report.repositories):
        pairs = ((one, change) for one in report.repositories for change in one.changes)
        head = "| repository | tag | action | why |\n|---|---|---|---|"
        yield collapsible("Why, tag by tag", [head, *fitting(pairs, 16_000, "rows", why)])
