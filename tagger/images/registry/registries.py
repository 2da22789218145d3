"""The registries of one run, opened when they are first asked for."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tagger.images.registry.challenges import Challenge
from tagger.images.registry.client import Registry
from tagger.images.registry.credentials import Keychain, OneLogin
from tagger.images.registry.defaults import JOBS, RETRIES, TIMEOUT
from tagger.images.registry.dial import Dial
from tagger.images.registry.endpoint import access_to
from tagger.images.registry.lazy_tls import Tls
from tagger.images.registry.logins import Login
from tagger.images.registry.repository import RegistryRepository
from tagger.images.registry.transport import Transport
from tagger.meters import Meters, silent
from tagger.names import Repository

if TYPE_CHECKING:
    from tagger.images.registry.identity import Sender
    from tagger.images.registry.web_api import OwnApi, WebApi

__all__ = ["Registries"]


class Registries:
    """The registries of one run, each opened at its first use.

    `insecure` are the registries that are reached over plain HTTP. `endpoints` has the other addresses of registries.
    `dials` are connections that are being opened already, with the TLS context that `tls` returns. `github_api` is the
    URL of GitHub's API, if it is not the usual one. At first `jobs` requests run at the same time for each registry,
    and up to `most` where it accepts them; without `most` never more than `jobs`.
    """

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        endpoints: Mapping[str, str] | None = None,
        ca_file: str = "",
        jobs: int = JOBS,
        most: int | None = None,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        dials: Iterable[Dial] = (),
        tls: Tls | None = None,
        github_api: str = "",
        meters: Meters = silent,
    ) -> None:
        self.keychain = keychain or Keychain()
        self._insecure = frozenset(insecure)
        self._endpoints = dict(endpoints or {})
        self._jobs, self._most = jobs, most
        self._retries = retries
        self._meters = meters
        self._transport = Transport(
            ca_file=ca_file, timeout=timeout, connections=4 * (most or jobs), dials=dials, tls=tls
        )
        self._github_api = github_api
        self._registries: dict[str, Registry] = {}
        self._apis: list[Registry] = []
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def registry(self, name: str) -> Registry:
        """Return the client of a registry, which all its repositories share."""
        with self._lock:
            if name not in self._registries:
                self._registries[name] = self._open(name)
            return self._registries[name]

    def _open(self, name: str, login: Login | None = None, scheme: str = "bearer") -> Registry:
        return Registry(
            name,
            transport=self._transport,
            keychain=OneLogin(login, self.keychain) if login else self.keychain,
            insecure=self._insecure,
            endpoints=self._endpoints,
            jobs=self._jobs,
            most=self._most,
            retries=self._retries,
            known=Challenge(scheme) if login else None,
            meters=self._meters,
        )

    def web(self, name: str, login: Login | None, scheme: str = "bearer") -> Registry:
        """Return a client of another API of a registry, which sends `login` with the given scheme."""
        api = self._open(name, login, scheme)
        with self._lock:
            self._apis.append(api)
        return api

    def sender(self) -> "Sender":
        """Return the sender that exchanges the identity of a workflow for a login."""
        from tagger.images.registry.identity import Sender  # few logins are fetched
        from tagger.images.registry.retry import Repetition

        return Sender(self._transport, self._insecure, self._endpoints, Repetition(self._retries, self._closed))

    def repository(
        self, repository: Repository, *, write: bool = False, mount_from: Iterable[Repository] = ()
    ) -> RegistryRepository:
        """Open a repository; `mount_from` are others of its registry that blobs may be mounted from."""
        return RegistryRepository(
            self.registry(repository.registry),
            repository,
            write=write,
            mount_from=mount_from,
            own_api=lambda holds: self._own_api(repository, holds),
            immutable=lambda: self._immutable(repository),
        )

    def github(self, token: str) -> "WebApi":
        """Return a client of GitHub's API."""
        from tagger.images.registry.own_apis import open_github  # only gates ask

        return open_github(self.web, token, self._github_api)

    def _own_api(self, repository: Repository, holds: Callable[[str], bool]) -> "OwnApi | None":
        """Open the registry's own API, if it has one and there is a login for it; else None."""
        login = self.keychain.login(repository.registry, repository=repository.name)
        if not login.password:
            return None
        if login.registry_alone:
            login = Login(origin=login.origin)
        from tagger.images.registry.own_apis import open_api  # few runs delete at GitHub or Docker Hub

        return open_api(repository, login, holds, self.web, self._github_api)

    def _immutable(self, repository: Repository) -> tuple[str, ...] | None:
        """Return regular expressions for immutable tags; None where no API tells them, or there is no login."""
        login = self.keychain.login(repository.registry, repository=repository.name)
        if not login.password or login.registry_alone:
            return None
        from tagger.images.registry.own_apis import immutable_tags  # only `check` asks

        return immutable_tags(repository, login, self.web)

    def expect(self, repositories: Iterable[Repository], *, write: bool) -> None:
        """Remember the repositories that the run is going to open, so that one token serves several of them."""
        groups: dict[str, list[Repository]] = {}
        for repository in repositories:
            groups.setdefault(repository.registry, []).append(repository)
        for name, group in groups.items():
            if len(group) > 1:
                self.registry(name).expect(access_to(one, write=write) for one in group)

    def connect_more(self) -> None:
        """Begin to open the connections of a first look at each registry, while the run is busy elsewhere."""
        with self._lock:
            registries = list(self._registries.values())
        for registry in registries:
            registry.ahead.begin(registry.jobs)

    def close(self) -> None:
        """Close every connection, and stop all requests. Any thread may call this, more than once."""
        self._closed.set()
        with self._lock:
            registries = [*self._registries.values(), *self._apis]
        for registry in registries:
            registry.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
