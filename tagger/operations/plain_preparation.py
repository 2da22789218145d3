"""Prepares a release of plain tags: reads every repository, and the image, and finds errors. Nothing is written."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import at_once, side_by_side
from tagger.errors import InputError, StoreError, TaggerError
from tagger.gates.platforms import check_platforms
from tagger.images.same import same_image
from tagger.images.sources import BuiltImage
from tagger.images.stores import Source, TagStore
from tagger.meters import meter_of
from tagger.operations.arrival import Arrival
from tagger.operations.stored import stored_policy
from tagger.operations.terms import Terms
from tagger.results import Passed
from tagger.rules.cascade import Rules
from tagger.rules.marks import POLICY_TAG

__all__ = ["PlainPreparation", "PlainRelease", "Standing", "no_source", "no_tag", "prepare_plain"]

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


class PlainPreparation(NamedTuple):
    """What each repository holds before the first write, and the image that has passed the gates."""

    tags: tuple[str, ...] = ()
    standing: Standing = MappingProxyType({})
    errors: Mapping[TagStore, TaggerError] = MappingProxyType({})
    image: Source | None = None
    passed: Passed = Passed()
    error: TaggerError | None = None

    @property
    def failed(self) -> bool:
        """Whether there is an error anywhere, so that nothing may be written."""
        return bool(self.error or self.errors)


def prepare_plain(job: PlainRelease, *, writing: bool) -> PlainPreparation:
    """Look at every repository, find the tags by its rules, and let the gates check the image."""
    try:
        own = job.tags(job.rules)
    except InputError as error:
        return PlainPreparation(error=error)
    probe = writing and len(job.stores) > 1
    looked = dict(side_by_side(lambda store: _look(job, store, own, probe), job.stores))
    errors = {store: one for store, one in looked.items() if isinstance(one, TaggerError)}
    standing = {store: one for store, one in looked.items() if not isinstance(one, TaggerError)}
    ready = PlainPreparation(own, standing, errors)
    if errors or not own:
        return ready
    try:
        source = job.source()
        if source is None:
            return ready
        check_platforms(source, job.platforms, ())
        passed = job.gate(source) if job.gate else Passed()
        return ready._replace(image=_image_to_copy(job, source, standing), passed=passed)
    except TaggerError as error:
        return ready._replace(error=error)


def _image_to_copy(job: PlainRelease, source: BuiltImage, standing: Standing) -> Source:
    """Return the image as it is copied; without a digest where only a push by its engine makes its manifest.

    An image without a manifest is that under one of the tags if it has the same config.
    """
    if source.digest is None:
        images = ((store, digest) for store, held in standing.items() for digest in held.values() if digest)
        if made := same_image(source, images):
            return made
    return source if source.is_pushed else source.as_content(meter_of(job.stores[0]))


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


def no_tag() -> InputError:
    """Return the error for a build that gets no tag."""
    return InputError(
        "no row and no template gives this build a tag",
        "Add a row for it, as type=sha or type=ref,event=branch; or do not release on this event.",
        code="NO_TAG",
    )


def no_source() -> InputError:
    return InputError(
        "this build has no version, and no `source` says where its image is",
        "Set `source`, as docker-daemon:NAME, docker://REFERENCE@DIGEST or oci:DIR.",
        code="MANIFEST_UNKNOWN",
    )
