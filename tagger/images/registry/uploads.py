"""Uploads or mounts blobs in a repository of a registry."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import BinaryIO, cast
from urllib.parse import urlencode, urlsplit

from tagger.errors import StoreError
from tagger.images.blobs import Sized
from tagger.images.manifests import Descriptor
from tagger.images.registry.answers import Answer
from tagger.images.registry.client import Request
from tagger.images.registry.endpoint import Endpoint
from tagger.images.registry.failures import NO_API, forbidden_url
from tagger.images.registry.reading import Reader
from tagger.images.registry.statuses import STORED, status_of
from tagger.images.registry.transport import CHUNK
from tagger.images.stores import Opener
from tagger.names import Repository, check_digest

__all__ = ["Uploader"]


class Uploader:
    """Uploads or mounts blobs in one repository."""

    def __init__(self, endpoint: Endpoint, reader: Reader) -> None:
        self._endpoint = endpoint
        self._registry = endpoint.registry
        self._reader = reader

    def check_writable(self) -> None:
        """Prove that writing is allowed: open an upload and cancel it. Raise `StoreError`."""
        location = self._begin("asking whether pushing is allowed")
        with suppress(StoreError):  # an upload that cannot be cancelled expires
            self._endpoint.call("DELETE", location, "cancelling an upload", access=self._endpoint.writing, retries=0)

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None) -> None:
        """Mount a blob from `mount_from` where that works, else upload it.

        A broken upload begins again, unless the registry has the blob by then. Raise `StoreError`.
        """
        what = f"uploading blob {check_digest(descriptor.digest)}"
        mount = mount_from if mount_from and mount_from.registry == self._endpoint.repository.registry else None
        for repetition in count():
            location = self._begin(what, descriptor, mount)
            failure = self._upload(location, what, descriptor, opener) if location else None
            if failure is None or (failure.status not in (401, 404) and self._reader.has_blob(descriptor)):
                return
            if repetition >= self._registry.retries:
                raise failure
            mount = None
            pause = 0.2 * 2**repetition
            self._registry.meters(self._endpoint.place).report_retry(
                f"{what}: {f'answered {failure.status}' if failure.status else 'no answer'}", pause
            )
            self._registry.pause(pause)

    def _begin(self, what: str, descriptor: Descriptor | None = None, mount_from: Repository | None = None) -> str:
        """Open an upload and return its URL; empty when the blob was mounted instead."""
        path = self._endpoint.path("blobs/uploads/")
        answer = self._mount(what, path, descriptor, mount_from) if descriptor and mount_from else None
        if answer and answer.status == 201:
            return ""
        if answer is None or answer.status != 202 or not answer.headers.get("Location"):
            answer = self._endpoint.call("POST", path, what, access=self._endpoint.writing)
        if answer.status != 202:
            raise self._endpoint.refusal(what, answer)
        location = answer.headers.get("Location")
        if not location:
            raise self._endpoint.error(f"{what}: the registry opens an upload, but does not say where", NO_API)
        try:
            return self._registry.resolve(path, location)
        except ValueError as error:
            raise forbidden_url(self._endpoint.place, what, error) from error

    def _upload(self, location: str, what: str, descriptor: Descriptor, opener: Opener) -> StoreError | None:
        """Upload a blob to the URL of an open upload; return the error when another try may succeed.

        The digest of the bytes is not checked here: the reader checks it, and so does the registry. A third check would
        take two fifths of the CPU time of a copy.
        """
        target = f"{location}{'&' if urlsplit(location).query else '?'}{urlencode({'digest': descriptor.digest})}"

        @contextmanager
        def body() -> Iterator[BinaryIO]:
            with opener() as source:
                yield cast("BinaryIO", io.BufferedReader(Sized(source, descriptor, self._endpoint.place), CHUNK))

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(descriptor.size)}
        answer = self._registry.upload(Request("PUT", target, self._endpoint.access, what, headers, opener=body))
        if isinstance(answer, StoreError):
            return answer
        if answer.status in STORED:
            return None
        failure = self._endpoint.not_accepted(what, answer, descriptor.digest)
        # 401 means that the token expired, 404 that the registry lost the upload.
        if answer.status in (401, 404) or status_of(answer.status).again:
            return failure
        raise failure

    def _mount(self, what: str, path: str, descriptor: Descriptor, mount_from: Repository) -> Answer | None:
        """Try to mount a blob of another repository; None where the registry refuses the request, as Harbor may."""
        query = urlencode({"mount": descriptor.digest, "from": mount_from.name})
        try:
            return self._endpoint.call("POST", f"{path}?{query}", what, access=self._endpoint.mounting(mount_from.name))
        except StoreError as error:
            if error.status:
                return None
            raise
