"""Reads several builds, makes one image of them, and copies it to the repositories of a release."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from tagger.concurrency import AT_ONCE, run_all
from tagger.errors import InputError, NotFound
from tagger.images.assembled import Assembly, Attestation, Image, assemble, check_image, no_image
from tagger.images.configs import ABOUT, is_attestation, read_config
from tagger.images.copying import TaggedContent, copy_parts
from tagger.images.foreign import check_one_base, check_one_build
from tagger.images.manifests import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Manifest
from tagger.images.read_once import ReadOnce
from tagger.images.sources import ContentSource, is_in
from tagger.images.stores import ImageConfig, TagStore
from tagger.images.walk import Weight, walk
from tagger.meters import meter_of
from tagger.names import Digest, Repository, attached_to

__all__ = ["AssembledSource", "Build", "assemble_builds"]


_GONE = (
    "It was never pushed there (push=true), or it was deleted since, for example by a cleanup of untagged images. Let "
    "the cleanup keep images younger than a day, and run the job that built it again."
)


class Build(NamedTuple):
    """One of several builds: the content to read it from, its tag or digest there, and its origin, for people.

    `named` is true where the settings name the build itself, and false where it is in a folder of `digests`.
    """

    content: TaggedContent
    target: str
    origin: str
    named: bool = False


class _Found(NamedTuple):
    """The content of a build."""

    images: Sequence[Image]
    attestations: Sequence[Attestation]
    notes: Sequence[str]


def assemble_builds(
    builds: Sequence[Build],
    *,
    reference: str,
    annotations: Mapping[str, str] = MappingProxyType({}),
    force: bool = False,
    several: bool = False,
) -> "AssembledSource":
    """Read builds side by side, and return the image that is made of them.

    `reference` is its name for people. `several` is true where it is copied to several repositories. With `force` the
    bases may differ. Raise `Refused` where the builds contradict each other, `InputError` or `StoreError` where one
    cannot be read.
    """
    for build in builds:
        meter_of(build.content).phase("reading the builds")
    found = run_all(_read, builds, AT_ONCE)
    for build in builds:
        meter_of(build.content).phase("read from")
    images = list(chain.from_iterable(one.images for one in found))
    assembly = assemble(images, chain.from_iterable(one.attestations for one in found), annotations)
    check_one_build(assembly.images)
    if not force:
        check_one_base(assembly.images)
    places: dict[str, TaggedContent] = {}
    for build, one in zip(builds, found, strict=True):
        for part in (*(image.manifest for image in one.images), *(said.manifest for said in one.attestations)):
            places.setdefault(part.digest, build.content)
    notes = dict.fromkeys((*assembly.notes, *chain.from_iterable(one.notes for one in found)))
    return AssembledSource(assembly._replace(notes=tuple(notes)), places, reference, several=several)


def _read(build: Build) -> _Found:
    """Read the manifests and configs of a build."""
    content, origin = build.content, build.origin
    levels = walk(_root(build), lambda child: _child(content, child, origin), name=origin)
    steps = [step for level in levels for step in level]
    notes: list[str] = []
    named: dict[str, list[Descriptor]] = {}
    for index in (step.manifest for step in steps if step.manifest.is_index):
        notes.extend(_left_out(index, origin))
        for child in index.children():
            named.setdefault(child.digest, []).append(child)
            if child.media_type not in MANIFEST_TYPES or (is_attestation(child) and child.media_type in INDEX_TYPES):
                raise no_image(child.digest, origin, f"it is {child.media_type or 'of no media type'}")
    images: list[tuple[Manifest, list[Descriptor]]] = []
    attestations: list[Attestation] = []
    for manifest in (step.manifest for step in steps if not step.manifest.is_index):
        entries = named.get(manifest.digest, [])
        about = [child.annotations.get(ABOUT, "") for child in entries if is_attestation(child)]
        attestations += [Attestation(manifest, digest, origin) for digest in dict.fromkeys(about)]
        if len(about) < len(entries) or not entries:
            check_image(manifest, origin)
            images.append((manifest, [child for child in entries if not is_attestation(child)]))

    weight = Weight(origin, "its configs")

    def image(pair: tuple[Manifest, list[Descriptor]]) -> Image:
        manifest, entries = pair
        platforms = tuple(child.platform for child in entries if child.platform)
        return Image(manifest, read_config(content, manifest, weight=weight), origin, platforms)

    return _Found(run_all(image, images, AT_ONCE), attestations, notes)


def _root(build: Build) -> Manifest:
    try:
        return build.content.manifest(build.target)
    except NotFound as error:
        message = f"{build.origin} does not exist: {error.message}"
        if build.named:
            raise InputError(message, _GONE, code=error.code) from error
        raise NotFound(message, _GONE, code=error.code, status=error.status) from error


def _child(content: TaggedContent, child: Descriptor, origin: str) -> Manifest:
    try:
        manifest = content.manifest(child.digest)
    except NotFound as error:
        what = f"{child.platform or child.media_type}, {child.digest}"
        message = f"{origin}: its {what}, does not exist: {error.message}"
        raise NotFound(message, _GONE, code=error.code, status=error.status) from error
    return Manifest(child.media_type, manifest.content, Digest(child.digest).algorithm)


def _left_out(index: Manifest, origin: str) -> Iterator[str]:
    """Yield what the index of all builds leaves out from the index of one build."""
    if index.document.get("annotations"):
        yield f"the annotations of the index {index.digest} of {origin} are left out"
    for entry in index.document.get("manifests") or ():
        annotations = {name for name in entry.get("annotations") or {} if not name.startswith("vnd.docker.reference.")}
        found = [name for name in ("urls", "data") if entry.get(name)] + (["annotations"] if annotations else [])
        if found:
            yield f"{', '.join(found)} beside {entry.get('digest')} in an index of {origin}: left out"


class _Content:
    """The content of an assembled image: each part, and what is attached to it, is read where the part came from.

    What belongs to no part, such as artifacts attached to the index itself, is looked up in all contents.
    """

    def __init__(self, assembly: Assembly, places: Mapping[str, TaggedContent], reference: str) -> None:
        self.place = reference
        self._contents = list({id(content): content for content in places.values()}.values())
        self.repository: Repository | None = next((one.repository for one in self._contents if one.repository), None)
        self._root = assembly.root
        self._parts: dict[str, Manifest] = {part.digest: part for part in assembly.parts}
        self._homes = dict(places)
        for part in self._parts.values():
            self._learn(part, places[part.digest])

    def manifest(self, reference: str) -> Manifest:
        """Return the index, one of its parts, or an artifact attached to one. Raise `NotFound`, `StoreError`."""
        known = self._root if reference == self._root.digest else self._parts.get(reference)
        if known:
            return known
        for content in self._of(reference):
            with suppress(NotFound):
                return self._learn(content.manifest(reference), content)
        raise NotFound(f"there is no {reference}", code="MANIFEST_UNKNOWN", place=self.place)

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob of a manifest that was read. Raise `NotFound`, `StoreError`."""
        home = self._homes.get(descriptor.digest)
        if home is None:
            raise NotFound(f"there is no {descriptor.digest}", code="BLOB_UNKNOWN", place=self.place)
        with home.blob(descriptor) as stream:
            yield stream

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest."""
        found: dict[str, Descriptor] = {}
        for content in self._of(digest):
            for one in content.referrers(digest):
                found.setdefault(one.digest, one)
                self._homes.setdefault(one.digest, content)
        return tuple(found.values())

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`, which are those of attached artifacts; None where there is none."""
        found: dict[str, str | None] = dict.fromkeys(tags)
        for content in self._contents:
            asked = [tag for tag in tags if found[tag] is None and content in self._of(attached_to(tag, self._homes))]
            for tag, digest in content.digests(asked).items() if asked else ():
                if digest:
                    found[tag] = digest
                    self._homes.setdefault(digest, content)
        return found

    def home(self, digest: str) -> TaggedContent:
        """Return the content that a part of the image is read from."""
        return self._homes[digest]

    def _of(self, digest: str) -> Sequence[TaggedContent]:
        return [self._homes[digest]] if digest in self._homes else self._contents

    def _learn(self, manifest: Manifest, content: TaggedContent) -> Manifest:
        for blob in manifest.blobs():
            self._homes.setdefault(blob.digest, content)
        return manifest


