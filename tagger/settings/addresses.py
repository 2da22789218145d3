"""The parsers of images, registries, endpoints, logins and certificates."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from tagger.confidential import hide_logins, logins_in
from tagger.errors import InputError
from tagger.names import DOCKER_HUB, HOST, HUB_ALIASES, HUB_API, IPV6_HOST, REPOSITORY_SHAPES, Repository
from tagger.settings import mending
from tagger.settings.mending import suggest
from tagger.workspace import is_regular

__all__ = [
    "LAYOUT", "Login", "authorities", "endpoint", "host", "image", "login", "reference", "registry", "without_login",
]  # fmt: skip

Value = TypeVar("Value")

LAYOUT = "oci:"
_LOGIN_LINE = "Write one login a line, as ghcr.io octocat PASSWORD; the password is the rest of the line."
_OIDC = "oidc"  # it stands for a user's name: the fields behind it say how a login is fetched


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


def without_login(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a parser that also refuses a login in the address: an address is printed and stored."""

    def read(text: str) -> Value:
        if text.endswith("@"):
            hint = "If a step's output belongs there: does a step have that `id`, and did it push the image?"
            raise InputError(f"{hide_logins(text)} names no digest: nothing follows the @", hint)
        if logins_in(text):
            plain = re.sub(r"(?:\w+://)?\*\*\*@", "", hide_logins(text))
            raise InputError(
                f"{hide_logins(text)} holds a login", f"Write `{plain}`; the login belongs into the secret `logins`."
            )
        return parse(text)

    return read


@without_login
@suggest(mending.images)
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
def registry(text: str) -> str:
    """Read a registry, with or without a scheme and a path; every name of Docker Hub becomes `docker.io`."""
    name = re.sub(r"\Ahttps?://", "", text).split("/")[0]
    return DOCKER_HUB if name.lower() in HUB_ALIASES else host(name)


@without_login
def reference(text: str) -> str:
    """Return a reference or a pattern of references as it is; only a login in it is refused."""
    return text


@without_login
@suggest(mending.hosts)
def host(text: str) -> str:
    """Check a host with or without a port."""
    if not (HOST.fullmatch(text) or IPV6_HOST.fullmatch(text)):
        raise InputError(f"{text!r} is not a host", "Write HOST or HOST:PORT.")
    return text


@without_login
@suggest(mending.endpoints)
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
