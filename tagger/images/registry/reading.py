"""Reads manifests, digests, blobs and referrers from a repository of a registry."""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from tagger.errors import NotFound, StoreError
from tagger.images.blobs import Checked
from tagger.images.manifests import LARGEST_MANIFEST, OCI_INDEX, Descriptor, Manifest, manifest_type
from tagger.images.registry.answers import Answer, ConnectionFailed
from tagger.images.registry.blobs import Download
from tagger.images.registry.client import Request
from tagger.images.registry.endpoint import ACCEPT, WRONG_ADDRESS, Endpoint
from tagger.images.registry.failures import NO_API, ForbiddenUrl
from tagger.images.registry.listing import next_query
from tagger.images.registry.statuses import status_of
from tagger.images.registry.transport import CHUNK, Response
from tagger.names import CANONICAL, DIGEST, Digest, check_digest, check_tag

__all__ = ["Reader"]

MOST_REFERRER_PAGES = 100
MOST_REFERRERS = 1_000
REMEMBERED = 64  # manifests in the cache
REMEMBERED_SIZE = 256 * 1024


class Reader:
    """Reads from one repository. Keeps manifests that were read or put in a cache."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._registry = endpoint.registry
        self._head_serves = True
        self._remembered: dict[str, Manifest] = {}
        self._put: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def digests(self, tags: Collection[str]) -> dict[str, str | None]:
        """Read the digest under each of `tags`, side by side; None where there is no such tag."""
        found = self._registry.side_by_side(self.digest, tags)
        return self.one_name(dict(zip(tags, found, strict=True)))

    def one_name(self, found: Mapping[str, str | None]) -> dict[str, str | None]:
        """Return digests by tag, with one digest for equal content.

        A registry gives content under a tag its sha256 digest, and content that was put under its sha512 digest that
        one (distribution/distribution#4420); another gives both their sha512 digests. The sha512 digest is used for
        both, unless this run put the content by its sha256 digest.
        """
        others = {digest for digest in found.values() if digest and Digest(digest).algorithm != CANONICAL}
        for digest in others.difference(self._names.values()):
            with suppress(NotFound):
                self.manifest(digest)
        return {tag: digest and self._names.get(digest, digest) for tag, digest in found.items()}

    def digest(self, tag: str) -> str | None:
        """Read the digest under a tag, or None; with GET where the registry's HEAD does not give it."""
        if not self._head_serves:
            return self.digest_by_get(tag)
        what = f"reading the tag {tag}"
        path = self._endpoint.manifest_path(check_tag(tag))
        answer = self._endpoint.call("HEAD", path, what, headers={"Accept": ACCEPT})
        if status_of(answer.status).absent:
            return None
        if status_of(answer.status).not_offered:
            self._head_serves = False
            return self.digest_by_get(tag)
        if answer.status not in (200, 403):
            raise self._endpoint.refusal(what, answer)
        # The answer to HEAD has no body, and at GHCR only the body tells whether 403 means too many requests.
        digest = answer.headers.get("Docker-Content-Digest", "") if answer.status == 200 else ""
        digest = self._names.get(digest, digest)
        if not DIGEST.fullmatch(digest) or self._put.get(tag, digest) != digest:
            return self.digest_by_get(tag)  # a cache may answer HEAD with the digest from before the put
        return digest

    def digest_by_get(self, tag: str) -> str | None:
        """Read the digest under a tag, or None, by reading its manifest."""
        got = self._get(tag)
        if isinstance(got, Answer) and status_of(got.status).absent:
            return None  # this is usual, so no error is made
        digest = self._read(got, tag).digest
        return self._names.get(digest, digest)

    def holds(self, digest: str, what: str) -> bool:
        """Say whether the repository has the manifest with a digest."""
        answer = self._endpoint.call("HEAD", self._endpoint.manifest_path(digest), what, headers={"Accept": ACCEPT})
        return answer.status == 200

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""
        return self._read(self._get(reference), reference)

    def _get(self, reference: str) -> Manifest | Answer:
        """Return the manifest from the cache, else the registry's answer."""
        if reference in self._remembered:
            return self._remembered[reference]
        path = self._endpoint.manifest_path(reference)
        headers = {"Accept": ACCEPT}
        return self._endpoint.call("GET", path, f"reading {reference}", headers=headers, most=LARGEST_MANIFEST)

    def _read(self, got: Manifest | Answer, reference: str) -> Manifest:
        """Return the manifest of an answer, verified. Raise `NotFound`, `StoreError`."""
        if isinstance(got, Manifest):
            return got
        answer, what = got, f"reading {reference}"
        if answer.status != 200:
            raise self._endpoint.refusal(what, answer, absent="MANIFEST_UNKNOWN")
        named = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        claimed = reference if DIGEST.fullmatch(reference) else answer.headers.get("Docker-Content-Digest", "")
        algorithm = Digest(claimed).algorithm if DIGEST.fullmatch(claimed) else CANONICAL
        manifest = Manifest(manifest_type(answer.body, named), answer.body, algorithm)
        if DIGEST.fullmatch(claimed) and manifest.digest != claimed:
            raise self._endpoint.error(
                f"{reference} is not what its digest {claimed} says; its digest is {manifest.digest}",
                code="DIGEST_INVALID",
            )
        self._check(manifest, reference, what)
        self.remember(manifest)
        return manifest

    def remember(self, manifest: Manifest) -> None:
        """Put a manifest into the cache, under its digest."""
        if manifest.algorithm != CANONICAL:
            usual = Digest.of(manifest.content)
            put = usual in self._put.values()
            self._names.update({manifest.digest: usual} if put else {usual: manifest.digest})
        if len(manifest.content) <= REMEMBERED_SIZE:
            while len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)), None)
            self._remembered[manifest.digest] = manifest

    def was_put(self, tag: str, digest: str) -> None:
        """Remember the digest that this run put under a tag."""
        self._put[tag] = digest
        if other := self._names.pop(digest, None):
            self._names[other] = digest

    def forget(self, digest: str) -> None:
        """Remove a deleted manifest from the cache."""
        self._remembered.pop(digest, None)

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob as a stream that checks its digest. Raise `NotFound`, `StoreError`."""
        what = f"reading blob {check_digest(descriptor.digest)}"
        path, access = self._endpoint.blob_path(descriptor.digest), self._endpoint.access

        def begin(offset: int) -> Response:
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
            response = self._registry.stream(Request("GET", path, access, what, headers))
            if isinstance(response, Answer):
                raise self._endpoint.refusal(what, response, absent="BLOB_UNKNOWN")
            return response

        def failed(error: ConnectionFailed) -> StoreError:
            return self._registry.connection_error(access, what, error)

        with Download(begin(0), begin, failed, self._registry.retries) as raw:
            yield io.BufferedReader(Checked(cast("BinaryIO", raw), descriptor, self._endpoint.place), CHUNK)

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether the repository has a blob; False for any refusal except 401, as the upload reports the reason."""
        what = f"looking for blob {check_digest(descriptor.digest)}"
        answer = self._endpoint.call("HEAD", self._endpoint.blob_path(descriptor.digest), what)
        if answer.status == 401 and not answer.host:
            raise self._endpoint.refusal(what, answer)
        return answer.status == 200  # a redirect to storage may be refused for other reasons

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest, by the referrers API and the tag `sha256-…` (end-12a)."""
        if self._registry.has_referrers is False:
            return tuple(self._tagged_referrers(digest).values())
        listed = self._registry.submit(self._listed_referrers, digest)
        try:
            tagged = self._tagged_referrers(
                digest
            )  # GHCR's API lists nothing although there is a signature (sbomify #1530)
        finally:
            found = listed.exception() or listed.result()
        if isinstance(found, BaseException):
            raise found
        if found is None:
            self._registry.has_referrers = False
        return tuple({**tagged, **(found or {})}.values())

    def listed_referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts that the referrers API lists; none where the registry does not have this API."""
        found = None if self._registry.has_referrers is False else self._listed_referrers(digest)
        if found is None:
            self._registry.has_referrers = False
        return tuple((found or {}).values())

    def _tagged_referrers(self, digest: str) -> dict[str, Descriptor]:
        """Return the artifacts that the tag `sha256-…` lists (distribution-spec, "Referrers Tag Schema")."""
        try:
            return {one.digest: one for one in self.manifest(Digest(digest).tag).children()}
        except NotFound:
            return {}

    def _listed_referrers(self, digest: str) -> dict[str, Descriptor] | None:
        """Return the artifacts that the referrers API lists; None where the registry does not have this API."""
        what = f"reading the referrers of {check_digest(digest)}"
        found: dict[str, Descriptor] = {}
        query, seen = "", {""}
        while len(seen) <= MOST_REFERRER_PAGES:
            path = self._endpoint.path(f"referrers/{digest}{query}")
            try:
                answer = self._endpoint.call("GET", path, what, headers={"Accept": OCI_INDEX})
            except ForbiddenUrl:
                return None  # a login page
            # Where reading is allowed, 401 and 403 come from a proxy before a registry that does not know the path.
            if status_of(answer.status).not_offered or answer.status in (401, 403):
                return None
            if answer.status >= 400:
                raise self._endpoint.refusal(what, answer)
            page = _index_of(answer) if answer.status == 200 else None
            if page is None:
                return None
            self._registry.has_referrers = True
            found |= page
            if len(found) > MOST_REFERRERS:
                raise self._endpoint.error(
                    f"{what}: there are more than {MOST_REFERRERS}", WRONG_ADDRESS, code="SIZE_INVALID"
                )
            following = next_query(answer)
            if not following or following in seen:
                return found
            seen.add(following)
            query = following
        raise self._endpoint.error(f"{what}: there are more than {MOST_REFERRER_PAGES} pages", NO_API)

    def _check(self, manifest: Manifest, reference: str, what: str) -> None:
        """Raise `StoreError` unless a manifest is a JSON object of a schema that registries accept today."""
        try:
            old = manifest.document.get("schemaVersion") == 1
        except StoreError as error:
            raise self._endpoint.error(f"{what}: {error.message}", WRONG_ADDRESS, code=error.code) from error
        if old:
            raise self._endpoint.error(
                f"{reference} is an image of schema 1",
                "Build it again: registries refuse it today.",
                code="UNSUPPORTED",
            )


def _index_of(answer: Answer) -> dict[str, Descriptor] | None:
    """Return the artifacts in a page of referrers; None where the answer is no index, but for example a login page."""
    manifest = Manifest(OCI_INDEX, answer.body)
    try:
        if not isinstance(manifest.document.get("manifests"), list):
            return None
        return {one.digest: one for one in manifest.children()}
    except StoreError:
        return None
