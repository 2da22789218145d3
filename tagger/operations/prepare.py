"""Before a release: read every repository, settle which image it is, and say what is wrong anywhere."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from tagger.concurrency import at_once, side_by_side
from tagger.errors import InputError, Refused, StoreError, TaggerError
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.operations.look import Look, own_tags
from tagger.operations.view import OwnTerms, Terms, View
from tagger.rules.cascade import Rules
from tagger.rules.plan import Claim
from tagger.rules.versions import Version

__all__ = ["Preparation", "Prepared", "Release", "is_same_image", "prepare"]


class Release(NamedTuple):
    """What is to be released: an image, as which version, by which rules, to which repositories.

    `versions` is one version, once for each variant that the build is. `plain` are tags that belong to no version.
    `gate` looks at the image before anything is written, raises `Refused`, and returns what it found. `terms` say by
    which rules a repository's tags are decided; without them it is by `rules`.
    """

    versions: tuple[Version, ...]
    rules: Rules
    stores: tuple[TagStore, ...]
    source: Source | None = None
    version_from: str = "version"
    on_conflict: str = "fail"
    plain: tuple[str, ...] = ()
    gate: Callable[[Source], str] | None = None
    terms: Terms | None = None

    @property
    def exact_tags(self) -> tuple[str, ...]:
        """The write-once tags, the staged one first."""
        return tuple(dict.fromkeys(tag for version in self.versions for tag in self.rules.exact_tags(version)))

    @property
    def floating_tags(self) -> tuple[str, ...]:
        """The tags whose classes the versions are in."""
        return tuple(dict.fromkeys(tag for version in self.versions for tag in self.rules.floating_tags(version)))

    @property
    def tags(self) -> tuple[str, ...]:
        """All that the settings give these versions, exact first, whether or not they hold them."""
        return (*self.exact_tags, *self.floating_tags, *self.plain)

    def view(self, store: TagStore) -> View:
        """Return a repository as this release sees it: it answers for the floating tags that its versions own."""
        terms = self.terms or OwnTerms(self.rules)
        claim = Claim(owns=frozenset(self.versions))
        return View(store, terms, own_tags(self.versions), claim, versions=self.versions)


class Prepared(NamedTuple):
    """A repository before the release: as it was looked at, and the digest that its exact tags hold or will."""

    view: View
    look: Look
    image: str | None = None
    to_stage: bool = False
    error: TaggerError | None = None

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
    """Every repository prepared, and the image that is the release."""

    repositories: tuple[Prepared, ...]
    source: Source | None = None
    digest: str | None = None
    error: TaggerError | None = None
    base: str | None = None

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
    def failed(self) -> bool:
        """True when something is wrong anywhere: nothing may be written."""
        return self.error is not None or any(prepared.error for prepared in self.repositories)


def prepare(job: Release, *, writing: bool) -> Preparation:
    """Read every repository, decide on the image, and say what is wrong anywhere. Nothing is written."""
    probe = writing and len(job.stores) > 1
    results = dict(side_by_side(lambda store: _prepared(job, store, probe, writing), job.stores))
    repositories = [result for store in job.stores if isinstance(result := results[store], Prepared)]
    sound = [prepared for prepared in repositories if not prepared.error]
    undecided = Preparation(tuple(repositories), job.source, job.source.digest if job.source else None)
    if not sound:
        return undecided
    try:
        preparation = _decide(job, sound)
    except TaggerError as error:
        # With a repository that could not be read, nobody knows: its own error is what has to be mended.
        return undecided if undecided.failed else undecided._replace(digest=None, error=error)
    decided = {prepared.store: prepared for prepared in preparation.repositories}
    return preparation._replace(repositories=tuple(decided.get(one.store, one) for one in repositories))


def _prepared(job: Release, store: TagStore, probe: bool, writing: bool) -> Prepared:
    """Look at one repository; where it is to be proved that pushing is allowed, that is asked at the same time.

    What is wrong with it is kept in the `error`.
    """
    view = job.view(store)
    unread = Look(job.rules)

    def asked() -> Look:
        store.check_writable()
        return unread

    def looked() -> Look:
        return _looked(job, view, writing)

    try:
        look = at_once(asked, looked)[-1] if probe else looked()
    except TaggerError as error:
        return Prepared(view, unread, error=error)
    return Prepared(view, look, error=_objection(job, store, look))


def _looked(job: Release, view: View, writing: bool) -> Look:
    expect = (*job.exact_tags, *job.floating_tags, *job.plain)
    # What the exact tag holds is put under other tags, or tells by its config whether it is the source's image.
    wanted = job.exact_tags[:1] if writing or (job.source and job.source.digest is None) else ()
    try:
        return view.look(expect, manifests=wanted, coming=job.versions)
    except StoreError as error:
        # Some registries answer 403 to the listing of a repository that does not exist yet (registries.md, section 1).
        if error.status != 403:
            raise
        view.store.check_writable()
        look = view.look(expect, coming=job.versions, unlisted=True)
        if any(look.digests.values()):
            raise
        return look


def _objection(job: Release, store: TagStore, look: Look) -> TaggerError | None:
    """Return what forbids this release in one repository, if anything does."""
    for version in job.versions:
        if version in look.published.withdrawn:
            name = job.rules.exact_tags(version)[0]
            return Refused(
                f"{store.place}: {name} is withdrawn, and a number is never used again",
                f"Release a newer version, or take it back with `withdraw {name} --undo`.",
                code="WITHDRAWN",
            )
        if version not in look.published.versions:
            return Refused(
                f"{store.place}: {version} is the floating tag of a longer version there, and cannot be a version too",
                "Release it with as many numbers as the others have.",
                code="CONFLICT",
            )
    try:
        variants = {version.variant for version in job.versions}
        job.rules.check_lengths(version for version in look.published.versions if version.variant in variants)
    except InputError as error:
        return InputError(f"{store.place}: {error.message}", error.hint, code=error.code)
    return look.dispute


def _decide(job: Release, repositories: Sequence[Prepared]) -> Preparation:
    """Settle which image is the release, and what each repository needs for it."""
    tags = job.exact_tags
    holder = next((prepared for prepared in repositories if prepared.standing(tags)), None)
    source = job.source
    if source is None:
        if holder is None:
            raise InputError(
                f"no repository holds {tags[0]}, and no `source` says where the built image is",
                "Push the build under this tag first, or set `source`, as docker-daemon:NAME or oci:DIR.",
                code="MANIFEST_UNKNOWN",
            )
        held = holder.standing(tags) or ""
        source = ContentSource(holder.store, held, f"{holder.store.place}:{tags[0]}", several=len(repositories) > 2)
    decided = [_settle(job, source, prepared) for prepared in repositories]
    kept = next((one.image for one in decided if not one.to_stage and one.image), None)
    digest = kept if kept and (job.on_conflict == "keep" or not source.digest) else source.digest
    if digest != source.digest:
        keeper = next(one for one in decided if one.image == digest and not one.to_stage)
        several = len(repositories) > 2
        source = ContentSource(keeper.store, digest or "", f"{keeper.store.place}@{digest}", several=several)
    decided = [one._replace(image=digest) if one.to_stage else one for one in decided]
    base = job.gate(source) if job.gate else None  # also of an image that was kept in place of the build
    return Preparation(tuple(decided), source, digest, base=base)


def _settle(job: Release, source: Source, prepared: Prepared) -> Prepared:
    """Compare what the exact tags of a repository hold with the source: to stage, to keep, or a conflict."""
    found = {tag: digest for tag in job.exact_tags if (digest := prepared.look.digests.get(tag))}
    images = set(found.values())
    if not images:
        return prepared._replace(to_stage=True)
    other = next((tag for tag, digest in found.items() if not is_same_image(source, prepared.store, digest)), None)
    if other is None and len(images) == 1:
        return prepared._replace(image=images.pop())
    if job.on_conflict == "keep" and len(images) == 1:
        return prepared._replace(image=images.pop())
    if job.on_conflict == "overwrite":
        return prepared._replace(to_stage=True)
    tag = other or next(iter(found))
    return prepared._replace(
        error=Refused(
            f"{prepared.store.place}: {tag} holds another image, {found[tag]}, and a version is written once",
            "Release this build under a new version; or set `on-conflict` to keep (that image is the release) "
            "or overwrite.",
            code="CONFLICT",
        ),
    )


def is_same_image(source: Source, store: TagStore, digest: str) -> bool:
    """Say whether a standing manifest is the source's image: by digest, or by config where it has no manifest yet."""
    if source.digest is not None:
        return source.digest == digest
    config = store.manifest(digest).config()
    return config is not None and config.digest == source.config_digest
