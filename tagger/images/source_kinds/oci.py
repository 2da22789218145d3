"""An image of an OCI layout, `oci:DIR[:TAG]`."""

from tagger.images.choosing import image_in_layout
from tagger.images.layout import Layout
from tagger.images.source_spec import Opening, SourceSpec
from tagger.images.sources import ContentSource

__all__ = ["open_image"]


def open_image(spec: SourceSpec, _opening: Opening) -> ContentSource:
    """Find the image. Raise `InputError`, `StoreError`."""
    path, choice = spec.path_and_choice()
    return image_in_layout(Layout(path), choice, str(spec))
