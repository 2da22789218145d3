"""The client of one registry: combines transport, redirects, authorization and retries."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import BinaryIO, NamedTuple, TypeVar
from urllib.parse import urlsplit

from tagger.concurrency import Pending, Workers, results_of
from tagger.errors import StoreError, TaggerError
from tagger.images.registry.addresses import Origin
from tagger.images.registry.ahead import ConnectionsAhead
from tagger.images.registry.answers import Answer, ConnectionFailed, Reply, is_throttled
from tagger.images.registry.auth import Access, Authorization
from tagger.images.registry.challenges import Challenge, known_challenge
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.defaults import JOBS, RETRIES
from tagger.images.registry.failures import Peer, connection_error, forbidden_url, insecure_hint, refusal
from tagger.images.registry.headers import Headers
from tagger.images.registry.host import Host
from tagger.images.registry.logins import Login
from tagger.images.registry.redirects import follow
from tagger.images.registry.retry import Repetition
from tagger.images.registry.slots import Slots
from tagger.images.registry.tokens import Token, read_token, token_request
from tagger.images.registry.transport import Response, TooLarge, Transport
from tagger.meters import Meters, silent

__all__ = ["Registry", "Request"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Got = TypeVar("Got", bound=Reply)

SMALL = 4 * 1024 * 1024  # bytes of an answer that is neither a manifest nor a listing
MOST_SUBMITTED = 4096  # calls that wait for a thread: one takes a kilobyte and more
_NO_TOKENS = "Ask who runs the registry whether this is its token server."
DISTRIBUTION = "Docker-Distribution-Api-Version"
"""A header of distribution and of the registries based on it: Docker Hub, GHCR, ECR, Harbor, GitLab.

