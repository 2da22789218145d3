"""One conversation with one registry: where it is, who asks, what is sent again and when."""

import json
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

from urllib3 import HTTPHeaderDict, Retry
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.response import BaseHTTPResponse

from tagger.errors import StoreError, TaggerError
from tagger.images.registry.addresses import (
    GHCR,
    PORTS,
    TOKEN_HOSTS,
    Dial,
    host_and_port,
    is_loopback,
    registry_address,
)
from tagger.images.registry.auth import (
    DEFAULT_LIFETIME,
    Access,
    Authorization,
    Challenge,
    Shared,
    Token,
    parse_challenges,
)
from tagger.images.registry.credentials import Keychain, Login
from tagger.images.registry.failures import (
    Answer,
    Peer,
    is_lasting,
    is_throttled,
    is_unsent,
    refused,
    unreachable,
)
from tagger.images.registry.repository import RegistryRepository
from tagger.images.registry.transport import CHUNK, Origin, Transport
from tagger.names import DOCKER_HUB, Repository

__all__ = ["Registries", "Registry"]

Item = TypeVar("Item")
Result = TypeVar("Result")

REALMS = {
    name: Challenge("bearer", {"realm": f"https://{TOKEN_HOSTS[name]}/token", "service": service})
    for name, service in ((DOCKER_HUB, "registry.docker.io"), (GHCR, GHCR))
}
"""Token servers that are known beforehand: the round trip that asks for them is saved."""

SMALL = 4 * 1024 * 1024  # bytes of an answer that is neither a manifest nor a listing
PAUSES = (0.05, 0.2, 0.8, 3.2)  # seconds before a repetition: many faults last for milliseconds, a restart for seconds
PAUSES_THROTTLED = (1.0, 2.0, 4.0, 8.0)
LONGEST_PAUSE = 60.0  # seconds; a registry that asks for more is not waited for
DISTRIBUTION = "Docker-Distribution-Api-Version"
"""A header of distribution and of all that descend from it or imitate it: Docker Hub, GHCR, ECR, Harbor, GitLab.

None of them takes several tags in one request. zot, which does, has it on `/v2/` alone. So what is answered anyway
saves the round trip in which that would turn out.
"""

