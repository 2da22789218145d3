"""Prepares a release: reads every repository, decides which image is the release, and finds errors."""

import re
from collections.abc import Iterator, Sequence

from tagger.concurrency import at_once, side_by_side
from tagger.errors import InputError, Refused, TaggerError
from tagger.gates.platforms import Replaced, check_platforms, manifest_of_each
from tagger.images.same import is_same_image, same_image
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.meters import meter_of
from tagger.operations.everywhere import different_builds
from tagger.operations.holding import is_held, look_as_held, verdict_of
from tagger.operations.look import Look
from tagger.operations.naming import in_places
from tagger.operations.preparation import Preparation, Prepared, Release
from tagger.operations.terms import OwnTerms, Terms
from tagger.operations.view import View, look_before_write
from tagger.results import Passed
from tagger.rules.plan import Claim

__all__ = ["Preparation", "Prepared", "Release", "prepare"]


def prepare(job: Release, *, writing: bool) -> Preparation:
    """Read every repository, decide which image is the release, and find errors. Nothing is written."""
    job, repositories, warnings = _look_everywhere(job, writing)
    verdict = verdict_of(job, repositories)
    floating = [one for one in repositories if not one.error and _floats_now(job, one.look)]
    if floating and len(floating) == len(repositories):
        return Preparation(job, tuple(repositories), job.source, verdict="nothing", warnings=warnings)
    repositories = [
        one._replace(error=_floating_refusal(job, one.store)) if one in floating else one for one in repositories
    ]
    if verdict == "hold":
        repositories = [_look_as_held(job, prepared) for prepared in repositories]
    held = verdict == "hold" or any(is_held(job, prepared) for prepared in repositories)
    source = job.source
    undecided = Preparation(
        job, tuple(repositories), source, source.digest if source else None, None, Passed(), verdict, held, warnings
    )
    sound = [prepared for prepared in repositories if not prepared.error]
    if not sound or verdict in ("approve", "nothing"):
        return undecided
    try:
        if job.awaited:
            source = job.awaited()
            job = job._replace(source=source, awaited=None)
            undecided = undecided._replace(job=job, source=source, digest=source.digest if source else None)
        preparation = _decide(job, sound, undecided)
    except TaggerError as error:
        # The error of a repository that could not be read comes first: it may be the cause of this one.
        return undecided if undecided.failed else undecided._replace(digest=None, error=error)
    decided = {prepared.store: prepared for prepared in preparation.repositories}
    repositories = [decided.get(one.store, one) for one in repositories]
    for prepared in repositories if held else ():
        image = frozenset({prepared.image} if prepared.image else ())
        prepared.view.answer_for(Claim(images=image))
    return preparation._replace(repositories=tuple(repositories))


def _look_everywhere(job: Release, writing: bool) -> tuple[Release, list[Prepared], tuple[str, ...]]:
    """Look at every repository, by the rules of the policy that it has; return also warnings."""
    probe = writing and len(job.stores) > 1
    results = dict(side_by_side(lambda store: _prepare_one(job, store, probe), job.stores))
    repositories = [result for store in job.stores if isinstance(result := results[store], Prepared)]
    if job.terms is None:
        return job, repositories, ()
    try:
        warnings = tuple(job.terms.agree())
        rules = next((job.terms.rules_now(one.store.place) for one in repositories if not one.error), job.rules)
        if job.again and rules != job.rules:
            job = job.again(rules)
            results = dict(side_by_side(lambda store: _prepare_one(job, store, False), job.stores))
            repositories = [result for store in job.stores if isinstance(result := results[store], Prepared)]
    except TaggerError as error:
        return job, [one if one.error else one._replace(error=error) for one in repositories], ()
    terms = job.terms or OwnTerms(job.rules)
    return job, [_with_objection(terms, one) for one in repositories], warnings


def _with_objection(terms: Terms, prepared: Prepared) -> Prepared:
    """Return the repository with the error where the run contradicts its policy."""
    return prepared if prepared.error else prepared._replace(error=terms.objection_now(prepared.store.place))


