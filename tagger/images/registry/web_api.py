"""The client of an API that a registry has beside the distribution API: JSON over HTTPS, with one token."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from tagger.errors import StoreError
from tagger.images.documents import read_json
from tagger.images.registry.answers import Answer
from tagger.images.registry.auth import Access
from tagger.images.registry.client import Registry, Request
from tagger.images.registry.failures import NO_API, forbidden_url
from tagger.images.stores import Catalogued

__all__ = ["MOST_PAGES", "OwnApi", "WebApi", "link_value", "page_count"]

MOST_PAGES = 5000  # of a listing, with a hundred entries each
LONGEST_NUMBER = 9  # digits of a page's number


class OwnApi(Protocol):
    """The operations of a registry's own API on one repository that the distribution API does not have."""

    deletes_manifests: bool
    """Whether this API deletes manifests; else the distribution API does."""

    def deletes(self) -> Literal["tags", "manifests", "refused"]:
        """Find out what can be deleted, without a write."""

    def catalogue(self) -> Mapping[str, Catalogued]:
        """List all manifests by digest. Raise `StoreError`."""

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `NotFound`, `StoreError` (UNSUPPORTED where it cannot)."""

    def delete(self, digest: str) -> None:
        """Delete a manifest with every tag at it. Raise `NotFound`, `StoreError`."""

    def empty(self) -> bool:
        """Delete everything with one request; return False where it cannot. Raise `StoreError`."""

    def restore(self, digest: str) -> bool:
        """Undo the deletion of a manifest; return False where it cannot. Raise `StoreError`."""


class WebApi:
    """A client of one API: requests below `prefix`, with `headers`, and writes at least `pace` seconds apart."""

    def __init__(
        self, registry: Registry, place: str, *, prefix: str = "", headers: Mapping[str, str], pace: float = 0.0
    ) -> None:
        self.registry = registry
        self.pace = pace
        self._access = Access(place, ())
        self._prefix, self._headers = prefix, dict(headers)
        self._next = 0.0
        self._lock = threading.Lock()

    def call(self, method: str, path: str, what: str, body: Any = None) -> Answer:
        """Return the answer to a request, with any status. Raise `StoreError` where there is none."""
        if method in ("DELETE", "POST") and self.pace:
            self._wait()
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        content = json.dumps(body).encode() if body is not None else None
        return self.registry.call(Request(method, f"{self._prefix}{path}", self._access, what, headers, content))

    def elsewhere(self, url: str, what: str, most: int) -> Answer:
        """Return the answer for a URL that the API names, of at most `most` bytes. The API's token is not sent.

        Raise `StoreError` where there is no answer, or the URL may not be requested.
        """
        try:
            target = self.registry.resolve("/", url)
        except ValueError as error:
            raise forbidden_url(self._access.place, what, error) from error
        return self.registry.call(Request("GET", target, self._access, what, most=most))

    def get(self, path: str, what: str, refusal: Callable[[str, Answer], StoreError]) -> tuple[Any, Answer]:
        """Return the JSON of an answer, and the answer. Raise the error of `refusal` for another status than 200."""
        answer = self.call("GET", path, what)
        if answer.status != 200:
            raise refusal(what, answer)
        try:
            return read_json(answer.body), answer
        except (ValueError, RecursionError) as error:
            raise self.error(f"{what}: the answer is not JSON", NO_API) from error

    def refusal(self, what: str, answer: Answer, hint: str = "") -> StoreError:
        """Return the error for an answer, with `hint`, unless the registry has a fault or limits the rate."""
        error = self.registry.refusal(self._access, what, answer)
        if hint and error.code not in ("UNAVAILABLE", "TOOMANYREQUESTS"):
            return self.error(error.message.removeprefix(f"{self._access.place}: "), hint, error.code, answer.status)
        return error

    def error(self, message: str, hint: str = "", code: str = "FAILED", status: int = 0) -> StoreError:
        """Return an error that names the repository."""
        return StoreError(message, hint, code=code, place=self._access.place, status=status)

    def _wait(self) -> None:
        """Wait until the next write may be sent."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self.pace
        self.registry.pause(turn - now)


def page_count(answer: Answer) -> int:
    """Return the number of the last page in a `Link` header; 1 where there is none."""
    found = link_value(answer, "last", "page")
    return int(found) if found.isascii() and found.isdigit() and len(found) <= LONGEST_NUMBER else 1


def link_value(answer: Answer, relation: str, name: str) -> str:
    """Return a parameter in the query of a `Link` (RFC 8288); empty where there is none."""
    for link in str(answer.headers.get("Link") or "").split(","):
        url, _, rest = link.strip().partition(">")
        if f'rel="{relation}"' in rest:
            query = url.partition("#")[0].partition("?")[2]
            return dict(parse_qsl(query)).get(name, "")
    return ""
