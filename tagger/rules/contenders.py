"""Finds the tags of a large repository that decide who owns the floating tags."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from tagger.rules.cascade import Rules
from tagger.rules.marks import HELD_MARK, WITHDRAWN_MARK
from tagger.rules.versions import Version

__all__ = ["contenders", "contenders_beside"]

MARKS = (WITHDRAWN_MARK, HELD_MARK)
_SERIES = re.compile(r"([^0-9]*)(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)")
_PATCH = re.compile(r"(0|[1-9][0-9]*)((?:[^0-9.].*)?)")


def contenders(tags: Collection[str], rules: Rules) -> Collection[str]:
    """Return those of `tags` that decide who owns the floating tags; the others need not be read as versions.

    Only exact tags are left out: those of a semantic version with a newer one of its variant in its series `X.Y`, where
    nothing but the order of versions decides. The rest gives every floating tag the owner that all tags give it: a test
    states this law. Reading the rest takes a tenth of the time.
    """
    shapes = _shapes(rules)
    if not shapes:
        return tags
    series: dict[str, list[str]] = defaultdict(list)
    for tag in tags:
        head, _, end = tag.rpartition(".")
        series[head].append(end)
    marked = {head.partition("-")[2] for head in series if head.startswith(MARKS)}
    kept = set(series.pop("", ())).intersection(tags)  # those without a point; none begins with one
    for head, ends in series.items():
        shape = _SERIES.fullmatch(head) if len(ends) > 1 and head not in marked else None
        newest = _newest(ends, {after for before, after in shapes if before == shape[1]}) if shape else ends
        kept.update(f"{head}.{end}" for end in newest)
    return kept


def contenders_beside(
    tags: Collection[str], decisive: Collection[str], owners: Iterable[Version], rules: Rules
) -> Collection[str]:
    """Return those of `tags` that decide who would own the floating tags without `owners`, and the owners' own.

    `decisive` are the `contenders` of `tags`, or all: only the series of the owners are looked through again.
    """
    if len(decisive) == len(tags):
        decisive = contenders(tags, rules)
    own = {tag for owner in owners for tag in rules.exact_tags(owner)}
    series = tuple({f"{tag.rpartition('.')[0]}." for tag in own})
    beside = {tag for tag in tags if tag.startswith(series)}
    marks = [tag for tag in decisive if tag.startswith(MARKS)]
    again = contenders((beside - own).union(marks), rules)
    return {*frozenset(decisive) - beside, *again, *own.intersection(tags)}


def _newest(ends: Collection[str], variants: Collection[str]) -> Collection[str]:
    """Return the newest patch of each variant, and every end that is no plain patch number."""
    text = f".{'.'.join(ends)}."
    plain = text.replace(".", "").isdecimal() and ".." not in text and ".0" not in text.replace(".0.", ".")
    if plain and "" in variants:  # the usual case, at once
        return (str(max(map(int, ends))),)
    kept = []
    patches: dict[str, int] = {}
    for end in ends:
        match = _PATCH.fullmatch(end)
        if match and match[2] in variants:
            patches[match[2]] = max(int(match[1]), patches.get(match[2], 0))
        else:
            kept.append(end)
    return [*kept, *(f"{patch}{variant}" for variant, patch in patches.items())]


def _shapes(rules: Rules) -> set[tuple[str, str]]:
    """Return what stands before and after the versions of each variant; nothing where every version has to be read."""
    if not rules.exact:
        return set()
    exact, scheme = rules.exact[0], rules.scheme
    if (scheme.name, scheme.build_metadata) != ("semver", "refuse") or len(rules.exact) > 1 or "raw" in exact.fields:
        return set()
    if rules.stable.text or rules.withdrawn or rules.depth > 2 or scheme.revisions or rules.families:
        return set()
    if rules.pinned and rules.pinned.length > 2:
        return set()
    shapes = {shape for variant in rules.variants if (shape := exact.around(variant))}
    return shapes if all(_PATCH.fullmatch(f"0{after}") for _, after in shapes) else set()
