"""Reads challenges: the header `WWW-Authenticate` (RFC 9110, section 11; RFC 6750)."""

import re
from collections.abc import Container, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tagger.images.registry.dialects import dialect_of

__all__ = ["Challenge", "known_challenge", "parse_challenges", "choose_challenge"]

LONGEST = 64 * 1024  # characters of a header that are read

_PARAMETER = re.compile(r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BETWEEN = re.compile(r"[\s,]+")


class Challenge(NamedTuple):
    """One challenge of a server: `Bearer realm="…",service="…"`."""

    scheme: str
    parameters: Mapping[str, str] = MappingProxyType({})

    @property
    def lacks_scope(self) -> bool:
        """Whether the token was accepted but does not allow this."""
        return self.parameters.get("error") == "insufficient_scope"


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Read `WWW-Authenticate` headers. One header may have several challenges. Everything else in it is skipped."""
    found: list[Challenge] = []
    for whole in headers:
        header = whole[:LONGEST]
        parameters: dict[str, str] | None = None
        position = 0
        while position < len(header):
            if between := _BETWEEN.match(header, position):
                position = between.end()
            elif parameter := _PARAMETER.match(header, position):
                name, quoted, plain = parameter.groups()
                if parameters is not None:
                    value = plain if quoted is None else quoted
                    value = re.sub(r"\\(.)", r"\1", value) if "\\" in value else value
                    parameters.setdefault(name.lower(), value)
                position = parameter.end()
            elif scheme := _SCHEME.match(header, position):
                parameters = {}
                found.append(Challenge(scheme[0].lower(), parameters))
                position = scheme.end()
            else:
                position += 1
    return found


def choose_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge to answer: bearer where the server offers it, else basic; None where there is neither."""
    usable = [c for c in challenges if c.scheme == "basic" or (c.scheme == "bearer" and c.parameters.get("realm"))]
    return next((c for c in usable if c.scheme == "bearer"), usable[0] if usable else None)


def known_challenge(name: str, endpoints: Container[str]) -> Challenge | None:
    """Return the challenge of a registry whose token server is known, which saves a round trip; else None."""
    dialect = dialect_of(name)
    known = dialect.realm and name not in endpoints
    return Challenge("bearer", {"realm": dialect.realm, "service": dialect.service}) if known else None
