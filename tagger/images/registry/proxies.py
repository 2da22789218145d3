"""Finds the proxy for a host in the environment."""

import ipaddress
import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from tagger.errors import InputError
from tagger.images.registry.addresses import Origin, is_loopback

__all__ = ["proxy_for"]


def proxy_for(origin: Origin, environ: Mapping[str, str] | None = None) -> str:
    """Return the URL of the proxy for an origin, empty for none; there is never one for loopback.

    The variables are `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, lower case first. `no_proxy` has the
    meaning of curl and Go: domains with their subdomains, addresses and networks, each with or without a port; `*` is
    all. Raise `InputError` for an invalid URL.
    """
    environ = os.environ if environ is None else environ
    if not any(name.lower().endswith("_proxy") for name in environ) or is_loopback(origin.host):
        return ""
    variable = next((name for name in (f"{origin.scheme}_proxy", "all_proxy") if _value(environ, name)), "")
    if not variable or _is_exempt(origin, _value(environ, "no_proxy")):
        return ""
    value = _value(environ, variable)
    proxy = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[^\x21-\x7e]", proxy):
        raise InputError(  # its value may hold a password
            f"{variable.upper()} is not the URL of a proxy", "Write http://HOST:PORT or https://HOST:PORT, or unset it."
        )
    return proxy


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _is_exempt(origin: Origin, exempt: str) -> bool:
    return any(_matches(entry, origin) for entry in re.split(r"[\s,]+", exempt.lower()) if entry)


def _matches(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry.replace("[", "").replace("]", ""), origin.host)
    host, port = _split_port(entry)
    if port and port != str(origin.port):
        return False
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(origin.host)
    except ValueError:
        domain = host.removeprefix("*").strip(".")
        own = origin.host.lower().rstrip(".")
        return bool(domain) and (own == domain or own.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, str]:
    """Return host and port of an entry. An IPv6 address may be in brackets or not."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _, port = entry.partition(":")
        return host, port
    return entry, ""


def _in_network(network: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
