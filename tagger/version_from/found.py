"""A version as it was found, and why a place gives none."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tagger.errors import InputError

__all__ = ["Absent", "Found", "Given", "V", "found"]


class Absent(Exception):
    """A place gives no version, and the text says why: a finding, after which the next place is tried."""


class Ordered(Protocol):
    """What has a newest."""

    def __lt__(self, other: Any, /) -> bool: ...


V = TypeVar("V", bound=Ordered)


class Found(NamedTuple, Generic[V]):
    """A version, and where it was read.

    `text` is how it stood there, `origin` the place as `version-from` names it (`git-tag`, `file:package.json`), and
    `description` what a person is told of it. `notes` are the places that say another version, though this one
    decides.
    """

    version: V
    text: str
    origin: str
    description: str
    notes: tuple[str, ...] = ()


class Given(NamedTuple):
    """A text that should be a version, and where it was read.

    `named` is True of what somebody else named, a variable, a key, a file: it may hold a secret, and no message repeats
    it.
    """

    text: str
    origin: str
    description: str
    named: bool = False


def found(given: Given, parse: Callable[[str], V]) -> Found[V]:
    """Return the version that a place gives. Raise `InputError` where its text is none."""
    try:
        version = parse(given.text)
    except InputError as error:
        if given.named:
            raise InputError(
                f"{given.description} does not hold a version", "Set it to a version alone, as 2.1.4."
            ) from None
        raise InputError(f"{given.description}: {error.message}", error.hint, code=error.code) from error
    return Found(version, given.text, given.origin, given.description)
