"""A fake of GitHub's API of attestations."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply

__all__ = ["AttestationsApi"]


class AttestationsApi(HttpServer):
    """The attestations of repositories, by `OWNER/NAME` and digest; `token` is the one that is taken.

    `page` is how many are on a page, `status` what every request gets instead.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token, self.page, self.status = token, 1, 0
        self.bundles: dict[tuple[str, str], list[Mapping[str, Any] | None]] = {}
        self.asked: list[str] = []

    def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        parts = urlsplit(exchange.path)
        self.asked.append(exchange.path)
        if self.status or exchange.headers.get("Authorization") != f"Bearer {self.token}":
            exchange.reply(Reply(self.status or 401, body=b'{"message": "Bad credentials"}'))
            return
        _, _, owner, name, _, digest = unquote(parts.path.removeprefix("/api/v3")).split("/", 5)
        found = self.bundles.get((f"{owner}/{name}", digest))
        if not found:
            exchange.reply(Reply(404, body=b'{"message": "Not Found"}'))
            return
        start = int(parse_qs(parts.query).get("after", ["0"])[0])
        entries = [{"bundle": one, "repository_id": 1} for one in found[start : start + self.page]]
        after = start + self.page
        link = f'<{self.url}{parts.path}?per_page=1&after={after}>; rel="next"'
        headers = [("Link", link)] if after < len(found) else []
        exchange.reply(Reply(200, headers, json.dumps({"attestations": entries}).encode()))
