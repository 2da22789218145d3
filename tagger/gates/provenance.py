"""The images that a build was made from, as BuildKit's provenance lists them: proposals, never proof."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from tagger.errors import InputError
from tagger.images.configs import ABOUT, is_attestation
from tagger.images.manifests import Manifest
from tagger.images.stores import Content
from tagger.names import ALGORITHMS, DIGEST, Reference, Repository, check_tag

__all__ = ["materials", "statements"]

LARGEST_STATEMENT = 16 * 1024 * 1024
_PREDICATE = "in-toto.io/predicate-type"  # buildkit docs/attestations/attestation-storage.md


def materials(content: Content, root: Manifest) -> Iterator[Reference]:
    """Yield the images that the provenance in an index names, `FROM` and `COPY --from` alike. Raise `StoreError`."""
    for _, statement in statements(content, root):
        yield from _images(statement)


def statements(content: Content, root: Manifest) -> Iterator[tuple[str, bytes]]:
    """Yield the provenance in an index: the digest of the manifest that it is of, and its JSON. Raise `StoreError`."""
    for child in root.children():
        if not is_attestation(child):
            continue
        for layer in content.manifest(child.digest).layers():
            kind = layer.annotations.get(_PREDICATE, "")
            if kind.startswith("https://slsa.dev/provenance/") and layer.size <= LARGEST_STATEMENT:
                with content.blob(layer) as file:
                    yield child.annotations.get(ABOUT, ""), file.read(LARGEST_STATEMENT)


def _images(statement: bytes) -> Iterator[Reference]:
    """Yield the images of an in-toto statement: SLSA 0.2 calls them materials, SLSA 1 resolved dependencies."""
    try:
        predicate = json.loads(statement)["predicate"]
        found = predicate.get("materials") or predicate["buildDefinition"]["resolvedDependencies"]
        listed = [(str(one["uri"]), _digest(one.get("digest", {}))) for one in found]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # what cannot be read proposes nothing, and then nothing is approved by it
    for uri, digest in listed:
        if uri.startswith("pkg:docker/"):
            reference = _reference(uri.removeprefix("pkg:docker/"), digest)
            if reference:
                yield reference


def _digest(named: Mapping[str, Any]) -> str:
    """Return the digest of an image as a statement names it, by its algorithm; empty where it is none."""
    found = (f"{algorithm}:{named.get(algorithm, '')}" for algorithm in ALGORITHMS)
    return next(filter(DIGEST.fullmatch, found), "")


def _reference(purl: str, digest: str) -> Reference | None:
    """Read a package URL of type docker, `ghcr.io/acme/base@2.1?platform=…` (purl-spec, types/docker)."""
    name, _, tag = purl.partition("#")[0].partition("?")[0].partition("@")
    try:
        repository = Repository.parse(unquote(name))
        tag = check_tag(unquote(tag)) if tag and not DIGEST.fullmatch(unquote(tag)) else ""
    except InputError:
        return None
    return Reference(repository, tag, digest) if tag or digest else None
