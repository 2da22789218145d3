"""Looks at one repository for an operation: with its rules, its scope of floating tags, and its claim on them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set

from tagger.errors import Refused, StoreError, TaggerError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.stores import Snapshot, TagStore
from tagger.operations.look import Look, Scope, rivals
from tagger.operations.lost import check_none_lost, check_policy_stands, counted_as_existing
from tagger.operations.stored import stored_policy
from tagger.operations.terms import Terms
from tagger.operations.vetting import previous_tag, vet
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.contenders import contenders
from tagger.rules.marks import HELD_MARK, POLICY_TAG, WITHDRAWN_MARK
from tagger.rules.plan import Claim, needed_channel_tags
from tagger.rules.versions import Version

__all__ = ["View", "look_before_write", "marks_of"]


class View:
    """A repository, the terms that give its rules, and the `scope` of floating tags to look at.

    `claim` says which tags the run answers for. Every look reads the exact tags and the marks of `versions` by name.
    `amended` changes the published versions to what they will be after marks are set. A `tolerant` view accepts lost
    tags. A view remembers the tags that it has seen, so that it notices when a listing lags or omits tags.
    """

    def __init__(
        self,
        store: TagStore,
        terms: Terms,
        scope: Scope,
        claim: Claim,
        *,
        versions: Iterable[Version] = (),
        amended: Callable[[Published], Published] | None = None,
        tolerant: bool = False,
    ) -> None:
        self.store = store
        self.tolerant = tolerant
        self.terms = terms
        self.scope = scope
        self.amended = amended
        self.versions = tuple(versions)
        self.wrote: dict[str, str | None] = {}
        self.vetted: set[str] = set()  # digests whose versions were looked up already
        self.warnings: dict[tuple[str, str], None] = {}
        self.seen: Set[str] = frozenset()
        self.stored: str | None = None
        self._claim = claim
        self._policy: str | None = ""  # the digest under the policy's tag; empty before the first look
        self._again: tuple[str, ...] = ()
        self._looked = False

    @property
    def claim(self) -> Claim:
        """The tags that the run answers for now: those of its claim, and those that it wrote."""
        return self._claim._replace(wrote=dict(self.wrote))

    @property
    def policy(self) -> str | None:
        """The digest under the tag of the policy that is in force, as of the last look."""
        return self._policy if self.stored is not None else None

    def answer_for(self, claim: Claim) -> None:
        """Replace the claim."""
        self._claim = claim

    def know(self, tags: Iterable[str]) -> None:
        """Remember tags that exist: a listing may omit them, or not have them yet."""
        self.seen = self.seen | frozenset(tags)

    def look(
        self,
        expect: Iterable[str] = (),
        *,
        manifests: Collection[str] = (),
        coming: Collection[Version] = (),
        unlisted: bool = False,
    ) -> Look:
        """Read what decides: the listing, the marks, the policy, the floating tags and their owners' exact tags.

        `expect` are more tags to read in the same round trip as the listing. `manifests` are tags whose manifests are
        read too, as they are needed later. Versions that are `coming` count as published before their exact tags exist.
        With `unlisted` the listing is not read, as the repository does not exist yet. Raise `TaggerError`.
        """
        rules = self.terms.rules(self.stored, self.store.place)
        names, first = self.names(rules), not self._looked
        previous = {tag for version in self.versions if (tag := previous_tag(version, rules))} if first else set()
        policy = (POLICY_TAG,) if self.terms.follows else ()
        asked = tuple(dict.fromkeys((*names, *previous, *policy, *expect, *self._again)))
        if unlisted:
            snapshot = Snapshot(frozenset(), self.store.digests(asked))
        else:
            snapshot = self.store.snapshot(asked, (*manifests, *previous, *policy) if first else manifests)
        self._looked = True
        if policy:
            check_policy_stands(() if self.tolerant else snapshot.lost, self.store.place)
            self._read_policy(snapshot.digests[POLICY_TAG])
        rules = self.terms.rules(self.stored, self.store.place)
        found = _Reading(self, rules, snapshot, coming).run()
        self.seen, self._again = found.tags, found.read_again
        for tag in sorted(found.unlisted):
            self.warn("INCOMPLETE_LISTING", f"the listing omits {tag}, which exists: Tagger counts it")
        return found

    def warn(self, code: str, text: str) -> None:
        """Add a warning, each text only once."""
        self.warnings[code, text] = None

    def objection(self) -> TaggerError | None:
        """Return the error where the run contradicts the policy of the last look; else None."""
        return self.terms.objection(self.stored, self.store.place)

    def names(self, rules: Rules) -> list[str]:
        """Return the exact tags and the marks of the run's versions."""
        return [tag for version in self.versions for tag in (*rules.exact_tags(version), *marks_of(version, rules))]

    def _read_policy(self, digest: str | None) -> None:
        """Keep the JSON of the policy, given the digest under its tag. Raise `TaggerError` where it is no policy."""
        if digest == self._policy:
            return
        self._policy = digest
        self.stored = stored_policy(self.store, digest)


