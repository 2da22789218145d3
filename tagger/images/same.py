"""Finds out whether an image of a repository is the built image."""

from collections.abc import Iterable
from contextlib import suppress

from tagger.errors import StoreError
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.names import Digest

__all__ = ["is_same_image", "same_image"]


def is_same_image(source: Source, store: TagStore, digest: str) -> bool:
    """Say whether `digest` is the image of the source: compare digests, or configs where it has no manifest yet."""
    if source.digest is not None:
        one, other = Digest(source.digest), Digest(digest)
        return one == other or (one.algorithm != other.algorithm and one.fits(store.manifest(digest).content))
    config = store.manifest(digest).config()
    return config is not None and config.digest == source.config_digest


def same_image(source: Source, images: Iterable[tuple[TagStore, str]]) -> ContentSource | None:
    """Return the first of `images`, each a repository and a digest, that is the image of the source; else None.

    So an image without a manifest gets one digest, whichever tags it is released with. What cannot be read is none.
    """
    for store, digest in dict.fromkeys(images):
        with suppress(StoreError):
            if is_same_image(source, store, digest):
                return ContentSource(store, digest, source.reference)
    return None
