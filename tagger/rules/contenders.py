"""Finds the tags of a large repository that decide who owns the floating tags."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Set
from itertools import repeat

from tagger.rules.cascade import Rules
from tagger.rules.marks import HELD_MARK, WITHDRAWN_MARK

__all__ = ["contenders"]

DIGITS = "0123456789"
MARKS = (WITHDRAWN_MARK, HELD_MARK)
_SERIES = re.compile(r"([^0-9]*)(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.")


def contenders(tags: Collection[str], rules: Rules) -> Set[str]:
    """Return those of `tags` that decide who owns the floating tags, and who would own them without their owners.

    It is a sieve, which may keep too much. Only exact tags are left out: those of a semantic version with two newer
    ones of its variant in its series `X.Y`, where nothing but the order of versions decides. The rest gives every
    floating tag the owner that all tags give it: a test states this law. Reading the rest takes a tenth of the time.
    """
    shapes = _shapes(rules)
    if not shapes:
        return frozenset(tags)
    groups: dict[tuple[str, str], list[str]] = {}
    for after in sorted({*shapes, ""}, key=len, reverse=True):  # `-slim-alpine` before `-alpine`
        names = [tag.removesuffix(after) for tag in tags if tag.endswith(after)] if after else tags
        tags = [tag for tag in tags if not tag.endswith(after)] if after else tags
        groups |= {(series, after): group for series, group in _by_series(names).items()}
    marks = (series.partition("-")[2] for series, _ in groups if series.startswith(MARKS))
    marked = {match[0] for mark in marks if (match := _SERIES.match(mark))}
    kept: list[str] = []
    for (series, after), names in groups.items():
        shape = _SERIES.fullmatch(series)
        sifted = shape and shape[1] in shapes.get(after, ()) and series not in marked
        kept += [name + after for name in (_newest(names, series) if sifted else names)]
    return frozenset(kept)


def _by_series(names: Collection[str]) -> Mapping[str, list[str]]:
    """Group names by what stands before the number that they end with: `2.1.` for `2.1.4`."""
    groups = defaultdict(list)
    for name, series in zip(names, map(str.rstrip, names, repeat(DIGITS)), strict=False):
        groups[series].append(name)
    return groups


def _newest(names: list[str], series: str) -> Iterable[str]:
    """Return the two newest versions of a series, and the names that are no versions: they have leading zeros."""
    names.sort()
    zero = f"{series}0"
    odd = [name for name in names[: bisect_left(names, f"{series}1")] if name != zero]
    patches = [name for name in names if name not in odd] if odd else names
    patches.sort(key=len)  # of numbers with as many digits, the last is the largest
    return [*odd, *patches[-2:]]


def _shapes(rules: Rules) -> Mapping[str, Container[str]]:
    """Return what may stand after versions, each with what then stands before; nothing where each has to be read."""
    if not rules.exact:
        return {}
    exact, scheme = rules.exact[0], rules.scheme
    if (scheme.name, scheme.build_metadata) != ("semver", "refuse") or len(rules.exact) > 1 or "raw" in exact.fields:
        return {}
    if rules.stable.text or rules.withdrawn or rules.depth > 2 or scheme.revisions or rules.families:
        return {}
    if rules.pinned and rules.pinned.length > 2:
        return {}
    shapes: dict[str, set[str]] = defaultdict(set)
    for before, after in filter(None, map(exact.around, rules.variants)):
        shapes[after].add(before)
    return {} if any(after.startswith((*DIGITS, ".")) for after in shapes) else shapes
