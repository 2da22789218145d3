"""Checks the platforms of an image: each once, those that are wanted, and all that the replaced image has."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from tagger.concurrency import at_once
from tagger.errors import Refused, StoreError
from tagger.images.configs import is_attestation, platform_configs
from tagger.images.manifests import Descriptor, Manifest, Platform
from tagger.images.sources import ContentSource
from tagger.images.stores import Content, Source

__all__ = [
    "ANY",
    "Replaced",
    "check_platforms",
    "manifest_of_each",
    "normal_platform",
    "platform_names",
    "platforms_of",
]

ANY = "any"
_NO_IMAGE = ("MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_INVALID", "SIZE_INVALID", "UNSUPPORTED")


class Replaced(NamedTuple):
    """The image that a tag holds now, and that a release replaces there.

    Without `configs`, two images of one platform each are not compared, as their platforms are in their configs only.
    """

    tag: str
    content: Content
    digest: str
    configs: bool = True


def normal_platform(text: str) -> str:
    """Return a platform in the form in which platforms are compared: linux/arm64 for linux/arm64/v8."""
    return str(Platform.parse(text).normal)


def check_platforms(source: Source, wanted: Collection[str], replaced: Iterable[Replaced]) -> None:
    """Raise `Refused` where an index has a platform twice, or the platforms are not those that the image must have.

    `wanted` are exactly the platforms that it must have, or `any`. Where it is empty, the image must have at least the
    platforms of each image in `replaced`. Raise `StoreError`.
    """
    root = source.root if isinstance(source, ContentSource) else None
    if root is not None and root.is_index:
        _check_once(root, source.reference)
    if ANY in wanted:
        return
    if wanted:
        _check_exactly(_platforms(source, root), {normal_platform(text) for text in wanted}, source.reference)
        return
    for one in replaced:
        before = one.content.manifest(one.digest)
        if (root is not None and root.is_index) or before.is_index:
            _check_no_fewer(_platforms(source, root), platforms_of(one.content, before), one.tag, source.reference)
        elif one.configs:
            _check_same(source, one, before)


def manifest_of_each(source: Source, digest: str | None) -> Mapping[str, str]:
    """Return the digest of each platform's manifest, by platform; those of an index, or `digest` for one platform.

    It is empty for an image in a registry that is no index, and for an unknown platform.
    """
    if isinstance(source, ContentSource):
        if source.root.is_index:
            images = {one.digest: one.platform.normal for one in _images(source.root) if one.platform}
            return {name: child for child, name in platform_names(images).items()}
        if not source.is_at_hand:
            return {}
    platforms = [config.platform for config in source.configs()]
    return {normal_platform(platforms[0]): digest} if digest and len(platforms) == 1 and platforms[0] else {}


def platform_names(images: Mapping[str, Platform]) -> Mapping[str, str]:
    """Return the name of each image's platform, with its `os.version` only where another has the same name without.

    The form is that of containerd (platforms, FormatAll): `windows(10.0.20348)/amd64`.
    """
    seen = Counter(map(str, images.values()))
    return {
        image: str(one)
        if seen[str(one)] < 2 or not one.os_version
        else str(one._replace(os=f"{one.os}({one.os_version})"))
        for image, one in images.items()
    }


def _images(root: Manifest) -> Iterator[Descriptor]:
    return (child for child in root.children() if not is_attestation(child))


def _check_once(root: Manifest, reference: str) -> None:
    """Raise `Refused` where two images of an index have one platform, with the same `os.version` and `os.features`."""
    seen = Counter(child.platform.normal for child in _images(root) if child.platform)
    twice = [" ".join(filter(None, (str(one), one.os_version, *one.os_features))) for one in seen if seen[one] > 1]
    if twice:
        raise Refused(
            f"{reference} has the platform {twice[0]} twice, so it is not certain which of the two is pulled",
            "Build the index again, with one image for each platform.",
            code="PLATFORMS",
        )


def _platforms(source: Source, root: Manifest | None) -> set[str]:
    """Return the platforms of the image that is released."""
    if root is not None and root.is_index and isinstance(source, ContentSource):
        return platforms_of(source.content, root)
    return {normal_platform(config.platform) for config in source.configs()}


def platforms_of(content: Content, root: Manifest) -> set[str]:
    """Return the platforms of an image: from its index where that names all of them, else from the configs."""
    named = {child.platform and str(child.platform.normal) for child in _images(root)}
    if root.is_index and named and None not in named:
        return {name for name in named if name}
    return {normal_platform(config.platform) for config in platform_configs(content, root)}


def _check_exactly(found: set[str], wanted: set[str], reference: str) -> None:
    if found == wanted:
        return
    lacks, extra = sorted(wanted - found), sorted(found - wanted)
    texts = ([f"lacks {' '.join(lacks)}"] if lacks else []) + ([f"has {' '.join(extra)} besides"] if extra else [])
    raise Refused(
        f"{reference} {' and '.join(texts)}: `platforms` wants {' '.join(sorted(wanted))}",
        f"Build exactly these, or set `platforms: {' '.join(sorted(found))}`.",
        code="PLATFORMS",
    )


def _check_same(source: Source, one: Replaced, before: Manifest) -> None:
    """Raise `Refused` where an image of one platform replaces an image of another platform.

    A replaced artifact that is no image, or that is not there any more, is not compared.
    """
    try:
        said, found = at_once(lambda: platforms_of(one.content, before), lambda: _platforms(source, None))
    except StoreError as error:
        if error.code in _NO_IMAGE:
            return
        raise
    if all("/" in name and Platform.parse(name).known for name in (*said, *found)):
        _check_no_fewer(found, said, one.tag, source.reference)


def _check_no_fewer(found: set[str], before: set[str], tag: str, reference: str) -> None:
    lost = sorted(before - found)
    if lost:
        raise Refused(
            f"{tag} has {' '.join(sorted(before))} now, and {reference} lacks {' '.join(lost)}",
            "Build these too, or say what is meant: `platforms` names them, or is `any`.",
            code="PLATFORMS",
        )
