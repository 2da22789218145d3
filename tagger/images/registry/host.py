"""The host of a registry: its address and scheme, the URLs that it may name, and who may get its credentials."""

from collections.abc import Collection, Mapping

from tagger.images.registry.addresses import PORTS, Origin, host_and_port, is_loopback, registry_address
from tagger.images.registry.redirects import resolve
from tagger.images.registry.transport import Transport

__all__ = ["Host"]


class Host:
    """The host of one registry: its address, and its scheme once that is known.

    `insecure` are names that are reached over plain HTTP. `endpoints` has the other addresses of registries.
    """

    def __init__(
        self, name: str, transport: Transport, insecure: Collection[str], endpoints: Mapping[str, str]
    ) -> None:
        self.address = registry_address(name, endpoints)
        self._name = name
        self._transport = transport
        self._insecure = frozenset(insecure)
        self._named = self._insecure | frozenset(endpoints.values())
        self._host, self._port = host_and_port(self.address)
        self._origin: Origin | None = None

    @property
    def origin(self) -> Origin:
        """The origin of the registry. The first call finds out whether to use HTTPS."""
        if self._origin is None:
            named = self._port or PORTS["https"]
            plain = bool({self._name, self.address} & self._insecure) or (
                self.is_loopback and not self._transport.speaks_tls(self._host, named, self._port is not None)
            )
            scheme = "http" if plain else "https"
            self._origin = Origin(scheme, self._host, self._port or PORTS[scheme])
            self._transport.own((self._origin.host, self._origin.port))
        return self._origin

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        return is_loopback(self._host)

    @property
    def at_home(self) -> bool:
        """Whether it is reached at the address of its own name, over TLS."""
        return self.address == registry_address(self._name, {}) and self.origin.scheme == "https"

    def trusts(self, origin: Origin) -> bool:
        """Say whether credentials may be sent to `origin`."""
        names = {origin.netloc, f"{origin.host}:{origin.port}"}
        own = self._origin is not None and origin == self._origin
        return origin.scheme == "https" or own or is_loopback(origin.host) or bool(names & self._insecure)

    def resolve(self, base: str, location: str) -> str:
        """Return the URL of `location`, a path or a URL in an answer from `base`. Raise `ValueError`."""
        own = self.origin
        url = resolve(own, self._name, base, location, self.trusts, self._named)
        origin = Origin.of(url)
        if origin.host != own.host and not {origin.host, origin.netloc} & self._named:
            self._transport.add_named_host((origin.host, origin.port), (own.host, own.port))
        return url
