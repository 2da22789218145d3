"""A fake of GitHub's API of attestations, and of the storage beside it that keeps large bundles."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply

__all__ = ["AttestationsApi", "BundleStorage"]


class AttestationsApi(HttpServer):
    """The attestations by `OWNER/NAME` and digest; `token` is the valid one.

    `page` is how many are on a page, `status` what every request gets instead. An entry that is a text is the address
    of a bundle that is kept elsewhere. Owners in `people` are users, all others organisations.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token, self.page, self.status = token, 1, 0
        self.bundles: dict[tuple[str, str], list[Mapping[str, Any] | str | None]] = {}
        self.people: set[str] = set()
        self.asked: list[str] = []

    def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        parts = urlsplit(exchange.path)
        self.asked.append(exchange.path)
        if self.status or exchange.headers.get("Authorization") != f"Bearer {self.token}":
            exchange.reply(Reply(self.status or 401, body=b'{"message": "Bad credentials"}'))
            return
        found = self._found(unquote(parts.path.removeprefix("/api/v3")).strip("/").split("/"))
        if not found:
            exchange.reply(Reply(404, body=b'{"message": "Not Found"}'))
            return
        start = int(parse_qs(parts.query).get("after", ["0"])[0])
        entries = [_entry(one) for one in found[start : start + self.page]]
        after = start + self.page
        link = f'<{self.url}{parts.path}?per_page=1&after={after}>; rel="next"'
        headers = [("Link", link)] if after < len(found) else []
        exchange.reply(Reply(200, headers, json.dumps({"attestations": entries}).encode()))

    def _found(self, path: list[str]) -> list[Mapping[str, Any] | str | None]:
        """Return the attestations below a path: of a repository, or of all repositories of an owner."""
        root, owner, digest = path[0], path[1], path[-1]
        if root == "repos":
            return self.bundles.get((f"{owner}/{path[2]}", digest), [])
        if root != ("users" if owner in self.people else "orgs"):
            return []
        of_owner = (
            found for (name, about), found in self.bundles.items() if (name.split("/")[0], about) == (owner, digest)
        )
        return [one for found in of_owner for one in found]


def _entry(kept: Mapping[str, Any] | str | None) -> dict[str, Any]:
    if isinstance(kept, str):
        return {"bundle": None, "bundle_url": kept, "repository_id": 1}
    return {"bundle": kept, "repository_id": 1}


class BundleStorage(HttpServer):
    """Storage that answers each path with `content`, or with `status`; it records the token of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.content: dict[str, bytes] = {}
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []

    def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        self.asked.append((exchange.path, exchange.headers.get("Authorization")))
        body = self.content.get(urlsplit(exchange.path).path)
        exchange.reply(
            Reply(self.status if body is not None else 404, [("Content-Type", "application/x-snappy")], body or b"")
        )
