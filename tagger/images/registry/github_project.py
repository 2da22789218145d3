"""Reads the default branch of a GitHub repository, and the time of a commit, from GitHub's API."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tagger.errors import StoreError
from tagger.images.registry.web_api import WebApi

__all__ = ["GithubProject"]

UNKNOWN = (401, 403, 404, 409, 422)
"""The statuses for an unknown or hidden repository or commit (docs.github.com, REST API, "Get a commit")."""


class GithubProject:
    """One repository, `OWNER/NAME`. What GitHub does not show to the token is unknown."""

    def __init__(self, api: WebApi, name: str) -> None:
        self._api, self._path = api, f"/repos/{quote(name)}"

    def commit_time(self, sha: str) -> datetime | None:
        """Return the committer's time of a commit; None where it is unknown. Raise `StoreError`."""
        text = self._read(f"/commits/{quote(sha, safe='')}", "commit", "committer", "date")
        try:
            made = datetime.fromisoformat(text) if text else None
        except ValueError:
            return None
        return made and (made if made.tzinfo else made.replace(tzinfo=UTC))

    def default_branch(self) -> str:
        """Return the name of the default branch; empty where it is unknown. Raise `StoreError`."""
        return self._read("", "default_branch")

    def _read(self, path: str, *keys: str) -> str:
        """Return the text under nested keys; empty where there is none."""
        what = f"asking about {self._path}{path}"
        value: Any
        try:
            value, _ = self._api.get(self._path + path, what, self._api.refusal)
        except StoreError as error:
            if error.status in UNKNOWN:
                return ""
            raise
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""
