"""The kinds of sources, a module each, with the function `open_image` that finds the image of a source."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from tagger.images.source_spec import NAME, Opening, SourceSpec
from tagger.images.stores import TagStore
from tagger.meters import SILENT, Meter
from tagger.names import Repository

if TYPE_CHECKING:
    from tagger.images.engine import Engine
    from tagger.images.sources import BuiltImage

__all__ = ["open_source"]


def _no_engine() -> "Engine":
    raise AssertionError("no engine is given")


def open_source(
    spec: SourceSpec,
    registries: Callable[[Repository], TagStore],
    engine: "Callable[[], Engine]" = _no_engine,
    *,
    several: bool = False,
    say: Callable[[str], None] = lambda _: None,
    meter: Callable[[], Meter] = lambda: SILENT,
) -> "BuiltImage":
    """Find the image that `spec` names. The fields of `Opening` say what the arguments are.

    Each kind of `SOURCE_KINDS` has a module of its name here, whose function `open_image` finds it. Raise
    `InputError`, `StoreError`, `EngineError`.
    """
    kind = "docker" if spec.kind == NAME else spec.kind
    module = import_module(f"{__name__}.{kind.replace('-', '_')}")
    image: BuiltImage = module.open_image(spec, Opening(registries, engine, several, say, meter))
    return image
