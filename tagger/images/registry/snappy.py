"""Decompresses Snappy, the format of GitHub's stored attestations (google/snappy, format_description.txt)."""

__all__ = ["decompress"]

LITERAL = 0
SIZE_BYTES = 5  # of the length before the data: it is below 2**32
SHORT = 60  # longer literals have their length in the bytes that follow


def decompress(data: bytes, most: int) -> bytes:
    """Return the content of a block. Raise `ValueError` where it is invalid, or has more than `most` bytes."""
    size, position = _size(data)
    if size > most:
        raise ValueError(f"it holds {size} bytes; the limit is {most}")
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        if tag & 3 == LITERAL:
            length, position = _literal_length(data, tag >> 2, position)
            if position + length > len(data):
                raise ValueError("it ends too early")
            out += data[position : position + length]
            position += length
        else:
            length, offset, position = _copy(data, tag, position)
            if not 0 < offset <= len(out):
                raise ValueError("it refers to bytes that it does not have")
            start = len(out) - offset
            chunk = out[start : start + length]
            out += chunk if offset >= length else (chunk * (length // offset + 1))[:length]
        if len(out) > size:
            raise ValueError("it holds more than it says")
    if len(out) != size:
        raise ValueError("it holds less than it says")
    return bytes(out)


def _size(data: bytes) -> tuple[int, int]:
    """Return the length at the start of a block, a varint, and the position of its data."""
    size = 0
    for index, byte in enumerate(data[:SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if size >= 1 << 32:
                break
            return size, index + 1
    raise ValueError("it does not begin with a length")


def _literal_length(data: bytes, said: int, position: int) -> tuple[int, int]:
    """Return the length of a literal, and its position."""
    if said < SHORT:
        return said + 1, position
    end = position + said - SHORT + 1
    return int.from_bytes(data[position:end], "little") + 1, end


def _copy(data: bytes, tag: int, position: int) -> tuple[int, int, int]:
    """Return the length of a copy, its distance back, and the position of the next element."""
    width = {1: 1, 2: 2, 3: 4}[tag & 3]
    raw = data[position : position + width]
    if len(raw) < width:
        raise ValueError("it ends too early")
    offset = int.from_bytes(raw, "little")
    if width == 1:
        return (tag >> 2 & 7) + 4, (tag >> 5) << 8 | offset, position + 1
    return (tag >> 2) + 1, offset, position + width
