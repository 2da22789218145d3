"""Follows redirects, and resolves other URLs that a registry names."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from tagger.images.registry.addresses import Origin
from tagger.images.registry.guard import check_literal
from tagger.images.registry.headers import Headers
from tagger.images.registry.statuses import REDIRECTS

__all__ = ["Circle", "follow", "resolve"]

MOST_REDIRECTS = 5
KEEPING = frozenset({307, 308})


class Circle(ValueError):
    """Too many redirects."""


class Redirectable(Protocol):
    """A response that may be a redirect."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    def discard(self) -> None:
        """Release the response without reading its body."""


Response = TypeVar("Response", bound=Redirectable)


def follow(
    send: Callable[[str, Mapping[str, str]], Response],
    method: str,
    url: str,
    headers: Mapping[str, str],
    credentials: str,
    own: Origin,
    lead: Callable[[str, str], str],
) -> Response:
    """Return the response to a request, after redirects. Credentials are sent to `own` and nowhere else.

    `send` takes a URL and headers. `lead` returns the URL of a location in an answer from a URL, or raises. Raise
    `Circle` for too many redirects.
    """
    for _ in range(MOST_REDIRECTS + 1):
        sent = dict(headers)
        if credentials and Origin.of(url) == own:
            sent["Authorization"] = credentials
        response = send(url, sent)
        location = response.headers.get("Location")
        kept = response.status in KEEPING  # method and body stay (RFC 9110, sections 15.4.8 and 15.4.9)
        if response.status not in REDIRECTS or not location or not (kept or method in ("GET", "HEAD")):
            return response
        response.discard()
        url = lead(url, location)
    raise Circle("it redirects in a circle")


def resolve(
    own: Origin,
    name: str,
    base: str,
    location: str,
    is_trusted: Callable[[Origin], bool],
    named: Collection[str] = (),
) -> str:
    """Return the URL of `location`, a path or a URL in an answer from `base` of the registry `name` at `own`.

    A URL with the registry's own name, or with plain HTTP where a proxy before the registry ends TLS, means the address
    `own`. `named` are hosts that the workflow names. Raise `ValueError` for a URL that may not be requested.
    """
    url = urljoin(own.url(base), location)
    origin, parts = Origin.of(url), urlsplit(url)
    same_host = origin.host == own.host and (origin.port == own.port or (origin.port, own.port) == (80, 443))
    if same_host or parts.netloc == name:
        return own.url(parts._replace(scheme="", netloc="", fragment="").geturl())
    check_literal(origin, own, named)
    if own.scheme == "https" and not is_trusted(origin):
        raise ValueError("it redirects from HTTPS to plain HTTP")
    return url
