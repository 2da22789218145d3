"""The media types of signatures and attestations, and the annotation that holds a signature."""

__all__ = ["BUNDLE", "ENVELOPE", "IN_TOTO", "NOTATION", "SIGNATURE", "SIMPLE"]

BUNDLE = "application/vnd.dev.sigstore.bundle"  # cosign, specs/BUNDLE_SPEC.md; a version follows it
ENVELOPE = "application/vnd.dsse.envelope.v1+json"  # cosign, specs/ATTESTATION_SPEC.md
IN_TOTO = "application/vnd.in-toto+json"  # buildkit, docs/attestations/attestation-storage.md
NOTATION = "application/vnd.cncf.notary.signature"
SIGNATURE = "dev.cosignproject.cosign/signature"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"  # cosign, specs/SIGNATURE_SPEC.md
