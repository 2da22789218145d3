"""What a registry refused, or why it did not answer, as errors of ours with the usual cure."""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from tagger.errors import NotFound, StoreError
from tagger.images.registry.addresses import GHCR
from tagger.images.registry.credentials import Login, login_hint

__all__ = ["Answer", "Peer", "is_immutable", "is_lasting", "is_throttled", "is_unsent", "refused", "unreachable"]

LONGEST = 200
"""Characters of a body that are shown."""

NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED"
NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""What OpenSSL calls an answer that is no TLS."""

CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 405: "UNSUPPORTED", 413: "SIZE_INVALID"}
CODES |= {414: "UNSUPPORTED", 429: "TOOMANYREQUESTS", 501: "UNSUPPORTED"}

# Registries refuse to move an immutable tag each in its own words: ECR, Docker Hub, Harbor, Alibaba, MSR, GitLab, ACR.
# Most runs meet no failure, so none of these is compiled before it is looked for.
_IMMUTABLE = (
    r"(?i)immutab|cannot be overwritten|already assigned to an image|protected tag|tag is protected|write-enabled|"
    r"locked"
)
_THROTTLED = r"(?i)rate limit|abuse detection|too many requests|retry-after"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+"
_CONFIDENTIAL = (
    r"(?i)\b((?:bearer|basic)\s+|"
    r"[\w-]*(?:token|signature|credential|password|secret)[\w-]*[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+"
)


class Answer(NamedTuple):
    """An answer of a registry, read whole.

    `repeated` says that the same request was sent before, and may have been carried out then.
    """

    status: int
    headers: HTTPHeaderDict
    body: bytes = b""
    repeated: bool = False

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """The errors of the body (distribution-spec, "Error Codes"); none where it has another shape."""
        try:
            found = json.loads(self.body)["errors"]
            return [error for error in found if isinstance(error, dict)]
        except (ValueError, TypeError, KeyError, RecursionError):
            return []

    @property
    def code(self) -> str:
        """The registry's own error code, or the usual one for the status."""
        named = str(self.errors[0].get("code") or "") if self.errors else ""
        if re.fullmatch(r"[A-Z][A-Z_]{1,60}", named):
            return named
        return CODES.get(self.status, "UNAVAILABLE" if self.status >= 500 else "FAILED")

    @property
    def text(self) -> str:
        """What the registry says, for a person and on one line."""
        said = "; ".join(filter(None, (_said(error) for error in self.errors)))
        if not said:
            content = str(self.headers.get("Content-Type", ""))
            said = "" if "html" in content else self.body[: 4 * LONGEST].decode(errors="replace")
        return _line(said) or f"HTTP {self.status} {_phrase(self.status)}".strip()


class Peer(NamedTuple):
    """Who a conversation is with, as far as messages need it: the login that was used, and all secrets in use."""

    registry: str
    address: str
    login: Login = Login()
    secrets: frozenset[str] = frozenset()

    def hide(self, text: str) -> str:
        """Return a text of the registry's without secrets that it may echo."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return re.sub(_CONFIDENTIAL, r"\1***", text)


def refused(peer: Peer, place: str, what: str, answer: Answer, *, reading: bool = True) -> StoreError:
    """Return the error that an answer means; `NotFound` where something was read that is not there."""
    kind = NotFound if answer.status == 404 and reading else StoreError
    text = peer.hide(answer.text)
    code = answer.code
    message = f"{what}: {text}" if code in text or text.startswith("HTTP ") else f"{what}: {code}: {text}"
    return kind(message, _hint(peer, answer), code=code, place=place, status=answer.status)


def unreachable(peer: Peer, place: str, what: str, error: HTTPError) -> StoreError:
    """Return the error that a connection ended in."""
    cause, hint = _cause(peer, error)
    return StoreError(f"{what}: {cause}", hint, code="UNREACHABLE", place=place)


def is_unsent(error: HTTPError) -> bool:
    """Say whether a request certainly never arrived: no connection was made."""
    return isinstance(error, (NewConnectionError, ConnectTimeoutError, ProxyError)) or is_lasting(error)


def is_lasting(error: HTTPError) -> bool:
    """Say whether trying again is of no use: the other end is not trusted, speaks no TLS, or cannot exist."""
    return isinstance(error, LocationValueError) or (
        isinstance(error, SSLError) and any(sign in str(error) for sign in (NOT_TRUSTED, *NO_TLS))
    )


def is_throttled(answer: Answer) -> bool:
    """Say whether a registry asks to slow down: 429, or GHCR's 403 "secondary rate limit" (registries: GHCR)."""
    return answer.status == 429 or (answer.status == 403 and bool(re.search(_THROTTLED, answer.text)))


