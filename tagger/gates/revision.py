"""Whether two images are builds of one commit: by their revisions on every platform, or since they are the same."""

import json
from collections.abc import Callable, Iterator, Mapping

from tagger.gates.provenance import statements
from tagger.images.configs import is_attestation, platform_manifests
from tagger.images.documents import object_in
from tagger.images.labels import REVISION_LABEL
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Content, Source

__all__ = ["is_one_commit"]

_BUILDKIT = "https://mobyproject.org/buildkit@v1#metadata"


def is_one_commit(built: Source, standing: ContentSource, commit: Callable[[], str]) -> bool:
    """Say whether a build and a released image come from one commit.

    They do where the manifests of their platforms are the same, or where every platform of both has the same revision,
    by BuildKit's provenance or else by its label. A label can come from the base image: where the `commit` of this
    build is known, the revision must be equal to it. Raise `StoreError`.
    """
    if isinstance(built, ContentSource) and _parts(built.root) == _parts(standing.root):
        return True
    found = {*_revisions(built), *_revisions(standing)}
    known = commit()
    return len(found) == 1 and "" not in found and (not known or found == {known})


def _parts(root: Manifest) -> frozenset[str]:
    """Return the digests of the manifests of the platforms, without attestations."""
    if not root.is_index:
        return frozenset({root.digest})
    return frozenset(child.digest for child in root.children() if not is_attestation(child))


def _revisions(source: Source) -> Iterator[str]:
    """Yield the revision of each platform; empty where it has none."""
    if not isinstance(source, ContentSource):
        yield from (config.labels.get(REVISION_LABEL, "") for config in source.configs())
        return
    proven = _revisions_in_provenance(source.content, source.root)
    for manifest, config in platform_manifests(source.content, source.root):
        yield proven.get(manifest.digest) or config.labels.get(REVISION_LABEL, "")


def _revisions_in_provenance(content: Content, root: Manifest) -> Mapping[str, str]:
    """Return the revision in the provenance of each platform, by the digest of the platform's manifest."""
    found = {}
    for digest, statement in statements(content, root):
        revision = _revision(statement)
        if revision:
            found[digest] = revision
    return found


def _revision(statement: bytes) -> str:
    """Return the commit that BuildKit's provenance names (docs/attestations/slsa-definitions.md), in SLSA 0.2 or 1."""
    try:
        predicate = json.loads(statement)["predicate"]
        details = object_in(object_in(predicate, "runDetails"), "metadata")
        for metadata in (object_in(predicate, "metadata"), details):
            for name in (_BUILDKIT, "buildkit_metadata"):
                if revision := str(object_in(object_in(metadata, name), "vcs").get("revision") or ""):
                    return revision
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # provenance that cannot be read gives no revision
    return ""
