"""What has to be attached to an image before it is released: signatures, attestations, SBOMs, by type or by a word."""

from collections.abc import Collection, Iterator
from contextlib import suppress

from tagger.errors import NotFound, Refused
from tagger.gates.signatures.media_types import BUNDLE, ENVELOPE, IN_TOTO, NOTATION, SIMPLE
from tagger.gates.signatures.rows import PREDICATES, matches
from tagger.gates.signatures.statements import Envelope, Rejected, parsed
from tagger.images.builds import AssembledSource
from tagger.images.configs import ABOUT, is_attestation
from tagger.images.copying import SIGNATURE_TAGS, TaggedContent
from tagger.images.manifests import Descriptor, Manifest, artifact_type_of
from tagger.images.sources import ContentSource
from tagger.images.stores import Source
from tagger.names import Digest

__all__ = ["WORDS", "check_attached"]

WORDS = ("signature", "attestation", "sbom", "provenance")
"""What may stand for the types that people have of each."""

MOST = 1000  # artifacts of one image that are looked at
LARGEST = 4 * 1024 * 1024  # bytes of a bundle or an envelope
SIGNATURES = (SIMPLE, NOTATION)
SIGNED = "https://sigstore.dev/cosign/sign/*"  # the predicate of a signature in a bundle, cosign specs/BUNDLE_SPEC.md
SBOMS = ("spdx", "cyclonedx", "syft")  # in the types of SBOMs: application/spdx+json, application/vnd.cyclonedx+json


def _attached_kinds(content: TaggedContent, root: Manifest, wanted: Collection[str]) -> frozenset[str]:
    """Return the types, and the words, of what is attached to an image, or to every one of its platforms.

    An attestation of BuildKit's counts as attached to the platform that it is about. The platforms are looked at where
    the image itself lacks some of `wanted`. Raise `StoreError`.
    """
    own = _attached(content, root.digest)
    images = [child for child in root.children() if not is_attestation(child)]
    if not images or own.issuperset(wanted):
        return own
    below = [_attached(content, image.digest) | _built(content, root, image) for image in images]
    return own | frozenset.intersection(*below)


def _attached(content: TaggedContent, digest: str) -> frozenset[str]:
    """Return the kinds of an image's referrers, and of what cosign's tags hold."""
    found = set[str]()
    for listed in content.referrers(digest)[:MOST]:  # the list is a claim: what it names must be there, and say it
        with suppress(NotFound):
            artifact = content.manifest(listed.digest)
            subject = artifact.subject()
            if subject is not None and subject.digest == digest:
                found.update(_kinds(content, artifact))
    tagged = content.digests([Digest(digest).tag + end for end in SIGNATURE_TAGS])
    for held in filter(None, tagged.values()):
        found.update(_kinds(content, content.manifest(held)))
    return frozenset(found - {""})


def _built(content: TaggedContent, root: Manifest, image: Descriptor) -> frozenset[str]:
    """Return the kinds of the attestations that BuildKit put into an index beside an image."""
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
    """Return the predicate of a bundle or an envelope; empty of a signature without a statement. Raise `Rejected`."""
    if layer.size > LARGEST:
        raise Rejected("it is too large")
    with content.blob(layer) as file:
        document = parsed(file.read(LARGEST))
    if "messageSignature" in document:
        return ""
    envelope = Envelope.read(document.get("dsseEnvelope", document))
    return str(parsed(envelope.payload).get("predicateType", "unknown"))


def _words(predicate: str) -> Iterator[str]:
    """Yield what a statement with a predicate is; without one it is a signature."""
    if not predicate or matches(SIGNED, predicate):
        yield "signature"
        return
    yield "attestation"
    yield from (word for word in ("sbom", "provenance") if any(matches(g, predicate) for g in _globs(word)))


def _globs(word: str) -> tuple[str, ...]:
    return (*PREDICATES[word], "https://slsa.dev/provenance/*") if word == "provenance" else PREDICATES[word]


def check_attached(source: Source, wanted: Collection[str]) -> None:
    """Raise `Refused` unless what is `wanted` is attached to the image; to each build of it, where there are several.

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
            f"{image} has no {' and no '.join(map(_named, missing))} attached: {held}",
            "Sign or attest the build where it was pushed, by its digest, then release it from there.",
            code="REFERRER_MISSING",
        )


def _named(kind: str) -> str:
    return kind if kind in WORDS else f"artifact of the type {kind}"
