"""Checks an image, with what is attached to it, again in the repository that it was copied to."""

from collections.abc import Callable

from tagger.errors import Refused
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore

__all__ = ["Arrival", "prove_standing"]

Arrival = Callable[[TagStore, Manifest], None]
"""A function that looks at an image in a repository. It raises `Refused` where it is not what the gates saw."""


def prove_standing(arrived: Arrival, source: Source, store: TagStore, digest: str) -> None:
    """Check an image that stood in a repository before the run; copy what was attached to its source since.

    Nothing is done where the source is that repository: the gates saw the image there. Raise `Refused`, `StoreError`.
    """
    if not isinstance(source, ContentSource) or source.is_read_in(store):
        return
    manifest = store.manifest(digest)
    try:
        arrived(store, manifest)
    except Refused:
        if source.digest != digest:
            raise
        source.put(store)
        arrived(store, manifest)
