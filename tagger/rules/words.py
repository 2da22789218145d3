"""What variants and channels may be called."""

import re

from tagger.errors import InputError

__all__ = ["DEFAULT_VARIANT", "check_channel", "check_variant"]

DEFAULT_VARIANT = "default"
"""What settings call the variant of the bare tags."""


def check_variant(text: str) -> str:
    """Return `text`, the name of a variant. Raise `InputError` when it is none."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text) or re.fullmatch(r"v?[0-9.]+|latest", text):
        raise InputError(
            f"{text!r} is not a variant",
            "A variant is what stands behind the version, as alpine or alpine3.22, and no number alone.",
        )
    return text


def check_channel(text: str) -> str:
    """Return `text`, the word of a channel, in lower case. Raise `InputError` when it is none."""
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise InputError(f"{text!r} is not a channel", "A channel is a word of letters, as rc or beta.")
    return text.lower()
