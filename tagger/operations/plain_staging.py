"""Puts the image of a plain release into every repository, before its tags are pointed."""

from collections.abc import Collection, Generator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import Refused, TaggerError
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.operations.afterwards import read_if_possible
from tagger.operations.arrival import prove_standing
from tagger.operations.plain_preparation import PlainPreparation, PlainRelease, Standing
from tagger.results import Event

__all__ = ["ONE_AT_A_TIME", "PlainStaging", "stage_plain"]

ONE_AT_A_TIME = "Let one run at a time set them, with `concurrency` in the workflow; or run this one again."
"""The hint where another build took plain tags at the same time."""


class PlainStaging(NamedTuple):
    """The image with its manifest, what each tag holds after staging, and the failures by repository.

    `pushed` is the tag that a push of the engine set in the first repository, if any. `unknown` are tags whose digest
    is unknown after a push that failed.
    """

    image: ContentSource | None
    standing: Standing
    failures: Mapping[TagStore, TaggerError] = MappingProxyType({})
    pushed: str = ""
    unknown: Collection[tuple[TagStore, str]] = ()


def stage_plain(job: PlainRelease, ready: PlainPreparation, image: Source) -> Generator[Event, None, PlainStaging]:
    """Put the image into every repository that needs it.

    Where only a push of the engine makes its manifest, it is pushed into the first repository and copied from there. A
    push sets a tag: one that is new there, if any is.
    """
    if isinstance(image, ContentSource):
        return (yield from _copy(job, ready, image, PlainStaging(image, ready.standing)))
    lead = job.stores[0]
    begun = _push(job, ready, image, lead)
    if begun.image is None:
        return begun
    yield Event("staged", lead.place, str(begun.image.digest))
    staging = begun if begun.failures else (yield from _copy(job, ready, begun.image, begun))
    return _put_back(ready, staging, lead) if staging.failures else staging


def _copy(
    job: PlainRelease, ready: PlainPreparation, image: ContentSource, begun: PlainStaging
) -> Generator[Event, None, PlainStaging]:
    """Copy the image into the repositories that it was not pushed into."""
    stores = job.stores[1:] if begun.pushed else job.stores
    waiting = [store for store in stores if any(held != image.digest for held in ready.standing[store].values())]
    failures: dict[TagStore, TaggerError] = {}
    for store, result in side_by_side(lambda store: _bring(job, image, store, waiting), stores):
        if isinstance(result, TaggerError):
            failures[store] = result
        elif store in waiting:
            yield Event("staged", store.place, str(image.digest))
    return begun._replace(failures=failures)


def _push(job: PlainRelease, ready: PlainPreparation, image: Source, lead: TagStore) -> PlainStaging:
    """Push the image into the first repository; return it as it is there, or the failure."""
    tag = next((tag for tag, held in ready.standing[lead].items() if held is None), ready.tags[0])
    try:
        manifest = image.stage(lead, tag, overwrite=True)
    except TaggerError as error:
        found = read_if_possible(lead, [tag])  # a push whose answer was lost may have set it
        unknown = () if tag in found else ((lead, tag),)
        if error.code == "CONFLICT":
            error = Refused(error.message, ONE_AT_A_TIME, code="OVERTAKEN")
        return PlainStaging(None, _standing_with(ready.standing, lead, found), {lead: error}, tag, unknown)
    pushed = ContentSource(lead, manifest.digest, image.reference, several=len(job.stores) > 2, root=manifest)
    staging = PlainStaging(pushed, _standing_with(ready.standing, lead, {tag: manifest.digest}), pushed=tag)
    try:
        if job.arrived:
            job.arrived(lead, manifest)
    except TaggerError as error:
        return staging._replace(failures={lead: error})
    return staging


def _put_back(ready: PlainPreparation, staging: PlainStaging, lead: TagStore) -> PlainStaging:
    """Point the pushed tag where it was, as another repository failed. A tag that is new stays."""
    tag, image = staging.pushed, staging.image
    before = ready.standing[lead][tag]
    if before is None or image is None:
        return staging
    with suppress(TaggerError):
        if lead.digests([tag])[tag] == image.digest:
            lead.tag(lead.manifest(before), [tag])
    found = read_if_possible(lead, [tag])
    unknown = () if tag in found else ((lead, tag),)
    return staging._replace(standing=_standing_with(ready.standing, lead, found), unknown=unknown)


def _standing_with(standing: Standing, store: TagStore, found: Mapping[str, str | None]) -> Standing:
    return {**standing, store: {**standing[store], **found}}


def _bring(job: PlainRelease, image: ContentSource, store: TagStore, waiting: Collection[TagStore]) -> None:
    """Copy the image into a repository that waits for it, and let `arrived` check it there."""
    if store in waiting:
        manifest = image.put(store)
        if job.arrived:
            job.arrived(store, manifest)
    elif job.arrived:
        prove_standing(job.arrived, image, store, image.digest or "")
