"""Reads docker's configuration: its logins, and the names of its credential helpers."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.images.registry.logins import Key, Login, best_key, docker_key
from tagger.workspace import read_regular

__all__ = ["AUTH_CONFIG", "DockerConfig"]

AUTH_CONFIG = "DOCKER_AUTH_CONFIG"
_FORM = """Write it as docker's file: {"auths": {"ghcr.io": {"auth": "…"}}}, with NAME:PASSWORD in base64."""
LARGEST = 1024 * 1024  # bytes of a configuration


class DockerConfig(NamedTuple):
    """The logins in docker's `config.json` (docker/cli, cli/config). `origin` is its path, or its variable."""

    origin: str = ""
    auths: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    helpers: Mapping[str, str] = MappingProxyType({})
    store: str = ""

    def __repr__(self) -> str:
        return f"DockerConfig({self.origin})"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "DockerConfig":
        """Read the configuration; an empty one where it is missing. Raise `InputError` when it is invalid."""
        folder = environ.get("DOCKER_CONFIG") or (environ["HOME"] + "/.docker" if environ.get("HOME") else "")
        if not folder:
            return cls()
        path = Path(folder, "config.json")
        try:
            content = read_regular(path, LARGEST)
        except (FileNotFoundError, NotADirectoryError):
            return cls(str(path))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read: {getattr(error, 'strerror', None) or error}",
                "Make it readable, or point DOCKER_CONFIG elsewhere.",
            ) from error
        return cls.parse(content or b"{}", str(path))

    @classmethod
    def parse(cls, content: bytes, origin: str) -> "DockerConfig":
        """Read a configuration from `origin`. Raise `InputError` when it is invalid."""
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{origin} is not JSON", _hint(origin)) from error
        if not isinstance(value, dict):
            raise InputError(f"{origin} is not a JSON object", _hint(origin))
        auths, helpers, store = (value.get(key) for key in ("auths", "credHelpers", "credsStore"))
        return cls(
            origin,
            {key: entry for key, entry in auths.items() if isinstance(entry, dict)} if isinstance(auths, dict) else {},
            {key: str(name) for key, name in helpers.items()} if isinstance(helpers, dict) else {},
            store if isinstance(store, str) else "",
        )

    def helper(self, name: str, repository: str) -> str:
        """Return the name of the credential helper for a repository; empty where there is none."""
        key = best_key(self.helpers, name, repository)
        return self.helpers[key] if key else self.store

    def login(self, name: str, repository: str) -> Login:
        """Return the login in the file for a repository; else an empty one. Raise `InputError` when it is invalid."""
        return next((login for entry in self._entries(name, repository) if (login := self._login_of(entry))), Login())

    def _entries(self, name: str, repository: str) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of `auths` for a repository: the longest prefix first, and docker's own spelling first."""
        keys = [key for key in self.auths if Key.parse(key).matches(name, repository)]
        own = docker_key(name)
        yield from (self.auths[key] for key in sorted(keys, key=lambda key: (-len(Key.parse(key).path), key != own)))

    def _login_of(self, entry: Mapping[str, Any]) -> Login:
        username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if entry.get("auth"):
            try:
                text = "".join(str(entry["auth"]).split())  # docker ignores line breaks too
                decoded = base64.b64decode(text, validate=True).decode()
            except (binascii.Error, ValueError) as error:
                raise InputError(f"{self.origin}: an `auth` is not base64", _hint(self.origin)) from error
            username, _, password = decoded.partition(":")
        tokens = str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or "")
        try:
            "".join((username, password, *tokens)).encode()
        except UnicodeError as error:  # half a character is none
            raise InputError(f"{self.origin}: a login is no text", _hint(self.origin)) from error
        return Login(username, password.rstrip("\0"), *tokens, origin=self.origin)


def _hint(origin: str) -> str:
    """Return what to do about a configuration that is wrong; a variable is not written by `docker login`."""
    return _FORM if origin == AUTH_CONFIG else "Log in again with `docker login`, which writes it."
