"""Remove tags, with the images that nothing names any more, and prove that every other tag holds its image still.

Registries differ (distribution-spec, "Deleting tags", "Deleting manifests"): some remove a tag alone, some delete
manifests only and every tag at them, some do neither through this API.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import NotFound, StoreError, TaggerError
from tagger.images.artifacts import PLACEHOLDER, artifact, put_artifact
from tagger.images.manifests import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Manifest
from tagger.images.stores import TagStore
from tagger.names import DOCKER_HUB, Repository, attached_to
from tagger.operations.afterwards import read_if_possible
from tagger.rules.marks import is_reserved
from tagger.rules.plan import Change

__all__ = [
    "Removal",
    "Removed",
    "check_deletable",
    "deletes_whole_images",
    "plan_removal",
    "remove",
]

GHCR = "ghcr.io"
OTHER_WAYS = {
    DOCKER_HUB: "Docker Hub deletes tags by its own API and pages alone: hub.docker.com/r/{name}/tags, or "
    "DELETE https://hub.docker.com/v2/repositories/{name}/tags/TAG/ with a token of the scope Delete.",
    GHCR: "GitHub deletes package versions, each an image with all its tags: on the package's page, or by "
    "`gh api -X DELETE /orgs/OWNER/packages/container/NAME/versions/ID` (/user/packages/… for a person).",
}
"""Registries that this API deletes nothing from, and how it is done there."""


class Removal(NamedTuple):
    """What is to be removed from a repository.

    `before` is every tag with its digest, `tags` those that go, `images` the manifests that nothing names without
    them, each before those that it names. `attached` says of a tag or digest which image it belonged to.
    """

    store: TagStore
    before: Mapping[str, str]
    tags: tuple[str, ...]
    images: tuple[str, ...]
    attached: Mapping[str, str]

    @property
    def shared(self) -> Mapping[str, str]:
        """The tags that go from images that stay, with their digests."""
        return {tag: digest for tag in self.tags if (digest := self.before[tag]) not in self.images}

    def changes(self, why: Mapping[str, str], versions: Mapping[str, str] | None = None) -> list[Change]:
        """Return what is removed, and why. A manifest without a tag is named by its digest; parts of images are not."""
        versions = versions or {}
        names = {digest: tag for tag, digest in self.before.items() if tag in self.tags}
        changes = []
        for tag in self.tags:
            digest = self.before[tag]
            image = self.attached.get(tag)
            reason = f"attached to {names.get(image, image)}" if image else why.get(tag, "removed")
            if not image:
                reason += "; its image goes too, as nothing else names it" if digest in self.images else ""
            changes.append(Change(tag, "remove", digest, None, versions.get(tag, ""), reason))
        for digest in self.images:
            image = self.attached.get(digest)
            if digest not in names and (image or digest in why):
                reason = f"attached to {names.get(image, image)}" if image else why[digest]
                changes.append(Change(digest, "remove", digest, None, "", reason))
        return changes

    def beside(self, versions: Mapping[str, str]) -> list[Change]:
        """Return the tags that stay where others go: those of the same images."""
        held = {self.before[tag] for tag in self.tags}
        return [
            Change(tag, "keep", digest, digest, versions.get(tag, ""), "names the same image, which stays")
            for tag, digest in self.before.items()
            if digest in held and tag not in self.tags
        ]


class Removed(NamedTuple):
    """How a removal ended: the tags and digests that are gone, and what went wrong.

    `begun` are the names whose removal was asked for, or may have been; `left` says what stands under those that are
    not gone, as far as that could be read.
    """

    gone: frozenset[str]
    error: TaggerError | None = None
    begun: frozenset[str] = frozenset()
    left: Mapping[str, str | None] = MappingProxyType({})

    def changes(self, planned: Iterable[Change]) -> list[Change]:
        """Return the planned changes as they came out."""
        return [self._came_out(change) if change.action == "remove" else change for change in planned]

    def _came_out(self, change: Change) -> Change:
        why = self.error.message if self.error else "it is still there"
        if change.tag in self.gone:
            return change
        if change.tag in self.left:
            return change.refused(f"not removed: {why}")._replace(after=self.left[change.tag])
        return change.unknown(why) if change.tag in self.begun else change.refused(f"not removed: {why}")


def check_deletable(store: TagStore, tags: Iterable[str] = ()) -> None:
    """Raise `StoreError`, naming `tags`, where it is known that the distribution API deletes nothing."""
    repository = store.repository
    if repository and repository.registry in OTHER_WAYS:
        raise StoreError(
            f"{repository.registry} deletes nothing through the distribution API{_listed(tags)}",
            _other_way(repository),
            code="UNSUPPORTED",
            place=store.place,
        )


def deletes_whole_images(store: TagStore) -> bool:
    """Say whether the registry's own way deletes an image with all its tags, and no tag alone."""
    return store.repository is not None and store.repository.registry == GHCR


