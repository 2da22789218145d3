"""A repository as a tree of tags, for people and for programs."""

from collections.abc import Iterable, Iterator
from typing import Any

from tagger.reporting.terminal import style
from tagger.reporting.text import short
from tagger.results import Artifact, Floating, ListedVersion, Tree

__all__ = ["size_text", "tree_text", "trees_document"]


def trees_document(trees: Iterable[Tree]) -> dict[str, Any]:
    """Return the JSON of `tags`."""
    return {
        "repositories": [
            {
                "repository": tree.repository,
                "versions": [_version(listed) for listed in tree.versions],
                "floating": {
                    tag: {"digest": floating.digest, "belongs_to": floating.belongs_to, "drifted": floating.drifted}
                    for tag, floating in tree.floating.items()
                },
                "other": list(tree.other),
                "attached": [_artifact(artifact) for artifact in tree.attached],
                "purged": list(tree.purged),
                "dispute": tree.dispute or None,
            }
            for tree in trees
        ]
    }


def tree_text(tree: Tree) -> str:
    """Return a repository as a person reads it."""
    return "\n".join(_lines(tree))


def _version(listed: ListedVersion) -> dict[str, Any]:
    facts = listed.facts
    document: dict[str, Any] = {
        "version": listed.version,
        "variant": listed.variant,
        "digest": listed.digest,
        "tags": list(listed.tags),
        "withdrawn": listed.withdrawn,
        "held": listed.held,
        "attached": [_artifact(artifact) for artifact in listed.attached],
    }
    if facts:
        document |= {"created": facts.created or None, "size": facts.size, "platforms": list(facts.platforms)}
        document["also"] = list(listed.also)
    return document


def _artifact(artifact: Artifact) -> dict[str, str]:
    return {"name": artifact.name, "kind": artifact.kind, "image": artifact.image}


def _lines(tree: Tree) -> Iterator[str]:
    yield style(tree.repository, bold=True)
    rest = [
        *([f"not versions: {', '.join(tree.other)}"] if tree.other else []),
        *([f"purged: {', '.join(tree.purged)}"] if tree.purged else []),
        *(f"{artifact.kind}  {artifact.name}, of an image that is not listed" for artifact in tree.attached),
    ]
    if not (tree.versions or tree.floating or rest):
        yield "  no tags yet"
    width = max((len(listed.tags[0]) for listed in tree.versions), default=0)
    for place, listed in enumerate(tree.versions, 1):
        last = place == len(tree.versions) and not rest
        yield f"{'└──' if last else '├──'} {_line(listed, width)}"
        for artifact in listed.attached:
            yield style(f"{' ' if last else '│'}     {artifact.kind}  {artifact.name}", fg="bright_black")
    for place, line in enumerate(rest, 1):
        yield f"{'└──' if place == len(rest) else '├──'} {line}"
    drifted = {tag: floating for tag, floating in tree.floating.items() if floating.drifted}
    for tag, floating in drifted.items():
        yield style(f"    {tag} {_drift(floating)}", fg="yellow")
    if drifted:
        yield "    run `reconcile` to put it right"


def _drift(floating: Floating) -> str:
    if floating.digest is None:
        return f"is missing: it belongs to {floating.belongs_to}"
    owner = f"it belongs to {floating.belongs_to}" if floating.belongs_to else "no version of its class is left"
    return f"has drifted: it holds {short(floating.digest)}, and {owner}"


def _line(listed: ListedVersion, width: int) -> str:
    facts = listed.facts
    parts = [f"{listed.tags[0]:<{width}}", short(listed.digest)]
    if facts:
        parts += [facts.created[:10] or "no date", f"{size_text(facts.size):>8}", ",".join(facts.platforms)]
    parts.append("  ".join(style(tag, fg="green") for tag in listed.tags[1:]))
    parts += [f"also {' '.join(listed.also)}"] if listed.also else []
    parts += [style("withdrawn", fg="red")] if listed.withdrawn else []
    parts += [style("held", fg="yellow")] if listed.held else []
    return "  ".join(filter(None, parts))


def size_text(count: float) -> str:
    """Return a size as people read it, in powers of 1000, as docker writes them."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
