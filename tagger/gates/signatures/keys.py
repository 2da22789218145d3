"""Checks signatures by a key, with `cryptography`: bundles, envelopes and cosign's older payloads."""

import hashlib
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from tagger.errors import InputError
from tagger.gates.signatures.places import Candidate
from tagger.gates.signatures.rows import Row
from tagger.gates.signatures.statements import (
    Envelope,
    Rejected,
    check_no_predicate,
    check_payload,
    check_statement,
    decode_base64,
    parse_json,
    signed_bytes,
    signed_digest,
)
from tagger.workspace import read_regular

__all__ = ["PublicKey", "read_key", "verify"]

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
LEAST_RSA = 2048  # bits
LARGEST = 64 * 1024  # bytes of a file with a key
_CURVES = (ec.SECP256R1, ec.SECP384R1)


def read_key(row: Row, environ: "dict[str, str]", workspace: Path) -> PublicKey:
    """Read the public key that a row names, in PEM form. Raise `InputError`."""
    kind, _, name = row.name.partition(":")
    if kind == "env":
        content = environ.get(name, "").encode(errors="surrogateescape")
    else:
        try:
            content = read_regular(workspace / row.name, LARGEST)
        except OSError as error:
            raise InputError(
                f"`verify`: the key {row.name} cannot be read: {error.strerror}", "Name a file with a public key."
            ) from error
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"`verify`: {row.name} holds no public key", "Give one in PEM form: -----BEGIN PUBLIC KEY-----."
        ) from error
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, ed25519.Ed25519PublicKey) or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA):
        return key
    raise InputError(
        f"`verify`: {row.name} holds a key of a kind that is not accepted",
        "Use an elliptic curve (P-256, P-384), Ed25519, or RSA with 2048 bits or more.",
    )


def verify(candidate: Candidate, key: PublicKey, row: Row) -> str:
    """Return the predicate type of a candidate that this key signed; empty for a plain signature. Raise `Rejected`."""
    if candidate.kind == "simple":
        predicate = check_payload(candidate.document, candidate.target.digest, row)
        _check(key, decode_base64(candidate.signature), candidate.document)
        return predicate
    document = parse_json(candidate.document)
    if candidate.kind == "envelope":
        return _of_envelope(Envelope.read(document), candidate, key, row)
    material = document.get("verificationMaterial")
    if isinstance(material, dict) and "publicKey" not in material:
        raise Rejected("it was signed with a certificate, and not with this key")
    if "dsseEnvelope" in document:
        return _of_envelope(Envelope.read(document["dsseEnvelope"]), candidate, key, row)
    return _of_message(document.get("messageSignature"), candidate, key, row)


def _of_envelope(envelope: Envelope, candidate: Candidate, key: PublicKey, row: Row) -> str:
    _check(key, envelope.signature, signed_bytes(envelope))
    return check_statement(envelope.payload_type, envelope.payload, candidate.target.digest, row)


def _of_message(message: Any, candidate: Candidate, key: PublicKey, row: Row) -> str:
    """Check a signature over the manifest itself, for which its digest is enough."""
    if not isinstance(message, dict):
        raise Rejected("it holds neither an envelope nor a signature")
    check_no_predicate(row)
    _check_digest(key, decode_base64(message.get("signature")), signed_digest(candidate.target.digest))
    return ""


def _check(key: PublicKey, signature: bytes, data: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey):
        try:
            key.verify(signature, data)
        except InvalidSignature as error:
            raise Rejected("this key did not sign it") from error
        return
    algorithm = "sha384" if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size == 384 else "sha256"
    if algorithm == "sha256":
        _check_digest(key, signature, hashlib.sha256(data).digest())
        return
    try:
        _check_digest(key, signature, hashlib.sha384(data).digest(), hashes.SHA384())
    except Rejected:  # cosign hashes with SHA-256 for every curve
        _check_digest(key, signature, hashlib.sha256(data).digest())


def _check_digest(
    key: PublicKey, signature: bytes, digest: bytes, algorithm: hashes.HashAlgorithm | None = None
) -> None:
    prehashed = utils.Prehashed(algorithm or hashes.SHA256())
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(prehashed))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), prehashed)
        else:
            raise Rejected("an Ed25519 key signs the manifest's bytes, and this is a signature over its digest")
    except InvalidSignature as error:
        raise Rejected("this key did not sign it") from error
