"""Releases a build that has no version: sets its plain tags, which are mutable, in every repository."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import at_once, side_by_side
from tagger.errors import InputError, Refused, StoreError, TaggerError
from tagger.gates.platforms import check_platforms, manifest_of_each
from tagger.images.sources import BuiltImage, ContentSource
from tagger.images.stores import Source, TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import read_if_possible
from tagger.operations.arrival import Arrival, prove_standing
from tagger.operations.everywhere import with_policy
from tagger.operations.stored import stored_policy
from tagger.operations.terms import Terms
from tagger.results import Event, Outcome, Passed, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.marks import POLICY_TAG
from tagger.rules.plan import FOLLOWS_BUILD, Action, Change

__all__ = ["PlainRelease", "no_tag", "plan_plain", "release_plain"]

PASSES = 5
"""The most passes that write. When more are needed, another run sets the same tags."""

Standing = Mapping[TagStore, Mapping[str, str | None]]
"""The digest under each tag of the run, by repository."""


class PlainRelease(NamedTuple):
    """What to release: an image and its plain tags.

    `tags` returns the tags by the rules. It raises `InputError` for one that belongs to a version. `rules` are those of
    the settings; the policy of a repository replaces them. `source` opens the image. `gate` checks it before anything
    is written. `name` is the name of the build. `arrived` checks the image again where it was copied to, before a tag
    is pointed.
    """

    tags: Callable[[Rules], tuple[str, ...]]
    rules: Rules
    stores: tuple[TagStore, ...]
    source: Callable[[], BuiltImage | None]
    gate: Callable[[Source], Passed] | None = None
    terms: Terms | None = None
    platforms: tuple[str, ...] = ()
    name: str = ""
    arrived: Arrival | None = None


class _Ready(NamedTuple):
    """What each repository holds before the first write, and the image that has passed the gates."""

    tags: tuple[str, ...] = ()
    standing: Standing = MappingProxyType({})
    errors: Mapping[TagStore, TaggerError] = MappingProxyType({})
    image: ContentSource | None = None
    passed: Passed = Passed()
    error: TaggerError | None = None

    @property
    def failed(self) -> bool:
        """Whether there is an error anywhere, so that nothing may be written."""
        return bool(self.error or self.errors)


class Settled(NamedTuple):
    """What stands in every repository after the tags were written, what went wrong, and of which tags it is unknown."""

    standing: Standing
    failures: Mapping[TagStore, TaggerError] = MappingProxyType({})
    unknown: Collection[tuple[TagStore, str]] = ()


Settling = Generator[Event, None, Settled]
"""Pointing tags: events on the way, and how it ended."""


def plan_plain(job: PlainRelease, command: str = "plan") -> Running:
    """Show what a release of plain tags would change; write nothing anywhere."""
    ready = _prepare(job, writing=False)
    if command != "plan" and not ready.failed and ready.tags and ready.image is None:
        ready = ready._replace(error=_no_source())
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

    The first repository decides: all others get what its tags hold, so that two runs at once end the same everywhere.
    It is an error when the tags hold the image of another run at the end.
    """
    ready = _prepare(job, writing=True)
    if not ready.failed and not ready.tags:
        ready = ready._replace(error=no_tag())
    elif not ready.failed and ready.image is None:
        ready = ready._replace(error=_no_source())
    if ready.failed or ready.image is None:
        return _report(job, "release", ready, [_unwritten_outcome(ready, store) for store in job.stores])
    image = ready.image
    waiting = [store for store in job.stores if any(held != image.digest for held in ready.standing[store].values())]
    failures: dict[TagStore, TaggerError] = {}
    for store, result in side_by_side(lambda store: _bring(job, image, store, waiting), job.stores):
        if isinstance(result, TaggerError):
            failures[store] = result
        elif store in waiting:
            yield Event("staged", store.place, str(image.digest))
    if failures:
        ready = ready._replace(errors=failures)
        return _report(job, "release", ready, [_unwritten_outcome(ready, store) for store in job.stores])
    after = yield from _settle(job, ready, image)
    outcomes = [_final_outcome(ready, store, after) for store in job.stores]
    return _report(job, "release", ready, outcomes)


def _bring(job: PlainRelease, image: ContentSource, store: TagStore, waiting: Collection[TagStore]) -> None:
    """Copy the image into a repository that waits for it, and let `arrived` check it there."""
    if store in waiting:
        manifest = image.put(store)
        if job.arrived:
            job.arrived(store, manifest)
    elif job.arrived:
        prove_standing(job.arrived, image, store, image.digest or "")


