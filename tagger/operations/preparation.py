"""What is to be released, and every repository as it was prepared for it: values."""

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
    """What is to be released: an image, as which version, by which rules, to which repositories.

    `versions` is one version, once for each variant that the build is. `plain` are tags that belong to no version.
    `gate` looks at the image before anything is written, raises `Refused`, and returns what it found; `arrived`
    looks at it again where it was copied to, and raises `Refused` before a floating tag moves. `terms` say by which
    rules a repository's tags are decided; without them it is by `rules`. Where a policy turns out to rule, `again`
    makes the release by its rules. With `hold` the version is held; an `event` says whether it is. `commit` returns
    the commit of this build, empty where it is not known. `platforms` are those that the image must have. With
    `force` a version may lose its only tag. Where the image is still being read, `awaited` returns it: it is asked
    for once the repositories were looked at. `skipped` are tags of the versions that this run does not set. A
    `sourceless` one may be planned before there is an image.
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
        """Return the write-once tags of a version that this run sets; one of them always."""
        tags = self.rules.exact_tags(version)
        return tuple(tag for tag in tags if tag not in self.skipped) or tags

    @property
    def exact_tags(self) -> tuple[str, ...]:
        """The write-once tags, the staged one first."""
        return tuple(dict.fromkeys(tag for version in self.versions for tag in self.exact_of(version)))

    @property
    def floating_tags(self) -> tuple[str, ...]:
        """The tags whose classes the versions are in."""
        tags = (tag for version in self.versions for tag in self.rules.floating_tags(version))
        return tuple(dict.fromkeys(tag for tag in tags if tag not in self.skipped))

    @property
    def tags(self) -> tuple[str, ...]:
        """All that the settings give these versions, exact first, whether or not they hold them."""
        return (*self.exact_tags, *self.floating_tags, *self.plain)

    def view(self, store: TagStore) -> View:
        """Return a repository as this release sees it: it answers for the floating tags that its versions own."""
        terms = self.terms or OwnTerms(self.rules)
        claim = Claim(owns=frozenset(self.versions))
        return View(store, terms, own_tags(self.versions, self.skipped), claim, versions=self.versions)


class Prepared(NamedTuple):
    """A repository before the release: as it was looked at, and the digest that its exact tags hold or will.

    `marks` are the marks of held versions, which are set before their exact tags. With `kept`, the image is another
    build than the source, and the release all the same.
    """

    view: View
    look: Look
    image: str | None = None
    to_stage: bool = False
    error: TaggerError | None = None
    marks: tuple[Change, ...] = ()
    kept: bool = False

    @property
    def store(self) -> TagStore:
        """The repository."""
        return self.view.store

    @property
    def decided(self) -> bool:
        """True when it is settled what becomes of its exact tags."""
        return self.error is not None or self.to_stage or self.image is not None

    def standing(self, tags: Sequence[str]) -> str | None:
        """Return the digest that one of the exact tags holds already."""
        return next((digest for tag in tags if (digest := self.look.digests.get(tag))), None)


class Preparation(NamedTuple):
    """Every repository prepared, and the image that is the release.

    `job` is the release by the rules that turned out to rule, `verdict` what is to become of its version, and `held`
    whether it is held afterwards.
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
        """Return where the image is copied from: the source, or a repository that holds it once its manifest is made.

        Where it goes to `several` repositories it is read once.
        """
        if self.source is None:
            raise ValueError("a failed preparation has no origin")
        if self.source.digest is not None or self.digest is None:
            return self.source
        holder = next(one for one in self.repositories if one.image == self.digest and not one.to_stage)
        return ContentSource(holder.store, self.digest, f"{holder.store.place}@{self.digest}", several=several)

    def with_staged(self, store: TagStore, digest: str) -> Self:
        """Return the preparation after `store` was staged: only now is the digest of a pushed image known."""
        repositories = tuple(
            one._replace(image=digest, to_stage=False) if one.store is store else one for one in self.repositories
        )
        return self._replace(repositories=repositories, digest=self.digest or digest)

    @property
    def brings_no_image(self) -> bool:
        """True where an event asks for something that needs no image: to approve the version, or for nothing."""
        return self.verdict in ("approve", "nothing") and not self.failed

    @property
    def failed(self) -> bool:
        """True when something is wrong anywhere: nothing may be written."""
        return self.error is not None or any(prepared.error for prepared in self.repositories)
