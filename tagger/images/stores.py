"""The protocols of what images are read from and written to."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import BinaryIO, Literal, NamedTuple, Protocol

from tagger.errors import Refused
from tagger.images.manifests import Descriptor, Manifest, Platform
from tagger.names import Repository

__all__ = [
    "Abilities", "Catalogued", "Content", "ExaminedStore", "ImageConfig", "OpenedStore", "Opener", "PrunableStore",
    "Source", "Survey", "TagStore", "overtaken",
]  # fmt: skip

Opener = Callable[[], AbstractContextManager[BinaryIO]]


class Survey(NamedTuple):
    """What a repository holds: every tag, and the digests of those that were asked for.

    `unlisted` are those of them that stand though the listing does not have them, `lost` those that are listed and
    answer nothing, however often they are read.
    """

    tags: frozenset[str]
    digests: Mapping[str, str | None]
    unlisted: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def overtaken(place: str, tag: str, digest: str | None, pushed: str = "") -> Refused:
    """Return the error of a build whose exact tag holds another build by now; it was `pushed` under that digest."""
    return Refused(
        f"{place}: another build was released as {tag} at the same time: it holds {digest}"
        + (f", and this one was pushed as {pushed}" if pushed else ""),
        "That image is the release now. Give this build a version of its own.",
        code="CONFLICT",
    )


class ImageConfig(NamedTuple):
    """What a built image says of itself, for one platform.

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
    """Where the bytes of images are read: a repository, a layout, an archive."""

    @property
    def place(self) -> str:
        """What a person calls it: `ghcr.io/acme/app`, `oci:build/demo`."""

    @property
    def repository(self) -> Repository | None:
        """The repository of a registry that this is, for mounting blobs across repositories; else None."""

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""

    def blob(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob for reading, once, from its beginning. Raise `NotFound`, `StoreError`.

        It is checked on the way: an error comes instead of the last of bytes that are not what its digest says.
        """

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest, by the referrers API or its tag fallback."""


class TagStore(Content, Protocol):
    """A repository in which tags stand: in a registry, or an OCI image layout."""

    @property
    def jobs(self) -> int:
        """How many requests this repository takes side by side; 1 where there is nothing to wait for."""

    @property
    def can_delete(self) -> bool:
        """False where it is known without asking that nothing is deleted: only by an API that wants another login."""

    @property
    def lists_unnamed(self) -> bool:
        """True where `catalogue` lists manifests without a tag, or where none outlive what names them."""

    def tags(self) -> Iterable[str]:
        """List every tag, in no order; none where the repository does not exist yet. Raise `StoreError`."""

    def exists(self) -> bool:
        """Say whether the repository is there, as of the last listing: it may be there and have no tags."""

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`, side by side; None where there is no such tag."""

    def survey(self, tags: Collection[str], manifests: Collection[str] = ()) -> Survey:
        """List every tag and read the digests of `tags`, side by side.

        A listed tag of `tags` is never taken as absent: it is read again until listing and reading agree, or it is
        lost. `manifests` are those of `tags` whose manifests will be asked for next, so that they may come in the same
        round trip.
        """

    def check_writable(self) -> None:
        """Prove that writing is allowed, leaving nothing behind. Raise `StoreError`."""

    def point(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest`, whose children are here, under each of `tags`; none means under its digest alone.

        The digest that the registry answers is compared with the one that was sent. Raise `StoreError`.
        """

    def claim(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless another image stands there; return the digest that stands there now.

        An OCI layout does so atomically. A registry has no compare-and-swap: the tag is read right before the write.
        """

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `StoreError`; where the registry cannot, with the code UNSUPPORTED."""

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every tag at it. Raise `StoreError`."""

    def empty(self) -> bool:
        """Delete everything in one request; say False where that cannot be done. Raise `StoreError`."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether a blob is here."""

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:
        """Bring a blob here: mounted from `mount_from` where that works, else read from `opener` and uploaded.

        The bytes are streamed. What `opener` yields is checked already, as `Content.blob` does; a registry checks it
        once more. `opener` is called again when an upload is begun anew. Raise `StoreError`.
        """


class Abilities(NamedTuple):
    """What a repository can do beside what every one can, and as whom it is asked.

    `login` says where the login was found, empty where none is used. `deletes` is what a deletion may name: `tags`,
    `manifests` alone, `nothing`, or it is `refused` to this login, or `unknown`. `several_tags`: one request sets
    several; None where only a push tells. `immutable` are regular expressions of tags that may not move, each for a
    whole tag; None where no API tells.
    """

    login: str = ""
    deletes: Literal["tags", "manifests", "nothing", "refused", "unknown"] = "unknown"
    several_tags: bool | None = None
    immutable: tuple[str, ...] | None = None


class ExaminedStore(TagStore, Protocol):
    """A repository that can be asked what it can do."""

    def abilities(self) -> Abilities:
        """Find out what it can do, as far as that is known without a write. Raise `StoreError`."""


class Catalogued(NamedTuple):
    """A manifest as a registry's own API lists it: its tags, and when it was pushed, in seconds since 1970."""

    tags: tuple[str, ...]
    pushed: float | None = None


class PrunableStore(TagStore, Protocol):
    """A repository of which old versions can be deleted."""

    def listed_referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts that the referrers API lists for a manifest; none where there is no such API."""

    def catalogue(self) -> Mapping[str, Catalogued] | None:
        """List every manifest by its digest, those without a tag too; None where only tags are listed.

        Raise `StoreError`.
        """

    def restore(self, digest: str) -> bool:
        """Take the deletion of a manifest back; say False where the registry cannot. Raise `NotFound`, `StoreError`."""


class OpenedStore(ExaminedStore, PrunableStore, Protocol):
    """A repository as a run opens it."""


class Source(Protocol):
    """The built image, wherever it is: engine, registry, OCI layout, archive."""

    @property
    def reference(self) -> str:
        """What a person calls it: `docker-daemon:app:build`, `docker://ghcr.io/acme/app@sha256:…`."""

    @property
    def digest(self) -> str | None:
        """The digest of its manifest; None where only a push makes one."""

    @property
    def config_digest(self) -> str | None:
        """The digest of its config, where the image has no manifest yet; else None."""

    def configs(self) -> Sequence[ImageConfig]:
        """Return the config of every platform (attestations left out)."""

    def stage(self, store: TagStore, tag: str, *, overwrite: bool = False) -> Manifest:
        """Put the image into `store` under `tag`, its exact tag, and return what stands there now.

        Another image that came to stand there meanwhile is left, and returned, unless `overwrite`.
        """
