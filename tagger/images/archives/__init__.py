"""Images in tar archives, read without extracting them: OCI layouts, and archives of `docker save`."""

from tagger.images.archives.archive import Archive
from tagger.images.archives.docker_archive import DockerImage, SavedImage, saved_images
from tagger.images.archives.layout_archive import LayoutArchive

__all__ = ["Archive", "DockerImage", "LayoutArchive", "SavedImage", "saved_images"]
