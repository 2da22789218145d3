"""Fakes of GitHub's Packages API and of Docker Hub's API, over the content of a small registry."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply
from tests.servers.small_registry import SmallRegistry, Stored

__all__ = ["GithubApi", "Harbor", "HubApi"]

LAST_TAGGED = "You cannot delete the last tagged version of a package. You must delete the package instead."
DOWNLOADED = (
    "Publicly visible package versions with more than 5000 downloads cannot be deleted. Contact GitHub support for "
    "further assistance."
)
DOWNLOADED_PACKAGE = (
    "Publicly visible packages with more than 5000 downloads cannot be deleted. Contact GitHub support for further "
    "assistance."
)
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass
class Asked:
    """One request, as an API saw it."""

    method: str
    path: str
    authorization: str
    headers: Any = None
    at: float = field(default_factory=time.monotonic)


class _Api(HttpServer):
    """The common part of both APIs: a log of requests, and planned answers."""

    def __init__(self, registry: SmallRegistry) -> None:
        super().__init__()
        self.registry = registry
        self.asked: list[Asked] = []
        self.planned: list[Reply] = []  # the next answers to what writes

    def answer(self, exchange: Exchange) -> None:
        """Log a request and answer it."""
        body = exchange.body()
        asked = Asked(exchange.command, exchange.path, exchange.headers.get("Authorization", ""), exchange.headers)
        with self.lock:
            self.asked.append(asked)
            if self.planned and asked.method != "GET":
                exchange.reply(self.planned.pop(0))
            else:
                exchange.reply(self.reply(asked, body))

    def reply(self, asked: Asked, body: bytes) -> Reply:
        raise NotImplementedError

    def paths(self, method: str) -> list[str]:
        """Return the paths of the requests with a method."""
        return [one.path for one in self.asked if one.method == method]


class GithubApi(_Api):
    """The Packages API of packages of `owner`, an organisation or a user.

    `token` is the valid one, and `may_delete` says whether it may delete. `lag` is for how many listings
    a new version is missing. `downloaded` are digests that too many have pulled. `ages` are days by digest.
    """

    def __init__(self, registry: SmallRegistry, owner: str = "acme", kind: str = "Organization") -> None:
        super().__init__(registry)
        registry.deletes = registry.deletes_tags = registry.referrers = False
        self.owner, self.kind = owner, kind
        self.token = "ghs_right"
        self.may_delete = True
        self.lag = 0
        self.downloaded: set[str] = set()
        self.ages: dict[str, float] = {}
        self.now = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
        self.per_page = 100
        self.prefix = ""
        self._ids: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._deleted: dict[int, tuple[str, Any, list[str]]] = {}

    def reply(self, asked: Asked, _body: bytes) -> Reply:
        parts = urlsplit(asked.path)
        if not parts.path.startswith(f"{self.prefix}/"):
            return _json(404, {"message": "Not Found"})
        path = [unquote(part) for part in parts.path.removeprefix(self.prefix).strip("/").split("/")]
        if asked.authorization != f"Bearer {self.token}":
            return _json(401, {"message": "Bad credentials"})
        if path[0] == "users" and len(path) == 2:
            return _json(200, {"type": self.kind}) if path[1] == self.owner else _json(404, {"message": "Not Found"})
        root = "orgs" if self.kind == "Organization" else "users"
        repository = self.registry.store.repositories.get(f"{path[1]}/{path[4]}") if len(path) > 4 else None
        if path[:2] != [root, self.owner] or path[2:4] != ["packages", "container"] or repository is None:
            return _json(404, {"message": "Package not found."})
        if len(path) == 6:
            return self._list(repository, parse_qs(parts.query), parts.path)
        if not self.may_delete:
            return _json(404, {"message": "Package not found."})
        if len(path) == 5:
            return self._delete_package(f"{path[1]}/{path[4]}", repository)
        number = int(path[6])
        return self._restore(repository, number) if asked.method == "POST" else self._delete(repository, number)

    def _list(self, repository: Stored, query: dict[str, list[str]], path: str) -> Reply:
        state, page = query.get("state", ["active"])[0], int(query.get("page", ["1"])[0])
        size = min(int(query.get("per_page", ["30"])[0]), self.per_page)
        rows = []
        if state == "deleted":
            rows = [self._row(number, digest, tags) for number, (digest, _, tags) in self._deleted.items()]
        else:
            for digest in repository.manifests:
                if page == 1:
                    self._seen[digest] = self._seen.get(digest, 0) + 1
                if self._seen.get(digest, 0) > self.lag:
                    tags = [tag for tag, at in repository.tags.items() if at == digest]
                    rows.append(self._row(self._id(digest), digest, tags))
        last = max(1, -(-len(rows) // size))
        link = f'<{self.url}{path}?per_page={size}&page={last}&state={state}>; rel="last"'
        headers = [("Link", link)] if page < last else []
        return _json(200, rows[(page - 1) * size : page * size], *headers, ("x-ratelimit-remaining", "4999"))

    def _row(self, number: int, digest: str, tags: list[str]) -> dict[str, Any]:
        made = datetime.fromtimestamp(self.now - self.ages.get(digest, 100.0) * 86400, UTC)
        stamp = made.isoformat().replace("+00:00", "Z")
        container = {"package_type": "container", "container": {"tags": tags}}
        return {"id": number, "name": digest, "created_at": stamp, "updated_at": stamp, "metadata": container}

    def _id(self, digest: str) -> int:
        return self._ids.setdefault(digest, 1000 + len(self._ids))

    def _delete(self, repository: Stored, number: int) -> Reply:
        digest = next((one for one, known in self._ids.items() if known == number), "")
        if digest not in repository.manifests:
            return _json(404, {"message": "Package not found."})
        tags = [tag for tag, at in repository.tags.items() if at == digest]
        if digest in self.downloaded:
            return _json(400, {"message": DOWNLOADED})
        if tags and len(tags) == len(repository.tags):
            return _json(400, {"message": LAST_TAGGED})
        self._deleted[number] = (digest, repository.manifests.pop(digest), tags)
        for tag in tags:
            del repository.tags[tag]
        return Reply(204)

    def _delete_package(self, name: str, repository: Stored) -> Reply:
        if self.downloaded.intersection(repository.manifests):
            return _json(400, {"message": DOWNLOADED_PACKAGE})
        del self.registry.store.repositories[name]
        return Reply(204)

    def _restore(self, repository: Stored, number: int) -> Reply:
        if number not in self._deleted:
            return _json(404, {"message": "Package not found."})
        digest, manifest, tags = self._deleted.pop(number)
        repository.manifests[digest] = manifest
        for tag in tags:
            repository.tags.setdefault(tag, digest)
        return Reply(204)


class HubApi(_Api):
    """Docker Hub's API over a small registry that deletes manifests by digest, and 403 while a tag names them.

    `secret` is the password of `user`; `broken` deletions of manifests answer 500 and are done all the same.
    """

    def __init__(self, registry: SmallRegistry, user: str = "octocat", secret: str = "right") -> None:  # noqa: S107
        super().__init__(registry)
        registry.deletes_tags = registry.referrers = False
        registry.guards_named = True
        self.user, self.secret = user, secret
        self.scope = "delete"
        self.page_size = 100
        self.immutable: dict[str, Any] = {"enabled": False, "rules": []}
        self.ages: dict[str, float] = {}
        self.now = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
        self._tokens: set[str] = set()

    def reply(self, asked: Asked, body: bytes) -> Reply:
        parts = urlsplit(asked.path)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        if path == ["v2", "auth", "token"]:
            if json.loads(body) != {"identifier": self.user, "secret": self.secret}:
                return _json(401, {"detail": "Incorrect authentication credentials"})
            self._tokens.add(f"Bearer jwt-{len(self._tokens)}")
            return _json(200, {"access_token": f"jwt-{len(self._tokens) - 1}"})
        if asked.authorization not in self._tokens:
            return _json(401, {"detail": "invalid token"})
        if path[1] == "namespaces":
            repository = self.registry.store.repositories.get(f"{path[2]}/{path[4]}")
            if repository is None:
                return _json(404, {"message": "object not found"})
            if path[5:] == ["tags"]:
                return self._list(repository, parse_qs(parts.query), parts.path)
            return _json(200, {"name": path[4], "immutable_tags_settings": self.immutable})
        repository = self.registry.store.repositories[f"{path[2]}/{path[3]}"]
        return self._untag(repository, path[5], slash=parts.path.endswith("/"))

    def _list(self, repository: Stored, query: dict[str, list[str]], path: str) -> Reply:
        page = int(query.get("page", ["1"])[0])
        tags = list(repository.tags.items())
        shown = tags[(page - 1) * self.page_size : page * self.page_size]
        rows = [{"name": tag, "digest": digest, "tag_last_pushed": self._pushed(tag)} for tag, digest in shown]
        more = page * self.page_size < len(tags)
        following = f"{self.url}{path}?page={page + 1}&page_size={self.page_size}" if more else None
        return _json(200, {"count": len(tags), "next": following, "results": rows})

    def _pushed(self, tag: str) -> str:
        made = datetime.fromtimestamp(self.now - self.ages.get(tag, 100.0) * 86400, UTC)
        return made.isoformat().replace("+00:00", "Z")

    def _untag(self, repository: Stored, tag: str, *, slash: bool) -> Reply:
        if not slash:
            return Reply(301)
        if self.scope != "delete":
            return _json(403, {"detail": "access to the resource is forbidden with this token", "error": True})
        if tag not in repository.tags:
            return _json(404, {"detail": "tag not found"})
        del repository.tags[tag]
        return Reply(204)


def _json(status: int, document: Any, *headers: tuple[str, str]) -> Reply:
    return Reply(status, [("Content-Type", "application/json"), *headers], json.dumps(document).encode())


class Harbor(SmallRegistry):
    """A registry with Harbor's API beside it: `rules` of immutable tags, for `user`."""

    rules: Sequence[Mapping[str, Any]] = ()

    def answer(self, exchange: Exchange) -> None:
        """Answer the API, or as a registry."""
        if exchange.path.startswith("/api/v2.0/projects/acme/immutabletagrules"):
            login = base64.b64encode(b"robot$acme:right").decode()
            exchange.body()
            right = exchange.headers.get("Authorization") == f"Basic {login}"
            exchange.reply(_json(200, self.rules) if right else _json(401, {"errors": [{"code": "UNAUTHORIZED"}]}))
        else:
            super().answer(exchange)
