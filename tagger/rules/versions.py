"""Versions, and the schemes that parse, order and print them."""

import re
from collections.abc import Callable, Container, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Self

from tagger.errors import InputError
from tagger.rules.revisions import Revision, guess_form

__all__ = ["ORDER", "SCHEMES", "Scheme", "Version", "channel_of", "is_prerelease_word"]

SCHEMES = ("semver", "numeric", "calver", "pep440")
ORDER = attrgetter("key", "text", "variant")
"""The key by which many versions are sorted: comparing the versions themselves takes longer."""

# Words that begin a prerelease. A listed tag whose suffix begins with another word is not a version: for semver
# `2.1.4-alpine` is a prerelease, for its authors it is a variant.
PRERELEASE_WORDS = frozenset(
    {"a", "alpha", "b", "beta", "c", "canary", "cr", "dev", "develop", "development", "ea", "edge", "exp"}
    | {"experimental", "insiders", "m", "milestone", "next", "nightly", "p", "pre", "preview", "prerelease", "rc"}
    | {"snapshot", "test", "unstable"}
)
# JBoss, Spring and RubyGems write a qualifier behind a dot. These words are releases, other words come before them.
RELEASE_WORDS = frozenset({"final", "ga", "release", "sp"})
_CHANNELS = {"a": "alpha", "b": "beta", "c": "rc"}

