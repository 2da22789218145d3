"""The meaning of the statuses of answers, one row each."""

from typing import NamedTuple

from tagger.errors import AGAIN

__all__ = ["DELETED", "RATE", "REDIRECTS", "STORED", "Status", "status_of"]


FAULT = f"{{registry}} has a fault. {AGAIN}"
FULL = "{registry} has no space left. Free some, or ask its operator for more; then run the same command again."
QUOTA = "Look at the plan and the quota of the account at {registry}."
PROXY = "The proxy needs a login: write it in HTTPS_PROXY, as http://USER:PASSWORD@HOST:PORT."
PORTAL = "A network on the way asks for a login first. Log in there, or use another network."
RATE = "{registry} limits the rate of requests. Log in if you did not, or try again later."


class Status(NamedTuple):
    """The meaning of one status.

    `code` is the error code where the registry gives none, and `hint` the hint, in which {registry} is its name.
    `again`: the same request may succeed later. `throttled`: the registry limits the rate of requests. `perhaps_done`:
    the request may have been carried out. `vague`: the cause may also be the content of the request. `not_offered`: the
    registry does not support the request. `absent`: the requested thing does not exist.
    """

    number: int
    code: str = "FAILED"
    hint: str = ""
    again: bool = False
    throttled: bool = False
    perhaps_done: bool = False
    vague: bool = False
    not_offered: bool = False
    absent: bool = False


STATUSES = {
    row.number: row
    for row in (
        Status(400, "FAILED", not_offered=True),  # the answer of ECR and distribution 2 to unknown requests
        Status(401, "UNAUTHORIZED"),
        Status(402, "DENIED", QUOTA),
        Status(403, "DENIED"),
        Status(404, "NAME_UNKNOWN", not_offered=True, absent=True),
        Status(405, "UNSUPPORTED", not_offered=True),
        Status(406, "UNSUPPORTED", not_offered=True),
        Status(407, "UNAUTHORIZED", PROXY),
        Status(408, "UNAVAILABLE", AGAIN, again=True, perhaps_done=True),
        Status(410, "NAME_UNKNOWN", not_offered=True, absent=True),
        Status(413, "SIZE_INVALID"),
        Status(414, "UNSUPPORTED", not_offered=True),
        Status(425, "UNAVAILABLE", AGAIN, again=True),
        Status(429, "TOOMANYREQUESTS", RATE, again=True, throttled=True),
        Status(431, "UNSUPPORTED", not_offered=True),
        Status(500, "UNAVAILABLE", FAULT, again=True, perhaps_done=True, vague=True),
        Status(501, "UNSUPPORTED", not_offered=True),
        Status(502, "UNAVAILABLE", FAULT, again=True, perhaps_done=True),
        Status(503, "UNAVAILABLE", FAULT, again=True, perhaps_done=True),
        Status(504, "UNAVAILABLE", FAULT, again=True, perhaps_done=True),
        Status(507, "UNAVAILABLE", FULL),
        Status(511, "UNAVAILABLE", PORTAL),
        # The answers of Cloudflare for a registry behind it that does not answer.
        *(Status(number, "UNAVAILABLE", FAULT, again=True, perhaps_done=True) for number in range(520, 525)),
    )
}

STORED = frozenset({200, 201, 202})
DELETED = frozenset({200, 202, 204})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def status_of(number: int) -> Status:
    """Return the row of a status. A status without a row is an error; from 500 on, the registry's."""
    return STATUSES.get(number) or (Status(number, "UNAVAILABLE", FAULT) if number >= 500 else Status(number))
