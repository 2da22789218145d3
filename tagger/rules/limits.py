"""Finds values of `latest` and `stable` under which floating tags stay where they are."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tagger.rules.assessment import Assessment, Candidate
from tagger.rules.evidence import variants_of
from tagger.rules.templates import LATEST
from tagger.rules.versions import Version
from tagger.rules.words import DEFAULT_VARIANT

__all__ = ["with_exact_alone", "with_latest_alone", "with_limits"]

EVEN_MINORS = r"/^[0-9]+\.[0-9]*[02468]\./"
FEW = 3  # at most so many versions are left out one by one


def with_limits(found: Assessment, images: Mapping[str, str | None]) -> Iterator[Candidate]:
    """Yield the candidate with a limit on `latest` or on every floating tag, so that fewer tags move or are created."""
    candidate = found.candidate
    wrong = {**found.moved, **found.created}
    for text in _latest_texts(found, images):
        yield candidate._replace(latest=text)
    if wrong:
        for text in _ranges(wrong.values(), (), found.right.values()):
            yield candidate._replace(stable=text)
    frozen = {version.variant for version in found.moved.values()}
    others = {version.variant for version in found.right.values()} - frozen
    if frozen and others and not found.rules.families:
        yield candidate._replace(stable=_variants_text(others))


def with_exact_alone(found: Assessment, images: Mapping[str, str | None]) -> Iterator[Candidate]:
    """Yield the candidate with variants that have exact tags alone: `stable` names the others."""
    candidate = found.candidate
    before = [text.removesuffix("{{version}}") for text in candidate.tags if text.endswith("{{version}}")]
    of_all, of_rest = (variants_of(tags, before, found.rules.scheme, 0) for tags in (images, found.unexplained(images)))
    floating = {version.variant for version in found.right.values()}
    alone = {version.variant for version in found.created.values()} - floating | (of_all.keys() & of_rest.keys())
    if alone and floating and not (candidate.stable or found.rules.families):
        variants = tuple(sorted({*candidate.variants, *alone} - {""}))
        limited = candidate._replace(variants=variants, stable=_variants_text(floating))
        yield from (limited, limited._replace(latest="auto"))


def with_latest_alone(found: Assessment, images: Mapping[str, str | None]) -> Iterator[Candidate]:
    """Yield the candidate with the tag `latest` at the newest version of a variant, and no other bare tag."""
    candidate = found.candidate
    if LATEST in found.unexplained(images) and not found.rules.channels:
        for variant in sorted(
            {one.variant for tag, one in found.exact.items() if images[tag] == images[LATEST]} - {""}
        ):
            variants = tuple(sorted({*candidate.variants, f"{DEFAULT_VARIANT}={variant}"}))
            tags = tuple(dict.fromkeys((*candidate.tags, LATEST)))
            yield candidate._replace(tags=tags, variants=variants, latest=f"variant={DEFAULT_VARIANT}")


def _latest_texts(found: Assessment, images: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the texts of `latest` under which the bare tags stay: ranges, and the variants that have one."""
    right, moved, created = (_latest_of(found, owners) for owners in (found.right, found.moved, found.created))
    wrong = (*moved.values(), *created.values())
    held = {images[tag] for tag in moved}
    holders = [version for tag, version in found.exact.items() if images[tag] in held]
    yield from _ranges(wrong, holders, right.values())
    yield from _excluding(wrong)
    named = _variants_text(version.variant for version in (*right.values(), *moved.values()))
    if named and created:
        yield named
        yield from (f"{named} {text}" for text in _ranges(moved.values(), holders, right.values()))


def _latest_of(found: Assessment, owners: Mapping[str, Version]) -> Mapping[str, Version]:
    """Return those tags that are `latest`, or the bare tag of a variant, each with its owner in that variant."""
    rules = found.rules
    places = {tag: place for tag, owner in owners.items() for place in rules.classes(owner) if place.tag == tag}
    return {tag: owners[tag].of_variant(place.variant) for tag, place in places.items() if place.is_latest}


def _variants_text(variants: Iterable[str]) -> str:
    names = sorted({variant or DEFAULT_VARIANT for variant in variants})
    return f"variant={','.join(names)}" if names else ""


def _ranges(bad: Iterable[Version], holders: Collection[Version], good: Iterable[Version]) -> Iterator[str]:
    """Yield texts of selections that have the holders, or leave out bad versions and keep the good ones if possible."""
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
    """Yield a range that leaves out the versions one by one, where they are few."""
    wrong = sorted({tuple(map(int, version.numbers)) for version in bad})
    if len(wrong) <= FEW:
        yield " ".join(f"!={_text(numbers)}" for numbers in wrong)


def _text(numbers: Iterable[int]) -> str:
    return ".".join(map(str, numbers))
