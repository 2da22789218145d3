"""The supported tags of repositories as Markdown tables for a README: `tags --table`."""

from collections.abc import Iterator, Sequence

from tagger.reporting.markdown import cell, code
from tagger.reporting.sentences import size_text
from tagger.results.tree import ListedVersion, Tree

__all__ = ["tags_table"]


def tags_table(trees: Sequence[Tree]) -> str:
    """Return a Markdown table for each repository: the versions that floating tags point at, and all their tags.

    Withdrawn and held versions are left out. Where no other version has a floating tag, all others are listed.
    """
    return "\n\n".join("\n".join(_table(tree, titled=len(trees) > 1)) for tree in trees)


def _table(tree: Tree, *, titled: bool) -> Iterator[str]:
    in_force = [listed for listed in tree.versions if not (listed.withdrawn or listed.held)]
    shown = [one for one in in_force if not tree.floating.keys().isdisjoint(one.tags)] or in_force
    long = any(listed.facts for listed in shown)
    if titled:
        yield f"### {cell(tree.repository)}\n"
    yield "| tags | platforms | size | created |\n|---|---|---|---|" if long else "| tags | digest |\n|---|---|"
    for listed in shown:
        tags = ", ".join(map(code, listed.tags))
        yield f"| {tags} | {_facts(listed)} |" if long else f"| {tags} | {code(listed.digest or '')} |"


def _facts(listed: ListedVersion) -> str:
    facts = listed.facts
    if facts is None:
        return " | | "
    return f"{cell(', '.join(facts.platforms))} | {size_text(facts.size)} | {cell(facts.created[:10])}"
