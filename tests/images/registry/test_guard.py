"""Places inside, which no registry elsewhere may send a run to: by an address, by a name, by a connection kept."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tagger.errors import StoreError
from tagger.images.registry.addresses import Origin, is_loopback
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.guard import Forbidden, check_address, check_literal, kind_of
from tagger.images.registry.repository import RegistryRepository
from tagger.images.registry.transport import Transport
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.small_registry import Fault, SmallRegistry


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("ghcr.io", "name"),
        ("140.82.121.33", "public"),
        ("203.0.113.5", "public"),
        ("2606:50c0:8000::154", "public"),
        ("10.0.0.6", "private"),
        ("172.31.255.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::5", "private"),
        ("127.0.0.1", "loopback"),
        ("[::1]", "loopback"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "link-local"),
        ("168.63.129.16", "link-local"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - nothing listens there
        ("::", "unspecified"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:a00:6", "private"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2002:7f00:1::", "loopback"),
        ("2130706433", "loopback"),
        ("0x7f.1", "loopback"),
        ("127.1", "loopback"),
        ("0251.0376.0251.0376", "link-local"),
        ("64:ff9b:1::a9fe:a9fe", "link-local"),
        ("2001:0:1:2:3:4:5601:5601", "link-local"),  # Teredo: the last four bytes, inverted
        ("169.254.169.254.", "link-local"),
        ("10.0.0.6.", "private"),
    ],
)
def test_an_address_is_known_however_it_is_written(host: str, kind: str) -> None:
    assert kind_of(host) == kind


@pytest.mark.parametrize(
    "host",
    [
        *("%6c%6f%63%61%6chost", "127.0.0.1%00.example", "①②⑦.0.0.1", "127。0。0。1", "loc\u0430lhost", "a b", "a\\b"),
        *("", "a$b", "[fe80::1%25 lo]", "a\tb,c"),
    ],
)
def test_a_host_that_libraries_read_in_several_ways_is_none(host: str) -> None:
    with pytest.raises(ValueError, match=r"no URL|Invalid|netloc|IPv6|IPv4"):
        Origin.of(f"https://{host}/token")


@pytest.mark.parametrize(
    ("url", "own", "allowed"),
    [
        ("https://storage.example/x", "https://registry.example", True),
        ("https://127.0.0.1/x", "https://registry.example", False),
        ("https://10.0.0.6/x", "https://registry.example", False),
        ("https://10.0.0.6/x", "https://140.82.121.33", False),
        ("https://10.0.0.6/x", "https://10.0.0.5", True),
        ("https://10.0.0.6/x", "http://127.0.0.1:5000", True),
        ("https://127.0.0.1/x", "https://10.0.0.5", False),
        ("http://169.254.169.254/latest", "http://127.0.0.1:5000", False),
        ("http://169.254.169.254/latest", "https://10.0.0.5", False),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:5000", True),
        ("http://0.0.0.0/", "http://127.0.0.1:5000", False),
        ("https://8.8.8.8/", "https://registry.example", True),
        ("https://10.9.9.9/", "https://registry.example", True),
    ],
)
def test_a_registry_names_no_address_inside_unless_it_is_there_itself(url: str, own: str, allowed: bool) -> None:
    try:
        check_literal(Origin.of(url), Origin.of(own), {"10.9.9.9"})
    except ValueError:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    ("address", "own", "allowed"),
    [
        ("8.8.8.8", [], True),
        ("10.0.0.6", ["140.82.121.33"], False),
        ("10.0.0.6", [], False),
        ("10.0.0.6", ["10.0.0.5"], True),
        ("127.0.0.1", ["10.0.0.5"], False),
        ("127.0.0.1", ["127.0.0.1"], True),
        ("169.254.169.254", ["127.0.0.1", "10.0.0.5"], False),
    ],
)
def test_a_name_leads_inside_only_where_the_registry_is(address: str, own: list[str], allowed: bool) -> None:
    if allowed:
        check_address("auth.example", address, own)
    else:
        with pytest.raises(Forbidden, match=r"auth\.example has the "):
            check_address("auth.example", address, own)


def test_what_is_connected_is_checked_and_a_connection_that_was_kept_too(small_registry: SmallRegistry) -> None:
    place, transport = ("localhost", small_registry.port), Transport()
    url = f"http://localhost:{small_registry.port}/v2/"
    response = transport.open("GET", url, {})
    response.discard()
    asked = len(small_registry.requests)
    transport.add_named_host(place, ("registry.example", 443))  # which was never connected to
    for _ in range(2):
        with pytest.raises(ConnectionFailed) as caught:
            transport.open("GET", url, {})
        assert isinstance(caught.value.cause, Forbidden)
        assert (caught.value.lasting, caught.value.sent) == (True, False)
    assert len(small_registry.requests) == asked
    transport.close()


@pytest.mark.parametrize("host", ["localhost.", "LOCALHOST", "LocalHost."])
def test_a_name_is_checked_however_it_is_spelled(
    small_registry: SmallRegistry, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", small_registry.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)
    transport = Transport()
    origin = Origin.of(f"http://{host}:{small_registry.port}/")
    transport.add_named_host((origin.host, origin.port), ("registry.example", 443))
    with pytest.raises(ConnectionFailed) as caught:
        transport.open("GET", f"http://{host}:{small_registry.port}/v2/", {})
    assert isinstance(caught.value.cause, Forbidden)
    transport.close()


@pytest.mark.parametrize("location", ["http://169.254.169.254/x", "http://[fe80::1]/x", "http://2852039166/x"])
def test_neither_redirect_nor_upload_nor_realm_leads_inside(
    small_registry: SmallRegistry, opened: Opener, location: str
) -> None:
    challenge = ("WWW-Authenticate", f'Bearer realm="{location}"')
    cases: list[tuple[Fault, Callable[[RegistryRepository], object]]] = [
        (Fault("answer", Reply(307, [("Location", location)])), lambda store: store.manifest("1.0")),
        (Fault("answer", Reply(202, [("Location", location)])), lambda store: store.check_writable()),
        (Fault("answer", Reply(401, [challenge])), lambda store: store.tags()),
    ]
    for fault, ask in cases:
        small_registry.fail(fault)
        with pytest.raises(StoreError, match="link-local") as caught:
            ask(opened(small_registry, retries=0))
        assert "`endpoints`" in caught.value.hint


@pytest.mark.parametrize(("address", "loopback"), [("127.0.0.1", True), ("203.0.113.9", False), ("", False)])
def test_a_name_below_localhost_is_loopback_where_it_leads_there(
    monkeypatch: pytest.MonkeyPatch, address: str, loopback: bool
) -> None:
    def found(*_arguments: Any, **_options: Any) -> list[Any]:
        if not address:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert is_loopback("a.localhost") == loopback
    assert is_loopback("127.0.0.1")
    assert not is_loopback("localhost.example")
