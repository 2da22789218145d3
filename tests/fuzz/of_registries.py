"""What a registry, its token server and the APIs beside it answer."""

import socket
from collections.abc import Callable, Sequence
from typing import Any, cast

from tagger.errors import StoreError
from tagger.images.registry.addresses import Origin
from tagger.images.registry.answers import Answer, is_immutable, is_throttled
from tagger.images.registry.challenges import choose_challenge, parse_challenges
from tagger.images.registry.client import Registry
from tagger.images.registry.credential_helpers import read_answer
from tagger.images.registry.docker_config import DockerConfig
from tagger.images.registry.docker_hub import DockerHub
from tagger.images.registry.endpoint import Endpoint
from tagger.images.registry.faults import Broken
from tagger.images.registry.github_attestations import GithubAttestations
from tagger.images.registry.github_packages import GithubPackages
from tagger.images.registry.harbor import immutable_tags
from tagger.images.registry.headers import Headers
from tagger.images.registry.listing import list_tags, next_query
from tagger.images.registry.logins import Key, Login
from tagger.images.registry.messages import Message
from tagger.images.registry.pace import Incoming
from tagger.images.registry.proxies import proxy_for
from tagger.images.registry.redirects import resolve
from tagger.images.registry.retry import asked_pause
from tagger.images.registry.scopes import covers, join_scopes, parse_scopes
from tagger.images.registry.snappy import decompress
from tagger.images.registry.tokens import read_token, token_request
from tagger.images.registry.web_api import WebApi
from tagger.names import Repository
from tagger.rules.immutability import protection
from tests.fuzz.parser import Parser, document, halves, one_of, text

__all__ = ["PARSERS"]

APP = Repository("ghcr.io", "acme/app")
DIGEST = f"sha256:{'1a' * 32}"
OWN = Origin("https", "registry.example", 443)


class _Answering:
    """A conversation in which every answer is the same one: a header line, and a body."""

    def __init__(self, header: str, content: bytes) -> None:
        line = header.encode("utf-8", "surrogateescape").decode("latin-1").strip()  # as http.client gives it
        self.answer = Answer(200, Headers({"Link": line}), content)

    def call(self, *_request: object, **_bounds: object) -> Answer:
        return self.answer

    def refusal(self, _access: object, what: str, answer: Answer) -> StoreError:
        return StoreError(f"{what}: {answer.text}", code=answer.code)

    def pause(self, _seconds: float) -> None:
        pass

    def resolve(self, base: str, location: str) -> str:
        return resolve(OWN, "registry.example", base, location, lambda origin: origin.scheme == "https")

    def side_by_side(self, page: Callable[[int], Any], numbers: Sequence[int]) -> list[Any]:
        return [page(number) for number in numbers[:2]]


def _response(content: bytes) -> None:
    method, raw = halves(content)
    client, server = socket.socketpair()
    with client, server:
        client.settimeout(1)
        server.sendall(raw[:50_000])  # what a socket takes without a reader
        server.shutdown(socket.SHUT_WR)
        message = Message(Incoming(client), has_body=method != b"HEAD")
        assert message.status >= 101
        length = sum(map(len, iter(lambda: message.read(1000), b"")))
        assert length <= len(raw)
        assert method != b"HEAD" or not length


def _headers(name: str, content: bytes) -> Headers:
    return Headers({name: content.decode("latin-1")})


def _api(content: bytes) -> WebApi:
    header, body = halves(content)
    return WebApi(cast("Registry", _Answering(text(header), body)), "it", headers={})


def _challenges(content: bytes) -> None:
    found = parse_challenges(content.decode("latin-1").split("\n"))
    challenge = choose_challenge(found)
    if challenge:
        scopes = parse_scopes(challenge.parameters.get("scope", ""))
        assert all(covers(join_scopes(scopes, ("repository:a:pull",)), scope) for scope in scopes)
        with_login = token_request("https://a/b?c", challenge.parameters.get("service", ""), scopes, Login("a", "b"))
        assert "\n" not in with_login.url


def _url(content: bytes) -> None:
    base, location = halves(content)
    url = resolve(OWN, "registry.example", text(base) or "/", text(location), lambda origin: origin.scheme == "https")
    assert Origin.of(url).scheme == "https"


def _error(content: bytes) -> None:
    answer = Answer(403, Headers(), content)
    assert len(answer.text) <= 220
    assert isinstance(is_immutable(answer) + is_throttled(answer) + answer.lacks_scope, int)
    assert answer.code.isupper()


