"""Releases a version: prepares, stages and converges in every repository. `plan` is the first of these steps."""

from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, TaggerError
from tagger.images.artifacts import HELD, artifact, put_artifact
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore, overtaken_error
from tagger.operations.afterwards import changes_after, outcome_after
from tagger.operations.arrival import prove_standing
from tagger.operations.converge import Converged, converge
from tagger.operations.everywhere import all_in_place, revision_warnings, variant_warnings, view_warnings, with_policy
from tagger.operations.look import Look
from tagger.operations.prepare import Preparation, Prepared, Release, prepare
from tagger.results import Event, Outcome, Report, Running, Verb
from tagger.rules.marks import HELD_MARK
from tagger.rules.plan import FOLLOWS_BUILD, Action, Change, full_name
from tagger.rules.undeclared import snapshot_note

__all__ = [
    "Staging", "converge_all", "notices", "plan", "release", "report_half_staged", "report_stopped", "stage_all",
    "without_image",
]  # fmt: skip


def plan(job: Release, command: str = "plan") -> Running:
    """Show what a release would change; write nothing anywhere."""
    preparation = prepare(job, writing=False)
    job = preparation.job
    yield from notices(preparation)
    if preparation.brings_no_image:
        return (yield from without_image(preparation, command, dry_run=True))
    outcomes = [
        _outcome_before_writes(job, preparation, prepared) if preparation.error else _planned_outcome(job, prepared)
        for prepared in preparation.repositories
    ]
    for prepared, outcome in zip(preparation.repositories, outcomes, strict=True):
        yield from view_warnings(prepared.view, outcome.changes)
    return _report(job, command, preparation, outcomes, dry_run=True)


def release(job: Release) -> Running:
    """Release a version: prepare all repositories before any write, and stage in all before any floating tag moves."""
    preparation = prepare(job, writing=True)
    yield from notices(preparation)
    if preparation.brings_no_image:
        return (yield from without_image(preparation, "release", dry_run=False))
    if preparation.failed:
        return report_stopped(preparation)
    staging = yield from stage_all(preparation, looks=True)
    if staging.failures:
        return report_half_staged(staging)
    return (yield from converge_all(staging.preparation))


def converge_all(preparation: Preparation) -> Running:
    """Point the floating tags of every repository, after the image is staged in all of them."""
    job = preparation.job
    outcomes_of: dict[TagStore, Outcome] = {}
    for prepared, result in side_by_side(lambda one: _converge(job, one), preparation.repositories):
        converged = result if isinstance(result, Converged) else Converged((), prepared.look, result)
        for change in converged.changes:
            if change.writes:
                yield Event("pointed", prepared.store.place, f"{change.tag} {change.after}")
        yield from view_warnings(prepared.view, converged.changes)
        outcomes_of[prepared.store] = _outcome_of_converging(job, prepared, converged)
        if not converged.error:
            yield all_in_place(prepared.store.place)
    return _report(job, "release", preparation, [outcomes_of[prepared.store] for prepared in preparation.repositories])


def report_stopped(preparation: Preparation) -> Report:
    """Return the report of a release that stopped before its first write."""
    job = preparation.job
    outcomes = [_outcome_before_writes(job, preparation, prepared) for prepared in preparation.repositories]
    return _report(job, "release", preparation, outcomes)


def report_half_staged(staging: "Staging") -> Report:
    """Return the report of a release whose staging failed in a repository."""
    job = staging.preparation.job
    outcomes = [_outcome_of_staging(job, prepared, staging) for prepared in staging.preparation.repositories]
    return _report(job, "release", staging.preparation, outcomes)


def notices(preparation: Preparation) -> Iterator[Event]:
    """Yield what a person has to know before anything is written."""
    job = preparation.job
    for text in preparation.warnings:
        yield Event("warning", "", text, "POLICY")
    for prepared in preparation.repositories:
        if not prepared.error:
            yield from variant_warnings(prepared.store, prepared.look, job.versions)
    yield from revision_warnings(
        "", (tag for version in job.versions for tag in job.rules.exact_tags(version)), job.rules
    )
    if snapshot := snapshot_note(job.versions[0], job.rules):
        yield Event("warning", "", snapshot, "SNAPSHOT")
    if isinstance(job.source, ContentSource):
        for text in job.source.notes:
            yield Event("warning", "", text, "LEFT_OUT")
    name = job.rules.exact_tags(job.versions[0])[0]
    if preparation.verdict == "approve":
        yield Event("warning", "", f"{name} is held: the event approves it, and the source is not read", "APPROVED")
    elif preparation.verdict == "nothing":
        why = f"is in force: after the event `{job.event.action}`" if job.event else "is a floating tag now:"
        yield Event("warning", "", f"{name} {why} nothing is written", "NOTHING_TO_DO")
    elif preparation.held and not preparation.failed:
        yield Event("warning", "", f"{name} is held, and owns no floating tag until `approve {name}`", "HELD")


