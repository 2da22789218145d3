"""The parsers of the options: each reads one entry, and raises `InputError` with a hint."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tagger.confidential import hide_logins, logins_in
from tagger.errors import InputError
from tagger.names import DOCKER_HUB, HOST, HUB_ALIASES, HUB_API, IPV6_HOST, REPOSITORY_SHAPES, Repository
from tagger.rules.revisions import Revision
from tagger.rules.selection import Selection
from tagger.rules.templates import Template
from tagger.rules.variants import check_variants_entry
from tagger.rules.words import DEFAULT_VARIANT, check_channel, check_variant
from tagger.settings import mending, offers
from tagger.settings.mending import mended
from tagger.workspace import is_regular

if TYPE_CHECKING:
    from tagger.rules.retention import TagRule

__all__ = [
    "LAYOUT", "Build", "Login", "authorities", "channel", "choice", "digests",
    "digests_of_variants", "duration", "endpoint", "host",
    "image", "keep", "key_value", "latest", "login", "number", "platform", "reference", "registry", "revision",
    "seconds", "selection", "share", "source", "tag_rule", "template", "variant", "variants", "version_from",
    "without_login",
]  # fmt: skip

Value = TypeVar("Value")

LAYOUT = "oci:"
_LOGIN_LINE = "Write one login a line, as ghcr.io octocat PASSWORD; the password is the rest of the line."
_OIDC = "oidc"  # it stands for a user's name: the fields behind it say how a login is fetched
_MEANINGS = {
    "scheme": {"python": "pep440", "pep-440": "pep440", "calendar": "calver", "date": "calver"},
    "hold": {"yes": "true", "no": "false"},
    "published-from": {"tags": "git", "git-tags": "git", "git-tag": "git", "nothing": "none"},
}
_VARIANT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


class Login(NamedTuple):
    """A login at one registry; its text never shows the password.

    A login with `identity` has no password yet: these are the fields with which it is fetched.
    """

    registry: str
    username: str
    password: str
    identity: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Login({self.registry!r}, {self.username!r})"


class Build(NamedTuple):
    """A source, and the variant that it is a build of; None where nothing names the variant."""

    source: str
    variant: str | None = None


def choice(name: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser of one of `choices`."""

    @mended(mending.choices_like(choices, _MEANINGS.get(name)), also=True)
    def parse(text: str) -> str:
        if text not in choices:
            raise InputError(f"`{name}` is {text!r}", f"`{name}` is one of: {', '.join(choices)}.")
        return text

    return parse


