"""The names of variants and channels, and their checks."""

import re
from collections.abc import Iterable, Mapping

from tagger.errors import InputError
from tagger.rules.versions import channel_of

__all__ = ["DEFAULT_VARIANT", "VARIANT", "channel_words", "check_channel", "check_variant", "is_variant"]

DEFAULT_VARIANT = "default"
"""The name of the variant of the bare tags in settings."""

VARIANT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
"""The characters of a variant's name."""


def check_variant(text: str) -> str:
    """Return `text`, the name of a variant. Raise `InputError` when it is none."""
    if not re.fullmatch(VARIANT, text) or re.fullmatch(r"v?[0-9.]+|latest", text):
        raise InputError(
            f"{text!r} is not a variant",
            "A variant is the text after the version, as alpine or alpine3.22. It is not a number alone.",
        )
    return text


def is_variant(text: str) -> bool:
    """Say whether a text may be the name of a variant."""
    try:
        return bool(check_variant(text))
    except InputError:
        return False


def check_channel(text: str) -> str:
    """Return an entry of `channels` in lower case: a word, or `NAME=WORD,WORD`. Raise `InputError` when it is none."""
    if not re.fullmatch(r"[A-Za-z]+(?:=[A-Za-z]+(?:,[A-Za-z]+)*)?", text):
        raise InputError(
            f"{text!r} is not a channel",
            "A channel is a word of letters, as rc or beta, or a name with several words: edge=alpha,beta,rc.",
        )
    name, _, words = text.lower().partition("=")
    found = sorted({channel_of(word) for word in words.split(",") if word})
    return name if found in ([], [name]) else f"{name}={','.join(found)}"


def channel_words(entries: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the words of each channel of the entries, by its name."""
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        name, _, words = entry.partition("=")
        own = words.split(",") if words else [name := channel_of(name)]
        found[name] = found.get(name, frozenset()).union(map(channel_of, own))
    return found
