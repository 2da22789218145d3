"""Finds the template that stands for a text which a regular expression finds in a git tag."""

import re
from collections.abc import Iterator

from tagger.rules.rows.row import Row
from tagger.rules.templates import PARTS
from tagger.rules.versions import Version

__all__ = ["sample_template", "template_of"]

_WHOLE = re.compile(r"\{\{major\}\}\.\{\{minor\}\}(?:\.\{\{patch\}\}(?:\.\{\{revision\}\})?)?")
_HEAD = re.compile(r"\^?([A-Za-z0-9/_-]*)")


def template_of(text: str, version: Version) -> str | None:
    """Return the template that a version fills in to `text`; None where there is none.

    `2.1` of 2.1.4 is `{{major}}.{{minor}}`, `2.1.4` is `{{version}}`.
    """
    if text == version.text:
        return "{{version}}"
    if text == version.raw:
        return "{{raw}}"
    found = _by_numbers(text, version.numbers)
    if version.prerelease or found is None:
        return None  # a text without the prerelease would name another version
    return found


def sample_template(row: Row, tag_prefix: str) -> str | None:
    """Return the template of a `match` row, found by trying sample git tags; None where it matches none."""
    for numbers in (("12", "34", "56"), ("7", "8", "9"), ("12", "34"), ("12", "34", "56", "78")):
        version = ".".join(numbers)
        for tag in _samples(row, tag_prefix, version):
            text = row.search(tag)
            if text:  # where a `v` is found, the tag may also be without it
                return "{{raw}}" if text.lower() == f"v{version}" else _by_numbers(text, numbers)
    return None


def _samples(row: Row, tag_prefix: str, version: str) -> Iterator[str]:
    """Yield sample git tags: with the prefix, and with the words at the start of the expression."""
    pattern = row.regex.pattern if row.regex else ""
    head = re.match(_HEAD, pattern)
    heads = dict.fromkeys((tag_prefix, "", head[1].rstrip("vV") if head else "", head[1] if head else ""))
    for begin in heads:
        yield f"{begin}v{version}"
        yield f"{begin}{version}"


def _by_numbers(text: str, numbers: tuple[str, ...]) -> str | None:
    """Return `text` with a field in place of each number of a version; None where it has no or other numbers."""
    left = dict(zip(numbers, PARTS, strict=False)) if len(set(numbers)) == len(numbers) else {}
    if not left:
        return _by_order(text, numbers)
    parts = re.split(r"([0-9]+)", text)
    if any(part not in left for part in parts[1::2]) or len(parts) < 3:
        return None
    named = "".join(f"{{{{{left[part]}}}}}" if index % 2 else part for index, part in enumerate(parts))
    return _with_version(named, len(numbers))


def _by_order(text: str, numbers: tuple[str, ...]) -> str | None:
    """Return the template of a text that has the first numbers of a version, where some numbers are equal."""
    for length in range(len(numbers), 0, -1):
        joined = ".".join(numbers[:length])
        match = re.fullmatch(rf"([^0-9]*){re.escape(joined)}([^0-9]*)", text)
        if match:
            fields = ".".join(f"{{{{{name}}}}}" for name in list(PARTS)[:length])
            return _with_version(f"{match[1]}{fields}{match[2]}", len(numbers))
    return None


def _with_version(named: str, length: int) -> str:
    """Write `{{version}}` in place of the fields of all numbers of a version."""
    match = _WHOLE.search(named)
    if match and match[0].count("{{") == length:
        return named[: match.start()] + "{{version}}" + named[match.end() :]
    return named
