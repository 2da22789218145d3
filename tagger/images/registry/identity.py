"""Logins without a secret: exchanges the workflow's identity (OpenID Connect) for a token of a registry."""

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import quote, urlencode

from tagger.errors import InputError, StoreError
from tagger.images.documents import read_json
from tagger.images.registry.answers import Answer, ConnectionFailed
from tagger.images.registry.dialects import DIALECTS, dialect_of
from tagger.images.registry.failures import NO_API, Peer, connection_error, refusal
from tagger.images.registry.guard import split_web_url
from tagger.images.registry.host import Host
from tagger.images.registry.logins import Login
from tagger.images.registry.retry import Repetition
from tagger.images.registry.statuses import status_of
from tagger.images.registry.tokens import Token, TokenCache, TokenRequest
from tagger.images.registry.transport import TooLarge, Transport

__all__ = ["FORMS", "IdentityLogin", "Sender", "form_of", "read_fields"]

URL, TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
"""The variables with the address of the runner's identity tokens and the token for it (actions/toolkit)."""

LIFETIME = 3600  # the lifetime of a login, in seconds: the maximum at Docker, and the value at Chainguard
MOST = 1024 * 1024  # bytes of an answer
YOUNG = 1.0  # seconds; a login that is refused so soon has not expired
ORIGIN = "the login by OIDC"

Fields = Mapping[str, str]


class Form(NamedTuple):
    """How one registry exchanges the identity of a workflow for a login.

    `host` does the exchange. `audience` is that of the identity token. `fields` are the names in a line of `logins`.
    `request` makes the request from the identity token and the fields, and `user` the user name. `hint` is for a
    refusal.
    """

    host: str
    audience: str
    fields: tuple[str, ...]
    request: Callable[[str, Fields], TokenRequest]
    user: Callable[[Fields], str]
    hint: str


