"""Opens the built image that `source` names."""

from typing import TYPE_CHECKING

from tagger.commands.connections import Connections
from tagger.errors import EngineError, InputError, NotFound, StoreError

if TYPE_CHECKING:
    from tagger.images.stores import Source
    from tagger.settings.values import Settings

__all__ = ["open_build"]


def open_build(settings: "Settings", connections: Connections) -> "Source | None":
    """Open the built image, if the settings name one. Raise `InputError` where it is not there, `StoreError`."""
    if not settings.source:
        return None
    if len(settings.source) > 1 or settings.source[0].variant is not None:
        raise InputError("several sources do not become one image yet", "Name one in `source`.")
    from tagger.images.sources import open_source, parse_source

    spec = parse_source(settings.source[0].source)
    bare = spec.kind == "name" and "@" not in spec.value
    try:
        if spec.kind == "docker-daemon" or (bare and connections.engine.holds(spec.value)):
            return connections.engine.image(spec.value)
        return open_source(spec, connections.repository, several=len(settings.images) > 1)
    except (StoreError, EngineError) as error:
        hint = error.hint or "Push the build first, or check `source`."
        message = f"source {spec}: {error.message}"
        if bare:
            message = f"source {spec}: no Docker Engine here holds it, and {error.message}"
            hint = f"Write docker-daemon:{spec.value} or docker://{spec.value} to say where it is. {hint}"
        if isinstance(error, NotFound) or error.code == "NOT_FOUND":
            raise InputError(message, hint, code=error.code) from error
        raise type(error)(message, hint, code=error.code) from error
