"""Deletes tags, manifests with all their tags, or everything, and proves that no other tag was lost."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tagger.errors import InputError, Refused, StoreError, TaggerError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.stores import TagStore
from tagger.names import ALGORITHMS, DIGEST, check_tag
from tagger.operations.afterwards import outcome_after
from tagger.operations.everywhere import each, everywhere, first_error, with_policy
from tagger.operations.look import every_tag
from tagger.operations.lost import lost_notes
from tagger.operations.naming import in_places
from tagger.operations.removal import Removal, check_deletable, holds_manifest, plan_removal
from tagger.operations.removing import Removed, remove
from tagger.operations.stored import stored_policy
from tagger.operations.terms import Terms
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules, cascade
from tagger.rules.marks import HELD_MARK, POLICY_TAG, REMOVAL_TAG, WITHDRAWN_MARK
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["Deletion", "delete"]


class Deletion(NamedTuple):
    """What to delete: tags, and digests with every tag at them; or everything.

    `confirmed` is needed for digests, for everything, and for an exact tag without `force`. `force` is needed for a
    floating tag in force, for an exact tag that owns one, for a mark and for the policy.
    """

    names: tuple[str, ...]
    rules: Rules
    stores: tuple[TagStore, ...]
    everything: bool = False
    confirmed: bool = False
    force: bool = False
    terms: Terms | None = None

    def rules_for(self, removal: Removal) -> Rules:
        """Return the rules of a repository, by its policy. A policy that is to be deleted need not be legible."""
        if self.terms is None:
            return self.rules
        if not self.terms.follows:
            return self.terms.rules(None, removal.store.place)
        try:
            return self.terms.rules(stored_policy(removal.store, removal.before.get(POLICY_TAG)), removal.store.place)
        except Refused:
            if POLICY_TAG in removal.tags and (self.everything or self.force):
                return self.rules
            raise

    def check(self) -> None:
        """Raise `InputError` for a name that is neither tag nor digest, and where nothing is named."""
        if bool(self.names) == self.everything:
            raise InputError(
                "`--all` and names contradict each other" if self.names else "no tag and no digest to delete is named",
                "Drop `all`, or the names." if self.names else "Name tags or a digest (sha256:…).",
            )
        for tag in self.tags:
            algorithm, colon, _ = tag.partition(":")
            if colon and algorithm in ALGORITHMS:
                raise InputError(
                    f"{tag!r} is not a whole digest",
                    f"All {ALGORITHMS[algorithm]} digits are needed: `tags --json` shows them.",
                )
            check_tag(tag)

    @property
    def tags(self) -> tuple[str, ...]:
        """The names that are tags."""
        return tuple(name for name in dict.fromkeys(self.names) if not DIGEST.fullmatch(name))

    @property
    def digests(self) -> tuple[str, ...]:
        """The names that are digests."""
        return tuple(name for name in dict.fromkeys(self.names) if DIGEST.fullmatch(name))


def delete(job: Deletion, *, dry_run: bool = False) -> Running:
    """Delete in every repository, or in none where one of them objects.

    Raise `InputError` when no repository has one of the names, and for a name that is neither tag nor digest.
    """
    job.check()

    def act(target: _Target) -> Outcome:
        return _delete(target, dry_run)

    def consent(found: Mapping[TagStore, _Target]) -> Mapping[TagStore, Outcome]:
        _check_known(job, found)
        if dry_run or job.confirmed or not any(target.unconfirmed for target in found.values()):
            return {}
        return {store: target.unconfirmed_outcome() for store, target in found.items()}

    def events(store: TagStore, outcome: Outcome) -> Iterator[Event]:
        for change in outcome.changes:
            if change.writes and not dry_run:
                yield Event("removed", store.place, change.tag)
        for note in lost_notes(lost[store]):
            yield Event("warning", store.place, note, "MANIFEST_UNKNOWN")
        for tag in adrift[store]:
            text = f"{tag} belongs to another version then, or to none: run `reconcile`"
            yield Event("warning", store.place, text, "DRIFTED")

    def look(store: TagStore) -> _Target:
        target = _look(job, store)
        adrift[store], lost[store] = target.adrift, target.lost
        return target

    lost: dict[TagStore, tuple[str, ...]] = {}
    adrift: dict[TagStore, tuple[str, ...]] = {}
    acting = each(act, events)
    outcomes = yield from everywhere(
        job.stores, look, acting, terms=job.terms, objection=_Target.refused, consent=consent
    )
    return with_policy(Report("delete", outcomes, dry_run=dry_run, error=first_error(outcomes)), job.terms)


def _check_known(job: Deletion, found: "Mapping[TagStore, _Target]") -> None:
    """Raise `InputError` for names that no repository has, or that are only in its listing."""
    if unknown := set(job.names).difference(*(target.known for target in found.values())):
        names = " or ".join(sorted(unknown))
        places = in_places(store.place for store in found)
        if lost := sorted(unknown.intersection(tag for store in found for tag in store.tags())):
            raise InputError(
                f"{lost[0]} is listed, but its manifest is gone: there is nothing to delete{places}",
                "A release or `reconcile` writes a floating tag again. The operator of the registry has to remove "
                "any other.",
                code="MANIFEST_UNKNOWN",
            )
        raise InputError(f"no repository has {names}{places}", "See `tags` for what is there.", code="MANIFEST_UNKNOWN")


class _Target(NamedTuple):
    """One repository before the deletion.

    `changes` are the planned ones. `objections` has the names that must stay, with the reason. `adrift` are floating
    tags that stay and belong to another version afterwards. `lost` are listed tags whose manifests are gone.
    `unconfirmed` are the names that need a `--yes`.
    """

    removal: Removal
    changes: tuple[Change, ...]
    objections: Mapping[str, Refused]
    adrift: tuple[str, ...]
    lost: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    everything: bool = False

    @property
    def store(self) -> TagStore:
        """The repository."""
        return self.removal.store

    @property
    def known(self) -> frozenset[str]:
        """The tags and digests of this deletion that the repository has."""
        begun = self.removal.begun if self.removal.resumed else None
        left = (*begun.tags, *begun.manifests) if begun else ()
        return frozenset((*self.removal.tags, *self.removal.images, *self.objections, *left))

    def refused(self) -> Outcome | None:
        """Return the outcome where something must stay; else None."""
        if not self.objections:
            return None
        changes = [change.refused(o.message) for change in self.changes if (o := self.objections.get(change.tag))]
        return Outcome.failed(self.store.place, next(iter(self.objections.values())), changes)

    def unconfirmed_outcome(self) -> Outcome:
        """Return the outcome without `--yes`: a list of what would be deleted."""
        message, hint = "nothing was deleted; everything in the list would be", "Set `--yes` to delete it."
        return Outcome.unconfirmed(self.store.place, self.changes, message, hint)


def _look(job: Deletion, store: TagStore) -> _Target:
    """Read one repository: what has to be deleted for the names, and the objections. Raise `StoreError`."""
    check_deletable(store)
    digests = [digest for digest in job.digests if holds_manifest(store, digest)]
    listed = sorted(set(store.tags()) - {REMOVAL_TAG})
    removal = plan_removal(store, listed if job.everything else job.tags, digests, resume=job.everything)
    rules, before = job.rules_for(removal), removal.before
    lifted = {tag for tag, digest in before.items() if digest == LIFTED_DIGEST}
    published = rules.published(before, lifted)
    owners = cascade(published.in_force, rules)
    staying = before.keys() - removal.tags
    left = cascade(rules.published(staying, lifted).in_force, rules)
    exact = {tag: version for version, tags in published.exact.items() for tag in tags}
    versions = {tag: version.text for tag, version in (owners | exact).items()}
    objections = dict(_parts(removal, digests))
    if not job.force:
        objections |= _find_protected(
            rules, [tag for tag in job.tags if tag in before and tag not in lifted], owners, exact
        )
    return _Target(
        removal,
        (*removal.changes(dict.fromkeys((*removal.tags, *digests), "deleted"), versions), *removal.beside(versions)),
        objections,
        tuple(tag for tag in every_tag(rules, owners) if tag in staying and left.get(tag) != owners[tag]),
        tuple(tag for tag in listed if tag not in before),
        removal.tags if job.everything else (*digests, *(tag for tag in job.tags if tag in exact and not job.force)),
        job.everything,
    )


def _delete(target: _Target, dry_run: bool) -> Outcome:
    """Delete in one repository, or with `dry_run` return the outcome that this would have."""
    if dry_run:
        return Outcome.of(target.store.place, target.changes, dry_run=True)
    removed = (_empty(target.removal) if target.everything else None) or remove(target.removal)
    return outcome_after(target.store.place, removed.changes(target.changes), removed.error)._replace(
        warnings=removed.warnings
    )


def _empty(removal: Removal) -> Removed | None:
    """Delete everything with one request of the registry's own API; None where it has none."""
    store = removal.store
    try:
        if not removal.images or not store.empty():
            return None
        left = frozenset(store.tags())
    except TaggerError as error:
        return Removed(frozenset(), error)
    gone = frozenset((*removal.tags, *removal.images)) - left
    if not left:
        return Removed(gone)
    names = ", ".join(sorted(left))
    why = StoreError(
        f"everything was deleted, and {names} still exists",
        "Somebody may have pushed it at this moment: look again, and delete it then.",
        code="STILL_THERE",
        place=store.place,
    )
    return Removed(gone, why, left)


