"""Suggestions for a limit of `prune`, a form of revisions, a flavor or a row that cannot be read."""

import re
from collections.abc import Iterator, Sequence

__all__ = ["durations", "flavors", "kept", "revisions", "rows", "shares", "tag_rules"]

_KEPT = ("major", "minor", "patch", "prerelease")
_TIMES = {"s": "s", "m": "m", "h": "h", "d": "d", "w": "w"}
_LIMITS = {"max": "count", "keep": "count", "last": "count", "n": "count", "days": "age", "older": "age", "time": "age"}


def _close(word: str, known: Sequence[str], cutoff: float = 0.5) -> str:
    import difflib

    return "".join(difflib.get_close_matches(word.lower(), known, 1, cutoff))


def durations(text: str) -> Iterator[str]:
    """Yield a time as a number and a letter; a number alone is one of days."""
    if match := re.fullmatch(r"\s*([0-9]{1,6}|)\s*([a-z]*)\s*", text.lower()):
        yield f"{match[1] or 1}{_TIMES.get(match[2][:1], 'd')}"


def shares(text: str) -> Iterator[str]:
    """Yield a percentage of a number, or of a fraction."""
    if match := re.fullmatch(r"\s*([0-9]{0,3}(?:\.[0-9]{1,6})?)\s*(?:%|percent)?\s*", text):
        number = float(match[1] or 0)
        yield f"{number * 100 if 0 < number < 1 else number:.0f}%"


def kept(text: str) -> Iterator[str | Sequence[str]]:
    """Yield limits of `keep`, each a name and a number."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    found = [re.fullmatch(r"([A-Za-z]*)[=:]?([0-9]+)", part) for part in parts]
    if all(found) and found:
        yield tuple(f"{_close(match[1] or 'major', _KEPT)}={max(int(match[2]), 1)}" for match in found if match)


def tag_rules(text: str) -> Iterator[str]:
    """Yield a line of `keep-tags`, with its limits by their names."""
    pattern, *limits = text.split() or [""]
    made = []
    for limit in limits:
        name, _, value = limit.replace(":", "=").partition("=")
        name = _LIMITS.get(name.lower(), "") or _close(name, ("age", "count")) or name
        made.append(f"{name}={next(durations(value), value) if name == 'age' else value}")
    yield " ".join((pattern, *made))


def revisions(text: str) -> Iterator[str]:
    """Yield a form with N for each number, behind a hyphen."""
    form = re.sub(r"[0-9]+|[nN](?![A-Za-z0-9])|(?<=\.)[A-Z]\b", "N", text.strip())
    yield form
    yield f"-{form}"


def flavors(text: str) -> Iterator[str]:
    """Yield an entry of a flavor with the name that is spelled most alike."""
    name, equals, value = text.partition("=")
    yield f"{_close(name, ('latest', 'prefix', 'suffix'), 0.75)}{equals}{value}"


def rows(text: str) -> Iterator[str]:
    """Yield a row with its type and its date in the right spelling, and one with the missing pattern."""
    kind = re.search(r"type=([A-Za-z0-9]+)", text)
    if kind is None:
        return
    types = ("schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha")
    plain = text.replace(kind[0], f"type={_close(kind[1], types) or kind[1]}")
    yield plain
    yield re.sub(r"\{\{d[a-z]*\}\}", "{{date 'YYYYMMDD'}}", plain)
    for name, choices in (("event", ("branch", "tag", "pr")), ("format", ("short", "long"))):
        if said := re.search(rf"\b{name}=([A-Za-z0-9-]*)", plain):
            yield plain.replace(said[0], f"{name}={_close(said[1], choices)}")
    if re.search(r"type=(?:semver|pep440)", plain):
        yield f"{plain},pattern={{{{version}}}}"
