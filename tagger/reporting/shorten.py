"""Shortens a JSON document for an output of the action, and names what is left out."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tagger.reporting.terminal import ESCAPED

__all__ = ["MOST", "shorten"]

MOST = 64 * 1024
"""The most bytes of the output. It becomes an environment variable: Linux takes 128 KiB (execve(2), MAX_ARG_STRLEN)."""

_OUTCOME = ("repository", "status", "digest", "error", "changes")
_REPORT = ("command", "version", "changed", "digest", "error", "repositories", *_OUTCOME)
_IDLE = ("keep", "hold")

Document = Mapping[str, Any]


def shorten(document: Document) -> str:
    """Return a document as JSON on one line. While it is too long, leave out more, down to its `command` and `error`.

    `shortened` in the JSON names what is left out.
    """
    steps: Sequence[tuple[str, Callable[[Document], Document]]] = (
        ("", lambda whole: whole),
        ("rows that change nothing", _without_idle_rows),
        ("rows that change nothing, and what is not about repositories", lambda whole: _select(whole, _REPORT)),
        ("the rows", lambda whole: _select(whole, tuple(name for name in _REPORT if name != "changes"))),
        ("all but how it ended", lambda whole: {name: whole.get(name) for name in ("command", "error")}),
        ("all but how it ended, and the end of a text", lambda whole: {"error": _cut(whole.get("error"))}),
    )
    content = b""
    for left_out, reduce in steps:
        shown = reduce(document)
        said = {**shown, "shortened": f"left out, as the report is long: {left_out}"} if left_out else shown
        content = json.dumps(said, ensure_ascii=False).encode(errors=ESCAPED)
        if len(content) <= MOST:
            break
    return content.decode()


def _cut(error: Any) -> Any:
    """Return an error with the first thousand characters of each of its texts."""
    whole = error if isinstance(error, Mapping) else {}
    return {name: text[:1000] if isinstance(text, str) else text for name, text in whole.items()} or None


def _without_idle_rows(document: Document) -> Document:
    """Return a document without the rows of tags that stay as they are and have not drifted, at any depth."""
    return {name: _drop_idle_rows(value) for name, value in document.items()}


def _drop_idle_rows(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_idle_rows(value)
    if isinstance(value, list):
        return [_drop_idle_rows(one) for one in value if not _is_idle(one)]
    return value


def _is_idle(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("action") in _IDLE and not value.get("drifted")


def _select(document: Document, names: Sequence[str]) -> Document:
    """Return the named parts of a report, or of the report of each component, without rows that change nothing."""
    shown = _without_idle_rows(document)
    if "components" in shown:
        parts = {name: _select(one, names) for name, one in shown["components"].items()}
        return {**shown, "components": parts}
    found: dict[str, Any] = {name: value for name, value in shown.items() if name in names}
    if isinstance(found.get("repositories"), list):
        found["repositories"] = [
            {name: value for name, value in one.items() if name in names} for one in found["repositories"]
        ]
    return found
