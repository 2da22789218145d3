"""A repository as a tree of tags, for people and for programs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from tagger.reporting.text import short

__all__ = ["Floating", "ListedVersion", "Tree", "tree_text", "trees_document"]


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version, its image, and the tags that point there now."""

    version: str
    variant: str
    digest: str | None
    tags: tuple[str, ...]
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Floating:
    """A floating tag: what it holds, the version it belongs to (None when none is left), and whether it drifted."""

    digest: str | None
    belongs_to: str | None
    drifted: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """What stands in one repository, newest version first."""

    repository: str
    versions: tuple[ListedVersion, ...]
    floating: Mapping[str, Floating]
    other: tuple[str, ...]


def trees_document(trees: Iterable[Tree]) -> dict[str, Any]:
    """Return the JSON of `tags`."""
    return {
        "repositories": [
            {
                "repository": tree.repository,
                "versions": [
                    {
                        "version": listed.version,
                        "variant": listed.variant,
                        "digest": listed.digest,
                        "tags": list(listed.tags),
                        "withdrawn": listed.withdrawn,
                    }
                    for listed in tree.versions
                ],
                "floating": {
                    tag: {"digest": floating.digest, "belongs_to": floating.belongs_to, "drifted": floating.drifted}
                    for tag, floating in tree.floating.items()
                },
                "other": list(tree.other),
            }
            for tree in trees
        ]
    }


def tree_text(tree: Tree) -> str:
    """Return a repository as a person reads it."""
    return "\n".join(_lines(tree))


def _lines(tree: Tree) -> Iterator[str]:
    yield click.style(tree.repository, bold=True)
    if not (tree.versions or tree.floating or tree.other):
        yield "  no tags yet"
    width = max((len(listed.tags[0]) for listed in tree.versions), default=0)
    last = len(tree.versions) - 1
    for place, listed in enumerate(tree.versions):
        branch = "└──" if place == last and not tree.other else "├──"
        pointing = "  ".join(click.style(tag, fg="green") for tag in listed.tags[1:])
        mark = click.style("  withdrawn", fg="red") if listed.withdrawn else ""
        yield f"{branch} {listed.tags[0]:<{width}}  {short(listed.digest)}  {pointing}{mark}".rstrip()
    if tree.other:
        yield f"└── not versions: {', '.join(tree.other)}"
    for tag, floating in tree.floating.items():
        if floating.drifted:
            holds = short(floating.digest) if floating.digest else "nothing"
            belongs = (
                f"it belongs to {floating.belongs_to}" if floating.belongs_to else "no version of its class is left"
            )
            yield click.style(f"    {tag} has drifted: it holds {holds}, and {belongs}", fg="yellow")