def without_image(preparation: Preparation, command: str, *, dry_run: bool) -> Running:
    """Do what an event without an image asks for: approve the version, or nothing."""
    job = preparation.job
    if preparation.verdict == "nothing":
        outcomes = [
            Outcome(one.store.place, "unchanged", digest=one.standing(job.exact_tags))
            for one in preparation.repositories
        ]
        return _report(job, command, preparation, outcomes, dry_run=dry_run)
    name = job.rules.exact_tags(job.versions[0])[0] if len(job.versions) == 1 else job.versions[0].text
    from tagger.operations.approve import Approval, approve  # few events ask for it

    report = yield from approve(Approval(name, job.rules, job.stores, job.terms), dry_run=dry_run)
    verb = Verb(json_status="approved")  # the other words are those of the command
    return report._replace(command=command, version=job.versions[0].text, version_from=job.version_from, verb=verb)


class Staging(NamedTuple):
    """The result of staging: the preparation with the digests that it made, and the failures by repository."""

    preparation: Preparation
    failures: dict[TagStore, TaggerError]


def stage_all(preparation: Preparation, *, looks: bool = False) -> Generator[Event, None, Staging]:
    """Stage the image where it is missing. Where only a push makes its digest, the first repository comes first.

    With `looks`, floating tags are pointed next. Where nothing else is done before that, the look that it needs also
    reads the manifest that a push made.
    """
    job = preparation.job
    looks = looks and len(preparation.repositories) == len(job.exact_tags) == 1 and job.arrived is None
    failures: dict[TagStore, TaggerError] = {}
    waiting = [prepared for prepared in preparation.repositories if prepared.to_stage]
    turns = [waiting[:1], waiting[1:]] if preparation.digest is None else [waiting]
    for turn in turns:
        if failures or not turn:
            break
        stage = partial(_stage, job, preparation.origin(several=len(turn) > 1), preparation.digest, looks)
        for prepared, result in side_by_side(stage, turn):
            if isinstance(result, TaggerError):
                failures[prepared.store] = result
            else:
                preparation = preparation.with_staged(prepared.store, *result)
                yield Event("staged", prepared.store.place, f"{job.exact_tags[0]} {result[0]}")
    return Staging(preparation, failures or _failures_of_standing(job, preparation, waiting))


def _failures_of_standing(
    job: Release, preparation: Preparation, staged: Iterable[Prepared]
) -> dict[TagStore, TaggerError]:
    """Let `arrived` check the images that stood before the run; return the errors by repository."""
    arrived, source = job.arrived, preparation.source
    stores = {one.store for one in staged}
    standing = [one for one in preparation.repositories if one.store not in stores and one.image]
    if arrived is None or source is None:
        return {}
    found = side_by_side(lambda one: prove_standing(arrived, source, one.store, one.image or ""), standing)
    return {one.store: result for one, result in found if isinstance(result, TaggerError)}


def _stage(
    job: Release, origin: Source, digest: str | None, looks: bool, prepared: Prepared
) -> tuple[str, Look | None]:
    """Put the image into one repository under its exact tags; return its digest there, and a look since then, if any.

    With `looks`, a look reads the manifest after a push.
    """
    store, tag = prepared.store, job.exact_tags[0]
    for change in prepared.marks:
        if change.writes:
            put_artifact(store, artifact({HELD: change.tag.removeprefix(HELD_MARK)}), [change.tag])
    seen: list[Look] = []

    def read_back() -> Manifest:
        with suppress(TaggerError):  # an error of the look comes again where floating tags are pointed
            look = _look_at_staged(job, prepared, manifests=[tag])
            if held := look.digests[tag]:
                found = store.manifest(held)
                seen.append(look)
                return found
        return store.manifest(tag)

    manifest = origin.stage(
        store, tag, overwrite=job.on_conflict == "overwrite", read_back=read_back if looks else None
    )
    if digest and manifest.digest != digest:
        raise overtaken_error(store.place, tag, manifest.digest)
    if job.arrived:
        job.arrived(store, manifest)
    others = [tag for tag in job.exact_tags[1:] if prepared.look.digests.get(tag) != manifest.digest]
    if others:
        store.tag(manifest, others)
    return manifest.digest, next(iter(seen), None)


def _look_at_staged(job: Release, prepared: Prepared, manifests: Collection[str] = ()) -> Look:
    """Look at a repository after the image was staged there. Raise `TaggerError`."""
    view = prepared.view
    view.know((*job.exact_tags, *(change.tag for change in prepared.marks)))
    view.amended = None
    return view.look(manifests=manifests)


def _converge(job: Release, prepared: Prepared) -> Converged:
    """Point the floating tags of one repository, and check that its exact tag still holds this release."""
    store, image = prepared.store, prepared.image
    stood = all(prepared.look.digests.get(tag) == image for tag in job.exact_tags)
    plain = [tag for tag in job.plain if prepared.look.digests.get(tag) != image]
    if plain and image:
        store.tag(store.manifest(image), plain)
    first = prepared.look if stood else prepared.after or _look_at_staged(job, prepared)
    result = converge(prepared.view, first, job.versions[0])
    now = result.look.digests[job.exact_tags[0]]
    if result.error is None and now != image:
        return result._replace(error=overtaken_error(store.place, job.exact_tags[0], now))
    return result


