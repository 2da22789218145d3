"""The versions a setting selects: by a range (`>=2.1 <3`), a series (`2.1`), variants, or an expression (`/…/`)."""

import re
from collections.abc import Callable, Hashable
from itertools import zip_longest
from typing import Self

from tagger.errors import InputError
from tagger.rules.patterns import compile_pattern
from tagger.rules.spans import EVERYTHING, Spans, after, between, both, either
from tagger.rules.versions import Version
from tagger.rules.words import DEFAULT_VARIANT, check_variant

__all__ = ["Selection", "Series"]

LONGEST = 128  # a tag has 128 characters, and so never more numbers
# Most runs set neither `stable` nor `latest`, so it is compiled only where it is needed.
_COMPARATOR = r"(?P<operator><=|>=|!=|==|<|>|=|~|\^)?\s*v?(?P<numbers>[0-9]{1,128}(?:\.[0-9]{1,128})*)(?:\.[xX*])*"
_VARIANTS = re.compile(r"variant=([A-Za-z0-9._,-]+)")
_TESTS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
    "!=": lambda order: order != 0,
    "=": lambda order: order == 0,
}


class Series:
    """The versions that begin with the same numbers: `2` is every 2.x.y, `2.1` every 2.1.x."""

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self.numbers = numbers

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2`, `2.1`, `v2` or `2.x`. Raise `InputError` for anything else."""
        match = re.fullmatch(_COMPARATOR, text.strip())
        if not match or match["operator"]:
            raise InputError(f"{text!r} is not a series of versions", "Write the numbers that they share, as 2 or 2.1.")
        return cls(tuple(map(int, match["numbers"].split("."))))

    def order(self, version: Version) -> int:
        """Return -1, 0 or 1 where `version` is before, in or after the series (as npm reads partial versions)."""
        numbers = [int(number) for number in version.numbers[: len(self.numbers)]]
        for own, bound in zip_longest(numbers, self.numbers, fillvalue=0):
            if own != bound:
                return -1 if own < bound else 1
        return 0

    def __contains__(self, version: Version) -> bool:
        return self.order(version) == 0

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))


class OfVariants(frozenset[str]):
    """The versions of some variants: `variant=default,alpine`; the bare tags are the variant `default`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read names with commas between them. Raise `InputError` where one is none."""
        return cls(map(check_variant, text.split(",")))

    def __contains__(self, version: object) -> bool:
        return isinstance(version, Version) and super().__contains__(version.variant or DEFAULT_VARIANT)

    def __str__(self) -> str:
        return f"variant={','.join(sorted(self))}"


Comparator = tuple[str, Series | OfVariants]
"""An operator, and what it compares with; the one before variants is empty."""


class Selection:
    """The versions that a text selects; the empty text selects every version.

    A range is comparators that all hold, `||` between alternatives: `<3.0`, `>=2.1 <3 || 5.x`, `^2.1`, `~2.1.4`,
    `!=2.1.3`, `variant=default,alpine <3`. A text between slashes is a regular expression that is searched in the
    version.
    """

    def __init__(
        self,
        text: str,
        alternatives: tuple[tuple[Comparator, ...], ...] = (),
        pattern: re.Pattern[str] | None = None,
    ) -> None:
        self.text = text
        self._alternatives = alternatives
        self._pattern = pattern

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a range or a regular expression. Raise `InputError` with what is wrong in it."""
        text = text.strip()
        if len(text) > 1 and text.startswith("/") and text.endswith("/"):
            return cls(text, (), compile_pattern(text[1:-1]))
        alternatives = text.split("||") if text else []
        return cls(text, tuple(tuple(_comparators(part, text)) for part in alternatives))

    @property
    def canonical(self) -> str:
        """The text in the form that is compared: a regular expression as it is, a range in one notation."""
        if self._pattern or not self._alternatives:
            return self.text
        parts = (
            " ".join(f"{'' if operator == '=' else operator}{series}" for operator, series in part)
            for part in self._alternatives
        )
        return " || ".join(parts)

    @property
    def variants(self) -> frozenset[str]:
        """The variants that it names."""
        named = (one for part in self._alternatives for _, one in part if isinstance(one, OfVariants))
        return frozenset(name for names in named for name in names)

    @property
    def meaning(self) -> Hashable:
        """What it means, whatever the text: spans of versions that do not meet, or the regular expression.

        Spans of every variant, and those of the variants that have others.
        """
        if self._pattern:
            return self.text
        every = self._spans_of("")
        return every, frozenset((name, own) for name in self.variants if (own := self._spans_of(name)) != every)

    def _spans_of(self, name: str) -> Spans:
        """Return the versions of a variant that it holds; of a variant that it does not name, if the name is empty."""
        parts = [
            [_spans(operator, one) for operator, one in part if isinstance(one, Series)]
            for part in self._alternatives
            if all(name in set(one) for _, one in part if isinstance(one, OfVariants))
        ]
        return either(span for part in parts for span in both(part)) if self._alternatives else (EVERYTHING,)

    @property
    def is_series(self) -> bool:
        """Whether it is a series, as 2 or 2.1."""
        return not self._pattern and len(self._alternatives) == 1 and [o for o, _ in self._alternatives[0]] == ["="]

    @property
    def length(self) -> int:
        """How many of a version's first numbers it depends on; for a regular expression, as many as there can be."""
        ranges = (one for part in self._alternatives for _, one in part)
        lengths = (len(one.numbers) for one in ranges if isinstance(one, Series))
        return LONGEST if self._pattern else max(lengths, default=0)

    def __contains__(self, version: Version) -> bool:
        if self._pattern:
            return self._pattern.search(version.text) is not None
        if not self._alternatives:
            return True
        return any(all(_holds(operator, series, version) for operator, series in part) for part in self._alternatives)


def _spans(operator: str, series: Series) -> Spans:
    """Return the versions of a comparator: from a bound on, up to another."""
    begin = series.numbers
    end = begin if operator in ("<", ">=") else after(begin)
    match operator:
        case "<" | "<=":
            return between((), end)
        case ">" | ">=":
            return between(end, None)
        case "!=":
            return (*between((), begin), *between(end, None))
        case "~" | "^":
            return between(begin, after(begin[: _shared_numbers(operator, series)]))
    return between(begin, end)


def _comparators(part: str, whole: str) -> list[Comparator]:
    found: list[Comparator] = []
    end = 0
    part, comparator = part.strip(), re.compile(_COMPARATOR)
    while end < len(part):
        match = _VARIANTS.match(part, end) or comparator.match(part, end)
        if not match or (match.end() < len(part) and part[match.end()] not in " ,"):
            break
        if match.re is _VARIANTS:
            found.append(("", OfVariants.parse(match[1])))
        else:
            operator = (match["operator"] or "=").replace("==", "=")
            found.append((operator, Series(tuple(map(int, match["numbers"].split("."))))))
        end = match.end()
        while end < len(part) and part[end] in " ,":
            end += 1
    if end < len(part) or not found:
        raise InputError(
            f"{whole!r} is not a range of versions: {part[end:]!r} is not understood",
            "Write comparators as <3.0 or >=2.1 <3, variant=default, or a regular expression between slashes.",
        )
    return found


def _holds(operator: str, series: Series | OfVariants, version: Version) -> bool:
    if isinstance(series, OfVariants):
        return version in series
    order = series.order(version)
    if operator in ("~", "^"):
        return order >= 0 and version in Series(series.numbers[: _shared_numbers(operator, series)])
    return _TESTS[operator](order)


def _shared_numbers(operator: str, series: Series) -> int:
    """Return how many numbers a version shares with the bound of `~` or `^`."""
    if operator == "~":
        return 2
    return next((place for place, number in enumerate(series.numbers, 1) if number), len(series.numbers))
