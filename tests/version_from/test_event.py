"""What `hold: auto` makes of each activity of a release event, and payloads that say nothing."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.version_from.event import ReleaseEvent, read_release_event

ACTIVITIES = ("published", "released", "prereleased", "edited", "created", "deleted", "unpublished", "transferred")


def environ(folder: Path, content: str | bytes, name: str = "release") -> Mapping[str, str]:
    """Return the environment of a run that an event started."""
    file = folder / "event.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file)}


def payload(action: object = "published", prerelease: object = True) -> str:
    """Return a payload as GitHub sends it, with what else is in it left out."""
    return json.dumps({"action": action, "release": {"tag_name": "v3.2.0", "prerelease": prerelease, "draft": False}})


def test_the_payload_is_read(tmp_path: Path) -> None:
    assert read_release_event(environ(tmp_path, payload())) == ReleaseEvent("published", True)
    assert read_release_event(environ(tmp_path, payload("released", False))) == ReleaseEvent("released", False)


def test_another_event_is_not_looked_at(tmp_path: Path) -> None:
    assert read_release_event({}) is None
    assert read_release_event(environ(tmp_path, "not JSON", name="push")) is None


@pytest.mark.parametrize(
    "content",
    [
        "", "null", "[]", "{}", '{"action": "published"}', '{"action": "published", "release": null}',
        '{"action": "published", "release": "\x1b[31m"}', payload(1), payload("published", "false"), payload("x", None),
        "[" * 100_000, "9" * 10_000, b"\xff\xfe\x00", b" " * (32 * 1024 * 1024 + 1),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_payload_that_says_neither_yes_nor_no_is_an_error(content: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="payload of the release event cannot be read") as error:
        read_release_event(environ(tmp_path, content))
    assert error.value.message.isprintable()
    assert len(error.value.message) < 500


def test_a_payload_that_is_not_there_is_an_error() -> None:
    for path in ({}, {"GITHUB_EVENT_PATH": "/nowhere/\x1b[2J"}, {"GITHUB_EVENT_PATH": "/"}):
        with pytest.raises(InputError, match="cannot be read") as error:
            read_release_event({"GITHUB_EVENT_NAME": "release", **path})
        assert error.value.message.isprintable()


@pytest.mark.parametrize(
    ("action", "prerelease", "new", "in_force", "held"),
    [
        # what becomes of a version that stands nowhere, of one that stands without a mark, of one that is held
        ("published", True, "hold", "release", "hold"),
        ("published", False, "release", "release", "release"),
        ("released", False, "release", "release", "approve"),
        ("prereleased", True, "hold", "nothing", "hold"),
        ("edited", True, "hold", "nothing", "hold"),
        ("edited", False, "release", "nothing", "release"),
        ("created", True, "nothing", "nothing", "nothing"),
        ("deleted", False, "nothing", "nothing", "nothing"),
        ("unpublished", True, "nothing", "nothing", "nothing"),
    ],
)
def test_each_activity(action: str, prerelease: bool, new: str, in_force: str, held: str) -> None:
    event = ReleaseEvent(action, prerelease)
    assert event.verdict(final=True, in_force=False, held=False) == new
    assert event.verdict(final=True, in_force=True, held=False) == in_force
    assert event.verdict(final=True, in_force=False, held=True) == held


@given(st.sampled_from(ACTIVITIES), st.booleans(), st.booleans(), st.booleans())
def test_laws(action: str, prerelease: bool, in_force: bool, held: bool) -> None:
    event = ReleaseEvent(action, prerelease)
    assert event.verdict(final=False, in_force=in_force, held=False) in ("release", "nothing")  # no number of an rc
    assert event.verdict(final=True, in_force=True, held=held) != "hold"  # never one that is in force
    if action in ("created", "deleted", "unpublished"):
        assert not event.writes
