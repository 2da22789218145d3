"""Registries that only a proxy reaches: what is led through it, over plain HTTP and over TLS, with a login."""

import base64
from collections.abc import Iterator

import pytest

from tagger.errors import StoreError
from tagger.images.manifests import OCI_MANIFEST, Manifest
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.servers.registries import Authority
from tests.servers.small_registry import SmallRegistry
from tests.servers.tunnels import Tunnels

NAME = "acme/app"
IMAGE = Manifest(OCI_MANIFEST, b'{"schemaVersion": 2}')
LOGIN = f"Basic {base64.b64encode(b'me:pa ss').decode()}"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.fixture
def behind(authority: Authority) -> Iterator[SmallRegistry]:
    """A registry over TLS with one tag, whose certificate is that of `registry.local`."""
    with SmallRegistry(tls=authority.server_context()) as registry:
        registry.put(NAME, "1.0", IMAGE)
        yield registry


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "over TLS"])
def test_https_is_led_through(
    over_tls: bool, behind: SmallRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = authority.server_context() if over_tls else None
    with Tunnels(behind.port, tls=tls, login=LOGIN) as proxy:
        monkeypatch.setenv("https_proxy", f"{'https' if over_tls else 'http'}://me:pa%20ss@{proxy.host}")
        with Registries(ca_file=str(authority.ca_file), retries=0) as client:
            store = client.repository(Repository("registry.local", NAME), write=True)
            assert list(store.tags()) == ["1.0"]
            store.tag(IMAGE, ["1.1"])
            assert set(store.tags()) == {"1.0", "1.1"}
    assert {lines[0] for lines in proxy.asked} == {"CONNECT registry.local:443 HTTP/1.1"}
    assert all("Host: registry.local:443" in lines for lines in proxy.asked)
    assert not any("proxy-authorization" in map(str.lower, request.headers) for request in behind.requests)


def test_a_proxy_that_refuses_is_said(
    behind: SmallRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tunnels(behind.port, login=LOGIN) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:wrong@{proxy.host}")
        with (
            Registries(ca_file=str(authority.ca_file), retries=0) as client,
            pytest.raises(StoreError, match=r"the proxy for registry\.local answered 407") as caught,
        ):
            client.repository(Repository("registry.local", NAME)).tags()
    assert "needs a login" in caught.value.hint
    assert "wrong" not in f"{caught.value} {caught.value.hint}"
    assert behind.requests == []


def test_whoever_is_behind_a_proxy_has_to_be_trusted(behind: SmallRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnels(behind.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.host)
        with Registries(retries=0) as client, pytest.raises(StoreError, match="is not trusted"):
            client.repository(Repository("registry.local", NAME)).tags()
    assert behind.requests == []


def test_plain_http_goes_to_a_proxy_over_tls(
    behind: SmallRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole URL is in the request (RFC 9112, section 3.2.2)."""
    monkeypatch.setenv("http_proxy", f"https://{behind.host}")
    with Registries(insecure=["registry.invalid:80"], ca_file=str(authority.ca_file), retries=0) as client:
        assert list(client.repository(Repository("registry.invalid:80", NAME)).tags()) == ["1.0"]
    assert {request.headers["Host"] for request in behind.requests} == {"registry.invalid"}
