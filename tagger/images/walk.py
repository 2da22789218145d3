"""Visits the manifests of an image from its root, each once, level by level, within limits."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tagger.concurrency import AT_ONCE, run_all
from tagger.errors import StoreError
from tagger.images.manifests import MANIFEST_TYPES, Descriptor, Manifest

__all__ = ["DEEPEST", "HEAVIEST", "WIDEST", "Step", "Weight", "check_width", "walk"]

DEEPEST = 8  # indexes in indexes; real images have one
WIDEST = 1000  # manifests of an image; real ones have some dozens
HEAVIEST = 8 * 1024 * 1024  # bytes of all manifests of an image, or of all its configs; real ones have some 100 KB


class Weight:
    """Counts the bytes of documents that are kept together. Any thread may add to it."""

    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Count a document. Raise `StoreError` where all of them have more than `HEAVIEST` bytes."""
        with self._lock:
            self._bytes += size
        if self._bytes > HEAVIEST:
            raise StoreError(
                f"{self._what} have more than {HEAVIEST} bytes",
                "No known builder writes as much. Build the image again, and push it.",
                code="SIZE_INVALID",
                place=self._name,
            )


class Step(NamedTuple):
    """A visited manifest. `place` has its index at each level, `above` the descriptors above it, outermost first."""

    manifest: Manifest
    place: tuple[int, ...] = ()
    above: tuple[Descriptor, ...] = ()


def walk(
    root: Manifest,
    read: Callable[[Descriptor], Manifest],
    *,
    name: str,
    jobs: int = AT_ONCE,
    wanted: Callable[[Descriptor], bool] = lambda _: True,
    any_type: bool = False,
) -> Iterator[Sequence[Step]]:
    """Yield the levels of an image: its root, then what it names, and so on.

    A manifest that is named several times comes once, and `DEEPEST`, `WIDEST` and `HEAVIEST` limit the work that an
    index can cause. Children with the media type of a manifest are followed, or with `any_type` all children. `read`
    returns a child, and is called for `jobs` of them at once. Raise `StoreError` with the place `name`.
    """
    weight = Weight(name, f"the manifests of {root.digest}")

    def weighed(child: Descriptor) -> Manifest:
        manifest = read(child)
        weight.add(len(manifest.content))
        return manifest

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
        check_width(len(seen), root, name)
        if below and len(below[0][1]) > DEEPEST:
            raise StoreError(
                f"{root.digest} is nested deeper than {DEEPEST} indexes", code="MANIFEST_INVALID", place=name
            )
        manifests = run_all(weighed, [child for child, _, _ in below], jobs)
        level = [Step(manifest, place, above) for manifest, (_, place, above) in zip(manifests, below, strict=True)]


def check_width(number: int, root: Manifest, name: str) -> None:
    """Raise `StoreError` with the place `name` where an image has more than `WIDEST` manifests."""
    if number > WIDEST:
        raise StoreError(f"{root.digest} names more than {WIDEST} manifests", code="MANIFEST_INVALID", place=name)
