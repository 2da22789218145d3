"""A Sigstore of the tests: an authority, a certificate log and a log of one entry; it signs as Sigstore does.

Bundles: sigstore/protobuf-specs, sigstore_bundle.proto, v0.3. Certificates: fulcio, docs/oid-info.md. The embedded
timestamp of the certificate log: RFC 6962, section 3.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

__all__ = ["BUNDLE", "GITHUB", "IN_TOTO", "Sigstore", "key_bundle", "new_key", "public_pem", "statement"]

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
GITHUB = "https://token.actions.githubusercontent.com"
FULCIO = "1.3.6.1.4.1.57264.1."
TIMESTAMPS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """Make a key on the curve P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: Key) -> bytes:
    """Return the public half of a key in PEM form."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind)


def statement(digest: str, predicate: str = "https://slsa.dev/provenance/v1") -> dict[str, Any]:
    """Return an in-toto statement about an image."""
    algorithm, _, value = digest.partition(":")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {algorithm: value}}],
        "predicateType": predicate,
        "predicate": {},
    }


def key_bundle(key: Key, claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return a bundle of a statement that is signed with a key."""
    envelope = _envelope(key, json.dumps(claim).encode(), IN_TOTO)
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }


class Sigstore:
    """One Sigstore, with keys of its own."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.authority, self.certificates, self.log = new_key(), new_key(), new_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root of the tests")])
        signing = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.root = (
            x509.CertificateBuilder(self.name, self.name, self.authority.public_key(), x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=1))
            .not_valid_after(self.now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(signing, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def trusted_root(self) -> dict[str, Any]:
        """Return the JSON of its trusted root."""
        start = {"start": (self.now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log(self.log, "https://log.test", start)],
            "ctlogs": [_log(self.certificates, "https://certificates.test", start)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "tests", "commonName": "root of the tests"},
                    "uri": "https://authority.test",
                    "certChain": {
                        "certificates": [{"rawBytes": _b64(self.root.public_bytes(serialization.Encoding.DER))}]
                    },
                    "validFor": start,
                }
            ],
            "timestampAuthorities": [],
        }

    def bundle(
        self,
        claim: Mapping[str, Any],
        *,
        repository: str = "https://github.com/acme/app",
        ref: str = "refs/tags/v2.1.4",
        workflow: str = ".github/workflows/release.yml",
        signer: str = "",
        issuer: str = GITHUB,
        hosted: bool = True,
        payload_type: str = IN_TOTO,
    ) -> dict[str, Any]:
        """Return a bundle of a statement, as a job of GitHub Actions makes it."""
        identity = f"{signer or f'{repository}/{workflow}'}@{ref}"
        runner = "github-hosted" if hosted else "self-hosted"
        extra = {"9": identity, "11": runner, "12": repository, "14": ref}
        key = new_key()
        certificate = self._certificate(key, identity, issuer, extra)
        payload = json.dumps(claim).encode()
        envelope = _envelope(key, payload, payload_type)
        pem = _b64(certificate.public_bytes(serialization.Encoding.PEM))
        entry = {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": _sha(_canonical(envelope)).hex()},
                "payloadHash": {"algorithm": "sha256", "value": _sha(payload).hex()},
                "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": pem}],
            },
        }
        raw = _b64(certificate.public_bytes(serialization.Encoding.DER))
        material = {"certificate": {"rawBytes": raw}, "tlogEntries": [self._logged(_canonical(entry))]}
        return {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}

    def _logged(self, body: bytes) -> dict[str, Any]:
        """Return the entry of a log with one entry: the root of the tree is the hash of that leaf."""
        leaf = _sha(b"\0" + body)
        note = f"log.test - 1\n1\n{_b64(leaf)}\n"
        log_id = _sha(_spki(self.log))
        checkpoint = f"{note}\n\u2014 log.test {_b64(log_id[:4] + _sign(self.log, note.encode()))}\n"
        seconds = int(self.now.timestamp())
        promised = {"body": _b64(body), "integratedTime": seconds, "logID": log_id.hex(), "logIndex": 0}
        return {
            "logIndex": "0",
            "logId": {"keyId": _b64(log_id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": _b64(_sign(self.log, _canonical(promised)))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": _b64(leaf),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": _b64(body),
        }

    def _certificate(self, key: Key, identity: str, issuer: str, extra: Mapping[str, str]) -> x509.Certificate:
        builder = self._unstamped(key, identity, issuer, extra)
        seen = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        moment = int(self.now.timestamp() * 1000)
        entry = _sha(_spki(self.authority)) + len(seen).to_bytes(3) + seen
        signature = _sign(self.certificates, struct.pack("!BBQH", 0, 0, moment, 1) + entry + b"\0\0")
        stamp = b"\0" + _sha(_spki(self.certificates)) + struct.pack("!Q", moment) + b"\0\0\4\3" + _sized(signature)
        stamps = _sized(_sized(stamp))
        length = bytes([len(stamps)]) if len(stamps) < 128 else bytes([0x81, len(stamps)])
        extension = x509.UnrecognizedExtension(TIMESTAMPS, b"\4" + length + stamps)
        return builder.add_extension(extension, critical=False).sign(self.authority, hashes.SHA256())

    def _unstamped(self, key: Key, identity: str, issuer: str, extra: Mapping[str, str]) -> x509.CertificateBuilder:
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key())
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        builder = (
            x509.CertificateBuilder(self.name, x509.Name([]), key.public_key(), x509.random_serial_number())
            .not_valid_before(self.now - timedelta(minutes=1))
            .not_valid_after(self.now + timedelta(minutes=10))
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(above, critical=False)
            .add_extension(names, critical=True)
        )
        for number, text in {"8": issuer, **extra}.items():
            extension = x509.UnrecognizedExtension(ObjectIdentifier(FULCIO + number), _utf8_string(text))
            builder = builder.add_extension(extension, critical=False)
        return builder


def _log(key: Key, url: str, start: Mapping[str, str]) -> dict[str, Any]:
    public = {"rawBytes": _b64(_spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": dict(start)}
    return {
        "baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": {"keyId": _b64(_sha(_spki(key)))}
    }  # fmt: skip


def _envelope(key: Key, payload: bytes, kind: str) -> dict[str, Any]:
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    return {"payload": _b64(payload), "payloadType": kind, "signatures": [{"sig": _b64(_sign(key, signed))}]}


def _sign(key: Key, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _spki(key: Key) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, kind)


def _utf8_string(text: str) -> bytes:
    raw = text.encode()
    length = bytes([len(raw)]) if len(raw) < 128 else bytes([0x81, len(raw)])
    return b"\x0c" + length + raw


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
