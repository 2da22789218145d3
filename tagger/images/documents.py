"""Reads the JSON of manifests and configs, and refuses JSON that other programs could read differently."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Ambiguous", "list_in", "object_in", "read_config_document", "read_json", "read_manifest_document"]

MOST_VALUES = 200_000
"""An index of 4 MiB has fewer. Each value takes about 70 bytes of memory, and may have two in the text."""

# The keys whose meaning is fixed (image-spec: manifest.md, image-index.md, descriptor.md, config.md). Programs in Go
# read a key in any case (encoding/json, "Unmarshal"), so a key that differs only by case means something else to them.
DESCRIPTOR = ("mediaType", "digest", "size", "urls", "data", "annotations", "artifactType", "platform")
PLATFORM = ("os", "architecture", "variant", "os.version", "os.features")
MANIFEST = (
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject", "annotations"
)  # fmt: skip
CONFIG = (*PLATFORM, "rootfs", "config", "history", "created")


class Ambiguous(ValueError):
    """A document that other programs could read differently."""


def read_manifest_document(content: bytes) -> dict[str, Any]:
    """Return the JSON object of a manifest or an index.

    Raise `ValueError` for anything else. Raise `Ambiguous` for duplicate keys, for keys that differ only by case from
    known ones, and for a document that is a manifest and an index at once (CVE-2021-41190).
    """
    value = _object(content)
    _check_case(value, MANIFEST)
    if type(value.get("schemaVersion", 2)) is not int:
        raise ValueError("its schemaVersion is not a number")
    if "manifests" in value and {"config", "layers", "blobs"} & value.keys():
        raise Ambiguous("it is a manifest and an index at once")
    for key in ("config", "subject", "layers", "manifests", "blobs"):
        for descriptor in value[key] if isinstance(value.get(key), list) else [value.get(key)]:
            if isinstance(descriptor, dict):
                _check_case(descriptor, DESCRIPTOR)
                if isinstance(descriptor.get("platform"), dict):
                    _check_case(descriptor["platform"], PLATFORM)
    return value


def read_config_document(content: bytes) -> dict[str, Any]:
    """Return the JSON object of an image config. Raise `ValueError` as for a manifest."""
    value = _object(content)
    _check_case(value, CONFIG)
    if isinstance(value.get("rootfs"), dict):
        _check_case(value["rootfs"], ("type", "diff_ids"))
    if isinstance(value.get("config"), dict):
        _check_case(value["config"], ("Labels",))
    return value


def read_json(content: bytes, hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text; `hook` makes an object of its pairs. Raise `ValueError`.

    A text with more than `MOST_VALUES` values is refused, as its objects take many times the memory of the text.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES} values")
    try:
        # UTF-8 without a byte order mark: Python detects other encodings, and programs in Go read no other.
        return json.loads(content.decode(), object_pairs_hook=hook, parse_constant=_refuse if hook else None)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def object_in(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the JSON object under a key; an empty one for any other value."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def list_in(document: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Return the JSON array under a key; an empty one for any other value."""
    value = document.get(key)
    return value if isinstance(value, list) else ()


def _object(content: bytes) -> dict[str, Any]:
    value = read_json(content, _object_without_duplicates)
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def _object_without_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Ambiguous(f"it has the key {key[:40]!r} twice")
        made[key] = value
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"it holds {constant}, which is not JSON")


def _check_case(value: Mapping[str, Any], known: Iterable[str]) -> None:
    folded = {key.casefold(): key for key in known}
    for key in value:
        meant = folded.get(key.casefold(), key)  # for Go, too, a long s and a Kelvin sign are an s and a k
        if meant != key:
            raise Ambiguous(f"it has the key {key!r}, which some programs read as {meant!r}")
