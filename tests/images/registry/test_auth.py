"""Who asks: challenges, tokens, and that logins go where they may and nowhere else."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.concurrency import SingleFlight
from tagger.errors import InputError, NotFound, StoreError
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.registry import dialects
from tagger.images.registry.answers import Answer
from tagger.images.registry.auth import Access, Authorization
from tagger.images.registry.challenges import Challenge, parse_challenges
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.defaults import JOBS
from tagger.images.registry.dialects import DIALECTS, Dialect
from tagger.images.registry.headers import Headers
from tagger.images.registry.logins import Login
from tagger.images.registry.registries import Registries
from tagger.images.registry.tokens import Token, read_token
from tagger.names import Repository
from tests.images.making import make_image
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.registries import Authority
from tests.servers.small_registry import Fault, Request, SmallRegistry
from tests.servers.token_server import TokenServer

NAME = "acme/app"
IMAGE = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2}')
ACCESS = Access("localhost/acme/app", ("repository:acme/app:pull",))


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    """A token server that knows one user and one identity."""
    with TokenServer(users={"tester": "secret"}, identities={"an-identity": "tester"}) as server:
        yield server


@pytest.fixture
def guarded(small_registry: SmallRegistry, tokens: TokenServer) -> SmallRegistry:
    """A registry that wants tokens, with one tag."""
    small_registry.tokens = tokens
    small_registry.put(NAME, "1.0", IMAGE)
    return small_registry


# Challenges


@pytest.mark.parametrize(
    ("headers", "challenges"),
    [
        (
            ['Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'],
            [("bearer", {"realm": "https://auth.docker.io/token", "service": "registry.docker.io"})],
        ),
        (
            ['Bearer realm="https://a/t",scope="repository:a/b:pull,push",error="invalid_token"'],
            [("bearer", {"realm": "https://a/t", "scope": "repository:a/b:pull,push", "error": "invalid_token"})],
        ),
        (
            ['Bearer realm="https://c/t",service="c", Basic realm="Forgejo"'],
            [("bearer", {"realm": "https://c/t", "service": "c"}), ("basic", {"realm": "Forgejo"})],
        ),
        (
            ['Basic realm="Artifactory Realm"', "bearer realm=https://z/token , service = z"],
            [("basic", {"realm": "Artifactory Realm"}), ("bearer", {"realm": "https://z/token", "service": "z"})],
        ),
        (
            ['Basic realm="a \\"quoted\\" \\\\ one, Bearer x=y"'],
            [("basic", {"realm": 'a "quoted" \\ one, Bearer x=y'})],
        ),
        (["Negotiate, NTLM,Basic realm=x"], [("negotiate", {}), ("ntlm", {}), ("basic", {"realm": "x"})]),
        (["Basic"], [("basic", {})]),
        ([""], []),
        (['realm="x"'], []),
        (["Basic realm="], [("basic", {"realm": ""})]),
        (['Basic realm="unended'], [("basic", {"realm": ""}), ("unended", {})]),
    ],
)
def test_challenges_are_read(headers: list[str], challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert [(found.scheme, dict(found.parameters)) for found in parse_challenges(headers)] == challenges


@given(st.lists(st.text(max_size=200), max_size=3))
def test_no_header_breaks_the_reading(headers: list[str]) -> None:
    parse_challenges(headers)


@given(st.text(alphabet='BearicBasic realm=",\\ \t', max_size=500))
def test_no_header_that_looks_like_a_challenge_breaks_the_reading(header: str) -> None:
    parse_challenges([header])


def test_a_long_header_is_read_in_time() -> None:
    began = time.process_time()
    parse_challenges(['Bearer realm="' + "\\" * 30_000, "a " * 30_000, '"' * 60_000, "a=" * 30_000])
    assert time.process_time() - began < 2


def test_a_token_is_preferred_to_a_password(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    both = f'Basic realm="both", Bearer realm="{tokens.url}/token",service="{tokens.service}"'
    guarded.fail(Fault("answer", Reply(401, [("WWW-Authenticate", both)])))
    assert list(opened(guarded).tags()) == ["1.0"]
    assert [request.authorization for request in guarded.requests] == ["", "Bearer"]


# Tokens


def test_one_token_serves_a_whole_run(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    store = opened(guarded)
    store.snapshot(["1.0", "2.0", "3.0", "4.0"])
    make_image(store, "app", "2.0", "2")
    assert [request.scopes for request in tokens.requests] == [("repository:acme/app:pull,push",)]
    refused = [request for request in guarded.requests if request.status == 401]
    assert len(refused) == 1


def test_reading_asks_for_no_right_to_write(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    opened(guarded, write=False).snapshot(["1.0"])
    assert [request.scopes for request in tokens.requests] == [("repository:acme/app:pull",)]


def test_deleting_asks_for_the_right_to_delete(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    opened(guarded).untag("1.0")
    assert tokens.requests[-1].scopes == ("repository:acme/app:pull,push,delete",)
    assert guarded.tags(NAME) == {}


def test_a_public_repository_is_read_without_a_login(
    guarded: SmallRegistry, opened: Opener, tokens: TokenServer
) -> None:
    store = opened(guarded, keychain=Keychain())
    assert list(store.tags()) == ["1.0"]
    with pytest.raises(StoreError) as caught:
        store.check_writable()
    assert caught.value.status == 401
    assert "`username`" in caught.value.hint
    assert [request.user for request in tokens.requests] == [""]


def test_a_revoked_token_is_fetched_anew_once(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    store = opened(guarded)
    store.snapshot(["1.0"])
    tokens.revoke()
    assert store.snapshot(["1.0", "2.0", "3.0", "4.0", "5.0"]).digests["1.0"] == IMAGE.digest
    assert len(tokens.requests) == 2


def test_a_token_that_is_about_to_expire_is_not_sent(
    guarded: SmallRegistry, opened: Opener, tokens: TokenServer
) -> None:
    tokens.lifetime, tokens.said = 0.6, 1
    store = opened(guarded)
    for _ in range(3):
        store.snapshot(["1.0"])
        time.sleep(0.55)
    assert [request.status for request in guarded.requests].count(401) == 1
    assert len(tokens.requests) == 3


def test_a_token_without_a_lifetime_lasts_a_minute(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    tokens.said = None
    store = opened(guarded)
    store.snapshot(["1.0"])
    store.snapshot(["1.0"])
    assert len(tokens.requests) == 1


def test_an_identity_token_is_exchanged(guarded: SmallRegistry, opened: Opener, tokens: TokenServer) -> None:
    keychain = Keychain(logins=[(guarded.host, "<token>", "an-identity")])
    assert list(opened(guarded, keychain=keychain).tags()) == ["1.0"]
    assert [(request.method, request.user) for request in tokens.requests] == [("POST", "tester")]


def test_a_wrong_login_is_said_by_the_token_server(guarded: SmallRegistry, opened: Opener) -> None:
    keychain = Keychain(logins=[(guarded.host, "tester", "wrong")])
    with pytest.raises(StoreError, match=r"asking 127\.0\.0\.1 for a token: UNAUTHORIZED: incorrect") as caught:
        opened(guarded, keychain=keychain).snapshot(["1.0", "2.0"])
    assert caught.value.code == "UNAUTHORIZED"
    assert len(guarded.requests) == 1


def test_a_token_server_that_is_down_for_a_moment_is_asked_again(
    guarded: SmallRegistry, opened: Opener, tokens: TokenServer
) -> None:
    replies = [Reply(503)]
    tokens.watch = lambda _path: replies.pop() if replies else None
    assert list(opened(guarded).tags()) == ["1.0"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 7}', b'{"token": "a\\r\\nX: y"}', b'{"token": ""}'])
def test_what_is_no_token_is_an_error(guarded: SmallRegistry, opened: Opener, tokens: TokenServer, body: bytes) -> None:
    tokens.watch = lambda _path: Reply(200, body=body)
    with pytest.raises(StoreError, match="the answer holds no token"):
        opened(guarded).tags()


@pytest.mark.parametrize("realm", ["nowhere", "ftp://x/y", "http://[", "http://127.0.0.1:1/token"])
def test_a_realm_that_leads_nowhere_is_an_error(small_registry: SmallRegistry, opened: Opener, realm: str) -> None:
    challenge = ("WWW-Authenticate", f'Bearer realm="{realm}"')
    small_registry.fail(Fault("answer", Reply(401, [challenge])), times=9)
    with pytest.raises(StoreError):
        opened(small_registry, retries=0).tags()


def test_a_login_is_not_given_to_a_token_server_over_plain_http(small_registry: SmallRegistry, opened: Opener) -> None:
    challenge = ("WWW-Authenticate", 'Bearer realm="http://192.0.2.1/token"')
    small_registry.fail(Fault("answer", Reply(401, [challenge])), times=9)
    keychain = Keychain(logins=[(small_registry.host, "tester", "secret")])
    with pytest.raises(StoreError, match="the login would be sent over plain HTTP") as caught:
        opened(small_registry, keychain=keychain, retries=0).tags()
    assert caught.value.hint == "If that is right, set `insecure: 192.0.2.1`."


def test_a_token_for_more_than_the_token_server_gives_is_not_fetched_again(
    guarded: SmallRegistry, opened: Opener, tokens: TokenServer
) -> None:
    tokens.allowed = lambda _user, _name: frozenset({"pull"})
    with pytest.raises(StoreError) as caught:
        opened(guarded).check_writable()
    assert caught.value.status == 401
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("error", [',error="insufficient_scope"', ""])
def test_requests_that_lack_a_scope_together_all_get_it(
    guarded: SmallRegistry, opened: Opener, tokens: TokenServer, error: str
) -> None:
    """The registry wants more than reading needs elsewhere; the first refused request asks for it."""
    tags = [f"{number}.0" for number in range(4)]
    for tag in tags:
        guarded.put(NAME, tag, IMAGE)
    store = opened(guarded)
    store.digests(tags[:1])
    together = threading.Barrier(len(tags))
    scope = f'scope="repository:{NAME}:pull,delete"'

    def watch(request: Request) -> Fault | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not tokens.problem(token, NAME, "delete"):
            return None
        together.wait(10)
        challenge = f'Bearer realm="{tokens.url}/token",service="{tokens.service}",{scope}{error}'
        return Fault("answer", Reply(401, [("WWW-Authenticate", challenge)]))

    guarded.watch = watch
    assert store.digests(tags) == dict.fromkeys(tags, IMAGE.digest)
    assert len(tokens.requests) == 2


# Passwords


def test_a_password_is_sent_when_it_is_asked_for(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.put(NAME, "1.0", IMAGE)
    small_registry.users = {"tester": "secret"}
    opened(small_registry).snapshot(["1.0", "2.0"])
    assert [request.authorization for request in small_registry.requests] == ["", "Basic", "Basic", "Basic"]


def test_no_password_is_sent_to_whom_it_is_not_wanted_by(small_registry: SmallRegistry, opened: Opener) -> None:
    keychain = Keychain(logins=[(small_registry.host, "tester", "secret")])
    for tag in ("1.0", "2.0"):
        small_registry.put(NAME, tag, IMAGE)
    opened(small_registry, keychain=keychain).snapshot(["1.0", "2.0"])
    assert {request.authorization for request in small_registry.requests} == {""}


def test_a_wrong_password_is_sent_once(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.users = {"tester": "secret"}
    keychain = Keychain(logins=[(small_registry.host, "tester", "wrong")])
    with pytest.raises(StoreError) as caught:
        opened(small_registry, keychain=keychain).tags()
    assert caught.value.status == 401
    assert [request.authorization for request in small_registry.requests] == ["", "Basic"]


def test_a_registry_that_wants_a_login_for_writing_only(small_registry: SmallRegistry, opened: Opener) -> None:
    keychain = Keychain(logins=[(small_registry.host, "tester", "secret")])
    small_registry.put(NAME, "1.0", IMAGE)
    store = opened(small_registry, keychain=keychain)
    store.snapshot([])
    small_registry.users = {"tester": "secret"}
    store.check_writable()
    assert [request.authorization for request in small_registry.requests] == ["", "", "Basic", "Basic"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_login_is_shown_to_a_registry_that_hides_from_strangers(
    small_registry: SmallRegistry, opened: Opener, status: int
) -> None:
    """Which asks nobody to log in; several requests are refused at once."""
    keychain = Keychain(logins=[(small_registry.host, "tester", "secret")])
    tags = [f"{number}.0" for number in range(4)]
    for tag in tags:
        small_registry.put(NAME, tag, IMAGE)
    store = opened(small_registry, keychain=keychain)
    store.digests(tags[:1])  # the registry is met before it hides anything
    together = threading.Barrier(len(tags) + 1)  # with the listing

    def watch(request: Request) -> Fault | None:
        if request.authorization or not request.name:
            return None
        together.wait(10)
        return Fault("answer", Reply(status))

    small_registry.watch = watch
    assert store.snapshot(tags).digests == dict.fromkeys(tags, IMAGE.digest)


# A realm that is known beforehand


@pytest.fixture
def hub(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SmallRegistry, Registries]]:
    """A registry over TLS whose realm is known beforehand, as Docker Hub's is, and a client for it."""
    with (
        TokenServer(users={"tester": "secret"}, tls=authority.server_context()) as tokens,
        SmallRegistry(tls=authority.server_context(), tokens=tokens) as registry,
    ):
        registry.put(NAME, "1.0", IMAGE)
        row = Dialect("Known", "tests", registry=registry.host, realm=f"{tokens.url}/token", service=tokens.service)
        monkeypatch.setattr(dialects, "DIALECTS", (*DIALECTS, row))
        with registry.client(ca_file=str(authority.ca_file)) as client:
            yield registry, client


