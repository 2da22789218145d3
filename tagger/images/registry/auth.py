"""How a registry is told who asks: challenges, and the tokens that are fetched for them."""

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from tagger.images.registry.credentials import Login

__all__ = ["DEFAULT_LIFETIME", "Access", "Authorization", "Challenge", "Shared", "Token", "parse_challenges"]

Result = TypeVar("Result")

# RFC 9110, section 11.2: a challenge is a scheme and parameters, and commas stand between both.
_PARAMETER = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BETWEEN = re.compile(r"[\s,]+")

EXPIRY_MARGIN = 5.0  # seconds; a token that is about to expire is not sent
DEFAULT_LIFETIME = 60.0  # seconds (distribution, "Token Authentication Specification")


class Access(NamedTuple):
    """Who asks, as a person knows it, and what for: scopes of the token specification, the repository's own first."""

    place: str
    scopes: tuple[str, ...]


class Challenge(NamedTuple):
    """One way to authenticate that a server names: `Bearer realm="…",service="…"`."""

    scheme: str
    parameters: Mapping[str, str] = MappingProxyType({})


class Token(NamedTuple):
    """A bearer token, and the moment of the monotonic clock from which it is not sent any more."""

    value: str
    expires: float = float("inf")

    def __repr__(self) -> str:
        return f"Token(expires={self.expires})"

    @classmethod
    def lasting(cls, value: str, seconds: float, asked: float) -> "Token":
        """Return a token that was asked for at `asked` and lasts `seconds`."""
        return cls(value, asked + max(seconds - EXPIRY_MARGIN, seconds / 2))


class Shared(Generic[Result]):
    """A result that one thread works out while the others wait for it; a failure is theirs too, and is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._future: Future[Result] | None = None

    def get(self, work: Callable[[], Result], meanwhile: Callable[[], None] = lambda: None) -> Result:
        """Return the result; those who have to wait for it do `meanwhile` first."""
        with self._lock:
            future, leading = self._future or Future(), self._future is None
            self._future = future
        if not leading:
            if not future.done():
                meanwhile()
            return future.result()
        try:
            result = work()
        except BaseException as error:
            with self._lock:
                self._future = None
            future.set_exception(error)
            raise
        future.set_result(result)
        return result

    def peek(self) -> Result | None:
        """Return the result if there is one by now."""
        future = self._future
        return future.result() if future and future.done() and not future.exception() else None

    def forget(self, result: Result) -> None:
        """Forget `result`, unless another has taken its place."""
        with self._lock:
            if self.peek() is result:
                self._future = None


class Authorization:
    """What one registry wants to see: nothing, a login, or a token for each set of scopes.

    `fetch` asks a token server: the challenge and scopes in, a token out. `known` is the challenge of a registry whose
    realm is known beforehand. `login` is called when the registry wants one.
    """

    def __init__(
        self,
        fetch: Callable[[Challenge, Access], Token],
        *,
        known: Challenge | None = None,
        login: Callable[[], Login] = Login,
    ) -> None:
        self._fetch = fetch
        self._challenge = known
        self._login = login
        self._tokens: dict[tuple[str, ...], Shared[Token]] = {}
        self._lock = threading.Lock()

    def header(self, access: Access, meanwhile: Callable[[], None]) -> str:
        """Return the `Authorization` header for a request, empty for none; a token is fetched where one is wanted."""
        challenge = self._challenge
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            return self._login().basic
        if given := self._login().registry_token:
            return f"Bearer {given}"
        shared = self._shared(access)
        while True:
            token = shared.get(lambda: self._fetch(challenge, access), meanwhile)
            if time.monotonic() < token.expires:
                return f"Bearer {token.value}"
            shared.forget(token)

    def refused(self, access: Access, sent: str, challenges: Iterable[Challenge]) -> bool:
        """Learn from an answer 401 to a request with the header `sent`; say whether another try may do better."""
        wanted = _preferred(challenges) or self._challenge
        if wanted is None:
            return False
        if not sent:
            self._challenge = wanted
            return wanted.scheme == "bearer" or bool(self._login().basic)
        if wanted.scheme == "basic":
            self._challenge = wanted
            return bool(self._login().basic) and sent != self._login().basic
        if self._login().registry_token or wanted.parameters.get("error") == "insufficient_scope":
            return False
        if self._challenge is None or self._challenge.scheme != "bearer":
            self._challenge = wanted
        shared = self._shared(access)
        token = shared.peek()
        if token is not None and sent == f"Bearer {token.value}":
            shared.forget(token)
        return True

    def secrets(self) -> frozenset[str]:
        """Return the tokens that are in use, for masking."""
        with self._lock:
            several = list(self._tokens.values())
        return frozenset(token.value for shared in several if (token := shared.peek()))

    def _shared(self, access: Access) -> Shared[Token]:
        with self._lock:
            return self._tokens.setdefault(access.scopes, Shared())


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Read `WWW-Authenticate` headers: several challenges may stand in one. What is no challenge is passed over."""
    found: list[Challenge] = []
    for header in headers:
        parameters: dict[str, str] | None = None
        place = 0
        while place < len(header):
            if between := _BETWEEN.match(header, place):
                place = between.end()
            elif parameter := _PARAMETER.match(header, place):
                name, quoted, plain = parameter.groups()
                if parameters is not None:
                    value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                    parameters.setdefault(name.lower(), value)
                place = parameter.end()
            elif scheme := _SCHEME.match(header, place):
                parameters = {}
                found.append(Challenge(scheme[0].lower(), parameters))
                place = scheme.end()
            else:
                place += 1
    return found


def _preferred(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge to answer: a token where the server offers one, else the login itself."""
    usable = [c for c in challenges if c.scheme == "basic" or (c.scheme == "bearer" and c.parameters.get("realm"))]
    return next((c for c in usable if c.scheme == "bearer"), usable[0] if usable else None)
