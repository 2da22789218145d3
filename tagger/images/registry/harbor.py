"""Harbor's own API, which tells the immutable tags of a repository (goharbor/harbor, api/v2.0/swagger.yaml)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from tagger.errors import TaggerError
from tagger.images.documents import read_json
from tagger.images.registry.web_api import WebApi
from tagger.names import Repository
from tagger.rules.patterns import compile_pattern

__all__ = ["HEADERS", "immutable_tags"]

HEADERS = {"Accept": "application/json", "X-Is-Resource-Name": "true"}
_PIECE = re.compile(r"\*\*|[*?{},]|\\.|\[[^]]*\]|.", re.DOTALL)


def immutable_tags(repository: Repository, api: WebApi) -> tuple[str, ...] | None:
    """Return regular expressions for immutable tags; None where it is no Harbor, or does not tell."""
    project, _, name = repository.name.partition("/")
    path = f"/api/v2.0/projects/{quote(project, safe='')}/immutabletagrules?page_size=100"
    try:
        answer = api.call("GET", path, "asking for the rules of immutable tags")
        rules = read_json(answer.body) if answer.status == 200 else None
        if not isinstance(rules, list):
            return None
        return tuple(_tags(rule) for rule in rules if not rule.get("disabled") and _is_about(rule, name))
    except (TaggerError, ValueError, KeyError, TypeError, AttributeError, RecursionError, re.error):
        return None


def _is_about(rule: Mapping[str, Any], name: str) -> bool:
    selectors = (rule.get("scope_selectors") or {}).get("repository") or ()
    return all(compile_pattern(_matching(one)).fullmatch(name) for one in selectors)


def _tags(rule: Mapping[str, Any]) -> str:
    return "".join(f"(?={_matching(one)}$)" for one in rule["tag_selectors"]) + ".*"


def _matching(selector: Mapping[str, Any]) -> str:
    expression = _expression(str(selector["pattern"]))
    return f"(?!{expression}$).*" if "xcludes" in str(selector.get("decoration")) else expression


def _expression(pattern: str) -> str:
    """Return the regular expression for a doublestar pattern."""
    return "(?:" + "".join(_translate(_PIECE.findall(pattern))) + ")"


def _translate(pieces: Iterable[str]) -> Iterable[str]:
    depth = 0
    for piece in pieces:
        if piece in ("**", "*", "?"):
            yield {"**": ".*", "*": "[^/]*", "?": "[^/]"}[piece]
        elif piece in "{}":
            depth += 1 if piece == "{" else -1
            yield "(?:" if piece == "{" else ")"
        elif piece == "," and depth:
            yield "|"
        else:
            yield piece if piece.startswith("[") and len(piece) > 1 else re.escape(piece.removeprefix("\\") or "\\")
