"""Limits of what is attached to an image: the artifacts, what is attached to those, and so on."""

from tagger.errors import StoreError
from tagger.images.manifests import Manifest
from tagger.images.walk import Weight

__all__ = ["DEEPEST", "MOST", "Attachments"]

DEEPEST = 8  # artifacts attached to artifacts; real ones have two: the signature of an SBOM
MOST = 1_000  # artifacts


class Attachments:
    """Counts artifacts. A registry can make up one more for each that it is asked about, without end."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.level = 0  # of whoever goes level by level
        self._number = 0
        self._weight = Weight(place, "the artifacts attached to the image")

    def add(self, level: int, number: int = 1) -> None:
        """Count artifacts of a level; those that are attached to the image have level 1.

        Raise `StoreError` beyond `DEEPEST` levels or `MOST` artifacts.
        """
        if level > DEEPEST:
            raise self._error(f"artifacts are attached to artifacts on more than {DEEPEST} levels")
        self._number += number
        if self._number > MOST:
            raise self._error(f"more than {MOST} artifacts are attached")

    def keep(self, manifest: Manifest) -> None:
        """Count the bytes of a manifest that is kept. Raise `StoreError`."""
        self._weight.add(len(manifest.content))

    def _error(self, message: str) -> StoreError:
        hint = "Delete those that are not needed with the registry's own tools; if it has none, ask who runs it."
        return StoreError(message, hint, code="SIZE_INVALID", place=self._place)