def _prepare_one(job: Release, store: TagStore, probe: bool) -> Prepared:
    """Look at one repository; with `probe`, prove at the same time that pushing is allowed.

    An error is kept in the field `error`.
    """
    view = job.view(store)
    unread = Look(job.rules)

    def probe_push() -> Look:
        store.check_writable()
        return unread

    def look_at_tags() -> Look:
        return _look(job, view)

    try:
        look = at_once(probe_push, look_at_tags)[-1] if probe else look_at_tags()
    except TaggerError as error:
        return Prepared(view, unread, error=error)
    if job.force and (lost := _last_tag(job, store, look)):
        view.warn("LOST_TAG", lost.message.removeprefix(f"{store.place}: "))
    # An objection of the policy comes first: by its rules the version may be none.
    objection = view.objection()
    if job.again and look.rules != job.rules:
        return Prepared(view, look, error=objection)  # it is looked at again by the rules of the policy
    return Prepared(view, look, error=objection or _objection(job, store, look))


def _look_as_held(job: Release, prepared: Prepared) -> Prepared:
    """Look at a repository as it will be when the version is held."""
    held = look_as_held(job, prepared, lambda view: _look(job, view))
    return held if held.error else held._replace(error=_objection(job, held.store, held.look))


def _look(job: Release, view: View) -> Look:
    expect = (*job.exact_tags, *job.floating_tags, *job.plain)
    # The manifest of the exact tag is put under other tags, and has the config and the platforms to compare.
    wanted = job.exact_tags[:1]
    return look_before_write(view, expect, manifests=wanted, coming=job.versions)


def _objection(job: Release, store: TagStore, look: Look) -> TaggerError | None:
    """Return the error that forbids this release in one repository; else None."""
    for version in job.versions:
        if version in look.published.withdrawn:
            name = job.rules.exact_tags(version)[0]
            return Refused(
                f"{store.place}: {name} is withdrawn, and a number is never used again",
                f"Release a newer version, or undo the withdrawal with `withdraw {name} --undo`.",
                code="WITHDRAWN",
            )
        if version not in look.published.versions and not _floats_now(job, look):
            return _floating_refusal(job, store)
    try:
        variants = {version.variant for version in job.versions}
        job.rules.check_lengths(version for version in look.published.versions if version.variant in variants)
    except InputError as error:
        return InputError(f"{store.place}: {error.message}", error.hint, code=error.code)
    return look.dispute or (None if job.force else _last_tag(job, store, look))


def _floats_now(job: Release, look: Look) -> bool:
    """Say whether the exact tag of every version is now the floating tag of a longer version."""
    return all(
        version not in look.published.versions
        and version not in look.published.withdrawn
        and any(look.digests.get(tag) and tag in look.owners for tag in job.rules.exact_tags(version))
        for version in job.versions
    )


def _floating_refusal(job: Release, store: TagStore) -> Refused:
    version = job.versions[0]
    return Refused(
        f"{store.place}: {version} is the floating tag of a longer version there, so it cannot be a version",
        "Release it with as many numbers as the others have.",
        code="CONFLICT",
    )


def _last_tag(job: Release, store: TagStore, look: Look) -> Refused | None:
    """Return the refusal of a release that takes the only tag of another version: 1.16.1 makes 1.16 floating."""
    floating = {tag for version in job.versions for tag in job.rules.floating_tags(version)}
    taken = {tag for tag in floating if look.digests.get(tag) and (v := job.rules.read(tag)) and v not in job.versions}
    released = job.versions[0]
    for version, tags in job.rules.published(look.tags).exact.items() if taken else ():
        image = look.digests.get(tags[0])
        same = job.source is not None and job.source.digest == image
        if taken.issuperset(tags) and version not in look.published.versions and not same:
            more = released.text.removeprefix(version.text)
            name = f"{version}{re.sub('[0-9]+$', '0', more)}"
            return Refused(
                f"{store.place}: {version} would lose its only tag: {tags[0]} would float to {released}, and the image "
                f"{image} would have no tag of a version",
                f"Release that image first under one more number, as {name}; or set `--force`.",
                code="IN_FORCE",
            )
    return None


def _no_image(tag: str, repositories: Sequence[Prepared]) -> InputError:
    places = in_places(prepared.store.place for prepared in repositories)
    return InputError(
        f"no repository holds {tag}, and no `source` says where the built image is{places}",
        "Push the build under this tag first, or name it in `source`, as docker-daemon:NAME or oci:DIR.",
        code="MANIFEST_UNKNOWN",
    )


