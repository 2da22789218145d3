"""Bearer tokens: their requests, and a cache by scopes in which each is fetched once."""

import re
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from tagger.concurrency import SingleFlight
from tagger.images.documents import read_json
from tagger.images.registry.logins import Login

__all__ = ["Token", "TokenCache", "TokenRequest", "read_token", "token_request"]

EXPIRY_MARGIN = 5.0  # seconds; a token that is about to expire is not sent
LONGEST = 10.0 * 365 * 86400  # seconds; a token with a longer or invalid lifetime is used once
DEFAULT_LIFETIME = 60.0  # seconds (distribution, "Token Authentication Specification")


class Token(NamedTuple):
    """A bearer token, and the time (of the monotonic clock) after which it is not sent any more."""

    value: str
    expires: float = float("inf")

    def __repr__(self) -> str:
        return f"Token(expires={self.expires})"

    @classmethod
    def lasting(cls, value: str, seconds: float, asked: float) -> "Token":
        """Return a token that was requested at `asked` and lasts `seconds`."""
        return cls(value, asked + max(seconds - EXPIRY_MARGIN, seconds / 2) if 0 < seconds < LONGEST else asked)


class TokenCache:
    """The tokens of one registry by their scopes. One thread fetches a token, and the others wait for it."""

    def __init__(self) -> None:
        self._flights: dict[tuple[str, ...], SingleFlight[Token]] = {}
        self._lock = threading.Lock()

    def get(
        self, scopes: tuple[str, ...], fetch: Callable[[], Token], meanwhile: Callable[[], None]
    ) -> tuple[Token, bool]:
        """Return a token for scopes, and whether it is new. A new token is returned even if it expires soon."""
        flight = self._flight(scopes)
        kept = flight.peek()
        if kept is not None and time.monotonic() < kept.expires:
            return kept, False
        if kept is not None:
            flight.forget(kept)
        return flight.get(fetch, meanwhile), True

    def forget(self, scopes: tuple[str, ...], value: str) -> None:
        """Forget the token of a header that the registry refused, unless another token has replaced it."""
        flight = self._flight(scopes)
        token = flight.peek()
        if token is not None and value == f"Bearer {token.value}":
            flight.forget(token)

    def has_elsewhere(self, scopes: tuple[str, ...], value: str) -> bool:
        """Say whether a header has the token for other scopes than these."""
        with self._lock:
            others = [flight for wanted, flight in self._flights.items() if wanted != scopes]
        return any((token := flight.peek()) and value == f"Bearer {token.value}" for flight in others)

    def secrets(self) -> frozenset[str]:
        """Return the tokens in the cache, for masking."""
        with self._lock:
            flights = list(self._flights.values())
        return frozenset(token.value for flight in flights if (token := flight.peek()))

    def _flight(self, scopes: tuple[str, ...]) -> SingleFlight[Token]:
        with self._lock:
            return self._flights.setdefault(scopes, SingleFlight())


class TokenRequest(NamedTuple):
    """A request to a token server."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None


def token_request(url: str, service: str, scopes: tuple[str, ...], login: Login) -> TokenRequest:
    """Return the request for a token (distribution, "Token Authentication Specification"; OAuth2 with identities)."""
    if login.identity_token:
        grant = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": "tagger"}
        form = urlencode({**grant, "service": service, "scope": " ".join(scopes)}).encode()
        return TokenRequest("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, form)
    query = urlencode([("service", service)] * bool(service) + [("scope", scope) for scope in scopes])
    separator = "&" if urlsplit(url).query else "?"
    return TokenRequest("GET", f"{url}{separator}{query}", {"Authorization": login.basic} if login.basic else {})


def read_token(body: bytes, asked: float) -> Token:
    """Read the answer of a token server to a request at `asked`. Raise `ValueError` when it has no token."""
    try:
        value = read_json(body)
        token = value.get("token") or value["access_token"]
        if not re.fullmatch(r"[\x21-\x7e]{1,65000}", token):
            raise ValueError("not a token")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("the answer holds no token") from error
    try:
        lifetime = float(value.get("expires_in") or DEFAULT_LIFETIME)
    except (ValueError, TypeError, OverflowError):
        lifetime = DEFAULT_LIFETIME
    return Token.lasting(token, lifetime, asked)
