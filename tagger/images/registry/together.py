"""Requests one token with the scopes of several repositories of a run."""

import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

from tagger.images.registry.logins import Login
from tagger.images.registry.scopes import join_scopes

__all__ = ["Access", "Together"]

MOST = 20
"""Scopes in one token: every request sends it, and servers accept headers and URLs of 8 KiB (nginx's default)."""


class Access(NamedTuple):
    """What a request needs: `place` is the repository for messages, `scopes` those of the token, its own scope first.

    `repository` is the name within the registry, by which the login is chosen.
    """

    place: str
    scopes: tuple[str, ...]
    repository: str = ""


class Together:
    """The scopes that are requested together: those of repositories with the same login, in the expected order.

    A token server may refuse several scopes together and grant each of them (distribution, "Token Scope
    Documentation"). After a refusal, `alone` separates an access.
    """

    def __init__(self, login: Callable[[Access], Login]) -> None:
        self._login = login
        self._expected: dict[tuple[str, ...], Access] = {}
        self._joined: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def expect(self, accesses: Iterable[Access]) -> None:
        """Remember the accesses of the run."""
        with self._lock:
            self._expected.update((access.scopes, access) for access in accesses)

    def scopes(self, access: Access) -> tuple[str, ...]:
        """Return the scopes to request for an access: those of its group, or its own."""
        if not self._expected and not self._joined:
            return access.scopes
        with self._lock:
            if access.scopes in self._expected:
                self._join(access)
            return self._joined.get(access.scopes, access.scopes)

    def alone(self, access: Access) -> bool:
        """Request the scopes of `access` separately from now on; return whether they were in a group."""
        with self._lock:
            self._expected.pop(access.scopes, None)
            return self._joined.pop(access.scopes, None) is not None

    def _join(self, access: Access) -> None:
        login = self._login(access)
        del self._expected[access.scopes]
        others = (one for one in self._expected.values() if self._login(one) == login)
        group = [access, *islice(others, MOST - 1)]
        scopes = join_scopes((), (scope for one in group for scope in one.scopes))
        for one in group if len(group) > 1 else ():
            self._expected.pop(one.scopes, None)
            self._joined[one.scopes] = scopes
