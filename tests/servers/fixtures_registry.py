"""Fixtures: real registries of four kinds, a small registry, and repository names that no other test uses."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tagger.images.registry.repository import RegistryRepository
from tagger.names import Repository
from tests.servers.registries import Authority, DockerRegistry
from tests.servers.small_registry import SmallRegistry

KINDS = ("open", "login", "tls", "token")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that only the tests trust."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def started(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Callable[[str], DockerRegistry]]:
    """Start a registry of a kind at its first use; tests share it, with repository names of their own."""
    running: dict[str, DockerRegistry] = {}
    with ExitStack() as stack:

        def start(kind: str) -> DockerRegistry:
            if kind not in running:
                folder = tmp_path_factory.mktemp(f"registry-{kind}")
                running[kind] = stack.enter_context(DockerRegistry.open(kind, folder, authority))
            return running[kind]

        yield start


@pytest.fixture
def open_registry(started: Callable[[str], DockerRegistry]) -> DockerRegistry:
    """A real registry that anybody may write to, over plain HTTP."""
    return started("open")


@pytest.fixture
def login_registry(started: Callable[[str], DockerRegistry]) -> DockerRegistry:
    """A real registry that needs a name and a password (Basic)."""
    return started("login")


@pytest.fixture
def tls_registry(started: Callable[[str], DockerRegistry]) -> DockerRegistry:
    """A real registry over HTTPS, with a certificate of the `authority`."""
    return started("tls")


@pytest.fixture
def token_registry(started: Callable[[str], DockerRegistry]) -> DockerRegistry:
    """A real registry over HTTPS that needs tokens (Bearer) of the token server `tokens`."""
    return started("token")


@pytest.fixture(params=KINDS)
def any_registry(request: pytest.FixtureRequest, started: Callable[[str], DockerRegistry]) -> DockerRegistry:
    """Each kind of real registry in turn."""
    return started(request.param)


@pytest.fixture
def own_registry(tmp_path: Path, authority: Authority) -> Iterator[DockerRegistry]:
    """A real, open registry of this test alone, which it may stop and start."""
    with DockerRegistry.open("open", tmp_path / "own-registry", authority) as registry:
        yield registry


@pytest.fixture
def small_registry() -> Iterator[SmallRegistry]:
    """A small registry in memory; tests set its behaviour."""
    with SmallRegistry() as registry:
        yield registry


class Opener(Protocol):
    """Opens a repository of a registry."""

    def __call__(
        self, registry: DockerRegistry | SmallRegistry, name: str = ..., *, write: bool = ..., **options: Any
    ) -> RegistryRepository:
        """Open a repository with a client of its own, which has the registry's login unless `options` say other."""


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Open repositories, and close their connections when the test ends."""
    with ExitStack() as stack:

        def open_one(
            registry: DockerRegistry | SmallRegistry, name: str = "acme/app", *, write: bool = True, **options: Any
        ) -> RegistryRepository:
            client = stack.enter_context(registry.client(**options))
            return client.repository(Repository(registry.host, name), write=write)

        yield open_one


@pytest.fixture
def name() -> str:
    """The name of a repository that no other test uses."""
    return f"acme/app-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def repository(open_registry: DockerRegistry, name: str) -> Repository:
    """A repository of the open registry that no other test uses."""
    return Repository(open_registry.host, name)
