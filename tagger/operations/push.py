"""Push every local tag of an image of the engine into repositories, each image once."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from tagger.concurrency import side_by_side
from tagger.errors import IncompleteRelease, Refused, TaggerError
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore
from tagger.operations.prepare import is_same_image
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["Push", "push"]


@dataclass(frozen=True, slots=True)
class Push:
    """What to push: the image behind each local tag of `name`; tags of one image share one source."""

    name: str
    images: Mapping[str, Source]
    rules: Rules
    stores: tuple[TagStore, ...]


def push(job: Push, *, dry_run: bool = False) -> Running:
    """Push each image that is missing into one repository, copy it to the others, and set its tags.

    Tags that hold their image already are left alone. A version's exact tag that holds another image is refused before
    anything is written anywhere; other tags are moved, as `docker push` does.
    """
    looked = dict(side_by_side(lambda store: _look(job, store), job.stores))
    places = [found for store in job.stores if isinstance(found := looked[store], _Place)]
    ended = {store: Outcome.failed(store.place, r) for store, r in looked.items() if isinstance(r, TaggerError)}
    ended |= {place.store: place.refused() for place in places if place.refusals}
    if ended:
        ended = {place.store: Outcome(place.store.place, "unchanged") for place in places} | ended
    elif dry_run:
        ended = {
            place.store: Outcome.of(place.store.place, place.planned(places), dry_run=True, done="pushed")
            for place in places
        }
    else:
        for image in dict.fromkeys(job.images.values()):
            yield from _push(image, places)
        for place, end in side_by_side(_ended, places):
            ended[place.store] = Outcome.failed(place.store.place, end) if isinstance(end, TaggerError) else end
            if ended[place.store].error is None:
                yield Event("verified", place.store.place, "every tag holds its image")
    outcomes = tuple(ended[store] for store in job.stores)
    error = next((outcome.error for outcome in outcomes if outcome.error), None)
    source = f"docker-daemon:{job.name}"
    return Report("push", outcomes, tags=tuple(job.images), dry_run=dry_run, source=source, error=error)


@dataclass(slots=True)
class _Place:
    """A repository: what it held `before`, which images it has under which digest, and what was `written` since."""

    store: TagStore
    images: Mapping[str, Source]
    versions: Mapping[str, Version]
    before: Mapping[str, str | None]
    held: dict[Source, str]
    right: frozenset[str]
    written: dict[str, str] = field(default_factory=dict)
    error: TaggerError | None = None

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

    def change(self, tag: str, after: str | None, *, error: TaggerError | None = None) -> Change:
        """Return what becomes of a tag."""
        before = self.before[tag]
        version = self.versions[tag].text if tag in self.versions else ""
        if tag in self.right:
            return Change(tag, "keep", before, before, version, "holds this image already")
        if error:
            return Change(tag, "refuse", before, before, version, f"not written: {error.message}")
        return Change(tag, "move" if before else "create", before, after, version, "as the engine has it")

    def planned(self, places: Sequence["_Place"]) -> list[Change]:
        """Return what a push would do; only a push makes the digest of an image that is nowhere yet."""
        found = {source: digest for place in reversed([*places, self]) for source, digest in place.held.items()}
        return [
            self.change(tag, self.held.get(own) or found.get(own) or own.digest) for tag, own in self.images.items()
        ]

    def refused(self) -> Outcome:
        """Return how it ends where an exact tag is in the way."""
        refusals = self.refusals
        changes = [self.change(tag, None, error=error) for tag, error in refusals.items()]
        return Outcome.failed(self.store.place, next(iter(refusals.values())), changes)


def _look(job: Push, store: TagStore) -> _Place:
    """Read what a repository holds under the tags, and which of the images it has. Raise `StoreError`."""
    tags = tuple(job.images)
    before = store.digests(tags)
    standing = {digest for digest in before.values() if digest}
    held = {
        source: digest
        for source in job.images.values()
        for digest in sorted(standing)
        if is_same_image(source, store, digest)
    }
    right = frozenset(tag for tag in tags if (d := before[tag]) and is_same_image(job.images[tag], store, d))
    versions = {tag: version for tag in tags if (version := job.rules.read(tag))}
    return _Place(store, job.images, versions, before, held, right)


def _push(source: Source, places: Sequence[_Place]) -> Generator[Event, None, None]:
    """Bring one image to where it is missing: from a repository that has it, else by a push into the first one."""
    waiting = [place for place in places if place.error is None and place.missing(source)]
    if waiting and not any(source in place.held for place in places):
        yield Event("pushing", waiting[0].store.place, ", ".join(waiting[0].missing(source)))
        yield from _told(waiting[:1], source, {waiting[0].store: source})
        waiting = waiting[1:] if waiting[0].error is None else []
    holder = next((place for place in places if source in place.held), None)
    if waiting and holder:
        image = ContentSource(holder.store, holder.held[source], source.reference, several=len(waiting) > 1)
        own = {p.store: ContentSource(p.store, p.held[source], source.reference) for p in waiting if source in p.held}
        yield from _told(waiting, source, {place.store: image for place in waiting} | own)


def _told(places: Sequence[_Place], image: Source, sources: Mapping[TagStore, Source]) -> Generator[Event, None, None]:
    """Set the tags of an image in several repositories side by side, and tell of each."""
    for place, result in side_by_side(lambda place: _set_tags(place, image, sources[place.store]), places):
        if isinstance(result, TaggerError):
            place.error = result
            continue
        for tag in place.missing(image):
            place.written[tag] = result.digest
            yield Event("staged", place.store.place, f"{tag} {result.digest}")
        place.held[image] = result.digest


def _set_tags(place: _Place, image: Source, source: Source) -> Manifest:
    """Bring an image into a repository and set its tags there; return its manifest."""
    first, *others = place.missing(image)
    manifest = source.stage(place.store, first, overwrite=place.before[first] is not None)
    if not is_same_image(image, place.store, manifest.digest):
        raise Refused(
            f"{place.store.place}: somebody else pushed {first} at the same time: it holds {manifest.digest}",
            "Push again to see what stands there.",
            code="CONFLICT",
        )
    if others:
        place.store.point(manifest, others)
    return manifest


def _ended(place: _Place) -> Outcome:
    """Read every tag again, and return how it ended."""
    now = place.store.digests(tuple(place.images))
    error = place.error
    lost = [tag for tag, digest in place.written.items() if now[tag] != digest]
    if lost and error is None:
        error = IncompleteRelease(
            f"{place.store.place}: {', '.join(lost)} was set to another image at the same time", "Push again."
        )
    wrong = error or IncompleteRelease("")
    changes = [
        place.change(tag, now[tag], error=None if now[tag] and now[tag] == place.written.get(tag) else wrong)
        for tag in place.images
    ]
    if error and not any(change.writes for change in changes):
        return Outcome.failed(place.store.place, error, changes)
    return Outcome.of(place.store.place, changes, error, done="pushed")
