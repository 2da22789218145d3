"""Checks that an image has what must be attached before its release: signatures, attestations, SBOMs."""

from collections.abc import Collection, Iterator
from contextlib import suppress

from tagger.errors import NotFound, Refused
from tagger.gates.signatures.media_types import BUNDLE, ENVELOPE, IN_TOTO, NOTATION, SIMPLE
from tagger.gates.signatures.rows import PREDICATES, matches
from tagger.gates.signatures.statements import Envelope, Rejected, parse_json
from tagger.images.builds import AssembledSource
from tagger.images.configs import ABOUT, is_attestation
from tagger.images.copying import SIGNATURE_TAGS, TaggedContent
from tagger.images.manifests import Descriptor, Manifest, artifact_type_of
from tagger.images.sources import ContentSource
from tagger.images.stores import Source
from tagger.images.walk import check_width
from tagger.names import Digest

__all__ = ["WORDS", "check_attached"]

WORDS = ("signature", "attestation", "sbom", "provenance")
"""The words that stand for all types of one kind."""

MOST = 1000  # referrers of one manifest that are read; the rest are ignored
LARGEST = 4 * 1024 * 1024  # bytes of a bundle or an envelope that is read
SIGNATURES = (SIMPLE, NOTATION)
SIGNED = "https://sigstore.dev/cosign/sign/*"  # the predicate of a signature in a bundle, cosign specs/BUNDLE_SPEC.md
SBOMS = ("spdx", "cyclonedx", "syft")  # parts of the types of SBOMs, as application/spdx+json


def _attached_kinds(content: TaggedContent, root: Manifest, wanted: Collection[str]) -> frozenset[str]:
    """Return the types and the words of what is attached to an image itself, or to each of its platforms.

    An attestation by BuildKit counts as attached to the platform that it is about. The platforms are read only where
    the image itself lacks some of `wanted`. Raise `StoreError`.
    """
    own = _kinds_attached(content, root.digest)
    images = [child for child in root.children() if not is_attestation(child)]
    if not images or own.issuperset(wanted):
        return own
    check_width(len(images), root, content.place)
    below = [_kinds_attached(content, image.digest) | _kinds_by_buildkit(content, root, image) for image in images]
    return own | frozenset.intersection(*below)


def _kinds_attached(content: TaggedContent, digest: str) -> frozenset[str]:
    """Return the types and the words of the referrers of a manifest, and of what cosign's tags for it hold."""
    found = set[str]()
    for listed in content.referrers(digest)[:MOST]:  # only claims: each must exist and name its subject
        with suppress(NotFound):
            artifact = content.manifest(listed.digest)
            subject = artifact.subject()
            if subject is not None and subject.digest == digest:
                found.update(_kinds(content, artifact))
    tagged = content.digests([Digest(digest).tag + end for end in SIGNATURE_TAGS])
    for held in filter(None, tagged.values()):
        found.update(_kinds(content, content.manifest(held)))
    return frozenset(found - {""})


def _kinds_by_buildkit(content: TaggedContent, root: Manifest, image: Descriptor) -> frozenset[str]:
    """Return the types and the words of the attestations that BuildKit put into an index for an image."""
    found = set[str]()
    for child in root.children():
        if is_attestation(child) and child.annotations.get(ABOUT) == image.digest:
            found.update(_kinds(content, content.manifest(child.digest)))
    return frozenset(found)


def _kinds(content: TaggedContent, artifact: Manifest) -> Iterator[str]:
    """Yield the type of an artifact and those of its layers, and the words that they stand for."""
    kinds = [artifact_type_of(artifact), *(layer.media_type for layer in artifact.layers())]
    yield from kinds
    if any(kind in SIGNATURES for kind in kinds):
        yield "signature"
    if any(sign in kind for kind in kinds for sign in SBOMS):
        yield "sbom"
    for layer in artifact.layers():
        if layer.media_type.startswith(BUNDLE) or layer.media_type == ENVELOPE:
            with suppress(Rejected):
                yield from _words(_predicate(content, layer))
        elif layer.media_type == IN_TOTO:
            yield from _words(layer.annotations.get("in-toto.io/predicate-type", "unknown"))


def _predicate(content: TaggedContent, layer: Descriptor) -> str:
    """Return the predicate type of a bundle or an envelope; empty for a plain signature. Raise `Rejected`."""
    if layer.size > LARGEST:
        raise Rejected("it is too large")
    with content.blob(layer) as file:
        document = parse_json(file.read(LARGEST))
    if "messageSignature" in document:
        return ""
    envelope = Envelope.read(document.get("dsseEnvelope", document))
    return str(parse_json(envelope.payload).get("predicateType", "unknown"))


def _words(predicate: str) -> Iterator[str]:
    """Yield the words for a statement with this predicate type; an empty one is a plain signature."""
    if not predicate or matches(SIGNED, predicate):
        yield "signature"
        return
    yield "attestation"
    yield from (word for word in ("sbom", "provenance") if any(matches(g, predicate) for g in _globs(word)))


def _globs(word: str) -> tuple[str, ...]:
    return (*PREDICATES[word], "https://slsa.dev/provenance/*") if word == "provenance" else PREDICATES[word]


def check_attached(source: Source, wanted: Collection[str]) -> None:
    """Raise `Refused` unless all of `wanted` is attached to the image, or to each build where there are several.

    Raise `StoreError`.
    """
    known = frozenset[str]()
    if isinstance(source, ContentSource):
        known = _attached_kinds(source.content, source.root, wanted)
    if not isinstance(source, AssembledSource):
        _check(wanted, known, source.reference)
        return
    for image in source.assembly.images:
        found = known | _attached_kinds(source.content, image.manifest, wanted)
        _check(wanted, found, f"{image.platform} of {image.origin}")


def _check(wanted: Collection[str], found: Collection[str], image: str) -> None:
    """Raise `Refused` unless an artifact of each type of `wanted`, or what its word means, is attached to the image."""
    missing = [kind for kind in wanted if kind not in found]
    if missing:
        types = sorted(kind for kind in found if "/" in kind)
        held = f"it has {', '.join(types)}" if types else "nothing is attached to it"
        raise Refused(
            f"{image} has no {' and no '.join(map(_describe, missing))} attached: {held}",
            "Sign or attest the build where it was pushed, by its digest, then release it from there.",
            code="REFERRER_MISSING",
        )


def _describe(kind: str) -> str:
    return kind if kind in WORDS else f"artifact of the type {kind}"
