"""Snappy's block format: what another implementation wrote, every kind of element, and what is malformed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.images.registry.snappy import decompress

TYPE = b"application/vnd.dev.sigstore.bundle.v0.3+json"

Element = tuple[bytes, int, int]
"""A literal, and after it a copy from so many bytes back, of such a length."""


def literal(data: bytes) -> bytes:
    """Encode a literal, with its length in as few bytes as there may be."""
    length = len(data) - 1
    if length < 60:
        return bytes([length << 2]) + data
    width = (length.bit_length() + 7) // 8
    return bytes([(59 + width) << 2]) + length.to_bytes(width, "little") + data


def copy(offset: int, length: int) -> bytes:
    """Encode a copy by the shortest element that holds it."""
    if offset < 2048 and 4 <= length <= 11:
        return bytes([(offset >> 8) << 5 | (length - 4) << 2 | 1, offset & 255])
    if offset < 65536:
        return bytes([(length - 1) << 2 | 2]) + offset.to_bytes(2, "little")
    return bytes([(length - 1) << 2 | 3]) + offset.to_bytes(4, "little")


def varint(number: int) -> bytes:
    """Encode a length as blocks begin with."""
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def test_what_another_implementation_wrote() -> None:
    """By the library `snap` of Rust."""
    block = b"t\xf0@" + b'{"mediaType": "' + TYPE + b'", "a\xc66\x00\x00}'
    assert decompress(block, 1000) == b'{"mediaType": "' + TYPE + b'", "a": "' + TYPE + b'"}'


@given(st.lists(st.tuples(st.binary(max_size=80), st.integers(1, 200), st.integers(1, 64))))
def test_every_element(elements: list[Element]) -> None:
    """A copy that is longer than its offset repeats what it has just written."""
    wanted, block = bytearray(), b""
    for data, offset, length in elements:
        if data:
            wanted += data
            block += literal(data)
        if 0 < offset <= len(wanted):
            block += copy(offset, length)
            for _ in range(length):
                wanted.append(wanted[-offset])
    assert decompress(varint(len(wanted)) + block, 1 << 20) == wanted


@pytest.mark.parametrize("length", [60, 61, 256, 257, 65536, 65537, 1 << 20])
def test_long_literals_and_far_copies(length: int) -> None:
    data = bytes(index * 7 & 255 for index in range(length))
    block = varint(length + 32) + literal(data) + copy(length, 32)
    assert decompress(block, 1 << 21) == data + data[:32]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (b"", "a length"),
        (b"\x80\x80", "a length"),
        (b"\xff\xff\xff\xff\xff\x01", "a length"),
        (b"\xff\xff\xff\xff\x7f", "a length"),
        (b"\xff\xff\xff\xff\x0f", "the limit is 1000"),
        (b"\x05\x08abc", "less than it says"),
        (b"\x02\x08abc", "more than it says"),
        (b"\x03\x08ab", "too early"),
        (b"\x03\xf4\x01", "too early"),
        (b"\x08\x08abc\x02", "too early"),
        (b"\x08\x08abc\x05\x04", "does not have"),
        (b"\x08\x08abc\x05\x00", "does not have"),
    ],
)
def test_what_is_malformed(block: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decompress(block, 1000)


@given(st.binary(max_size=60))
def test_any_bytes_end_in_time_and_within_bounds(block: bytes) -> None:
    with suppress(ValueError):
        assert len(decompress(block, 1000)) <= 1000
