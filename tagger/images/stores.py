"""The protocols for everything that images are read from and written to."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import BinaryIO, Literal, NamedTuple, Protocol

from tagger.errors import Refused, StoreError
from tagger.images.manifests import Descriptor, Manifest, Platform
from tagger.names import Repository

__all__ = [
    "Abilities", "Catalogued", "Content", "ExaminedStore", "ImageConfig", "OpenedStore", "Opener", "PrunableStore",
    "Source", "Snapshot", "TagStore", "overtaken_error",
]  # fmt: skip

Opener = Callable[[], AbstractContextManager[BinaryIO]]


class Snapshot(NamedTuple):
    """What a repository holds: every tag, and the digests of the requested ones.

    `unlisted` are requested tags that exist although the listing does not have them. `lost` are requested tags that are
    listed but have no manifest.
    """

    tags: Set[str]
    digests: Mapping[str, str | None]
    unlisted: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def overtaken_error(place: str, tag: str, digest: str | None, pushed: str = "") -> Refused:
    """Return the error of a build whose exact tag holds another build now. `pushed` is the digest of its own push."""
    return Refused(
        f"{place}: another build was released as {tag} at the same time: it holds {digest}"
        + (f", and this one was pushed as {pushed}" if pushed else ""),
        "That image is the release now. Give this build a version of its own.",
        code="CONFLICT",
    )


class ImageConfig(NamedTuple):
    """The config of a built image, for one platform.

    `digest` is the config's own digest, `diff_ids` the digests of its uncompressed layers, lowest first, `platform`
    as in `linux/amd64`, `created` an RFC 3339 time or empty, `annotations` those of its manifest and index.
    `own_platform` is the platform that the config itself names, with `os.version` and `os.features`; else None.
    """

    digest: str
    labels: Mapping[str, str] = MappingProxyType({})
    diff_ids: tuple[str, ...] = ()
    platform: str = ""
    created: str = ""
    annotations: Mapping[str, str] = MappingProxyType({})
    own_platform: Platform | None = None


class Content(Protocol):
    """Content that images are read from: a repository, a layout, an archive."""

    @property
    def place(self) -> str:
        """Its name for people: `ghcr.io/acme/app`, `oci:build/demo`."""

    @property
    def repository(self) -> Repository | None:
        """The repository of a registry, for mounting blobs from it; None for other content."""

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""

    def blob(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob for reading, once, from its beginning. Raise `NotFound`, `StoreError`.

        The stream checks the digest: it raises an error before the last bytes of a wrong blob.
        """

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest, by the referrers API and the referrers tag schema."""


class TagStore(Content, Protocol):
    """A repository with tags: in a registry, or an OCI image layout."""

    @property
    def jobs(self) -> int:
        """How many requests to send side by side; 1 where there is nothing to wait for."""

    @property
    def can_delete(self) -> bool:
        """False where it is known without a request that it cannot delete: its API for that needs another login."""

    @property
    def lists_unnamed(self) -> bool:
        """Whether `catalogue` lists manifests without a tag, or such manifests are deleted with their index."""

    def tags(self) -> Iterable[str]:
        """List every tag, in no order; none where the repository does not exist yet. Raise `StoreError`."""

    def exists(self) -> bool:
        """Say whether the repository existed at the last listing. It may exist and have no tags."""

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`, side by side; None where there is no such tag."""

    def snapshot(self, tags: Collection[str], manifests: Collection[str] = ()) -> Snapshot:
        """List every tag and read the digests of `tags`, side by side.

        A listed tag of `tags` never counts as absent: it is read again until listing and reading agree, or it is lost.
        `manifests` are those of `tags` whose manifests are needed next, and may be read in the same round trip.
        """

    def check_writable(self) -> None:
        """Prove that writing is allowed, and leave nothing behind. Raise `StoreError`."""

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`; without tags, under its digest. Its children must be there already.

        The digest in the registry's answer is compared with the one that was sent. Raise `StoreError`.
        """

    def put_if_absent(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless the tag holds another image; return the digest that it holds then.

        An OCI layout does that atomically. A registry has no compare-and-swap: the tag is read right before the write.
        """

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `StoreError`; where the registry cannot, with the code UNSUPPORTED."""

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every tag at it. Raise `StoreError`."""

    def empty(self) -> bool:
        """Delete everything with one request; return False where that cannot be done. Raise `StoreError`."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether the repository has a blob."""

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:
        """Mount a blob from `mount_from` where that works, else upload the stream of `opener`.

        The stream of `opener` checks the digest, as that of `Content.blob` does, and a registry checks it again.
        `opener` is called again when an upload begins again. Raise `StoreError`.
        """


class Abilities(NamedTuple):
    """The login at a repository, and what it can do there.

    `login` is the origin of the login, empty where there is none. `deletes` is what can be deleted: `tags`, only
    `manifests`, or `nothing`; or it is `refused` to this login, or `unknown`. `several_tags`: one request sets several
    tags; None where only a push shows that. `immutable` are regular expressions for immutable tags, each for a whole
    tag; None where they are unknown. `errors` are those of another API of the registry, which hide abilities.
    """

    login: str = ""
    deletes: Literal["tags", "manifests", "nothing", "refused", "unknown"] = "unknown"
    several_tags: bool | None = None
    immutable: tuple[str, ...] | None = None
    errors: tuple[StoreError, ...] = ()


class ExaminedStore(TagStore, Protocol):
    """A repository that reports its abilities."""

    def abilities(self) -> Abilities:
        """Find out the abilities, as far as that is possible without a write."""


class Catalogued(NamedTuple):
    """A manifest as a registry's own API lists it: its tags, and when it was pushed, in seconds since 1970."""

    tags: tuple[str, ...]
    pushed: float | None = None


class PrunableStore(TagStore, Protocol):
    """A repository that can be pruned."""

    def listed_referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts that the referrers API lists for a manifest; none where there is no such API."""

    def catalogue(self) -> Mapping[str, Catalogued] | None:
        """List every manifest by its digest, also those without a tag; None where that is not possible.

        Raise `StoreError`.
        """

    def restore(self, digest: str) -> bool:
        """Undo the deletion of a manifest; return False where that is not possible. Raise `NotFound`, `StoreError`."""


class OpenedStore(ExaminedStore, PrunableStore, Protocol):
    """A repository that a run opens."""

    def begin_listing(self) -> None:
        """Begin to list every tag, for the next call of `tags` or `snapshot`, where that takes a while."""


class Source(Protocol):
    """A built image, in an engine, a registry, an OCI layout or an archive."""

    @property
    def reference(self) -> str:
        """Its name for people: `docker-daemon:app:build`, `docker://ghcr.io/acme/app@sha256:…`."""

    @property
    def digest(self) -> str | None:
        """The digest of its manifest; None where only a push makes one."""

    @property
    def config_digest(self) -> str | None:
        """The digest of its config, where the image has no manifest yet; else None."""

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform (attestations left out)."""

    def stage(
        self, store: TagStore, tag: str, *, overwrite: bool = False, read_back: Callable[[], Manifest] | None = None
    ) -> Manifest:
        """Put the image into `store` under `tag`, its exact tag, and return the manifest under `tag` then.

        Another image that the tag holds meanwhile is left there and returned, unless with `overwrite`. Where an engine
        makes the manifest, it is read after the push, by `read_back` if that is given.
        """
