"""Visits the manifests of an image from its root, each once, level by level, within limits."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tagger.errors import StoreError
from tagger.images.manifests import MANIFEST_TYPES, Descriptor, Manifest

__all__ = ["DEEPEST", "WIDEST", "Step", "walk"]

DEEPEST = 8  # indexes in indexes; real images have one
WIDEST = 1000  # manifests of an image; real ones have some dozens


class Step(NamedTuple):
    """A visited manifest. `place` has its index at each level, `above` the descriptors above it, outermost first."""

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

    A manifest that is named several times comes once, and `DEEPEST` and `WIDEST` limit the work that an index can
    cause. Children with the media type of a manifest are followed, or with `any_type` all children. `fetch` returns the
    manifests of a level, in their order. Raise `StoreError` with the place `name`.
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
