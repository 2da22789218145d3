"""Repositories of one run that one token serves: their scopes are asked for together."""

import threading
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

from tagger.images.registry.logins import Login
from tagger.images.registry.scopes import joined

__all__ = ["Access", "Together"]

MOST = 20
"""Scopes in one token: it comes with every request, and servers take headers and URLs of 8 KiB (nginx's default)."""


class Access(NamedTuple):
    """Who asks, as a person knows it, and what for: scopes of the token specification, the repository's own first.

    `repository` is its name within the registry, by which the login is chosen.
    """

    place: str
    scopes: tuple[str, ...]
    repository: str = ""


class Together:
    """Which scopes are asked for together: those of repositories with the same login, in the order they are expected.

    A token server that does not grant all of them may grant each (distribution, "Token Scope Documentation"), so that
    whoever is refused asks `alone`.
    """

    def __init__(self, login: Callable[[Access], Login]) -> None:
        self._login = login
        self._expected: dict[tuple[str, ...], Access] = {}
        self._joined: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def expect(self, accesses: Iterable[Access]) -> None:
        """Keep what the run is going to ask for."""
        with self._lock:
            self._expected.update((access.scopes, access) for access in accesses)

    def scopes(self, access: Access) -> tuple[str, ...]:
        """Return the scopes to ask for: of those that are expected besides, or its own."""
        if not self._expected and not self._joined:
            return access.scopes
        with self._lock:
            if access.scopes in self._expected:
                self._join(access)
            return self._joined.get(access.scopes, access.scopes)

    def alone(self, access: Access) -> bool:
        """Ask for the scopes of `access` alone from now on; say whether they were asked for with others."""
        with self._lock:
            self._expected.pop(access.scopes, None)
            return self._joined.pop(access.scopes, None) is not None

    def _join(self, access: Access) -> None:
        login = self._login(access)
        del self._expected[access.scopes]
        others = (one for one in self._expected.values() if self._login(one) == login)
        group = [access, *islice(others, MOST - 1)]
        scopes = joined((), (scope for one in group for scope in one.scopes))
        for one in group if len(group) > 1 else ():
            self._expected.pop(one.scopes, None)
            self._joined[one.scopes] = scopes
