"""A parser of what comes from outside, as a fuzzer tries it."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from tagger.errors import TaggerError

__all__ = ["Parser", "document", "halves", "one_of", "text"]


class Parser(NamedTuple):
    """A parser: `read` takes any bytes; it returns, or raises one of `refusals`. `examples` are where to begin."""

    name: str
    read: Callable[[bytes], object]
    examples: Sequence[bytes]
    refusals: tuple[type[Exception], ...] = (TaggerError,)

    def attempt(self, content: bytes) -> None:
        """Read an input; what it raises besides a refusal is a finding."""
        with suppress(*self.refusals):
            self.read(content)


def one_of(name: str, *parsers: Parser) -> Parser:
    """Return parsers that share their time: the first byte of an input says whose it is."""

    def read(content: bytes) -> None:
        parsers[content[0] % len(parsers) if content else 0].attempt(content[1:])

    examples = [b"%c%b" % (number, one) for number, parser in enumerate(parsers) for one in parser.examples]
    return Parser(name, read, examples, ())


def text(content: bytes) -> str:
    """Return bytes as a text of an environment or a header: every byte has a character."""
    return content.decode("utf-8", "surrogateescape")


def halves(content: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the first line end, and the rest."""
    first, _, rest = content.partition(b"\n")
    return first, rest


def document(value: Any) -> bytes:
    """Return JSON."""
    return json.dumps(value).encode()
