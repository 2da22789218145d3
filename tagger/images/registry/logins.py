"""Logins, and the keys that say which repositories they are for."""

import base64
from collections.abc import Iterable
from typing import NamedTuple

from tagger.names import DOCKER_HUB, HUB_ALIASES

__all__ = ["HUB_KEY", "SEEN_BY_ACTIONS", "Key", "Login", "best_key", "docker_key", "login_hint", "registry_name"]

HUB_KEY = "https://index.docker.io/v1/"
"""The name of Docker Hub in docker's configuration, and for credential helpers."""

TOKEN_USER = "<token>"  # noqa: S105 - the user name of an identity token (docker-credential-helpers)

SEEN_BY_ACTIONS = ", which a container action sees only if DOCKER_CONFIG was set to $RUNNER_TEMP/docker before it"
"""The part of a hint that is for workflows only."""


class Login(NamedTuple):
    """A login: a password, an identity token (ACR, OAuth2), or a registry token that is sent as it is.

    `origin` says where it was found. `registry_alone`: other APIs of the registry do not accept it.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    origin: str = ""
    registry_alone: bool = False

    @classmethod
    def of(cls, username: str, secret: str, origin: str) -> "Login":
        """Return a login from a name and a secret. The name `<token>` means that the secret is an identity token."""
        if username == TOKEN_USER:
            return cls(identity_token=secret, origin=origin)
        return cls(username, secret, origin=origin)

    @property
    def basic(self) -> str:
        """The value of a `Authorization: Basic` header; empty where there is no password."""
        if not self.password:
            return ""
        content = f"{self.username}:{self.password}".encode(errors="surrogateescape")
        return "Basic " + base64.b64encode(content).decode()

    @property
    def secrets(self) -> frozenset[str]:
        """All secrets, which must never be shown."""
        encoded = self.basic.removeprefix("Basic ")
        return frozenset(filter(None, (self.password, self.identity_token, self.registry_token, encoded)))

    def __repr__(self) -> str:
        return f"Login({self.username!r}, {self.origin!r})"

    def __bool__(self) -> bool:
        return bool(self.password or self.identity_token or self.registry_token)


class Key(NamedTuple):
    """The registry, or the part of it (`quay.io/acme`), that a login is for (containers-auth.json(5))."""

    registry: str
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read a key of `logins` or `auths`. The path of a URL, and the version of an API, are ignored."""
        _, scheme, rest = text.strip().rpartition("://")
        host, _, path = rest.partition("/")
        host, path = host.lower(), path.strip("/")
        return cls(DOCKER_HUB if host in HUB_ALIASES else host, "" if scheme or path in ("v1", "v2") else path)

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}" if self.path else self.registry

    def matches(self, registry: str, repository: str) -> bool:
        """Say whether it is the key of a repository, of a namespace above it, or of its registry."""
        return self.registry == registry and f"{repository}/".startswith(f"{self.path}/" if self.path else "")


def best_key(keys: Iterable[str], registry: str, repository: str) -> str:
    """Return the key with the longest prefix of a repository; empty where none matches."""
    found = [key for key in keys if Key.parse(key).matches(registry, repository)]
    return max(found, key=lambda key: len(Key.parse(key).path), default="")


def registry_name(key: str) -> str:
    """Return the name of a registry in references: `docker.io` for `https://index.docker.io/v1/`."""
    return Key.parse(key).registry


def docker_key(name: str) -> str:
    """Return the name of a registry in docker's configuration."""
    return HUB_KEY if name == DOCKER_HUB else name


def login_hint(registry: str) -> str:
    """Return the ways to log in. Outside a workflow the message is shown without `SEEN_BY_ACTIONS`."""
    return (
        f"There is no login for {registry}. Give one: `username` and `password`; a line "
        f"`{registry} USERNAME PASSWORD` in `logins`; or `docker login {registry}`{SEEN_BY_ACTIONS}."
    )
