"""Authorization: what a registry wants to see of who asks, as its challenges say."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from tagger.concurrency import SingleFlight
from tagger.images.registry.answers import Reply
from tagger.images.registry.credentials import Login
from tagger.images.registry.tokens import Token, TokenCache

__all__ = ["Access", "Authorization", "Challenge", "parse_challenges"]

Got = TypeVar("Got", bound=Reply)

# RFC 9110, section 11.2: a challenge is a scheme and parameters, and commas stand between both.
_PARAMETER = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BETWEEN = re.compile(r"[\s,]+")


class Access(NamedTuple):
    """Who asks, as a person knows it, and what for: scopes of the token specification, the repository's own first."""

    place: str
    scopes: tuple[str, ...]


class Challenge(NamedTuple):
    """One way to authenticate that a server names: `Bearer realm="…",service="…"`."""

    scheme: str
    parameters: Mapping[str, str] = MappingProxyType({})


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
        self._tokens = TokenCache()
        self._meeting = SingleFlight[bool]()
        self.met = known is not None

    def send(self, access: Access, send: Callable[[str], Got], warm: Callable[[], None]) -> Got:
        """Send a request with what the registry wants to see, and once more when it wants something else.

        `send` takes the `Authorization` header. The first request of all finds out what is wanted; others that wait for
        it, or for a token, do `warm` meanwhile.
        """
        meanwhile = _once(warm)
        first = None if self.met else self.meet(access, send, meanwhile)
        if first is not None and first.status != 401:
            return first
        if first is not None:
            meanwhile = _nothing  # it opened a connection itself
        authorization = self.header(access, meanwhile)
        reply = send(authorization) if first is None or authorization else first
        if reply.status == 401 and self.learn(access, authorization, reply):
            reply = send(self.header(access, meanwhile))
        return reply

    def meet(self, access: Access, send: Callable[[str], Got], meanwhile: Callable[[], None]) -> Got | None:
        """Let one request find out what is wanted, and return its reply; others wait, and get None."""
        replies: list[Got] = []

        def lead() -> bool:
            reply = send("")
            if reply.status == 401:
                self.learn(access, "", reply)
            replies.append(reply)
            return True

        self.met = self._meeting.get(lead, meanwhile)
        return replies[0] if replies else None

    def header(self, access: Access, meanwhile: Callable[[], None]) -> str:
        """Return the `Authorization` header for a request, empty for none; a token is fetched where one is wanted."""
        challenge = self._challenge
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            return self._login().basic
        if given := self._login().registry_token:
            return f"Bearer {given}"
        return f"Bearer {self._tokens.get(access.scopes, lambda: self._fetch(challenge, access), meanwhile).value}"

    def refused(self, access: Access, sent: str, challenges: Iterable[Challenge]) -> bool:
        """Learn from the challenges of a refusal; say whether another try may do better."""
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
        self._tokens.forget(access.scopes, sent.removeprefix("Bearer "))
        return True

    def learn(self, access: Access, sent: str, reply: Reply) -> bool:
        """Learn from an answer 401 to a request with the header `sent`; say whether another try may do better."""
        return self.refused(access, sent, parse_challenges(reply.headers.getlist("WWW-Authenticate")))

    def secrets(self) -> frozenset[str]:
        """Return the tokens that are in use, for masking."""
        return self._tokens.secrets()


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


def _nothing() -> None:
    pass


def _once(function: Callable[[], None]) -> Callable[[], None]:
    """Return what calls a function the first time, and does nothing after."""
    first = threading.Lock()  # is taken, and never given back

    def call() -> None:
        if first.acquire(blocking=False):
            function()

    return call