_RELEASE = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}")
_NUMERIC = re.compile(
    rf"(?P<numbers>{_NUMBERS.pattern})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)|(?P<glued>[A-Za-z]{2,}\.?[0-9]*|[A-Za-z]\.?[0-9]+)"
    r"|\.(?P<dotted>[A-Za-z]+[0-9]*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_RUNS = re.compile(r"[0-9]+|[^0-9.]+")  # outside semver, rc10 is compared as rc.10
_IMPLICIT_POST = re.compile(r"[0-9]-[0-9]")  # for PEP 440 2.1.4-20261124 is a post release; in a tag it is a suffix
_WORD = re.compile(r"[A-Za-z]*")
_NUMBERS_BEFORE = re.compile(r"\A(?:[0-9]+\.)+")
_LONGEST = 128  # characters of a tag (distribution-spec, "Pulling manifests")


class Version(NamedTuple):
    """A version of a variant, with its spelling.

    `text` is its spelling in an exact tag, without the variant. `numbers` has its numbers as texts (`2026`, `07`), so
    that a floating tag keeps their spelling. `raw` is the text that was given, with a leading `v`. `build` is build
    metadata or a packaging revision, and only breaks ties. `behind` is a revision that stands behind the variant.
    Versions with the same text and variant are equal. Two spellings of one version (`1.02`, `1.2`) share `key`.
    """

    key: Any
    text: str
    numbers: tuple[str, ...]
    prerelease: str = ""
    build: str = ""
    variant: str = ""
    raw: str = ""
    behind: str = ""

    @property
    def channel(self) -> str:
        """The channel of a prerelease: `rc` for `rc.1`, `rc1` and PEP 440's `c1`; empty for a stable version."""
        return channel_of(self.prerelease)

    def of_variant(self, variant: str) -> "Version":
        """Return this version with another variant."""
        return self._replace(variant=variant)

    def with_revision(self, revision: str, raw: str = "", *, behind: bool = False) -> "Version":
        """Return this version with a packaging revision such as `-r2`: newer than without one, or with a lower one."""
        key = *self.key[:-1], _sort_key(_RUNS.findall(revision.lstrip("-_")))
        build = revision.lstrip("-_.")
        return self._replace(
            key=key, text=self.text + revision, build=build, raw=raw, behind=revision if behind else ""
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and (self.text, self.variant) == (other.text, other.variant)

    def __ne__(self, other: object) -> bool:
        return not self == other  # that of a tuple compares every part

    def __hash__(self) -> int:
        return hash((self.text, self.variant))

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        """Say whether it is older; of equal versions none is, whatever their other spellings."""
        return tuple.__lt__(self, other) and self != other

    def __gt__(self, other: tuple[Any, ...]) -> bool:
        return tuple.__gt__(self, other) and self != other

    def __le__(self, other: tuple[Any, ...]) -> bool:
        return tuple.__le__(self, other) or self == other

    def __ge__(self, other: tuple[Any, ...]) -> bool:
        return tuple.__ge__(self, other) or self == other

    def __str__(self) -> str:
        return self.text


def channel_of(prerelease: str) -> str:
    """Return the channel of the text of a prerelease: its leading letters, with `a`, `b` and `c` written in full.

    Numbers may stand before them: Dart's `95.2.beta` is in the channel `beta`.
    """
    name = _word(_NUMBERS_BEFORE.sub("", prerelease))
    return _CHANNELS.get(name, name)


def is_prerelease_word(text: str, channels: Container[str] = ()) -> bool:
    """Say whether a text begins with a known word of prereleases (`rc.1`, `beta`) or with one of `channels`."""
    word = _word(text)
    return word in PRERELEASE_WORDS or word in channels


class Scheme(NamedTuple):
    """How versions are written and ordered: semver, numeric, calver or pep440.

    `build_metadata` is `refuse`, or `underscore`: `2.1.4+5` is written `2.1.4_5`, as a tag cannot hold a `+`
    (distribution-spec, "Pulling manifests"). `channels` are more words that begin a prerelease.
    `revisions` are the forms of packaging revisions.
    """

    name: str = "semver"
    build_metadata: str = "refuse"
    channels: frozenset[str] = frozenset()
    revisions: tuple[Revision, ...] = ()

    @classmethod
    def of(cls, name: str, build_metadata: str, revisions: Iterable[str]) -> Self:
        """Return the scheme of settings, without the words of channels, which the rules add. Raise `InputError`."""
        return cls(name, build_metadata, revisions=tuple(map(Revision.parse, revisions)))

    @property
    def behind(self) -> tuple[Revision, ...]:
        """The forms of revisions that stand behind the variant."""
        return tuple(form for form in self.revisions if form.behind)

    def parse(self, text: str) -> Version:
        """Read the version of a build from a text of a person. Raise `InputError` when it is none in this scheme."""
        given = text.strip().removeprefix("refs/tags/")
        spelled = given[1:] if re.match(r"[vV][0-9]", given) else given
        if len(spelled) > _LONGEST:
            raise InputError(
                f"the version {spelled[:40]}… is longer than the {_LONGEST} characters of a tag", "Shorten it."
            )
        found = self._parse_revised(given, spelled) if self.revisions else None
        if found is not None:
            return found
        if self.build_metadata == "underscore" and "+" not in spelled:
            spelled = spelled.replace("_", "+", 1)
        plain, plus, _ = spelled.partition("+")
        if plus and self.build_metadata == "refuse" and self.name != "pep440":
            raise self._has_metadata(given, plain, spelled)
        version = self._parse_plain(spelled)
        if version is None:
            raise InputError(f"{given!r} is not a version in the scheme {self.name}", _HINTS[self.name])
        return version._replace(raw=given)

    def _parse_plain(self, text: str) -> Version | None:
        return _canonical_pep440(text) if self.name == "pep440" else _READERS[self.name](text, "", "")

    def _parse_revised(self, given: str, spelled: str) -> Version | None:
        """Read a version with a revision in one of the forms, also where it stands behind a `+`; else None."""
        plain, plus, build = spelled.partition("+")
        for form in self.revisions:
            split = (plain, form.write(build) or "") if plus else form.split(spelled)
            version = self._parse_plain(split[0]) if split and split[1] else None
            if split and version is not None and _takes(version, form):
                raw = given.removesuffix(f"+{build}") + split[1] if plus else given
                return version.with_revision(split[1], raw, behind=form.behind)
        return None

    def _has_metadata(self, given: str, plain: str, spelled: str) -> InputError:
        """Return the error for a version with a `+`. Its hint names only what this scheme or PEP 440 accepts."""
        hint = _HINTS[self.name]
        if _READERS[self.name](plain, "", "") is not None:
            build = spelled.removeprefix(f"{plain}+")
            form = guess_form(f"-{build}")
            ways = [("build-metadata: underscore", self._replace(build_metadata="underscore"), f"{plain}_{build}")]
            if form:
                ways.append(
                    (f"revisions: {form}", self._replace(revisions=(Revision.parse(form),)), f"{plain}-{build}")
                )
            read = [(way, text) for way, scheme, text in ways if (made := scheme.read(text)) and made.build]
            told = ", or ".join(f"`{way}` to write {text}" for way, text in read)
            hint = (
                f"Release it as {plain}, or set {told}."
                if told
                else f"Write `{plain}`: a tag cannot hold the + and what follows it."
            )
        elif _canonical_pep440(plain) is not None:
            hint = "Set `scheme: pep440` for a version of PEP 440, and leave out its local part: no tag can hold it."
        return InputError(f"the version {given} has build metadata, and a tag cannot hold a +", hint)

    def read(self, text: str, variant: str = "", raw: str = "") -> Version | None:
        """Read a version back from a tag; None when it is none, or its suffix begins with no known prerelease word."""
        for form in self.revisions:
            split = None if form.behind and variant else form.split(text)
            version = self._read_plain(split[0], variant, raw) if split else None
            if split and version is not None and _takes(version, form):
                return version.with_revision(split[1], raw, behind=form.behind)
        return self._read_plain(text, variant, raw)

    def _read_plain(self, text: str, variant: str, raw: str) -> Version | None:
        if "_" in text:
            if self.build_metadata == "refuse":
                return None
            text = text.replace("_", "+", 1)
        elif "+" in text:
            return None
        if self.name == "pep440" and _IMPLICIT_POST.search(text):
            return None
        version = _READERS[self.name](text, variant, raw)
        if version is not None and version.prerelease:
            known = is_prerelease_word(version.prerelease, self.channels)
            # Only in semver a number alone is a prerelease: elsewhere, -1 is a rebuild.
            if not (known or (self.name == "semver" and not _word(version.prerelease))):
                return None
        return version


def _takes(version: Version, form: Revision) -> bool:
    """Say whether a revision may stand behind a version: in `2.1.4-rc-1` the number belongs to the prerelease."""
    return not version.build and not (version.prerelease.isalpha() and not form.before.strip("-_."))


def _word(prerelease: str) -> str:
    """Return the letters that a prerelease begins with, in lower case."""
    match = _WORD.match(prerelease)
    return match[0].lower() if match else ""


def _semver(text: str, variant: str, raw: str) -> Version | None:
    match = _RELEASE.fullmatch(text)
    if match:  # the usual case; the import of semver takes longer than reading thousands of these
        major, minor, patch = numbers = match.groups()
        return Version(((int(major), int(minor), int(patch)), True, (), ()), text, numbers, "", "", variant, raw)
    if text.count(".") < 2 or not text[:1].isdecimal() or not text.isascii():
        return None
    import semver

    try:
        parsed = semver.Version.parse(text)
    except ValueError:
        return None
    numbers = (str(parsed.major), str(parsed.minor), str(parsed.patch))
    pre, build = parsed.prerelease or "", parsed.build or ""
    return _make(numbers, text, pre, pre.split("."), build, variant, raw)


def _numeric(text: str, variant: str, raw: str) -> Version | None:
    match = _NUMERIC.fullmatch(text)
    if not match:
        return None
    numbers = tuple(match["numbers"].split("."))
    pre, build, dotted = match["pre"] or match["glued"] or "", match["build"] or "", match["dotted"] or ""
    if dotted:
        released = _word(dotted) in RELEASE_WORDS
        if not released and (_word(dotted) not in PRERELEASE_WORDS or (len(dotted) == 1)):
            return None
        # Case does not matter in the order of qualifiers. `2.1.4.Final` is a build of 2.1.4, whose tag is floating.
        pre, build = ("", f"{dotted}.{build}".strip(".")) if released else (dotted, build)
    order = _RUNS.findall(pre.lower() if dotted else pre)
    return _make(numbers, text, pre, order, build.lower() if dotted else build, variant, raw)


def _make(
    numbers: tuple[str, ...], text: str, pre: str, identifiers: Sequence[str], build: str, variant: str, raw: str
) -> Version:
    """Make a version in the order of semver.org, item 11: a prerelease before its release; the build breaks ties."""
    key = tuple(map(int, numbers)), not pre, _sort_key(identifiers), _sort_key(build.split("."))
    return Version(key, text.replace("+", "_"), numbers, pre, build, variant, raw)


def _sort_key(identifiers: Iterable[str]) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key for identifiers: numbers by value, and before words."""
    return tuple((not one.isdecimal(), int(one) if one.isdecimal() else 0, one) for one in identifiers if one)


def _pep440(text: str, variant: str, raw: str) -> Version | None:
    """Read a version of PEP 440 and keep its spelling: each spelling is a tag of its own."""
    from packaging.version import InvalidVersion, parse

    try:
        parsed = parse(text)
    except InvalidVersion:
        return None
    written = _NUMBERS.match(text)
    if parsed.epoch or parsed.local or not written or written[0].count(".") + 1 != len(parsed.release):
        return None
    pre = "".join(map(str, parsed.pre or ())) + (f"dev{parsed.dev}" if parsed.dev is not None else "")
    end = text[len(written[0]) :].lstrip("-.")
    if pre and end.isalpha():  # PEP 440 reads `3.15-rc` as rc0
        pre = end.lower()
    return Version((parsed, ()), text, tuple(written[0].split(".")), pre, "", variant, raw)


def _canonical_pep440(text: str) -> Version | None:
    """Read a version in its normal spelling (PEP 440, "Normalization")."""
    version = _pep440(text, "", "")
    return version and _pep440(str(version.key[0]), "", "")


_READERS: dict[str, Callable[[str, str, str], Version | None]] = {
    "semver": _semver,
    "numeric": _numeric,
    "calver": _numeric,
    "pep440": _pep440,
}

_HINTS = {
    "semver": "Semantic versions are MAJOR.MINOR.PATCH, as 2.1.4 or 2.1.4-rc.1, without leading zeros; "
    "the schemes numeric, calver and pep440 have others.",
    "numeric": "Numeric versions have two to four numbers, as 3.24 or 25.8.1.4, and a prerelease as -rc.1, or a "
    "qualifier as .Final or .Beta1, if any.",
    "calver": "Calendar versions have two to four numbers, as 2026.07.1 or 26.04.",
    "pep440": "PEP 440 versions are two to four numbers, as 3.15.0, 3.15.0rc1 or 2.0.post1; an epoch or a local "
    "part cannot stand in a tag.",
}
