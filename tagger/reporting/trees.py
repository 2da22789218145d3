"""A repository as a tree of tags, as text and as JSON."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tagger.reporting.folding import cells, fold, pad
from tagger.reporting.sentences import number_of, size_text
from tagger.reporting.terminal import ELSEWHERE, plain, style
from tagger.reporting.text import short
from tagger.results.tree import Artifact, Floating, ListedVersion, Tree
from tagger.rules.plan import NO_OWNER

__all__ = ["sums", "tree_text", "trees_document"]

_SHOWN = 20
"""The most names of tags without a version that are shown; the others are counted."""
_BESIDE = 16
"""The fewest columns for tags beside their version; with fewer they begin on a line of their own."""


def trees_document(trees: Iterable[Tree]) -> dict[str, Any]:
    """Return the JSON of `tags`, without an error."""
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


def tree_text(tree: Tree, width: int = ELSEWHERE, *, verbose: bool = False) -> str:
    """Return a repository as text: versions by series, with the tags at them.

    No line is wider than `width`. Tags without a version are counted behind the first of them; `verbose` lists all.
    """
    return "\n".join(_lines(tree, width, verbose))


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


def _lines(tree: Tree, width: int, verbose: bool) -> Iterator[str]:
    yield from (style(line, bold=True) for line in fold(plain(tree.repository), width))
    if text := sums(tree):
        yield from (style(line, fg="bright_black") for line in fold(text, width))
    branches = [*_series(tree, width - 4), *_rest(tree, width - 4, verbose)]
    if not branches and not tree.floating:
        left = number_of(tree.left_out, "version")
        yield f"  nothing here fits the pattern; {left} left out" if tree.left_out else "  no tags yet"
    for place, branch in enumerate(branches, 1):
        last = place == len(branches)
        first, *more = branch
        yield f"{'└──' if last else '├──'} {first}"
        yield from (f"{' ' if last else '│'}   {line}".rstrip() for line in more)
    drifted = {tag: floating for tag, floating in tree.floating.items() if floating.drifted}
    for tag, floating in drifted.items():
        for number, line in enumerate(fold(f"{plain(tag)} {_drift(floating)}", width - 4)):
            yield style(f"{'  ' if number else '! '}{line}", fg="yellow")
    if drifted:
        yield f"  run `reconcile` to put {'it' if len(drifted) == 1 else 'them'} right"


def sums(tree: Tree) -> str:
    """Return the counts of versions and series, and of what is withdrawn, held or drifted; empty without versions."""
    if not tree.versions:
        return ""
    marks = {"withdrawn": sum(one.withdrawn for one in tree.versions), "held": sum(one.held for one in tree.versions)}
    marks["drifted"] = sum(floating.drifted for floating in tree.floating.values())
    texts = [number_of(len(tree.versions), "version"), f"{len({_major(one) for one in tree.versions})} series"]
    return ", ".join((*texts, *(f"{count:,} {name}" for name, count in marks.items() if count)))


def _major(listed: ListedVersion) -> str:
    """Return the series of a version: its first number, or the version itself where it has none."""
    found = re.match(r"\D*(\d+)", listed.version)
    return found[1] if found else listed.version


def _series(tree: Tree, width: int) -> Iterator[list[str]]:
    """Yield the lines of each series, in the order of the versions: its count, and a branch for each version."""
    series: dict[str, list[ListedVersion]] = {}
    tags = min(max((cells(listed.tags[0]) for listed in tree.versions), default=0), width // 3)
    drifted = [tag for tag, floating in tree.floating.items() if floating.drifted]
    for listed in tree.versions:
        series.setdefault(_major(listed), []).append(listed)
    for name, versions in series.items():
        lines = [f"{style(plain(name), bold=True)}  {style(number_of(len(versions), 'version'), fg='bright_black')}"]
        for place, listed in enumerate(versions, 1):
            last = place == len(versions)
            first, *more = _version_lines(listed, tags, width - 4, drifted)
            lines.append(f"{'└──' if last else '├──'} {first}")
            lines += [f"{' ' if last else '│'}   {line}".rstrip() for line in more]
        yield lines


def _rest(tree: Tree, width: int, verbose: bool) -> Iterator[list[str]]:
    """Yield the lines of tags without a version, purged versions, and artifacts of images that are not listed."""
    for what, names in (("not versions", tree.other), ("purged", tree.purged)):
        shown = names if verbose else names[:_SHOWN]
        more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
        if names:
            yield _hanging(plain(f"{what} ({len(names):,}): {', '.join(shown)}{more}"), width)
    for artifact in tree.attached:
        yield _hanging(plain(f"{artifact.kind}  {artifact.name}, of an image that is not listed"), width)


def _hanging(text: str, width: int) -> list[str]:
    first, *more = fold(text, width - 2)
    return [first, *(f"  {line}" for line in more)]


def _drift(floating: Floating) -> str:
    if floating.digest is None:
        return f"is missing: it belongs to {floating.belongs_to}"
    owner = f"it belongs to {floating.belongs_to}" if floating.belongs_to else NO_OWNER
    return f"has drifted: it holds {short(floating.digest)}, and {owner}"


def _version_lines(listed: ListedVersion, tags: int, width: int, drifted: Collection[str]) -> Iterator[str]:
    """Yield a version with the tags at it, `drifted` ones in another colour, and the artifacts attached to it."""
    facts = listed.facts
    name = plain(listed.tags[0])
    if cells(name) > tags:
        yield from fold(name, width)
        name = ""
    columns = [pad(name, tags), f"{short(listed.digest):<7}"]
    words = [plain(tag) for tag in listed.tags[1:]]
    colors = dict.fromkeys(words, "green") | dict.fromkeys(drifted, "yellow") | {"withdrawn": "red", "held": "yellow"}
    if facts:
        columns += [f"{facts.created[:10] or 'no date':<10}", f"{size_text(facts.size):>7}"]
        words = [plain(",".join(facts.platforms)), *(["·", *words] if words else [])]
    words += ["also", *listed.also] if listed.also else []
    words += [name for name in ("withdrawn", "held") if getattr(listed, name)]
    text = "  ".join(columns)
    begins = cells(text) + 2
    beside = width - begins >= _BESIDE
    lines = fold(" ".join(words), width - begins if beside else width - 4)
    first, *more = ([*lines] if beside else ["", *lines]) if words else [""]
    yield f"{text}  {_colour_words(first, colors)}".rstrip()
    yield from (f"{'':{begins if beside else 4}}{_colour_words(line, colors)}" for line in more)
    for artifact in listed.attached:
        for line in fold(plain(f"{artifact.kind}  {artifact.name}"), width - 2):
            yield style(f"  {line}", fg="bright_black")


def _colour_words(line: str, colors: Mapping[str, str]) -> str:
    return " ".join(style(word, fg=colors[word]) if word in colors else word for word in line.split(" "))
