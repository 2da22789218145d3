"""A repository of a registry, in which tags stand (distribution-spec, "API")."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from tagger.errors import NotFound, StoreError
from tagger.images.blobs import Checked, Sized
from tagger.images.manifests import MANIFEST_TYPES, OCI_INDEX, Descriptor, Manifest, manifest_type
from tagger.images.registry.auth import Access
from tagger.images.registry.blobs import Download
from tagger.images.registry.failures import Answer, is_immutable
from tagger.images.stores import Opener, Survey
from tagger.names import DIGEST, TAG, Repository, check_digest, check_tag

if TYPE_CHECKING:
    from tagger.images.registry.client import Registry

__all__ = ["RegistryRepository"]

ACCEPT = ", ".join(sorted(MANIFEST_TYPES))
LARGEST_MANIFEST = 100 * 1024 * 1024
LARGEST_LISTING = 64 * 1024 * 1024  # one page; 100,000 tags are 2 MiB
MOST_PAGES = 10_000
MOST_TAGS = 2_000_000
MOST_WALKS = 5
PAGE_SIZES = (1000, 100)
"""What is asked for when a registry wants a page size, or a smaller one: ECR answers 405 to more than 1000."""

PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before a listed tag that answers nothing is read again."""

TAGS_AT_ONCE = 10
"""Tags in one request: what a registry that takes several should take (distribution-spec, "Pushing manifests")."""

STORED = frozenset({200, 201, 202})
PASSING = frozenset({401, 404, 408, 429, 500, 502, 503, 504})
"""Answers to an upload that may be better after another beginning; 401 is a token that ran out, 404 a lost upload."""

SMALL = 4 * 1024 * 1024
CHUNK = 64 * 1024

_LINK = r"<([^<>]*)>([^<>]*)"
_NEXT = r"""(?i);\s*rel\s*=\s*"?[^";]*\bnext\b"""

REMEMBERED = 64  # manifests kept for the next one who asks
REMEMBERED_SIZE = 256 * 1024


