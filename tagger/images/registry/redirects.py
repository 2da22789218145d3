"""Redirects, and other URLs that a registry names: where they lead, and what is sent there."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from tagger.images.registry.addresses import Origin
from tagger.images.registry.guard import check_literal
from tagger.images.registry.headers import Headers
from tagger.images.registry.statuses import REDIRECTS

__all__ = ["follow", "resolve"]

MOST_REDIRECTS = 5
KEEPING = frozenset({307, 308})


class Led(Protocol):
    """A response that may lead elsewhere."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    def discard(self) -> None:
        """Let go of it; nobody reads its body."""


Response = TypeVar("Response", bound=Led)


def follow(
    send: Callable[[str, Mapping[str, str]], Response],
    method: str,
    url: str,
    headers: Mapping[str, str],
    credentials: str,
    own: Origin,
    lead: Callable[[str, str], str],
) -> Response:
    """Return the response to a request, after redirects. Credentials go to `own` and nowhere else.

    `send` takes a URL and headers. `lead` returns the URL that a location means in an answer from a URL, or raises.
    Raise `ValueError` when it leads in a circle.
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
    raise ValueError("it redirects in a circle")


def resolve(
    own: Origin,
    name: str,
    base: str,
    location: str,
    is_trusted: Callable[[Origin], bool],
    named: Collection[str] = (),
) -> str:
    """Return the URL that `location` means in an answer from `base`, a path or a URL, of the registry `name` at `own`.

    The registry's own name, and the plain HTTP of one behind a proxy that ends TLS, mean where we reach it.
    `named` are hosts that the workflow names. Raise `ValueError` when it is no URL of the web, or one that may not be
    asked.
    """
    url = urljoin(own.url(base), location)
    origin, parts = Origin.of(url), urlsplit(url)
    same_host = origin.host == own.host and (origin.port == own.port or (origin.port, own.port) == (80, 443))
    if same_host or parts.netloc == name:
        return own.url(parts._replace(scheme="", netloc="", fragment="").geturl())
    check_literal(origin, own, named)
    if own.scheme == "https" and not is_trusted(origin):
        raise ValueError("it leads from HTTPS to plain HTTP")
    return url
