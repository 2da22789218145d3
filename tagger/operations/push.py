"""Pushes the local tags of an engine's images into repositories, each image once."""

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, Refused, TaggerError
from tagger.images.manifests import Manifest
from tagger.images.same import is_same_image
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.operations.afterwards import outcome_after
from tagger.operations.everywhere import agree_on_policy, with_policy
from tagger.operations.stored import stored_policy
from tagger.operations.terms import Terms
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.marks import POLICY_TAG, check_not_reserved
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["Push", "push"]


class Push(NamedTuple):
    """What to push: `images` has the image of each local tag of `name`. Tags of one image have the same source."""

    name: str
    images: Mapping[str, Source]
    rules: Rules
    stores: tuple[TagStore, ...]
    terms: Terms | None = None


def push(job: Push, *, dry_run: bool = False) -> Running:
    """Push each missing image into one repository, copy it to the others, and set its tags.

    Tags that already hold their image are left alone. A version's exact tag that holds another image is refused before
    anything is written anywhere. Other tags are moved, as `docker push` does. Raise `InputError` for a reserved tag.
    """
    for tag in job.images:
        check_not_reserved(tag, "Leave it out with `--only`, or give that image another tag.")

    def look(store: TagStore) -> _Target:
        return _look(job, store)

    looked = dict(side_by_side(look, job.stores))
    if job.terms:
        yield from agree_on_policy(job.terms, look, looked)
    targets = [found for store in job.stores if isinstance(found := looked[store], _Target)]
    outcomes = {store: Outcome.failed(store.place, r) for store, r in looked.items() if isinstance(r, TaggerError)}
    outcomes |= {target.store: target.refused() for target in targets if target.refusals}
    if outcomes:
        outcomes = {target.store: Outcome(target.store.place, "unchanged") for target in targets} | outcomes
    elif dry_run:
        outcomes = {
            target.store: Outcome.of(target.store.place, target.planned(targets), dry_run=True) for target in targets
        }
    else:
        for image in dict.fromkeys(job.images.values()):
            yield from _push(image, targets)
        for target, end in side_by_side(lambda target: target.outcome(), targets):
            outcomes[target.store] = Outcome.failed(target.store.place, end) if isinstance(end, TaggerError) else end
            if outcomes[target.store].error is None:
                yield Event("verified", target.store.place, "every tag holds its image")
    repositories = tuple(outcomes[store] for store in job.stores)
    error = next((outcome.error for outcome in repositories if outcome.error), None)
    source = f"docker-daemon:{job.name}"
    report = Report("push", repositories, tags=tuple(job.images), dry_run=dry_run, source=source, error=error)
    return with_policy(report, job.terms)


class _Target:
    """A repository: what its tags held `before`, the digests of the images that it has, and what was pushed.

    `begun` are the tags whose write began. `written` are the tags that the registry confirmed, with their digests.
    """

    def __init__(
        self, job: Push, rules: Rules, store: TagStore, before: Mapping[str, str | None], held: dict[Source, str]
    ) -> None:
        self.store, self.images, self.before, self.held = store, job.images, before, held
        self.versions: Mapping[str, Version] = {tag: v for tag in job.images if (v := rules.read(tag))}
        self.right = frozenset(
            tag for tag, own in job.images.items() if (d := before[tag]) and is_same_image(own, store, d)
        )
        self.begun: set[str] = set()
        self.written: dict[str, str] = {}
        self.error: TaggerError | None = None

    @property
    def refusals(self) -> dict[str, Refused]:
        """The exact tags of versions that hold another image."""
        return {
            tag: Refused(
                f"{self.store.place}: {tag} holds another image, {digest}, and a version is written once",
                "Give this build a tag of its own, or leave the tag out with `--only`.",
                code="CONFLICT",
            )
            for tag, digest in self.before.items()
            if digest and tag in self.versions and tag not in self.right
        }

    def missing(self, source: Source) -> list[str]:
        """Return the tags of an image that do not hold it."""
        return [tag for tag, own in self.images.items() if own is source and tag not in self.right]

    def change(self, tag: str, after: str | None) -> Change:
        """Return the change of a tag that has to hold `after`."""
        before = self.before[tag]
        version = self.versions[tag].text if tag in self.versions else ""
        if tag in self.right:
            return Change(tag, "keep", before, before, version, "holds this image already")
        return Change(tag, "move" if before else "create", before, after, version, "as the engine has it")

    def planned(self, targets: Sequence["_Target"]) -> list[Change]:
        """Return the planned changes. The digest of an image that is in no repository yet is unknown."""
        found = {source: digest for target in reversed([*targets, self]) for source, digest in target.held.items()}
        return [self.change(tag, found.get(own) or own.digest) for tag, own in self.images.items()]

    def refused(self) -> Outcome:
        """Return the outcome where an exact tag holds another image."""
        refusals = self.refusals
        changes = [self.change(tag, None).refused(error.message) for tag, error in refusals.items()]
        return Outcome.failed(self.store.place, next(iter(refusals.values())), changes)

    def outcome(self) -> Outcome:
        """Read the tags again, and return the outcome: what stands now, and what is unknown."""
        now: Mapping[str, str | None]
        error = self.error
        try:
            now = self.store.digests(tuple(self.images))
        except TaggerError as failure:  # the registry's answers to the writes count then
            error, now = error or failure, {}
        lost = [tag for tag, digest in self.written.items() if now.get(tag, digest) != digest]
        if lost and error is None:
            error = IncompleteRelease(
                f"{self.store.place}: {', '.join(lost)} was set to another image at the same time", "Push again."
            )
        changes = [self._change_after(tag, now, error.message if error else "") for tag in self.images]
        return outcome_after(self.store.place, changes, error)

    def _change_after(self, tag: str, now: Mapping[str, str | None], why: str) -> Change:
        """Return the change of a tag after the push, given the digests `now`; a tag that could not be read has none."""
        planned = self.change(tag, self.written.get(tag) or self.held.get(self.images[tag]))
        if not planned.writes or (tag in self.written and now.get(tag, planned.after) == planned.after):
            return planned
        if tag not in self.begun:
            return planned.refused(f"not written: {why}")
        if tag not in now:
            return planned.unknown(why)
        if now[tag] == planned.before:
            return planned.refused(f"not written: {why}")
        if planned.after is None:
            # The push was cut off: the tag holds this image, or another run's.
            return self._identify(planned, now[tag], why)
        if now[tag] == planned.after:
            return planned
        return planned.refused(f"not written: {why}")._replace(after=now[tag])

    def _identify(self, planned: Change, digest: str | None, why: str) -> Change:
        try:
            own = digest is not None and is_same_image(self.images[planned.tag], self.store, digest)
        except TaggerError:
            return planned.unknown(why)
        return planned._replace(after=digest) if own else planned.refused(f"not written: {why}")._replace(after=digest)


