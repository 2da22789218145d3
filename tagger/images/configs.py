"""Reads the configs of an image, one for each platform."""

from collections.abc import Callable, Mapping

from tagger.concurrency import AT_ONCE, run_all
from tagger.errors import StoreError
from tagger.images.documents import list_in, object_in, read_config_document
from tagger.images.manifests import Descriptor, Manifest, Platform
from tagger.images.stores import Content, ImageConfig
from tagger.images.walk import Step, Weight, walk
from tagger.names import Digest

__all__ = [
    "ABOUT", "KIND", "LARGEST_CONFIG", "UNREADABLE", "first_labels", "is_attestation", "parse_config",
    "platform_configs", "platform_manifests", "read_config",
]  # fmt: skip

# How BuildKit marks attestation manifests in an index (docs/attestations/attestation-storage.md).
KIND = "vnd.docker.reference.type"
ABOUT = "vnd.docker.reference.digest"

# A config is read into memory. Real ones have some kilobytes.
LARGEST_CONFIG = 4 * 1024 * 1024  # of containers/image (iolimits.MaxConfigBodySize)

UNREADABLE = ("MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_INVALID", "UNSUPPORTED")
"""The error codes of something that is no image, or lacks its config: it has no labels."""


def platform_configs(content: Content, root: Manifest) -> list[ImageConfig]:
    """Return the config of every platform of `root`, in its order, attestations left out. Raise `StoreError`."""
    return [config for _, config in platform_manifests(content, root)]


def platform_manifests(
    content: Content, root: Manifest, wanted: Callable[[Platform], bool] = lambda _: True
) -> list[tuple[Manifest, ImageConfig]]:
    """Return every platform's manifest with its config, each once, in the order of `root`, without attestations.

    A platform that is not `wanted` is not read. Nested indexes are followed, within the limits of `walk`. Everything
    else in an index counts as a platform, so that nothing is overlooked. Raise `StoreError`.
    """

    def read(child: Descriptor) -> bool:
        return not is_attestation(child) and (child.platform is None or wanted(child.platform))

    def child(named: Descriptor) -> Manifest:
        return content.manifest(named.digest)

    steps = [step for level in walk(root, child, name=content.place, wanted=read, any_type=True) for step in level]
    weight = Weight(content.place, f"the configs of {root.digest}")
    indexes = {step.place: step.manifest for step in steps if step.manifest.is_index}
    leaves = sorted((step for step in steps if not step.manifest.is_index), key=lambda step: step.place)

    def config(step: Step) -> tuple[Manifest, ImageConfig]:
        found = read_config(content, step.manifest, step.above[-1].platform if step.above else None, weight)
        above: dict[str, str] = {}
        for depth, descriptor in enumerate(step.above):
            above |= {**_annotations(indexes[step.place[:depth]]), **descriptor.annotations}
        return step.manifest, found._replace(annotations={**above, **found.annotations})

    return list(run_all(config, leaves, AT_ONCE))


def first_labels(content: Content, root: Manifest) -> Mapping[str, str]:
    """Return the labels of an image's first platform, which stand for all of it; empty where it is no image.

    Nested indexes are followed, within the limits of `walk`. Raise `StoreError`.
    """
    chosen: list[Descriptor] = []

    def first(child: Descriptor) -> bool:
        if chosen or is_attestation(child):
            return False
        chosen.append(child)
        return True

    def read(child: Descriptor) -> Manifest:
        chosen.clear()
        return content.manifest(child.digest)

    *_, (last,) = walk(root, read, name=content.place, wanted=first, any_type=True)
    return read_config(content, last.manifest).labels if last.manifest.config() else {}


def is_attestation(child: Descriptor) -> bool:
    """Say whether an index marks this child as an attestation, as BuildKit does (attestation-storage.md).

    Both the annotation and the platform `unknown/unknown` are needed: engines choose by the platform alone, and run a
    child that has one.
    """
    unknown = child.platform is not None and not child.platform.known
    return unknown and KIND in child.annotations


def parse_config(content: bytes, platform: Platform | None = None) -> ImageConfig:
    """Read an image config (image-spec, config.md); `platform` is used where the config names none.

    Raise `StoreError` when the content is not a JSON object.
    """
    digest = Digest.of(content)
    try:
        document = read_config_document(content)
    except ValueError as error:
        raise StoreError(f"the image config {digest} is not valid: {error}", code="MANIFEST_INVALID") from error
    own = Platform.from_json(document)
    return ImageConfig(
        digest=digest,
        labels={str(name): str(value) for name, value in object_in(object_in(document, "config"), "Labels").items()},
        diff_ids=tuple(map(str, list_in(object_in(document, "rootfs"), "diff_ids"))),
        platform=str(own if own.os and own.architecture else platform or own),
        created=str(document.get("created") or ""),
        own_platform=own if own.os and own.architecture else None,
    )


def read_config(
    content: Content, manifest: Manifest, platform: Platform | None = None, weight: Weight | None = None
) -> ImageConfig:
    """Read the config of an image of one platform. `platform` is used where it names none. Raise `StoreError`.

    `weight` counts its bytes before it is read.
    """
    descriptor = manifest.config()
    if descriptor is None:
        raise StoreError(f"manifest {manifest.digest} has no config", code="MANIFEST_INVALID", place=content.place)
    if descriptor.size > LARGEST_CONFIG:
        raise StoreError(
            f"the image config {descriptor.digest} has {descriptor.size} bytes; the limit is {LARGEST_CONFIG}",
            "No known builder writes so large a config. Build the image again, and push it.",
            code="SIZE_INVALID",
            place=content.place,
        )
    if weight:
        weight.add(descriptor.size)
    with content.blob(descriptor) as file:
        data = file.read()
    return parse_config(data, platform)._replace(annotations=_annotations(manifest))


def _annotations(manifest: Manifest) -> dict[str, str]:
    return {str(name): str(value) for name, value in object_in(manifest.document, "annotations").items()}
