"""What an image consists of: its layers as `docker save` has them, and whose the files are that it adds to its base."""

import importlib.metadata
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tests.servers.engine import Engine

__all__ = ["OURS", "Layer", "Part", "parts_of", "read_layers"]

OURS = "Tagger"
LIBRARY = "Python's library"
ELSE = "anything else"
HOME = PurePosixPath("action")
BYTECODE = HOME / "bytecode"
UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: a hash that is not compared with the source
CHUNK = 1 << 20

Sizes = Mapping[PurePosixPath, int]


@dataclass(frozen=True, slots=True)
class Layer:
    """The sizes of a layer's files by path, and of the layer once it is packed, as it travels."""

    files: Sizes
    packed: int


@dataclass(frozen=True, slots=True)
class Part:
    """What belongs together: the sizes of its files by path."""

    name: str
    files: Sizes

    def size(self, *suffixes: str) -> int:
        """The bytes of all files, or of those whose names end so."""
        return sum(size for path, size in self.files.items() if not suffixes or path.suffix in suffixes)


def read_layers(engine: Engine, image: str, root: Path, *, base: int = 0) -> list[Layer]:
    """Return the layers of an image, and unpack those that stand on its `base` first ones into `root`."""
    archive = root.with_suffix(".tar")
    engine.docker("save", "--output", str(archive), image)
    found = []
    with tarfile.open(archive) as saved:
        (entry,) = json.load(_content(saved, "manifest.json"))
        for number, name in enumerate(entry["Layers"]):
            with tarfile.open(fileobj=_content(saved, name)) as layer:
                files = {PurePosixPath(member.name): member.size for member in layer if not member.isdir()}
                if number >= base:
                    layer.extractall(root, filter="data")
            found.append(Layer(files, _packed(_content(saved, name))))
    archive.unlink()
    return found


def parts_of(layers: Sequence[Layer], root: Path) -> list[Part]:
    """Sort the files of layers, unpacked in `root`, by whose they are: a distribution's, ours, or anything else.

    Raise `AssertionError` unless our modules have their bytecode, and all bytecode is where it is looked for, once, and
    never compared with its source.
    """
    files = {path: size for layer in layers for path, size in layer.files.items()}
    sources = {path: _source(path) for path in files if path.suffix == ".pyc"}
    assert len(set(sources.values())) == len(sources)
    assert all((root / path).read_bytes()[4:8] == UNCHECKED for path in sources)
    owners = dict(_owners(root / HOME))
    ours = {path for path in files if path.suffix == ".py" and owners.get(path) == OURS} - {HOME / "entrypoint.py"}
    assert ours <= set(sources.values())
    found: dict[str, dict[PurePosixPath, int]] = {}
    for path, size in files.items():
        owner = owners.get(sources.get(path, path), LIBRARY if path in sources else ELSE)
        found.setdefault(owner, {})[path] = size
    return [Part(name, sizes) for name, sizes in sorted(found.items(), key=lambda entry: -sum(entry[1].values()))]


def _owners(folder: Path) -> Iterator[tuple[PurePosixPath, str]]:
    for distribution in importlib.metadata.distributions(path=[str(folder)]):
        for file in distribution.files or ():
            yield HOME / file, f"{distribution.name} {distribution.version}"
    for path in (folder / "entrypoint.py", *folder.glob("tagger/**/*")):
        yield HOME / path.relative_to(folder), OURS


def _source(bytecode: PurePosixPath) -> PurePosixPath:
    source = bytecode.relative_to(BYTECODE)
    return source.with_name(f"{source.name.partition('.')[0]}.py")


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    content = archive.extractfile(name)
    assert content, name
    return content


def _packed(content: IO[bytes]) -> int:
    packer = zlib.compressobj()
    size = sum(len(packer.compress(chunk)) for chunk in iter(lambda: content.read(CHUNK), b""))
    return size + len(packer.flush())