def without_login(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a parser that also refuses a login in the address: an address is printed and stored."""

    def read(text: str) -> Value:
        if text.endswith("@"):
            hint = "Where a step's output is to stand there: does a step have that `id`, and did it push the image?"
            raise InputError(f"{hide_logins(text)} names no digest: nothing stands behind the @", hint)
        if logins_in(text):
            plain = re.sub(r"(?:\w+://)?\*\*\*@", "", hide_logins(text))
            raise InputError(
                f"{hide_logins(text)} holds a login", f"Write `{plain}`; the login belongs into the secret `logins`."
            )
        return parse(text)

    return read


@without_login
@mended(mending.images)
def image(text: str) -> Repository | Path:
    """Read a target: a repository of a registry, or the folder of a layout on disk."""
    if text.startswith(LAYOUT):
        if not text.removeprefix(LAYOUT) or "\0" in text:
            raise InputError(f"{text!r} names no directory", "Write oci:DIR, with the directory of the layout.")
        if re.search(rf"[\s,]{LAYOUT}", text):
            raise InputError(f"{text!r} names several directories", "Repeat `--image`, or write one a line.")
        return Path(text.removeprefix(LAYOUT))
    if "://" in text or "," in text:
        raise InputError(f"{text!r} is not a repository", REPOSITORY_SHAPES)
    tail = text.rpartition("/")[2]
    if ("@" in tail or ":" in tail) and re.split(r"[:@]", tail)[0] and "/" in text:
        raise InputError(
            f"{text!r} names one image of a repository: the tag follows from the version", REPOSITORY_SHAPES
        )
    return Repository.parse(text)


@without_login
@mended(mending.sources)
def source(text: str) -> Build:
    """Read a source, `SOURCE` or `VARIANT=SOURCE`."""
    from tagger.images.opening import parse_source

    variant_, equals, rest = text.partition("=")
    if equals and re.fullmatch(_VARIANT, variant_):
        parse_source(rest)
        return Build(rest, variant(variant_))
    parse_source(text)
    return Build(text)


def digests_of_variants(text: str) -> Mapping[str | None, str]:
    """Return the text of `digests` for each variant that its lines name; all of it for None where they name none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [re.fullmatch(rf"({_VARIANT})=(.+)", line) for line in lines]
    found: dict[str | None, str] = {variant(match[1]): match[2] for match in named if match}
    if not found or text.lstrip().startswith(("{", "[", '"')):
        return {None: text} if lines else {}
    if len(found) < len(lines):
        raise InputError(
            f"`digests` names the variants of some of its {len(lines)} lines, or one of them twice",
            "Write VARIANT=FOLDER on every line, each variant once; the bare tags are the variant `default`.",
        )
    return found


def digests(text: str) -> str:
    """Check `digests`: all its lines name a variant, or none does."""
    digests_of_variants(text)
    return text


def key_value(text: str) -> tuple[str, str]:
    """Read an annotation or a label, `key=value`."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[^\s=]+", key):
        raise InputError(f"{text!r} is no key=value", "Write org.opencontainers.image.title=My app, one a line.")
    try:
        text.encode()
    except UnicodeError as error:
        raise InputError(f"{text!r} is no UTF-8", "Write it in UTF-8.") from error
    return key, value.strip()


def version_from(text: str) -> str:
    """Check an entry of `version-from`, as `git-tag` or `file:PATH`."""
    from tagger.version_from.reading import check_kind

    return check_kind(text)


@mended(mending.templates)
def template(text: str) -> str:
    """Check a template."""
    Template.parse(text)
    return text


@mended(mending.ranges)
def selection(text: str) -> str:
    """Check a range or a regular expression of versions."""
    Selection.parse(text)
    return text


@mended(mending.latest_like)
def latest(text: str) -> str:
    """Check `latest`: auto, false, a range or a regular expression."""
    if text not in ("auto", "false"):
        try:
            Selection.parse(text)
        except InputError as error:
            hint = "Write auto, false, a series as 2.1, variant=default, or a range or an expression as in `stable`."
            raise InputError(error.message, hint) from error
    return text


@mended(offers.revisions, also=True)
def revision(text: str) -> str:
    """Check the form of a revision, and return it in its standard spelling."""
    return str(Revision.parse(text))


@mended(mending.words_like)
def channel(text: str) -> str:
    """Check the name of a channel."""
    return check_channel(text)


@mended(mending.words_like)
def variant(text: str) -> str:
    """Read a variant; `default`, the variant of the bare tags, becomes an empty text."""
    check_variant(text)
    return "" if text == DEFAULT_VARIANT else text


def variants(text: str) -> str:
    """Read a variant, or an alias of a family: `alpine=alpine3.*`."""
    return check_variants_entry(text) if "=" in text else variant(text)


@mended(mending.platforms)
def platform(text: str) -> str:
    """Check a platform, as images name it; `any` turns the check off."""
    known = re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+(?:/v[0-9]+)?", text) and not mending.is_platform_alias(text)
    if text != "any" and not known:
        raise InputError(f"{text!r} is not a platform", "Write os/arch or os/arch/variant, as linux/arm/v7, or any.")
    return text


@without_login
def registry(text: str) -> str:
    """Read a registry, with or without a scheme and a path; every name of Docker Hub becomes `docker.io`."""
    name = re.sub(r"\Ahttps?://", "", text).split("/")[0]
    return DOCKER_HUB if name.lower() in HUB_ALIASES else host(name)


@without_login
def reference(text: str) -> str:
    """Return a reference or a pattern of references as it is; only a login in it is refused."""
    return text


@without_login
@mended(mending.hosts)
def host(text: str) -> str:
    """Check a host with or without a port."""
    if not (HOST.fullmatch(text) or IPV6_HOST.fullmatch(text)):
        raise InputError(f"{text!r} is not a host", "Write HOST or HOST:PORT.")
    return text


@without_login
@mended(mending.endpoints)
def endpoint(text: str) -> tuple[str, str]:
    """Read `NAME=HOST:PORT`: the name of a registry, and the host and port where it is reached."""
    name, equals, place = text.partition("=")
    port = place.rpartition(":")[2].strip()
    if not equals or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"{text!r} is not an endpoint", "Write NAME=HOST:PORT, as localhost:5000=registry:5000.")
    name = name.strip()  # hub.docker.com is Docker Hub's own API here, beside its registry
    return name if name == HUB_API else registry(name), host(place.strip())


def login(text: str) -> Login:
    """Read a line of `logins`: `registry[/namespace] username password`, or `… oidc key=value…`."""
    parts = text.split(None, 2)
    if len(parts) == 2 and parts[1] == _OIDC:
        parts.append("")
    if len(parts) != 3:
        raise InputError("a line is not `registry username password`", _LOGIN_LINE)
    try:
        registry(parts[0])
    except InputError as error:  # a password may stand first
        raise InputError("a line does not begin with a registry", _LOGIN_LINE) from error
    from tagger.images.registry.logins import Key

    key = Key.parse(parts[0])
    if parts[1] == _OIDC:
        from tagger.images.registry.identity import read_fields  # few logins are fetched

        return Login(str(key), "", "", read_fields(key.registry, parts[2]))
    return Login(str(key), parts[1], parts[2])


def authorities(text: str) -> str:
    """Read certificates: the name of a file, or PEM text, in which `\\n` may stand for a line break."""
    from tagger.images.registry.tls import PEM

    if PEM in text:
        return text.replace("\\n", "\n")
    if not is_regular(Path(text)):
        raise InputError(
            f"there is no file {text[:200]}", "Name a file with certificates in PEM form, or give their text."
        )
    return text


def number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of a whole number from `least` to `most`."""

    @mended(mending.numbers(least, most))
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise InputError(f"{text!r} is not from {least} to {most}", f"It is a whole number, as {least}.")
        return int(text)

    return parse


@mended(mending.times)
def seconds(text: str) -> float:
    """Read a time in seconds or minutes, `30` or `2m`, and return the seconds."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m)?", text)
    if not match or not 0 < float(match[1]) <= 86400:
        raise InputError(f"{text!r} is not a time", "Write seconds, as 30, or minutes, as 2m.")
    return float(match[1]) * (60 if match[2] == "m" else 1)


@mended(offers.kept, also=True)
def keep(text: str) -> tuple[str, int]:
    """Read how many of something `prune` keeps: `major=3`."""
    from tagger.rules.retention import keep_limit  # no other command needs these rules

    return keep_limit(text)


@mended(offers.tag_rules, also=True)
def tag_rule(text: str) -> "TagRule":
    """Read which tags that are no versions `prune` keeps: `pr-* age=14d`."""
    from tagger.rules.retention import tag_rule as read

    return read(text)


@mended(offers.durations, also=True)
def duration(text: str) -> str:
    """Check a time: `7d`."""
    if text != "7d":  # its default is read in every run
        from tagger.rules.retention import duration as read

        read(text)
    return text


@mended(offers.shares, also=True)
def share(text: str) -> str:
    """Check a share: `20%`."""
    match = re.fullmatch(r"([0-9]{1,3})%", text)
    if not match or int(match[1]) > 100:
        raise InputError(f"{text!r} is no share", "Write a percentage from 0% to 100%, as 20%.")
    return text
