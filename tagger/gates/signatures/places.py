"""Finds the signatures of an image in its registry: among its referrers, and under cosign's tags."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple, Protocol

from tagger.errors import NotFound
from tagger.gates.signatures.media_types import BUNDLE, ENVELOPE, IN_TOTO, NOTATION, SIGNATURE, SIMPLE
from tagger.gates.signatures.statements import Rejected, is_about, parse_json
from tagger.images.configs import ABOUT, is_attestation
from tagger.images.manifests import Descriptor, Manifest, artifact_type_of
from tagger.images.stores import Content
from tagger.names import Digest

__all__ = ["Candidate", "Found", "SignedContent", "Target", "look", "targets"]

MOST = 100  # signatures of one manifest that are read
LARGEST = 32 * 1024 * 1024  # bytes of one signature, which may hold a large SBOM
MOST_BYTES = 4 * LARGEST  # bytes of all signatures of one manifest


class SignedContent(Content, Protocol):
    """Content whose tags can be read too, as cosign's older signatures are found by a tag."""

    def digests(self, tags: Sequence[str]) -> Mapping[str, str | None]:
        """Return the digest under each of `tags`; None where there is none."""


class Target(NamedTuple):
    """A manifest that a signature may be about: the image's own, or that of its BuildKit attestation."""

    digest: str
    size: int
    note: str = ""


class Candidate(NamedTuple):
    """A signature that is not yet checked; `document` is a bundle, an envelope or a payload, by its `kind`.

    `signature` is the Base64 text of a payload's signature; other kinds hold theirs in `document`.
    """

    found_at: str
    kind: Literal["bundle", "envelope", "simple", "unsupported"]
    document: bytes
    target: Target
    signature: str = ""


class Found(NamedTuple):
    """The result of a search: the candidates, the places that were searched, and what cannot be used.

    `unusable` are pairs of a place and a reason. `skipped` are places that were not searched, with the reason.
    """

    candidates: tuple[Candidate, ...]
    places: tuple[str, ...]
    unusable: tuple[tuple[str, str], ...] = ()
    skipped: tuple[str, ...] = ()


def targets(content: Content, root: Manifest, image: Descriptor) -> Iterator[Target]:
    """Yield the manifests that a signature of one platform's image may be about. Raise `StoreError`.

    docker/github-builder signs the attestation manifest that BuildKit makes for an image. An annotation in the index
    says which image that is, but proves nothing: the attestation itself must say so, by its subject or a statement.
    """
    yield Target(image.digest, image.size)
    for child in root.children():
        if is_attestation(child) and child.annotations.get(ABOUT) == image.digest:
            manifest = content.manifest(child.digest)
            if _is_about(content, manifest, image):
                yield Target(child.digest, child.size, f"the attestation {child.digest}")


def look(content: SignedContent, target: Target) -> Found:
    """Return the signatures that are attached to a manifest. Raise `StoreError` where a place cannot be read."""
    found = _Collected()
    tags = [Digest(target.digest).tag + end for end in (".sig", ".att")]
    # Where a registry has no referrers API, `referrers` reads the tag that replaces it, which is the first here.
    places = [f"referrers of {target.digest}", *(f"tag {tag}" for tag in (Digest(target.digest).tag, *tags))]
    listed = content.referrers(target.digest)
    for descriptor in listed[:MOST]:
        place = f"referrer {descriptor.digest}"
        with found.at(place):
            found.keep(place, _of_referrer(content, content.manifest(descriptor.digest), target, place))
    held = content.digests(tags)
    for tag in tags:
        if digest := held[tag]:
            with found.at(f"tag {tag}"):
                found.keep(f"tag {tag}", _of_layers(content, content.manifest(digest), target, f"tag {tag}"))
    if len(listed) > MOST:
        found.unusable.append((places[0], f"{len(listed)} are listed, and the first {MOST} were looked at"))
    return Found(tuple(found.candidates), tuple(places), tuple(found.unusable))


class _Collected:
    """Collects signatures, and what cannot be used, with the reason."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.unusable: list[tuple[str, str]] = []
        self._size = 0

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Record why what is at a place cannot be used, where reading it fails."""
        try:
            yield
        except Rejected as reason:
            self.unusable.append((place, str(reason)))
        except NotFound:
            self.unusable.append((place, "it is listed and is not there"))

    def keep(self, place: str, found: Iterable[Candidate]) -> None:
        """Add signatures, up to the limits of number and size."""
        for candidate in found:
            self._size += len(candidate.document)
            if len(self.candidates) >= MOST or self._size > MOST_BYTES:
                self.unusable.append((place, f"more than {MOST} signatures, or {MOST_BYTES} bytes, are not looked at"))
                return
            self.candidates.append(candidate)


def _of_referrer(content: Content, manifest: Manifest, target: Target, place: str) -> Iterator[Candidate]:
    """Yield the signatures of a referrer. Its own manifest must name the subject, as a list is only a claim."""
    subject = manifest.subject()
    if subject is None or (subject.digest, subject.size) != (target.digest, target.size):
        raise Rejected("its manifest is attached to something else")
    if artifact_type_of(manifest) == NOTATION:
        yield Candidate(place, "unsupported", b"", target)
        return
    yield from _of_layers(content, manifest, target, place)


def _of_layers(content: Content, manifest: Manifest, target: Target, place: str) -> Iterator[Candidate]:
    for layer in manifest.layers():
        kind = _kind(layer.media_type)
        if kind:
            if layer.size > LARGEST:
                raise Rejected(f"it has {layer.size} bytes, and {LARGEST} are the most")
            with content.blob(layer) as file:
                document = file.read(LARGEST)
            yield Candidate(place, kind, document, target, layer.annotations.get(SIGNATURE, ""))


def _kind(media_type: str) -> Literal["bundle", "envelope", "simple"] | None:
    if media_type.startswith(BUNDLE):
        return "bundle"
    return "simple" if media_type == SIMPLE else "envelope" if media_type == ENVELOPE else None


def _is_about(content: Content, manifest: Manifest, image: Descriptor) -> bool:
    subject = manifest.subject()
    if subject is not None:
        return subject.digest == image.digest
    for layer in manifest.layers():
        if layer.media_type == IN_TOTO and layer.size <= LARGEST:
            with content.blob(layer) as file, suppress(Rejected):
                if is_about(parse_json(file.read(LARGEST)), image.digest):
                    return True
    return False
