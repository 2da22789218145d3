"""Plans a removal: finds the images that nothing names any more when given tags or manifests are removed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import NotFound, StoreError, TaggerError
from tagger.images.attachments import Attachments
from tagger.images.configs import UNREADABLE, first_labels
from tagger.images.manifests import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from tagger.images.registry.dialects import dialect_of
from tagger.images.stores import TagStore
from tagger.names import TAG, Repository, attached_to
from tagger.operations.unfinished import Unfinished, read_unfinished
from tagger.rules.marks import REMOVAL_TAG, is_reserved
from tagger.rules.plan import Change
from tagger.version_from.labels import VERSION_LABEL

__all__ = [
    "Removal", "check_deletable", "holds_manifest", "other_way", "plan_removal", "standing_tags", "tags_alone",
    "tags_and_begun",
]  # fmt: skip


class Removal(NamedTuple):
    """What to remove from a repository.

    `before` has every tag with its digest. `tags` are those to remove. `images` are the manifests that nothing names
    without them, each before those that it names. `attached` has the image that a tag or digest is attached to. `begun`
    is an earlier removal that did not finish; with `resumed` this removal continues it.
    """

    store: TagStore
    before: Mapping[str, str]
    tags: tuple[str, ...]
    images: tuple[str, ...]
    attached: Mapping[str, str]
    begun: Unfinished | None = None
    resumed: bool = False

    @property
    def shared(self) -> Mapping[str, str]:
        """The tags to remove whose images stay, with their digests."""
        images = frozenset(self.images)
        return {tag: digest for tag in self.tags if (digest := self.before[tag]) not in images}

    @property
    def leaves_unnamed(self) -> bool:
        """Whether a removal that stops half way may leave images that no tag names."""
        named = {self.before[tag] for tag in self.tags}
        return any(digest not in named for digest in self.images)

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """The tags to remove, by the images that they name."""
        found: dict[str, list[str]] = {}
        for tag in self.tags:
            found.setdefault(self.before[tag], []).append(tag)
        return found

    def changes(self, why: Mapping[str, str], versions: Mapping[str, str] | None = None) -> list[Change]:
        """Return the changes, with the reasons in `why`. A manifest without a tag is named by its digest."""
        versions = versions or {}
        names = {self.before[tag]: tag for tag in self.tags}
        images = frozenset(self.images)
        changes = []
        for tag in self.tags:
            digest = self.before[tag]
            image = self.attached.get(tag)
            reason = f"attached to {names.get(image, image)}" if image else why.get(tag, "removed")
            if not image:
                reason += "; its image goes too, as nothing else names it" if digest in images else ""
            changes.append(Change(tag, "remove", digest, None, versions.get(tag, ""), reason))
        for digest in self.images:
            image = self.attached.get(digest)
            if digest not in names and (image or digest in why):
                reason = f"attached to {names.get(image, image)}" if image else why[digest]
                changes.append(Change(digest, "remove", digest, None, "", reason))
        return changes

    def beside(self, versions: Mapping[str, str]) -> list[Change]:
        """Return the changes of the tags that stay at images whose other tags are removed."""
        held = {self.before[tag] for tag in self.tags}
        return [
            Change(tag, "keep", digest, digest, versions.get(tag, ""), "names the same image, which stays")
            for tag, digest in self.before.items()
            if digest in held and tag not in self.tags
        ]


def check_deletable(store: TagStore, tags: Iterable[str] = ()) -> None:
    """Raise `StoreError` that names `tags`, where the registry is known to delete nothing through this API."""
    repository = store.repository
    if repository and not store.can_delete:
        raise StoreError(
            f"{repository.registry} deletes nothing through the distribution API{_names(tags)}",
            other_way(repository),
            code="UNSUPPORTED",
            place=store.place,
        )


def plan_removal(
    store: TagStore,
    tags: Iterable[str],
    digests: Iterable[str] = (),
    *,
    assumed: Mapping[str, str | None] | None = None,
    resume: bool = False,
) -> Removal:
    """Find out what to remove with `tags`, and with the manifests `digests` and every tag at them. Writes nothing.

    Artifacts that are attached to a removed image (referrers, cosign's tags) are removed too. A manifest that is a part
    of an image that stays is not in `images`. `assumed` has digests that replace those of tags. What an earlier removal
    left is removed too, with `resume`, or where that removal had one of these names. Raise `StoreError`.
    """
    check_deletable(store)
    tags, wanted = tuple(tags), dict.fromkeys(digests)
    before, begun = _before(store, tags, wanted, assumed or {}, resume)
    resumed = begun is not None and (resume or begun.names((*tags, *wanted)))
    rest, orphans = _rest_of(store, begun, before) if begun and resumed else ((), ())
    going = dict.fromkeys(tag for tag in (*tags, *orphans) if tag in before)
    going |= {tag: None for tag, digest in before.items() if digest in wanted}
    contents, attached, images = _Contents(store), dict[str, str](), tuple[str, ...]()
    limits = Attachments(store.place)
    while True:
        kept = {digest for tag, digest in before.items() if tag not in going}
        names = sorted(going, key=is_reserved)  # marks and the policy go last
        roots = [before[tag] for tag in names if not is_reserved(tag)]
        roots += [*wanted, *rest, *(before[tag] for tag in names if is_reserved(tag))]
        leaving = [digest for digest in roots if digest not in kept]
        needed = contents.reach(kept) if leaving else ()
        found = tuple(digest for digest in contents.reach(leaving) if digest not in needed)
        new, images = set(found) - set(images), found
        if not new:
            return Removal(store, before, tuple(names), images, attached, begun, resumed)
        for artifact, image in _referrers(store, new, limits):
            wanted[artifact] = None
            attached.setdefault(artifact, image)
        hanging = {tag: image for tag in before if (image := attached_to(tag, new)) in new and tag not in going}
        going |= dict.fromkeys(hanging)
        attached |= hanging


def tags_alone(store: TagStore, tags: Sequence[str], known: Iterable[str] = ()) -> Removal:
    """Plan the removal of tags whose images stay: the listing may omit other tags that name them. Writes nothing.

    `known` are tags that stay, listed or not. Raise `StoreError`.
    """
    check_deletable(store)
    before = dict(standing_tags(store))
    unlisted = {*tags, *known} - before.keys()
    before |= {tag: digest for tag, digest in store.digests(unlisted).items() if digest}
    return Removal(store, before, tuple(tag for tag in tags if tag in before), (), {})


def _rest_of(store: TagStore, begun: Unfinished, before: Mapping[str, str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return what an unfinished removal left: manifests, and tags `sha256-…` whose images are gone.

    Raise `StoreError`.
    """
    rest = []
    for digest, found in side_by_side(lambda digest: holds_manifest(store, digest), begun.manifests, store.jobs):
        if isinstance(found, TaggerError):
            raise found
        if found:
            rest.append(digest)
    gone = set(begun.manifests).difference(rest)
    hanging = (tag for tag in begun.tags if attached_to(tag, gone) in gone)
    return rest, [tag for tag in hanging if before.get(tag) == begun.tags[tag]]


def _before(
    store: TagStore, tags: Sequence[str], wanted: Iterable[str], assumed: Mapping[str, str | None], resume: bool
) -> tuple[Mapping[str, str], Unfinished | None]:
    """Return every tag with its digest, and the earlier removal that did not finish, if any.

    Those of `tags` that the listing omits are read too, and, without `resume`, names of the images that are to go
    (see `_unlisted_names`). The digests in `assumed` replace those that were read.
    """
    standing, begun = tags_and_begun(store)
    before = dict(standing)
    unlisted = [tag for tag in tags if tag not in before]
    if unlisted:
        before |= {tag: digest for tag, digest in store.digests(unlisted).items() if digest}
    for tag, digest in assumed.items():
        before.pop(tag, None)
        before |= {tag: digest} if digest else {}
    before |= _unlisted_names(store, before, tags, wanted) if not resume else {}
    return before, begun


def _unlisted_names(
    store: TagStore, before: Mapping[str, str], tags: Iterable[str], digests: Iterable[str]
) -> Mapping[str, str]:
    """Return tags that the listing omits, of images that nothing listed would name any more: their version labels.

    Raise `StoreError`.
    """
    going = frozenset(tags)
    staying = {digest for tag, digest in before.items() if tag not in going}
    leaving = {*(before[tag] for tag in going if tag in before), *digests} - staying
    names = set[str]()
    for label in (_version_label(store, digest) for digest in sorted(leaving)):
        names.update(tag for tag in (label, f"v{label}") if TAG.fullmatch(tag) and tag not in before)
    return {tag: digest for tag, digest in store.digests(names).items() if digest in leaving} if names else {}


def _version_label(store: TagStore, digest: str) -> str:
    """Return the version label of an image; empty where there is none. Raise `StoreError`."""
    try:
        return first_labels(store, store.manifest(digest)).get(VERSION_LABEL, "").strip()
    except StoreError as error:
        if error.code in UNREADABLE:
            return ""
        raise


def _referrers(store: TagStore, images: Iterable[str], limits: Attachments) -> Iterator[tuple[str, str]]:
    """Yield the digests of artifacts that are attached to images, each with that of its image. Raise `StoreError`.

    From the second level on, the images are artifacts themselves, and `limits` counts what is attached to them.
    """
    limits.level += 1
    for image, artifacts in side_by_side(store.referrers, sorted(images), store.jobs):
        if isinstance(artifacts, TaggerError):
            raise artifacts
        if limits.level > 1:
            limits.add(limits.level, len(artifacts))
        for one in artifacts:
            yield one.digest, image


def tags_and_begun(
    store: TagStore, known: Mapping[str, str] | None = None
) -> tuple[Mapping[str, str], Unfinished | None]:
    """Read every tag of a repository with its digest, and the record of an unfinished removal. Raise `StoreError`."""
    standing = dict(_every_tag(store, known))
    begun = read_unfinished(store, standing.get(REMOVAL_TAG))
    if begun:
        del standing[REMOVAL_TAG]
    return standing, begun


def standing_tags(store: TagStore) -> Mapping[str, str]:
    """Read every tag of a repository with its digest, except that of a removal."""
    return {tag: digest for tag, digest in _every_tag(store, None).items() if tag != REMOVAL_TAG}


def _every_tag(store: TagStore, known: Mapping[str, str] | None) -> Mapping[str, str]:
    """Read the digest of every tag that is not `known`, and list again until nothing new is listed.

    A floating tag may hold the image of a version that was pushed after the listing. Without the exact tag of that
    version, its image would look as if nothing named it.
    """
    found: dict[str, str | None] = dict(known or {})
    while new := [tag for tag in store.tags() if tag not in found]:
        found |= store.digests(new)
        lost = [tag for tag in new if found[tag] is None]
        found |= store.snapshot(lost).digests if lost else {}  # a tag that stays lost holds nothing to protect
    return {tag: digest for tag, digest in sorted(found.items()) if digest}


class _Contents:
    """Reads the children of manifests, each manifest once."""

    def __init__(self, store: TagStore) -> None:
        self._store = store
        self._children: dict[str, Sequence[Descriptor]] = {}

    def reach(self, roots: Iterable[str]) -> dict[str, None]:
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

    def _visit(self, root: str, order: dict[str, None]) -> None:
        """Add a manifest to `order` behind all that it names, without recursion."""
        todo = [(root, False)]
        while todo:
            digest, done = todo.pop()
            if done:
                order.setdefault(digest)
            elif digest not in order:
                todo.append((digest, True))
                todo += [(child.digest, False) for child in reversed(self._children.get(digest, ()))]

    def _read(self, digest: str) -> Sequence[Descriptor]:
        try:
            children = self._store.manifest(digest).children()
        except StoreError as error:
            # An index may name an index that does not exist. What is no manifest of an image names nothing.
            if isinstance(error, NotFound) or error.code in ("UNSUPPORTED", "MANIFEST_INVALID"):
                return ()
            raise
        return [child for child in children if child.media_type in MANIFEST_TYPES]


def _names(tags: Iterable[str]) -> str:
    names = ", ".join(tags)
    return f", so {names} cannot be deleted" if names else ""


def other_way(repository: Repository) -> str:
    """Return the hint how to delete in a registry that deletes nothing through this API."""
    return dialect_of(repository.registry).deletion.format(name=repository.name) or (
        "Enable deletion in the registry: for distribution, `storage.delete.enabled: true` in its configuration or "
        "REGISTRY_STORAGE_DELETE_ENABLED=true in its environment; else ask its operator."
    )


def holds_manifest(store: TagStore, digest: str) -> bool:
    """Say whether the repository has the manifest with a digest. Raise `StoreError`."""
    try:
        store.manifest(digest)
    except NotFound:
        return False
    return True
