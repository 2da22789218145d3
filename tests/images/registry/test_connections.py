"""Where registries are and how they are asked: HTTPS or not, endpoints, proxies, repetitions, and what errors say."""

import email.utils
import json
import os
import socket
import threading
import time

import pytest

from tagger.errors import InputError, StoreError
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.registry.addresses import Origin, is_loopback, places_ahead
from tagger.images.registry.answers import Answer, ConnectionFailed
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.dial import Dial
from tagger.images.registry.failures import Peer, refusal
from tagger.images.registry.headers import Headers
from tagger.images.registry.lazy_tls import Tls
from tagger.images.registry.logins import Login
from tagger.images.registry.registries import Registries
from tagger.images.registry.statuses import STATUSES, Status
from tagger.images.registry.transport import Transport
from tagger.names import Repository
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import Authority
from tests.servers.small_registry import Fault, Reply, SmallRegistry

NAME = "acme/app"
ELSEWHERE = "0.0.0.0"  # noqa: S104 - the kernel connects it to this machine, and it is not a name of loopback
IMAGE = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2}')


@pytest.fixture
def plain(small_registry: SmallRegistry) -> SmallRegistry:
    """A registry with one tag."""
    small_registry.put(NAME, "1.0", IMAGE)
    return small_registry


# Where


def test_plain_http_of_another_host_has_to_be_named(plain: SmallRegistry) -> None:
    endpoints = {"registry.local:5000": f"{ELSEWHERE}:{plain.port}"}
    with (
        plain.client(endpoints=endpoints, retries=0) as client,
        pytest.raises(StoreError, match="uses plain HTTP and not HTTPS") as caught,
    ):
        client.repository(Repository("registry.local:5000", NAME)).tags()
    assert caught.value.hint == "If that is right, set `insecure: registry.local:5000`."
    assert plain.requests == []


@pytest.mark.parametrize("named", ["registry.local:5000", "address"])
def test_plain_http_of_a_named_host(plain: SmallRegistry, named: str) -> None:
    address = f"{ELSEWHERE}:{plain.port}"
    plain.users = {"tester": "secret"}
    keychain = Keychain(logins=[("registry.local:5000", "tester", "secret")])
    with (
        Registries(
            keychain=keychain,
            endpoints={"registry.local:5000": address},
            insecure=[address if named == "address" else named],
        ) as client,
    ):
        assert list(client.repository(Repository("registry.local:5000", NAME)).tags()) == ["1.0"]


@pytest.mark.parametrize("secure", [True, False])
def test_loopback_is_tried_with_https_first(secure: bool, authority: Authority, opened: Opener) -> None:
    with SmallRegistry(tls=authority.server_context() if secure else None) as registry:
        registry.put(NAME, "1.0", IMAGE)
        assert list(opened(registry, ca_file=str(authority.ca_file)).tags()) == ["1.0"]


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with (
        silent,
        Registries(timeout=0.2, retries=0) as client,
        pytest.raises(StoreError, match="did not answer in time") as caught,
    ):
        client.repository(Repository(f"127.0.0.1:{silent.getsockname()[1]}", NAME)).tags()
    assert "`timeout`" in caught.value.hint


def test_a_connection_that_is_made_while_all_are_ended_is_ended_too() -> None:
    """A run that is stopped waits for no answer, also where it connects at that moment."""
    silent = socket.create_server(("127.0.0.1", 0))
    transport = Transport(timeout=60.0)
    transport.close()
    began = time.monotonic()
    with silent, pytest.raises(ConnectionFailed):
        transport.open("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/v2/", {})
    assert time.monotonic() - began < 5


def test_an_endpoint_gets_the_login_of_its_name_else_of_its_own(plain: SmallRegistry) -> None:
    plain.users = {"tester": "secret"}
    for registry in ("registry.local:5000", plain.host):
        keychain = Keychain(logins=[(registry, "tester", "secret")])
        with Registries(keychain=keychain, endpoints={"registry.local:5000": plain.host}) as client:
            store = client.repository(Repository("registry.local:5000", NAME))
            assert store.place == f"registry.local:5000/{NAME}"
            assert list(store.tags()) == ["1.0"]


