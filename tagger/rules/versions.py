"""Versions, and the schemes that parse, order and print them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import total_ordering
from typing import Any

from tagger.errors import InputError

__all__ = ["SCHEMES", "Scheme", "Version", "channel_of"]

SCHEMES = ("semver", "numeric", "calver", "pep440")

# Words that begin a prerelease. A listed tag whose suffix begins with another word is not a version: `2.1.4-alpine`
# is a prerelease to semver and a variant to its authors, and only a declared variant or channel says which.
PRERELEASE_WORDS = frozenset(
    {"a", "alpha", "b", "beta", "c", "canary", "cr", "dev", "develop", "development", "ea", "edge", "exp"}
    | {"experimental", "insiders", "m", "milestone", "next", "nightly", "p", "pre", "preview", "prerelease", "rc"}
    | {"snapshot", "test", "unstable"}
)
_CHANNELS = {"a": "alpha", "b": "beta", "c": "rc", "cr": "rc", "pre": "rc"}

_NUMBERS = r"[0-9]+(?:\.[0-9]+){1,3}"
_RELEASE = re.compile(r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)")
_NUMERIC = re.compile(
    rf"(?P<numbers>{_NUMBERS})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)|(?P<glued>[A-Za-z]+\.?[0-9]*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version of a variant, as it was spelled.

    `text` is how it stands in an exact tag, without its variant; `numbers` are its release parts as texts (`2026`,
    `07`), so that a floating tag keeps their spelling; `raw` is what it was given as, before a leading `v` was
    dropped. Versions are equal when they are spelled alike; two spellings of one version (`1.02`, `1.2`) share `key`.
    """

    text: str
    numbers: tuple[str, ...]
    key: Any
    prerelease: str = ""
    build: str = ""
    variant: str = ""
    raw: str = ""

    @property
    def channel(self) -> str:
        """The channel of a prerelease: `rc` of `rc.1`, of `rc1` and of PEP 440's `c1`; empty of a stable version."""
        return channel_of(self.prerelease)

    def of_variant(self, variant: str) -> "Version":
        """Return this version of another variant."""
        return replace(self, variant=variant)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and (self.text, self.variant) == (other.text, other.variant)

    def __hash__(self) -> int:
        return hash((self.text, self.variant))

    def __lt__(self, other: "Version") -> bool:
        return bool((self.key, self.text) < (other.key, other.text))

    def __str__(self) -> str:
        return self.text


