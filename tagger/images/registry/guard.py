"""Whether what a registry names may be asked: a registry elsewhere does not send a run to places inside."""

import ipaddress
from collections.abc import Collection
from typing import Literal

from urllib3.exceptions import LocationValueError

from tagger.images.registry.addresses import Origin

__all__ = ["Forbidden", "Unsendable", "check_address", "check_literal", "kind_of"]

Kind = Literal["name", "public", "private", "own machine"]


class Forbidden(LocationValueError):
    """A connection that is not used: it leads to where the registry may not send anybody."""


class Unsendable(LocationValueError):
    """A request that cannot be sent: a header would end within its value."""


def kind_of(host: str) -> Kind:
    """Return what an address is; `name` where it is none. Link-local addresses count as the machine's own: there are
    the metadata services of clouds, which give out credentials."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return "own machine" if host == "localhost" or host.endswith(".localhost") else "name"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
        return "own machine"
    return "public" if address.is_global else "private"


def check_literal(origin: Origin, own: Origin, named: Collection[str]) -> None:
    """Raise `ValueError` where a URL's host is an address that a registry at `own` may not name.

    `named` are hosts, with or without a port, that the workflow itself names. What a name leads to is checked when the
    connection stands: a name server may answer twice.
    """
    if origin.host == own.host or {origin.host, origin.netloc}.intersection(named):
        return
    kind, own_kind = kind_of(origin.host), kind_of(own.host)
    if kind == "own machine" and own_kind != "own machine":
        raise ValueError(f"{origin.netloc} is this machine or the network's own, and {own.netloc} is not")
    if kind == "private" and own_kind not in ("private", "own machine"):
        raise ValueError(f"{origin.netloc} is a private address, and {own.netloc} is none")


def check_address(host: str, address: str, own_addresses: Collection[str]) -> None:
    """Raise `Forbidden` where a name that a registry gave led to an address that it may not lead to.

    `own_addresses` are those that the registry itself was reached at.
    """
    kind, known = kind_of(address), {kind_of(one) for one in own_addresses}
    allowed = {
        "public": True,
        "private": bool(known & {"private", "own machine"}),
        "own machine": "own machine" in known,
    }
    if not allowed.get(kind, True):
        raise Forbidden(f"{host} is at {address}, which is {kind}; the registry that names it is not")
