"""Makes errors with hints from refusals and from connections that failed."""

import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from tagger.confidential import HIDDEN, hide
from tagger.errors import AGAIN, REMEDIES, NotFound, StoreError
from tagger.images.registry.addresses import Origin
from tagger.images.registry.answers import Answer, ConnectionFailed, is_throttled, one_line
from tagger.images.registry.challenges import choose_challenge, parse_challenges
from tagger.images.registry.dialects import dialect_of
from tagger.images.registry.faults import Late, LateToConnect, NoHost, NoTls, ProxyFailed, Unreachable
from tagger.images.registry.guard import Forbidden, Unsendable
from tagger.images.registry.logins import Login, login_hint
from tagger.images.registry.redirects import Circle
from tagger.images.registry.statuses import RATE, REDIRECTS, status_of

__all__ = ["LED", "NO_API", "ForbiddenUrl", "Peer", "insecure_hint", "forbidden_url", "refusal", "connection_error"]

_CONFIDENTIAL = (
    r"(?i)(\b(?:bearer|basic)\s++|(?<![\w-])(?=[\w-]*?(?:token|signature|credential|password|secret))"
    r"[\w-]++[\"']?\s*+[=:]\s*+[\"']?)[^\s\"'&,;}]++"
)
"""A secret behind a word that says so. A word begins in one place only, which takes linear time."""

LED = "If that host is right, name it in `insecure` or `endpoints`; else ask who runs the registry."
"""The hint where a registry names a host that Tagger does not send requests to."""

NO_API = "Something else answers there. Check the address, and any proxy between here and there."
"""The hint where an answer is not in the form of the API."""

_ELSE = "The registry's message names the cause. Correct it, then run the same command again: it continues from here."
_SILENT = f"The registry does not give the cause. Its log may, so ask who runs it. {AGAIN}"


class ForbiddenUrl(StoreError):
    """The registry names a URL to which no request is sent."""


class Peer(NamedTuple):
    """The other side of a request, for messages: the registry, its address, the login, and all secrets in use."""

    registry: str
    address: str
    login: Login = Login()
    secrets: frozenset[str] = frozenset()

    def hide(self, text: str) -> str:
        """Return a text of the registry without secrets that it may repeat."""
        return re.sub(_CONFIDENTIAL, rf"\1{HIDDEN}", hide(text, self.secrets))


def refusal(peer: Peer, place: str, what: str, answer: Answer, absent: str = "") -> StoreError:
    """Return the error for an answer.

    `absent` is the error code of what was read, where that may not exist: then it is `NotFound`.
    """
    meaning = status_of(answer.status)
    kind = NotFound if meaning.absent and absent else StoreError
    usual = absent if meaning.absent and absent else meaning.code
    text = answer.text_without(peer.hide)
    throttled = is_throttled(answer)  # GitHub answers 403 in that case
    code = "DENIED" if answer.lacks_scope else "TOOMANYREQUESTS" if throttled else answer.own_code or usual
    if answer.status in REDIRECTS:
        text += _led_to(answer.headers.get("Location"))
    if answer.host:
        what = f"{what} at {answer.host}, to which the registry redirects"
    message = f"{what}: {text}" if code in text or text.startswith("HTTP ") else f"{what}: {code}: {text}"
    return kind(message, _hint(peer, answer, usual), code=code, place=place, status=answer.status)


def connection_error(peer: Peer, place: str, what: str, failure: ConnectionFailed) -> StoreError:
    """Return the error for a failed connection."""
    elsewhere = failure.host and failure.host != re.sub(":(443|80)$", "", peer.address)
    cause, hint = _cause_elsewhere(peer, failure) if elsewhere else _cause(peer, failure.cause)
    return StoreError(f"{what}: {cause}", hint, code="UNREACHABLE", place=place)


def _cause_elsewhere(peer: Peer, failure: ConnectionFailed) -> tuple[str, str]:
    """Return cause and hint where the connection to another host failed, which the registry names."""
    host = failure.host
    cause, hint = _cause(Peer(host, host), failure.cause)
    if isinstance(failure.cause, (Forbidden, Unsendable, ProxyFailed)):
        return cause, hint
    return cause, f"{peer.registry} leads to {host}: a firewall or a proxy may allow the registry alone. {hint}"