def _report(
    job: Release, command: str, preparation: Preparation, outcomes: Iterable[Outcome], *, dry_run: bool = False
) -> Report:
    outcomes = tuple(outcomes)
    source = job.source or preparation.source
    report = Report(
        command=command,
        repositories=outcomes,
        version=job.versions[0].text,
        version_from=job.version_from,
        tags=_tags(job, outcomes),
        dry_run=dry_run,
        source=source.reference if source else None,
        source_digest=(source.digest or source.config_digest) if source else None,
        digest=preparation.digest,
        error=preparation.error or next((outcome.error for outcome in outcomes if outcome.error), None),
        base=preparation.passed.base or None,
        verified=preparation.passed.verified,
        held=preparation.held,
        platforms=preparation.platforms,
        origins=source.origins if isinstance(source, ContentSource) else {},
    )
    return with_policy(report, job.terms)


def _tags(job: Release, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Return the tags of the versions, with those tags of channels that the changes have."""
    tags = (tag for version in job.versions for tag in job.rules.floating_tags(version, job.rules.channels))
    floating = [tag for tag in tags if tag not in job.skipped]
    changed = {change.tag for outcome in outcomes for change in outcome.changes}
    channels = [tag for tag in floating if tag in changed and tag not in job.floating_tags]
    return tuple(dict.fromkeys((*job.exact_tags, *job.floating_tags, *channels, *job.plain)))


def _planned_outcome(job: Release, prepared: Prepared) -> Outcome:
    """Return what a release would do in a repository, or why it would fail there."""
    if prepared.error:
        return Outcome.failed(prepared.store.place, prepared.error, _refused_changes(job, prepared))
    if not prepared.decided:
        return Outcome(prepared.store.place, "planned")
    held = dict.fromkeys(job.versions, prepared.image)
    look = prepared.look._replace(held={**prepared.look.held, **held})
    floating = look.changes(prepared.view.claim, job.versions[0])
    changes = (*prepared.marks, *_exact_changes(job, prepared), *floating, *_plain_changes(job, prepared))
    return Outcome.of(prepared.store.place, changes, digest=prepared.image, dry_run=True)


def _outcome_before_writes(job: Release, preparation: Preparation, prepared: Prepared) -> Outcome:
    """Return the outcome of a repository after an error in any of them, before the first write."""
    error = prepared.error or preparation.error
    if error:
        return Outcome.failed(prepared.store.place, error, _refused_changes(job, prepared) if prepared.error else ())
    return Outcome(prepared.store.place, "unchanged")


def _outcome_of_staging(job: Release, prepared: Prepared, staging: Staging) -> Outcome:
    """Return the outcome of a repository after staging failed in any of them: no floating tag was moved."""
    place, exact = prepared.store.place, [*prepared.marks, *_exact_changes(job, prepared)]
    failure = staging.failures.get(prepared.store)
    if failure:
        return outcome_after(place, changes_after(prepared.store, exact, failure), failure)
    if prepared.to_stage or not any(change.writes for change in exact):
        return Outcome(place, "unchanged")
    error = IncompleteRelease(
        f"{place}: {job.exact_tags[0]} is staged, but no floating tag was moved, as another repository failed",
        "Repair that one, then run the same command again: it continues from here.",
    )
    return Outcome.of(place, exact, error, digest=prepared.image)


def _outcome_of_converging(job: Release, prepared: Prepared, converged: Converged) -> Outcome:
    """Return the outcome of a repository whose floating tags were written."""
    changes = (*prepared.marks, *_exact_changes(job, prepared), *converged.changes, *_plain_changes(job, prepared))
    return Outcome.of(prepared.store.place, changes, converged.error, digest=prepared.image)


def _refused_changes(job: Release, prepared: Prepared) -> list[Change]:
    """Return the changes of the exact tags that exist already."""
    return [change for change in _exact_changes(job, prepared) if change.before is not None]


def _exact_changes(job: Release, prepared: Prepared) -> list[Change]:
    """Return the changes of the exact tags."""
    changes = []
    for version in job.versions:
        for tag in job.exact_of(version):
            before = prepared.look.digests.get(tag)
            after = prepared.image
            action: Action
            if prepared.error:
                action, after, reason = "refuse", before, prepared.error.message
            elif before is None:
                action, reason = "create", f"the exact tag of {full_name(version)}"
            elif before == prepared.image:
                action, reason = "keep", "already right"
            else:
                action, reason = "move", "overwritten, as `on-conflict` says"
            changes.append(Change(tag, action, before, after, version.text, reason))
    return changes


def _plain_changes(job: Release, prepared: Prepared) -> list[Change]:
    changes = []
    for tag in job.plain:
        before = prepared.look.digests.get(tag)
        action: Action = "create" if before is None else "keep" if before == prepared.image else "move"
        changes.append(Change(tag, action, before, prepared.image, "", FOLLOWS_BUILD))
    return changes
