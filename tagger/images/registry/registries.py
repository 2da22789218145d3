"""The registries of one run, opened when they are first asked for."""

import threading
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Self

from tagger.images.registry.addresses import Dial
from tagger.images.registry.client import Registry
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.endpoint import access_to
from tagger.images.registry.repository import RegistryRepository
from tagger.images.registry.transport import Transport
from tagger.names import Repository

__all__ = ["Registries"]


class Registries:
    """The registries of one run, each met when it is first asked for.

    `insecure` are those spoken to over plain HTTP, `endpoints` where one is reached that images call otherwise, and
    `dials` connections that are under way already.
    """

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        endpoints: Mapping[str, str] | None = None,
        ca_file: str = "",
        jobs: int = 8,
        timeout: float = 30.0,
        retries: int = 4,
        dials: Iterable[Dial] = (),
    ) -> None:
        self.keychain = keychain or Keychain()
        self._insecure = frozenset(insecure)
        self._endpoints = dict(endpoints or {})
        self._jobs = jobs
        self._retries = retries
        self._transport = Transport(ca_file=ca_file, timeout=timeout, connections=4 * jobs, dials=dials)
        self._registries: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def registry(self, name: str) -> Registry:
        """Return the one conversation with a registry."""
        with self._lock:
            if name not in self._registries:
                self._registries[name] = Registry(
                    name,
                    transport=self._transport,
                    keychain=self.keychain,
                    insecure=self._insecure,
                    endpoints=self._endpoints,
                    jobs=self._jobs,
                    retries=self._retries,
                )
            return self._registries[name]

    def repository(
        self, repository: Repository, *, write: bool = False, mount_from: Iterable[Repository] = ()
    ) -> RegistryRepository:
        """Open a repository; `mount_from` are others of its registry that blobs may be mounted from."""
        return RegistryRepository(self.registry(repository.registry), repository, write=write, mount_from=mount_from)

    def expect(self, repositories: Iterable[Repository], *, write: bool) -> None:
        """Keep which repositories the run is going to open, so that one token serves several of them."""
        groups: dict[str, list[Repository]] = {}
        for repository in repositories:
            groups.setdefault(repository.registry, []).append(repository)
        for name, group in groups.items():
            if len(group) > 1:
                self.registry(name).expect(access_to(one, write=write) for one in group)

    def close(self) -> None:
        """Close every connection and give up what waits or is in flight; any thread may call this, more than once."""
        with self._lock:
            registries = list(self._registries.values())
        for registry in registries:
            registry.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
