"""The Docker Engine, and its images as sources."""

from tagger.images.engine.engine import Engine, Logins
from tagger.images.engine.source import EngineSource

__all__ = ["Engine", "EngineSource", "Logins"]