def _look(job: Push, store: TagStore) -> _Target:
    """Read what the tags of a repository hold, and which of the images it has. Raise `StoreError`."""
    rules, names = job.rules, tuple(job.images)
    before = dict(store.digests((*names, POLICY_TAG) if job.terms else names))
    if job.terms:
        digest = before.pop(POLICY_TAG)
        rules = job.terms.rules(stored_policy(store, digest) if job.terms.follows else None, store.place)
    standing = {digest for digest in before.values() if digest}
    held = {
        source: digest
        for source in job.images.values()
        for digest in sorted(standing)
        if is_same_image(source, store, digest)
    }
    return _Target(job, rules, store, before, held)


def _push(source: Source, targets: Sequence[_Target]) -> Generator[Event, None, None]:
    """Bring one image to where it is missing: copy it from a repository that has it, or push it into the first one."""
    waiting = [target for target in targets if target.error is None and target.missing(source)]
    if waiting and not any(source in target.held for target in targets):
        yield Event("pushing", waiting[0].store.place, ", ".join(waiting[0].missing(source)))
        yield from _set_everywhere(waiting[:1], source, {waiting[0].store: source})
        waiting = waiting[1:] if waiting[0].error is None else []
    holder = next((target for target in targets if source in target.held), None)
    if waiting and holder:
        image = ContentSource(holder.store, holder.held[source], source.reference, several=len(waiting) > 1)
        own = {t.store: ContentSource(t.store, t.held[source], source.reference) for t in waiting if source in t.held}
        yield from _set_everywhere(waiting, source, {target.store: image for target in waiting} | own)


def _set_everywhere(
    targets: Sequence[_Target], image: Source, sources: Mapping[TagStore, Source]
) -> Generator[Event, None, None]:
    """Set the tags of an image in several repositories side by side; yield an event for each tag."""
    for target, result in side_by_side(lambda target: _set_tags(target, image, sources[target.store]), targets):
        if isinstance(result, TaggerError):
            target.error = result
        for tag in target.missing(image):
            if tag in target.written:
                yield Event("staged", target.store.place, f"{tag} {target.written[tag]}")


def _set_tags(target: _Target, image: Source, source: Source) -> Manifest:
    """Bring an image into a repository and set its tags there; return its manifest."""
    first, *others = target.missing(image)
    target.begun.add(first)
    manifest = source.stage(target.store, first, overwrite=target.before[first] is not None)
    if not is_same_image(image, target.store, manifest.digest):
        raise Refused(
            f"{target.store.place}: somebody else pushed {first} at the same time: it holds {manifest.digest}",
            "Push again to see what stands there.",
            code="CONFLICT",
        )
    target.held[image] = manifest.digest
    target.written[first] = manifest.digest
    if others:
        target.begun.update(others)
        target.store.tag(manifest, others)
        target.written.update(dict.fromkeys(others, manifest.digest))
    return manifest
