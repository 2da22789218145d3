"""The events and rows that docker/metadata-action tests itself with, and the tags that it gives them.

Source: github.com/docker/metadata-action at dc80280, __tests__: which events, which rows, which tags. Where we give
others, docs/metadata-action.md says why.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.version_from.build import build_facts
from tests.rules.rows.filling import tags

TABLE = json.loads((Path(__file__).parent / "events.json").read_text())
NO_VERSION = "a git tag, or a part of it, that is no version brings no `latest`"
ILLEGAL = "a row that gives no legal version is an error"
PRERELEASE = "a prerelease never takes `latest`, nor the tag of another version"
DIFFERENCES = {
    "tag tag01": NO_VERSION,
    "tag tag02": NO_VERSION,
    "latest latest01": NO_VERSION,
    "latest latest02": NO_VERSION,
    "latest latest03": NO_VERSION,
    "raw raw03": NO_VERSION,
    "tag tag07": PRERELEASE,
    "tag tag08": PRERELEASE,
    "tag tag09": PRERELEASE,
    "latest latest06": PRERELEASE,
    "latest latest10": PRERELEASE,
    "tag tag14": ILLEGAL,
    "tag tag30": ILLEGAL,
    "tag tag18": "a group that the pattern lacks is an error",
    "tag tag19": "a suffix without a `latest` of its own is refused",
    "tag tag29": "a post release is the newest of its classes",
    "tag tag32": "a prerelease has the exact tags of its templates, and no other spelling",
}

DEFAULT_ROWS = ("type=schedule", "type=ref,event=branch", "type=ref,event=tag", "type=ref,event=pr")
"""What docker/metadata-action takes where `tags` is empty."""


def given(case: Mapping[str, Any], folder: Path) -> list[str] | str:
    """Return the tags of a case, or the message that refuses it."""
    event = TABLE["events"][case["event"]]
    payload = folder / "event.json"
    payload.write_text(json.dumps(event["payload"]))
    environ = {**event["environ"], "GITHUB_EVENT_PATH": str(payload), "TAGGER_NOW": "2020-01-10T00:30:00Z"}
    environ |= {"GITHUB_ACTIONS": "true"}
    try:
        return tags(case["rows"] or DEFAULT_ROWS, build_facts(environ, folder), case["flavor"])
    except InputError as error:
        return f"{error.message} {error.hint}"


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["case"])
def test_the_same_tags_or_a_listed_difference(case: Mapping[str, Any], tmp_path: Path) -> None:
    found = given(case, tmp_path)
    assert (found == case["tags"]) == (case["case"] not in DIFFERENCES), found


def test_most_are_the_same() -> None:
    names = [case["case"] for case in TABLE["cases"]]
    assert len(names) == len(set(names)) == 114
    assert set(DIFFERENCES) <= set(names)
    assert (len(names) - len(DIFFERENCES)) / len(names) > 0.85


def test_a_refusal_names_the_row(tmp_path: Path) -> None:
    for case in TABLE["cases"]:
        found = given(case, tmp_path)
        if isinstance(found, str):
            assert any(line in found for line in (*case["rows"], "the flavor")), found
