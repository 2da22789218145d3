"""The Docker Engine, and an image that it holds as a source."""

from tagger.images.engine.engine import Engine, Logins
from tagger.images.engine.source import EngineSource

__all__ = ["Engine", "EngineSource", "Logins"]