def test_a_known_realm_is_not_asked_for(hub: tuple[SmallRegistry, Registries]) -> None:
    registry, client = hub
    client.repository(Repository(registry.host, NAME), write=True).snapshot(["1.0", "1", "latest"])
    assert {request.authorization for request in registry.requests} == {"Bearer"}
    assert len(registry.requests) == 4
    assert registry.tokens is not None
    assert len(registry.tokens.requests) == 1


def test_connections_open_while_the_token_is_fetched(hub: tuple[SmallRegistry, Registries]) -> None:
    registry, client = hub
    assert registry.tokens is not None
    opened_before: list[int] = []

    def wait_for_connections(_path: str) -> None:
        end = time.monotonic() + 5
        while registry.connections < 4 and time.monotonic() < end:
            time.sleep(0.01)
        opened_before.append(registry.connections)

    registry.tokens.watch = wait_for_connections
    client.repository(Repository(registry.host, NAME), write=True).snapshot(["1.0", "1", "latest"])
    assert opened_before == [4]
    assert registry.connections == 4


def test_connections_are_opened_before_the_first_requests(hub: tuple[SmallRegistry, Registries]) -> None:
    """As many as there may be requests at once, that of the greeting among them. The requests open no other."""
    registry, client = hub
    store = client.repository(Repository(registry.host, NAME), write=True)
    store.connect()
    client.connect_more()
    end = time.monotonic() + 5
    while registry.connections < JOBS and time.monotonic() < end:
        time.sleep(0.01)
    assert not registry.requests
    store.snapshot([f"1.{number}" for number in range(JOBS)])
    assert len(registry.requests) == JOBS + 1
    assert registry.connections == JOBS


