"""Decides which requests are sent again, how often, and after which pause."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile
from typing import TypeVar, cast

from tagger.errors import StoreError
from tagger.images.registry.answers import Answer, ConnectionFailed, Reply, is_throttled
from tagger.images.registry.dialects import PAUSE_WORDS, WAITS
from tagger.images.registry.faults import Fault
from tagger.images.registry.statuses import status_of

__all__ = ["Repetition", "asked_pause"]

Got = TypeVar("Got", bound=Reply)

PAUSES = (0.05, 0.2, 0.8, 3.2)  # seconds; many faults last for milliseconds, a restart for seconds
PAUSES_THROTTLED = (1.0, 2.0, 4.0, 8.0)
LONGEST_PAUSE = 60.0  # seconds; a run does not wait longer for a registry

_BODY_PAUSE = (
    rb"(?i)(?:" + PAUSE_WORDS.encode() + rb"):?\s*(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)(ms|us|\xc2\xb5s|s)?)?"
)
_UNITS = {b"ms": 1e-3, b"us": 1e-6, "µs".encode(): 1e-6, b"s": 1.0, None: 1.0, b"": 1.0}


class Repetition:
    """Sends requests again after errors of the connection or the registry, with pauses, at most `retries` times."""

    def __init__(self, retries: int, closed: threading.Event) -> None:
        self.retries = retries
        self._closed = closed

    def call(
        self,
        attempt: Callable[[], Got],
        given_up: StoreError,
        failed: Callable[[ConnectionFailed], StoreError],
        done: Callable[[], Got | None] = lambda: None,
        *,
        retries: int | None = None,
        paused: Callable[[str, float], None] = lambda _cause, _seconds: None,
    ) -> Got:
        """Return the reply of `attempt`, which is called again where that may help. Raise `StoreError`.

        `given_up` is raised when the registry is closed. `failed` makes the error for a connection that fails for good;
        `done` the reply to a request that succeeded, but lost its answer. `paused` gets the cause of each pause.
        """
        in_doubt, most = False, self.retries if retries is None else retries
        for repetition in takewhile(lambda _: not self._closed.is_set(), range(most + 1)):
            last, pause = repetition == most, _of(PAUSES, repetition)
            try:
                reply = attempt()
            except ConnectionFailed as error:
                perhaps_done, cause = error.sent, error.cause.short if isinstance(error.cause, Fault) else "no answer"
                if perhaps_done and (stand_in := done()) is not None:
                    return stand_in
                if (last or error.lasting) and not self._closed.is_set():
                    raise failed(error) from error.cause
            else:
                if not isinstance(reply, Answer):
                    return reply
                throttled, meaning, cause = is_throttled(reply), status_of(reply.status), f"answered {reply.status}"
                if not throttled and not meaning.again:
                    return cast("Got", reply._replace(repeated=in_doubt))
                perhaps_done, pause = meaning.perhaps_done, _pause_after(reply, repetition, throttled)
                if perhaps_done and (stand_in := done()) is not None:
                    return stand_in
                if last or pause > LONGEST_PAUSE:
                    return reply
            in_doubt = in_doubt or perhaps_done
            self.pause(pause * _spread(), partial(paused, cause))
        raise given_up

    def pause(self, seconds: float, tell: Callable[[float], None] = lambda _seconds: None) -> None:
        """Wait, or until the registry is closed; call `tell` before."""
        tell(seconds)
        self._closed.wait(seconds)


def _spread() -> float:
    import random  # few runs repeat anything

    return random.uniform(1, 1.25)  # noqa: S311 - requests do not wait equally long


def _of(pauses: Sequence[float], repetition: int) -> float:
    return pauses[min(repetition, len(pauses) - 1)]


def _pause_after(answer: Answer, repetition: int, throttled: bool) -> float:
    """Return the seconds to wait after an answer: what it asks for, else more after each repetition."""
    asked = asked_pause(answer)
    return _of(PAUSES_THROTTLED if throttled else PAUSES, repetition) if asked is None else asked


def _until(answer: Answer) -> float | None:
    """Return the time to wait for, in seconds since 1970, that a header of a dialect has; None without one."""
    for name, spent in WAITS:
        text = str(answer.headers.get(name) or "")
        if text.isascii() and text.isdigit() and (not spent or str(answer.headers.get(spent) or "") == "0"):
            return float(text[:12])
    return None


def asked_pause(answer: Answer) -> float | None:
    """Return the seconds that a registry asks to wait, in a header or in the body; None where it does not."""
    header = str(answer.headers.get("Retry-After") or "").strip()
    if header:
        if header.isascii() and header.isdigit():
            return float(header[:12])
        import email.utils  # few registries give a date

        try:
            until = email.utils.mktime_tz(email.utils.parsedate_tz(header))  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
        return max(0.0, until - time.time())
    told = _until(answer)
    if told is not None:
        return max(0.0, told - time.time())
    found = re.search(_BODY_PAUSE, answer.body[:4096])
    if not found or not (found[1] or found[2]):
        return None
    return int(found[1] or 0) * 60 + float(found[2] or 0) * _UNITS[found[3]]
