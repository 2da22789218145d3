"""Suggestions for an entry that cannot be read: the first candidate that can be read is offered."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import TypeVar

from tagger.errors import InputError
from tagger.images.manifests import ARCHITECTURES
from tagger.names import SOURCE_KINDS

__all__ = [
    "artifact_types", "choices_like", "endpoints", "hosts", "images", "is_platform_alias", "latest_like", "suggest",
    "numbers", "platforms", "ranges", "sources", "templates", "times", "words_like",
]  # fmt: skip

Value = TypeVar("Value")
Candidates = Callable[[str], Iterable[str | Sequence[str]]]

LONGEST = 200  # characters of an entry that somebody may have meant otherwise
_SCHEMES = r"(?i)\A(?:[a-z+]+:/*)?//|\A(?:https?|docker|registry)://"
_ARCHITECTURES = {name: "/".join(filter(None, meant)) for name, meant in ARCHITECTURES.items()} | {
    "x64": "amd64", "arm64v8": "arm64", "armv8": "arm64", "armv7": "arm/v7", "armv7l": "arm/v7", "arm32v7": "arm/v7",
    "armv6": "arm/v6", "i686": "386", "ppc64el": "ppc64le", "macos": "darwin",
}  # fmt: skip
"""Other names for the parts of platforms, besides those that images are known to have."""
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_CONSENT = frozenset({"overwrite"})  # never offered to a person who did not write it
_OPERATORS = {"=>": ">=", "=<": "<=", "≥": ">=", "≤": "<=", "&&": " ", ";": " ", "<>": "!="}


def suggest(
    candidates: Candidates, *, also: bool = False
) -> Callable[[Callable[[str], Value]], Callable[[str], Value]]:
    """Return a decorator of a parser. In the hint of its error stands the first of `candidates` that it can read.

    With `also`, the parser's own hint follows.
    """

    def decorate(parse: Callable[[str], Value]) -> Callable[[str], Value]:
        @wraps(parse)
        def read(text: str) -> Value:
            try:
                return parse(text)
            except InputError as error:
                offer = _offer(parse, text, candidates)
                hint = " ".join(filter(None, (offer, error.hint))) if also else offer or error.hint
                raise InputError(error.message, hint) from error

        return read

    return decorate


def _offer(parse: Callable[[str], object], text: str, candidates: Candidates) -> str:
    for candidate in candidates(text) if len(text) <= LONGEST else ():
        entries = (candidate,) if isinstance(candidate, str) else tuple(candidate)
        if text in entries or not all(entries):
            continue
        try:
            for entry in entries:
                parse(entry)
        except InputError:
            continue
        quoted = " and ".join(f"`{entry}`" for entry in entries)
        return f"Write {quoted}{', an entry each' if len(entries) > 1 else ''}."
    return ""


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,;]+", text)))


def images(text: str) -> Iterator[str | Sequence[str]]:
    """Yield repositories in the right form: without a scheme and a tag, in lower case."""
    if len(parts := _parts(text)) > 1 and all("/" in part or ":" in part for part in parts):
        yield tuple(map(_repository, parts))
    plain = _repository(re.sub(r"\s+", "/" if re.match(r"[^\s/]+\.[^\s/]+\s", text) else "-", text.strip()))
    if re.fullmatch(r"[^/]+:[0-9]{1,5}(?:/.*)?", text) and not plain:
        return  # a host with a port, or a name with a tag
    if "/" in plain or "." not in plain:  # a registry alone is no repository
        yield plain
    if Path(text).is_dir():
        yield f"oci:{text}"


def _repository(text: str) -> str:
    plain = re.sub(r"\A(?:registry\.)?hub\.docker\.com/(?:r/|_/)?", "", re.sub(_SCHEMES, "", text)).split("@")[0]
    if text.lower().startswith("oci:"):
        return f"oci:{text[4:]}"
    head, slash, tail = plain.rpartition("/")
    name, colon, tag = tail.partition(":")
    if colon and not slash and re.fullmatch(r"[0-9]{1,5}", tag):
        return ""
    return re.sub(r"/+", "/", f"{head}{slash}{name}").strip("/").rstrip("._-").lower()


def sources(text: str) -> Iterator[str]:
    """Yield sources of the kind that the scheme of another tool, or a file on disk, suggests."""
    kind, colon, rest = text.partition(":")
    rest = re.sub(r"\A/*(?=[^/])", "", rest) if rest.startswith("//") else rest
    known = {"docker": "docker-daemon:", "image": "docker-daemon:", "dir": "oci:", "oci-layout": "oci:"}
    remote = {"registry", "https", "http", "docker.io", "remote"}
    if colon and kind.lower() in remote:
        yield f"docker://{rest.lower()}"
    elif colon and kind.lower() in SOURCE_KINDS and kind.lower() != "docker":
        yield f"{kind.lower()}:{rest}"
    elif colon and kind.lower() in known:
        yield f"{known[kind.lower()]}{rest}"
    yield from _on_disk(text)
    yield re.sub(r"\s+", "-", text.strip()).lower()


def _on_disk(text: str) -> Iterator[str]:
    path = Path(text)
    if path.is_dir():
        yield f"oci:{text}"
    elif path.is_file():
        yield f"docker-archive:{text}"


def choices_like(choices: Sequence[str], meanings: dict[str, str] | None = None) -> Candidates:
    """Return a function that yields the choice with the most similar spelling."""

    def candidates(text: str) -> Iterator[str]:
        import difflib

        plain = text.strip().lower()
        known = [choice for choice in choices if choice not in _CONSENT]
        yield (meanings or {}).get(plain, plain)
        yield from difflib.get_close_matches(plain, known, 1, 0.5)

    return candidates


def latest_like(text: str) -> Iterator[str]:
    """Yield `auto` or `false` for other words that mean them, and a range in the right spelling."""
    words = dict.fromkeys(("none", "no", "never", "off", "0"), "false")
    words |= dict.fromkeys(("yes", "true", "on", "newest", "latest", "always", "stable"), "auto")
    yield words.get(text.strip().lower(), "")
    yield from ranges(text)


def ranges(text: str) -> Iterator[str]:
    """Yield ranges with the right operators and placeholders."""
    plain = text
    for other, operator in _OPERATORS.items():
        plain = plain.replace(other, operator)
    plain = re.sub(r"([<>=~^])\s+(?=[<>=])", r"\1", re.sub(r"\band\b|,", " ", plain))
    plain = re.sub(r"\bor\b", "||", plain)
    plain = re.sub(r"(?:\.[a-zA-Z*]+)+(?=\s|$)", "", plain)
    yield " ".join(plain.split())
    if bounds := re.fullmatch(r"\s*v?([0-9.]+)[.x*]*\s*(?:to|-|–|\.\.\.?)\s*v?([0-9.]+)([.x*]*)\s*", text):
        least, most = bounds[1].strip("."), bounds[2].strip(".")
        numbers = most.split(".")
        yield (
            f">={least} <{'.'.join([*numbers[:-1], str(int(numbers[-1] or 0) + 1)])}"
            if bounds[3]
            else (f">={least} <={most}")
        )


def templates(text: str) -> Iterator[str | Sequence[str]]:
    """Yield templates with fields in our words and braces, and of those of other tools the pattern."""
    from tagger.rules.templates import FIELDS, PLAIN_FIELDS

    plain = text.partition("pattern=")[2].partition(",")[0] if "pattern=" in text else text
    if re.fullmatch(r"(?i)\$\{?version\}?|%v", plain.strip()):
        plain = "{{version}}"
    plain = re.sub(r"\{\{\s*(\w+)\s*\|[^{}]*\}\}", r"{{\1}}", plain)  # a filter
    fields = (*FIELDS, *PLAIN_FIELDS)
    braced = re.sub(r"\$?\{+\s*\.?(\w+)\s*(?:\}+|$)", lambda match: f"{{{{{_field(match[1], fields)}}}}}", plain)
    if len(parts := braced.split()) > 1 and "date" not in braced:
        yield parts
    if ":" in braced and "/" in braced.partition(":")[0]:
        braced = braced.partition(":")[2]
    of_build = dict.fromkeys(re.findall(rf"\{{\{{(?:{'|'.join(PLAIN_FIELDS)})\b[^{{}}]*\}}\}}", braced))
    if of_build and len(set(re.findall(r"\{\{[^{}]+\}\}", braced))) > len(of_build):
        yield "{{version}}", *(f"{re.split(r'[^a-z]', field.strip('{}'))[0]}-{field}" for field in of_build)
    yield re.sub(r"[^A-Za-z0-9_.{}-]+", "-", braced).strip("-.")


def _field(name: str, fields: Sequence[str]) -> str:
    import difflib

    known = {"semver": "version", "tag": "version", "ver": "version", "min": "minor", "maj": "major", "commit": "sha"}
    plain = name.lower()
    return known.get(plain) or "".join(difflib.get_close_matches(plain, fields, 1, 0.5)) or name


def words_like(text: str) -> Iterator[str | Sequence[str]]:
    """Yield the words of one text, and a word without what does not belong into it."""
    if len(parts := _parts(text)) > 1:
        yield parts
    yield text.strip(" ,;.-@:=")
    yield re.sub(r"\A[^A-Za-z0-9_]+", "", text)
    yield re.sub(r"[^A-Za-z]", "", text)


def platforms(text: str) -> Iterator[str | Sequence[str]]:
    """Yield platforms in the words of OCI."""
    if len(parts := _parts(text)) > 1:
        yield tuple(map(_platform, parts))
    yield "any" if text.lower() in ("all", "*", "") else _platform(text)


def is_platform_alias(text: str) -> bool:
    """Say whether a platform is spelled otherwise than in OCI, as linux/aarch64: no image has it so."""
    return not _ARCHITECTURES.keys().isdisjoint(text.split("/"))


def _platform(text: str) -> str:
    plain = re.sub(r"(?<=[a-z])[-_:](?!64)", "/", text.strip().lower())
    plain = "/".join(_ARCHITECTURES.get(part, part) for part in plain.split("/"))
    plain = re.sub(r"\barm/([0-9])\b", r"arm/v\1", plain)
    return plain if re.match(r"(?:linux|windows|darwin|freebsd)/", plain) else f"linux/{plain}"


def hosts(text: str) -> Iterator[str]:
    """Yield the host in an address."""
    yield re.sub(_SCHEMES, "", text.strip()).split("/")[0].lower()


def endpoints(text: str) -> Iterator[str]:
    """Yield an endpoint whose place is a host and a port."""
    name, _, place = text.partition("=")
    secure = not place.startswith("http://")
    host = next(hosts(place))
    yield f"{next(hosts(name))}={host}"
    yield f"{next(hosts(name))}={host}:{443 if secure else 80}"


def artifact_types(text: str) -> Iterator[str]:
    """Yield one of the words for several types, or a media type."""
    import difflib

    from tagger.gates.attached import WORDS

    yield from difflib.get_close_matches(text.lower(), WORDS, 1, 0.6)
    yield f"application/{text}"


def numbers(least: int, most: int) -> Candidates:
    """Return a function that yields the nearest whole number within bounds."""

    def candidates(text: str) -> Iterator[str]:
        if re.fullmatch(r"\s*[-+]?[0-9]{1,9}(?:\.[0-9]*)?\s*", text):
            yield str(min(max(int(float(text)), least), most))

    return candidates


def times(text: str) -> Iterator[str]:
    """Yield a time in seconds or minutes."""
    match = re.fullmatch(r"\s*([0-9]{1,6}(?:\.[0-9]+)?)\s*([a-z]+?)s?\s*", text.lower())
    if match and match[2] in _UNITS:
        seconds = float(match[1]) * _UNITS[match[2]]
        yield f"{seconds / 60:g}m" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:g}"