def _parts(removal: Removal, digests: list[str]) -> Iterator[tuple[str, Refused]]:
    """Yield the digests that are a part of an image that stays, and the tags at them, each with the refusal."""
    for digest in digests:
        if digest not in removal.images:
            refusal = Refused(
                f"{removal.store.place}: {digest} is a part of an image that stays",
                "Delete the image of which it is one platform, or the tags at it by their names.",
                code="DENIED",
            )
            yield digest, refusal
            for tag in removal.tags:
                if removal.before[tag] == digest:
                    yield tag, refusal


def _find_protected(
    rules: Rules, tags: list[str], owners: Mapping[str, Version], exact: Mapping[str, Version]
) -> Iterator[tuple[str, Refused]]:
    """Yield the tags that need `--force`, each with the refusal."""
    for tag in tags:
        version = exact.get(tag)
        floating = rules.floating_tags(version, rules.channels) if version else ()
        owned = [name for name in floating if owners.get(name) == version]
        mark = _mark(tag, rules)
        if tag in owners:
            why, hint = f"is in force: it belongs to {owners[tag]}", "`reconcile` would set it again."
        elif owned:
            why, hint = f"owns {', '.join(owned)}", f"`withdraw {tag}` points them at the version before it."
        elif mark:
            why, hint = mark
        else:
            continue
        yield tag, Refused(f"{tag} {why}", f"{hint} To delete it anyway, set `force: true`.", code="IN_FORCE")


def _mark(tag: str, rules: Rules) -> tuple[str, str] | None:
    """Return what a mark or the tag of the policy means, and a hint how to undo it; None for any other tag."""
    if tag == POLICY_TAG:
        return "says by which rules the tags are decided", "`policy unset` removes it."
    for start, state, undo in ((WITHDRAWN_MARK, "withdrawn", "withdraw {} --undo"), (HELD_MARK, "held", "approve {}")):
        if tag.startswith(start) and (version := rules.read(tag.removeprefix(start))):
            return f"says that {version} is {state}", f"`{undo.format(version)}` undoes that."
    return None
