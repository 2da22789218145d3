"""Streams of blobs: whole, in order, and never the last of bytes that are not what their digest says."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from tagger.errors import StoreError
from tagger.images.archives import Archive, LayoutArchive
from tagger.images.blobs import Checked, Sized
from tagger.images.layout import Layout, LayoutContent
from tagger.images.manifests import Descriptor
from tests.images.making import digest_of, put

CONTENT = os.urandom(300_000)
BLOB = Descriptor("application/octet-stream", digest_of(CONTENT), len(CONTENT))


@pytest.mark.parametrize("size", [1000, 65536, 300_000, 1 << 20])
@pytest.mark.parametrize("kind", [Checked, Sized])
@pytest.mark.parametrize("more", [b"", b"more"])
def test_a_blob_comes_whole_and_in_order_and_nothing_after_it(kind: type[Sized], size: int, more: bytes) -> None:
    stream = io.BufferedReader(kind(io.BytesIO(CONTENT + more), BLOB, "here"), 4096)
    assert b"".join(iter(lambda: stream.read(size), b"")) == CONTENT
    assert stream.read(size) == b""


@pytest.mark.parametrize("kind", [Checked, Sized])
@pytest.mark.parametrize("content", [CONTENT[:-1], b""], ids=["shorter", "empty"])
def test_what_ends_too_early_is_an_error(kind: type[Sized], content: bytes) -> None:
    stream = kind(io.BytesIO(content), BLOB, "here")
    with pytest.raises(StoreError, match=f"ended after {len(content)} of 300000 bytes") as caught:
        stream.readall()
    assert (caught.value.code, caught.value.place) == ("DIGEST_INVALID", "here")


@pytest.mark.parametrize("place", [0, 150_000, 299_999])
def test_the_last_of_other_bytes_is_never_handed_out(place: int) -> None:
    other = CONTENT[:place] + bytes([CONTENT[place] ^ 1]) + CONTENT[place + 1 :]
    stream = Checked(io.BytesIO(other), BLOB, "here")
    parts: list[bytes | None] = []
    with pytest.raises(StoreError, match="is not what its digest says: its digest is sha256:") as caught:
        parts.extend(iter(lambda: stream.read(70_000), b""))
    assert parts == [other[:70_000], other[70_000:140_000], other[140_000:210_000], other[210_000:280_000]]
    assert (caught.value.code, caught.value.place) == ("DIGEST_INVALID", "here")


@pytest.mark.parametrize(("digest", "fine"), [(digest_of(b""), True), (digest_of(b"else"), False)])
def test_an_empty_blob_is_checked_too(digest: str, fine: bool) -> None:
    stream = Checked(io.BytesIO(), Descriptor("", digest, 0), "here")
    if fine:
        assert stream.readall() == b""
    else:
        with pytest.raises(StoreError, match="is not what its digest says"):
            stream.readall()


def test_what_cannot_be_read_says_where() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: object) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(StoreError, match="cannot be read: Input/output error") as caught:
        Checked(io.BufferedReader(Broken()), BLOB, "oci:here").read(1)
    assert caught.value.place == "oci:here"


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_layout_is_named(tmp_path: Path, packed: bool) -> None:
    layout = Layout(tmp_path / "layout")
    put(layout, CONTENT, BLOB.media_type)
    (layout.path / "blobs/sha256" / BLOB.digest[7:]).write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    content: LayoutContent = layout
    if packed:
        with tarfile.open(tmp_path / "layout.tar", "w") as archive:
            archive.add(layout.path, "")
        content = LayoutArchive(Archive(tmp_path / "layout.tar", "oci-archive:it"))
    with pytest.raises(StoreError, match="is not what its digest says") as caught, content.blob(BLOB) as stream:
        stream.read()
    assert caught.value.place == content.place