def forbidden_url(place: str, what: str, error: ValueError) -> ForbiddenUrl:
    """Return the error for a URL from the registry to which no request is sent."""
    text, hint = f"the registry names a URL that is not used: {error}", LED
    if isinstance(error, Circle):
        text, hint = str(error), NO_API
    return ForbiddenUrl(f"{what}: {text}", hint, code="UNREACHABLE", place=place)


def insecure_hint(registry: str) -> str:
    """Return the hint how to allow plain HTTP for a registry."""
    return f"If that is right, set `insecure: {registry}`."


def _cause(peer: Peer, error: Exception) -> tuple[str, str]:
    check = f"Check the name {peer.registry}, and that the registry is up and can be reached from here."
    address = peer.address
    if isinstance(error, NoTls):
        reason = _tls_reason(error)
        if not error.is_trusted:
            return (
                f"the certificate of {address} is not trusted: {reason}",
                "Name the file of the certificate authority in `ca-file`; or correct the host in the image's name.",
            )
        if error.speaks_none:
            return (
                f"{address} uses plain HTTP and not HTTPS",
                insecure_hint(peer.registry),
            )
        return f"no TLS connection to {address}: {reason}", check
    if isinstance(error, Forbidden):
        return str(error), LED
    if isinstance(error, Unsendable):
        return str(error), "Correct the login, the name or the type: it has characters that a header cannot have."
    if isinstance(error, NoHost):
        return f"there is no host {address}", check
    if isinstance(error, ProxyFailed):
        said = f"answered {error.status}" if error.status else "refused or did not answer"
        hint = status_of(error.status).hint or "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
        return f"the proxy for {address} {said}", hint.format(registry="The proxy")
    if isinstance(error, (Late, LateToConnect)):
        return f"{address} did not answer in time", f"{check} `timeout` is how many seconds to wait."
    if isinstance(error, Unreachable):
        return f"{address} cannot be reached: {_os_reason(error)}", check
    return f"the connection to {address} broke: {_os_reason(error)}", AGAIN


def _hint(peer: Peer, answer: Answer, usual: str) -> str:
    status, dialect = answer.status, dialect_of(peer.registry)
    if answer.host:
        return f"{peer.registry} redirects to {answer.host}, which refused the request. Run again."
    if status < 400:
        return NO_API
    if status == 403 and is_throttled(answer):
        return RATE.format(registry=peer.registry)
    if status == 401 and (schemes := _foreign_schemes(answer)):
        return f"{peer.registry} asks for a login by {schemes}; Tagger knows Basic and Bearer. {NO_API}"
    if status in (401, 403) and not peer.login:
        return login_hint(peer.registry)
    if status in (401, 403) and dialect.denied:
        return dialect.denied
    if status == 403 or answer.lacks_scope:
        return (
            f"{peer.registry} accepted {peer.login.origin}, but does not allow this. Give it the right to read and "
            "write this repository; if the repository does not exist yet, create it, or release to it first."
        )
    if status == 401:
        return f"{peer.registry} did not accept {peer.login.origin}. Is it spelled right, and not expired?"
    if status == 400 and b"HTTP request to an HTTPS server" in answer.body:
        return f"{peer.registry} uses HTTPS: remove it from `insecure`."
    if status == 404 and (answer.own_code or usual) == "NAME_UNKNOWN" and dialect.absent:
        return dialect.absent
    meaning = status_of(status)
    if meaning.hint:
        return meaning.hint.format(registry=peer.registry)
    known = REMEDIES.get(answer.own_code) or REMEDIES.get(usual)
    return known or (_SILENT if answer.text.startswith("HTTP ") else _ELSE)


def _foreign_schemes(answer: Answer) -> str:
    """Return the schemes of the challenges of an answer where Tagger can answer none of them; else an empty text."""
    challenges = parse_challenges(answer.headers.getlist("WWW-Authenticate"))
    return "" if choose_challenge(challenges) else one_line(", ".join(one.scheme for one in challenges))


def _led_to(location: str) -> str:
    """Return to which host a redirect leads, for a message."""
    with suppress(ValueError):
        return f", to {Origin.of(location).netloc}"
    return ""


def _tls_reason(error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return one_line(cause.verify_message)
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
    return "the handshake failed"


def _os_reason(error: Exception) -> str:
    causes = (cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror)
    return next((str(cause.strerror).lower() for cause in causes), "it was closed before the answer was whole")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and those it was raised from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__]
