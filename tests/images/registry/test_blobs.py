"""Blobs on their way: mounted, streamed, checked, gone on with after a fault, and never with a login to strangers."""

import io
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from tagger.errors import NotFound, StoreError
from tagger.images.manifests import Descriptor
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.images.making import digest_of, opener_of, put
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import Authority, DockerRegistry
from tests.servers.small_registry import Fault, Reply, SmallRegistry
from tests.servers.token_server import TokenServer

CONTENT = bytes(range(256)) * 4096
BLOB = Descriptor("application/octet-stream", digest_of(CONTENT), len(CONTENT))


def held(registry: SmallRegistry, name: str = "acme/app") -> list[str]:
    """Return the digests of the blobs of a repository."""
    return list(registry.store.repositories[name].blobs) if name in registry.store.repositories else []


def test_an_upload_is_one_post_and_one_put(small_registry: SmallRegistry, opened: Opener) -> None:
    opened(small_registry).put_blob(BLOB, opener_of(CONTENT))
    assert held(small_registry) == [BLOB.digest]
    assert [request.method for request in small_registry.requests] == ["POST", "PUT"]
    assert small_registry.asked("PUT")[0].headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize("mounts", [True, False])
def test_a_blob_is_mounted_else_uploaded(small_registry: SmallRegistry, opened: Opener, mounts: bool) -> None:
    source = opened(small_registry, "acme/source")
    put(source, CONTENT, BLOB.media_type)
    small_registry.mounts = mounts
    small_registry.requests.clear()
    opened(small_registry).put_blob(BLOB, opener_of(CONTENT), source.repository)
    assert held(small_registry) == [BLOB.digest]
    assert [request.method for request in small_registry.requests] == (["POST"] if mounts else ["POST", "PUT"])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_mount_that_is_refused_is_an_upload(small_registry: SmallRegistry, opened: Opener, status: int) -> None:
    small_registry.fail(Fault("answer", Reply(status)), method="POST")
    opened(small_registry).put_blob(BLOB, opener_of(CONTENT), Repository(small_registry.host, "acme/source"))
    assert held(small_registry) == [BLOB.digest]


def test_nothing_is_mounted_from_another_registry(small_registry: SmallRegistry, opened: Opener) -> None:
    opened(small_registry).put_blob(BLOB, opener_of(CONTENT), Repository("ghcr.io", "acme/source"))
    assert [request.query for request in small_registry.asked("POST")] == [""]


@pytest.mark.parametrize("fault", ["reset", "lost", "silent"])
def test_an_upload_that_broke_is_begun_anew_unless_it_is_there(
    small_registry: SmallRegistry, opened: Opener, fault: str
) -> None:
    small_registry.fail(fault, method="PUT")
    opened(small_registry, timeout=1.0).put_blob(BLOB, opener_of(CONTENT))
    assert held(small_registry) == [BLOB.digest]
    asked = [request.method for request in small_registry.requests]
    assert asked == (["POST", "PUT", "HEAD", "POST", "PUT"] if fault == "reset" else ["POST", "PUT", "HEAD"])


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_an_upload_that_failed_is_begun_anew(small_registry: SmallRegistry, opened: Opener, status: int) -> None:
    small_registry.fail(Fault("answer", Reply(status)), method="PUT")
    opened(small_registry).put_blob(BLOB, opener_of(CONTENT))
    assert held(small_registry) == [BLOB.digest]


def test_an_upload_that_fails_for_good_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.fail(Fault("answer", Reply(500)), method="PUT", times=9)
    with pytest.raises(StoreError, match="uploading blob") as caught:
        opened(small_registry).put_blob(BLOB, opener_of(CONTENT))
    assert caught.value.status == 500
    assert len(small_registry.asked("PUT")) == 2


