"""The configs of an image: what it says of itself, for every platform."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tagger.errors import StoreError
from tagger.images.manifests import Descriptor, Manifest, Platform
from tagger.images.stores import Content, ImageConfig

__all__ = ["first_labels", "is_attestation", "parse_config", "platform_configs", "platform_manifests"]

# A config is read into memory: real ones have some kilobytes, and registries take manifests of up to 4 MiB.
LARGEST_CONFIG = 16 * 1024 * 1024


def platform_configs(content: Content, root: Manifest) -> list[ImageConfig]:
    """Return the config of every platform of `root`, in its order, attestations left out. Raise `StoreError`."""
    return [config for _, config in platform_manifests(content, root)]


def platform_manifests(
    content: Content, root: Manifest, wanted: Callable[[Platform], bool] = lambda _: True
) -> list[tuple[Manifest, ImageConfig]]:
    """Return every platform's manifest with its config, in the order of `root`, attestations left out.

    A platform that is not `wanted` is not read. An index in an index is followed. Whatever else an index names counts
    as a platform, so that nothing in it goes unseen. Raise `StoreError`.
    """
    if not root.is_index:
        return [(root, _config(content, root, None))]
    children = [
        child
        for child in root.children()
        if not is_attestation(child) and (child.platform is None or wanted(child.platform))
    ]

    def below(child: Descriptor) -> list[tuple[Manifest, ImageConfig]]:
        manifest = content.manifest(child.digest)
        found = (
            platform_manifests(content, manifest, wanted)
            if manifest.is_index
            else [(manifest, _config(content, manifest, child.platform))]
        )
        above = {**_annotations(root), **child.annotations}
        return [(one, config._replace(annotations={**above, **config.annotations})) for one, config in found]

    with ThreadPoolExecutor(max_workers=max(1, min(8, len(children)))) as pool:
        return [found for several in pool.map(below, children) for found in several]


def first_labels(content: Content, root: Manifest) -> Mapping[str, str]:
    """Return the labels of the first platform of an image, which its others share; none of what is no image.

    Raise `StoreError`.
    """
    while root.is_index:
        child = next((child for child in root.children() if not is_attestation(child)), None)
        if child is None:
            return {}
        root = content.manifest(child.digest)
    return _config(content, root, None).labels if root.config() else {}


def is_attestation(child: Descriptor) -> bool:
    """Say whether an index names this for an attestation, as BuildKit does (attestation-storage.md)."""
    return "vnd.docker.reference.type" in child.annotations or (child.platform is not None and not child.platform.known)


def parse_config(content: bytes, platform: Platform | None = None) -> ImageConfig:
    """Read an image config (image-spec, config.md); `platform` stands in where it names none.

    Raise `StoreError` when it is not a JSON object.
    """
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the image config {digest} is not JSON: {error}", code="MANIFEST_INVALID") from error
    if not isinstance(document, dict):
        raise StoreError(f"the image config {digest} is not a JSON object", code="MANIFEST_INVALID")
    own = Platform(*(str(document.get(key) or "") for key in ("os", "architecture", "variant")))
    return ImageConfig(
        digest=digest,
        labels={str(name): str(value) for name, value in _mapping(_mapping(document, "config"), "Labels").items()},
        diff_ids=tuple(map(str, _sequence(_mapping(document, "rootfs"), "diff_ids"))),
        platform=str(own if own.os and own.architecture else platform or own),
        created=str(document.get("created") or ""),
    )


def _config(content: Content, manifest: Manifest, platform: Platform | None) -> ImageConfig:
    descriptor = manifest.config()
    if descriptor is None:
        raise StoreError(f"manifest {manifest.digest} has no config", code="MANIFEST_INVALID", place=content.place)
    if descriptor.size > LARGEST_CONFIG:
        raise StoreError(
            f"the image config {descriptor.digest} has {descriptor.size} bytes, and {LARGEST_CONFIG} is the most",
            code="SIZE_INVALID",
            place=content.place,
        )
    with content.blob(descriptor) as file:
        data = file.read()
    return parse_config(data, platform)._replace(annotations=_annotations(manifest))


def _annotations(manifest: Manifest) -> dict[str, str]:
    return {str(name): str(value) for name, value in _mapping(manifest.document, "annotations").items()}


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _sequence(document: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else ()