def _decide(job: Release, repositories: Sequence[Prepared], undecided: Preparation) -> Preparation:
    """Decide which image is the release, and what each repository needs for it."""
    tags = job.exact_tags
    holder = next((prepared for prepared in repositories if prepared.standing(tags)), None)
    source = job.source
    if source is None:
        if holder is None and job.sourceless:
            waiting = tuple(one._replace(to_stage=True) for one in repositories)
            return undecided._replace(repositories=waiting)
        if holder is None:
            raise _no_image(tags[0], repositories)
        held = holder.standing(tags) or ""
        source = ContentSource(holder.store, held, f"{holder.store.place}:{tags[0]}", several=len(repositories) > 2)
    decided = [_settle(job, source, prepared) for prepared in repositories]
    if any(one.kept for one in decided) or source.digest:
        _check_one_build(job, decided)
    standing = next((one for one in decided if not one.to_stage and one.image), None)
    digest = source.digest
    if standing and (standing.kept or not digest):
        digest = standing.image
        place = f"{standing.store.place}@{digest}"
        source = ContentSource(standing.store, digest or "", place, several=len(repositories) > 2)
    elif not digest and (made := same_image(source, _plain_images(job, decided))):
        digest = made.digest
        source = made
    decided = [one._replace(image=digest) if one.to_stage else one for one in decided]
    for one in decided:
        meter_of(one.store).phase("checking the image")
    read = job.gate is not None or (isinstance(source, ContentSource) and source.has_read_configs)
    check_platforms(source, job.platforms, _images_to_replace(decided, read))
    # The gate also checks an image that is kept in place of the build.
    passed = job.gate(source) if job.gate else Passed()
    platforms = manifest_of_each(source, digest)
    return undecided._replace(
        repositories=tuple(decided), source=source, digest=digest, passed=passed, platforms=platforms
    )


def _plain_images(job: Release, decided: Sequence[Prepared]) -> Iterator[tuple[TagStore, str]]:
    """Yield the images under the plain tags of this build: a release without a version may have made its manifest."""
    for one in decided:
        for tag in job.plain:
            if digest := one.look.digests.get(tag):
                yield one.store, digest


def _images_to_replace(decided: Sequence[Prepared], read: bool) -> Iterator[Replaced]:
    """Yield the images that the release would take floating tags from, each once in a repository.

    Their configs are compared where an image is staged, in a layout, and where those of the image are `read` already:
    a retag in a registry does not wait for configs.
    """
    for prepared in decided:
        configs = read or prepared.to_stage or prepared.store.repository is None
        changes = prepared.look.changes(prepared.view.claim)
        taken = {change.before: change for change in changes if change.writes and change.before != prepared.image}
        for digest, change in taken.items():
            if digest:
                yield Replaced(change.tag, prepared.store, digest, configs)


def _settle(job: Release, source: Source, prepared: Prepared) -> Prepared:
    """Compare the exact tags of a repository with the source: it needs staging, holds the image, or has a conflict."""
    found = {tag: digest for tag in job.exact_tags if (digest := prepared.look.digests.get(tag))}
    images = set(found.values())
    if not images:
        return prepared._replace(to_stage=True)
    other = next((tag for tag, digest in found.items() if not is_same_image(source, prepared.store, digest)), None)
    if other is None and len(images) == 1:
        return prepared._replace(image=images.pop())
    tag = other or next(iter(found))
    if job.on_conflict == "overwrite":
        return prepared._replace(to_stage=True)
    if len(images) == 1 and _is_kept(job, source, prepared, tag):
        return prepared._replace(image=images.pop(), kept=True)
    return prepared._replace(
        error=Refused(
            f"{prepared.store.place}: {tag} holds another image, {found[tag]}, and a version is written once",
            "Release this build under a new version. Or set `on-conflict: keep` (that image is the release) "
            "or overwrite.",
            code="CONFLICT",
        ),
    )


def _is_kept(job: Release, source: Source, prepared: Prepared, tag: str) -> bool:
    """Say whether the image that stands under the exact tag is the release in place of the source."""
    if job.on_conflict == "keep":
        return True
    if job.on_conflict == "fail":
        return False
    from tagger.gates.revision import is_one_commit  # few releases find another build

    store, digest = prepared.store, prepared.look.digests[tag] or ""
    one = is_one_commit(source, ContentSource(store, digest, f"{store.place}:{tag}"), job.commit)
    if one:
        prepared.view.warn("KEPT", f"{tag} holds another build of the same commit, {digest}: it is the release")
    return one


def _check_one_build(job: Release, decided: Sequence[Prepared]) -> None:
    """Raise `Refused` where repositories hold different builds of the version, so that none of them is the release."""
    builds = {one.store.place: one.image for one in decided if one.image and not one.to_stage}
    hint = "Delete the wrong one, or set `on-conflict: overwrite` to put this build everywhere."
    if conflict := different_builds(job.exact_tags[0], builds, hint):
        raise conflict
