"""Releases a build that has no version: sets its plain tags, which are mutable, in every repository."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, Refused, TaggerError
from tagger.gates.platforms import manifest_of_each
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import read_if_possible
from tagger.operations.everywhere import with_policy
from tagger.operations.plain_preparation import (
    PlainPreparation,
    PlainRelease,
    Standing,
    no_source,
    no_tag,
    prepare_plain,
)
from tagger.operations.plain_staging import ONE_AT_A_TIME, PlainStaging, stage_plain
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.plan import FOLLOWS_BUILD, Action, Change

__all__ = ["PlainRelease", "plan_plain", "release_plain"]

PASSES = 5
"""The most passes that write. When more are needed, another run sets the same tags."""


class Settled(NamedTuple):
    """The digests under the tags of every repository after the writes, the errors, and the tags of unknown state."""

    standing: Standing
    failures: Mapping[TagStore, TaggerError] = MappingProxyType({})
    unknown: Collection[tuple[TagStore, str]] = ()


Settling = Generator[Event, None, Settled]
"""A generator that points tags: it yields events, and returns what stands then."""


def plan_plain(job: PlainRelease, command: str = "plan") -> Running:
    """Show what a release of plain tags would change; write nothing anywhere."""
    ready = prepare_plain(job, writing=False)
    if command != "plan" and not ready.failed and ready.tags and ready.image is None:
        ready = ready._replace(error=no_source())
    outcomes = [
        _unwritten_outcome(ready, store)
        if ready.failed
        else _outcome(ready, store, ready.standing[store], dry_run=True)
        for store in job.stores
    ]
    yield from _notices(ready)
    return _report(job, command, ready, outcomes, dry_run=True)


def release_plain(job: PlainRelease) -> Running:
    """Set the plain tags. Nothing is written before every repository is prepared, and no tag before all are staged.

    The first repository decides: the others get what its tags hold, so that two runs at the same time end with equal
    repositories. Where the tags hold the image of the other run at the end, this is an error.
    """
    ready = prepare_plain(job, writing=True)
    if not ready.failed and not ready.tags:
        ready = ready._replace(error=no_tag())
    elif not ready.failed and ready.image is None:
        ready = ready._replace(error=no_source())
    if ready.failed or ready.image is None:
        return _report(job, "release", ready, [_unwritten_outcome(ready, store) for store in job.stores])
    staging = yield from stage_plain(job, ready, ready.image)
    if staging.failures or staging.image is None:
        return _report(job, "release", ready, [_outcome_of_staging(ready, store, staging) for store in job.stores])
    ready = ready._replace(image=staging.image)
    after = yield from _settle(job, ready, staging.image, staging.standing)
    outcomes = [_final_outcome(ready, store, after) for store in job.stores]
    return _report(job, "release", ready, outcomes)


def _settle(job: PlainRelease, ready: PlainPreparation, image: ContentSource, standing: Standing) -> Settling:
    """Point the tags, in the first repository first; then look again until all hold what the first one holds."""
    lead, failures = job.stores[0], dict[TagStore, TaggerError]()
    unknown: set[tuple[TagStore, str]] = set()
    for passed in range(PASSES):
        for store in job.stores:
            wanted = standing[lead] if passed or store is not lead else {}
            for digest, tags in _to_point(ready.tags, wanted, standing[store], image.digest or "").items():
                try:
                    _point(lead, store, digest, tags, image)
                except TaggerError as error:
                    failures[store] = error
                    found = read_if_possible(store, tags)  # a write whose answer was lost may have been carried out
                    standing = {**standing, store: {**standing[store], **found}}
                    unknown.update((store, tag) for tag in tags if tag not in found)
                    continue
                standing = {**standing, store: {**standing[store], **dict.fromkeys(tags, digest)}}
                yield Event("pointed", store.place, f"{' '.join(tags)} {digest}")
            if failures:
                return Settled(standing, failures, unknown)
            if store is lead and not passed:
                try:
                    standing = {**standing, lead: dict(lead.digests(ready.tags))}
                except TaggerError as error:
                    return Settled(standing, {lead: error})
        looked = dict(side_by_side(lambda store: dict(store.digests(ready.tags)), job.stores))
        failures = {store: one for store, one in looked.items() if isinstance(one, TaggerError)}
        if failures:
            return Settled(standing, failures)
        standing = {store: one for store, one in looked.items() if not isinstance(one, TaggerError)}
        if all(one == standing[lead] for one in standing.values()):
            break
    return Settled(standing, failures)


def _to_point(
    tags: Sequence[str], wanted: Mapping[str, str | None], held: Mapping[str, str | None], own: str
) -> dict[str, list[str]]:
    """Return the tags to put, by digest: `wanted` has those of the first repository; `own` is for the others."""
    groups: dict[str, list[str]] = {}
    for tag in tags:
        digest = wanted.get(tag) or own
        if held[tag] != digest:
            groups.setdefault(digest, []).append(tag)
    return groups


def _point(lead: TagStore, store: TagStore, digest: str, tags: Sequence[str], image: ContentSource) -> None:
    """Point tags at our image, or at a copy of one that another run put into the first repository."""
    meter_of(store).phase("pointing tags")
    if digest == image.digest:
        store.tag(image.root, tags)
        return
    other = ContentSource(lead, digest, f"{lead.place}@{digest}")
    other.put(store)
    store.tag(other.root, tags)


def _notices(ready: PlainPreparation) -> Iterator[Event]:
    if not ready.failed and not ready.tags:
        yield Event("warning", "", no_tag().message, "NO_TAG")


def _outcome(
    ready: PlainPreparation,
    store: TagStore,
    after: Mapping[str, str | None],
    error: TaggerError | None = None,
    *,
    dry_run: bool = False,
) -> Outcome:
    """Return the outcome of a repository whose tags hold `after`, or in a plan hold it now."""
    image = ready.image.digest if ready.image else None
    changes = []
    for tag in ready.tags:
        before, now = ready.standing[store][tag], image if dry_run else after[tag]
        action: Action = "create" if before is None else "keep" if before == now else "move"
        reason = FOLLOWS_BUILD
        if not dry_run and (image is None or now != image):
            action, reason = "refuse", "another build holds it" if now != before else "it was not set"
        changes.append(Change(tag, action, before, now, "", reason))
    return Outcome.of(store.place, changes, error, digest=image, dry_run=dry_run)


def _final_outcome(ready: PlainPreparation, store: TagStore, settled: Settled) -> Outcome:
    """Return the outcome of a repository after the writes."""
    standing, failures, unknown = settled
    image = ready.image.digest if ready.image else None
    others = {tag: held for tag, held in standing[store].items() if held != image}
    error = failures.get(store)
    if error is None and others and not failures:
        shown = ", ".join(f"{tag} holds {held}" for tag, held in others.items())
        error = Refused(
            f"{store.place}: another build took the tags of this one at the same time: {shown}",
            ONE_AT_A_TIME,
            code="OVERTAKEN",
        )
    outcome = _outcome(ready, store, standing[store], error)
    changes = [one.unknown(error.message) if error and (store, one.tag) in unknown else one for one in outcome.changes]
    return outcome._replace(changes=tuple(changes))


def _outcome_of_staging(ready: PlainPreparation, store: TagStore, staging: PlainStaging) -> Outcome:
    """Return the outcome of a repository after staging failed in any: no tag was set, but by the push of an engine."""
    error = staging.failures.get(store)
    if staging.standing[store] == ready.standing[store] and (store, staging.pushed) not in staging.unknown:
        return Outcome.failed(store.place, error) if error else Outcome(store.place, "unchanged")
    error = error or IncompleteRelease(
        f"{store.place}: {staging.pushed} is pushed, but no other tag was set, as another repository failed",
        "Repair that one, then run the same command again.",
    )
    settled = Settled(staging.standing, {store: error}, staging.unknown)
    return _final_outcome(ready._replace(image=staging.image), store, settled)


def _unwritten_outcome(ready: PlainPreparation, store: TagStore) -> Outcome:
    """Return the outcome of a repository after an error in any: no tag was written."""
    error = ready.errors.get(store) or ready.error
    return Outcome.failed(store.place, error) if error else Outcome(store.place, "unchanged")


def _report(
    job: PlainRelease, command: str, ready: PlainPreparation, outcomes: Sequence[Outcome], *, dry_run: bool = False
) -> Report:
    image = ready.image
    report = Report(
        command=command,
        repositories=tuple(outcomes),
        tags=ready.tags,
        dry_run=dry_run,
        source=image.reference if image else None,
        source_digest=(image.digest or image.config_digest) if image else None,
        digest=image.digest if image else None,
        error=ready.error or next((outcome.error for outcome in outcomes if outcome.error), None),
        base=ready.passed.base or None,
        verified=ready.passed.verified,
        platforms=manifest_of_each(image, image.digest) if image and not ready.failed else {},
        name=job.name,
    )
    return with_policy(report, job.terms)