def test_a_refused_upload_is_an_error_at_once(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.fail(Fault("answer", Reply(413)), method="PUT", times=9)
    with pytest.raises(StoreError) as caught:
        opened(small_registry).put_blob(BLOB, opener_of(CONTENT))
    assert (caught.value.status, caught.value.code) == (413, "SIZE_INVALID")
    assert len(small_registry.asked("PUT")) == 1


@pytest.mark.parametrize("content", [CONTENT[:-1], b""], ids=["shorter", "empty"])
def test_content_that_ends_too_early_is_said_and_not_sent_again(
    small_registry: SmallRegistry, opened: Opener, content: bytes
) -> None:
    with pytest.raises(StoreError, match="is not what its digest says") as caught:
        opened(small_registry).put_blob(BLOB, opener_of(content))
    assert caught.value.code == "DIGEST_INVALID"
    assert held(small_registry) == []
    assert len(small_registry.asked("POST")) == 1


def test_content_that_is_not_its_digest_is_refused_by_the_registry(
    small_registry: SmallRegistry, opened: Opener
) -> None:
    with pytest.raises(StoreError, match="provided digest did not match"):
        opened(small_registry).put_blob(BLOB, opener_of(CONTENT[:-1] + b"\0"))
    assert held(small_registry) == []


def test_a_source_that_fails_is_said_and_is_not_asked_again(small_registry: SmallRegistry, opened: Opener) -> None:
    opened_times = []

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise StoreError("the disk is gone", place="oci:here")

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        opened_times.append(1)
        yield io.BufferedReader(Broken())

    with pytest.raises(StoreError, match="oci:here: the disk is gone"):
        opened(small_registry).put_blob(BLOB, opener)
    assert opened_times == [1]


def test_an_upload_may_go_to_another_host_without_the_login(small_registry: SmallRegistry, opened: Opener) -> None:
    with SmallRegistry(store=small_registry.store) as other:
        small_registry.users = {"tester": "secret"}
        small_registry.upload_host = other.url
        opened(small_registry).put_blob(BLOB, opener_of(CONTENT))
        assert [request.authorization for request in other.requests] == [""]
    assert held(small_registry) == [BLOB.digest]
    assert [request.authorization for request in small_registry.requests] == ["", "Basic"]


@pytest.mark.parametrize("location", ["ftp://elsewhere/x", "http://[::1", "http://a:b/", ""])
def test_an_upload_to_nowhere_is_an_error(small_registry: SmallRegistry, opened: Opener, location: str) -> None:
    small_registry.fail(Fault("answer", Reply(202, [("Location", location)])), method="POST")
    with pytest.raises(StoreError):
        opened(small_registry).put_blob(BLOB, opener_of(CONTENT))


@pytest.mark.parametrize("serves_ranges", [True, False])
@pytest.mark.parametrize("times", [1, 4])
def test_a_download_goes_on_where_it_broke(
    small_registry: SmallRegistry, opened: Opener, serves_ranges: bool, times: int
) -> None:
    store = opened(small_registry, retries=4)
    put(store, CONTENT, BLOB.media_type)
    small_registry.store.serves_ranges = serves_ranges
    small_registry.fail("half", method="GET", kind="blobs", times=times if serves_ranges else 1)
    with store.blob(BLOB) as stream:
        assert stream.read() == CONTENT
    ranges = [request.headers.get("Range") for request in small_registry.asked("GET", "blobs")]
    half = len(CONTENT) // 2
    assert ranges[:2] == [None, f"bytes={half}-"]
    assert len(ranges) == (times if serves_ranges else 1) + 1


def test_a_download_that_brings_nothing_any_more_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    put(store, CONTENT, BLOB.media_type)
    small_registry.store.serves_ranges = False
    small_registry.fail("half", method="GET", kind="blobs", times=99)
    with pytest.raises(StoreError, match="broke") as caught, store.blob(BLOB) as stream:
        stream.read()
    assert caught.value.code == "UNREACHABLE"


def test_a_download_that_is_not_its_digest_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    put(store, CONTENT, BLOB.media_type)
    small_registry.fail("wrong", method="GET", kind="blobs")
    with pytest.raises(StoreError, match="is not what its digest says"), store.blob(BLOB) as stream:
        stream.read()


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_download_of_another_size_is_an_error(small_registry: SmallRegistry, opened: Opener, size: int) -> None:
    store = opened(small_registry)
    put(store, CONTENT, BLOB.media_type)
    blob = Descriptor(BLOB.media_type, BLOB.digest, size)
    with pytest.raises(StoreError, match="is not what its digest says"), store.blob(blob) as stream:
        stream.read()


def test_a_blob_that_is_not_there_is_said(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    assert not store.has_blob(BLOB)
    with pytest.raises(NotFound), store.blob(BLOB):
        pass


def test_a_blob_is_read_from_another_host_without_the_login(
    small_registry: SmallRegistry, opened: Opener, authority: Authority
) -> None:
    with SmallRegistry(store=small_registry.store) as other:
        small_registry.users = {"tester": "secret"}
        store = opened(small_registry)
        put(store, CONTENT, BLOB.media_type)
        small_registry.blob_host = other.url
        assert store.has_blob(BLOB)
        with store.blob(BLOB) as stream:
            assert stream.read() == CONTENT
        assert [(request.method, request.authorization) for request in other.requests] == [("HEAD", ""), ("GET", "")]


def test_a_redirect_in_a_circle_is_an_error(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    put(store, CONTENT, BLOB.media_type)
    small_registry.blob_host = small_registry.url
    with pytest.raises(StoreError, match="circle") as caught, store.blob(BLOB):
        pass
    assert "Something else answers there" in caught.value.hint


def test_a_redirect_from_https_to_http_is_not_followed(opened: Opener, authority: Authority) -> None:
    with SmallRegistry(tls=authority.server_context()) as registry:
        store = opened(registry, ca_file=str(authority.ca_file))
        put(store, CONTENT, BLOB.media_type)
        registry.blob_host = "http://192.0.2.1"
        with pytest.raises(StoreError, match="from HTTPS to plain HTTP"), store.blob(BLOB):
            pass


@pytest.fixture
def origin(opened: Opener) -> Iterator[SmallRegistry]:
    """Another registry, which has the blob."""
    with SmallRegistry() as registry:
        put(opened(registry), CONTENT, BLOB.media_type)
        yield registry


def test_a_copy_goes_on_reading_where_a_connection_broke(
    origin: SmallRegistry, small_registry: SmallRegistry, opened: Opener
) -> None:
    origin.fail("half", method="GET", kind="blobs")
    opened(small_registry).put_blob(BLOB, lambda: opened(origin).blob(BLOB))
    assert held(small_registry) == [BLOB.digest]
    half = f"bytes={len(CONTENT) // 2}-"
    assert [request.headers.get("Range") for request in origin.asked("GET", "blobs")] == [None, half]
    assert len(small_registry.asked("PUT")) == 1


def test_a_copy_whose_upload_broke_is_begun_anew(
    origin: SmallRegistry, small_registry: SmallRegistry, opened: Opener
) -> None:
    small_registry.fail("reset", method="PUT")
    opened(small_registry).put_blob(BLOB, lambda: opened(origin).blob(BLOB))
    assert held(small_registry) == [BLOB.digest]
    assert [request.headers.get("Range") for request in origin.asked("GET", "blobs")] == [None, None]


@pytest.mark.parametrize("fault", ["wrong", "half"])
def test_a_copy_of_what_cannot_be_read_names_the_source_and_is_never_sent_whole(
    origin: SmallRegistry, small_registry: SmallRegistry, opened: Opener, fault: str
) -> None:
    origin.store.serves_ranges = False
    origin.fail(fault, method="GET", kind="blobs", times=99)
    source = opened(origin)
    with pytest.raises(StoreError) as caught:
        opened(small_registry).put_blob(BLOB, lambda: source.blob(BLOB))
    assert (caught.value.place, caught.value.code) == (
        source.place,
        "DIGEST_INVALID" if fault == "wrong" else "UNREACHABLE",
    )
    assert held(small_registry) == []
    assert len(small_registry.asked("POST")) == 1


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_copy_is_given_up_at_once_when_the_conversation_ends(
    origin: SmallRegistry, small_registry: SmallRegistry, end: str
) -> None:
    waiting = origin if end == "source" else small_registry
    method = "GET" if end == "source" else "PUT"
    waiting.fail("silent", method=method, times=99)
    client = Registries(timeout=60)
    source = client.repository(Repository(origin.host, "acme/app"))
    target = client.repository(Repository(small_registry.host, "acme/app"), write=True)
    errors: list[StoreError] = []

    def copy() -> None:
        try:
            target.put_blob(BLOB, lambda: source.blob(BLOB))
        except StoreError as error:
            errors.append(error)

    thread = threading.Thread(target=copy)
    thread.start()
    while not waiting.asked(method):
        time.sleep(0.01)
    client.close()
    thread.join(5)
    assert [error.code for error in errors] == ["STOPPED"]


def test_a_mount_asks_for_both_scopes_in_one_token(small_registry: SmallRegistry, opened: Opener) -> None:
    with TokenServer(users={"tester": "secret"}) as tokens:
        small_registry.tokens = tokens
        source = opened(small_registry, "acme/source")
        put(source, CONTENT, BLOB.media_type)
        tokens.requests.clear()
        with small_registry.client() as client:
            assert source.repository is not None
            target = Repository(small_registry.host, "acme/app")
            store = client.repository(target, write=True, mount_from=[source.repository])
            store.snapshot([])
            store.put_blob(BLOB, opener_of(CONTENT), source.repository)
        assert [request.scopes for request in tokens.requests] == [
            ("repository:acme/app:pull,push", "repository:acme/source:pull")
        ]


def test_an_upload_is_begun_anew_with_a_new_token(small_registry: SmallRegistry, opened: Opener) -> None:
    with TokenServer(users={"tester": "secret"}) as tokens:
        small_registry.tokens = tokens
        store = opened(small_registry)
        store.snapshot([])
        small_registry.watch = lambda request: tokens.revoke() if request.method == "PUT" and not revoked else None
        revoked: list[int] = []

        @contextmanager
        def opener() -> Iterator[BinaryIO]:
            yield io.BytesIO(CONTENT)
            revoked.append(1)

        store.put_blob(BLOB, opener)
        assert held(small_registry) == [BLOB.digest]
        assert [request.status for request in small_registry.asked("PUT")] == [401, 201]


def test_the_login_does_not_follow_an_upload_that_is_not_proved(small_registry: SmallRegistry, opened: Opener) -> None:
    small_registry.users = {"tester": "secret"}
    opened(small_registry).check_writable()
    assert small_registry.store.uploads == {}
    assert [request.method for request in small_registry.requests] == ["POST", "POST", "DELETE"]


def test_a_large_blob_is_streamed_in_little_memory(open_registry: DockerRegistry, opened: Opener, name: str) -> None:
    size = 64 * 1024 * 1024
    blob = Descriptor("application/octet-stream", ZEROES, size)
    store = opened(open_registry, name)

    @contextmanager
    def opener() -> Iterator[BinaryIO]:
        yield io.BufferedReader(Zeroes(size))

    tracemalloc.start()
    try:
        store.put_blob(blob, opener)
        with store.blob(blob) as stream:
            while stream.read(1024 * 1024):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


ZEROES = "sha256:3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"
"""The digest of 64 MiB of zeroes."""


class Zeroes(io.RawIOBase):
    """A file of zeroes that is nowhere."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, (bytearray, memoryview))
        size = min(self._left, len(buffer))
        buffer[:size] = bytes(size)
        self._left -= size
        return size
