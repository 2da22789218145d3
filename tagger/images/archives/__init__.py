"""Images in tar archives, which are not extracted: OCI layouts, and what `docker save` writes."""

from tagger.images.archives.archive import Archive
from tagger.images.archives.docker_archive import DockerImage, SavedImage, saved_images
from tagger.images.archives.layout_archive import LayoutArchive

__all__ = ["Archive", "DockerImage", "LayoutArchive", "SavedImage", "saved_images"]
