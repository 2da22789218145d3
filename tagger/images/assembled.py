"""Makes one index of the images and attestations of several builds, with canonical bytes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from tagger.errors import Refused
from tagger.images.configs import ABOUT, KIND
from tagger.images.manifests import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LARGEST_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    Platform,
)
from tagger.images.stores import ImageConfig

__all__ = ["ATTESTATION", "Assembly", "Attestation", "Image", "assemble", "check_image", "no_image"]

ATTESTATION = "attestation-manifest"


class Image(NamedTuple):
    """An image of one platform among the builds: its manifest, its config, and its origin, for people.

    `named` are the platforms that the indexes of the builds give it.
    """

    manifest: Manifest
    config: ImageConfig
    origin: str
    named: tuple[Platform, ...] = ()

    @property
    def platform(self) -> Platform:
        """The platform of its config, in normal form."""
        return (self.config.own_platform or Platform("unknown", "unknown")).normal


class Attestation(NamedTuple):
    """An attestation manifest among the builds; `about` is the digest of its image."""

    manifest: Manifest
    about: str
    origin: str


class Assembly(NamedTuple):
    """The result of several builds.

    `root` is their index, or the manifest of the only image. `images` and `attestations` are its children, in its
    order. `notes` say what was left out.
    """

    root: Manifest
    images: tuple[Image, ...]
    attestations: tuple[Attestation, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Manifest, ...]:
        """The manifests of its images and attestations, each once."""
        manifests = [image.manifest for image in self.images] + [one.manifest for one in self.attestations]
        return tuple({str(manifest.digest): manifest for manifest in manifests}.values())


def check_image(manifest: Manifest, origin: str) -> None:
    """Raise `Refused` unless a manifest is that of an image, and not of an artifact, a Helm chart or a Wasm module."""
    document, config = manifest.document, manifest.config()
    kind = str(document.get("artifactType") or "")
    if manifest.media_type not in (OCI_MANIFEST, DOCKER_MANIFEST):
        what = f"it is {manifest.media_type}"
    elif kind:
        what = f"it is an artifact of the type {kind}"
    elif config is None or config.media_type not in (OCI_CONFIG, DOCKER_CONFIG):
        what = f"its config is {config.media_type or 'of no type'}" if config else "it has no config"
    else:
        return
    raise no_image(manifest.digest, origin, what)


def assemble(
    images: Iterable[Image],
    attestations: Iterable[Attestation] = (),
    annotations: Mapping[str, str] = MappingProxyType({}),
) -> Assembly:
    """Return the index of these images. Order and repetitions do not matter: the same images give the same bytes.

    An attestation whose image is not among them is left out. A single image without attestations and `annotations`
    keeps its manifest. Raise `Refused`, which names both sides of a contradiction.
    """
    found = _once(images)
    known = {image.manifest.digest for image in found}
    about: dict[tuple[str, str], Attestation] = {}
    notes = []
    for one in sorted(attestations, key=lambda one: (one.about, one.manifest.digest, one.origin)):
        if one.about in known:
            about.setdefault((one.about, one.manifest.digest), one)
        else:
            notes.append(f"the attestation {one.manifest.digest} of {one.origin} is left out: {_dangling(one)}")
    order: dict[str, int] = {image.manifest.digest: number for number, image in enumerate(found)}
    said = sorted(about.values(), key=lambda one: (order[one.about], one.manifest.digest))
    root = found[0].manifest
    if len(found) > 1 or said or annotations:
        root = _index(found, said, annotations)
    return Assembly(root, tuple(found), tuple(said), tuple(dict.fromkeys(notes)))


def _dangling(one: Attestation) -> str:
    return f"its image {one.about} is in none of the builds" if one.about else "it names no image"


def _once(images: Iterable[Image]) -> list[Image]:
    """Return each image once, in the order of the index. Raise `Refused` for none, and for two of one platform."""
    merged: dict[str, Image] = {}
    for image in images:
        digest = image.manifest.digest
        before = merged.get(digest, image)
        merged[digest] = min(before, image, key=lambda one: one.origin)._replace(named=before.named + image.named)
    if not merged:
        raise Refused("the builds hold no image", "Name at least one image in `source` or `digests`.", code="PLATFORMS")
    ordered = sorted(merged.values(), key=lambda one: (*_sort_key(one.platform), one.manifest.digest))
    by_platform: dict[Platform, Image] = {}
    for image in ordered:
        _check_named(image)
        other = by_platform.setdefault(image.platform, image)
        if other is not image:
            raise Refused(
                f"there are two images for {_full(image.platform)}: {other.manifest.digest} from {other.origin}, "
                f"and {image.manifest.digest} from {image.origin}",
                "Name one build for each platform: digests of two runs, or of two images, may be mixed here.",
                code="PLATFORMS",
            )
    return ordered


def _sort_key(platform: Platform) -> tuple[str, str, str, str]:
    return platform.os, platform.architecture, platform.variant, platform.os_version


def _full(platform: Platform) -> str:
    return " ".join(filter(None, (str(platform), platform.os_version, *platform.os_features)))


def _check_named(image: Image) -> None:
    """Raise `Refused` where an index gives an image a platform that its config contradicts."""
    own = image.config.own_platform
    if own is None or not own.known:
        raise no_image(image.manifest.digest, image.origin, f"its config {image.config.digest} names no platform")
    for named in image.named:
        one, other = named.normal, image.platform
        if not named.variant:
            one = one._replace(variant=other.variant)
        one = one._replace(
            os_version=named.os_version or other.os_version, os_features=named.os_features or other.os_features
        )
        if one != other:
            raise Refused(
                f"{image.origin}: the index says that {image.manifest.digest} is {_full(named)}, "
                f"and its config says {_full(image.platform)}",
                "Build that platform again: its image would be pulled on machines where it does not run.",
                code="PLATFORMS",
            )


def no_image(digest: str, origin: str, what: str) -> Refused:
    """Return the error for a manifest that is no image; `what` says what it is."""
    return Refused(
        f"{origin}: {digest} is not an image that runs: {what}",
        "Name only images: artifacts, charts and modules are released separately.",
        code="NO_IMAGE",
    )


def _index(images: Sequence[Image], said: Sequence[Attestation], annotations: Mapping[str, str]) -> Manifest:
    """Return the index: compact JSON with its keys in a fixed order. Raise `Refused` where it is too large."""
    entries = [_entry(image.manifest, image.platform) for image in images]
    for one in said:
        marks = {ABOUT: one.about, KIND: ATTESTATION}
        entries.append(_entry(one.manifest, Platform("unknown", "unknown")) | {"annotations": marks})
    docker = not annotations and all(entry["mediaType"] == DOCKER_MANIFEST for entry in entries)
    kind = DOCKER_LIST if docker else OCI_INDEX
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(errors="backslashreplace")
    if len(content) > LARGEST_MANIFEST:
        raise Refused(
            f"the index of {len(entries)} manifests has {len(content):,} bytes, "
            f"and registries accept at most {LARGEST_MANIFEST:,}",
            "Name fewer builds, or shorter annotations.",
            code="SIZE_INVALID",
        )
    return Manifest(kind, content)


def _entry(manifest: Manifest, platform: Platform) -> dict[str, Any]:
    """Return the descriptor of a manifest in the index, from the manifest itself and not from other indexes."""
    kind = str(manifest.document.get("artifactType") or "")
    return {
        "mediaType": manifest.media_type,
        **({"artifactType": kind} if kind else {}),
        "digest": manifest.digest,
        "size": len(manifest.content),
        "platform": platform.to_json(),
    }
