"""The payload of the event of GitHub that started a run; and whether a `release` event holds its version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tagger.errors import InputError
from tagger.workspace import read_regular

__all__ = ["ReleaseEvent", "Verdict", "read_payload", "read_release_event"]

LARGEST = 32 * 1024 * 1024  # bytes; GitHub sends at most 25 MB (docs, "Webhook events and payloads")
SILENT = ("created", "deleted", "unpublished")
Verdict = Literal["release", "hold", "approve", "nothing"]


class ReleaseEvent(NamedTuple):
    """The activity of a `release` event (GitHub docs, "Events that trigger workflows"), and the box `pre-release`."""

    action: str
    prerelease: bool

    @property
    def writes(self) -> bool:
        """False for an activity that never releases anything: created, deleted or unpublished."""
        return self.action not in SILENT

    def verdict(self, *, final: bool, in_force: bool, held: bool) -> Verdict:
        """Return what to do with the version.

        `final`: its number is not that of a prerelease. `in_force`: it is without a mark in one of the repositories.
        `held`: it is held in one of them.
        """
        if not self.writes:
            return "nothing"
        if self.action == "released":
            return "approve" if held else "release"
        if self.action in ("prereleased", "edited") and in_force:
            return "nothing"
        return "hold" if self.prerelease and final and not in_force else "release"


def read_payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the payload of the event, which is the file that GITHUB_EVENT_PATH names.

    Raise `OSError`, `ValueError` or `RecursionError` where it cannot be read or is no JSON object.
    """
    payload = json.loads(read_regular(Path(environ.get("GITHUB_EVENT_PATH", "")), LARGEST))
    if not isinstance(payload, dict):
        raise ValueError("it is no JSON object")
    return payload


def read_release_event(environ: Mapping[str, str]) -> ReleaseEvent | None:
    """Return the `release` event that started this run, or None where another one did, or none.

    Raise `InputError` when the payload cannot be read, or does not say whether this is a prerelease.
    """
    if environ.get("GITHUB_EVENT_NAME") != "release":
        return None
    path = environ.get("GITHUB_EVENT_PATH", "")
    try:
        payload = read_payload(environ)
        action, prerelease = payload["action"], payload["release"]["prerelease"]
        if not isinstance(action, str) or not isinstance(prerelease, bool):
            raise ValueError("its `action` or `release.prerelease` is of another type")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"the payload of the release event cannot be read: {path!a}: {ascii(error)[:200]}",
            "Say `hold: true` or `hold: false`; `auto` reads the payload that GITHUB_EVENT_PATH names.",
        ) from error
    return ReleaseEvent(action, prerelease)
