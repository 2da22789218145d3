"""What an image must be before it gets a name: each gate with the options that ask for it, and what looks at the image."""

import re
from typing import Any

from tagger.errors import InputError
from tagger.settings import mending
from tagger.settings.mending import mended
from tagger.settings.option import lines, text, words
from tagger.settings.parsers import reference, without_login

__all__ = ["GateOptions"]

_gate: dict[str, Any] = {"group": "gates", "commands": ("releases",)}


def _signer(text: str) -> str:
    """Check a row that says who must have signed."""
    from tagger.gates.signatures.rows import parse_row

    parse_row(text)
    return text


@mended(mending.artifact_types)
def _artifact_type(text: str) -> str:
    """Check the type of an artifact, or a word for several."""
    from tagger.gates.attached import WORDS

    if text not in WORDS and not re.fullmatch(r"[\w.+-]+/[\w.+-]+", text, re.ASCII):
        raise InputError(f"{text!r} is not a media type", f"Write one as application/spdx+json, or {', '.join(WORDS)}.")
    return text


@without_login
def _golden(text: str) -> str:
    """Check a line of `golden`: a base, and behind a blank who must have signed it."""
    _, _, row = text.partition(" ")
    if row.strip():
        _signer(row.strip())
    return text


class GateOptions:
    """What an image must be, and who must have made it."""

    golden = lines(
        "golden", "Approved base images; a build on none of them is refused.", _golden, metavar="BASE",
        **_gate,
    )  # fmt: skip
    base = text(
        "base", "The base that this build claims, for approvals that are patterns.", reference,
        metavar="REFERENCE", **_gate,
    )  # fmt: skip
    require_referrer = words(
        "require-referrer",
        "Artifact types, or signature, attestation, sbom, provenance: a build to which none of each is attached is "
        "refused.",
        _artifact_type, metavar="TYPE", **_gate,
    )  # fmt: skip
    verify = lines(
        "verify",
        "Who must have signed the build, any one row: keyless repo=… workflow=… ref=… issuer=…, key FILE, "
        "key env:NAME, or builder docker/github-builder repo=….",
        _signer, metavar="ROW", **_gate,
    )  # fmt: skip
    base_verify = lines(
        "base-verify",
        "Who must have signed the base that `golden` found: rows as in `verify`. A line of `golden` may carry its own.",
        _signer, metavar="ROW", **_gate,
    )  # fmt: skip
    trusted_root = text(
        "trusted-root", "The trusted root of a Sigstore of one's own. Default: Sigstore's, as the library ships it.",
        metavar="FILE", **_gate,
    )  # fmt: skip