def test_a_registry_that_names_itself_is_asked_at_its_endpoint(plain: SmallRegistry) -> None:
    plain.page_size = 1
    plain.put(NAME, "2.0", IMAGE)
    plain.upload_host = "http://registry.local:5000"
    with plain.client(endpoints={"registry.local:5000": plain.host}) as client:
        store = client.repository(Repository("registry.local:5000", NAME), write=True)
        assert set(store.tags()) == {"1.0", "2.0"}
        store.check_writable()
    assert plain.store.uploads == {}


def test_a_registry_behind_a_proxy_that_ends_tls_may_name_plain_http(authority: Authority, opened: Opener) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        registry.upload_host = f"http://{registry.host}"
        opened(registry, ca_file=str(authority.ca_file)).check_writable()
        assert registry.store.uploads == {}


def test_an_unknown_host_is_said() -> None:
    with (
        Registries(retries=0) as client,
        pytest.raises(StoreError, match=r"there is no host registry\.invalid") as caught,
    ):
        client.repository(Repository("registry.invalid", NAME)).tags()
    assert caught.value.code == "UNREACHABLE"
    assert "registry.invalid" in caught.value.hint


def test_a_proxy_is_used_but_never_for_loopback(plain: SmallRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with SmallRegistry(store=plain.store) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:pass@{proxy.host}")
        with Registries(insecure=["registry.invalid:80"]) as client:
            assert list(client.repository(Repository("registry.invalid:80", NAME)).tags()) == ["1.0"]
            assert proxy.requests[0].headers["Proxy-Authorization"].startswith("Basic ")
            proxy.requests.clear()
            assert list(client.repository(Repository(plain.host, NAME)).tags()) == ["1.0"]
        assert proxy.requests == []


# How often


@pytest.mark.parametrize("fault", ["reset", "lost", "half", "silent"])
def test_a_read_that_broke_is_repeated(plain: SmallRegistry, opened: Opener, fault: str) -> None:
    plain.fail(fault, kind="tags")
    assert list(opened(plain, timeout=1.0).tags()) == ["1.0"]
    assert len(plain.asked(kind="tags")) == 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 522])
def test_a_fault_of_the_registry_is_repeated(plain: SmallRegistry, opened: Opener, status: int) -> None:
    plain.fail(Fault("answer", Reply(status, [("Retry-After", "0")])), kind="tags")
    assert list(opened(plain).tags()) == ["1.0"]


