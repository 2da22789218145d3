"""Checks signatures by a certificate, with `sigstore`, offline: the certificate says who signed, the log when."""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
)
from sigstore.errors import Error as SigstoreError
from sigstore.errors import VerificationError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.common.v1 import HashAlgorithm

from tagger.errors import InputError
from tagger.gates.signatures.places import Candidate
from tagger.gates.signatures.rows import Row, matches
from tagger.gates.signatures.statements import Rejected, check_no_predicate, check_statement, parse_json, signed_digest
from tagger.results import Verification
from tagger.workspace import read_regular

__all__ = ["open_verifier", "verify"]

FULCIO = "1.3.6.1.4.1.57264.1."  # fulcio, docs/oid-info.md
ISSUER, SIGNER, RUNNER, REPOSITORY, REF = "8", "9", "11", "12", "14"
HOSTED = "github-hosted"

# The library warns that it does not fetch new roots, which is intended here.
logging.getLogger("sigstore").setLevel(logging.ERROR)


@cache
def open_verifier(trusted_root: str) -> Verifier:
    """Return a verifier of bundles, with the roots of Sigstore that the library ships, or those in a file.

    Raise `InputError` where the file cannot be read.
    """
    try:
        if trusted_root:
            read_regular(Path(trusted_root))  # the library would wait for a FIFO, and read a device for ever
            return Verifier(trusted_root=TrustedRoot.from_file(trusted_root))
        return Verifier.production(offline=True)
    except (SigstoreError, ValueError, OSError) as error:
        raise InputError(
            f"`trusted-root`: {trusted_root or 'the library'} holds no trusted root: {error}",
            "Give the file trusted_root.json of your Sigstore.",
        ) from error


def verify(candidate: Candidate, verifier: Verifier, row: Row) -> Verification:
    """Return what a candidate proves for a row. Raise `Rejected` with the reason why it does not count."""
    if candidate.kind != "bundle":
        raise Rejected(
            "its log entry has no proof of inclusion, as cosign 2 wrote it; sign with cosign 3 or actions/attest"
        )
    document = parse_json(candidate.document)
    material = document.get("verificationMaterial")
    if isinstance(material, dict):
        if "publicKey" in material:
            raise Rejected("it was signed with a key, and not with a certificate")
        if not material.get("tlogEntries"):
            raise Rejected("no log entry: a private repository's attestation cannot be proved")
    policy = _Policy(row)
    try:
        bundle = Bundle.from_json(candidate.document)
        if "dsseEnvelope" in document:
            kind, payload = verifier.verify_dsse(bundle, policy)
            predicate = check_statement(kind, payload, candidate.target.digest, row)
        else:
            check_no_predicate(row)
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=signed_digest(candidate.target.digest))
            verifier.verify_artifact(hashed, bundle, policy)
            predicate = ""
    except (SigstoreError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Rejected(policy.reason or _first_line(error)) from error
    return policy.proved._replace(predicate=predicate, found_at=candidate.found_at, digest=candidate.target.digest)


class _Policy:
    """Compares a certificate with a row; `proved` is what it says, `reason` why the row refuses it."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.reason = ""
        self.proved = Verification("", row.text)

    def verify(self, cert: Certificate) -> None:
        """Raise `VerificationError` where the certificate does not fulfil the row."""
        row, read = self.row, _reader(cert)
        repository, ref, signer = read(REPOSITORY), read(REF), read(SIGNER) or _identities(cert)[0]
        workflow = signer.partition("@")[0]
        self.proved = Verification("", row.text, repository, ref, workflow)
        if read(ISSUER) != row.issuer:
            self._refuse(f"its issuer is {read(ISSUER) or 'unknown'}")
        if row.repository and not matches(row.repository.lower(), repository.lower()):
            self._refuse(f"signed by {_short(repository) or workflow or 'an unknown signer'}")
        if row.workflow and not matches(row.workflow, workflow):
            self._refuse(f"signed by the workflow {_short(workflow)}")
        if "ref" in row.words and not matches(row.words["ref"], ref):
            self._refuse(f"signed at {ref or 'no ref'}")
        if "identity" in row.words and not any(matches(row.words["identity"], one) for one in _identities(cert)):
            self._refuse(f"signed by {' and '.join(filter(None, _identities(cert))) or 'an unknown signer'}")
        if row.kind == "builder" and read(RUNNER) != HOSTED:
            self._refuse(f"it was made on a runner that is {read(RUNNER) or 'unknown'}")

    def _refuse(self, reason: str) -> None:
        self.reason = reason
        raise VerificationError(reason)


def _reader(cert: Certificate) -> Callable[[str], str]:
    """Return a function that reads one of Fulcio's extensions, a DER UTF8String; it gives an empty text for none."""

    def read(number: str) -> str:
        try:
            extension = cert.extensions.get_extension_for_oid(ObjectIdentifier(FULCIO + number)).value
        except ExtensionNotFound:
            return ""
        raw = extension.value if isinstance(extension, UnrecognizedExtension) else b""
        return _utf8_string(raw)

    return read


def _utf8_string(raw: bytes) -> str:
    if len(raw) < 2 or raw[0] != 0x0C:
        return ""
    length, start = raw[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(raw[2:start])
    return raw[start : start + length].decode(errors="replace") if start + length == len(raw) else ""


def _identities(cert: Certificate) -> list[str]:
    try:
        names = cert.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return [""]
    found = [*names.get_values_for_type(UniformResourceIdentifier), *names.get_values_for_type(RFC822Name)]
    return [str(one) for one in found] or [""]


def _short(address: str) -> str:
    return address.removeprefix("https://github.com/")


def _first_line(error: Exception) -> str:
    return f"it cannot be proved: {str(error).partition(chr(10))[0][:200] or type(error).__name__}"
