"""An image of the Docker Engine, `docker-daemon:NAME`."""

from tagger.images.engine import EngineSource
from tagger.images.source_spec import Opening, SourceSpec

__all__ = ["open_image"]


def open_image(spec: SourceSpec, opening: Opening) -> EngineSource:
    """Find the image. Raise `EngineError`."""
    return EngineSource.find(opening.engine(), spec.value)
