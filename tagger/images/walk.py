"""Visits the manifests of an image from its root, each once, level by level, within bounds."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tagger.errors import StoreError
from tagger.images.manifests import MANIFEST_TYPES, Descriptor, Manifest

__all__ = ["DEEPEST", "WIDEST", "Step", "walk"]

DEEPEST = 8  # indexes in indexes; real images have one
WIDEST = 1000  # manifests of an image; real ones have some dozens


class Step(NamedTuple):
    """A manifest on the way; `place` orders steps as the indexes name them, and `above` are the descriptors that led
    here, outermost first."""

    manifest: Manifest
    place: tuple[int, ...] = ()
    above: tuple[Descriptor, ...] = ()


def walk(
    root: Manifest,
    fetch: Callable[[Sequence[Descriptor]], Sequence[Manifest]],
    *,
    name: str,
    wanted: Callable[[Descriptor], bool] = lambda _: True,
    any_type: bool = False,
) -> Iterator[Sequence[Step]]:
    """Yield the levels of an image: its root, then what it names, and so on.

    A manifest that is named several times comes once, so that small documents cannot make much work: each of the
    bounds is an error, and no answer decides how much is asked. What an index names is followed where its type is a
    manifest's, or whatever it is with `any_type`. `fetch` gets the manifests of a level, in their order.
    Raise `StoreError`, which calls the place of the image `name`.
    """
    level: Sequence[Step] = [Step(root)]
    seen: set[str] = {root.digest}
    while level:
        yield level
        below: list[tuple[Descriptor, tuple[int, ...], tuple[Descriptor, ...]]] = []
        for step in level:
            for number, child in enumerate(step.manifest.children()):
                if (any_type or child.media_type in MANIFEST_TYPES) and child.digest not in seen and wanted(child):
                    seen.add(child.digest)
                    below.append((child, (*step.place, number), (*step.above, child)))
        if len(seen) > WIDEST:
            raise StoreError(f"{root.digest} names more than {WIDEST} manifests", code="MANIFEST_INVALID", place=name)
        if below and len(below[0][1]) > DEEPEST:
            raise StoreError(
                f"{root.digest} is nested deeper than {DEEPEST} indexes", code="MANIFEST_INVALID", place=name
            )
        manifests = fetch([child for child, _, _ in below])
        level = [Step(manifest, place, above) for manifest, (_, place, above) in zip(manifests, below, strict=True)]
