"""Reads `source`: its kind and its value; and what opening it may need."""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import InputError
from tagger.images.stores import TagStore
from tagger.meters import Meter
from tagger.names import SOURCE_KINDS, Reference, Repository

if TYPE_CHECKING:
    from tagger.images.engine import Engine

__all__ = ["NAME", "Opening", "SourceSpec", "parse_source"]

NAME = "name"
"""The kind of a bare name."""

IMAGE_ID = r"(?:sha256:)?[0-9a-f]{64}|[0-9a-f]{12}"


class SourceSpec(NamedTuple):
    """A value of `source`: one of `SOURCE_KINDS` with its value, or a bare name of an image."""

    kind: str
    value: str

    def __str__(self) -> str:
        return self.value if self.kind == NAME else f"{_beginning(self.kind)}{self.value}"

    def path_and_choice(self) -> tuple[Path, str]:
        """Return the path, and the text behind it that chooses an image. The longest path that exists counts.

        Raise `InputError` where there is none.
        """
        ends = [len(self.value), *(m.start() for m in reversed(list(re.finditer("[:@]", self.value))))]
        for end in ends:
            path = Path(self.value[:end])
            with suppress(OSError):
                if end and path.exists():
                    return path, self.value[end + 1 :]
        plain = self.value.lstrip("/")
        with suppress(OSError):
            if plain != self.value and Path(re.split("[:@]", plain)[0]).exists():
                raise InputError(f"source {self}: there is no such file or directory", f"Write `{self.kind}:{plain}`.")
        raise InputError(f"source {self}: there is no such file or directory", _KINDS)


def parse_source(text: str) -> SourceSpec:
    """Read a value of `source`. Raise `InputError`."""
    kind = next((kind for kind in SOURCE_KINDS if text.startswith(_beginning(kind))), NAME)
    value = text.removeprefix(_beginning(kind)) if kind != NAME else text
    if kind == "docker":
        return SourceSpec(kind, str(Reference.parse(value)))
    if kind != NAME:
        if not value or "\0" in value:
            raise InputError(f"source {text!r} names no image", _KINDS)
        return SourceSpec(kind, value)
    if not re.fullmatch(IMAGE_ID, text):
        try:
            Reference.parse(text)
        except InputError as error:
            folder = text.rpartition(":")[0] if ":" in text else text
            hint = f"Write `oci:{text}`." if text.startswith((".", "/")) and Path(folder).is_dir() else _KINDS
            raise InputError(f"{text!r} is not a source", hint) from error
    return SourceSpec(NAME, text)


def _beginning(kind: str) -> str:
    """Return the prefix of a kind of sources: `oci:`, `docker://`."""
    return re.split("[A-Z]", SOURCE_KINDS[kind])[0]


class Opening(NamedTuple):
    """What opening a source may need: the registries, the engine, and functions that report progress.

    `several` is true where it is copied to several repositories. `say` gets a sentence while the run waits for a pipe;
    `meter` returns the meter for reading.
    """

    registries: Callable[[Repository], "TagStore"]
    engine: "Callable[[], Engine]"
    several: bool
    say: Callable[[str], None]
    meter: Callable[[], Meter]


_KINDS = f"A source is {', '.join(SOURCE_KINDS.values())}, or the bare name of an image."
