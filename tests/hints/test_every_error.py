"""Every error says what to do: where it is made, or by its code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tagger.errors import REMEDIES

PACKAGE = Path(__file__).parents[2] / "tagger"
ERRORS = {"StoreError", "NotFound", "InputError", "Refused", "EngineError", "IncompleteRelease", "Unconfirmed", "error"}
ELSEWHERE = {
    ("images/manifests.py", "StoreError"),  # its code is one of two, and both have a remedy
    ("reporting/console.py", "error"),  # the runner's command, given an error
    ("settings/problems.py", "InputError"),  # each of its lines ends in a hint
}


def without_hint() -> Iterator[tuple[str, str]]:
    """Yield where an error is made with a message alone: the file, and the name that is called."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or len(node.args) != 1 or ast.unparse(node.func) == "zlib.error":
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            code = given.get("code")
            known = isinstance(code, ast.Constant) and code.value in REMEDIES
            if name in ERRORS and "hint" not in given and not known:
                yield str(path.relative_to(PACKAGE)), str(name)


def test_no_error_is_made_without_a_hint() -> None:
    assert set(without_hint()) == ELSEWHERE
