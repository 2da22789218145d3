"""The scopes of tokens: the actions allowed in each repository (distribution, "Token Scope Documentation")."""

import re
from collections.abc import Iterable

__all__ = ["covers", "parse_scopes", "join_scopes"]

MOST = 4  # scopes of one challenge that are requested besides our own
_SCOPE = r"[\x21-\x7e]{1,64}:[\x21-\x7e]{1,512}:[a-z*]+(?:,[a-z*]+){0,7}"


def parse_scopes(text: str) -> tuple[str, ...]:
    """Return the valid scopes in a challenge."""
    return tuple(scope for scope in text.split()[:MOST] if re.fullmatch(_SCOPE, scope))


def covers(scopes: Iterable[str], wanted: str) -> bool:
    """Say whether `scopes` include every action of the scope `wanted`."""
    resource, _, actions = wanted.rpartition(":")
    held = {action for scope in scopes if scope.rpartition(":")[0] == resource for action in _actions(scope)}
    return held.issuperset(actions.split(","))


def join_scopes(scopes: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Return `scopes` and `more` as one scope for each resource."""
    actions: dict[str, dict[str, None]] = {}
    for scope in (*scopes, *more):
        actions.setdefault(scope.rpartition(":")[0], {}).update(dict.fromkeys(_actions(scope)))
    return tuple(f"{resource}:{','.join(names)}" for resource, names in actions.items())


def _actions(scope: str) -> list[str]:
    return scope.rpartition(":")[2].split(",")
