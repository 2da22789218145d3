"""An image of the engine as a source: one push stages it, and it is copied from there."""

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Self

from tagger.errors import StoreError, TaggerError
from tagger.images.configs import platform_configs
from tagger.images.engine.documents import Documents, config_in
from tagger.images.engine.engine import Engine
from tagger.images.manifests import DOCKER_CONFIG, Descriptor, Manifest
from tagger.images.same import is_same_image
from tagger.images.sources import ContentSource, SavedSource
from tagger.images.stores import ImageConfig, Source, TagStore, overtaken_error
from tagger.meters import Meter, meter_of
from tagger.names import Reference, Repository

__all__ = ["EngineSource"]

LARGEST_SAVED = 32 * 1024 * 1024
"""Bytes of an image that is saved for its config alone: the engine has no other way to give it, and takes 160 ms."""


class EngineSource:
    """An image of the engine.

    In the classic store an image has no manifest. Its identity is the digest of its config. Each push makes another
    manifest, as it compresses the layers again, so the image is pushed only once and copied from there. In containerd's
    store it has the digest that it has everywhere.
    """

    def __init__(self, engine: Engine, name: str, facts: Mapping[str, Any]) -> None:
        self.reference = f"docker-daemon:{name}"
        self._engine = engine
        self._name = name
        self._facts = facts
        self._id = str(facts["Id"])
        self.digest: str | None = self._id if engine.keeps_manifests else None
        self.config_digest: str | None = None if engine.keeps_manifests else self._id
        self._lock = threading.Lock()
        self._staged: Source | None = None

    @classmethod
    def find(cls, engine: Engine, name: str) -> Self:
        """Return the image of this name, tag or id, as it is now. Raise `EngineError`."""
        return cls(engine, name, engine.inspect(name))

    @property
    def is_pushed(self) -> bool:
        """Whether its manifest is made by a push: in the classic store."""
        return self.digest is None

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform. Raise `EngineError` when one is missing."""
        if self.digest:
            return platform_configs(self._documents, self._documents.whole(self._id))
        facts = self._facts
        platform = filter(None, (facts.get("Os"), facts.get("Architecture"), facts.get("Variant")))
        return [
            ImageConfig(
                digest=self._id,
                labels=(facts.get("Config") or {}).get("Labels") or {},
                diff_ids=tuple((facts.get("RootFS") or {}).get("Layers") or ()),
                platform="/".join(platform),
                created=str(facts.get("Created") or ""),
            )
        ]

    def stage(
        self, store: TagStore, tag: str, *, overwrite: bool = False, read_back: Callable[[], Manifest] | None = None
    ) -> Manifest:
        """Put the image into `store` under `tag`; return its manifest there. It is pushed once, and copied afterwards.

        Raise `Refused` where an image of the classic store finds another image there.
        """
        with self._lock:
            if self._staged is None:
                if self.digest:
                    self._documents.whole(self._id)
                if store.repository:
                    read = read_back or (lambda: store.manifest(tag))
                    manifest = self._push(store, store.repository.tagged(tag), overwrite, read)
                else:
                    manifest = self._copy(store, tag, overwrite)
                if self.digest in (None, manifest.digest):
                    self._staged = ContentSource(store, manifest.digest, self.reference)
                return manifest
        return self._staged.stage(store, tag, overwrite=overwrite)

    def as_content(self, meter: Meter) -> ContentSource:
        """Return the image with a manifest, without a push, for an index of several builds.

        `meter` receives the progress. Raise `EngineError`.
        """
        if self.digest:
            self._documents.whole(self._id)
        meter.phase("reading from the engine")
        return self._read_saved().as_content(meter)

    def tag_locally(self, references: Iterable[Reference]) -> None:
        """Set the tags of a release in the engine, so that the next step can use them. Raise `EngineError`.

        A tag that is in every repository is set on the image's own name too: `docker run app:2.1` works then.
        """
        wanted = set(references)
        repositories = {reference.repository for reference in wanted}
        for tag in {reference.tag for reference in wanted}:
            everywhere = all(repository.tagged(tag) in wanted for repository in repositories)
            if everywhere and self._own_repository:
                wanted.add(self._own_repository.tagged(tag))
        for reference in sorted(wanted, key=str):
            self._engine.tag(self._id, reference)

    @property
    def _own_repository(self) -> Repository | None:
        """The repository of the image's own name; None where it was given by its id."""
        names = {str(Reference.parse(name)) for name in self._facts.get("RepoTags") or ()}
        with suppress(TaggerError):
            reference = Reference.parse(self._name)
            return reference.repository if str(reference) in names else None
        return None

    def _push(
        self, store: TagStore, reference: Reference, overwrite: bool, read_back: Callable[[], Manifest]
    ) -> Manifest:
        """Push the image under a name that the engine resolves; return the manifest under the tag then."""
        tag = reference.tag
        standing = store.digests([tag])[tag]
        if standing and not overwrite:
            return self._check(store, store.manifest(standing), tag)
        with self._engine.tag_for_push(self._id, reference):
            if self.is_pushed:
                threading.Thread(target=self._bring_config, args=(store,), daemon=True).start()
            pushed = self._engine.push(reference, meter_of(store), lambda: not overwrite and self._is_taken(store, tag))
            if not pushed:
                return self._check(store, store.manifest(tag), tag)
            # Another job may have pushed since, or may have given the name to its own image before the push.
            return self._check(store, read_back(), tag, pushed)

    def _bring_config(self, store: TagStore) -> None:
        """Upload the config of a small image while the engine sends its layers; without it, the engine does that.

        Docker opens a connection for each request of a push. It asks for the config before it uploads it: where the
        config is there, three requests are saved, and with their connections nine round trips.
        """
        small = 0 < int(self._facts.get("Size") or 0) <= LARGEST_SAVED
        with suppress(TaggerError):
            if not small or not self._engine.is_local or self._engine.is_podman():
                return
            content = config_in(self._engine.save(self._id), self._id)
            if content:
                store.put_blob(Descriptor(DOCKER_CONFIG, self._id, len(content)), lambda: _opened(content))

    def _is_taken(self, store: TagStore, tag: str) -> bool:
        """Say whether a tag holds another image. What cannot be read now is read after the push."""
        with suppress(StoreError):
            held = store.digests([tag])[tag]
            return held is not None and not is_same_image(self, store, held)
        return False

    def _check(self, store: TagStore, manifest: Manifest, tag: str, pushed: str = "") -> Manifest:
        """Return the manifest. Raise `Refused` where an image of the classic store has another config."""
        config = manifest.config()
        if self.digest or (config and config.digest == self.config_digest):
            return manifest
        raise overtaken_error(store.place, tag, manifest.digest, pushed)

    def _copy(self, store: TagStore, tag: str, overwrite: bool) -> Manifest:
        """Put the image into a layout, without a push."""
        meter_of(store).phase("reading from the engine")
        return self._read_saved().stage(store, tag, overwrite=overwrite)

    def _read_saved(self) -> ContentSource | SavedSource:
        """Return the image, read from `docker save` into a temporary file that is deleted but stays open."""
        from tagger.images.archives import Archive  # few images of the engine are copied
        from tagger.images.choosing import image_in_archive

        with tempfile.NamedTemporaryFile(prefix="tagger-", suffix=".tar") as file:
            for chunk in self._engine.save(self._id):
                file.write(chunk)
            file.flush()
            archive = Archive(Path(file.name), f"docker-archive:{file.name}")
            return image_in_archive(archive, "", self.reference)

    @cached_property
    def _documents(self) -> Documents:
        return Documents(self.reference, self._engine.save(self._id))


@contextmanager
def _opened(content: bytes) -> Iterator[BinaryIO]:
    yield BytesIO(content)