def _docker(token: str, fields: Fields) -> TokenRequest:
    """Return the request of Docker's exchange (docs.docker.com, "OIDC connections"; docker/login-action; RFC 8693)."""
    kind = "urn:ietf:params:oauth"
    form = {
        "grant_type": f"{kind}:grant-type:token-exchange",
        "subject_token_type": f"{kind}:token-type:id_token",
        "subject_token": token,
        "connection_id": fields["connection"],
        "expires_in": LIFETIME,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return TokenRequest("POST", "/oauth/token", headers, urlencode(form).encode())


def _chainguard(token: str, fields: Fields) -> TokenRequest:
    """Return the request of Chainguard's exchange (edu.chainguard.dev, "Assumable Identities"; setup-chainctl)."""
    query = urlencode({"aud": "cgr.dev", "identity": fields["identity"]})
    return TokenRequest("GET", f"/sts/exchange?{query}", {"Authorization": f"Bearer {token}"})


FORMS: Mapping[str, Form] = {
    "docker": Form(
        "identity.docker.com", "https://identity.docker.com", ("org", "connection"), _docker,
        lambda fields: fields["org"],
        "Check `org` and `connection`: the rule of the connection has to fit this repository, its branch or tag, and "
        "to allow pushing (Docker's Admin Console, OIDC connections).",
    ),
    "chainguard": Form(
        "issuer.enforce.dev", "cgr.dev", ("identity",), _chainguard, lambda _fields: "user",
        "Check `identity`: it has to be one that this repository, with its branch or tag, may assume "
        "(`chainctl iam identities list`).",
    ),
}  # fmt: skip
"""The forms, by their names in the rows of dialects."""


def form_of(registry: str) -> Form | None:
    """Return the form of a registry; None where there is no login by OIDC for it."""
    return FORMS.get(dialect_of(registry).identity)


def read_fields(registry: str, text: str) -> tuple[tuple[str, str], ...]:
    """Read the fields behind `registry oidc` in a line of `logins`. Raise `InputError`, which shows no values."""
    form = form_of(registry)
    if form is None:
        known = ", ".join(row.registry for row in DIALECTS if row.identity)
        raise InputError(
            f"no login by OIDC is known for {registry}: there is one for {known}",
            "Log in with the action of its cloud; Tagger's own action `with-logins` sees that login.",
        )
    pairs = [word.partition("=") for word in text.split()]
    fields = {name: value for name, _, value in pairs if value}
    if len(fields) != len(pairs) or set(fields) != set(form.fields):
        shape = " ".join(f"{name}=…" for name in form.fields)
        raise InputError(
            f"a login by OIDC for {registry} needs {' and '.join(form.fields)}, each once",
            f"Write `{registry} oidc {shape}`.",
        )
    return tuple((name, fields[name]) for name in form.fields)


class Sender:
    """Sends requests to one host only: it follows no redirect."""

    def __init__(
        self, transport: Transport, insecure: Collection[str], endpoints: Mapping[str, str], repetition: Repetition
    ) -> None:
        self._transport, self._repetition = transport, repetition
        self._insecure, self._endpoints = insecure, endpoints

    def send(self, name: str, request: TokenRequest, peer: Peer, what: str) -> Answer:
        """Return the answer of the host `name`, with any status. The request is repeated where that may help."""
        host = Host(name, self._transport, self._insecure, self._endpoints)

        def attempt() -> Answer:
            response = self._transport.open(request.method, host.origin.url(request.url), request.headers, request.body)
            try:
                return Answer(response.status, response.headers, response.read_whole(MOST))
            except TooLarge as error:
                raise StoreError(
                    f"{what}: the answer has more than {MOST} bytes", NO_API, place=peer.registry
                ) from error

        def failed(error: ConnectionFailed) -> StoreError:
            return connection_error(peer._replace(registry=name, address=host.address), peer.registry, what, error)

        given_up = StoreError(f"{what}: stopped", code="STOPPED", place=peer.registry)
        return self._repetition.call(attempt, given_up, failed)


class IdentityLogin:
    """The login of one line of `logins`. It is fetched when needed, once for all threads, and again after it expires.

    `environ` has the runner's variables. Every token is given to `mask` before it is used.
    """

    def __init__(
        self,
        registry: str,
        fields: Iterable[tuple[str, str]],
        environ: Mapping[str, str],
        *,
        sender: Callable[[], Sender],
        mask: Callable[[Iterable[str]], None],
    ) -> None:
        self._registry, self._fields = registry, dict(fields)
        self._form = FORMS[dialect_of(registry).identity]
        self._environ, self._sender, self._mask = environ, sender, mask
        self._tokens = TokenCache()
        self._secrets: frozenset[str] = frozenset()
        self._fetched = 0.0
        self._lock = threading.Lock()

    def get(self) -> Login:
        """Return the login. Raise `InputError` where the workflow has no identity, `StoreError` where it is refused."""
        token, _ = self._tokens.get((), self._exchange, lambda: None)
        return self._login(token)

    def renew(self, refused: Login) -> bool:
        """Forget a login that the registry refused and may have expired; return whether another is fetched next."""
        may = refused.password in self._secrets and time.monotonic() - self._fetched > YOUNG
        if may:
            self._tokens.forget((), f"Bearer {refused.password}")
        return may

    @property
    def secrets(self) -> frozenset[str]:
        """All secrets, which must never be shown."""
        return self._secrets | frozenset(filter(None, (self._environ.get(TOKEN),)))

    def _login(self, token: Token) -> Login:
        user = self._form.user(self._fields)
        return Login(user, token.value, origin=f"{ORIGIN} as {user}", registry_alone=True)

    def _exchange(self) -> Token:
        """Exchange an identity token for a token of the registry."""
        form, asked = self._form, time.monotonic()
        identity = self._identity()
        what = f"logging in by OIDC at {form.host}"
        answer = self._sender().send(form.host, form.request(identity, self._fields), self._peer(), what)
        if answer.status != 200:
            self._refuse(form.host, what, answer, form.hint)
        value, lifetime = self._read(answer, ("access_token", "token"), what)
        token = Token.lasting(value, lifetime, asked)
        self._keep((value, self._login(token).basic.removeprefix("Basic ")))
        self._fetched = time.monotonic()
        return token

    def _identity(self) -> str:
        """Return the runner's identity token for this workflow (docs.github.com, "OpenID Connect")."""
        url, shown = self._environ.get(URL, ""), self._environ.get(TOKEN, "")
        if not (url and shown):
            raise self._without_identity()
        try:
            parts = split_web_url(url)
        except ValueError as error:
            raise InputError(f"{URL}: {error}", "The runner sets it: do not change it.") from error
        self._keep((shown,))
        audience = f"{'&' if parts.query else '?'}audience={quote(self._form.audience, safe='')}"
        query = f"?{parts.query}{audience}" if parts.query else audience
        request = TokenRequest("GET", f"{parts.path}{query}", {"Authorization": f"Bearer {shown}"})
        what = "asking the runner for the workflow's identity"
        answer = self._sender().send(parts.netloc, request, self._peer(), what)
        if answer.status != 200:
            self._refuse("The runner's service", what, answer, _PERMISSION)
        value, _ = self._read(answer, ("value",), what)
        self._keep((value,))
        return value

    def _without_identity(self) -> InputError:
        if self._environ.get("GITHUB_ACTIONS") != "true":
            message = f"the login by OIDC for {self._registry} needs a GitHub workflow, and this is none"
            return InputError(message, "Log in with `username` and `password` here, or with docker's configuration.")
        message = (
            f"the login by OIDC for {self._registry} needs the workflow's identity, and the job may not request it"
        )
        return InputError(message, _PERMISSION)

    def _read(self, answer: Answer, names: Iterable[str], what: str) -> tuple[str, float]:
        """Return the token of an answer, and its lifetime in seconds."""
        try:
            found = read_json(answer.body)
            value = next(str(found[name]) for name in names if found.get(name))
            lifetime = float(found.get("expires_in") or LIFETIME)
            if not re.fullmatch(r"[\x21-\x7e]{1,65000}", value):
                raise ValueError("not a token")
        except (ValueError, TypeError, AttributeError, StopIteration, OverflowError, RecursionError) as error:
            raise StoreError(
                f"{what}: the answer holds no token", NO_API, code="UNAUTHORIZED", place=self._registry
            ) from error
        return value, lifetime

    def _refuse(self, host: str, what: str, answer: Answer, hint: str) -> NoReturn:
        """Raise the error for an answer; `hint` is for an answer that decides about the workflow or its settings."""
        peer = self._peer()
        error = refusal(peer._replace(registry=host), "", what, answer)
        mine = error.hint if answer.status < 400 or status_of(answer.status).hint else hint
        raise StoreError(error.message, mine, code=error.code, place=self._registry, status=answer.status)

    def _peer(self) -> Peer:
        return Peer(self._registry, self._form.host, secrets=self.secrets)

    def _keep(self, secrets: Iterable[str]) -> None:
        """Remember secrets, and let the runner mask them."""
        new = frozenset(secrets)
        with self._lock:
            self._secrets |= new
        self._mask(new)


_PERMISSION = (
    "Give the job `permissions:` with `id-token: write` and all other permissions that it needs, as `contents: read`: "
    "permissions that are not listed there are removed. A pull request from a fork gets no identity."
)
