"""Scopes of tokens: what may be done with which repository (distribution, "Token Scope Documentation")."""

import re
from collections.abc import Iterable

__all__ = ["covers", "parse_scopes", "joined"]

MOST_HEARD = 4  # scopes of one challenge that are asked for besides our own
_SCOPE = r"[\x21-\x7e]{1,64}:[\x21-\x7e]{1,512}:[a-z*]+(?:,[a-z*]+){0,7}"


def parse_scopes(text: str) -> tuple[str, ...]:
    """Return the scopes that a challenge names, without what is none."""
    return tuple(scope for scope in text.split()[:MOST_HEARD] if re.fullmatch(_SCOPE, scope))


def covers(scopes: Iterable[str], wanted: str) -> bool:
    """Say whether `scopes` hold every action of the scope `wanted`."""
    resource, _, actions = wanted.rpartition(":")
    held = {action for scope in scopes if scope.rpartition(":")[0] == resource for action in _actions(scope)}
    return held.issuperset(actions.split(","))


def joined(scopes: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Return scopes with the actions of `more`, one scope for a resource."""
    actions: dict[str, dict[str, None]] = {}
    for scope in (*scopes, *more):
        actions.setdefault(scope.rpartition(":")[0], {}).update(dict.fromkeys(_actions(scope)))
    return tuple(f"{resource}:{','.join(names)}" for resource, names in actions.items())


def _actions(scope: str) -> list[str]:
    return scope.rpartition(":")[2].split(",")
