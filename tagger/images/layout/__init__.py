"""OCI image layouts (image-spec, image-layout.md): read in directories and archives, written in directories."""

from tagger.images.layout.content import LayoutContent
from tagger.images.layout.index import INDEX_FILE, LARGEST_INDEX, LAYOUT_FILE, REF_NAME, Index
from tagger.images.layout.layout import Layout

__all__ = ["INDEX_FILE", "LARGEST_INDEX", "LAYOUT_FILE", "REF_NAME", "Index", "Layout", "LayoutContent"]