def _prepare(job: PlainRelease, *, writing: bool) -> _Ready:
    """Look at every repository, find the tags by its rules, and let the gates check the image."""
    try:
        own = job.tags(job.rules)
    except InputError as error:
        return _Ready(error=error)
    probe = writing and len(job.stores) > 1
    looked = dict(side_by_side(lambda store: _look(job, store, own, probe), job.stores))
    errors = {store: one for store, one in looked.items() if isinstance(one, TaggerError)}
    standing = {store: one for store, one in looked.items() if not isinstance(one, TaggerError)}
    ready = _Ready(own, standing, errors)
    if errors or not own:
        return ready
    try:
        source = job.source()
        if source is None:
            return ready
        check_platforms(source, job.platforms, ())
        passed = job.gate(source) if job.gate else Passed()
        return ready._replace(image=source.as_content(meter_of(job.stores[0])), passed=passed)
    except TaggerError as error:
        return ready._replace(error=error)


def _look(job: PlainRelease, store: TagStore, tags: Sequence[str], probe: bool) -> Mapping[str, str | None]:
    """Return what the tags of a repository hold. Raise `TaggerError` where its policy forbids one of them."""
    terms = job.terms
    follows = terms is not None and terms.follows
    asked = (*tags, POLICY_TAG) if follows else tuple(tags)

    def read() -> Mapping[str, str | None]:
        try:
            return store.digests(asked)
        except StoreError as error:
            if error.status not in (401, 403):
                raise
            store.check_writable()  # some registries refuse to read what does not exist yet
            return dict.fromkeys(asked)

    def prove() -> Mapping[str, str | None]:
        store.check_writable()
        return {}

    digests = at_once(prove, read)[-1] if probe else read()
    if terms is not None and follows:
        stored = stored_policy(store, digests[POLICY_TAG])
        if objection := terms.objection(stored, store.place):
            raise objection
        if stored is not None:
            job.tags(terms.rules(stored, store.place))
    return {tag: digests[tag] for tag in tags}


def _settle(job: PlainRelease, ready: _Ready, image: ContentSource) -> Settling:
    """Point the tags, in the first repository first; then look again until all hold what the first one holds."""
    lead, failures = job.stores[0], dict[TagStore, TaggerError]()
    unknown: set[tuple[TagStore, str]] = set()
    standing: Standing = ready.standing
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
    """Return the tags that have to be pointed, by their digest: that in the first repository, else our own."""
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
        store.point(image.root, tags)
        return
    other = ContentSource(lead, digest, f"{lead.place}@{digest}")
    other.put(store)
    store.point(other.root, tags)


def _notices(ready: _Ready) -> Iterator[Event]:
    if not ready.failed and not ready.tags:
        yield Event("warning", "", no_tag().message, "NO_TAG")


def no_tag() -> InputError:
    """Return the error for a build that gets no tag."""
    return InputError(
        "no row, and no template, gives this build a tag",
        "Add a row for it, as type=sha or type=ref,event=branch; or do not release on this event.",
        code="NO_TAG",
    )


def _no_source() -> InputError:
    return InputError(
        "this build has no version, and no `source` says where its image is",
        "Set `source`, as docker-daemon:NAME, docker://REFERENCE@DIGEST or oci:DIR.",
        code="MANIFEST_UNKNOWN",
    )


def _outcome(
    ready: _Ready,
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
        if now != image and not dry_run:
            action, reason = "refuse", "another build holds it" if now != before else "it was not set"
        changes.append(Change(tag, action, before, now, "", reason))
    return Outcome.of(store.place, changes, error, digest=image, dry_run=dry_run, done="released")


def _final_outcome(ready: _Ready, store: TagStore, settled: Settled) -> Outcome:
    """Return how a repository ended whose tags were written."""
    standing, failures, unknown = settled
    image = ready.image.digest if ready.image else None
    others = {tag: held for tag, held in standing[store].items() if held != image}
    error = failures.get(store)
    if error is None and others and not failures:
        shown = ", ".join(f"{tag} holds {held}" for tag, held in others.items())
        error = Refused(
            f"{store.place}: another build took the tags of this one at the same time: {shown}",
            "Let one run at a time set them, with `concurrency` in the workflow; or run this one again.",
            code="OVERTAKEN",
        )
    outcome = _outcome(ready, store, standing[store], error)
    changes = [one.unknown(error.message) if error and (store, one.tag) in unknown else one for one in outcome.changes]
    return outcome._replace(changes=tuple(changes))


def _unwritten_outcome(ready: _Ready, store: TagStore) -> Outcome:
    """Return the outcome of a repository after an error in any: no tag was written."""
    error = ready.errors.get(store) or ready.error
    return Outcome.failed(store.place, error) if error else Outcome(store.place, "unchanged")


def _report(
    job: PlainRelease, command: str, ready: _Ready, outcomes: Sequence[Outcome], *, dry_run: bool = False
) -> Report:
    image = ready.image
    report = Report(
        command=command,
        repositories=tuple(outcomes),
        tags=ready.tags,
        dry_run=dry_run,
        source=image.reference if image else None,
        source_digest=image.digest if image else None,
        digest=image.digest if image else None,
        error=ready.error or next((outcome.error for outcome in outcomes if outcome.error), None),
        base=ready.passed.base or None,
        verified=ready.passed.verified,
        platforms=manifest_of_each(image, image.digest) if image and not ready.failed else {},
        name=job.name,
    )
    return with_policy(report, job.terms)