def test_connections_open_while_a_registry_is_met(authority: Authority, opened: Opener) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        registry.put(NAME, "1.0", IMAGE)
        store = opened(registry, ca_file=str(authority.ca_file))
        registry.fail("reset")  # so that the scheme is known
        list(store.tags())
        registry.disconnect()
        registry.requests.clear()
        store.snapshot(["1.0", "1", "latest"])
        assert len(registry.requests) == 4


def test_a_registry_may_be_greeted_before_it_is_needed(authority: Authority, opened: Opener) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        registry.put(NAME, "1.0", IMAGE)
        store = opened(registry, ca_file=str(authority.ca_file))
        store.connect()
        while not registry.connections:
            time.sleep(0.01)
        assert list(store.tags()) == ["1.0"]
        assert registry.connections == 1
        assert [request.path for request in registry.requests] == ["/v2/", f"/v2/{NAME}/tags/list"]


def test_a_token_may_be_fetched_before_it_is_needed(hub: tuple[SmallRegistry, Registries]) -> None:
    registry, client = hub
    assert registry.tokens is not None
    store = client.repository(Repository(registry.host, NAME))
    store.connect()
    while not registry.tokens.requests:
        time.sleep(0.01)
    assert list(store.tags()) == ["1.0"]
    assert (len(registry.requests), len(registry.tokens.requests)) == (1, 1)