def _listing(content: bytes) -> None:
    header, body = halves(content)
    answer = Answer(200, Headers({"Link": header.decode("latin-1")}), body)
    endpoint = Endpoint(cast("Registry", _Answering(header.decode("latin-1"), body)), APP, write=False, mount_from=())
    next_query(answer)
    list_tags(endpoint)


def _docker_config(content: bytes) -> None:
    config = DockerConfig.parse(content, "it")
    for name in ("ghcr.io", "docker.io", "registry.example:5000"):
        config.helper(name, "acme/app")
        assert "\n" not in config.login(name, "acme/app").basic


def _proxy(content: bytes) -> None:
    proxy, exempt = halves(content)
    environ = {"https_proxy": text(proxy), "no_proxy": text(exempt)}
    for host in ("registry.example", "10.1.2.3", "fd00::1"):
        proxy_for(Origin("https", host, 443), environ)


def _hub(content: bytes) -> None:
    api = _api(content)
    hub = DockerHub(Repository("docker.io", "acme/app"), Login("a", "b"), lambda _login: api)
    _rules(hub.immutable_rules())
    hub.catalogue()


def _packages(content: bytes) -> None:
    api = _api(content)
    packages = GithubPackages(APP, api, lambda _digest: False)
    packages.catalogue()
    packages.restore(DIGEST)


def _rules(expressions: tuple[str, ...] | None) -> None:
    protection(expressions or (), ["2.1.4"], ["latest"])


HARBOR = Parser(
    "Harbor's rules",
    lambda content: _rules(immutable_tags(APP, _api(b"\n" + content))),
    [
        document(
            [
                {
                    "disabled": False,
                    "scope_selectors": {"repository": [{"pattern": "**", "decoration": "repoMatches"}]},
                    "tag_selectors": [{"pattern": "{v*,2.[0-9]}", "decoration": "matches"}],
                }
            ]
        ),
        document([{"tag_selectors": [{"pattern": "[z-a]{", "decoration": "excludes"}]}]),
    ],
)

