"""The result of looking for a version in one place: the version, or why there is none."""

import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tagger.errors import InputError

__all__ = ["Absent", "Found", "Given", "V", "find_version"]

_ALONE = "It should be a version alone, as 2.1.4."
_OF_SETTINGS = "`scheme: [a-z0-9]+`(?: and `build-metadata: underscore`)?|`build-metadata: underscore`"
"""The part of a hint that repeats nothing of the text that was read."""


class Absent(Exception):
    """A place gives no version; the text says why. The next place is tried then.

    `hint` says what to do about it, where something helps.
    """

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class Ordered(Protocol):
    """A value that can be ordered, so that one is the newest."""

    def __lt__(self, other: Any, /) -> bool: ...


V = TypeVar("V", bound=Ordered)


class Found(NamedTuple, Generic[V]):
    """A version, and where it was read.

    `text` is its text there, `origin` the place as `version-from` names it (`git-tag`, `file:package.json`), and
    `description` the name of the place in messages. `notes` name the places that have another version, which do not
    count.
    """

    version: V
    text: str
    origin: str
    description: str
    notes: tuple[str, ...] = ()


class Given(NamedTuple):
    """A text that should be a version, and where it was read.

    `named` is True where the settings name the variable, the key or the file. Such a text may be a secret: no message
    repeats it. `notes` are the other files that say another version.
    """

    text: str
    origin: str
    description: str
    named: bool = False
    notes: tuple[str, ...] = ()


def find_version(given: Given, parse: Callable[[str], V]) -> Found[V]:
    """Return the version that a place gives. Raise `InputError` where its text is none."""
    try:
        version = parse(given.text)
    except InputError as error:
        if given.named:
            shown = re.search(_OF_SETTINGS, error.hint)
            hint = f"Set {shown[0]}." if shown else _ALONE
            raise InputError(f"{given.description} does not hold a version", hint) from None
        in_git = not given.origin.startswith(("file", "label"))
        hint = error.hint if in_git or "`tag-prefix:" not in error.hint else _ALONE
        raise InputError(f"{given.description}: {error.message}", hint, code=error.code) from error
    return Found(version, given.text, given.origin, given.description, given.notes)
