"""Reads BuildKit's provenance in an index, and the images that it names, which are claims and no proof."""

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
    """Yield the images that the provenance in an index names, by `FROM` and by `COPY --from`. Raise `StoreError`."""
    for _, statement in statements(content, root):
        yield from _images(statement)


def statements(content: Content, root: Manifest) -> Iterator[tuple[str, bytes]]:
    """Yield each provenance in an index: the digest of the manifest it is about, and its JSON. Raise `StoreError`."""
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
        return  # provenance that cannot be read names no image
    for uri, digest in listed:
        if uri.startswith("pkg:docker/"):
            reference = _reference(uri.removeprefix("pkg:docker/"), digest)
            if reference:
                yield reference


def _digest(named: Mapping[str, Any]) -> str:
    """Return the digest in a mapping from algorithms to hexadecimal values; empty where there is none."""
    found = (f"{algorithm}:{named.get(algorithm, '')}" for algorithm in ALGORITHMS)
    return next(filter(DIGEST.fullmatch, found), "")


def _reference(purl: str, digest: str) -> Reference | None:
    """Return the reference in a package URL without `pkg:docker/` (purl-spec, types/docker); None where it has none."""
    name, _, tag = purl.partition("#")[0].partition("?")[0].partition("@")
    try:
        repository = Repository.parse(unquote(name))
        tag = check_tag(unquote(tag)) if tag and not DIGEST.fullmatch(unquote(tag)) else ""
    except InputError:
        return None
    return Reference(repository, tag, digest) if tag or digest else None
