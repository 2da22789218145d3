"""What a run opens, each when it is first asked for: logins, registries, layouts, the Docker Engine."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.names import Repository

# A module is imported where it is clear that it is needed, and after the registries are being connected to.
if TYPE_CHECKING:
    from tagger.images.engine import Engine
    from tagger.images.layout import Layout
    from tagger.images.registry.credentials import Keychain
    from tagger.images.registry.registries import Registries
    from tagger.images.stores import ExaminedStore, TagStore
    from tagger.settings.values import Settings

__all__ = ["Connections"]


class Connections:
    """What one run has opened. Use it in a `with` block, which closes all of it."""

    def __init__(
        self, settings: "Settings", environ: Mapping[str, str], say: Callable[[str], None] = lambda _: None
    ) -> None:
        """`say` tells a person why a run waits."""
        self._say = say
        self._settings = settings
        self._environ = environ
        self._cleanup = ExitStack()
        self._layouts: list[Layout] = []
        self._keychain: Keychain | None = None
        self._registries: Registries | None = None
        self._strangers: Registries | None = None
        self._engine: Engine | None = None

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def stop(self) -> None:
        """Refuse all that is asked of any repository from now on; what is under way ends. Any thread may call this."""
        for layout in self._layouts:
            layout.stop()
        for registries in filter(None, (self._registries, self._strangers)):
            registries.close()

    @property
    def keychain(self) -> "Keychain":
        """The logins of this run."""
        if self._keychain is None:
            from tagger.images.registry.credentials import Keychain

            settings = self._settings
            logins = [(login.registry, login.username, login.password) for login in settings.all_logins]
            self._keychain = Keychain(logins=logins, github_token=settings.github_token, environ=self._environ)
        return self._keychain

    @property
    def strangers(self) -> "Registries":
        """The registries as somebody sees them who has no login."""
        if self._strangers is None:
            from tagger.images.registry.credentials import Keychain
            from tagger.images.registry.registries import Registries

            self._strangers = self._cleanup.enter_context(Registries(keychain=Keychain(), **self._network))
        return self._strangers

    @property
    def _network(self) -> dict[str, Any]:
        """How registries are reached."""
        settings = self._settings
        return {
            "insecure": frozenset(settings.insecure),
            "endpoints": settings.places,
            "ca_file": settings.ca_file,
            "jobs": settings.jobs,
            "timeout": settings.timeout,
            "retries": settings.retries,
        }

    @property
    def registries(self) -> "Registries":
        """The registries of this run: one client for each."""
        if self._registries is None:
            from tagger.images.registry.addresses import Dial, places_ahead

            settings = self._settings
            insecure = frozenset(settings.insecure)
            names = [image.registry for image in settings.repositories]
            dials = [Dial(one, settings.timeout) for one in places_ahead(names, insecure, settings.places)]
            from tagger.images.registry.registries import Registries  # a run over layouts alone opens no connection

            self._registries = self._cleanup.enter_context(
                Registries(keychain=self.keychain, dials=dials, **self._network)
            )
        return self._registries

    @property
    def engine(self) -> "Engine":
        """The Docker Engine, which is not asked before something is wanted of it."""
        if self._engine is None:
            from tagger.images.engine import Engine  # the docker package is not imported where no engine is meant

            self._engine = self._cleanup.enter_context(closing(Engine.find(self._environ, self.keychain)))
        return self._engine

    def repository(self, repository: Repository | Path, *, write: bool = False) -> "ExaminedStore":
        """Open a repository: of a registry, or a layout on disk."""
        if isinstance(repository, Path):
            from tagger.images.layout import Layout

            layout = Layout(repository, self._say)
            self._layouts.append(layout)
            return layout
        opened = self.registries.repository(repository, write=write)
        opened.connect()
        return opened

    def stores(self, *, write: bool = False) -> "tuple[TagStore, ...]":
        """Open every target repository."""
        return tuple(self.repository(image, write=write) for image in self._settings.images)