def test_connecting_to_nobody_is_said_by_the_first_request(opened: Opener, small_registry: SmallRegistry) -> None:
    keychain = Keychain(logins=[("registry.invalid", "tester", "secret")])
    with Registries(keychain=keychain, retries=0) as client:
        store = client.repository(Repository("registry.invalid", NAME))
        store.connect()
        with pytest.raises(StoreError, match="there is no host"):
            store.tags()


def test_no_login_is_looked_for_where_none_is_wanted(
    small_registry: SmallRegistry, opened: Opener, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "not-here"}')
    store = opened(small_registry, keychain=Keychain(environ={"DOCKER_CONFIG": str(tmp_path)}))
    image = make_image(store, "app", "1.0", "1")
    assert store.snapshot(["1"]).digests == {"1": image.digest}
    with pytest.raises(NotFound):
        store.manifest("2.0")
    small_registry.users = {"tester": "secret"}
    with pytest.raises(InputError, match="docker-credential-not-here"):
        store.check_writable()


# The parts


def test_a_shared_result_is_worked_out_once() -> None:
    shared = SingleFlight[int]()
    working, done = threading.Event(), threading.Event()
    results: list[int] = []
    waited: list[int] = []

    def work() -> int:
        working.set()
        done.wait(5)
        return 7

    first = threading.Thread(target=lambda: results.append(shared.get(work)))
    first.start()
    working.wait(5)
    others = [
        threading.Thread(target=lambda: results.append(shared.get(lambda: 8, lambda: waited.append(1))))
        for _ in range(5)
    ]
    for other in others:
        other.start()
    while len(waited) < 5:
        time.sleep(0.001)
    done.set()
    for thread in (first, *others):
        thread.join(5)
    assert results == [7] * 6
    shared.forget(9)
    assert shared.get(lambda: 8) == 7
    shared.forget(7)
    assert shared.get(lambda: 8) == 8