class RegistryRepository:
    """A repository of a registry, as `Registries.repository` opens it."""

    def __init__(
        self,
        registry: "Registry",
        repository: Repository,
        *,
        write: bool = False,
        mount_from: Iterable[Repository] = (),
    ) -> None:
        self.repository: Repository | None = repository
        self.place = str(repository)
        self.jobs = registry.jobs
        self._registry = registry
        self._root = f"/v2/{repository.name}"
        others = {one.name for one in mount_from if one.registry == repository.registry} - {repository.name}
        mounting = tuple(f"repository:{name}:pull" for name in sorted(others))
        self._writing = Access(self.place, (f"repository:{repository.name}:pull,push", *mounting))
        self._access = self._writing if write else Access(self.place, (f"repository:{repository.name}:pull", *mounting))
        self._deleting = Access(self.place, (f"repository:{repository.name}:pull,push,delete",))
        self._head_serves = True
        self._remembered: dict[str, Manifest] = {}

    def __repr__(self) -> str:
        return f"RegistryRepository({self.place!r})"

    def connect(self) -> None:
        """Begin to connect to the registry, while there is something else to do."""
        self._registry.connect(self._access)

    # Reading

    def tags(self) -> Iterable[str]:
        """List every tag, in no order; none where the repository does not exist yet. Raise `StoreError`."""
        for _ in range(MOST_WALKS):
            found = self._walk()
            if found is not None:
                return found
        raise self._error("the listing changed all the time while it was read", "Run again when no tags are deleted.")

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`, side by side; None where there is no such tag."""
        wanted = list(dict.fromkeys(tags))
        return dict(zip(wanted, self._registry.side_by_side(self._digest, wanted), strict=True))

    def survey(self, tags: Collection[str], manifests: Collection[str] = ()) -> Survey:
        """List every tag and read the digests of `tags`, side by side; those of `manifests` with their manifests.

        A listed tag that answers nothing is read again until listing and reading agree: distribution answers 404 and
        500 for tags that others write at the moment, and a manifest's HEAD is 404 in some Nexus where GET is not.
        """
        wanted = list(dict.fromkeys(tags))
        reading = [
            self._registry.submit(self._digest_by_get if tag in manifests else self._digest, tag) for tag in wanted
        ]
        try:
            listed = frozenset(self.tags())
        finally:
            found = [future.exception() or future.result() for future in reading]
        for result in found:
            if isinstance(result, BaseException):
                raise result
        digests = dict(zip(wanted, cast("list[str | None]", found), strict=True))
        for pause in PAUSES:
            doubtful = [tag for tag in wanted if digests[tag] is None and tag in listed]
            if not doubtful:
                unlisted = {tag for tag in wanted if digests[tag]} - listed
                return Survey(listed | unlisted if unlisted else listed, digests)
            if pause:
                self._registry.pause(pause)
                listed = frozenset(self.tags())
            digests |= zip(doubtful, self._registry.side_by_side(self._digest_by_get, doubtful), strict=True)
        raise self._error(
            f"the tag {doubtful[0]} is listed, and answers nothing",
            "If somebody deletes it at this moment, run again; else its manifest is lost: push that tag again.",
            code="MANIFEST_UNKNOWN",
        )

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""
        if reference in self._remembered:
            return self._remembered[reference]
        what = f"reading {reference}"
        answer = self._call(
            "GET", self._manifest_path(reference), what, headers={"Accept": ACCEPT}, most=LARGEST_MANIFEST
        )
        if answer.status != 200:
            raise self._registry.refused(self._access, what, answer, reading=True)
        named = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        manifest = Manifest(manifest_type(answer.body, named), answer.body)
        claimed = reference if DIGEST.fullmatch(reference) else answer.headers.get("Docker-Content-Digest", "")
        if DIGEST.fullmatch(claimed) and _digest(answer.body, claimed) != claimed:
            raise self._error(
                f"{reference} is not what its digest {claimed} says; its digest is {manifest.digest}",
                code="DIGEST_INVALID",
            )
        try:
            old = manifest.document.get("schemaVersion") == 1
        except StoreError as error:
            raise self._error(
                f"{what}: {error.message}", "Is this the address of a registry?", code=error.code
            ) from error
        if old:
            raise self._error(
                f"{reference} is an image of schema 1", "Build it anew: no registry takes it today.", code="UNSUPPORTED"
            )
        self._remember(manifest)
        return manifest

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob for reading; it is checked on the way. Raise `NotFound`, `StoreError`."""
        what = f"reading blob {check_digest(descriptor.digest)}"

        def begin(offset: int) -> BaseHTTPResponse:
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
            response = self._registry.stream(self._blob_path(descriptor), self._access, what, headers)
            if isinstance(response, Answer):
                raise self._registry.refused(self._access, what, response, reading=True)
            return response

        def failed(error: HTTPError) -> StoreError:
            return self._registry.unreachable(self._access, what, error)

        with Download(begin, failed, self._registry.retries) as raw:
            yield io.BufferedReader(Checked(cast("BinaryIO", raw), descriptor, self.place), CHUNK)

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest, by the referrers API or its tag fallback (spec, end-12a)."""
        if self._registry.has_referrers is not False:
            what = f"reading the referrers of {check_digest(digest)}"
            found: dict[str, Descriptor] = {}
            query = ""
            for _ in range(MOST_PAGES):
                answer = self._call(
                    "GET", f"{self._root}/referrers/{digest}{query}", what, headers={"Accept": OCI_INDEX}
                )
                if answer.status != 200:
                    break
                self._registry.has_referrers = True
                found |= {one.digest: one for one in Manifest(OCI_INDEX, answer.body).children()}
                following = _next_query(answer)
                if not following or following == query:
                    return tuple(found.values())
                query = following
            if answer.status not in (400, 404, 405, 501):
                raise self._registry.refused(self._access, what, answer)
            self._registry.has_referrers = False
        try:
            return self.manifest(digest.replace(":", "-")).children()
        except NotFound:
            return ()

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether a blob is here; not, where only uploading it will tell why it may not be asked for."""
        what = f"looking for blob {check_digest(descriptor.digest)}"
        answer = self._call("HEAD", self._blob_path(descriptor), what)
        if answer.status not in (200, 403, 404):
            raise self._registry.refused(self._access, what, answer)
        return answer.status == 200

    # Writing

    def check_writable(self) -> None:
        """Prove that writing is allowed: open an upload and cancel it. Raise `StoreError`."""
        location = self._begin_upload("asking whether pushing is allowed")
        self._call(
            "DELETE", location, "cancelling an upload", access=self._writing
        )  # where it cannot be cancelled, it expires

    def point(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`, side by side; none means under its digest alone. Raise `StoreError`."""
        targets = [check_tag(tag) for tag in dict.fromkeys(tags)] or [manifest.digest]
        if len(targets) > 1 and self._registry.takes_several_tags is not False:
            groups = [targets[place : place + TAGS_AT_ONCE] for place in range(0, len(targets), TAGS_AT_ONCE)]
            accepted = self._registry.side_by_side(lambda group: self._put_several(manifest, group), groups)
            targets = [tag for tag in targets if not any(tag in group for group in accepted)]
        self._registry.side_by_side(lambda target: self._put(manifest, target), targets)
        self._remember(manifest)

    def claim(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless another image stands there; return the digest that stands there now."""
        held = self._digest(check_tag(tag))
        if held is None:
            self.point(manifest, [tag])
        return held or manifest.digest

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `StoreError`, with the code UNSUPPORTED where that cannot be done."""
        what = f"deleting the tag {check_tag(tag)}"
        answer = self._call("DELETE", self._manifest_path(tag), what, access=self._deleting)
        if answer.status in (400, 405, 501) and not is_immutable(answer):
            raise self._error(
                f"{what}: the registry deletes no tags, only manifests", code="UNSUPPORTED", status=answer.status
            )
        self._check_deleted(answer, what, tag)

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every tag at it. Raise `StoreError`."""
        what = f"deleting {check_digest(digest)}"
        answer = self._call("DELETE", self._manifest_path(digest), what, access=self._deleting)
        self._check_deleted(answer, what, digest)
        self._remembered.pop(digest, None)

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:
        """Bring a blob here: mounted from `mount_from` where that works, else uploaded from its beginning.

        An upload that broke is begun anew, unless the blob turns out to be here. Raise `StoreError`.
        """
        what = f"uploading blob {check_digest(descriptor.digest)}"
        mount = mount_from if self._is_near(mount_from) else None
        for repetition in count():
            location = self._begin_upload(what, descriptor, mount)
            failure = self._upload(location, what, descriptor, opener) if location else None
            if failure is None or (failure.status not in (401, 404) and self.has_blob(descriptor)):
                return
            if repetition >= self._registry.retries:
                raise failure
            mount = None
            self._registry.pause(0.2 * 2**repetition)

    # The parts

    def _call(
        self,
        method: str,
        target: str,
        what: str,
        *,
        access: Access | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most: int = SMALL,
        carried_out: Callable[[], bool] | None = None,
    ) -> Answer:
        access = access or self._access
        return self._registry.call(
            method, target, access, what, headers=headers, body=body, most=most, carried_out=carried_out
        )

    def _walk(self) -> set[str] | None:
        """List every tag, page by page, or return None when a page is lost: the tag that it begins after is gone.

        Without `n` most registries answer all at once. Of a `Link` the query alone counts: the page is in this
        registry, whatever host or path a registry behind a proxy names.
        """
        what, query = "listing the tags", ""
        found: set[str] = set()
        seen = {query}
        sizes = iter(PAGE_SIZES)
        while len(seen) < MOST_PAGES:
            answer = self._call("GET", f"{self._root}/tags/list{query}", what, most=LARGEST_LISTING)
            if answer.status == 404 and found:
                return None
            if answer.status == 404 and (answer.errors or not answer.body.strip()):
                return set()
            if answer.status in (400, 405) and (size := next(sizes, None)):
                query = _with_page_size(query, size)
                continue
            if answer.status != 200:
                raise self._registry.refused(self._access, what, answer)
            found.update(self._listed(answer, what))
            if len(found) > MOST_TAGS:
                raise self._error(f"{what}: there are more than {MOST_TAGS} tags")
            following = _next_query(answer)
            if following is None:
                return found
            if following in seen:
                raise self._error(f"{what}: the pages lead in a circle")
            seen.add(following)
            query = following
        raise self._error(f"{what}: there are more than {MOST_PAGES} pages")

    def _listed(self, answer: Answer, what: str) -> Iterator[str]:
        try:
            tags = json.loads(answer.body)["tags"] or ()
            return filter(TAG.fullmatch, [tag for tag in tags if isinstance(tag, str)])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._error(f"{what}: the answer is no list of tags", "Is this the address of a registry?") from error

    def _digest(self, tag: str) -> str | None:
        """Read the digest under a tag, or None; by GET where a registry's HEAD does not tell."""
        if not self._head_serves:
            return self._digest_by_get(tag)
        what = f"reading the tag {tag}"
        answer = self._call("HEAD", self._manifest_path(check_tag(tag)), what, headers={"Accept": ACCEPT})
        if answer.status == 404:
            return None
        if answer.status in (405, 501):
            self._head_serves = False
            return self._digest_by_get(tag)
        if answer.status not in (200, 403):
            raise self._registry.refused(self._access, what, answer)
        # A refusal of HEAD has no body, and only the body tells whether 403 is throttling (registries: GHCR).
        digest = answer.headers.get("Docker-Content-Digest", "") if answer.status == 200 else ""
        return digest if DIGEST.fullmatch(digest) else self._digest_by_get(tag)

    def _digest_by_get(self, tag: str) -> str | None:
        try:
            return self.manifest(tag).digest
        except NotFound:
            return None

    def _put(self, manifest: Manifest, target: str) -> None:
        """Put a manifest under one tag, or under its digest."""
        what = f"pushing {target}"

        def stands() -> bool:
            if target == manifest.digest:
                return self._call("HEAD", self._manifest_path(target), what, headers={"Accept": ACCEPT}).status == 200
            return self._digest(target) == manifest.digest

        answer = self._call(
            "PUT",
            self._manifest_path(target),
            what,
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
            carried_out=stands,
        )
        if answer.status in STORED:
            self._check_stored(answer, what, manifest)
            return
        refusal = self._registry.refused(self._access, what, answer)
        if target == manifest.digest or answer.status >= 500 or answer.status in (401, 404, 413, 429):
            raise refusal
        try:
            held = self._digest(target)
        except StoreError:
            raise refusal from None
        if held == manifest.digest:
            return
        if held and is_immutable(answer):
            raise self._immutable(what, answer, f"{target} holds {held}")
        raise refusal

    def _put_several(self, manifest: Manifest, tags: Sequence[str]) -> frozenset[str]:
        """Put a manifest under several tags at once; return those that the registry took (spec, end-7b)."""
        query = urlencode([("tag", tag) for tag in tags])
        what = f"pushing {', '.join(tags)}"
        answer = self._call(
            "PUT",
            f"{self._manifest_path(manifest.digest)}?{query}",
            what,
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
        )
        named = ",".join(answer.headers.getlist("OCI-Tag")) if answer.status in STORED else ""
        taken = frozenset(tag.strip() for tag in named.split(",")).intersection(tags)
        self._registry.takes_several_tags = bool(taken)
        if taken:
            self._check_stored(answer, what, manifest)
        return taken

    def _check_stored(self, answer: Answer, what: str, manifest: Manifest) -> None:
        digest = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if digest != manifest.digest:
            raise self._error(
                f"{what}: {manifest.digest} was sent, and the registry says that it stored {digest}",
                code="DIGEST_INVALID",
            )

    def _check_deleted(self, answer: Answer, what: str, target: str) -> None:
        if answer.status in (200, 202, 204) or (answer.status == 404 and answer.repeated):
            return
        if is_immutable(answer):
            raise self._immutable(what, answer, f"{target} stays")
        raise self._registry.refused(self._access, what, answer, reading=True)

    def _immutable(self, what: str, answer: Answer, state: str) -> StoreError:
        refusal = self._registry.refused(self._access, what, answer)
        message = refusal.message.removeprefix(f"{self.place}: ")
        return self._error(
            f"{message}; {state}",
            "The registry does not let this tag move. A floating tag has to: exclude floating tags from its rule of "
            "immutable tags (`config` prints one that fits), or take them out of `tags`. An exact tag that holds "
            "another image is a conflict: release under a new version.",
            code="TAG_IMMUTABLE",
            status=answer.status,
        )

    def _begin_upload(
        self, what: str, descriptor: Descriptor | None = None, mount_from: Repository | None = None
    ) -> str:
        """Open an upload and return where it goes; empty when the blob was mounted instead."""
        path = f"{self._root}/blobs/uploads/"
        if descriptor and mount_from:
            answer = self._mount(what, path, descriptor, mount_from)
            if answer and answer.status == 201:
                return ""
        else:
            answer = None
        if answer is None or answer.status != 202:
            answer = self._call("POST", path, what, access=self._writing)
        location = answer.headers.get("Location", "")
        if answer.status != 202 or not location:
            raise self._registry.refused(self._access, what, answer)
        try:
            return self._registry.resolve(path, location)
        except ValueError as error:
            raise self._error(f"{what}: the registry names no place to upload to: {error}") from error

    def _upload(self, location: str, what: str, descriptor: Descriptor, opener: Opener) -> StoreError | None:
        """Upload a blob to where an upload was begun; return what went wrong when it may be tried again.

        Its bytes were checked where they were read, and the registry checks them once more. A third time here took two
        fifths of what a copy computes.
        """
        target = f"{location}{'&' if urlsplit(location).query else '?'}{urlencode({'digest': descriptor.digest})}"
        with opener() as source:
            body = io.BufferedReader(Sized(source, descriptor, self.place), CHUNK)
            answer = self._registry.upload(target, self._access, what, body, descriptor.size)
        if isinstance(answer, StoreError):
            return answer
        if answer.status in STORED:
            return None
        failure = self._registry.refused(self._access, what, answer)
        if answer.status in PASSING:
            return failure
        raise failure

    def _is_near(self, other: Repository | None) -> bool:
        return bool(other and self.repository and other.registry == self.repository.registry)

    def _mount(self, what: str, path: str, descriptor: Descriptor, mount_from: Repository) -> Answer | None:
        """Ask for a blob of another repository; None where it may not even be asked, as in Harbor."""
        scope = f"repository:{mount_from.name}:pull"
        scopes = self._access.scopes
        access = self._access if scope in scopes else Access(self.place, (*scopes, scope))
        query = urlencode({"mount": descriptor.digest, "from": mount_from.name})
        try:
            return self._call("POST", f"{path}?{query}", what, access=access)
        except StoreError as error:
            if error.status:
                return None
            raise

    def _manifest_path(self, reference: str) -> str:
        return f"{self._root}/manifests/{reference}"

    def _blob_path(self, descriptor: Descriptor) -> str:
        return f"{self._root}/blobs/{check_digest(descriptor.digest)}"

    def _remember(self, manifest: Manifest) -> None:
        if len(manifest.content) <= REMEMBERED_SIZE:
            while len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)), None)
            self._remembered[manifest.digest] = manifest

    def _error(self, message: str, hint: str = "", *, code: str = "FAILED", status: int = 0) -> StoreError:
        return StoreError(message, hint, code=code, place=self.place, status=status)


def _digest(content: bytes, like: str) -> str:
    """Return the digest of `content` by the algorithm of the digest `like`."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def _next_query(answer: Answer) -> str | None:
    """Return the query of the next page, as `?last=…`, or None at the end (RFC 8288)."""
    for header in answer.headers.getlist("Link"):
        for url, parameters in re.findall(_LINK, header):
            if re.search(_NEXT, parameters):
                query = urlsplit(url).query
                return f"?{query}" if query else ""
    return None


def _with_page_size(query: str, size: int) -> str:
    pairs = [(name, value) for name, value in parse_qsl(query.removeprefix("?")) if name != "n"]
    return "?" + urlencode([*pairs, ("n", str(size))])
