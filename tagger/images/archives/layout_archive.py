"""An OCI image layout in a tar archive."""

from functools import cached_property
from typing import BinaryIO

from tagger.images.archives.archive import Archive
from tagger.images.layout import INDEX_FILE, LARGEST_INDEX, Index, LayoutContent
from tagger.names import check_digest

__all__ = ["LayoutArchive"]


class LayoutArchive(LayoutContent):
    """An OCI image layout in a tar archive."""

    def __init__(self, archive: Archive) -> None:
        super().__init__()
        self.place = archive.place
        self._archive = archive

    def index(self) -> Index:
        """Return the index. Raise `StoreError`."""
        return self._index

    @cached_property
    def _index(self) -> Index:
        try:
            return Index.parse(self._archive.read(INDEX_FILE, LARGEST_INDEX))
        except FileNotFoundError as error:
            raise self._archive.broken(f"it has no {INDEX_FILE}") from error
        except (ValueError, RecursionError) as error:
            raise self._archive.broken(f"{INDEX_FILE} cannot be read: {error}") from error

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the blob with a digest. Raise `FileNotFoundError`."""
        return self._archive.open(f"blobs/{check_digest(digest).replace(':', '/')}")