class AssembledSource(ContentSource):
    """The image that is made of several builds. Its index does not exist anywhere before it is staged."""

    def __init__(
        self, assembly: Assembly, places: Mapping[str, TaggedContent], reference: str, *, several: bool = False
    ) -> None:
        """Make a source. `places` has the content that holds each part; `several`: it is copied to several stores."""
        self.assembly = assembly
        self.notes = assembly.notes
        self.origins = {image.manifest.digest: image.origin for image in assembly.images}
        content = _Content(assembly, places, reference)
        super().__init__(content, assembly.root.digest, reference, root=assembly.root)
        self._parts: dict[int, tuple[TaggedContent, list[Manifest]]] = {}
        for part in assembly.parts:
            home = content.home(part.digest)
            self._parts.setdefault(id(home), (home, []))[1].append(part)
        # For several repositories, what comes over the network is read once and kept on disk.
        self._readers = {
            key: ReadOnce(home) if several and home.repository else home for key, (home, _) in self._parts.items()
        }

    @property
    def is_at_hand(self) -> bool:
        """True, as the configs were read already."""
        return True

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform, without reading them again."""
        return [image.config for image in self.assembly.images]

    def _bring(self, store: TagStore) -> None:
        """Copy every image and attestation that is not in `store` into it, with what is attached to it."""
        waiting = [key for key, (home, _) in self._parts.items() if not is_in(home, store)]
        run_all(lambda key: copy_parts(self._readers[key], store, self._parts[key][1]), waiting, AT_ONCE)
