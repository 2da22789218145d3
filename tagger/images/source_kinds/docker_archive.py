"""An image of an archive of `docker save`, `docker-archive:FILE[:TAG]`."""

from tagger.images.archives import Archive
from tagger.images.choosing import image_in_archive
from tagger.images.source_spec import Opening, SourceSpec
from tagger.images.sources import ContentSource, SavedSource

__all__ = ["open_image"]


def open_image(spec: SourceSpec, opening: Opening) -> ContentSource | SavedSource:
    """Find the image. Raise `InputError`, `StoreError`."""
    path, choice = spec.path_and_choice()
    archive = Archive(path, f"{spec.kind}:{path}", opening.say, opening.meter)
    return image_in_archive(archive, choice, str(spec))
