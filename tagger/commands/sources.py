"""Opens the built image that `source` names."""

from typing import TYPE_CHECKING

from tagger.commands.connections import Connections
from tagger.errors import EngineError, InputError, NotFound, StoreError

if TYPE_CHECKING:
    from tagger.images.stores import Source
    from tagger.settings.values import Settings

__all__ = ["open_build"]


def open_build(settings: "Settings", connections: Connections, *, pushing: bool) -> "Source | None":
    """Open the built image, if the settings name one. Raise `InputError` where it is not there, `StoreError`.

    `pushing` says that the run is to push it.
    """
    if not settings.source:
        return None
    if len(settings.source) > 1 or settings.source[0].variant is not None:
        raise InputError("several sources do not become one image yet", "Name one in `source`.")
    from tagger.images.sources import open_source, parse_source

    spec = parse_source(settings.source[0].source)
    bare = spec.kind == "name" and "@" not in spec.value
    try:
        if spec.kind == "docker-daemon" or (bare and connections.engine.holds(spec.value)):
            if pushing:
                _check_consent(settings)
            from tagger.images.engine.source import EngineSource

            return EngineSource.find(connections.engine, spec.value)
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


def _check_consent(settings: "Settings") -> None:
    """Raise `InputError` where a file alone says which image of the engine goes where: that would give any away."""
    source, images = (settings.given.get(name) for name in ("source", "images"))
    if source and images and source.in_file and images.in_file:
        raise InputError(
            f"{source.origin}: only the file says that an image of the engine is pushed, and where to",
            "Name `source` or `images` in the workflow, or on the command line: a checkout may not give images away.",
        )
