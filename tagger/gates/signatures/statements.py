"""Reads and checks what a signature is about: DSSE envelopes, in-toto statements, cosign's older payloads."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tagger.gates.signatures.media_types import IN_TOTO
from tagger.gates.signatures.rows import Row, matches
from tagger.names import Digest

__all__ = [
    "Envelope", "Rejected", "check_payload", "check_statement", "decode_base64", "is_about", "parse_json",
    "signed_bytes", "signed_digest",
]  # fmt: skip

SIGNED = "sha256"
SIMPLE_TYPE = "cosign container image signature"  # cosign, specs/SIGNATURE_SPEC.md


class Rejected(Exception):
    """A signature that does not count; its text is the reason, for a person."""


class Envelope(NamedTuple):
    """A DSSE envelope (secure-systems-lab/dsse, envelope.md): a payload, its type, and its one signature."""

    payload_type: str
    payload: bytes
    signature: bytes

    @classmethod
    def read(cls, value: Any) -> "Envelope":
        """Return an envelope from its JSON value. Raise `Rejected`."""
        if not isinstance(value, dict) or not isinstance(value.get("payloadType"), str):
            raise Rejected("it holds no envelope")
        if not value["payloadType"].isascii():
            raise Rejected("the type of its payload is no media type")
        signatures = value.get("signatures")
        if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
            raise Rejected("its envelope must have exactly one signature")
        return cls(value["payloadType"], decode_base64(value.get("payload")), decode_base64(signatures[0].get("sig")))


def signed_bytes(envelope: Envelope) -> bytes:
    """Return the bytes that the signature of an envelope signs (dsse, protocol.md, "PAE")."""
    kind = envelope.payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(envelope.payload), envelope.payload)


def check_statement(payload_type: str, payload: bytes, digest: str, row: Row) -> str:
    """Return the predicate type of a statement, which must be about `digest` and match the row. Raise `Rejected`.

    Source: in-toto attestation framework, spec/v1/statement.md.
    """
    if payload_type != IN_TOTO:
        raise Rejected(f"its payload is {payload_type}, and not an in-toto statement")
    statement = parse_json(payload)
    if not is_about(statement, digest):
        raise Rejected("it is about another digest")
    predicate = statement.get("predicateType")
    if not isinstance(predicate, str):
        raise Rejected("its statement has no predicate type")
    if row.predicates and not any(matches(glob, predicate) for glob in row.predicates):
        raise Rejected(f"its predicate is {predicate}")
    return predicate


def is_about(statement: Mapping[str, Any], digest: str) -> bool:
    """Say whether a subject of an in-toto statement has this digest."""
    subjects, wanted = statement.get("subject"), Digest(digest)
    digests = [one.get("digest") for one in subjects if isinstance(one, dict)] if isinstance(subjects, list) else []
    return any(isinstance(one, dict) and one.get(wanted.algorithm) == wanted.encoded for one in digests)


def signed_digest(digest: str) -> bytes:
    """Return the bytes of a SHA-256 digest, which a signature over a manifest itself signs. Raise `Rejected`.

    Sigstore always signs the SHA-256 (cosign, specs/SIGNATURE_SPEC.md, "Hashing Algorithms"), so a digest of another
    algorithm cannot be compared with a signature.
    """
    named = Digest(digest)
    if named.algorithm != SIGNED:
        raise Rejected(f"a signature over a digest of {named.algorithm} cannot be proved")
    return bytes.fromhex(named.encoded)


def check_payload(payload: bytes, digest: str, row: Row) -> str:
    """Return an empty predicate type for a simple-signing payload, which must be about `digest`. Raise `Rejected`."""
    critical = parse_json(payload).get("critical")
    image = critical.get("image") if isinstance(critical, dict) else None
    if not isinstance(critical, dict) or critical.get("type") != SIMPLE_TYPE or not isinstance(image, dict):
        raise Rejected("its payload is no image signature")
    if image.get("docker-manifest-digest") != digest:
        raise Rejected("it is about another digest")
    check_no_predicate(row)
    return ""


def check_no_predicate(row: Row) -> None:
    """Raise `Rejected` where the row asks for an attestation, as a plain signature is none."""
    if row.predicates and row.words.get("predicate") != "signature":
        raise Rejected("it is a signature and no attestation")


def parse_json(content: bytes) -> dict[str, Any]:
    """Return the JSON object in `content`. Raise `Rejected`."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Rejected("it is not JSON") from error
    if not isinstance(value, dict):
        raise Rejected("it is not a JSON object")
    return value


def decode_base64(text: Any) -> bytes:
    """Return the bytes in a Base64 text. Raise `Rejected`."""
    if not isinstance(text, str):
        raise Rejected("it is malformed")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("it is not Base64") from error
