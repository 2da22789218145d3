"""A small registry over real HTTP, in memory, with the behaviour and the faults of registries that cannot run here.

    with SmallRegistry(page_size=2, link="foreign") as registry:
        registry.put("acme/app", "1.0", manifest)        # without HTTP
        registry.fail("lost", method="PUT", reference="latest")
        ...
        assert [request.reference for request in registry.asked("PUT")] == ["latest"]

By default it does all that the distribution specification says, and nothing else.
"""

import base64
import hashlib
import json
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tagger.images.manifests import OCI_INDEX, Manifest
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.names import DIGEST, TAG
from tests.servers.http_server import Exchange, HttpServer, Reply
from tests.servers.token_server import TokenServer

__all__ = ["DIALECTS", "Fault", "Reply", "Request", "SmallRegistry", "Store"]

ROUTES = re.compile(
    r"/v2/(?:(?P<name>[a-z0-9._/-]+?)/"
    r"(?:(?P<tags>tags)/list|manifests/(?P<manifests>[^/]+)|referrers/(?P<referrers>[^/]+)"
    r"|blobs/uploads/(?P<uploads>[^/]*)|blobs/(?P<blobs>[^/]+)))?"
)

# How registries refuse to move an immutable tag: status, code, message.
DIALECTS: Mapping[str, tuple[int, str, str]] = {
    "ecr": (
        400, "TAG_INVALID",
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
        "repository is immutable.",
    ),
    "hub": (
        403, "DENIED",
        "tag {tag} is already assigned to an image in this repository and cannot be updated due to immutability "
        "settings",
    ),
    "harbor": (412, "PRECONDITION", "Failed to process request due to '{tag}' configured as immutable."),
    "harbor, terse": (412, "PRECONDITION", ""),
    "gitlab": (403, "DENIED", "push denied: {tag} is a protected tag"),
    "alibaba": (400, "TAG_INVALID", "requested tag already exists and cannot be overwritten"),
    "msr": (403, "UNKNOWN", "tag={tag} cannot be overwritten because {name} is an immutable repository"),
    "acr": (405, "UNSUPPORTED", "The operation is disallowed on this registry, repository or image: it is locked."),
    "gar": (409, "DENIED", "the tag {tag} cannot be updated: the repository has immutable tags"),
}  # fmt: skip


