"""What has to be attached to an image before it is released: signatures, attestations, SBOMs, by their types."""

from collections.abc import Collection
from contextlib import suppress

from tagger.errors import NotFound, Refused
from tagger.images.copying import SIGNATURE_TAGS, TaggedContent
from tagger.images.manifests import artifact_type_of
from tagger.names import Digest

__all__ = ["attached_types", "check_attached"]

MOST = 1000  # artifacts of one image that are looked at


def attached_types(content: TaggedContent, digest: str) -> frozenset[str]:
    """Return the types of the artifacts attached to an image: of its referrers, and of what cosign's tags hold."""
    found = set()
    for listed in content.referrers(digest)[:MOST]:  # the list is a claim: what it names must be there, and say it
        with suppress(NotFound):
            artifact = content.manifest(listed.digest)
            subject = artifact.subject()
            if subject is not None and subject.digest == digest:
                found.add(artifact_type_of(artifact))
    tagged = content.digests([Digest(digest).tag + end for end in SIGNATURE_TAGS])
    for held in filter(None, tagged.values()):
        found.update(layer.media_type for layer in content.manifest(held).layers())
    return frozenset(found - {""})


def check_attached(wanted: Collection[str], found: Collection[str], image: str) -> None:
    """Raise `Refused` unless an artifact of each type of `wanted` is attached to the image."""
    missing = [kind for kind in wanted if kind not in found]
    if missing:
        held = f"it has {', '.join(sorted(found))}" if found else "nothing is attached to it"
        raise Refused(
            f"{image} has no artifact of the type {' nor '.join(missing)} attached: {held}",
            "Sign or attest the build where it was pushed, by its digest, then release it from there.",
            code="REFERRER_MISSING",
        )
