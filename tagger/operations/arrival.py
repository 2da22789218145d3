"""Looking again at an image and what is attached to it, where it was copied to."""

from collections.abc import Callable

from tagger.errors import Refused
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore

__all__ = ["Arrival", "prove_standing"]

Arrival = Callable[[TagStore, Manifest], None]
"""Looks at an image in a repository. Raises `Refused` where it is not what the gates had seen."""


def prove_standing(arrived: Arrival, source: Source, store: TagStore, digest: str) -> None:
    """Look again at an image that stood in a repository before the run; bring what was attached to it since.

    Where the image was read there, the gates have seen it there. Raise `Refused`, `StoreError`.
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
