"""The limits on floating tags, as `latest` and `stable` could say them, under which tags stay where they stand."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tagger.rules.assessment import Assessment, Candidate
from tagger.rules.versions import Version

__all__ = ["with_limits"]

EVEN_MINORS = r"/^[0-9]+\.[0-9]*[02468]\./"
FEW = 3  # versions that are left out by their numbers


def with_limits(found: Assessment, images: Mapping[str, str | None]) -> Iterator[Candidate]:
    """Yield the candidate with limits on `latest`, and on every floating tag, that would let stand what would move."""
    candidate = found.candidate
    wide = [one for text in found.rules.templates if (one := text).is_latest]
    wrong = {**found.moved, **found.created}
    latest = {tag: owner for tag, owner in wrong.items() if any(one.fill(owner) == tag for one in wide)}
    if latest:
        holders = [
            version for tag, version in found.exact.items() if images[tag] in {images.get(one) for one in latest}
        ]
        right = [owner for tag, owner in found.right.items() if any(one.fill(owner) == tag for one in wide)]
        for text in (*_ranges(latest.values(), holders, right), *_excluding(latest.values())):
            yield candidate._replace(latest=text)
    if wrong:
        for text in _ranges(wrong.values(), (), found.right.values()):
            yield candidate._replace(stable=text)


def _ranges(bad: Iterable[Version], holders: Collection[Version], good: Iterable[Version]) -> Iterator[str]:
    """Yield the texts of selections that have the holders, and the good versions as far as can be, and no bad one."""
    for holder in sorted(holders, reverse=True)[:2]:
        for length in (1, 2):
            yield ".".join(holder.numbers[:length])
    wrong = sorted({tuple(map(int, version.numbers)) for version in bad})
    right = sorted({tuple(map(int, version.numbers)) for version in good})
    for length in (1, 2, 3):
        below = [numbers for numbers in wrong if not right or numbers[:length] > right[-1][:length]]
        above = [numbers for numbers in wrong if not right or numbers[:length] < right[0][:length]]
        if below:
            yield f"<{_text(below[0][:length])}"
        if above and right:
            yield f">={_text(right[0][:length])}"
        if above and below and right:
            yield f">={_text(right[0][:length])} <{_text(below[0][:length])}"
    if wrong and all(numbers[1] % 2 for numbers in wrong if len(numbers) > 1):
        yield EVEN_MINORS


def _excluding(bad: Iterable[Version]) -> Iterator[str]:
    """Yield what leaves out a few versions."""
    wrong = sorted({tuple(map(int, version.numbers)) for version in bad})
    if len(wrong) <= FEW:
        yield " ".join(f"!={_text(numbers)}" for numbers in wrong)


def _text(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