def test_a_failure_is_shared_and_forgotten() -> None:
    shared = SingleFlight[int]()

    def fail() -> int:
        raise StoreError("no")

    with pytest.raises(StoreError):
        shared.get(fail)
    assert shared.peek() is None
    assert shared.get(lambda: 1) == 1


def test_a_token_shows_nowhere() -> None:
    token = Token.lasting("secret", 60, 0)
    assert "secret" not in repr(token)
    assert token.expires == 55
    assert Token.lasting("secret", 4, 0).expires == 2


@pytest.mark.parametrize("lifetime", ['"soon"', "[]", "{}", "null", '"60 s"', "9" * 400])
def test_a_lifetime_that_cannot_be_read_is_the_usual_one(lifetime: str) -> None:
    assert read_token(f'{{"token": "secret", "expires_in": {lifetime}}}'.encode(), 0).expires == 55


def wants(*challenges: str) -> Answer:
    """Return a refusal with challenges."""
    headers = Headers()
    for challenge in challenges:
        headers.add("WWW-Authenticate", challenge)
    return Answer(401, headers)


def test_a_registry_token_is_sent_as_it_is() -> None:
    def fetch(_challenge: Challenge, _access: Access) -> Token:
        raise AssertionError("a token was fetched")

    authorization = Authorization(fetch, login=lambda _access: Login(registry_token="given"))
    assert authorization.header(ACCESS, lambda: None) == ("", False)
    assert authorization.learn(ACCESS, "", wants('Bearer realm="https://x"'))
    assert authorization.header(ACCESS, lambda: None) == ("Bearer given", False)
    assert not authorization.learn(ACCESS, "Bearer given", wants('Bearer realm="https://x"'))


def test_a_challenge_that_nobody_can_answer_is_no_reason_to_try_again() -> None:
    authorization = Authorization(lambda _challenge, _access: Token("t"))
    assert not authorization.learn(ACCESS, "", wants())
    assert not authorization.learn(ACCESS, "", wants("Negotiate", "Bearer"))
    assert not authorization.learn(ACCESS, "", wants('Basic realm="x"'))


def test_a_basic_header_is_what_docker_sends(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.users = {"tést": "pass:wörd"}
    assert list(opened(small_registry).tags()) == []
    sent = small_registry.requests[-1].headers["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == "tést:pass:wörd"
    assert json.dumps(sent)
