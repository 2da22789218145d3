"""Spans of versions by their numbers: what a range means, compared whatever its text."""

from collections.abc import Iterable

__all__ = ["EVERYTHING", "Span", "Spans", "after", "between", "both", "either"]

Bound = tuple[int, ...]
"""Numbers without zeros at the end: 3 and 3.0 are one bound. The lowest is the empty one."""

Span = tuple[Bound, Bound | None]
"""The versions from one bound on, up to another that is not in it; None is the end of all."""

Spans = tuple[Span, ...]
EVERYTHING: Span = ((), None)


def after(series: Bound) -> Bound:
    """Return the lowest bound above every version that begins with these numbers."""
    return (*series[:-1], series[-1] + 1) if series else ()


def between(begin: Bound, end: Bound | None) -> Spans:
    """Return the span of two bounds; none where it is empty."""
    low, high = _plain(begin), None if end is None else _plain(end)
    return ((low, high),) if high is None or low < high else ()


def both(given: Iterable[Spans]) -> Spans:
    """Return what all of these have in common."""
    common: Spans = (EVERYTHING,)
    for spans in given:
        common = tuple(
            part
            for low, high in common
            for other_low, other_high in spans
            for part in between(max(low, other_low), _lower(high, other_high))
        )
    return common


def either(spans: Iterable[Span]) -> Spans:
    """Return what any of these holds, in order, those that meet as one."""
    joined: list[Span] = []
    for low, high in sorted(spans, key=lambda span: span[0]):
        if joined and (joined[-1][1] is None or low <= joined[-1][1]):
            before, end = joined[-1]
            joined[-1] = before, None if end is None or high is None else max(end, high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _plain(numbers: Bound) -> Bound:
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers


def _lower(one: Bound | None, other: Bound | None) -> Bound | None:
    return other if one is None else one if other is None else min(one, other)
