"""An image of a registry, `docker://REFERENCE`."""

from tagger.images.source_spec import Opening, SourceSpec
from tagger.images.sources import ContentSource
from tagger.names import Reference

__all__ = ["open_image"]


def open_image(spec: SourceSpec, opening: Opening) -> ContentSource:
    """Find the image. Raise `NotFound`, `StoreError`."""
    reference = Reference.parse(spec.value)
    content = opening.registries(reference.repository)
    return ContentSource.resolve(content, reference.target, f"docker://{reference}", several=opening.several)
