"""A repository of a registry (distribution-spec, "API")."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, cast

from tagger.concurrency import Pending
from tagger.errors import StoreError
from tagger.images.manifests import Descriptor, Manifest
from tagger.images.registry.client import Registry
from tagger.images.registry.dialects import dialect_of
from tagger.images.registry.endpoint import Endpoint
from tagger.images.registry.listing import list_tags
from tagger.images.registry.reading import Reader
from tagger.images.registry.uploads import Uploader
from tagger.images.registry.writing import Writer
from tagger.images.stores import Abilities, Catalogued, Opener, Snapshot
from tagger.names import Repository, check_tag

if TYPE_CHECKING:
    from tagger.images.registry.web_api import OwnApi

__all__ = ["RegistryRepository"]

PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait before a listed tag without a manifest is read again."""


class RegistryRepository:
    """A repository of a registry, as `Registries.repository` opens it."""

    def __init__(
        self,
        registry: Registry,
        repository: Repository,
        *,
        write: bool = False,
        mount_from: Iterable[Repository] = (),
        own_api: "Callable[[Callable[[str], bool]], OwnApi | None]" = lambda _holds: None,
        immutable: Callable[[], tuple[str, ...] | None] = lambda: None,
    ) -> None:
        """Make a repository, without a request. `own_api` opens the registry's own API.

        Its argument is a function that says whether the registry has a manifest. `immutable` returns regular
        expressions for immutable tags, or None.
        """
        self.repository: Repository | None = repository
        self.place = str(repository)
        self.meter = registry.meters(self.place)
        self.jobs = registry.jobs
        self._registry = registry
        self._lost: frozenset[str] = frozenset()
        self._endpoint = Endpoint(registry, repository, write, mount_from)
        self._begun: Pending[Set[str] | None] | None = None
        self._reader = Reader(self._endpoint)
        self._listed: Set[str] | None = frozenset()  # it is kept: freeing 100,000 texts takes 9 ms
        self._writer = Writer(self._endpoint, self._reader)
        self._uploader = Uploader(self._endpoint, self._reader)
        self._has_api = bool(dialect_of(repository.registry).api)
        self._own_api, self._immutable = own_api, immutable

    @cached_property
    def _api(self) -> "OwnApi | None":
        """The registry's own API for deletions; None where it has none, or there is no login for it."""
        if not self._has_api:
            return None
        return self._own_api(lambda digest: self._reader.holds(digest, f"looking for {digest}"))

    @property
    def can_delete(self) -> bool:
        """Whether it can delete: False where only the registry's own API can, and there is no login for it."""
        return not self._has_api or self._api is not None

    def __repr__(self) -> str:
        return f"RegistryRepository({self.place!r})"

    def connect(self) -> None:
        """Begin to connect to the registry in another thread."""
        self._registry.connect(self._endpoint.access)

    # Reading

    def begin_listing(self) -> None:
        """Begin to list every tag in another thread, for the next call of `tags`, unless a change comes before it."""
        self._begun = self._registry.submit(list_tags, self._endpoint)

    def tags(self) -> Set[str]:
        """List every tag; none where the repository does not exist yet. Raise `StoreError`."""
        begun, self._begun = self._begun, None
        self._listed = begun.result() if begun else list_tags(self._endpoint)
        return self._listed or frozenset()

    def exists(self) -> bool:
        """Say whether the repository existed at the last listing."""
        return self._listed is not None

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`, side by side; None where there is no such tag."""
        return self._reader.digests(list(dict.fromkeys(tags)))

    def snapshot(self, tags: Collection[str], manifests: Collection[str] = ()) -> Snapshot:
        """List every tag and read the digests of `tags`, side by side; also read the manifests of `manifests`.

        A listed tag without a manifest is read again until listing and reading agree: distribution answers 404 and 500
        for tags that others write at that moment, and some Nexus answer 404 to HEAD but not to GET.
        """
        reader = self._reader
        wanted = list(dict.fromkeys(tags))
        reading = [
            self._registry.submit(reader.digest_by_get if tag in manifests else reader.digest, tag) for tag in wanted
        ]
        try:
            listed = self.tags()
        finally:
            found = [future.exception() or future.result() for future in reading]
        for result in found:
            if isinstance(result, BaseException):
                raise result
        digests = reader.one_name(dict(zip(wanted, cast("list[str | None]", found), strict=True)))
        for pause in PAUSES:
            doubtful = [tag for tag in wanted if digests[tag] is None and tag in listed]
            if not doubtful or (pause and self._lost.issuperset(doubtful)):  # lost tags stay lost
                break
            if pause:
                self._registry.pause(pause)
                listed = self.tags()
            digests |= zip(doubtful, self._registry.side_by_side(reader.digest_by_get, doubtful), strict=True)
        lost = frozenset(tag for tag in wanted if digests[tag] is None and tag in listed)
        self._lost |= lost
        unlisted = frozenset(tag for tag in wanted if digests[tag] and tag not in listed)
        return Snapshot(listed | unlisted if unlisted else listed, digests, unlisted, lost)

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""
        return self._reader.manifest(reference)

    def blob(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob as a stream that checks its digest. Raise `NotFound`, `StoreError`."""
        return self._reader.blob(descriptor)

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest, by the referrers API and the tag `sha256-…` (end-12a)."""
        return self._reader.referrers(digest)

    def listed_referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts that the referrers API lists for a manifest; none where there is no such API."""
        return self._reader.listed_referrers(digest)

    @property
    def lists_unnamed(self) -> bool:
        """Whether manifests without tags are listed: GitHub's API does that."""
        return bool(self._api and self._api.deletes_manifests)

    def catalogue(self) -> Mapping[str, Catalogued] | None:
        """List all manifests by digest; None where the registry's own API cannot. Raise `StoreError`."""
        return self._api.catalogue() if self._api else None

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether the repository has a blob; False for any refusal except 401, as the upload reports the reason."""
        return self._reader.has_blob(descriptor)

    def abilities(self) -> Abilities:
        """Find out what the registry can do, as far as that is known without a write."""
        found = Abilities(self._registry.login_used, "unknown", self._registry.takes_several_tags)
        errors: list[StoreError] = []
        try:
            found = found._replace(deletes=(self._api or self._writer).deletes() if self.exists() else "unknown")
        except StoreError as error:
            errors.append(error)
        try:
            found = found._replace(immutable=self._immutable())
        except StoreError as error:
            errors.append(error)
        return found._replace(errors=tuple({error.message: error for error in errors}.values()))

    # Writing

    def check_writable(self) -> None:
        """Prove that writing is allowed: open an upload and cancel it. Raise `StoreError`."""
        self._uploader.check_writable()

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`, side by side; without tags, under its digest. Raise `StoreError`."""
        self._begun = None
        self._writer.tag(manifest, tags)

    def put_if_absent(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless the tag holds another image; return the digest that it holds then."""
        held = self._reader.digest(check_tag(tag))
        if held is None:
            self.tag(manifest, [tag])
        return held or manifest.digest

    def untag(self, tag: str) -> None:
        """Remove one tag and nothing else. Raise `StoreError`, with the code UNSUPPORTED where that cannot be done."""
        self._begun = None
        if self._api:
            self._api.untag(tag)
        else:
            self._writer.untag(tag)

    def delete(self, digest: str) -> None:
        """Delete a manifest, with every tag at it. Raise `StoreError`."""
        self._begun = None
        if self._api and self._api.deletes_manifests:
            self._api.delete(digest)
            self._reader.forget(digest)
        else:
            self._writer.delete(digest)

    def empty(self) -> bool:
        """Delete everything with one request; return False where the registry cannot do that. Raise `StoreError`."""
        self._begun = None
        return self._api.empty() if self._api else False

    def restore(self, digest: str) -> bool:
        """Undo the deletion of a manifest; return False where the registry cannot do that. Raise `StoreError`."""
        self._begun = None
        return self._api.restore(digest) if self._api else False

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:
        """Mount a blob from `mount_from` where that works, else upload it.

        A broken upload begins again, unless the registry has the blob then. Raise `StoreError`.
        """
        self._uploader.put_blob(descriptor, opener, mount_from)
