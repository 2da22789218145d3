"""Logins: which one a registry gets, and where it was found."""

import base64
import binascii
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tagger.errors import InputError
from tagger.images.registry.dialects import GHCR
from tagger.names import DOCKER_HUB, HUB_ALIASES

__all__ = ["HUB_KEY", "Keychain", "Login", "login_hint"]

HUB_KEY = "https://index.docker.io/v1/"
"""What Docker Hub is called in docker's configuration, and when docker asks a credential helper."""

TOKEN_USER = "<token>"  # noqa: S105 - the user name that says: the secret is an identity token (docker-credential-helpers)
HELPER_TIMEOUT = 60.0  # seconds; helpers of clouds ask a server


class Login(NamedTuple):
    """What proves who is asking: a password, an identity token (ACR, OAuth2), or a registry token, sent as it is."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    origin: str = ""

    @classmethod
    def of(cls, username: str, secret: str, origin: str) -> "Login":
        """Return a login by name and secret; the name `<token>` says that the secret is an identity token."""
        if username == TOKEN_USER:
            return cls(identity_token=secret, origin=origin)
        return cls(username, secret, origin=origin)

    @property
    def basic(self) -> str:
        """The value of a `Authorization: Basic` header; empty where there is no password."""
        if not self.password:
            return ""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> frozenset[str]:
        """All that must never be shown."""
        encoded = self.basic.removeprefix("Basic ")
        return frozenset(filter(None, (self.password, self.identity_token, self.registry_token, encoded)))

    def __repr__(self) -> str:
        return f"Login({self.username!r}, {self.origin!r})"

    def __bool__(self) -> bool:
        return bool(self.password or self.identity_token or self.registry_token)


class Keychain:
    """The logins of one run: those given, then docker's configuration, then the workflow's token for ghcr.io.

    `logins` are entries `(registry, username, password)`. Docker's configuration is `$DOCKER_CONFIG/config.json`, else
    `$HOME/.docker/config.json`; a missing one is an empty one. It is read when the first login is asked for that is
    not given.
    """

    def __init__(
        self,
        *,
        logins: Iterable[tuple[str, str, str]] = (),
        github_token: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._given = {
            registry_name(registry): Login.of(username, password, "the login given for it")
            for registry, username, password in logins
        }
        self._github = Login("x-access-token", github_token, origin="`github-token`") if github_token else Login()
        self._environ = dict(environ or {})
        self._found: dict[str, Login] = {}
        self._config: _DockerConfig | None = None
        self._lock = threading.Lock()

    def login(self, *names: str) -> Login:
        """Return the login for a registry, by the first of its names that has one; an empty one is anonymous.

        Raise `InputError` when docker's configuration cannot be used.
        """
        with self._lock:
            return next((found for name in names if (found := self._login(registry_name(name)))), Login())

    def auth_config(self, *names: str) -> dict[str, str]:
        """Return what the Docker Engine takes for a push to a registry; empty when there is no login."""
        login = self.login(*names)
        if not login:
            return {}
        server = _docker_key(registry_name(names[0]))
        if login.identity_token:
            return {"identitytoken": login.identity_token, "serveraddress": server}
        if login.registry_token:
            return {"registrytoken": login.registry_token, "serveraddress": server}
        return {"username": login.username, "password": login.password, "serveraddress": server}

    def secrets(self) -> frozenset[str]:
        """Return every secret known so far, for masking."""
        logins = (*self._given.values(), self._github, *self._found.values())
        return frozenset(secret for login in logins for secret in login.secrets)

    def __repr__(self) -> str:
        return f"Keychain({', '.join(sorted(self._given))})"

    def _login(self, name: str) -> Login:
        if name in self._given:
            return self._given[name]
        if name not in self._found:
            if self._config is None:
                self._config = _DockerConfig.read(self._environ)
            found = self._config.login(name, self._environ)
            self._found[name] = found or (self._github if name == GHCR else Login())
        return self._found[name]


class _DockerConfig(NamedTuple):
    """What docker's `config.json` says of logins (docker/cli, cli/config)."""

    path: Path | None = None
    auths: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    helpers: Mapping[str, str] = MappingProxyType({})
    store: str = ""

    def __repr__(self) -> str:
        return f"_DockerConfig({self.path})"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "_DockerConfig":
        """Read the configuration; a missing one is an empty one. Raise `InputError` when it cannot be understood."""
        folder = environ.get("DOCKER_CONFIG") or (environ["HOME"] + "/.docker" if environ.get("HOME") else "")
        if not folder:
            return cls()
        path = Path(folder, "config.json")
        try:
            value = json.loads(path.read_bytes() or b"{}")
        except (FileNotFoundError, NotADirectoryError):
            return cls(path)
        except OSError as error:
            raise InputError(
                f"{path} cannot be read: {error.strerror}", "Make it readable, or point DOCKER_CONFIG elsewhere."
            ) from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON", "Log in again with `docker login`, which writes it.") from error
        if not isinstance(value, dict):
            raise InputError(f"{path} is not a JSON object", "Log in again with `docker login`, which writes it.")
        auths, helpers, store = (value.get(key) for key in ("auths", "credHelpers", "credsStore"))
        return cls(
            path,
            {key: entry for key, entry in auths.items() if isinstance(entry, dict)} if isinstance(auths, dict) else {},
            {registry_name(key): str(name) for key, name in helpers.items()} if isinstance(helpers, dict) else {},
            store if isinstance(store, str) else "",
        )

    def login(self, name: str, environ: Mapping[str, str]) -> Login:
        """Return the login for a registry: from its helper, from the store, else as it is written here."""
        helper = self.helpers.get(name) or self.store
        found = self._ask(helper, name, environ) if helper else Login()
        return found or next((login for entry in self._entries(name) if (login := self._written(entry))), Login())

    def _entries(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield what `auths` has for a registry, however it is written: host, URL, or Docker Hub's other names."""
        exact = self.auths.get(_docker_key(name))
        if exact:
            yield exact
        yield from (entry for key, entry in self.auths.items() if registry_name(key) == name)

    def _written(self, entry: Mapping[str, Any]) -> Login:
        username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if entry.get("auth"):
            try:
                decoded = base64.b64decode(str(entry["auth"]), validate=True).decode()
            except (binascii.Error, ValueError) as error:
                raise InputError(
                    f"{self.path}: an `auth` is not base64", "Log in again with `docker login`, which writes it."
                ) from error
            username, _, password = decoded.partition(":")
        return Login(
            username,
            password.rstrip("\0"),
            str(entry.get("identitytoken") or ""),
            str(entry.get("registrytoken") or ""),
            origin=str(self.path),
        )

    def _ask(self, helper: str, name: str, environ: Mapping[str, str]) -> Login:
        """Ask a credential helper as docker does (docker-credential-helpers): `get`, the server on standard input."""
        import subprocess  # few configurations name a helper

        program = f"docker-credential-{helper}"
        if "/" in helper:
            raise InputError(f"{self.path}: {helper!r} is not the name of a credential helper", _HELPERS)
        try:
            ended = subprocess.run(  # noqa: S603 - the program that the person's own configuration names
                [program, "get"],
                input=_docker_key(name).encode(),
                capture_output=True,
                timeout=HELPER_TIMEOUT,
                check=False,
                env=dict(environ),
            )
        except FileNotFoundError as error:
            raise InputError(
                f"{self.path} takes the login for {name} from {program}, which is not here", _HELPERS
            ) from (error)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{program} could not be asked for the login for {name}", _HELPERS) from error
        if ended.returncode:
            said = ended.stdout.decode(errors="replace").strip()
            if "credentials not found" in said:
                return Login()
            what = said.splitlines()[0][:200] if said else f"it ended with {ended.returncode}"
            raise InputError(f"{program} has no login for {name}: {what}", _HELPERS)
        try:
            answer = json.loads(ended.stdout)
            username, secret = str(answer["Username"]), str(answer["Secret"])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{program} answered what is not a login", _HELPERS) from error
        return Login.of(username, secret, program)


def registry_name(key: str) -> str:
    """Return what a registry is called in references: `docker.io` of `https://index.docker.io/v1/`."""
    host = key.strip().partition("://")[2] or key.strip()
    host = host.partition("/")[0].lower()
    return DOCKER_HUB if host in HUB_ALIASES else host


def login_hint(registry: str) -> str:
    """Say the ways to log in that work, inside an action too, where the runner's own `docker login` is not seen."""
    return (
        f"There is no login for {registry}. Give one: `username` and `password`; a line "
        f"`{registry} USERNAME PASSWORD` in `logins`; or a docker configuration, with DOCKER_CONFIG set to its folder. "
        "A `docker login` on a runner is not visible inside a container action unless DOCKER_CONFIG was set to "
        "$RUNNER_TEMP/docker before it."
    )


def _docker_key(name: str) -> str:
    return HUB_KEY if name == DOCKER_HUB else name


_HELPERS = (
    "Give the login directly, with `username` and `password` or in `logins`; or write a docker configuration that "
    "holds it itself, without `credsStore` and `credHelpers`. In an action, programs of the runner are not there."
)
