"""The proposal of `init` as text, as JSON, and as Markdown for the step summary."""

from collections.abc import Iterator
from typing import Any

from tagger.reporting.folding import fold
from tagger.reporting.sentences import number_of
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.results.proposal import Proposal

__all__ = ["proposal_document", "proposal_markdown", "proposal_text"]

SHOWN = 30  # tags of a kind that the text names; JSON has all


def proposal_document(proposal: Proposal) -> dict[str, Any]:
    """Return the JSON of `init`: settings by name, the text of the file, changes, and tags that are not explained."""
    return {
        "command": "init",
        "settings": {
            name: list(value) if isinstance(value, tuple) else value for name, value in proposal.settings.items()
        },
        "file": proposal.file,
        "written": proposal.written or None,
        "policy": {
            "source": "default" if proposal.policy is None else "repository",
            "differs": list(proposal.policy or ()),
        },
        "repositories": [
            {
                "repository": proposal.repository,
                "status": "planned",
                "versions": proposal.versions,
                "changes": [
                    {
                        "tag": change.tag,
                        "action": change.action,
                        "before": change.before,
                        "after": change.after,
                        "version": change.version,
                        "reason": change.reason,
                    }
                    for change in proposal.changes
                ],
                "unexplained": list(proposal.unexplained),
                "other": list(proposal.other),
            }
        ],
        "error": None,
    }


def proposal_text(proposal: Proposal, width: int = ELSEWHERE) -> str:
    """Return the proposal as text: the counts of tags, the settings of the file, the changes, and the other tags.

    Lines have `width` columns at most. Only the lines of the file, which a person copies, and its path are not folded.
    """
    return "\n".join(_lines(proposal, width))


def proposal_markdown(proposal: Proposal) -> str:
    """Return the proposal as Markdown for the step summary."""
    lines = [f"### Settings proposed for {plain(proposal.repository)}", "", _counts(proposal), ""]
    lines += ["```yaml", plain(proposal.file).replace("```", ""), "```"]
    lines += [plain(line) for line in _policy_lines(proposal)]
    return "\n".join(lines)


def _lines(proposal: Proposal, width: int) -> Iterator[str]:
    yield from (style(line, bold=True) for line in fold(plain(proposal.repository), width))
    yield from fold(_counts(proposal), width)
    yield ""
    yield from (plain(line) for line in proposal.file.splitlines() if not line.startswith("#"))
    yield ""
    if proposal.changes:
        yield "`reconcile` would change:"
        for change in proposal.changes:
            yield from _hanging(f"{change.action} {change.tag}: {change.reason}", width)
    else:
        yield "`reconcile` would change nothing."
    if proposal.unexplained:
        text = f"Not explained, and left alone ({len(proposal.unexplained)}): {_some(proposal.unexplained)}"
        yield from fold(plain(text), width)
    if proposal.other:
        yield from fold(plain(f"Of no version, and left alone ({len(proposal.other)}): {_some(proposal.other)}"), width)
    for text in _policy_lines(proposal):
        yield from _hanging(text, width) if text.startswith(" ") else fold(plain(text), width)
    yield f"Written to {proposal.written}." if proposal.written else "`init --write` writes this to .tagger.yml."


def _hanging(text: str, width: int) -> Iterator[str]:
    first, *more = fold(plain(text), width - 4)
    yield f"  {first}"
    yield from (f"    {line}" for line in more)


def _policy_lines(proposal: Proposal) -> Iterator[str]:
    if proposal.policy is not None:
        yield "The repository has a policy, which replaces the settings of any file" + (
            ". It differs from this:" if proposal.policy else ", and says the same."
        )
        yield from (f"  {name}: {value}" for name, value in proposal.policy.items())


def _counts(proposal: Proposal) -> str:
    right = number_of(proposal.right, "floating tag stands", "floating tags stand")
    counts = f"{number_of(proposal.tags, 'tag')}, {number_of(proposal.versions, 'version')}"
    return f"{counts}; {right} where these settings have {'it' if proposal.right == 1 else 'them'}."


def _some(tags: tuple[str, ...]) -> str:
    return " ".join(tags[:SHOWN]) + (" …" if len(tags) > SHOWN else "")