def plan_removal(
    store: TagStore,
    tags: Iterable[str],
    digests: Iterable[str] = (),
    *,
    assumed: Mapping[str, str | None] | None = None,
) -> Removal:
    """Find out what goes with `tags`, and with the manifests `digests` and every tag at them; nothing is written.

    What is attached to an image that goes (referrers, cosign's tags) goes too. A manifest that is a part of an image
    that stays is none of the `images`. Tags are taken to stand where `assumed` says. Raise `StoreError`.
    """
    check_deletable(store)
    before = dict(_standing(store))
    for tag, digest in (assumed or {}).items():
        before.pop(tag, None)
        before |= {tag: digest} if digest else {}
    wanted = dict.fromkeys(digests)
    going = dict.fromkeys(tag for tag in tags if tag in before)
    going |= {tag: None for tag, digest in before.items() if digest in wanted}
    contents = _Contents(store)
    attached: dict[str, str] = {}
    images: tuple[str, ...] = ()
    while True:
        kept = {digest for tag, digest in before.items() if tag not in going}
        names = sorted(going, key=is_reserved)  # marks and the policy go last
        roots = [before[tag] for tag in names if not is_reserved(tag)]
        roots += [*wanted, *(before[tag] for tag in names if is_reserved(tag))]
        leaving = [digest for digest in roots if digest not in kept]
        needed = contents.reached(kept) if leaving else ()
        found = tuple(digest for digest in contents.reached(leaving) if digest not in needed)
        new = set(found) - set(images)
        images = found
        if not new:
            return Removal(store, before, tuple(names), images, attached)
        for image, artifacts in side_by_side(store.referrers, sorted(new), store.jobs):
            if isinstance(artifacts, TaggerError):
                raise artifacts
            for one in artifacts:
                wanted[one.digest] = None
                attached.setdefault(one.digest, image)
        for tag in before:
            if attached_to(tag) in new and tag not in going:
                going[tag] = None
                attached[tag] = attached_to(tag)


def remove(removal: Removal) -> Removed:
    """Carry a removal out, then read every tag again. A tag that went though nobody asked for it is put back."""
    store, shared = removal.store, removal.shared
    progress = _Progress()
    error: TaggerError | None = None
    try:
        staying = {digest: store.manifest(digest) for digest in set(shared.values())}
    except TaggerError as failure:
        return Removed(frozenset(), failure)
    try:
        with _explained(store):
            if not _untag(store, removal.tags, progress) and shared:
                _remove_by_manifest(store, shared, staying, progress)
            for digest in removal.images:
                progress.begun.update((digest, *(tag for tag in removal.tags if removal.before[tag] == digest)))
                if _delete(store, digest, dependent=bool(progress.gone - removal.before.keys())):
                    progress.gone.add(digest)
    except TaggerError as failure:
        error = failure
    try:
        gone = _proven(removal, staying)
    except TaggerError as failure:
        return progress.ended(removal, error or failure)
    if error is None and (left := [tag for tag in removal.tags if tag not in gone]):
        error = StoreError(
            f"the registry said that it removed {', '.join(left)}, and they are still there",
            "Somebody may have set them again at this moment; if not, the registry caches: look again later.",
            code="STILL_THERE",
            place=store.place,
        )
    return progress.ended(removal, error, gone)


