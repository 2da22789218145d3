"""The `Authorization` header that answers the challenge of a registry."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from tagger.concurrency import SingleFlight
from tagger.errors import InputError, StoreError
from tagger.images.registry.answers import Reply
from tagger.images.registry.challenges import Challenge, choose_challenge, parse_challenges
from tagger.images.registry.logins import Login
from tagger.images.registry.scopes import covers, join_scopes, parse_scopes
from tagger.images.registry.together import Access, Together
from tagger.images.registry.tokens import Token, TokenCache

__all__ = ["Access", "Authorization"]

Got = TypeVar("Got", bound=Reply)

MOST_TRIES = 4
"""How often one request is sent: without a header, with a token, with a larger scope, with a new token."""


class Authorization:
    """The authorization at one registry: nothing, a login, or a token for each set of scopes.

    `fetch` asks a token server for a token, given the challenge and the access with its scopes. `known` is the
    challenge of a registry whose token server is known in advance. `login` is called when the registry needs a login,
    and `renew` when it refused one: it returns whether `login` has another one.
    """

    def __init__(
        self,
        fetch: Callable[[Challenge, Access], Token],
        *,
        known: Challenge | None = None,
        login: Callable[[Access], Login] = lambda _access: Login(),
        renew: Callable[[Login], bool] = lambda _login: False,
    ) -> None:
        self._fetch = fetch
        self._challenge = known
        self._login, self._renew_login = login, renew
        self._tokens = TokenCache()
        self._together = Together(login)
        self._added: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._discovery = SingleFlight[bool]()
        self.challenge_known = known is not None

    def send(self, access: Access, send: Callable[[str], Got], warm: Callable[[], None]) -> Got:
        """Send a request with the authorization that the registry needs, and again when it asks for another one.

        `send` takes the `Authorization` header. The first request of all finds out the challenge. Others that wait for
        it, or for a token, call `warm` meanwhile.
        """
        meanwhile = _once(warm)
        reply = None if self.challenge_known else self.find_challenge(access, send, meanwhile)
        sent, new = "", False
        if reply is None:
            sent, new = self.header(access, meanwhile)
            reply = send(sent)
        for _ in range(MOST_TRIES - 1):
            if not self.learn(access, sent, reply, new=new):
                break
            try:
                sent, new = self.header(access, _nothing)
            except StoreError:
                if not self._drop_added_scopes(access):
                    raise
                break  # the token server does not know the scope that the registry asks for
            reply = send(sent)
        return reply

    def find_challenge(self, access: Access, send: Callable[[str], Got], meanwhile: Callable[[], None]) -> Got | None:
        """Let one request find out the challenge, and return its reply; others wait and get None."""
        replies: list[Got] = []

        def lead() -> bool:
            reply = send("")
            if reply.status == 401:
                self.learn(access, "", reply)
            replies.append(reply)
            return True

        self.challenge_known = self._discovery.get(lead, meanwhile)
        return replies[0] if replies else None

    def header(self, access: Access, meanwhile: Callable[[], None], *, renewed: bool = False) -> tuple[str, bool]:
        """Return the `Authorization` header for a request (or ""), and whether its token is new.

        Fetches a token where one is needed, and first a login where the last one may have expired: once, so not where
        that is `renewed`. Raise `StoreError`.
        """
        challenge = self._challenge
        if challenge is None:
            return "", False
        login = self._login(access)
        if challenge.scheme == "basic":
            return login.basic, False
        if login.registry_token:
            return f"Bearer {login.registry_token}", False
        wanted = access._replace(scopes=self._scopes(access))
        try:
            token, new = self._tokens.get(wanted.scopes, lambda: self._fetch(challenge, wanted), meanwhile)
        except StoreError as error:
            if error.status in (400, 403, 404) and self._together.alone(access):
                return self.header(access, meanwhile)
            if error.status == 401 and not renewed and (self._login(access) != login or self._renew_login(login)):
                return self.header(access, meanwhile, renewed=True)
            raise
        return f"Bearer {token.value}", new

    def learn(self, access: Access, sent: str, reply: Reply, *, new: bool = False) -> bool:
        """Learn from the refusal of a request with the header `sent`; return whether another try may succeed.

        A token that is `new` for this request is not fetched again for it.
        """
        if reply.status not in (401, 403, 404):
            return False
        challenges = parse_challenges(reply.headers.getlist("WWW-Authenticate"))
        wanted = choose_challenge(challenges)
        if reply.status != 401 and not (wanted and wanted.lacks_scope):
            return self._show_login(access, sent, challenges)
        wanted = wanted or self._challenge
        if wanted is None:
            return self._show_login(access, sent, challenges)
        if wanted.scheme == "basic":
            self._challenge = wanted
            login = self._login(access)
            return bool(login.basic) and (sent != login.basic or self._renew_login(login))  # it may have expired
        if not sent.startswith("Bearer "):
            self._challenge = wanted
            return True
        if self._login(access).registry_token:
            return False
        if self._together.alone(access) or self._add_scopes(access, wanted):
            return True
        if self._tokens.has_elsewhere(self._scopes(access), sent):
            return True  # another request has changed the scopes meanwhile
        return not wanted.lacks_scope and self._renew(access, sent, wanted, new)

    def expect(self, accesses: Iterable[Access]) -> None:
        """Remember the accesses of the run, so that one token serves several repositories."""
        self._together.expect(accesses)

    def secrets(self) -> frozenset[str]:
        """Return the tokens that are in use, for masking."""
        return self._tokens.secrets()

    def _show_login(self, access: Access, sent: str, challenges: list[Challenge]) -> bool:
        """Say whether to send the login to a registry that refuses without a challenge.

        Where requests run side by side, the first refusal decides for all of them.
        """
        if sent or challenges:
            return False
        if self._challenge is not None and self._challenge.scheme != "basic":
            return True  # another request has found the challenge meanwhile
        login = Login()
        with suppress(InputError):  # the registry did not ask for a login
            login = self._login(access)
        if not login.basic:
            return False
        self._challenge = Challenge("basic")
        return True

    def _add_scopes(self, access: Access, wanted: Challenge) -> bool:
        """Add the scopes that a challenge names; return whether any of them is new."""
        scopes = self._scopes(access)
        more = [one for one in parse_scopes(wanted.parameters.get("scope", "")) if not covers(scopes, one)]
        if not more or access.scopes in self._added:
            return False
        self._added[access.scopes] = join_scopes(access.scopes, more)
        return True

    def _drop_added_scopes(self, access: Access) -> bool:
        return self._added.pop(access.scopes, None) is not None

    def _renew(self, access: Access, sent: str, wanted: Challenge, new: bool) -> bool:
        """Forget a token that the registry refuses; return whether another may be fetched for this request."""
        if self._challenge is None or self._challenge.scheme != "bearer":
            self._challenge = wanted
        self._tokens.forget(self._scopes(access), sent)
        return not new

    def _scopes(self, access: Access) -> tuple[str, ...]:
        return self._added.get(access.scopes) or self._together.scopes(access)


def _nothing() -> None:
    pass


def _once(function: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `function` the first time, and then does nothing."""
    first = threading.Lock()  # is acquired and never released

    def call() -> None:
        if first.acquire(blocking=False):
            function()

    return call
