"""Checks the addresses that a registry names: a public registry must not redirect to private addresses."""

import ipaddress
import socket
from collections.abc import Collection
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from tagger.images.registry.addresses import Origin, is_loopback
from tagger.images.registry.faults import Unusable

__all__ = ["Forbidden", "Unsendable", "check_address", "check_literal", "kind_of", "split_web_url"]

Kind = Literal["name", "public", "private", "loopback", "link-local", "unspecified"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10")
)
METADATA = frozenset(
    ipaddress.ip_address(address) for address in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")
)
"""The metadata services of clouds besides 169.254.169.254: Alibaba, Azure, Oracle, AWS with IPv6."""

WITHIN = tuple(ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
"""IPv6 addresses whose last four bytes are an IPv4 address (RFC 6052; RFC 8215; RFC 4291, section 2.5.5.1)."""

INSIDE = frozenset({"private", "loopback", "link-local", "unspecified"})
"""A registry at such an address may name private ones."""


class Forbidden(Unusable):
    """A connection that must not be used: the registry may not redirect to its address."""


class Unsendable(Unusable):
    """A request that cannot be sent: the value of a header has a character that no header can have."""


def kind_of(host: str) -> Kind:
    """Return the kind of address of a host, in any notation; `name` where it is no address."""
    address = _address(host)
    if address is None:
        return "loopback" if is_loopback(host.rstrip(".")) else "name"
    if address.is_loopback:
        return "loopback"
    if address.is_unspecified:
        return "unspecified"
    if address.is_link_local or address.is_multicast or address in METADATA:
        return "link-local"
    return "private" if any(address in network for network in PRIVATE) else "public"


def check_literal(origin: Origin, own: Origin, named: Collection[str]) -> None:
    """Raise `ValueError` where a URL's host is an address that a registry at `own` may not name.

    `named` are hosts, with or without a port, that the workflow itself names. The address of a name is checked after
    the connection is made, as a name server may give different answers.
    """
    if origin.host == own.host or {origin.host, origin.netloc}.intersection(named):
        return
    kind, own_kind = kind_of(origin.host), kind_of(own.host)
    if kind in ("name", "public", own_kind) or (kind == "private" and own_kind in INSIDE):
        return
    raise ValueError(f"{origin.netloc} is a {kind} address, and {own.netloc} is not: no request is sent there")


def check_address(host: str, address: str, own_addresses: Collection[str]) -> None:
    """Raise `Forbidden` where a name from a registry has an address that the registry may not redirect to.

    `own_addresses` are the addresses of the registry itself.
    """
    kind, known = kind_of(address), {kind_of(one) for one in own_addresses}
    if kind == "public" or kind in known or (kind == "private" and known & INSIDE):
        return
    raise Forbidden(f"{host} has the {kind} address {address}, and the registry that names it has none")


def _address(host: str) -> Address | None:
    """Return the address that a host is: also written as one number or short, and within an IPv6 address."""
    text = host.partition("%")[0].strip("[]").rstrip(".")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(text))  # 2130706433, 0x7f.1, 127.1
        except (OSError, ValueError):
            return None
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback and not address.is_unspecified:
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and any(address in network for network in WITHIN):
            inner = ipaddress.IPv4Address(address.packed[-4:])
        return inner or address
    return address


def split_web_url(url: str) -> SplitResult:
    """Split an http or https URL without a login. Raise `ValueError` for any other text."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.port == 0:
        raise ValueError("it is not a URL of http or https")
    return parts
