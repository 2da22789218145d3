"""The output `json` is at most 64 KiB, and says what it leaves out."""

import json
from typing import Any

import pytest

from tagger.reporting.shorten import MOST, shorten


def report(rows: int, written: int, repositories: int = 1, **more: Any) -> dict[str, Any]:
    """Return a report with so many rows in each repository, of which the first are written."""
    changes = [
        {"tag": f"1.{number}", "action": "create" if number < written else "keep", "after": f"sha256:{number:064}"}
        for number in range(rows)
    ]
    places = [
        {"repository": f"acme/app-{number}", "status": "released", "changes": changes} for number in range(repositories)
    ]
    return {"command": "release", "version": "1.0", "error": None, "repositories": places, **more}


def read(document: dict[str, Any]) -> dict[str, Any]:
    text = shorten(document)
    assert len(text.encode()) <= MOST
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_short_one_is_whole() -> None:
    assert read(report(20, 3)) == report(20, 3)


def test_rows_that_change_nothing_go_first() -> None:
    found = read(report(2000, 3))
    assert [row["action"] for row in found["repositories"][0]["changes"]] == ["create"] * 3
    assert found["shortened"] == "left out, as the report is long: rows that change nothing"
    assert found["version"] == "1.0"


def test_what_drifted_stays() -> None:
    long = report(2000, 0)
    long["repositories"][0]["changes"].append({"tag": "latest", "action": "hold", "drifted": True})
    assert [row["tag"] for row in read(long)["repositories"][0]["changes"]] == ["latest"]


def test_hundreds_of_components() -> None:
    """How each ended stays, where there is no place for more."""
    whole = {"command": "release", "components": {f"app-{n}": report(9, 9) for n in range(300)}, "error": None}
    found = read(whole)
    assert len(found["components"]) == 300
    assert found["components"]["app-7"]["repositories"][0] == {"repository": "acme/app-0", "status": "released"}


@pytest.mark.parametrize("name", ["repositories", "components"])
def test_at_last_how_it_ended_is_all(name: str) -> None:
    error = {"code": "DENIED", "message": "no", "hint": ""}
    long: Any = {"command": "tags", "error": error}
    long[name] = {str(n): {"x": "y" * 99} for n in range(9999)} if name == "components" else [{"status": "é" * 99999}]
    assert read(long) == {
        "command": "tags",
        "error": error,
        "shortened": "left out, as the report is long: all but how it ended",
    }


def test_a_very_long_error_is_cut() -> None:
    document = read(report(2, 2, error={"code": "FAILED", "message": "x" * 100_000, "hint": None}))
    assert document["error"]["code"] == "FAILED"
    assert document["error"]["message"] == "x" * 1000
