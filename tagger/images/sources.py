"""Reads `source`, and opens built images in registries, layouts and archives."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

from tagger.errors import InputError, StoreError
from tagger.images.manifests import Manifest
from tagger.images.stores import Content, ImageConfig, Source, TagStore
from tagger.meters import SILENT, Meter, meter_of
from tagger.names import DIGEST, SOURCE_KINDS, Reference, Repository, attached_to

if TYPE_CHECKING:  # most runs copy nothing
    from tagger.images.archives import DockerImage
    from tagger.images.copying import Copied, TaggedContent
    from tagger.images.layout import LayoutContent

__all__ = ["BuiltImage", "ContentSource", "SavedSource", "SourceSpec", "is_in", "open_source", "parse_source"]

Image = TypeVar("Image")
Result = TypeVar("Result")

NAME = "name"
"""The kind of a bare name."""

CONTAINERD_NAME = "io.containerd.image.name"
IMAGE_ID = r"(?:sha256:)?[0-9a-f]{64}|[0-9a-f]{12}"


class SourceSpec(NamedTuple):
    """A value of `source`: one of `SOURCE_KINDS` with its value, or a bare name of an image."""

    kind: str
    value: str

    def __str__(self) -> str:
        return self.value if self.kind == NAME else f"{_beginning(self.kind)}{self.value}"


def parse_source(text: str) -> SourceSpec:
    """Read a value of `source`. Raise `InputError`."""
    kind = next((kind for kind in SOURCE_KINDS if text.startswith(_beginning(kind))), NAME)
    value = text.removeprefix(_beginning(kind)) if kind != NAME else text
    if kind == "docker":
        return SourceSpec(kind, str(Reference.parse(value)))
    if kind != NAME:
        if not value or "\0" in value:
            raise InputError(f"source {text!r} names nothing", _KINDS)
        return SourceSpec(kind, value)
    if not re.fullmatch(IMAGE_ID, text):
        try:
            Reference.parse(text)
        except InputError as error:
            folder = text.rpartition(":")[0] if ":" in text else text
            hint = f"Write `oci:{text}`." if text.startswith((".", "/")) and Path(folder).is_dir() else _KINDS
            raise InputError(f"{text!r} is not a source", hint) from error
    return SourceSpec(NAME, text)


def _beginning(kind: str) -> str:
    """Return the prefix of a kind of sources: `oci:`, `docker://`."""
    return re.split("[A-Z]", SOURCE_KINDS[kind])[0]


class BuiltImage(Source, Protocol):
    """A built image that can be read as content."""

    @property
    def is_pushed(self) -> bool:
        """Whether its engine makes its manifest, by a push."""

    def as_content(self, meter: Meter) -> "ContentSource":
        """Return the image with a manifest, made of it where it has none yet; the meter is told how far that is."""


class ContentSource:
    """An image with a manifest, in any content. Nothing is read before it is needed."""

    config_digest: str | None = None
    is_pushed = False
    notes: tuple[str, ...] = ()
    """Sentences for people about how it was made."""
    origins: Mapping[str, str] = MappingProxyType({})
    """The origins of the manifests of its platforms, by digest, where they differ from its reference."""

    def __init__(
        self,
        content: "TaggedContent",
        digest: str,
        reference: str,
        *,
        several: bool = False,
        root: Manifest | None = None,
    ) -> None:
        self.digest: str | None = digest
        self.reference = reference
        self._content = content
        self._digest = digest
        self._root = root
        self._read = content
        self._configs: Sequence[ImageConfig] | None = None
        if several and content.repository:
            from tagger.images.read_once import ReadOnce

            # For several repositories, what comes over the network is read once and kept on disk.
            self._read = ReadOnce(content)

    @classmethod
    def resolve(cls, content: "TaggedContent", target: str, reference: str, *, several: bool = False) -> Self:
        """Return the current image under `target`, a tag or a digest. Raise `NotFound`, `StoreError`."""
        root = content.manifest(target)
        return cls(content, root.digest, reference, several=several, root=root)

    def as_content(self, meter: Meter = SILENT) -> Self:  # noqa: ARG002 - nothing is to be made
        """Return the image itself, as it has a manifest."""
        return self

    @property
    def is_at_hand(self) -> bool:
        """Whether its configs can be read without a registry."""
        return self._content.repository is None

    @property
    def has_read_configs(self) -> bool:
        """True once its configs were read, as for the version in a label."""
        return self._configs is not None

    @property
    def content(self) -> "TaggedContent":
        """The content that the image is read from."""
        return self._read

    @property
    def root(self) -> Manifest:
        """The image's manifest. Raise `NotFound`, `StoreError`."""
        self._root = self._root or self._content.manifest(self._digest)
        return self._root

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform; it is read once."""
        from tagger.images.configs import platform_configs

        if self._configs is None:
            self._configs = platform_configs(self._read, self.root)
        return self._configs

    def stage(self, store: TagStore, tag: str, *, overwrite: bool = False) -> Manifest:
        """Put the image into `store` under `tag`, with what is attached to it; return the manifest under `tag` then."""
        copied = self._bring(store)
        if overwrite:
            self._put(store, copied, lambda: store.point(self.root, [tag]))
            return self.root
        standing = self._put(store, copied, lambda: store.claim(self.root, tag))
        return self.root if standing == self.root.digest else store.manifest(standing)

    def put(self, store: TagStore) -> Manifest:
        """Put the image into `store` under its digest, with what is attached to it."""
        self._put(store, self._bring(store), lambda: store.point(self.root, ()))
        return self.root

    def is_read_in(self, store: TagStore) -> bool:
        """Say whether the image is read from `store`."""
        return is_in(self._content, store)

    def _bring(self, store: TagStore) -> "Copied | None":
        """Copy all parts of the image, and what is attached to it; None where it is in `store` already."""
        if self.is_read_in(store):
            return None
        from tagger.images.copying import copy_image, copy_referrers

        meter_of(self._content).phase("read from")
        copied = copy_image(self._read, store, self.root)
        copy_referrers(self._read, store, [part.digest for part in copied.manifests], root=copied)
        return copied

    def _put(self, store: TagStore, copied: "Copied | None", put: Callable[[], Result]) -> Result:
        """Put the image's manifest, after all its parts."""
        if copied is None:
            return put()
        from tagger.images.copying import put_copied

        return put_copied(self._read, store, self.root, copied, put)


