"""The logins of one run, and the choice of the one for a repository."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from tagger.images.registry.dialects import dialect_of
from tagger.images.registry.docker_config import AUTH_CONFIG, DockerConfig
from tagger.images.registry.logins import Key, Login, best_key, docker_key, registry_name

__all__ = ["FetchedLogin", "Keychain", "OneLogin"]


class FetchedLogin(Protocol):
    """A login that is fetched when a registry needs it."""

    def get(self) -> Login:
        """Return the login. Raise `InputError`, `StoreError`."""

    def renew(self, refused: Login) -> bool:
        """Forget a refused login, which may have expired; return whether another is fetched next."""

    @property
    def secrets(self) -> frozenset[str]:
        """All secrets, which must never be shown."""


class Keychain:
    """The logins of one run: given ones, DOCKER_AUTH_CONFIG, docker's configuration, GitLab's, GitHub's, in this order.

    `logins` are entries `(registry or registry/namespace, username, password)`. `fetched` has logins by the same keys
    that are fetched when they are needed. The longest key that matches a repository counts. Docker's configuration is
    `$DOCKER_CONFIG/config.json`, else `$HOME/.docker/config.json`; it is read when a login is needed that is not given,
    and may be missing. GitLab's login is CI_REGISTRY_USER and CI_REGISTRY_PASSWORD, for CI_REGISTRY. `github_token` is
    for ghcr.io.
    """

    def __init__(
        self,
        *,
        logins: Iterable[tuple[str, str, str]] = (),
        fetched: Mapping[str, FetchedLogin] | None = None,
        github_token: str = "",
        environ: Mapping[str, str] | None = None,
        mask: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """`mask` has the runner hide the secrets of a login that was found."""
        self._given: dict[str, Login | FetchedLogin] = {
            str(Key.parse(key)): Login.of(username, password, "the login given for it")
            for key, username, password in logins
        }
        self._given |= fetched or {}
        self._github = Login("x-access-token", github_token, origin="`github-token`") if github_token else Login()
        self._environ = dict(environ or {})
        self._found: dict[tuple[str, str], Login] = {}
        self._asked: dict[tuple[str, str], Login] = {}
        self._configs: tuple[DockerConfig, ...] | None = None
        self._mask = mask
        self._enders: list[Callable[[], None]] = []
        self._stopped = False
        self._lock = threading.Lock()

    def login(self, *names: str, repository: str = "", at_home: bool = True) -> Login:
        """Return the login for a repository of a registry, by the first of its names that has one; else an empty login.

        `at_home`: the registry is reached at its own address over TLS. Elsewhere it does not get the workflow's token.
        Raise `InputError` when docker's configuration cannot be used, `StoreError` when a login cannot be fetched.
        """
        found = self._find(names, repository, at_home)
        return found if isinstance(found, Login) else found.get()

    def _find(self, names: Iterable[str], repository: str, at_home: bool) -> Login | FetchedLogin:
        with self._lock:
            for name in names:
                found = self._login(registry_name(name), repository)
                if found and (at_home or found is not self._github):
                    return found
            return Login()

    def renew(self, refused: Login) -> bool:
        """Forget a fetched login that its registry refused; return whether another is fetched next."""
        return any(one.renew(refused) for one in self._given.values() if not isinstance(one, Login))

    def auth_config(self, *names: str, repository: str = "") -> dict[str, str]:
        """Return the login for a push in the form of the Docker Engine; empty when there is none."""
        login = self.login(*names, repository=repository)
        if not login:
            return {}
        server = docker_key(registry_name(names[0]))
        if login.identity_token:
            return {"identitytoken": login.identity_token, "serveraddress": server}
        if login.registry_token:
            return {"registrytoken": login.registry_token, "serveraddress": server}
        return {"username": login.username, "password": login.password, "serveraddress": server}

    def stop(self) -> None:
        """End the helpers that are asked, now and later."""
        self._stopped = True
        for end in list(self._enders):
            end()

    def _begun(self, end: Callable[[], None]) -> None:
        self._enders.append(end)
        if self._stopped:
            end()

    def secrets(self) -> frozenset[str]:
        """Return every secret known so far, for masking."""
        with_gitlab = (*self._given.values(), self._github, self._gitlab(), *self._found.copy().values())
        return frozenset(secret for login in with_gitlab for secret in login.secrets)

    def __repr__(self) -> str:
        return f"Keychain({', '.join(sorted(self._given))})"

    def _login(self, name: str, repository: str) -> Login | FetchedLogin:
        if given := best_key(self._given, name, repository):
            return self._given[given]
        if (name, repository) not in self._found:
            self._found[name, repository] = self._configured(name, repository)
            self._mask(self._found[name, repository].secrets)
        return self._found[name, repository]

    def _configured(self, name: str, repository: str) -> Login:
        if self._configs is None:
            text = self._environ.get(AUTH_CONFIG, "")
            written = (DockerConfig.parse(text.encode(errors="replace"), AUTH_CONFIG),) if text.strip() else ()
            self._configs = (*written, DockerConfig.read(self._environ))
        for config in self._configs:
            if found := self._ask(config, name, repository) or config.login(name, repository):
                return found
        if (gitlab := self._gitlab()) and registry_name(self._environ.get("CI_REGISTRY", "")) == name:
            return gitlab
        return self._github if dialect_of(name).github_token else Login()

    def _ask(self, config: DockerConfig, name: str, repository: str) -> Login:
        """Return the login of a credential helper, which is run once for each registry."""
        helper = config.helper(name, repository)
        if not helper:
            return Login()
        if (helper, name) not in self._asked:
            from tagger.images.registry.credential_helpers import ask_helper  # few configurations name one

            self._asked[helper, name] = ask_helper(
                helper, name, self._environ, self.secrets(), config.origin, self._begun
            )
        return self._asked[helper, name]

    def _gitlab(self) -> Login:
        user, password = (self._environ.get(f"CI_REGISTRY_{part}", "") for part in ("USER", "PASSWORD"))
        return (
            Login(user, password, origin="CI_REGISTRY_USER and CI_REGISTRY_PASSWORD") if user and password else Login()
        )


class OneLogin(Keychain):
    """A keychain with one login for everything: a token for an API beside a registry."""

    def __init__(self, login: Login, others: Keychain) -> None:
        """Make the keychain. The secrets of `others` are masked too."""
        super().__init__()
        self._login_of_all, self._others = login, others

    def login(self, *names: str, repository: str = "", at_home: bool = True) -> Login:  # noqa: ARG002
        """Return the login."""
        return self._login_of_all

    def secrets(self) -> frozenset[str]:
        """Return every secret known so far, for masking."""
        return self._others.secrets() | self._login_of_all.secrets