def look_before_write(
    view: View, expect: Iterable[str], *, manifests: Collection[str] = (), coming: Collection[Version] = ()
) -> Look:
    """Look at a repository that the first write may create.

    Some registries refuse the listing of a repository that does not exist yet, with 403, or with 401 as Docker Hub.
    Raise `TaggerError` where it cannot be written, or exists and its listing is refused.
    """
    try:
        return view.look(expect, manifests=manifests, coming=coming)
    except StoreError as error:
        if error.status not in (401, 403):
            raise
        view.store.check_writable()
        look = view.look(expect, coming=coming, unlisted=True)
        if any(look.digests.values()):
            raise
        return look


def marks_of(version: Version, rules: Rules) -> tuple[str, str]:
    """Return the tags of the two marks that a version may have."""
    return rules.withdrawn_mark(version), rules.held_mark(version)


class _Reading:
    """A look in progress: the tags that are `known` to exist, and the digests that were read."""

    def __init__(self, view: View, rules: Rules, snapshot: Snapshot, coming: Collection[Version]) -> None:
        self.view, self.rules, self.listing = view, rules, snapshot.tags
        self.digests = dict(snapshot.digests)
        self.coming = frozenset(tag for version in coming for tag in rules.exact_tags(version))
        self.known = snapshot.tags if view.seen <= snapshot.tags else snapshot.tags | view.seen
        self.lifted: frozenset[str] = frozenset()
        self.lost = snapshot.lost
        # A tag may be set while the look runs. So only tags that were known before can be omitted by the listing.
        before = frozenset(view.names(rules))
        self.unlisted = frozenset(tag for tag in snapshot.unlisted if tag in before or tag in view.seen)
        self._learn(self.digests)

    def run(self) -> Look:
        """Read until nothing changes the owner of a tag any more; return the look. Raise `StoreError`."""
        while True:
            look = self._with_owners()
            changes = look.changes(self.view.claim)
            done = {*self.view.vetted, *self.view.claim.images, *filter(None, self.view.wrote.values())}
            vetted = vet(self.view.store, look, changes, done, self._read_all)
            self._learn(self.digests)
            self.unlisted |= vetted.hidden
            if self.known is not look.tags and self.known != look.tags:  # large sets take a while to compare
                continue
            for text in vetted.unknown.values():
                self.view.warn("UNKNOWN_IMAGE", text)
            self.view.vetted.update(change.before for change in changes if change.writes and change.before)
            return look._replace(named=vetted.named, unlisted=self.unlisted, lost=self.lost)

    def _with_owners(self) -> Look:
        """Read the tags in scope, their owners' exact tags, and marks, until the owners stay the same."""
        while True:
            look, groups = self._decide()
            wanted = self._tags_to_read(look, groups)
            missing = [tag for tag in wanted if tag not in self.digests]
            self._read_all(missing)
            if not self._learn(wanted) and not missing:
                if not self.view.tolerant:
                    decisive = (*self.view.names(self.rules), *(tag for group in groups.values() for tag in group))
                    check_none_lost(self.lost.intersection(decisive), self.view.store.place)
                return look

    def _read_all(self, tags: Iterable[str]) -> Mapping[str, str | None]:
        """Read the tags that were not read yet; return all digests so far."""
        missing = [tag for tag in dict.fromkeys(tags) if tag not in self.digests]
        if missing:
            self._read(missing)
        return self.digests

    def _decide(self) -> tuple[Look, Mapping[str, Sequence[str]]]:
        """Return the look so far, and for each tag in scope the exact tags that must hold one image."""
        rules, view = self.rules, self.view
        decisive = contenders(self.known, rules) if view.amended is None else frozenset(self.known)
        published = rules.published(decisive | self.coming, self.lifted)
        published = view.amended(published) if view.amended else published
        owners = cascade(published.in_force, rules)
        wrote = (tag for tag in view.wrote if tag in self.known)  # such a tag may have no owner any more
        scope = tuple(dict.fromkeys((*view.scope(rules, owners, self.known), *wrote)))
        owned = {tag: owners[tag] for tag in scope if tag in owners}
        others = published.spellings(set(owned.values()))
        groups = {tag: rivals(owner, published, others, self.known) for tag, owner in owned.items()}
        marked = {v for v in view.claim.owns if v in published.versions and v not in published.in_force}
        unmarked = cascade(published.in_force | marked, rules) if marked else {}
        needed = needed_channel_tags(view.claim.owns, owned, self.digests, rules)
        look = Look(rules, self.known, decisive, published, owners, unmarked, needed, scope, self.digests)
        return self._with_images(look, owned, groups), groups

    def _with_images(self, look: Look, owned: Mapping[str, Version], groups: Mapping[str, Sequence[str]]) -> Look:
        """Return the look with the digest of each owner's exact tags, and the dispute where they differ."""
        held: dict[Version, str | None] = {}
        dispute = None
        for tag, group in groups.items():
            found = {digest for exact in group if (digest := self.digests.get(exact))}
            held[owned[tag]] = found.pop() if len(found) == 1 else None
            if found and held[owned[tag]] is None:
                dispute = Refused(
                    f"{self.view.store.place}: {' and '.join(sorted(group))} are spellings of one version and hold "
                    "different images",
                    f"Delete the wrong one, or withdraw it; {tag} cannot belong to both.",
                    code="AMBIGUOUS_VERSION",
                )
        return look._replace(held=held, dispute=dispute)

    def _tags_to_read(self, look: Look, groups: Mapping[str, Sequence[str]]) -> set[str]:
        """Return the tags whose digests decide: those in scope, the exact tags of their owners, and marks."""
        wanted = {*look.scope, *self.view.names(self.rules), *(tag for group in groups.values() for tag in group)}
        claim = self.view.claim
        owners = {look.owners[tag] for tag in look.scope if tag in look.owners}
        if claim.everything:  # then only the owners of tags that are to be written count
            changes = look.changes(claim) if wanted <= self.digests.keys() else ()
            written = {change.tag for change in changes if change.writes}
            owners = {look.owners[tag] for tag in written & look.owners.keys()}
        marks = {mark for owner in owners for mark in marks_of(owner, self.rules)}
        return wanted | marks | self._unread_marks(look)

    def _unread_marks(self, look: Look) -> set[str]:
        """Return the unread marks of versions that would own a tag in scope without them: a mark may be lifted."""
        published, rules = look.published, self.rules
        apart = (published.withdrawn | published.held) & published.versions
        unread = {
            v: found for v in apart if (found := self.known & frozenset(marks_of(v, rules)) - self.digests.keys())
        }
        if not unread:
            return set()
        hopeful = cascade(published.in_force.union(unread), rules)
        scope = set(self.view.scope(rules, hopeful, self.known))
        return {
            mark
            for version, marks in unread.items()
            for tag in rules.floating_tags(version, rules.channels)
            if tag in scope and (tag not in look.owners or look.owners[tag] < version)
            for mark in marks
        }

    def _read(self, missing: Sequence[str]) -> None:
        """Read digests by name. A listed tag without a manifest is read again, together with the listing."""
        store = self.view.store
        self.digests |= store.digests(missing)
        doubtful = {tag for tag in missing if tag in self.listing and self.digests[tag] is None}
        if doubtful:
            snapshot = store.snapshot(doubtful)
            self.listing, self.lost = snapshot.tags, self.lost | snapshot.lost
            self.digests |= snapshot.digests

    def _learn(self, read: Iterable[str]) -> bool:
        """Update the known tags and the lifted marks by what was read; return whether they changed."""
        before = self.known, self.lifted
        read = frozenset(read)
        absent = {tag for tag in read if self.digests[tag] is None} - counted_as_existing(self.lost, self.rules)
        if gone := self.known & absent:
            self.known = self.known - gone
        if new := [tag for tag in read if self.digests[tag] and tag not in self.known]:
            self.known = self.known | frozenset(new)
        lifted = (tag for tag, digest in self.digests.items() if digest == LIFTED_DIGEST and tag in self.known)
        self.lifted = frozenset(tag for tag in lifted if tag.startswith((WITHDRAWN_MARK, HELD_MARK)))
        return before != (self.known, self.lifted)
