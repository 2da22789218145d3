"""The meaning of the statuses of answers, one row each."""

from typing import NamedTuple

__all__ = ["DELETED", "REDIRECTS", "STORED", "Status", "status_of"]


class Status(NamedTuple):
    """The meaning of one status.

    `code` is the error code where the registry gives none. `again`: the same request may succeed later. `perhaps_done`:
    the request may have been carried out. `not_offered`: the registry does not support the request. `absent`: the
    requested thing does not exist.
    """

    number: int
    code: str = "FAILED"
    again: bool = False
    perhaps_done: bool = False
    not_offered: bool = False
    absent: bool = False


STATUSES = {
    row.number: row
    for row in (
        Status(400, "FAILED", not_offered=True),  # the answer of ECR and distribution 2 to unknown requests
        Status(401, "UNAUTHORIZED"),
        Status(403, "DENIED"),
        Status(404, "NAME_UNKNOWN", not_offered=True, absent=True),
        Status(405, "UNSUPPORTED", not_offered=True),
        Status(406, "UNSUPPORTED", not_offered=True),
        Status(408, "UNAVAILABLE", again=True, perhaps_done=True),
        Status(410, "NAME_UNKNOWN", not_offered=True, absent=True),
        Status(413, "SIZE_INVALID"),
        Status(414, "UNSUPPORTED", not_offered=True),
        Status(425, "UNAVAILABLE", again=True),
        Status(429, "TOOMANYREQUESTS", again=True),
        Status(431, "UNSUPPORTED", not_offered=True),
        Status(500, "UNAVAILABLE", again=True, perhaps_done=True),
        Status(501, "UNSUPPORTED", not_offered=True),
        Status(502, "UNAVAILABLE", again=True, perhaps_done=True),
        Status(503, "UNAVAILABLE", again=True, perhaps_done=True),
        Status(504, "UNAVAILABLE", again=True, perhaps_done=True),
        # The answers of Cloudflare for a registry behind it that does not answer.
        *(Status(number, "UNAVAILABLE", again=True, perhaps_done=True) for number in range(520, 525)),
    )
}

STORED = frozenset({200, 201, 202})
DELETED = frozenset({200, 202, 204})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def status_of(number: int) -> Status:
    """Return the row of a status. A status without a row is an error; from 500 on, the registry's."""
    return STATUSES.get(number) or Status(number, "UNAVAILABLE" if number >= 500 else "FAILED")
