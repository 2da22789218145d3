"""Chooses one of the images that a layout or an archive holds."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from tagger.errors import InputError, StoreError
from tagger.images.layout import LAYOUT_FILE, REF_NAME
from tagger.images.sources import ContentSource, SavedSource
from tagger.names import DIGEST, Reference, attached_to

if TYPE_CHECKING:  # few images are in archives
    from tagger.images.archives import Archive
    from tagger.images.layout import LayoutContent

__all__ = ["image_in_archive", "image_in_layout"]

Image = TypeVar("Image")

CONTAINERD_NAME = "io.containerd.image.name"


def image_in_archive(archive: "Archive", choice: str, reference: str) -> ContentSource | SavedSource:
    """Return the image of an archive that `choice` names: of a layout, or of `docker save`. Raise as for a layout."""
    from tagger.images.archives import DockerImage, LayoutArchive, saved_images

    if LAYOUT_FILE in archive:
        return image_in_layout(LayoutArchive(archive), choice, reference)
    images, choice = saved_images(archive), _without_at(choice)
    if DIGEST.fullmatch(choice) or re.fullmatch("[0-9a-f]{64}", choice):
        digest = choice if ":" in choice else f"sha256:{choice}"
        for saved in images:
            if (image := DockerImage(archive, saved)).config.digest == digest:
                return SavedSource(image, reference)
    saved = _choose(choice, [(image, image.names) for image in images], archive.place)
    return SavedSource(DockerImage(archive, saved), reference)


def image_in_layout(content: "LayoutContent", choice: str, reference: str) -> ContentSource:
    """Return the image of a layout that `choice` names. Raise `InputError`, `StoreError`."""
    choice = _without_at(choice)
    if DIGEST.fullmatch(choice):
        return ContentSource.resolve(content, _image_of(content, choice), reference)
    named = []
    for entry in content.index().entries:
        names = (entry.descriptor.annotations.get(key) for key in (CONTAINERD_NAME, REF_NAME))
        named.append((entry.descriptor.digest, [name for name in names if name]))
    if not choice:
        # Artifacts are not images. Images without a name count only where no image has one.
        images = [(digest, names) for digest, names in named if not any(map(attached_to, names))]
        named = [pair for pair in images if pair[1]] or [
            (digest, names) for digest, names in images if content.manifest(digest).subject() is None
        ]
    return ContentSource.resolve(content, _choose(choice, named, content.place), reference)


def _without_at(choice: str) -> str:
    """Return a digest without the `@` that may stand before it (`FILE:@sha256:…`, like `FILE:@0`); else `choice`."""
    return choice[1:] if choice.startswith("@") and DIGEST.fullmatch(choice[1:]) else choice


def _image_of(content: "LayoutContent", digest: str) -> str:
    """Return the digest of the image that a digest names: its own, or that of its config, as engines call an image."""
    if "rootfs" in content.manifest(digest).document:
        for root in content.index().roots:
            with suppress(StoreError):  # a platform may be elsewhere
                image = content.manifest(root)
                parts = [content.manifest(child.digest) for child in image.children()] if image.is_index else [image]
                if any((config := part.config()) and config.digest == digest for part in parts):
                    return root
    return digest


def _choose(choice: str, images: Sequence[tuple[Image, Sequence[str]]], place: str) -> Image:
    """Return the image that `choice` names by its tag, its full name or its number; without `choice`, the only one.

    The number of the first image is `@0`, as in skopeo: an image need not have a name.
    """
    if re.fullmatch("@[0-9]{1,6}", choice) and int(choice[1:]) < len(images):
        return images[int(choice[1:])][0]
    found = {image for image, names in images if not choice or choice in names or choice in map(_tag, names)}
    found = found or {image for image, names in images if _full(choice) in map(_full, names)}
    if len(found) == 1:
        return found.pop()
    offered = sorted({name for image, names in images for name in names if image in found or not found})
    offered += [f"@{number}" for number, (_, names) in enumerate(images) if not names]
    what = "several images" if found else f"no image {choice}" if choice else "no image"
    hint = f"Name one of: {', '.join(offered)}. For the first, write `{place}:{offered[0]}`." if offered else ""
    hint = hint or "Put the build there first, or check `source`."
    raise InputError(f"{place} holds {what}", hint)


def _tag(name: str) -> str:
    """Return the tag in a name: `2.1` for `acme/app:2.1`."""
    return name.rpartition(":")[2] if "/" not in name.rpartition(":")[2] else ""


def _full(name: str) -> str:
    """Return a name with its registry and tag: `docker.io/acme/app:2.1` for `acme/app:2.1`."""
    try:
        return str(Reference.parse(name))
    except InputError:
        return name
