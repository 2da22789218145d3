"""A fake issuer of identity tokens (the runner), and fakes of their exchange at Docker and Chainguard."""

import json
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply

__all__ = ["Issuer"]

FORM = "application/x-www-form-urlencoded"


class Issuer(HttpServer):
    """A server for all three, each known by its paths. The tokens that it issues become passwords in `users`.

    `organisations` are those of Docker's OIDC connections, `identities` Chainguard's. `lifetime` is what Docker says of
    its tokens, None for nothing. `watch` sees method and path of each request, and may return the answer.
    """

    def __init__(self, users: dict[str, str]) -> None:
        super().__init__()
        self.users = users
        self.organisations: Mapping[str, str] = {"0a1b2c3d": "acme"}
        self.identities = frozenset({"7201/beef"})
        self.shown = f"shown-to-the-runner-{secrets.token_hex(8)}"
        self.lifetime: int | None = 3600
        self.given: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.watch: Callable[[str, str], Reply | None] = lambda _method, _path: None

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that the runner sets for a job with `id-token: write`."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/idtoken/0000?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.shown,
        }

    @property
    def endpoints(self) -> str:
        """The setting `endpoints` that sends the exchange of identities to this server."""
        return f"identity.docker.com={self.host}\nissuer.enforce.dev={self.host}"

    def answer(self, exchange: Exchange) -> None:
        """Issue an identity token, or exchange one."""
        body = exchange.body().decode()
        parts = urlsplit(exchange.path)
        with self.lock:
            self.asked.append((exchange.command, parts.path))
        reply = self.watch(exchange.command, exchange.path)
        if reply is None:
            fields = {name: values[0] for name, values in parse_qs(body or parts.query).items()}
            reply = self._reply(exchange, parts.path, fields)
        exchange.reply(reply)

    def _reply(self, exchange: Exchange, path: str, fields: Mapping[str, str]) -> Reply:
        bearer = str(exchange.headers.get("Authorization", "")).removeprefix("Bearer ")
        if (exchange.command, path) == ("GET", "/idtoken/0000") and fields.get("api-version") == "2.0":
            return self._identity(fields["audience"]) if bearer == self.shown else _json(401, {"message": "no"})
        if (exchange.command, path) == ("POST", "/oauth/token") and exchange.headers["Content-Type"] == FORM:
            return self._docker(fields) if not bearer else _json(400, {"message": "Authorization was sent"})
        if (exchange.command, path) == ("GET", "/sts/exchange"):
            known = self.given.get(bearer) == "cgr.dev" and fields["aud"] == "cgr.dev"
            if known and fields["identity"] in self.identities:
                return _json(200, {"token": self._token("user")})
            return _json(403, {"code": 7, "message": "unable to exchange"})
        return Reply(404)

    def _identity(self, audience: str) -> Reply:
        identity = f"identity.{secrets.token_hex(16)}.signature"
        self.given[identity] = audience
        return _json(200, {"count": 1, "value": self._noted(identity)})

    def _docker(self, fields: Mapping[str, str]) -> Reply:
        kinds = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        }
        known = self.given.get(fields.get("subject_token", "")) == "https://identity.docker.com"
        org = self.organisations.get(fields.get("connection_id", ""))
        if not (known and org and kinds.items() <= fields.items() and 300 <= int(fields["expires_in"]) <= 3600):
            return _json(401, {"message": f"connection refused {fields.get('subject_token')}"})
        lasts = {"expires_in": self.lifetime} if self.lifetime is not None else {}
        return _json(200, {"access_token": self._token(org), "token_type": "Bearer", **lasts})

    def _token(self, user: str) -> str:
        self.users[user] = token = f"token-{secrets.token_hex(16)}"
        return self._noted(token)

    def _noted(self, token: str) -> str:
        with self.lock:
            self.tokens.append(token)
        return token


def _json(status: int, value: Mapping[str, object]) -> Reply:
    return Reply(status, [("Content-Type", "application/json")], json.dumps(value).encode())
