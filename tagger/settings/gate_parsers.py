"""What reads the entries of the gates. Each raises `InputError`, with what to write instead."""

import re

from tagger.errors import InputError
from tagger.settings import mending
from tagger.settings.mending import mended
from tagger.settings.parsers import without_login

__all__ = ["artifact_type", "golden", "signer"]


def signer(text: str) -> str:
    """Check a row that says who must have signed."""
    from tagger.gates.signatures.rows import parse_row

    parse_row(text)
    return text


@mended(mending.artifact_types)
def artifact_type(text: str) -> str:
    """Check the type of an artifact, or a word for several."""
    from tagger.gates.attached import WORDS

    if text not in WORDS and not re.fullmatch(r"[\w.+-]+/[\w.+-]+", text, re.ASCII):
        raise InputError(f"{text!r} is not a media type", f"Write one as application/spdx+json, or {', '.join(WORDS)}.")
    return text


@without_login
def golden(text: str) -> str:
    """Check a line of `golden`: a base, and behind a blank who must have signed it."""
    _, _, row = text.partition(" ")
    if row.strip():
        signer(row.strip())
    return text
