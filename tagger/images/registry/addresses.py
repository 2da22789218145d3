"""The addresses of registries, and those that a run connects to early."""

import ipaddress
import os
import re
import socket
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from tagger.errors import InputError
from tagger.images.registry.dialects import dialect_of

__all__ = ["PORTS", "Origin", "host_and_port", "is_loopback", "places_ahead", "registry_address"]

PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f]*:[0-9a-f:.]*(?:%[a-z0-9_.~%-]+)?", re.I | re.A)
"""A name or an address: in any other host each library may read another one (`%6cocalhost`, full-width digits)."""


class Origin(NamedTuple):
    """The origin of a URL: scheme, host and port (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Return the origin of a URL of the web. Raise `ValueError` when it has none."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not (parts.hostname and _HOST.fullmatch(parts.hostname)):
            raise ValueError("it is no URL of http or https with the name or the address of a host")
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])

    @property
    def netloc(self) -> str:
        """Host and port in the form of URLs, without the default port of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def url(self, target: str) -> str:
        """Return the URL of `target`, a path or a whole URL. Raise `ValueError` when it is neither."""
        return urljoin(f"{self.scheme}://{self.netloc}/", target)


def places_ahead(registries: Iterable[str], insecure: Collection[str], endpoints: Mapping[str, str]) -> list[Origin]:
    """Return the origins to connect to early: registries, and their token servers where these are known."""
    if any(name.lower().endswith("_proxy") for name in os.environ):
        return []
    places = []
    for name in dict.fromkeys(registries):
        address = registry_address(name, endpoints)
        host, port = host_and_port(address)
        if not is_loopback(host):  # an early connection saves no time there
            scheme = "http" if {name, address}.intersection(insecure) else "https"
            places.append(Origin(scheme, host, port or PORTS[scheme]))
            realm = dialect_of(name).realm
            if realm and name not in endpoints:
                places.append(Origin.of(realm))
    return places


def registry_address(name: str, endpoints: Mapping[str, str]) -> str:
    """Return the address of a registry: `HOST` or `HOST:PORT`."""
    return endpoints.get(name) or dialect_of(name).address or name


def host_and_port(address: str) -> tuple[str, int | None]:
    """Split an address into host and port. Raise `InputError`."""
    try:
        parts = urlsplit(f"//{address}")
        return parts.hostname or address, parts.port
    except ValueError as error:
        raise InputError(f"{address} is not the address of a registry: {error}", "Write HOST or HOST:PORT.") from error


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: a loopback address, or `localhost` where it resolves to such addresses."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        if host != "localhost" and not host.endswith(".localhost"):
            return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return all(ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_loopback for one in found)
    except (OSError, ValueError):  # UnicodeError is a ValueError
        return False