def channel_of(prerelease: str) -> str:
    """Return the channel that a prerelease text names: its leading letters, in the field's usual spelling."""
    word = re.match(r"[A-Za-z]*", prerelease)
    name = word[0].lower() if word else ""
    return _CHANNELS.get(name, name)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How versions are written and ordered: semver, numeric, calver or pep440.

    `build_metadata` is `refuse`, or `underscore`: `2.1.4+5` is written `2.1.4_5`, as a tag cannot hold a `+`
    (distribution-spec, "Pulling manifests"). `channels` are words that begin a prerelease besides the usual ones.
    """

    name: str = "semver"
    build_metadata: str = "refuse"
    channels: frozenset[str] = field(default_factory=frozenset)

    def parse(self, text: str) -> Version:
        """Read the version of a build, as somebody gave it. Raise `InputError` when the scheme has no such version."""
        given = text.strip()
        spelled = given.removeprefix("refs/tags/")
        spelled = re.sub(r"\A[vV](?=[0-9])", "", spelled)
        if "+" in spelled and self.build_metadata == "refuse":
            plain = spelled.partition("+")[0]
            raise InputError(
                f"the version {given} has build metadata, and a tag cannot hold a +",
                f"Release it as {plain}, or set `build-metadata: underscore` to write {spelled.replace('+', '_')}.",
            )
        if self.build_metadata == "underscore":
            spelled = spelled.replace("_", "+", 1) if "+" not in spelled else spelled
        version = self._read(spelled)
        if version is None:
            raise InputError(f"{given!r} is not a version in the scheme {self.name}", _HINTS[self.name])
        if self.name == "pep440":
            version = _pep440(spelled, canonical=True) or version
        if len(version.text) > 128:
            raise InputError(f"the version {given[:40]}… is longer than the 128 characters of a tag", "Shorten it.")
        return replace(version, raw=given.removeprefix("refs/tags/"))

    def read(self, text: str) -> Version | None:
        """Read a version back from a tag; None when it is not one, or its suffix is no prerelease known by its word."""
        if self.build_metadata == "underscore":
            text = text.replace("_", "+", 1)
        elif "+" in text or "_" in text:
            return None
        version = self._read(text)
        if version is None or not version.prerelease:
            return version
        word = re.match(r"[A-Za-z]*", version.prerelease)
        name = word[0].lower() if word else ""
        known = not name or name in PRERELEASE_WORDS or name in self.channels
        return version if known else None

    def _read(self, text: str) -> Version | None:
        return _READERS[self.name](text)


def _tag_text(release: str, build: str) -> str:
    return f"{release}_{build}" if build else release


def _semver(text: str) -> Version | None:
    if _RELEASE.fullmatch(text):
        numbers = tuple(text.split("."))
        return Version(text, numbers, _key(numbers, "", ""))
    if not text[:1].isdigit():
        return None
    import semver  # only for what is not three plain numbers: the import costs more than reading thousands of those

    try:
        parsed = semver.Version.parse(text)
    except ValueError:
        return None
    numbers = (str(parsed.major), str(parsed.minor), str(parsed.patch))
    pre, build = parsed.prerelease or "", parsed.build or ""
    return Version(_tag_text(text.partition("+")[0], build), numbers, _key(numbers, pre, build), pre, build)


def _numeric(text: str) -> Version | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    numbers = tuple(match["numbers"].split("."))
    pre, build = match["pre"] or match["glued"] or "", match["build"] or ""
    return Version(_tag_text(text.partition("+")[0], build), numbers, _key(numbers, pre, build), pre, build)


def _pep440(text: str, *, canonical: bool = False) -> Version | None:
    from packaging.version import InvalidVersion, parse

    try:
        parsed = parse(text)
    except InvalidVersion:
        return None
    if parsed.epoch or parsed.local or len(parsed.release) < 2 or len(parsed.release) > 4:
        return None
    written = re.match(r"[vV]?([0-9]+(?:\.[0-9]+)*)", text)
    numbers = tuple(written[1].split(".")) if written and not canonical else tuple(map(str, parsed.release))
    pre = "".join(map(str, parsed.pre or ())) + (f"dev{parsed.dev}" if parsed.dev is not None else "")
    return Version(str(parsed) if canonical else text, numbers, parsed, pre)


_READERS: dict[str, Callable[[str], Version | None]] = {
    "semver": _semver,
    "numeric": _numeric,
    "calver": _numeric,
    "pep440": _pep440,
}

_HINTS = {
    "semver": "Semantic versions are MAJOR.MINOR.PATCH, as 2.1.4 or 2.1.4-rc.1, without leading zeros; "
    "for others set `scheme` to numeric, calver or pep440.",
    "numeric": "Numeric versions have two to four numbers, as 3.24 or 25.8.1.4, and a prerelease as -rc.1 if any.",
    "calver": "Calendar versions have two to four numbers, as 2026.07.1 or 26.04.",
    "pep440": "PEP 440 versions are two to four numbers, as 3.15.0, 3.15.0rc1 or 2.0.post1; an epoch or a local "
    "part cannot stand in a tag.",
}


def _key(numbers: tuple[str, ...], prerelease: str, build: str) -> tuple[Any, ...]:
    """Order as semver.org item 11: numbers, then prereleases before their release; the build only breaks ties."""
    return tuple(map(int, numbers)), not prerelease, _identifiers(prerelease), _identifiers(build)


def _identifiers(text: str) -> tuple[tuple[bool, int, str], ...]:
    if not text:
        return ()
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in text.split("."))