PARSERS = (
    Parser(
        "responses",
        _response,
        [
            b"GET\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            b"GET\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2;x=y\r\nbo\r\n0\r\nTrailer: x\r\n\r\n",
            b"HEAD\nHTTP/1.0 200 OK\r\nConnection: keep-alive, upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\n",
            b"GET\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nxx",
            b"GET\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody",
        ],
        (Broken, OSError),
    ),
    Parser(
        "Link",
        lambda content: next_query(Answer(200, _headers("Link", content))),
        [
            b'</v2/a/tags/list?last=b&n=4>; rel="next"',
            b"<https://elsewhere/v2/a/tags/list?n=4&last=b>; rel=next",
            b'<?next_page=gAAAA%3D%3D>; title="a, b"; rel="next"',
            b'</first>; rel="first", </l?last=c>; REL="last next"',
            b"<http://[::1>; rel=next",
        ],
    ),
    Parser(
        "Retry-After",
        lambda content: asked_pause(Answer(429, _headers("Retry-After", content), content)),
        [
            b"120",
            b"Wed, 21 Oct 2015 07:28:00 GMT",
            b"Wed, 21 Oct 99999 07:28:00 GMT",
            b"9" * 400,
            b"retry-after: 10.3ms, allowed: 2000/minute",
            b"retry-after: 1m30s",
        ],
    ),
    Parser(
        "WWW-Authenticate",
        _challenges,
        [
            b'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            b'Basic realm="x", Bearer realm="y",error="insufficient_scope"',
            b'Basic realm="\\"',
            b"Negotiate",
            b'bearer realm=https://a/t , scope="repository:a:*  registry:catalog:*"',
        ],
    ),
    Parser(
        "token answers",
        lambda content: read_token(content, 0.0),
        [
            document({"token": "abc", "expires_in": 300}),
            document({"access_token": "abc", "expires_in": "1e400"}),
            b'{"token": "a", "expires_in": NaN}',
            b'{"token": ["a"]}',
        ],
        (ValueError,),
    ),
    Parser(
        "Location and realm",
        _url,
        [
            b"/v2/a/blobs/uploads/\n/v2/a/blobs/uploads/1?state=x",
            b"/\nhttps://cdn.example/x?sig=1",
            b"/\nhttp://[::ffff:127.0.0.1]/",
            b"/\n//169.254.169.254/latest",
            b"/\nhttps://0x7f.1/",
            b"/v2/\nhttp://[::1",
            b"/\nhttps://user:word@2130706433:99999/",
        ],
        (ValueError,),
    ),
    Parser(
        "errors",
        _error,
        [
            document({"errors": [{"code": "DENIED", "message": "no", "detail": {"a": 1}}]}),
            b"<html>x</html>",
            document({"message": "no"}),
            b'{"errors": [null, 1, {"code": {}, "message": []}]}',
            "\u202eabc".encode(),
        ],
    ),
    Parser(
        "listings",
        _listing,
        [
            b'</v2/acme/app/tags/list?last=a>; rel="next"\n'
            + document({"name": "acme/app", "tags": ["2.1.4", "latest"]}),
            b"\n" + document({"tags": None}),
            b"\n" + document({"tags": [1, None, {}, "a b"], "manifest": {}}),
        ],
    ),
    one_of(
        "logins",
        Parser(
            "docker config",
            _docker_config,
            [
                document(
                    {"auths": {"ghcr.io": {"auth": "YTpi"}, "https://index.docker.io/v1/": {"identitytoken": "x"}}}
                ),
                document(
                    {"auths": {"ghcr.io/acme": {"auth": "YT\npi"}, "GHCR.io": {"username": "a", "password": "b"}}}
                ),
                document({"credHelpers": {"ghcr.io": "gcloud"}, "credsStore": "desktop", "currentContext": "x"}),
                b'{"auths": {"ghcr.io": {"auth": "\\ud800"}}}',
            ],
        ),
        Parser(
            "helper answers",
            lambda content: read_answer(content, "docker-credential-x"),
            [
                document({"ServerURL": "ghcr.io", "Username": "a", "Secret": "b"}),
                document({"Username": "<token>"}),
                b'{"Username": "\\ud800", "Secret": "\\n"}',
            ],
        ),
        Parser(
            "keys of logins",
            lambda content: Key.parse(text(content)).matches("ghcr.io", "acme/app"),
            [
                b"https://index.docker.io/v1/",
                b"ghcr.io/acme/app",
                b"GHCR.io:443",
                b"http://[::1]:5000/v2/",
            ],
        ),
    ),
    Parser(
        "proxies",
        _proxy,
        [
            b"http://user:word@proxy:3128\n.example,10.0.0.0/8,[fd00::]/8,*",
            b"proxy:3128\nregistry.example:443",
            b"socks5://x\n[::1]:5000 fd00::1",
            b"https://[::1\n10.1.2.3/33",
        ],
    ),
    Parser(
        "Snappy",
        lambda content: decompress(content, 1 << 16),
        [b"\x05\x10hello", b"\x14\x00a\x4a\x01\x00", b"\x06\x00a\x12\x01\x00", b"\x0a\xf0\x03abcd\x09\x04"],
        (ValueError,),
    ),
    one_of(
        "hub.docker.com and Harbor",
        Parser(
            "hub.docker.com",
            _hub,
            [
                b"\n"
                + document(
                    {
                        "access_token": "t",
                        "next": None,
                        "immutable_tags_settings": {"enabled": True, "rules": ["^v.*"]},
                        "results": [{"name": "2.1.4", "digest": DIGEST, "tag_last_pushed": "2026-01-02T03:04:05.6Z"}],
                    }
                ),
                b'\n{"access_token": "t", "results": [{"name": 1e400}]}',
            ],
        ),
        HARBOR,
    ),
    one_of(
        "api.github.com",
        Parser(
            "packages",
            _packages,
            [
                b'<https://api.github.com/x?page=9>; rel="last"\n'
                + document(
                    [
                        {
                            "id": 7,
                            "name": DIGEST,
                            "created_at": "2026-01-02T03:04:05Z",
                            "updated_at": None,
                            "metadata": {"container": {"tags": ["2.1.4"]}},
                        }
                    ]
                ),
                b'<http://[::1?page=99999999999999999999>; rel="last"\n[{"id": 1e400, "name": "x", "metadata": []}]',
            ],
        ),
        Parser(
            "attestations",
            lambda content: list(GithubAttestations(_api(content)).bundles("a/b", "c")),
            [
                b'<https://api.github.com/x?after=Y>; rel="next"\n'
                + document({"attestations": [{"bundle": {"a": 1}}]}),
                b"\n"
                + document(
                    {
                        "attestations": [
                            {"bundle": None},
                            {},
                            {"bundle_url": "https://x/y"},
                            {"bundle_url": "https://[::1"},
                        ]
                    }
                ),
            ],
        ),
    ),
)
