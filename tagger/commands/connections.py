"""Opens what a run uses, at its first use: logins, registries, layouts, the Docker Engine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from tagger.meters import SILENT, Meter, Meters, silent
from tagger.names import Repository

# Modules are imported where they are needed, and after the connections to the registries have begun.
if TYPE_CHECKING:
    from tagger.images.engine import Engine
    from tagger.images.layout import Layout
    from tagger.images.registry.addresses import Origin
    from tagger.images.registry.credentials import Keychain
    from tagger.images.registry.dial import Dial
    from tagger.images.registry.identity import IdentityLogin
    from tagger.images.registry.lazy_tls import Tls
    from tagger.images.registry.registries import Registries
    from tagger.images.registry.repository import RegistryRepository
    from tagger.images.stores import OpenedStore
    from tagger.settings.addresses import Login as GivenLogin
    from tagger.settings.values import Settings

__all__ = ["Connections"]


class Connections:
    """The connections of one run, for the settings of one component. Use it in a `with` block, which closes them."""

    def __init__(
        self,
        settings: "Settings",
        environ: Mapping[str, str],
        say: Callable[[str], None] = lambda _: None,
        components: "Sequence[Settings]" = (),
        meters: Meters = silent,
        mask: Callable[[Iterable[str]], None] = lambda _: None,
        begun: "Sequence[Dial]" = (),
    ) -> None:
        """`say` tells a person why a run waits; `components` are the settings of all that share what is opened.

        `mask` has the runner hide secrets that the run gets on its way. `begun` are connections that are under way.
        """
        self._settings = settings
        self._resources = _Resources(components or (settings,), environ, say, meters, mask, begun)

    @property
    def say(self) -> Callable[[str], None]:
        """Tells a person why a run waits."""
        return self._resources.say

    @property
    def meter(self) -> Meter:
        """The meter of the first target, which waits for what is read of the build."""
        names = self._settings.image_names
        return self._resources.meters(names[0]) if names else SILENT

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.cleanup.close()

    def of(self, settings: "Settings") -> "Connections":
        """Return the same connections for the settings of another component."""
        from copy import copy

        other = copy(self)
        other._settings = settings
        return other

    def stop(self) -> None:
        """Refuse all further requests, and end the running ones. Any thread may call this."""
        self._resources.stop()

    @property
    def keychain(self) -> "Keychain":
        """The logins of this run."""
        return self._resources.keychain

    @property
    def strangers(self) -> "Registries":
        """The registries, without any login."""
        return self._resources.strangers

    @property
    def registries(self) -> "Registries":
        """The registries of this run: one client for each."""
        return self._resources.registries

    @property
    def engine(self) -> "Engine":
        """The Docker Engine. Its first use connects to it."""
        return self._resources.engine

    def repository(self, repository: Repository | Path, *, write: bool = False) -> "OpenedStore":
        """Open a repository: of a registry, or a layout on disk. One that was opened to write is used to read too."""
        if isinstance(repository, Path):
            return self._resources.layout(repository)
        return self._resources.repository(repository, write)

    def stores(self, *, write: bool = False) -> "tuple[OpenedStore, ...]":
        """Open every target repository."""
        self._resources.expect(write)
        return tuple(self.repository(image, write=write) for image in self._settings.images)


class _Resources:
    """The connections that the components of a run share. Each is opened once, by the first thread that uses it."""

    def __init__(
        self,
        components: "Sequence[Settings]",
        environ: Mapping[str, str],
        say: Callable[[str], None],
        meters: Meters,
        mask: Callable[[Iterable[str]], None],
        begun: "Sequence[Dial]",
    ) -> None:
        self.say, self.meters, self._mask, self._begun = say, meters, mask, begun
        self._components = components
        self._environ = environ
        self._lock = RLock()
        self._stops: list[Callable[[], None]] = []
        self._repositories: dict[Repository, RegistryRepository] = {}
        self._registries: Registries | None = None
        self._strangers: Registries | None = None
        self._stopped = False
        self._expected: set[bool] = set()
        self.cleanup = ExitStack()

    def stop(self) -> None:
        """Refuse all further requests."""
        self._stopped = True
        for stop in list(self._stops):
            stop()

    def _stop_later(self, stop: Callable[[], None]) -> None:
        """Have a function called when the run is stopped, or now if it is."""
        self._stops.append(stop)
        if self._stopped:
            stop()

    def layout(self, folder: Path) -> "Layout":
        """Open a layout on disk."""
        from tagger.images.layout import Layout

        layout = Layout(folder, self.say, self.meters)
        self._stop_later(layout.stop)
        return layout

    def repository(self, repository: Repository, write: bool) -> "RegistryRepository":
        """Open a repository of a registry, and again where it is to be written."""
        with self._lock:
            opened = self._repositories.get(repository)
            if opened is None or write:
                opened = self._repositories[repository] = self.registries.repository(repository, write=write)
                opened.connect()
            return opened

    def expect(self, write: bool) -> None:
        """Tell the registries, once, which repositories the components of this run have."""
        if len(self._components) < 2 or write in self._expected:
            return
        with self._lock:
            if write not in self._expected:
                self._expected.add(write)
                if repositories := [image for each in self._components for image in each.repositories]:
                    self.registries.expect(dict.fromkeys(repositories), write=write)

    @cached_property
    def keychain(self) -> "Keychain":
        """The logins, which all components share."""
        from tagger.images.registry.credentials import Keychain

        settings = self._components[0]
        given = [login for login in settings.all_logins if not login.identity]
        logins = [(login.registry, login.username, login.password) for login in given]
        fetched = {login.registry: self._identity_login(login) for login in settings.all_logins if login.identity}
        keychain = Keychain(
            logins=logins,
            fetched=fetched,
            github_token=settings.github_token,
            environ=self._environ,
            mask=self._mask,
        )
        self.cleanup.callback(keychain.stop)
        self._stop_later(keychain.stop)
        return keychain

    def _identity_login(self, login: "GivenLogin") -> "IdentityLogin":
        from tagger.images.registry.identity import IdentityLogin  # few logins are fetched
        from tagger.images.registry.logins import registry_name

        registry, fields = registry_name(login.registry), login.identity
        return IdentityLogin(registry, fields, self._environ, sender=lambda: self.registries.sender(), mask=self._mask)

    @property
    def registries(self) -> "Registries":
        """The registries of all components."""
        with self._lock:
            if self._registries is None:
                self._registries = self.cleanup.enter_context(self._open_registries())
                self._stop_later(self._registries.close)
            return self._registries

    @property
    def strangers(self) -> "Registries":
        """The registries, without any login."""
        with self._lock:
            if self._strangers is None:
                from tagger.images.registry.credentials import Keychain
                from tagger.images.registry.registries import Registries

                self._strangers = self.cleanup.enter_context(Registries(keychain=Keychain(), **self._network))
                self._stop_later(self._strangers.close)
            return self._strangers

    @property
    def _network(self) -> dict[str, Any]:
        """The network settings. Where components have different limits, the largest applies to all."""
        settings = self._components[0]
        return {
            "insecure": frozenset(settings.insecure),
            "endpoints": settings.places,
            "github_api": self._environ.get("GITHUB_API_URL", "") if self._environ.get("GITHUB_ACTIONS") else "",
            "ca_file": settings.ca_file,
            "jobs": max(each.jobs for each in self._components),
            "most": max(each.most_jobs for each in self._components),
            "timeout": max(each.timeout for each in self._components),
            "retries": max(each.retries for each in self._components),
        }

    def _open_registries(self) -> "Registries":
        from tagger.images.registry.addresses import places_ahead

        network = self._network
        names = [image.registry for each in self._components for image in each.repositories]
        places = places_ahead(names, network["insecure"], network["endpoints"])
        tls, dials = self._dials(places, network["ca_file"], network["timeout"])
        from tagger.images.registry.registries import Registries  # a run that uses only layouts opens no connection

        return Registries(keychain=self.keychain, dials=dials, tls=tls, meters=self.meters, **network)

    def _dials(self, places: "Iterable[Origin]", ca_file: str, timeout: float) -> "tuple[Tls, list[Dial]]":
        """Begin the connections to `places` that are not begun yet. Return all, and what gives their TLS context."""
        from tagger.images.registry.dial import Dial
        from tagger.images.registry.lazy_tls import Tls

        begun = [dial for dial in self._begun if dial.tls is None or dial.tls.ca_file == ca_file]
        tls = next((dial.tls for dial in begun if dial.tls), None) or Tls(ca_file)
        for other in set(self._begun).difference(begun):
            other.close()
        dials = []
        for one in places:
            place, own_tls = (one.host, one.port), tls if one.scheme == "https" else None
            known = next((dial for dial in begun if dial.place == place and dial.tls in (None, own_tls)), None)
            if known:
                begun.remove(known)
            dials.append(Dial(place, timeout, own_tls, begun=known))
        return tls, dials

    @property
    def engine(self) -> "Engine":
        """The Docker Engine."""
        with self._lock:
            return self._engine

    @cached_property
    def _engine(self) -> "Engine":
        if self._registries:
            self._registries.connect_more()  # what speaks to an engine takes a tenth of a second to import
        from tagger.images.engine import Engine  # runs without an engine do not import the docker package

        engine = self.cleanup.enter_context(closing(Engine.find(self._environ, self.keychain)))
        self._stop_later(engine.stop)
        return engine