def is_in(content: Content, store: TagStore) -> bool:
    """Say whether `content` and `store` are the same repository."""
    return content is store or (store.repository is not None and content.repository == store.repository)


class SavedSource:
    """An image of `docker save` that has no manifest yet. Its identity is the digest of its config."""

    digest: str | None = None
    is_pushed = False

    def __init__(self, image: "DockerImage", reference: str) -> None:
        self.reference = reference
        self.config_digest: str | None = image.config.digest
        self._image = image

    def configs(self) -> Sequence[ImageConfig]:
        """Return its one config."""
        return [self._image.config]

    def stage(self, store: TagStore, tag: str, *, overwrite: bool = False) -> Manifest:
        """Put the image into `store` under `tag`, unless the tag holds it; return the manifest under `tag` then.

        An image with the same config is the same image, even if its layers are compressed differently.
        """
        held = store.digests([tag])[tag]
        if held is not None:
            manifest = store.manifest(held)
            config = manifest.config()
            if not overwrite or (config is not None and config.digest == self.config_digest):
                return manifest
        return self.as_content(meter_of(store)).stage(store, tag, overwrite=overwrite)

    def as_content(self, meter: Meter) -> ContentSource:
        """Return the image with the manifest that is made of it; the meter is told how far that is."""
        self._image.watcher = meter
        meter.phase("compressing layers")
        return ContentSource(self._image, self._image.to_manifest().digest, self.reference)


def open_source(
    spec: SourceSpec,
    registries: Callable[[Repository], TagStore],
    *,
    several: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> ContentSource | SavedSource:
    """Find the image that `spec` names, in a registry, a layout or an archive.

    `say` tells a person that a pipe is waited for. Raise `InputError`, `StoreError`.
    """
    if spec.kind in ("docker", NAME):
        reference = Reference.parse(spec.value)
        content = registries(reference.repository)
        return ContentSource.resolve(content, reference.target, f"docker://{reference}", several=several)
    path, choice = _split(spec)
    from tagger.images.layout import LAYOUT_FILE, Layout

    if spec.kind == "oci":
        return _in_layout(Layout(path), choice, str(spec))
    if spec.kind not in ("docker-archive", "oci-archive"):
        raise ValueError(f"{spec.kind}: nothing here opens a source of this kind")
    from tagger.images.archives import Archive, DockerImage, LayoutArchive, saved_images  # most runs read none

    archive = Archive(path, f"{spec.kind}:{path}", say)
    if spec.kind == "oci-archive" or LAYOUT_FILE in archive:
        return _in_layout(LayoutArchive(archive), choice, str(spec))
    images = saved_images(archive)
    known = {f"sha256:{image.config_name}": image for image in images} | {image.config_name: image for image in images}
    saved = known.get(choice) or _choose(choice, [(image, image.names) for image in images], archive.place)
    return SavedSource(DockerImage(archive, saved), str(spec))


def _split(spec: SourceSpec) -> tuple[Path, str]:
    """Return the path, and the text behind it that chooses an image. The longest path that exists counts."""
    ends = [len(spec.value), *(m.start() for m in reversed(list(re.finditer("[:@]", spec.value))))]
    for end in ends:
        path = Path(spec.value[:end])
        with suppress(OSError):
            if end and path.exists():
                return path, spec.value[end + 1 :]
    plain = spec.value.lstrip("/")
    with suppress(OSError):
        if plain != spec.value and Path(re.split("[:@]", plain)[0]).exists():
            raise InputError(f"source {spec}: there is no such file or directory", f"Write `{spec.kind}:{plain}`.")
    raise InputError(f"source {spec}: there is no such file or directory", _KINDS)


def _in_layout(content: "LayoutContent", choice: str, reference: str) -> ContentSource:
    from tagger.images.layout import REF_NAME

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


_KINDS = f"A source is {', '.join(SOURCE_KINDS.values())}, or the bare name of an image."
