"""Withdraw a version: mark it in the repository, then point its floating tags at the newest version left."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import InputError, TaggerError
from tagger.images.artifacts import WITHDRAWN, artifact, put_artifact
from tagger.images.manifests import Manifest
from tagger.images.stores import TagStore
from tagger.operations.converge import converge, look_again
from tagger.operations.look import Look, own_tags
from tagger.operations.reconcile import NOBODY
from tagger.operations.removal import (
    check_deletable,
    deletes_whole_images,
    plan_removal,
)
from tagger.operations.removing import remove
from tagger.operations.view import OwnTerms, Terms, View
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Published, Rules
from tagger.rules.plan import Action, Change, Claim
from tagger.rules.versions import Version

__all__ = ["Withdrawal", "withdraw"]


class Withdrawal(NamedTuple):
    """What to withdraw: a version with all its variants (`2.1.4`), or one of them by its exact tag (`2.1.4-alpine`).

    `undo` takes it back; `purge` deletes the exact tag too, and the image where nothing else names it.
    """

    name: str
    rules: Rules
    stores: tuple[TagStore, ...]
    undo: bool = False
    purge: bool = False
    terms: Terms | None = None

    def versions(self, published: Published) -> tuple[Version, ...]:
        """Return the versions of a repository that are meant, newest first; a purged one is known by its mark."""
        known = published.versions | published.withdrawn
        return tuple(sorted((v for v in known if self.name in self.rules.withdrawn_names(v)), reverse=True))

    def tags(self, versions: Iterable[Version]) -> tuple[str, ...]:
        """Return all that the settings give these versions, exact first."""
        meant = tuple(dict.fromkeys(versions))
        exact = [tag for version in meant for tag in self.rules.exact_tags(version)]
        return tuple(dict.fromkeys((*exact, *(tag for v in meant for tag in self.rules.floating_tags(v)))))


def withdraw(job: Withdrawal, *, dry_run: bool = False) -> Running:
    """Withdraw in every repository: the mark first, then the floating tags; the exact tag stays, so that pins work.

    Nothing is written where something is wrong anywhere. Raise `InputError` when no repository has the version.
    """
    looked = dict(side_by_side(lambda store: _look(job, store), job.stores))
    targets = [found for store in job.stores if isinstance(found := looked[store], _Target)]
    ended = {store: Outcome.failed(store.place, r) for store, r in looked.items() if isinstance(r, TaggerError)}
    tags = job.tags(version for target in targets for version in target.versions)
    if ended:
        ended |= {target.store: Outcome(target.store.place, "unchanged") for target in targets}
        targets = []
    elif not any(target.versions for target in targets):
        raise InputError(
            f"no repository holds a version {job.name}",
            "See `tags` for what is there; one variant is named by its exact tag, as 2.1.4-alpine.",
            code="MANIFEST_UNKNOWN",
        )
    for target, result in side_by_side(lambda target: _withdraw(job, target, dry_run), targets):
        outcome = Outcome.failed(target.store.place, result) if isinstance(result, TaggerError) else result
        ended[target.store] = outcome
        if not (dry_run or outcome.error):
            yield Event("verified", target.store.place, f"{job.name} is {'in force' if job.undo else 'withdrawn'}")
    outcomes = tuple(ended[store] for store in job.stores)
    error = next((outcome.error for outcome in outcomes if outcome.error), None)
    return Report("withdraw", outcomes, version=job.name, tags=tags, dry_run=dry_run, error=error)


class _Target(NamedTuple):
    """A repository before the withdrawal: the versions that are meant, what becomes of their marks, and the look
    that follows from that."""

    store: TagStore
    versions: tuple[Version, ...]
    marks: tuple[Change, ...]
    view: View
    look: Look


def _look(job: Withdrawal, store: TagStore) -> _Target:
    """Read one repository. Raise `TaggerError` where something is wrong with it."""
    rules = job.rules
    versions = job.versions(rules.published(store.tags()))
    set_apart = [v for v in versions if not rules.withdrawn_names(v).isdisjoint(rules.withdrawn)]
    if job.undo and set_apart:
        raise InputError(
            f"{store.place}: {set_apart[0]} is withdrawn by the setting `withdrawn`", "Take it out of there first."
        )

    def amended(published: Published) -> Published:
        others = published.withdrawn - frozenset(versions)
        return published._replace(withdrawn=others if job.undo else others.union(versions))

    terms = job.terms or OwnTerms(rules)
    view = View(store, terms, own_tags(versions), Claim(everything=True), versions=versions, amended=amended)
    look = view.look()
    if look.dispute:
        raise look.dispute
    changes = [change for version in versions if (change := _mark(job, store, version, look))]
    removed = [change.tag for change in changes if change.action == "remove"]
    if job.purge or removed:
        check_deletable(store, removed)
    return _Target(store, versions, tuple(changes), view, look)


def _mark(job: Withdrawal, store: TagStore, version: Version, look: Look) -> Change | None:
    """Return what becomes of a version's mark, which stands at its image.

    Of a purged version it stands at an empty artifact; so it does where an image can only be deleted with all its tags,
    since the mark could not be taken back there without the image.
    """
    mark = job.rules.withdrawn_mark(version)
    before = look.digests[mark]
    if job.undo:
        return Change(mark, "remove", before, None, version.text, "the withdrawal is taken back") if before else None
    held = (digest for tag in job.rules.exact_tags(version) if (digest := look.digests[tag]))
    own = _tombstone(job.rules, version).digest
    after = own if job.purge or deletes_whole_images(store) else before or next(held, own)
    action: Action = "create" if before is None else "keep" if before == after else "move"
    reason = "withdrawn already" if action == "keep" else f"{version} is withdrawn"
    return Change(mark, action, before, after, version.text, reason)


def _withdraw(job: Withdrawal, target: _Target, dry_run: bool) -> Outcome:
    """Withdraw in one repository, or say what that would do."""
    store, rules = target.store, job.rules
    if dry_run:
        return _clear(job, target, [*target.marks, *target.look.changes(target.view.claim)], target.look, dry_run=True)
    marks, error = _set_marks(rules, target)
    if error:
        written = any(change.writes for change in marks)
        return (
            Outcome.of(store.place, marks, error, done="withdrawn")
            if written
            else Outcome.failed(store.place, error, marks)
        )
    seen = [change.tag for change in marks if change.after]
    target.view.know(seen)
    result = converge(target.view)
    changes = [*marks, *result.changes]
    if result.error:
        return Outcome.of(store.place, changes, result.error, done="withdrawn")
    return _clear(job, target, changes, result.look, dry_run=False)


def _set_marks(rules: Rules, target: _Target) -> tuple[Sequence[Change], TaggerError | None]:
    """Set the marks, or remove them; return what became of each, and what went wrong."""
    store, marks = target.store, target.marks
    removed = [change.tag for change in marks if change.action == "remove"]
    try:
        if removed:
            ended = remove(plan_removal(store, removed))
            return ended.changes(marks), ended.error
        tombstones = {one.digest: one for one in (_tombstone(rules, version) for version in target.versions)}
        for change in marks:
            if change.writes and change.after in tombstones:
                put_artifact(store, tombstones[change.after], [change.tag])
            elif change.writes and change.after:
                store.point(store.manifest(change.after), [change.tag])
    except TaggerError as error:
        now = store.digests([change.tag for change in marks])
        return [
            change if now[change.tag] == change.after else change.refused(f"not written: {error.message}")
            for change in marks
        ], error
    return marks, None


def _clear(job: Withdrawal, target: _Target, changes: Sequence[Change], look: Look, *, dry_run: bool) -> Outcome:
    """Remove the floating tags that nobody is left for, and what is purged; say so where the registry cannot."""
    store, published = target.store, job.rules.published(look.tags)
    why = _leaving(job, target, look, published)
    if not why:
        return Outcome.of(store.place, changes, dry_run=dry_run, done="withdrawn")
    versions = {tag: version.text for version, tags in published.exact.items() for tag in tags}
    try:
        assumed = {change.tag: change.after for change in changes if change.writes} if dry_run else {}
        removal = plan_removal(store, why, assumed=assumed)
        known = {change.tag for change in changes}
        planned = [
            *removal.changes(why, versions),
            *(change for change in removal.beside(versions) if job.purge and change.tag not in known),
        ]
        if dry_run:
            return Outcome.of(store.place, [*changes, *planned], dry_run=True, done="withdrawn")
        removed = remove(removal)
        if job.purge or removed.error is None or removed.error.code != "UNSUPPORTED":
            made, error = [*changes, *removed.changes(planned)], removed.error
            return Outcome.of(store.place, *look_again(target.view, made, error), done="withdrawn")
    except TaggerError as failure:
        if job.purge or failure.code != "UNSUPPORTED":
            return Outcome.of(store.place, changes, failure, done="withdrawn")
    digests = store.digests(tuple(why))
    held = [
        Change(tag, "hold", digests[tag], digests[tag], "", f"{reason}, and the registry removes no tags")
        for tag, reason in why.items()
    ]
    return Outcome.of(store.place, [*changes, *held], dry_run=dry_run, done="withdrawn")


def _leaving(job: Withdrawal, target: _Target, look: Look, published: Published) -> dict[str, str]:
    """Return the tags that are to go, each with the reason."""
    if job.undo:
        return {}
    rules = job.rules
    floating = {tag for version in target.versions for tag in rules.floating_tags(version, rules.channels)}
    orphans = dict.fromkeys(sorted(look.orphans() & floating), NOBODY)
    exact = {tag: v for v in target.versions for tag in published.exact.get(v, ())} if job.purge else {}
    return orphans | {tag: f"{version} is purged" for tag, version in exact.items()}


def _tombstone(rules: Rules, version: Version) -> Manifest:
    """Return the artifact that a mark stands at when it cannot stand at the image: each version has one of its own."""
    return artifact({WITHDRAWN: rules.exact_tags(version)[0]})
