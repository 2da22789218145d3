"""An image of an OCI layout in a tar archive, `oci-archive:FILE[:TAG]`."""

from tagger.images.archives import Archive, LayoutArchive
from tagger.images.choosing import image_in_layout
from tagger.images.source_spec import Opening, SourceSpec
from tagger.images.sources import ContentSource

__all__ = ["open_image"]


def open_image(spec: SourceSpec, opening: Opening) -> ContentSource:
    """Find the image. Raise `InputError`, `StoreError`."""
    path, choice = spec.path_and_choice()
    archive = Archive(path, f"{spec.kind}:{path}", opening.say, opening.meter)
    return image_in_layout(LayoutArchive(archive), choice, str(spec))