FAULTS = frozenset({500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5

# GHCR says it in the body alone: `retry-after: 10.3ms, allowed: 2000/minute` (chainguard-images/images#173).
_BODY_PAUSE = rb"(?i)retry-after:?\s*(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|us|\xc2\xb5s|s)?)?"
_UNITS = {b"ms": 1e-3, b"us": 1e-6, "µs".encode(): 1e-6, b"s": 1.0, None: 1.0, b"": 1.0}


class _Reply(Protocol):
    """What an answer and an unread response have in common."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> HTTPHeaderDict: ...


Reply = TypeVar("Reply", bound=_Reply)


class Registry:
    """A registry, met once: its scheme, its challenge, its tokens and its connections serve all its repositories.

    `jobs` requests are in flight at most; the bodies of blobs are not counted, since whoever copies bounds them.
    """

    def __init__(
        self,
        name: str,
        *,
        transport: Transport,
        keychain: Keychain,
        insecure: Collection[str] = (),
        endpoints: Mapping[str, str] | None = None,
        jobs: int = 8,
        retries: int = 4,
    ) -> None:
        self.name = name
        self.jobs = jobs
        self.retries = retries
        self.takes_several_tags: bool | None = None
        self.has_referrers: bool | None = None
        self._address = registry_address(name, endpoints or {})
        self._host, self._port = host_and_port(self._address)
        self._keychain = keychain
        self._insecure = frozenset(insecure)
        self._transport = transport
        self._known = name in REALMS and name not in (endpoints or {})
        self._connecting: threading.Thread | None = None
        self._may_open_ahead = threading.Semaphore(jobs)
        self._unclaimed = threading.Semaphore(0)  # connections that the greeting opens, and nobody waits for
        self._meeting = Shared[bool]()
        self._met = self._known
        self._slots = threading.BoundedSemaphore(jobs)
        self._closed = threading.Event()
        self._retry = Retry(total=retries)
        self._origin: Origin | None = None

    # What a repository asks for

    def connect(self, access: Access) -> None:
        """Begin the conversation beside this thread, so that the first request finds a connection and a token."""
        if self._connecting is None:
            self._connecting = threading.Thread(target=self._greet, args=(access,), daemon=True)
            self._unclaimed.release()
            self._connecting.start()

    def call(
        self,
        method: str,
        target: str,
        access: Access,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most: int = SMALL,
        carried_out: Callable[[], bool] | None = None,
    ) -> Answer:
        """Return the answer to a request, whatever its status; it is repeated where that may help.

        `target` is a path, or a URL that the registry named. `carried_out` is asked when a request got no answer, or a
        fault for one: where it was carried out all the same, an answer 200 without a body stands for the lost one.
        Raise `StoreError` when there is no answer, or one of more than `most` bytes.
        """

        def send(authorization: str) -> Answer:
            with self._slots:
                return self._read(self._open(method, target, access, headers, authorization, body), access, what, most)

        def done() -> Answer | None:
            return Answer(200, HTTPHeaderDict()) if carried_out and carried_out() else None

        return self._repeat(lambda: self._authorized(access, send), access, what, done)

    def stream(self, target: str, access: Access, what: str, headers: Mapping[str, str]) -> Answer | BaseHTTPResponse:
        """Return the response to a GET with its body unread when there is content, else the answer."""

        def send(authorization: str) -> Answer | BaseHTTPResponse:
            response = self._open("GET", target, access, headers, authorization, None)
            return response if response.status in (200, 206) else self._read(response, access, what, SMALL)

        return self._repeat(lambda: self._authorized(access, send), access, what)

    def upload(self, target: str, access: Access, what: str, body: BinaryIO, size: int) -> Answer | StoreError:
        """Put `size` bytes, read from `body` once, and return the answer, or the error the connection ended in.

        Errors of `body` are raised. After an answer 401 the next request has a new token.
        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        authorization = self._authorization.header(access, self._warm)
        try:
            answer = self._read(self._open("PUT", target, access, headers, authorization, body), access, what, SMALL)
        except HTTPError as error:
            return self.unreachable(access, what, error)
        if answer.status == 401 and not self._authorization.refused(access, authorization, _challenges(answer)):
            raise self.refused(access, what, answer)
        return answer

    def unreachable(self, access: Access, what: str, error: HTTPError) -> StoreError:
        """Return the error that a broken connection means."""
        return unreachable(self._peer, access.place, what, error)

    def refused(self, access: Access, what: str, answer: Answer, *, reading: bool = False) -> StoreError:
        """Return the error that an answer means; `NotFound` where something was read that is not there."""
        return refused(self._peer, access.place, what, answer, reading=reading)

    def side_by_side(self, function: Callable[[Item], Result], items: Collection[Item]) -> list[Result]:
        """Return the results for all items, in their order; when all are done, the first failure is raised."""
        if len(items) < 2:
            return [function(item) for item in items]
        return settled([self.submit(function, item) for item in items])

    def submit(self, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
        """Begin something beside this thread. What is submitted must not wait for anything else that is."""
        try:
            return self._threads.submit(function, item)
        except RuntimeError as error:  # it was closed
            raise StoreError(f"{self.name}: given up", code="STOPPED") from error

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the registry is open."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Give up what is waiting."""
        self._closed.set()
        if "_threads" in self.__dict__:
            self._threads.shutdown(wait=False)

    def resolve(self, base: str, location: str) -> str:
        """Return the URL that `location` means in an answer from `base`, a path or a URL.

        The registry's own name, and the plain HTTP of one behind a proxy that ends TLS, mean where we reach it.
        Raise `ValueError` when it is no URL of the web.
        """
        own = self._where()
        url = urljoin(own.url(base), location)
        origin, parts = Origin.of(url), urlsplit(url)
        same_host = origin.host == own.host and (origin.port == own.port or (origin.port, own.port) == (80, 443))
        if same_host or parts.netloc == self.name:
            return own.url(parts._replace(scheme="", netloc="", fragment="").geturl())
        if own.scheme == "https" and not self._trusted(origin):
            raise ValueError("it leads from HTTPS to plain HTTP")
        return url

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.jobs, thread_name_prefix=self.name)

    # Who asks

    @cached_property
    def _login(self) -> Login:
        """The login, looked for when the registry wants one: that may mean to run a helper."""
        return self._keychain.login(self.name, self._address)

    @cached_property
    def _authorization(self) -> Authorization:
        return Authorization(
            self._fetch_token,
            known=REALMS[self.name] if self._known else None,
            login=lambda: self._login,
        )

    @property
    def _peer(self) -> Peer:
        used: Login = self.__dict__.get("_login", Login())
        return Peer(self.name, self._address, used, self._keychain.secrets() | self._authorization.secrets())

    def _authorized(self, access: Access, send: Callable[[str], Reply]) -> Reply:
        """Send a request with what the registry wants to see, and once more when it wants something else."""
        warmed = False

        def warm() -> None:
            nonlocal warmed
            if not warmed:
                warmed = True
                self._warm()

        first = None if self._met else self._meet(access, send, warm)
        if first is not None and first.status != 401:
            return first
        warmed = warmed or first is not None
        authorization = self._authorization.header(access, warm)
        reply = send(authorization) if first is None or authorization else first
        if reply.status == 401 and self._authorization.refused(access, authorization, _challenges(reply)):
            reply = send(self._authorization.header(access, warm))
        return reply

    def _meet(self, access: Access, send: Callable[[str], Reply], meanwhile: Callable[[], None]) -> Reply | None:
        """Let one request find out how the registry is spoken to, and return its reply; others wait, and get None."""
        replies: list[Reply] = []

        def lead() -> bool:
            self._where()
            reply = send("")
            if reply.status == 401:
                self._authorization.refused(access, "", _challenges(reply))
            replies.append(reply)
            return True

        self._met = self._meeting.get(lead, meanwhile)
        return replies[0] if replies else None

    def _fetch_token(self, challenge: Challenge, access: Access) -> Token:
        """Ask the token server (distribution, "Token Authentication Specification"; OAuth2 for identity tokens)."""
        realm, service = challenge.parameters["realm"], challenge.parameters.get("service", "")
        what, login = "asking for a token", self._login
        try:
            url = self.resolve("/", realm)
        except ValueError as error:
            raise StoreError(f"{what}: {error}", code="UNAUTHORIZED", place=access.place) from error
        what = f"asking {urlsplit(url).hostname} for a token"
        if (login.basic or login.identity_token) and not self._trusted(Origin.of(url)):
            raise StoreError(
                f"{what}: it would take the login over plain HTTP",
                f"If that is meant, name it: `insecure: {urlsplit(url).netloc}`.",
                code="UNAUTHORIZED",
                place=access.place,
            )
        if self._known:  # nobody has a connection yet
            threading.Thread(target=self._open_ahead, daemon=True).start()
        if login.identity_token:
            grant = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": "tagger"}
            form = urlencode({**grant, "service": service, "scope": " ".join(access.scopes)}).encode()
            headers, method = {"Content-Type": "application/x-www-form-urlencoded"}, "POST"
        else:
            query = urlencode([("service", service)] * bool(service) + [("scope", scope) for scope in access.scopes])
            url, form, method = f"{url}{'&' if urlsplit(url).query else '?'}{query}", None, "GET"
            headers = {"Authorization": login.basic} if login.basic else {}
        asked = time.monotonic()
        answer = self._repeat(
            lambda: self._read(self._transport.open(method, url, headers, form), access, what, SMALL), access, what
        )
        if answer.status != 200:
            raise self.refused(access, what, answer)
        return _token(answer, asked, what, access)

    def _trusted(self, origin: Origin) -> bool:
        """Say whether credentials may be sent there."""
        names = {origin.netloc, f"{origin.host}:{origin.port}"}
        own = self._origin is not None and origin == self._origin
        return origin.scheme == "https" or own or is_loopback(origin.host) or bool(names & self._insecure)

    # Where it is

    def _where(self) -> Origin:
        """Return where the registry is reached, once it is known whether by HTTPS."""
        if self._origin is None:
            named = self._port or PORTS["https"]
            plain = bool({self.name, self._address} & self._insecure) or (
                is_loopback(self._host) and not self._transport.speaks_tls(self._host, named, self._port is not None)
            )
            scheme = "http" if plain else "https"
            self._origin = Origin(scheme, self._host, self._port or PORTS[scheme])
        return self._origin

    def _greet(self, access: Access) -> None:
        """Find out how the registry is spoken to (distribution-spec, end-1), and fetch the token that it wants."""

        def send(authorization: str) -> BaseHTTPResponse:
            response = self._open("GET", "/v2/", access, None, authorization, None)
            _discard(response)
            return response

        with suppress(TaggerError, HTTPError):  # what is wrong is said by the first request
            if not self._met:
                self._meet(access, send, lambda: None)
            self._authorization.header(access, lambda: None)

    def _warm(self) -> None:
        """Open a connection while somebody else finds out what to send over it; the first has the greeting's."""
        if not self._unclaimed.acquire(blocking=False):
            self._open_ahead()

    def _open_ahead(self) -> None:
        """Open one of the `jobs` connections that can be in use at once, before it is needed."""
        if (self._met or not is_loopback(self._host)) and self._may_open_ahead.acquire(blocking=False):
            self._transport.warm(self._where().url("/"))

    # How it is asked

    def _open(
        self,
        method: str,
        target: str,
        access: Access,
        headers: Mapping[str, str] | None,
        authorization: str,
        body: bytes | BinaryIO | None,
    ) -> BaseHTTPResponse:
        """Send a request and follow redirects; credentials go to the registry itself and nowhere else."""
        own = self._where()
        url = own.url(target)
        for _ in range(MOST_REDIRECTS + 1):
            sent = dict(headers or {})
            if authorization and Origin.of(url) == own:
                sent["Authorization"] = authorization
            response = self._transport.open(method, url, sent, body)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location or method not in ("GET", "HEAD"):
                return response
            _discard(response)
            try:
                url = self.resolve(url, location)
            except ValueError as error:
                raise StoreError(
                    f"a redirect is not followed: {error}", code="UNREACHABLE", place=access.place
                ) from error
        raise StoreError("it redirects in a circle", code="UNREACHABLE", place=access.place)

    def _read(self, response: BaseHTTPResponse, access: Access, what: str, most: int) -> Answer:
        """Read a response whole. Raise `StoreError` when it has more than `most` bytes."""
        body = bytearray()
        try:
            for chunk in response.stream(CHUNK, decode_content=True):
                body += chunk
                if len(body) > most:
                    raise StoreError(
                        f"{what}: the answer has more than {most} bytes", code="SIZE_INVALID", place=access.place
                    )
        except BaseException:
            response.close()  # what is unread would be taken for the next answer
            raise
        response.release_conn()
        if self.takes_several_tags is None and DISTRIBUTION in response.headers:
            self.takes_several_tags = False
        return Answer(response.status, response.headers, bytes(body))

    def _repeat(
        self,
        attempt: Callable[[], Reply],
        access: Access,
        what: str,
        done: Callable[[], Reply | None] = lambda: None,
    ) -> Reply:
        """Return the reply to a request, sent again after faults of connections and of the registry, with pauses.

        `done` is asked after each fault of a request that may have been carried out, for what stands for its reply.
        """
        in_doubt = False
        for repetition in range(self.retries + 1):
            if self._closed.is_set():
                break
            last = repetition == self.retries
            pause = PAUSES[min(repetition, len(PAUSES) - 1)]
            try:
                reply = attempt()
            except HTTPError as error:
                perhaps_done = not is_unsent(error)
                if perhaps_done and (stand_in := done()) is not None:
                    return stand_in
                if (last or is_lasting(error)) and not self._closed.is_set():
                    raise self.unreachable(access, what, error) from error
            else:
                if not isinstance(reply, Answer):
                    return reply
                if is_throttled(reply):
                    perhaps_done = False
                    pause = PAUSES_THROTTLED[min(repetition, len(PAUSES_THROTTLED) - 1)]
                elif reply.status in FAULTS:
                    perhaps_done = True
                    if (stand_in := done()) is not None:
                        return stand_in
                else:
                    return reply._replace(repeated=in_doubt)
                asked = self._asked_pause(reply)
                pause = pause if asked is None else asked
                if last or pause > LONGEST_PAUSE:
                    return reply
            in_doubt = in_doubt or perhaps_done
            self.pause(pause * random.uniform(1, 1.25))  # noqa: S311 - so that many do not return at once
        raise StoreError(f"{what}: given up", code="STOPPED", place=access.place)

    def _asked_pause(self, answer: Answer) -> float | None:
        """Return how many seconds a registry asks to wait: by `Retry-After`, seconds or a date, or in the body."""
        header = answer.headers.get("Retry-After")
        if header:
            try:
                return self._retry.parse_retry_after(header)
            except InvalidHeader:
                return None
        found = re.search(_BODY_PAUSE, answer.body)
        if not found or not (found[1] or found[2]):
            return None
        return int(found[1] or 0) * 60 + float(found[2] or 0) * _UNITS[found[3]]


class Registries:
    """The registries of one run, each met when it is first asked for.

    `insecure` are those spoken to over plain HTTP, `endpoints` where one is reached that images call otherwise, and
    `dials` connections that are under way already.
    """

    def __init__(
        self,
        *,
        keychain: Keychain | None = None,
        insecure: Collection[str] = (),
        endpoints: Mapping[str, str] | None = None,
        ca_file: str = "",
        jobs: int = 8,
        timeout: float = 30.0,
        retries: int = 4,
        dials: Iterable[Dial] = (),
    ) -> None:
        self.keychain = keychain or Keychain()
        self._insecure = frozenset(insecure)
        self._endpoints = dict(endpoints or {})
        self._jobs = jobs
        self._retries = retries
        self._transport = Transport(ca_file=ca_file, timeout=timeout, connections=4 * jobs, dials=dials)
        self._registries: dict[str, Registry] = {}
        self._lock = threading.Lock()

    def registry(self, name: str) -> Registry:
        """Return the one conversation with a registry."""
        with self._lock:
            if name not in self._registries:
                self._registries[name] = Registry(
                    name,
                    transport=self._transport,
                    keychain=self.keychain,
                    insecure=self._insecure,
                    endpoints=self._endpoints,
                    jobs=self._jobs,
                    retries=self._retries,
                )
            return self._registries[name]

    def repository(
        self, repository: Repository, *, write: bool = False, mount_from: Iterable[Repository] = ()
    ) -> RegistryRepository:
        """Open a repository; `mount_from` are others of its registry that blobs may be mounted from."""
        return RegistryRepository(self.registry(repository.registry), repository, write=write, mount_from=mount_from)

    def close(self) -> None:
        """Close every connection and give up what waits or is in flight; any thread may call this, more than once."""
        with self._lock:
            registries = list(self._registries.values())
        for registry in registries:
            registry.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def settled(futures: Iterable["Future[Result]"]) -> list[Result]:
    """Wait for all, then return the results, or raise the first failure."""
    waiting = list(futures)
    failures = [error for future in waiting if (error := future.exception())]
    if failures:
        raise failures[0]
    return [future.result() for future in waiting]


def _challenges(reply: _Reply) -> list[Challenge]:
    return parse_challenges(reply.headers.getlist("WWW-Authenticate"))


def _token(answer: Answer, asked: float, what: str, access: Access) -> Token:
    try:
        value = json.loads(answer.body)
        token = value.get("token") or value["access_token"]
        lifetime = float(value.get("expires_in") or DEFAULT_LIFETIME)
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ValueError("not a token")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(f"{what}: the answer holds none", code="UNAUTHORIZED", place=access.place) from error
    return Token.lasting(token, lifetime, asked)


def _discard(response: BaseHTTPResponse) -> None:
    """Give a connection back whose response nobody reads."""
    response.drain_conn()
    response.release_conn()