class _Progress:
    """What a removal asked for so far, and what the registry answered that it removed."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.gone: set[str] = set()

    def ended(self, removal: Removal, error: TaggerError | None, gone: Collection[str] | None = None) -> Removed:
        """Return how the removal ended: `gone` are the tags that are proven to be, where they could be read."""
        store = removal.store
        if error is None and gone is not None and self.gone.union(gone).issuperset((*removal.tags, *removal.images)):
            return Removed(frozenset(self.gone.union(gone)))
        left = dict(read_if_possible(store, [tag for tag in removal.tags if gone is None or tag not in gone]))
        for digest in self.begun.difference(self.gone, removal.tags):
            with suppress(TaggerError):
                left[digest] = digest if _stands(store, digest) else None
        now = {name for name, digest in left.items() if digest is None}
        # Of a tag that could not be read, the registry's answer counts.
        answered = self.gone - left.keys() if gone is None else self.gone - set(removal.tags)
        return Removed(
            frozenset(now.union(answered, gone or ())),
            error,
            frozenset(self.begun),
            {name: digest for name, digest in left.items() if digest},
        )


def _stands(store: TagStore, digest: str) -> bool:
    try:
        store.manifest(digest)
    except NotFound:
        return False
    return True


def _standing(store: TagStore) -> Mapping[str, str]:
    """Read every tag of a repository with its digest, and list again until nothing new is listed.

    A floating tag may hold the image of a version that was pushed after the listing. Whoever read that must know of the
    version's own tag too, or the image would pass for one that nothing names.
    """
    found: dict[str, str | None] = {}
    while new := [tag for tag in store.tags() if tag not in found]:
        found |= store.digests(new)
        lost = [tag for tag in new if found[tag] is None]
        try:
            found |= store.survey(lost).digests if lost else {}
        except StoreError as error:
            if error.code != "MANIFEST_UNKNOWN":  # a tag whose manifest is lost holds nothing that could be harmed
                raise
    return {tag: digest for tag, digest in sorted(found.items()) if digest}


class _Contents:
    """What images are made of, each manifest read once."""

    def __init__(self, store: TagStore) -> None:
        self._store = store
        self._children: dict[str, Sequence[Descriptor]] = {}

    def reached(self, roots: Iterable[str]) -> dict[str, None]:
        """Return the digests of `roots` and of every manifest below them, each before those that it names."""
        roots = tuple(dict.fromkeys(roots))
        unread = [digest for digest in roots if digest not in self._children]
        while unread:
            for digest, children in side_by_side(self._read, unread, self._store.jobs):
                if isinstance(children, TaggerError):
                    raise children
                self._children[digest] = children
            below = {child.digest: child for digest in unread for child in self._children[digest]}
            indexes = [digest for digest, child in below.items() if child.media_type in INDEX_TYPES]
            unread = [digest for digest in indexes if digest not in self._children]
        order: dict[str, None] = {}
        for root in reversed(roots):
            self._visit(root, order)
        return dict.fromkeys(reversed(order))

    def _visit(self, digest: str, order: dict[str, None]) -> None:
        if digest not in order:
            for child in self._children.get(digest, ()):
                self._visit(child.digest, order)
            order[digest] = None

    def _read(self, digest: str) -> Sequence[Descriptor]:
        try:
            children = self._store.manifest(digest).children()
        except StoreError as error:
            # An index may name an index that is not there; and whatever is no manifest of an image names none.
            if isinstance(error, NotFound) or error.code in ("UNSUPPORTED", "MANIFEST_INVALID"):
                return ()
            raise
        return [child for child in children if child.media_type in MANIFEST_TYPES]


def _untag(store: TagStore, tags: Sequence[str], progress: _Progress) -> bool:
    """Remove tags and nothing else, where the registry can; say whether it can. Raise `StoreError`."""

    def untag(tag: str) -> None:
        progress.begun.add(tag)
        with suppress(NotFound):  # somebody else was faster
            store.untag(tag)
        progress.gone.add(tag)

    try:
        for tag in tags[:1]:
            untag(tag)
    except StoreError as error:
        if error.code == "UNSUPPORTED":
            return False
        raise
    for last in (False, True):
        wave = [tag for tag in tags[1:] if is_reserved(tag) == last]
        for _, failure in list(side_by_side(untag, wave, store.jobs)):
            if failure:
                raise failure
    return True


def _remove_by_manifest(
    store: TagStore, tags: Mapping[str, str], manifests: Mapping[str, Manifest], progress: _Progress
) -> None:
    """Remove tags whose images stay: they are moved to a manifest of our own, which is deleted with them.

    A first one is put under its digest alone and deleted, to see that deleting works before any tag is moved. Where it
    does not, most registries say so of a manifest that was never there, and nothing at all is written.
    """
    first, second = (artifact({PLACEHOLDER: secrets.token_hex(16)}) for _ in range(2))
    _delete(store, first.digest)
    put_artifact(store, first, ())
    store.delete(first.digest)
    progress.begun.update(tags)
    try:
        put_artifact(store, second, tuple(tags))
        store.delete(second.digest)
    except TaggerError:
        with suppress(TaggerError):  # then the first failure is the one to tell of
            moved = {tag for tag, digest in store.digests(tuple(tags)).items() if digest == second.digest}
            _put_back(store, {tag: digest for tag, digest in tags.items() if tag in moved}, manifests)
        raise
    progress.gone.update(tags)


def _delete(store: TagStore, digest: str, *, dependent: bool = False) -> bool:
    """Delete a manifest, and say whether it is gone; a `dependent` one stays where the registry needs it yet."""
    try:
        store.delete(digest)
    except NotFound:
        return True
    except StoreError as error:
        if dependent and error.code == "DENIED":
            return False
        raise
    return True


def _proven(removal: Removal, manifests: Mapping[str, Manifest]) -> frozenset[str]:
    """Return the tags that are gone. Put others back that went with them, and raise `StoreError`."""
    store = removal.store
    others = {tag: digest for tag, digest in removal.before.items() if tag not in removal.tags}
    now = store.survey(others).digests
    lost = {tag: digest for tag, digest in others.items() if now[tag] is None}
    if not lost:
        left = store.digests(removal.tags)
        return frozenset(tag for tag in removal.tags if left[tag] is None)
    _put_back(store, lost, manifests)
    raise StoreError(
        f"the registry took {', '.join(lost)} away too; "
        + ("they were put back" if lost.keys() <= _standing(store).keys() else f"they were at {set(lost.values())}"),
        "Delete in this registry by its own means, and report what it did.",
        code="TAG_LOST",
        place=store.place,
    )


def _put_back(store: TagStore, tags: Mapping[str, str], manifests: Mapping[str, Manifest]) -> None:
    for digest, manifest in manifests.items():
        own = [tag for tag, held in tags.items() if held == digest]
        if own:
            store.point(manifest, own)


@contextmanager
def _explained(store: TagStore) -> Iterator[None]:
    """Say what to enable where a registry deletes nothing."""
    try:
        yield
    except StoreError as error:
        if error.code != "UNSUPPORTED" or store.repository is None:
            raise
        raise StoreError(
            "the registry does not delete; nothing was changed",
            _other_way(store.repository),
            code="UNSUPPORTED",
            place=store.place,
            status=error.status,
        ) from error


def _listed(tags: Iterable[str]) -> str:
    names = ", ".join(tags)
    return f", and so not {names}" if names else ""


def _other_way(repository: Repository) -> str:
    """Say how something is deleted in a registry that this API deletes nothing from."""
    if repository.registry in OTHER_WAYS:
        return OTHER_WAYS[repository.registry].format(name=repository.name)
    if ".dkr.ecr." in repository.registry:
        return f"aws ecr batch-delete-image --repository-name {repository.name} --image-ids imageTag=TAG"
    return (
        "Let the registry delete: of distribution, `storage.delete.enabled: true` in its configuration or "
        "REGISTRY_STORAGE_DELETE_ENABLED=true in its environment; else ask whoever runs it."
    )
