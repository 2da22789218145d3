"""The results of requests: answers that were read completely, and failed connections."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from tagger.images.documents import read_json
from tagger.images.registry.challenges import parse_challenges
from tagger.images.registry.dialects import IMMUTABLE, IMMUTABLE_STATUSES, MESSAGE_KEYS, THROTTLED
from tagger.images.registry.headers import Headers
from tagger.images.registry.statuses import status_of

__all__ = ["Answer", "ConnectionFailed", "Reply", "is_immutable", "is_throttled", "one_line"]

LONGEST = 200
"""Characters of a body that are shown."""

_MOST = 64 * 1024
"""Bytes of a body, and characters of its errors, that are searched for a message."""

_CONTROL = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+"


class Reply(Protocol):
    """The common part of an answer and of a response whose body is not read yet."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...


class ConnectionFailed(Exception):
    """A request got no answer, or not all of it.

    `host` is the server. `cause` is the error of the connection. `sent`: the request may have arrived. `lasting`:
    another try would fail too.
    """

    def __init__(self, host: str, cause: Exception, *, sent: bool, lasting: bool) -> None:
        super().__init__(f"{host}: {cause}")
        self.host = host
        self.cause = cause
        self.sent = sent
        self.lasting = lasting


class Answer(NamedTuple):
    """An answer that was read completely.

    `repeated`: the same request was sent before, and may have been carried out then. `host` is the host that answered
    if the registry redirected to another one, else empty.
    """

    status: int
    headers: Headers
    body: bytes = b""
    repeated: bool = False
    host: str = ""

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """The errors of the body (distribution-spec, "Error Codes"); none where it has another shape."""
        try:
            found = read_json(self.body)["errors"]
            return [error for error in found if isinstance(error, dict)]
        except (ValueError, TypeError, KeyError, RecursionError):
            return []

    @property
    def code(self) -> str:
        """The registry's own error code, or the usual one for the status."""
        return self.own_code or status_of(self.status).code

    @property
    def own_code(self) -> str:
        """The registry's own error code; empty where it gives none."""
        errors = self.errors
        named = str(errors[0].get("code") or "") if errors else ""
        return named if re.fullmatch(r"[A-Z][A-Z_]{1,60}", named) else ""

    @property
    def lacks_scope(self) -> bool:
        """Whether the token was accepted but does not allow this (RFC 6750, section 3.1)."""
        challenges = parse_challenges(self.headers.getlist("WWW-Authenticate")) if self.status in (401, 403) else ()
        return any(challenge.lacks_scope for challenge in challenges)

    @property
    def text(self) -> str:
        """The registry's message on one line."""
        return self.text_without(str)

    def text_without(self, hide: Callable[[str], str]) -> str:
        """Return the registry's message on one line. `hide` removes secrets, before and after it is shortened."""
        said = "; ".join(filter(None, (_error_text(error) for error in self.errors)))[:_MOST]
        if not said:
            content = str(self.headers.get("Content-Type", ""))
            said = "" if "html" in content else _message(self.body[:_MOST])
        return hide(one_line(hide(said))) or f"HTTP {self.status} {_phrase(self.status)}".strip()


def is_throttled(answer: Answer) -> bool:
    """Say whether a registry limits the rate of requests: by the status, or by 403 with the words of a dialect."""
    return status_of(answer.status).throttled or (answer.status == 403 and bool(re.search(THROTTLED, answer.text)))


def is_immutable(answer: Answer) -> bool:
    """Say whether a refusal means that the tag is immutable: by the status or the words of a dialect."""
    return answer.status in IMMUTABLE_STATUSES or bool(re.search(IMMUTABLE, answer.text))


def one_line(text: str) -> str:
    """Return a text on one line, without control characters, shortened."""
    line = " ".join(re.sub(_CONTROL, " ", text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _message(body: bytes) -> str:
    """Return the message in another kind of body: under a dialect's key in JSON, or its text."""
    text = body.decode(errors="replace")
    try:
        document = read_json(text.encode())
    except (ValueError, RecursionError):
        return text
    texts = [document.get(key) for key in MESSAGE_KEYS] if isinstance(document, dict) else []
    return next((found for found in texts if found and isinstance(found, str)), text)


def _error_text(error: Mapping[str, Any]) -> str:
    message, detail = error.get("message"), error.get("detail")
    parts = [str(error.get("code") or ""), message if isinstance(message, str) else ""]
    if detail and not isinstance(detail, (dict, list)) and str(detail) != message:
        parts.append(str(detail))
    return ": ".join(filter(None, parts))


def _phrase(status: int) -> str:
    from http import HTTPStatus  # few answers have nothing to say

    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
