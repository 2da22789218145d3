"""The keys of a file that hold a version, for the hint where a key is missing."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tagger.workspace import read_text

__all__ = ["version_keys"]

DEEPEST, LONGEST_LINE = 5, 1000
_VERSION = re.compile(r"v?[0-9]{1,80}\.[0-9]")
_NAMED = re.compile(
    r"(?:export\s+|const\s+|let\s+|var\s+)?([\w.-]{0,80}version(?:__)?)\s*(?::=|=|:)\s*[\"']?v?[0-9]{1,80}\.[0-9]", re.I
)


def version_keys(file: Path, document: Any = None) -> list[str]:
    """Return the keys whose name ends in `version` and whose text is one; `document` is the parsed file, if any."""
    if document is not None:
        return list(_in_document(document))
    lines = [line.strip()[:LONGEST_LINE] for line in read_text(file).splitlines()]
    section, found = "", []
    for line in lines:
        if header := re.fullmatch(r"\[([^\[\]]+)\]", line):
            section = f"{header[1]}."
        elif match := _NAMED.match(line):
            found.append(f"{section}{match[1]}")
    return list(dict.fromkeys(found))


def _in_document(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the keys in a mapping that hold a version, except those of dependencies."""
    if not isinstance(value, Mapping) or len(path) > DEEPEST or any("dependenc" in name.lower() for name in path):
        return
    for name, inner in value.items():
        here = (*path, str(name))
        if str(name).lower().endswith("version") and isinstance(inner, str) and _VERSION.match(inner):
            yield ".".join(f'"{part}"' if re.search(r"[.'\s]", part) else part for part in here)
        yield from _in_document(inner, here)
