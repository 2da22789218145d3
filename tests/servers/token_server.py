"""A token server for registries of the tests (distribution, "Token Authentication Specification"), over real HTTP."""

import base64
import json
import secrets
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply

__all__ = ["Signer", "TokenRequest", "TokenServer"]

EVERYTHING = frozenset({"pull", "push", "delete"})


@dataclass(frozen=True, slots=True)
class Signer:
    """An RSA key and its certificate, which a registry trusts."""

    key: Path
    certificate: Path

    @classmethod
    def make(cls, folder: Path) -> "Signer":
        """Make a new key in a folder."""
        signer = cls(folder / "token.key", folder / "token.pem")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens"]
        files = ["-keyout", str(signer.key), "-out", str(signer.certificate)]
        subprocess.run([*command, *files], check=True, capture_output=True)
        return signer

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return a JWT (RS256) that carries the certificate, as distribution 2.8 wants it."""
        certificate = "".join(self.certificate.read_text().splitlines()[1:-1])
        header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.key)]
        signature = subprocess.run(command, input=signed, check=True, capture_output=True).stdout
        return b".".join((signed, _base64url(signature))).decode()


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for a token: its user, its scopes, and the status of the answer."""

    method: str
    user: str
    scopes: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True)
class _Grant:
    actions: Mapping[str, frozenset[str]]
    expires: float


class TokenServer(HttpServer):
    """A token server. Its habits are attributes, which tests may change at any moment:

    `users`: names and passwords; `anonymous`: what anybody may do. `allowed` says what a user may do with a
    repository. `identities`: identity tokens and the users that they stand for. `lifetime`: seconds that a token
    lasts, and `said` what is said of it, None for nothing. `watch` sees the path of each request, and may return the
    answer.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        anonymous: frozenset[str] = frozenset({"pull"}),
        identities: Mapping[str, str] | None = None,
        lifetime: float = 300.0,
        said: int | None = 300,
        service: str = "registry.tests",
        signer: Signer | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.users = dict(users or {})
        self.anonymous = anonymous
        self.identities = dict(identities or {})
        self.lifetime = lifetime
        self.said = said
        self.service = service
        self.signer = signer
        self.allowed: Callable[[str, str], frozenset[str]] = lambda user, _name: EVERYTHING if user else self.anonymous
        self.requests: list[TokenRequest] = []
        self.watch: Callable[[str], Reply | None] = lambda _path: None
        self._grants: dict[str, _Grant] = {}

    def problem(self, token: str, name: str, action: str) -> str:
        """Return what is wrong with a token, in the words of RFC 6750; empty when it allows an action."""
        with self.lock:
            grant = self._grants.get(token)
        if grant is None or time.monotonic() > grant.expires:
            return "invalid_token"
        return "" if not name or action in grant.actions.get(name, ()) else "insufficient_scope"

    def revoke(self) -> None:
        """Make all issued tokens invalid; a registry that only checks signatures does not notice."""
        with self.lock:
            self._grants.clear()

    def answer(self, exchange: Exchange) -> None:
        """Give out a token."""
        body = exchange.body()
        reply = self.watch(exchange.path)
        if reply is None:
            reply = self._reply(exchange, body)
        exchange.reply(reply)

    def _reply(self, exchange: Exchange, body: bytes) -> Reply:
        form = exchange.command == "POST"
        fields = parse_qs(body.decode() if form else urlsplit(exchange.path).query)
        scopes = tuple(scope for value in fields.get("scope", ()) for scope in value.split())
        if form:
            user = self.identities.get(fields.get("refresh_token", [""])[0])
        else:
            user = self._user(exchange.headers.get("Authorization", ""))
        known = user is not None and fields.get("service") == [self.service]
        with self.lock:
            self.requests.append(TokenRequest(exchange.command, user or "", scopes, 200 if known else 401))
        if not known or user is None:
            return Reply(
                401, body=b'{"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}'
            )
        token = self._issue(user, scopes)
        answer = {"access_token" if form else "token": token} | ({"expires_in": self.said} if self.said else {})
        return Reply(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    def _user(self, header: str) -> str | None:
        """Return the user of a request: empty for an anonymous one, None for a wrong password."""
        if not header:
            return ""
        with suppress(ValueError):
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
            return user if self.users.get(user) == password else None
        return None

    def _issue(self, user: str, scopes: Sequence[str]) -> str:
        actions: dict[str, frozenset[str]] = {}
        for scope in scopes:
            _, name, wanted = scope.split(":")
            actions[name] = frozenset(wanted.split(",")) & self.allowed(user, name)
        if self.signer:
            now = time.time()
            access = [{"type": "repository", "name": name, "actions": sorted(does)} for name, does in actions.items()]
            times = {"iat": int(now), "nbf": int(now) - 10, "exp": int(now + self.lifetime)}
            claims = {"iss": "tests", "sub": user, "aud": self.service, "jti": secrets.token_hex(8), "access": access}
            token = self.signer.sign(claims | times)
        else:
            token = secrets.token_urlsafe(24)
        with self.lock:
            self._grants[token] = _Grant(actions, time.monotonic() + self.lifetime)
        return token


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