@dataclass
class Request:
    """A request as it arrived, and the status that it got; 0 while there is none."""

    number: int
    method: str
    path: str
    query: str
    name: str
    kind: str
    reference: str
    authorization: str
    headers: Message = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    status: int = 0

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """The query, taken apart."""
        return parse_qsl(self.query, keep_blank_values=True)

    def value(self, name: str) -> str | None:
        """Return one parameter of the query."""
        return dict(self.pairs).get(name)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    `kind` is `reset` (the connection breaks, nothing is done), `lost` (it is done, and the connection breaks), `half`
    (it is done, and the connection breaks in the middle of the answer's body), `wrong` (a byte of the body is another
    one), `silent` (it is done, and nothing is answered until the client goes) or `answer` (`reply` is the answer, and
    the request is done when `done`).
    """

    kind: str
    reply: Reply = field(default_factory=lambda: Reply(500))
    done: bool = False


class SmallRegistry(HttpServer):
    """A registry. Its habits are attributes, which tests may change at any moment:

    `page_size`: tags on a page when the client names no number, 0 for all. `most_n`: a larger number is answered 405.
    `needs_n`: so is none. `link`: how the next page is named: `path`, `url`, `query`, `foreign` (another host),
    `prefix` (the path lacks a part), `circular`, or `none`. `order`: `sorted`, `oldest` or `newest` first.
    `lists`: what a listing has of the sorted tags. `omits`: which tags it leaves out.
    `refuses`: which media types of manifests it does not take.
    `strict_last`: 404 for a page after a tag that is gone. `null_tags`: `null` for no tags. `absent`: the status for
    a repository that does not exist. `flaky`: statuses that the next reads of a tag get. `head`: what HEAD of a
    manifest gets: `digest`, `bare` (no digest), or a status. `several_tags`: how many tags one PUT may set; 0 ignores
    them, -1 answers 414. `announced`: whether all answers carry the header of distribution. `immutable`: which tags
    stay, and `dialect` how that is said. `deletes_tags`, `deletes`, `mounts`, `referrers`: what it can.
    `guards_named`: no manifest is deleted that a tag or an index names.
    `keeps_tags`: tags stay when their image goes. `users`:
    names and passwords. `tokens`: the token server that it trusts. `delete_action`: what a token has to allow for a
    DELETE. `blob_host`, `upload_host`: another host that
    blobs are read from, or uploaded to. `delay`: seconds before each answer. `watch` sees each request before it is
    carried out, and may return a fault or change anything.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, store: "Store | None" = None, **habits: Any) -> None:
        super().__init__(tls=tls)
        self.store = store or Store()
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.page_size = 0
        self.most_n = 0
        self.needs_n = False
        self.link = "path"
        self.order = "sorted"
        self.lists: Callable[[list[str]], list[str]] = lambda tags: tags
        self.strict_last = False
        self.null_tags = False
        self.omits: Callable[[str], bool] = lambda _tag: False
        self.absent = 404
        self.flaky: dict[str, list[int]] = {}
        self.head: str | int = "digest"
        self.several_tags = 0
        self.announced = True
        self.refuses: Callable[[str], bool] = lambda _media_type: False
        self.immutable: Callable[[str], bool] = lambda _tag: False
        self.dialect = "ecr"
        self.deletes_tags = True
        self.deletes = True
        self.guards_named = self.keeps_tags = False
        self.mounts = True
        self.referrers = True
        self.users: dict[str, str] = {}
        self.tokens: TokenServer | None = None
        self.delete_action = "delete"
        self.blob_host = ""
        self.upload_host = ""
        self.delay = 0.0
        self.watch: Callable[[Request], Fault | None] = lambda _request: None
        self._faults: list[_Planned] = []
        self._at_once = 0
        for name, value in habits.items():
            if not hasattr(self, name):
                raise TypeError(f"a small registry has no habit {name}")
            setattr(self, name, value)

    # For tests

    def client(self, **options: Any) -> Registries:
        """Return a client that knows a login, and repeats a request once."""
        users = self.tokens.users if self.tokens else self.users
        logins = [(self.host, *login) for login in list(users.items())[:1]]
        return Registries(**{"keychain": Keychain(logins=logins), "retries": 1, "timeout": 10.0, **options})

    def put(self, name: str, tag: str, manifest: Manifest) -> str:
        """Put a manifest under a tag, without HTTP and whatever it names; return its digest."""
        with self.lock:
            repository = self.store.repositories.setdefault(name, Stored())
            repository.manifests[manifest.digest] = manifest
            repository.tag(tag, manifest.digest)
            return manifest.digest

    def tags(self, name: str) -> Mapping[str, str]:
        """Return the tags of a repository, with their digests."""
        with self.lock:
            return dict(self.store.repositories[name].tags) if name in self.store.repositories else {}

    def remove(self, name: str, tag: str) -> None:
        """Remove a tag, without HTTP."""
        with self.lock:
            self.store.repositories[name].tags.pop(tag, None)

    def asked(self, method: str = "", kind: str = "", reference: str = "") -> list[Request]:
        """Return the requests so far that are of a method, of a kind (`tags`, `manifests`, …), for a reference."""
        with self.lock:
            return [request for request in self.requests if _matches(request, method, kind, reference)]

    def fail(
        self,
        fault: str | Fault,
        *,
        method: str = "",
        kind: str = "",
        reference: str = "",
        at: int = 1,
        times: int = 1,
    ) -> None:
        """Let the request number `at` of those that match, from now on, go wrong, and as many as `times` in all."""
        planned = Fault(fault) if isinstance(fault, str) else fault
        with self.lock:
            self._faults.append(_Planned(planned, method, kind, reference, at, times))

    # How it answers

    def answer(self, exchange: Exchange) -> None:
        """Log a request, let it go wrong where that is planned, and carry it out."""
        parts = urlsplit(exchange.path)
        route = ROUTES.fullmatch(parts.path)
        groups = {kind: value for kind, value in route.groupdict().items() if value is not None} if route else {}
        name = groups.pop("name", "")
        kind, reference = next(iter(groups.items()), ("", ""))
        authorization = exchange.headers.get("Authorization", "").partition(" ")[0]
        with self.lock:
            request = Request(
                len(self.requests) + 1,
                exchange.command,
                parts.path,
                parts.query,
                name,
                kind,
                "" if kind == "tags" else reference,
                authorization,
                exchange.headers,
            )
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            fault = self._planned(request)
        try:
            fault = self.watch(request) or fault
            if self.delay:
                time.sleep(self.delay)
            self._carry_out(exchange, request, fault)
        finally:
            with self.lock:
                self._at_once -= 1

    def _carry_out(self, exchange: Exchange, request: Request, fault: Fault | None) -> None:
        if fault and fault.kind == "reset":
            exchange.reset()
            return
        request.body = exchange.body()
        reply = fault.reply if fault and fault.kind == "answer" and not fault.done else self._reply(request)
        kind = fault.kind if fault else ""
        if fault and kind == "answer":
            reply = fault.reply
        if self.announced:
            reply = Reply(
                reply.status, [*reply.headers, ("Docker-Distribution-Api-Version", "registry/2.0")], reply.body
            )
        request.status = reply.status
        if kind == "lost":
            exchange.reset()
        elif kind == "silent":
            exchange.wait_for_client()
        elif kind == "wrong" and reply.body:
            exchange.reply(Reply(reply.status, reply.headers, bytes([reply.body[0] ^ 1]) + reply.body[1:]))
        else:
            exchange.reply(reply, half=kind == "half")

    def _planned(self, request: Request) -> Fault | None:
        for planned in self._faults:
            if _matches(request, planned.method, planned.kind, planned.reference):
                planned.at -= 1
                if planned.at <= 0 and planned.times > 0:
                    planned.times -= 1
                    return planned.fault
        return None

    def _reply(self, request: Request) -> Reply:
        denied = self._denied(request)
        if denied:
            return denied
        with self.lock:
            if not request.name:
                return Reply(200) if request.path in ("/v2/", "/v2") else Reply(404, body=b"404 page not found\n")
            method = getattr(self, f"_{request.method.lower()}_{request.kind}", None)
            if method is None:
                return _error(405, "UNSUPPORTED", "The operation is unsupported.")
            repository = self.store.repositories.get(request.name)
            if repository is None:
                if request.method in ("GET", "HEAD", "DELETE"):
                    code = "NAME_UNKNOWN" if self.absent == 404 else "DENIED"
                    return _error(self.absent, code, "repository name not known to registry")
                repository = Stored()
            reply: Reply = method(request, repository)
            if reply.status < 300 and request.method in ("PUT", "POST"):
                self.store.repositories.setdefault(request.name, repository)
            return reply

    def _denied(self, request: Request) -> Reply | None:
        header = request.headers.get("Authorization", "")
        if self.tokens:
            action = {"GET": "pull", "HEAD": "pull", "DELETE": self.delete_action}.get(request.method, "push")
            if self.upload_host and request.kind == "uploads":
                action = "push"
            problem = self.tokens.problem(header.removeprefix("Bearer "), request.name, action) if header else "none"
            if not problem:
                return None
            scope = f"repository:{request.name}:{action}" if request.name else ""
            challenge = f'Bearer realm="{self.tokens.url}/token",service="{self.tokens.service}",scope="{scope}"'
            if problem != "none":
                challenge += f',error="{problem}"'
            return _error(401, "UNAUTHORIZED", "authentication required", ("WWW-Authenticate", challenge))
        if self.users:
            with suppress(ValueError):
                user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
                if header and self.users.get(user) == password:
                    return None
            return _error(401, "UNAUTHORIZED", "authentication required", ("WWW-Authenticate", 'Basic realm="small"'))
        return None

    # Tags

    def _get_tags(self, request: Request, repository: "Stored") -> Reply:
        n, last = request.value("n"), request.value("last")
        if (n and self.most_n and int(n) > self.most_n) or (self.needs_n and not n):
            return _error(405, "UNSUPPORTED", f"n must be less than or equal to {self.most_n}")
        tags = [tag for tag in repository.tags if not self.omits(tag)]
        if self.order == "sorted":
            tags = self.lists(sorted(tags))
        elif self.order == "newest":
            tags.reverse()
        if last and last in tags:
            tags = tags[tags.index(last) + 1 :]
        elif last and self.strict_last:
            return _error(404, "NAME_UNKNOWN", f"there is no tag {last}")
        elif last:
            tags = [tag for tag in tags if tag > last]
        size = min(filter(None, (int(n or 0), self.page_size)), default=0)
        page = tags[:size] if size else tags
        headers = [("Content-Type", "application/json")]
        if size and len(tags) > size and self.link != "none":
            query = urlencode(
                {"last": request.value("last") if self.link == "circular" and last else page[-1], "n": size}
            )
            headers.append(("Link", f'<{self._next_page(request, query)}>; rel="next"'))
        listing = {"name": request.name, "tags": page or (None if self.null_tags else [])}
        return Reply(200, headers, json.dumps(listing).encode())

    def _next_page(self, request: Request, query: str) -> str:
        return {
            "url": f"{self.url}{request.path}?{query}",
            "query": f"?{query}",
            "foreign": f"http://127.0.0.2:1{request.path}?{query}",
            "prefix": f"/v2/{request.name.partition('/')[2]}/tags/list?{query}",
        }.get(self.link, f"{request.path}?{query}")

    # Manifests

    def _get_manifests(self, request: Request, repository: "Stored") -> Reply:
        statuses = self.flaky.get(request.reference)
        if statuses:
            return _error(statuses.pop(0), "MANIFEST_UNKNOWN", "manifest unknown")
        digest = repository.tags.get(request.reference, request.reference)
        manifest = repository.manifests.get(digest)
        if manifest is None:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        headers = [("Content-Type", manifest.media_type)]
        if self.head != "bare":
            headers.append(("Docker-Content-Digest", digest))
        return Reply(200, headers, manifest.content)

    def _head_manifests(self, request: Request, repository: "Stored") -> Reply:
        if isinstance(self.head, int):
            return Reply(self.head)
        return self._get_manifests(request, repository)

    def _put_manifests(self, request: Request, repository: "Stored") -> Reply:
        by_digest = bool(DIGEST.fullmatch(request.reference))
        algorithm = request.reference.partition(":")[0] if by_digest else "sha256"
        manifest = Manifest(request.headers.get("Content-Type", ""), request.body, algorithm)
        if self.refuses(manifest.media_type):
            return _error(400, "MANIFEST_INVALID", "manifest invalid")
        if by_digest and request.reference != manifest.digest:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if not by_digest and not TAG.fullmatch(request.reference):
            return _error(400, "TAG_INVALID", "manifest tag did not match URI")
        for part in (*manifest.children(), *manifest.blobs()):
            held = repository.manifests if part.digest in repository.manifests else repository.blobs
            if part.digest not in held and not part.urls:
                return _error(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {part.digest}")
        headers = [("Location", f"/v2/{request.name}/manifests/{manifest.digest}")]
        headers.append(("Docker-Content-Digest", manifest.digest))
        tags = [] if by_digest else [request.reference]
        if by_digest and self.several_tags:
            wanted = [value for name, value in request.pairs if name == "tag"]
            if self.several_tags < 0 and wanted:
                return Reply(414)
            tags = wanted[: self.several_tags]
            headers += [("OCI-Tag", ", ".join(tags))] if tags else []
        for tag in tags:
            if tag in repository.tags and self.immutable(tag):
                status, code, message = DIALECTS[self.dialect]
                return _error(status, code, message.format(tag=tag, name=request.name))
        subject = manifest.subject()
        if self.referrers and subject:
            headers.append(("OCI-Subject", subject.digest))
        repository.manifests[manifest.digest] = manifest
        for tag in tags:
            repository.tag(tag, manifest.digest)
        return Reply(201, headers)

    def _delete_manifests(self, request: Request, repository: "Stored") -> Reply:
        reference = request.reference
        if not self.deletes or (not self.deletes_tags and not DIGEST.fullmatch(reference)):
            return _error(405, "UNSUPPORTED", "The operation is unsupported.")
        if reference in repository.tags:
            if self.immutable(reference):
                status, code, message = DIALECTS[self.dialect]
                return _error(status, code, message.format(tag=reference, name=request.name))
            del repository.tags[reference]
        elif self.guards_named and repository.names(reference):
            return _error(403, "DENIED", "manifest is referenced by a tag or an index")
        elif repository.manifests.pop(reference, None):
            for tag in [tag for tag, digest in repository.tags.items() if digest == reference and not self.keeps_tags]:
                del repository.tags[tag]
        else:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return Reply(202)

    def _get_referrers(self, request: Request, repository: "Stored") -> Reply:
        if not self.referrers:
            return Reply(404, body=b"404 page not found\n")
        found = []
        for manifest in repository.manifests.values():
            subject = manifest.subject()
            if subject and subject.digest == request.reference:
                entry = manifest.descriptor().to_json()
                kind = manifest.document.get("artifactType") or (manifest.document.get("config") or {}).get("mediaType")
                entry |= {"artifactType": kind} if kind else {}
                found.append(entry | {"annotations": manifest.document.get("annotations") or {}})
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
        return Reply(200, [("Content-Type", OCI_INDEX)], json.dumps(index).encode())

    # Blobs

    def _get_blobs(self, request: Request, repository: "Stored") -> Reply:
        content = repository.blobs.get(request.reference)
        if content is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if self.blob_host:
            return Reply(307, [("Location", f"{self.blob_host}{request.path}?X-Amz-Signature=sensitive")])
        headers = [("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", request.reference)]
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if wanted and self.store.serves_ranges:
            start = int(wanted[1])
            headers.append(("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"))
            return Reply(206, headers, content[start:])
        return Reply(200, headers, content)

    _head_blobs = _get_blobs

    def _post_uploads(self, request: Request, repository: "Stored") -> Reply:
        digest, origin = request.value("mount"), request.value("from")
        source = self.store.repositories.get(origin or "")
        if self.mounts and digest and source and digest in source.blobs:
            repository.blobs[digest] = source.blobs[digest]
            return Reply(201, [("Location", f"/v2/{request.name}/blobs/{digest}"), ("Docker-Content-Digest", digest)])
        session = secrets.token_hex(8)
        self.store.uploads[session] = b""
        location = f"{self.upload_host}/v2/{request.name}/blobs/uploads/{session}?state=sensitive"
        return Reply(202, [("Location", location), ("Range", "0-0")])

    def _patch_uploads(self, request: Request, _repository: "Stored") -> Reply:
        if request.reference not in self.store.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        self.store.uploads[request.reference] += request.body
        end = len(self.store.uploads[request.reference])
        return Reply(202, [("Location", f"{request.path}?state=sensitive"), ("Range", f"0-{max(end - 1, 0)}")])

    def _put_uploads(self, request: Request, repository: "Stored") -> Reply:
        if request.reference not in self.store.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        content = self.store.uploads.pop(request.reference) + request.body
        digest = request.value("digest") or ""
        if not DIGEST.fullmatch(digest) or hashlib.new(digest.partition(":")[0], content).hexdigest() != digest[7:]:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.store.repositories.setdefault(request.name, repository).blobs[digest] = content
        return Reply(201, [("Location", f"/v2/{request.name}/blobs/{digest}"), ("Docker-Content-Digest", digest)])

    def _delete_uploads(self, request: Request, _repository: "Stored") -> Reply:
        found = self.store.uploads.pop(request.reference, None)
        return (
            Reply(204) if found is not None else _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        )


@dataclass
class Stored:
    """A repository's content; tags in the order in which they were set first."""

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def names(self, digest: str) -> bool:
        """Say whether a tag or an index names a manifest."""
        indexes = (one for one in self.manifests.values() if one.is_index)
        return digest in self.tags.values() or any(digest == c.digest for one in indexes for c in one.children())

    def tag(self, tag: str, digest: str) -> None:
        """Set a tag."""
        self.tags[tag] = digest


@dataclass
class Store:
    """What a registry holds; several registries may share one."""

    repositories: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    serves_ranges: bool = True


@dataclass
class _Planned:
    fault: Fault
    method: str
    kind: str
    reference: str
    at: int
    times: int


def _matches(request: Request, method: str, kind: str, reference: str) -> bool:
    return (
        (not method or request.method == method)
        and (not kind or request.kind == kind)
        and (not reference or request.reference == reference)
    )


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    body = {"errors": [{"code": code, "message": message}]}
    return Reply(status, [("Content-Type", "application/json"), *headers], json.dumps(body).encode())