None of them takes several tags in one request. zot does, and sends the header only for `/v2/`. So where another answer
has it, no request is needed to find out.
"""


class Request(NamedTuple):
    """A request to a registry.

    `target` is a path, or a URL that the registry named. `what` describes the request for people. `opener` opens a body
    that is streamed. The answer may have `most` bytes. `retries` is how often the request is sent again, None for the
    usual number.
    """

    method: str
    target: str
    access: Access
    what: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    opener: Callable[[], AbstractContextManager[BinaryIO]] | None = None
    most: int = SMALL
    retries: int | None = None

    def log_line(self, status: int) -> str:
        """Return a line about the request and the status of its answer, without the query, which may hold secrets."""
        return f"{self.method} {urlsplit(self.target).path} {status}: {self.what}"


class Registry:
    """A registry. All its repositories share its scheme, its challenge, its tokens and its connections.

    At first `jobs` requests run at the same time, and up to `most` where the registry accepts them; transfers of blobs
    do not count.
    """

    def __init__(
        self,
        name: str,
        *,
        transport: Transport,
        keychain: Keychain,
        insecure: Collection[str] = (),
        endpoints: Mapping[str, str] | None = None,
        jobs: int = JOBS,
        most: int | None = None,
        retries: int = RETRIES,
        known: Challenge | None = None,
        meters: Meters = silent,
    ) -> None:
        self.name, self.meters, self.jobs, self.retries = name, meters, jobs, retries
        self.takes_several_tags: bool | None = None
        self.has_referrers: bool | None = None
        self._host, self._transport = Host(name, transport, insecure, endpoints or {}), transport
        self._keychain, self._used = keychain, Login()
        self._known = known or known_challenge(name, endpoints or {})
        self._greeting: threading.Thread | None = None
        self._slots = Slots(jobs, most)
        self._threads = Workers(self._slots.most, name)
        self.ahead = ConnectionsAhead(self._slots.most, self._open_one)
        self._closed = threading.Event()
        self._repetition = Repetition(retries, self._closed)

    # For repositories

    def connect(self, access: Access) -> None:
        """Connect in another thread, so that the first request finds a connection and a token."""
        if self._greeting is None:
            self._greeting = threading.Thread(target=self._greet, args=(access,), daemon=True)
            self.ahead.add_greeting()
            self._greeting.start()

    def expect(self, accesses: Iterable[Access]) -> None:
        """Remember the accesses of the run, so that one token serves several repositories."""
        self._authorization.expect(accesses)

    def call(self, request: Request, *, carried_out: Callable[[], bool] | None = None) -> Answer:
        """Return the answer to a request, with any status. The request is repeated where that may help.

        `carried_out` is called when there was no answer, or a server error: where it returns True, an empty answer 200
        replaces the lost one. Raise `StoreError` when there is no answer, or one that is too large.
        """

        def send(authorization: str) -> Answer:
            with self._slots as begun:
                answer = self._read(self._open(request, authorization), request)
            self._slots.record_answer(begun, throttled=is_throttled(answer))
            return answer

        def done() -> Answer | None:
            return Answer(200, Headers()) if carried_out and carried_out() else None

        return self._repeat(lambda: self._authorize(request.access, send), request, done)

    def stream(self, request: Request) -> Answer | Response:
        """Return the response to a request with its body unread if it has content, else the answer."""

        def send(authorization: str) -> Answer | Response:
            response = self._open(request, authorization)
            return response if response.status in (200, 206) else self._read(response, request)

        return self._repeat(lambda: self._authorize(request.access, send), request)

    def upload(self, request: Request) -> Answer | StoreError:
        """Send a request with a streamed body, once; return the answer, or the error of the connection.

        Errors of the body are raised. After an answer 401 the next request has a new token.
        """
        access = request.access
        authorization, new = self._authorization.header(access, self.ahead.claim)
        try:
            answer = self._read(self._open(request, authorization), request)
        except ConnectionFailed as error:
            return self.connection_error(access, request.what, error)
        if answer.status == 401 and not self._authorization.learn(access, authorization, answer, new=new):
            raise self.refusal(access, request.what, answer)
        return answer

    def connection_error(self, access: Access, what: str, error: ConnectionFailed) -> StoreError:
        """Return the error for a broken connection."""
        return connection_error(self._peer, access.place, what, error)

    def refusal(self, access: Access, what: str, answer: Answer, absent: str = "") -> StoreError:
        """Return the error for an answer; `NotFound` where something that has the code `absent` does not exist."""
        return refusal(self._peer, access.place, what, answer, absent)

    def side_by_side(self, function: Callable[[Item], Result], items: Collection[Item]) -> list[Result]:
        """Return the results for all items, in their order. When all that began are done, raise the first failure."""
        if len(items) < 2:
            return [function(item) for item in items]
        found, rest = list[Result](), iter(items)
        while part := list(islice(rest, MOST_SUBMITTED)):
            found += results_of([self.submit(function, item) for item in part])
        return found

    def submit(self, function: Callable[[Item], Result], item: Item) -> Pending[Result]:
        """Call a function in another thread. It must not wait for another submitted function."""
        try:
            return self._threads.submit(lambda: function(item))
        except RuntimeError as error:  # it was closed
            raise StoreError(f"{self.name}: stopped", code="STOPPED") from error

    def pause(self, seconds: float) -> None:
        """Wait for some seconds, or until the registry is closed."""
        self._repetition.pause(seconds)

    def close(self) -> None:
        """Stop all waiting, and take no more work."""
        self._closed.set()
        self._threads.close()

    def resolve(self, base: str, location: str) -> str:
        """Return the URL of `location`, a path or a URL in an answer from `base`. Raise `ValueError`."""
        return self._host.resolve(base, location)

    # Logins and tokens

    def _login(self, access: Access) -> Login:
        """Return the login for a repository. This is called only when needed, as it may run a credential helper."""
        host = self._host
        self._used = self._keychain.login(self.name, host.address, repository=access.repository, at_home=host.at_home)
        return self._used

    @cached_property
    def _authorization(self) -> Authorization:
        return Authorization(self._fetch_token, known=self._known, login=self._login, renew=self._keychain.renew)

    @property
    def login_used(self) -> str:
        """The origin of the login that was used last; empty where the registry needs none."""
        return self._used.origin if self._used else ""

    @property
    def _peer(self) -> Peer:
        return Peer(self.name, self._host.address, self._used, self._keychain.secrets() | self._authorization.secrets())

    def _authorize(self, access: Access, send: Callable[[str], Got]) -> Got:
        return self._authorization.send(access, send, self.ahead.claim)

    def _fetch_token(self, challenge: Challenge, access: Access) -> Token:
        """Fetch a token from the token server of a challenge."""
        try:
            url = self._host.resolve("/", challenge.parameters["realm"])
        except ValueError as error:
            raise forbidden_url(access.place, "asking for a token", error) from error
        what, login = f"asking {urlsplit(url).hostname} for a token", self._login(access)
        if (login.basic or login.identity_token) and not self._host.trusts(Origin.of(url)):
            raise StoreError(
                f"{what}: the login would be sent over plain HTTP",
                insecure_hint(urlsplit(url).netloc),
                code="UNAUTHORIZED",
                place=access.place,
            )
        if self._known:  # there is no connection to the registry yet
            threading.Thread(target=self.ahead.open, daemon=True).start()
        asked = time.monotonic()
        wanted = token_request(url, challenge.parameters.get("service", ""), access.scopes, login)
        request = Request(wanted.method, wanted.url, access, what, wanted.headers, wanted.body)
        answer = self._repeat(
            lambda: self._read(self._transport.open(wanted.method, wanted.url, wanted.headers, wanted.body), request),
            request,
        )._replace(host="")
        if answer.status != 200:
            raise self.refusal(access, what, answer)
        try:
            return read_token(answer.body, asked)
        except ValueError as error:
            raise StoreError(f"{what}: {error}", _NO_TOKENS, code="UNAUTHORIZED", place=access.place) from error

    # The first requests

    def _greet(self, access: Access) -> None:
        """Find out the scheme and the challenge of the registry (distribution-spec, end-1), and fetch a token."""
        greeting = Request("GET", "/v2/", access, "greeting")

        def send(authorization: str) -> Response:
            response = self._open(greeting, authorization)
            response.discard()
            return response

        with suppress(TaggerError, ConnectionFailed):  # the first request reports the error
            if not self._authorization.challenge_known:
                self._authorization.find_challenge(access, send, lambda: None)
            self._authorization.header(access, lambda: None)
            self._slots.record_answer(0, throttled=False)  # the first look of a release sends `jobs` + 1 requests

    def _open_one(self) -> bool:
        """Open a connection, unless it is not yet known whether to use TLS; return whether it tried."""
        known = self._authorization.challenge_known or not self._host.is_loopback
        if known:
            self._transport.warm(self._host.origin.url("/"))
        return known

    # Requests

    def _open(self, request: Request, authorization: str) -> Response:
        """Send a request and follow redirects. Credentials are sent to the registry itself and nowhere else."""

        def send(url: str, headers: Mapping[str, str]) -> Response:
            with request.opener() if request.opener else nullcontext(request.body) as body:
                return self._transport.open(request.method, url, headers, body)

        own = self._host.origin
        url = own.url(request.target)
        try:
            response = follow(send, request.method, url, request.headers, authorization, own, self._host.resolve)
            self.meters(request.access.place).report_request(request.log_line(response.status))
            return response
        except ValueError as error:
            raise forbidden_url(request.access.place, request.what, error) from error

    def _read(self, response: Response, request: Request) -> Answer:
        """Read a response completely. Raise `StoreError` when it is too large."""
        try:
            body = response.read_whole(request.most)
        except TooLarge as error:
            raise StoreError(
                f"{request.what}: the answer has more than {request.most} bytes",
                "A registry answers with less. Check the address, and any proxy between here and there.",
                code="SIZE_INVALID",
                place=request.access.place,
            ) from error
        if self.takes_several_tags is None and DISTRIBUTION in response.headers:
            self.takes_several_tags = False
        led = response.origin.netloc if response.origin != self._host.origin else ""
        return Answer(response.status, response.headers, body, host=led)

    def _repeat(
        self, attempt: Callable[[], Got], request: Request, done: Callable[[], Got | None] = lambda: None
    ) -> Got:
        """Return the reply of `attempt`, which is called again where that may help."""
        access, what = request.access, request.what
        given_up = StoreError(f"{what}: stopped", code="STOPPED", place=access.place)
        return self._repetition.call(
            attempt, given_up, lambda error: self.connection_error(access, what, error), done, retries=request.retries,
            paused=lambda cause, seconds: self.meters(access.place).report_retry(f"{what}: {cause}", seconds),
        )  # fmt: skip
