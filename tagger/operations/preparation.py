"""The values of a release: what to release, and each repository as it was prepared."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Self

from tagger.errors import TaggerError
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.operations.arrival import Arrival
from tagger.operations.look import Look, own_tags
from tagger.operations.terms import OwnTerms, Terms
from tagger.operations.view import View
from tagger.results import Passed
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change, Claim
from tagger.rules.versions import Version
from tagger.version_from.event import ReleaseEvent, Verdict

__all__ = ["Preparation", "Prepared", "Release"]


class Release(NamedTuple):
    """What to release: an image, its version, the rules and the repositories.

    `versions` is one version, once for each variant of the build. `plain` are tags that belong to no version. `skipped`
    are tags of the versions that this run does not set. `awaited` returns the source where it is still being read; it
    is called after the repositories were looked at. A `sourceless` release may be planned before there is an image.

    `gate` checks the image before anything is written, raises `Refused`, and returns what it found. `arrived` checks it
    again where it was copied to, and raises `Refused` before a floating tag moves. `platforms` are those that the image
    must have.

    `terms` give the rules of each repository; without them, `rules` apply. Where a policy applies, `again` makes the
    release by its rules. With `hold` the version is held; an `event` decides that itself. `commit` returns the commit
    of this build, or "". With `force` another version may lose its only tag.
    """

    versions: tuple[Version, ...]
    rules: Rules
    stores: tuple[TagStore, ...]
    source: Source | None = None
    awaited: Callable[[], Source | None] | None = None
    version_from: str = "version"
    on_conflict: str = "revision"
    plain: tuple[str, ...] = ()
    gate: Callable[[Source], Passed] | None = None
    arrived: Arrival | None = None
    terms: Terms | None = None
    again: "Callable[[Rules], Release] | None" = None
    hold: bool = False
    event: ReleaseEvent | None = None
    commit: Callable[[], str] = str
    platforms: tuple[str, ...] = ()
    force: bool = False
    skipped: frozenset[str] = frozenset()
    sourceless: bool = False

    def exact_of(self, version: Version) -> tuple[str, ...]:
        """Return the write-once tags of a version that this run sets: always at least one."""
        tags = self.rules.exact_tags(version)
        return tuple(tag for tag in tags if tag not in self.skipped) or tags

    @property
    def exact_tags(self) -> tuple[str, ...]:
        """The write-once tags, the staged one first."""
        return tuple(dict.fromkeys(tag for version in self.versions for tag in self.exact_of(version)))

    @property
    def floating_tags(self) -> tuple[str, ...]:
        """The floating tags whose classes the versions are in."""
        tags = (tag for version in self.versions for tag in self.rules.floating_tags(version))
        return tuple(dict.fromkeys(tag for tag in tags if tag not in self.skipped))

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that the settings give these versions, exact first, whether or not they hold them."""
        return (*self.exact_tags, *self.floating_tags, *self.plain)

    def view(self, store: TagStore) -> View:
        """Return the view of a repository for this release, which answers for the floating tags of its versions."""
        terms = self.terms or OwnTerms(self.rules)
        claim = Claim(owns=frozenset(self.versions))
        return View(store, terms, own_tags(self.versions, self.skipped), claim, versions=self.versions)


class Prepared(NamedTuple):
    """A repository before the release: its look, and `image`, the digest that its exact tags hold or will hold.

    `marks` are the changes of the marks of held versions, which are written before the exact tags. With `kept`, the
    image is another build than the source, and is the release in its place. `after` is a look since the image was
    staged, if there was one and no tag of the version was written later.
    """

    view: View
    look: Look
    image: str | None = None
    to_stage: bool = False
    error: TaggerError | None = None
    marks: tuple[Change, ...] = ()
    kept: bool = False
    after: Look | None = None

    @property
    def store(self) -> TagStore:
        """The repository."""
        return self.view.store

    @property
    def decided(self) -> bool:
        """Whether it is decided what happens to its exact tags."""
        return self.error is not None or self.to_stage or self.image is not None

    def standing(self, tags: Sequence[str]) -> str | None:
        """Return the digest that one of `tags` holds already; else None."""
        return next((digest for tag in tags if (digest := self.look.digests.get(tag))), None)


class Preparation(NamedTuple):
    """All prepared repositories, and the image that is the release.

    `job` is the release by the rules that apply. `verdict` says what to do with its version, and `held` whether it is
    held afterwards.
    """

    job: Release
    repositories: tuple[Prepared, ...]
    source: Source | None = None
    digest: str | None = None
    error: TaggerError | None = None
    passed: Passed = Passed()
    verdict: Verdict = "release"
    held: bool = False
    warnings: tuple[str, ...] = ()
    platforms: Mapping[str, str] = MappingProxyType({})

    def origin(self, *, several: bool) -> Source:
        """Return what the image is copied from: the source, or, where the push makes its manifest, a staged repository.

        Where it is copied to `several` repositories, it is read only once.
        """
        if self.source is None:
            raise ValueError("a failed preparation has no origin")
        if self.source.digest is not None or self.digest is None:
            return self.source
        holder = next(one for one in self.repositories if one.image == self.digest and not one.to_stage)
        return ContentSource(holder.store, self.digest, f"{holder.store.place}@{self.digest}", several=several)

    def with_staged(self, store: TagStore, digest: str, after: Look | None = None) -> Self:
        """Return the preparation after `store` was staged: only then is the digest of a pushed image known.

        `after` is a look since then.
        """
        repositories = tuple(
            one._replace(image=digest, to_stage=False, after=after) if one.store is store else one
            for one in self.repositories
        )
        return self._replace(repositories=repositories, digest=self.digest or digest)

    @property
    def brings_no_image(self) -> bool:
        """Whether the event needs no image: it approves the version, or does nothing."""
        return self.verdict in ("approve", "nothing") and not self.failed

    @property
    def failed(self) -> bool:
        """Whether there is an error anywhere, so that nothing may be written."""
        return self.error is not None or any(prepared.error for prepared in self.repositories)
