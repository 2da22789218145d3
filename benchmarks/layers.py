"""The parts of an image: its layers as `docker save` has them, and its files by purpose."""

import json
import re
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tests.servers.engine import Engine

__all__ = ["OURS", "Layer", "Part", "parts_of", "read_layers"]

OURS = "Tagger"
ELSE = "anything else"
KINDS = (
    (OURS, r"action/(tagger/|entrypoint\.py|__pycache__/)"),
    ("", r"action/([a-z_]+)"),  # a package, under its own name
    ("Python's library", r"usr/(local/)?lib/python3"),
    ("the interpreter", r"usr/(local/)?bin/python"),
    ("shared libraries", r"(usr/)?(local/)?lib"),
    ("certificate authorities", r"etc/ssl/"),
    ("time zones", r"usr/share/zoneinfo/"),
)
UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: a hash that is not compared with the source
CHUNK = 1 << 20

Sizes = Mapping[PurePosixPath, int]


@dataclass(frozen=True, slots=True)
class Layer:
    """The sizes of a layer's files by path, and of the compressed layer."""

    files: Sizes
    packed: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an image: the sizes of its files by path."""

    name: str
    files: Sizes

    def size(self, *suffixes: str) -> int:
        """The bytes of all files, or of those whose names end so."""
        return sum(size for path, size in self.files.items() if not suffixes or path.suffix in suffixes)


def read_layers(engine: Engine, image: str, root: Path) -> list[Layer]:
    """Return the layers of an image, and unpack them into `root`."""
    archive = root.with_suffix(".tar")
    engine.docker("save", "--output", str(archive), image)
    found = []
    with tarfile.open(archive) as saved:
        (entry,) = json.load(_content(saved, "manifest.json"))
        for name in entry["Layers"]:
            with tarfile.open(fileobj=_content(saved, name)) as layer:
                files = {PurePosixPath(member.name): member.size for member in layer if not member.isdir()}
                layer.extractall(root, filter="tar")
            found.append(Layer(files, _packed(_content(saved, name))))
    archive.unlink()
    return found


def parts_of(layers: Sequence[Layer], root: Path) -> list[Part]:
    """Sort the files of layers, unpacked in `root`, by what they are there for.

    Raise `AssertionError` unless our modules have their bytecode, and no bytecode is ever compared with its source.
    """
    files = {path: size for layer in layers for path, size in layer.files.items()}
    compiled = {path for path in files if path.suffix == ".pyc"}
    assert all((root / path).read_bytes()[4:8] == UNCHECKED for path in compiled)
    names = {str(path.parent.parent / path.name.partition(".")[0]) for path in compiled}
    assert {str(path.with_suffix("")) for path in files if path.suffix == ".py"} <= names | {"action/entrypoint"}
    found: dict[str, dict[PurePosixPath, int]] = {}
    for path, size in files.items():
        found.setdefault(_kind(str(path)), {})[path] = size
    return [Part(name, sizes) for name, sizes in sorted(found.items(), key=lambda entry: -sum(entry[1].values()))]


def _kind(path: str) -> str:
    for name, pattern in KINDS:
        if match := re.match(pattern, path):
            return name or match[1]
    return ELSE


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    content = archive.extractfile(name)
    assert content, name
    return content


def _packed(content: IO[bytes]) -> int:
    packer = zlib.compressobj()
    size = sum(len(packer.compress(chunk)) for chunk in iter(lambda: content.read(CHUNK), b""))
    return size + len(packer.flush())