def test_a_status_that_is_asked_again_is_its_row(
    plain: SmallRegistry, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Status(466, "TOOMANYREQUESTS", "{registry} has a break.", again=True, throttled=True)
    monkeypatch.setitem(STATUSES, row.number, row)
    plain.fail(Fault("answer", Reply(466, [("Retry-After", "0")])), kind="tags")
    assert list(opened(plain).tags()) == ["1.0"]
    plain.fail(Fault("answer", Reply(466, [("Retry-After", "3600")])), kind="tags")
    with pytest.raises(StoreError) as caught:
        opened(plain).tags()
    assert (caught.value.code, caught.value.status) == ("TOOMANYREQUESTS", 466)
    assert caught.value.hint == f"{plain.host} has a break."


@pytest.mark.parametrize(
    ("reply", "least"),
    [
        (Reply(429, [("Retry-After", "1")]), 1.0),
        (Reply(503, [("Retry-After", "1")]), 1.0),
        (
            Reply(
                429, body=b'{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 10.3ms, allowed: 2000/min"}]}'
            ),
            0,
        ),
        (Reply(403, body=b"You have exceeded a secondary rate limit. Retry-After: 0.5s"), 0.5),
        (Reply(429, [("Retry-After", "soon")], b""), 1.0),
    ],
)
def test_a_registry_that_asks_to_wait_is_waited_for(
    plain: SmallRegistry, opened: Opener, reply: Reply, least: float
) -> None:
    plain.fail(Fault("answer", reply), kind="tags")
    began = time.monotonic()
    assert list(opened(plain).tags()) == ["1.0"]
    assert least <= time.monotonic() - began < least + 0.9


def test_a_registry_may_say_until_when_to_wait(plain: SmallRegistry, opened: Opener) -> None:
    until = email.utils.formatdate(time.time() + 2, usegmt=True)
    plain.fail(Fault("answer", Reply(429, [("Retry-After", until)])), kind="tags")
    began = time.monotonic()
    assert list(opened(plain).tags()) == ["1.0"]
    assert 0.5 < time.monotonic() - began < 4


@pytest.mark.parametrize("header", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_registry_that_asks_for_an_hour_is_not_waited_for(plain: SmallRegistry, opened: Opener, header: str) -> None:
    plain.fail(Fault("answer", Reply(429, [("Retry-After", header)])), kind="tags")
    with pytest.raises(StoreError) as caught:
        opened(plain).tags()
    assert (caught.value.code, caught.value.status) == ("TOOMANYREQUESTS", 429)
    assert "limits the rate" in caught.value.hint


@pytest.mark.parametrize("fault", [Fault("answer", Reply(429, [("Retry-After", "30")])), Fault("silent")])
def test_what_waits_is_given_up_when_the_conversation_ends(plain: SmallRegistry, fault: Fault) -> None:
    plain.fail(fault, kind="tags", times=99)
    client = plain.client()
    errors: list[StoreError] = []

    def read() -> None:
        try:
            client.repository(Repository(plain.host, NAME)).tags()
        except StoreError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not plain.asked(kind="tags"):
        time.sleep(0.01)
    client.close()
    thread.join(5)
    assert [error.code for error in errors] == ["STOPPED"]


def test_no_more_requests_are_in_flight_than_allowed(plain: SmallRegistry) -> None:
    plain.delay = 0.02
    with plain.client(jobs=2) as client:
        stores = [client.repository(Repository(plain.host, f"acme/app{number}")) for number in range(6)]
        threads = [threading.Thread(target=store.snapshot, args=(["1.0", "2.0"],)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert plain.most_at_once == 2
    assert len(plain.requests) == 18


def test_connections_are_kept(plain: SmallRegistry) -> None:
    with plain.client(jobs=2) as client:
        for number in range(10):
            client.repository(Repository(plain.host, f"acme/app{number}")).snapshot(["1.0"])
    assert plain.connections <= 4


def test_an_absurd_answer_is_refused(plain: SmallRegistry, opened: Opener) -> None:
    plain.fail(Fault("answer", Reply(200, body=b" " * (5 * 1024 * 1024))), kind="referrers")
    with pytest.raises(StoreError, match="more than 4194304 bytes"):
        opened(plain).referrers(IMAGE.digest)


# What errors say


@pytest.mark.parametrize(
    ("registry", "login", "status", "body", "hint"),
    [
        ("ghcr.io", True, 403, b"", "packages: write"),
        ("ghcr.io", True, 401, b"", "packages: write"),
        ("ghcr.io", False, 401, b"", "`logins`"),
        ("docker.io", True, 401, b"", "not expired"),
        ("docker.io", True, 403, b"", "does not allow this"),
        ("docker.io", False, 403, b"", "no login for docker.io"),
        ("docker.io", True, 429, b"", "limits the rate"),
        ("ghcr.io", True, 403, b"You have exceeded a secondary rate limit", "limits the rate"),
        ("docker.io", True, 408, b"", "it continues from here"),
        ("docker.io", True, 502, b"", "it continues from here"),
        ("docker.io", True, 599, b"", "it continues from here"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", True, 404, b"", "create it first"),
        ("localhost:5000", False, 400, b"Client sent an HTTP request to an HTTPS server.\n", "from `insecure`"),
        ("localhost:5000", False, 418, b"", "does not give the cause"),
        ("localhost:5000", False, 418, b"a teapot", "message names the cause"),
        ("localhost:5000", False, 400, b"", "does not give the cause"),
        ("localhost:5000", False, 204, b"", "Something else answers there"),
        ("localhost:5000", False, 302, b"", "Something else answers there"),
        ("localhost:5000", False, 402, b"", "quota"),
        ("localhost:5000", False, 407, b"", "HTTPS_PROXY"),
        ("localhost:5000", False, 410, b"", "spelled right"),
        ("localhost:5000", False, 501, b"", "does not support this"),
        ("localhost:5000", False, 507, b"", "no space left"),
        ("localhost:5000", False, 511, b"", "network on the way"),
    ],
)
def test_errors_say_what_to_do(registry: str, login: bool, status: int, body: bytes, hint: str) -> None:
    peer = Peer(registry, registry, Login("me", "secret", origin="the login given for it") if login else Login())
    error = refusal(peer, f"{registry}/a/b", "pushing 1.0", Answer(status, Headers(), body))
    assert hint in error.hint
    assert error.status == status
    assert str(error).startswith(f"{registry}/a/b: pushing 1.0: ")


def test_an_error_says_where_a_redirect_leads() -> None:
    answer = Answer(302, Headers([("Location", "https://login.example/?token=secret")]))
    error = refusal(Peer("localhost:5000", "localhost:5000"), "localhost:5000/a/b", "pushing 1.0", answer)
    assert error.message == "localhost:5000/a/b: pushing 1.0: HTTP 302 Found, to login.example"


def test_an_error_says_how_a_registry_wants_a_login() -> None:
    answer = Answer(401, Headers([("WWW-Authenticate", "Negotiate")]))
    error = refusal(Peer("localhost:5000", "localhost:5000"), "localhost:5000/a/b", "pushing 1.0", answer)
    assert "a login by negotiate" in error.hint


@pytest.mark.parametrize(
    ("absent", "says"), [("MANIFEST_UNKNOWN", "was it pushed?"), ("BLOB_UNKNOWN", "missing there")]
)
@pytest.mark.parametrize("body", [b"", b"404 page not found", b'{"errors": [{"code": "ODD"}]}'])
def test_an_error_says_what_is_absent(absent: str, says: str, body: bytes) -> None:
    """Where the registry lists the tags, a hint to check the name of the repository leads nowhere."""
    peer = Peer("localhost:5000", "localhost:5000")
    error = refusal(peer, "localhost:5000/a/b", "reading it", Answer(404, Headers(), body), absent)
    assert says in error.hint


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"errors": [{"code": "DENIED", "message": "no"}]}', "DENIED: no"),
        (b'{"errors": [{"code": "DENIED", "message": "no", "detail": "really"}]}', "DENIED: no: really"),
        (b'{"errors": [{"code": "DENIED"}, {"code": "X", "message": "y"}]}', "DENIED; X: y"),
        (b'{"errors": []}', '{"errors": []}'),
        (b'{"errors": [7]}', '{"errors": [7]}'),
        (b"plain\n::error::words\r\n", "plain ::error::words"),
        (b"", "HTTP 403 Forbidden"),
        (b"x" * 1000, "x" * 199 + "…"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 199 + "…"),
    ],
)
def test_what_a_registry_says_is_on_one_line(body: bytes, text: str) -> None:
    assert Answer(403, Headers(), body).text == text


def test_pages_for_browsers_are_not_shown() -> None:
    headers = Headers({"Content-Type": "text/html; charset=utf-8"})
    assert Answer(502, headers, b"<html>Bad gateway</html>").text == "HTTP 502 Bad Gateway"


def test_secrets_that_a_registry_echoes_are_hidden(plain: SmallRegistry, opened: Opener) -> None:
    plain.users = {"tester": "correct horse"}
    body = b"Authorization: Basic dGVzdGVyOmNvcnJlY3QgaG9yc2U= for tester:correct horse X-Amz-Signature=abc&x=1"
    plain.fail(Fault("answer", Reply(418, body=body)), kind="manifests")
    with pytest.raises(StoreError) as caught:
        opened(plain).manifest("1.0")
    assert "horse" not in str(caught.value)
    assert "dGVzdGVy" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_host_that_cannot_be_is_said() -> None:
    with Registries(retries=4) as client, pytest.raises(StoreError, match="there is no host a") as caught:
        client.repository(Repository("a" * 64 + ".example", NAME)).tags()
    assert caught.value.code == "UNREACHABLE"


def test_a_port_that_cannot_be_is_said() -> None:
    with Registries() as client, pytest.raises(InputError, match="registry:99999 is not the address of a registry"):
        client.repository(Repository("registry:99999", NAME))


@pytest.mark.parametrize(
    ("url", "netloc"),
    [
        ("https://ghcr.io/x", "ghcr.io"),
        ("https://ghcr.io:443", "ghcr.io"),
        ("http://localhost:5000/", "localhost:5000"),
        ("http://[::1]:5000/v2/", "[::1]:5000"),
    ],
)
def test_origins(url: str, netloc: str) -> None:
    assert Origin.of(url).netloc == netloc


@pytest.mark.parametrize(
    "url", ["", "ghcr.io", "ftp://ghcr.io", "http://", "file:///etc/passwd", "http://a:b/", "http://[x"]
)
def test_what_is_no_url_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Origin.of(url)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost.example", False),
        ("10.0.0.1", False),
        ("registry", False),
        ("", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


# Begun early


def test_a_connection_is_begun_before_what_speaks_over_it(plain: SmallRegistry) -> None:
    endpoints = {"registry.local:5000": f"{ELSEWHERE}:{plain.port}"}
    begun = [Dial((ELSEWHERE, plain.port), 5)]
    while not plain.connections:
        time.sleep(0.01)
    with Registries(insecure=["registry.local:5000"], endpoints=endpoints, dials=begun) as client:
        assert list(client.repository(Repository("registry.local:5000", NAME)).tags()) == ["1.0"]
    assert plain.connections == 1


def test_tls_is_begun_too(authority: Authority) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        endpoints = {"registry.local:5000": f"localhost:{registry.port}"}
        tls = Tls(str(authority.ca_file))
        begun = Dial(("localhost", registry.port), 5, tls)
        assert begun.take() is not None
        with Registries(endpoints=endpoints, ca_file=str(authority.ca_file), dials=[begun], tls=tls) as client:
            assert list(client.repository(Repository("registry.local:5000", NAME)).tags()) == []
        assert registry.connections == 1


def test_a_certificate_that_is_not_trusted_ends_what_was_begun(authority: Authority) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        begun = Dial(("localhost", registry.port), 5, Tls(""))
        assert begun.take() is None
        endpoints = {"registry.local:5000": f"localhost:{registry.port}"}
        with (
            Registries(endpoints=endpoints, dials=[begun], retries=0) as client,
            pytest.raises(StoreError, match="is not trusted"),
        ):
            client.repository(Repository("registry.local:5000", NAME)).tags()
        assert registry.requests == []


def test_what_was_begun_over_tls_is_not_used_without(plain: SmallRegistry) -> None:
    begun = Dial((ELSEWHERE, plain.port), 5, Tls(""))
    assert begun.take() is None  # it speaks none
    endpoints = {"registry.local:5000": f"{ELSEWHERE}:{plain.port}"}
    with Registries(insecure=["registry.local:5000"], endpoints=endpoints, dials=[begun]) as client:
        assert list(client.repository(Repository("registry.local:5000", NAME)).tags()) == ["1.0"]


def test_where_nobody_answers_the_first_request_says_why() -> None:
    with (
        Registries(dials=[Dial(("registry.invalid", 443), 5)], retries=0) as client,
        pytest.raises(StoreError, match="there is no host"),
    ):
        client.repository(Repository("registry.invalid", NAME)).tags()


def test_a_connection_that_nobody_takes_is_closed(plain: SmallRegistry) -> None:
    begun = Dial((ELSEWHERE, plain.port), 5)
    Registries(dials=[begun]).close()
    taken = begun.take()
    assert taken is not None
    assert taken.fileno() == -1


@pytest.mark.parametrize(
    ("name", "insecure", "places"),
    [
        ("docker.io", [], [("registry-1.docker.io", 443), ("auth.docker.io", 443)]),
        ("ghcr.io", [], [("ghcr.io", 443), ("ghcr.io", 443)]),
        ("registry.invalid:5000", [], [("registry.invalid", 5000)]),
        ("registry.invalid", ["registry.invalid"], [("registry.invalid", 80)]),
        ("elsewhere", [], [("mirror.invalid", 8443)]),
        ("localhost:5000", [], []),
    ],
)
def test_where_connections_are_begun(
    name: str, insecure: list[str], places: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    endpoints = {"elsewhere": "mirror.invalid:8443"}
    found = places_ahead([name], insecure, endpoints)
    assert [(one.host, one.port) for one in found] == places
    assert {one.scheme for one in found} <= ({"http"} if insecure else {"https"})
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert places_ahead([name], insecure, endpoints) == []


@pytest.mark.parametrize("piece", ["a-", "token", "token-", "x-token=", "bearer ", "token ", "Basic", "a:b@"])
def test_a_long_message_takes_no_time(piece: str) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": piece * 40_000}] * 9}).encode()
    peer = Peer("r.test", "r.test", Login("me", "hunter2hunter2"), frozenset({"hunter2hunter2"}))
    began = time.process_time()
    error = refusal(peer, "r.test/a/b", "pushing 1.0", Answer(403, Headers(), body))
    assert time.process_time() - began < 2
    assert len(str(error)) < 400