def is_immutable(answer: Answer) -> bool:
    """Say whether a refused PUT means that the tag is immutable, in any dialect; Harbor says it by 412 alone."""
    return answer.status == 412 or bool(re.search(_IMMUTABLE, answer.text))


def _cause(peer: Peer, error: HTTPError) -> tuple[str, str]:
    check = f"Check the name {peer.registry}, and that the registry is up and can be reached from here."
    address = peer.address
    if isinstance(error, SSLError):
        reason = _tls_reason(error)
        if NOT_TRUSTED in str(error):
            return (
                f"the certificate of {address} is not trusted: {reason}",
                "Name the certificate authority's file in `ca-file`; or the right host in the image's name.",
            )
        if any(sign in str(error) for sign in NO_TLS):
            return (
                f"{address} speaks plain HTTP and no HTTPS",
                f"If that is meant, name it: `insecure: {peer.registry}`.",
            )
        return f"no TLS connection to {address}: {reason}", check
    if isinstance(error, (NameResolutionError, LocationValueError)):
        return f"there is no host {address}", check
    if isinstance(error, ProxyError):
        return f"the proxy for {address} refused or did not answer", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
    if isinstance(error, NewConnectionError):
        return f"{address} cannot be reached: {_os_reason(error)}", check
    if isinstance(error, (ConnectTimeoutError, ReadTimeoutError)):
        return f"{address} did not answer in time", f"{check} `timeout` is how many seconds to wait."
    return f"the connection to {address} broke: {_os_reason(error)}", "Run the same again: it goes on where this ended."


def _hint(peer: Peer, answer: Answer) -> str:
    status = answer.status
    if status == 401 and not peer.login:
        return login_hint(peer.registry)
    if status in (401, 403) and peer.registry == GHCR:
        return (
            "Give the job `permissions: packages: write`, and the repository the role Write in the package's settings, "
            '"Manage Actions access". The token of a person has to be a classic one with the scope write:packages.'
        )
    if status == 401:
        return f"{peer.registry} did not take {peer.login.origin}. Is it spelled right, and not expired?"
    if status == 403 and not peer.login:
        return login_hint(peer.registry)
    if status == 403:
        return f"{peer.login.origin} may not do this. It needs the right to read and write this repository."
    if status == 400 and b"HTTP request to an HTTPS server" in answer.body:
        return f"{peer.registry} speaks HTTPS: take it out of `insecure`."
    if status == 404 and answer.code == "NAME_UNKNOWN" and ".dkr.ecr." in peer.registry:
        return "ECR makes no repository by itself: create it first, or a creation template for pushes."
    if status == 429:
        return f"{peer.registry} limits how often it may be asked. Log in if you did not, or try again later."
    if status >= 500:
        return "The registry has a fault. Run the same again: it goes on where this ended."
    return ""


def _said(error: Mapping[str, Any]) -> str:
    message, detail = error.get("message"), error.get("detail")
    parts = [str(error.get("code") or ""), message if isinstance(message, str) else ""]
    if detail and not isinstance(detail, (dict, list)) and str(detail) != message:
        parts.append(str(detail))
    return ": ".join(filter(None, parts))


def _line(text: str) -> str:
    """Return a text on one line, shortened."""
    line = " ".join(re.sub(_CONTROL, " ", text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


def _tls_reason(error: HTTPError) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _line(cause.verify_message)
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
    return "the handshake failed"


def _os_reason(error: HTTPError) -> str:
    causes = (cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror)
    return next((str(cause.strerror).lower() for cause in causes), "it was closed before the answer was whole")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, those it was raised from, and those that urllib3 carries as arguments."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            carried = [value for value in cause.args if isinstance(value, BaseException)]
            waiting += [cause.__cause__, cause.__context__, *carried]
