"""The built image as a source: content that has a manifest, or an archive of `docker save` that has none."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from tagger.images.manifests import Manifest
from tagger.images.stores import Content, ImageConfig, Source, TagStore
from tagger.meters import SILENT, Meter, meter_of

if TYPE_CHECKING:  # most runs copy nothing
    from tagger.images.archives import DockerImage
    from tagger.images.copying import Copied, TaggedContent

__all__ = ["BuiltImage", "ContentSource", "SavedSource", "is_in"]

Result = TypeVar("Result")


class BuiltImage(Source, Protocol):
    """A built image that can be read as content."""

    @property
    def is_pushed(self) -> bool:
        """Whether its engine makes its manifest, by a push."""

    def as_content(self, meter: Meter) -> "ContentSource":
        """Return the image with its manifest, which is made where it has none yet; `meter` receives the progress."""


class ContentSource:
    """An image with a manifest, in any content. Nothing is read before it is needed."""

    config_digest: str | None = None
    is_pushed = False
    notes: tuple[str, ...] = ()
    """Sentences for the report about how the image was made."""
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

    def stage(
        self,
        store: TagStore,
        tag: str,
        *,
        overwrite: bool = False,
        read_back: Callable[[], Manifest] | None = None,  # noqa: ARG002 - its manifest is known
    ) -> Manifest:
        """Put the image into `store` under `tag`, with what is attached to it; return the manifest under `tag` then."""
        copied = self._bring(store)
        if overwrite:
            self._put(store, copied, lambda: store.tag(self.root, [tag]))
            return self.root
        standing = self._put(store, copied, lambda: store.put_if_absent(self.root, tag))
        return self.root if standing == self.root.digest else store.manifest(standing)

    def put(self, store: TagStore) -> Manifest:
        """Put the image into `store` under its digest, with what is attached to it."""
        self._put(store, self._bring(store), lambda: store.tag(self.root, ()))
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

    def stage(
        self,
        store: TagStore,
        tag: str,
        *,
        overwrite: bool = False,
        read_back: Callable[[], Manifest] | None = None,  # noqa: ARG002 - its manifest is made here
    ) -> Manifest:
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
        """Return the image with a manifest, which is made here; `meter` receives the progress."""
        self._image.watcher = meter
        meter.phase("compressing layers")
        return ContentSource(self._image, self._image.to_manifest().digest, self.reference)
