"""Withdraws a version: marks it in the repository, then points its floating tags at the newest version left."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from tagger.errors import InputError, StoreError, TaggerError
from tagger.images.artifacts import WITHDRAWN
from tagger.images.stores import TagStore
from tagger.operations.afterwards import outcome_after
from tagger.operations.converge import look_again
from tagger.operations.everywhere import each, everywhere, first_error, with_policy
from tagger.operations.lifting import NO_DELETION, NO_REMOVAL
from tagger.operations.marking import (
    Marked,
    Marking,
    lifted_change,
    look_as_marked,
    mark_and_converge,
    tombstone,
    view_of,
)
from tagger.operations.naming import Named, all_tags, find_versions, no_version
from tagger.operations.removal import check_deletable, plan_removal
from tagger.operations.removing import remove
from tagger.operations.stored import set_change
from tagger.operations.terms import OwnTerms, Terms
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Published, Rules
from tagger.rules.marks import WITHDRAWN_MARK
from tagger.rules.plan import Change, Claim, full_name
from tagger.rules.undeclared import declare_hint, undeclared_variants
from tagger.rules.versions import Version

__all__ = ["Withdrawal", "withdraw"]


class Withdrawal(NamedTuple):
    """What to withdraw: a version with all its variants (`2.1.4`), or one of them by its exact tag (`2.1.4-alpine`).

    `undo` lifts the mark. `purge` also deletes the exact tag, and the image where nothing else names it; this has to be
    `confirmed`. `force` withdraws a version although there are tags that look like undeclared variants of it.
    """

    name: str
    rules: Rules
    stores: tuple[TagStore, ...]
    undo: bool = False
    purge: bool = False
    confirmed: bool = False
    force: bool = False
    terms: Terms | None = None


def withdraw(job: Withdrawal, *, dry_run: bool = False) -> Running:
    """Withdraw in every repository: first the mark, then the floating tags. The exact tag stays, for those who pin it.

    Only tags that hold the withdrawn image move. Nothing is written where any repository has an error. Raise
    `InputError` when no repository has the version.
    """
    meant: dict[Rules, list[Version]] = {}

    def consent(found: Mapping[TagStore, Marking]) -> Mapping[TagStore, Outcome]:
        targets = [found[store] for store in job.stores]
        if not any(target.named.versions for target in targets):
            raise no_version(job.name, [target.named for target in targets])
        for target in targets:
            meant.setdefault(target.named.rules, []).extend(target.named.versions)
        if job.purge and not (job.confirmed or dry_run):
            return {target.store: _outcome_without_yes(job, target) for target in targets}
        return {}

    def events(store: TagStore, outcome: Outcome) -> Sequence[Event]:
        if job.undo and not outcome.error and not any(one.tag.startswith(WITHDRAWN_MARK) for one in outcome.changes):
            return (
                Event(
                    "warning",
                    store.place,
                    f"{job.name} is not withdrawn there, so there is no mark to lift",
                    "IN_FORCE",
                ),
            )
        if dry_run or outcome.error:
            return ()
        return (Event("verified", store.place, f"{job.name} is {'in force' if job.undo else 'withdrawn'}"),)

    def act(target: Marking) -> Outcome:
        return _withdraw(job, target, dry_run)

    looks = partial(_look, job)
    outcomes = yield from everywhere(job.stores, looks, each(act, events, view_of), terms=job.terms, consent=consent)
    report = Report("withdraw", outcomes, version=job.name, dry_run=dry_run, error=first_error(outcomes))
    tags = dict.fromkeys(tag for rules, versions in meant.items() for tag in all_tags(rules, versions))
    return with_policy(report._replace(tags=tuple(tags)), job.terms)


def _look(job: Withdrawal, store: TagStore) -> Marking:
    """Read one repository. Raise `TaggerError` where the version cannot be withdrawn there."""
    terms = job.terms or OwnTerms(job.rules)
    named = find_versions(store, terms, job.name)
    versions = frozenset(named.versions)
    if job.undo:
        _check_not_in_settings(named)
    elif not job.force:
        _check_variants(named)
    if job.purge:
        check_deletable(store)

    def amended(published: Published) -> Published:
        withdrawn = published.withdrawn
        return published._replace(withdrawn=withdrawn - versions if job.undo else withdrawn | versions)

    claim = Claim(owns=versions) if job.undo else Claim(images=named.images)
    marks = [change for version in named.versions if (change := _mark(job, named, version))]
    return look_as_marked(named, terms, marks, claim, amended)


def _check_not_in_settings(named: Named) -> None:
    """Raise `InputError` where the setting `withdrawn` has one of the versions, as lifting a mark would not help."""
    rules = named.rules
    apart = [version for version in named.versions if not rules.withdrawn_names(version).isdisjoint(rules.withdrawn)]
    if apart:
        raise InputError(
            f"{named.store.place}: {apart[0]} is withdrawn by the setting `withdrawn`",
            "Remove it from that setting first.",
        )


def _check_variants(named: Named) -> None:
    """Raise `InputError` where tags look like undeclared variants of one of the versions."""
    exact = {tag for version in named.versions for tag in named.rules.exact_tags(version)}
    undeclared = undeclared_variants(exact, named.tags, named.rules)
    if undeclared:
        tags = ", ".join(undeclared)
        raise InputError(
            f"{named.store.place}: {tags} would stay in force: it looks like an undeclared variant",
            f"{declare_hint(undeclared)} To withdraw the others alone, set `--force`.",
            code="UNDECLARED_VARIANT",
        )


def _mark(job: Withdrawal, named: Named, version: Version) -> Change | None:
    """Return the change of a version's mark, which holds its image, or an empty artifact where that is purged."""
    mark = named.rules.withdrawn_mark(version)
    if job.undo:
        return lifted_change(named, version, mark, "the withdrawal is undone")
    own = tombstone(WITHDRAWN, named.rules.exact_tags(version)[0]).digest
    after = own if job.purge else named.image(version) or own
    undo = "purged, which cannot be undone" if job.purge else f"`withdraw {job.name} --undo` undoes that"
    change = set_change(named.digests.get(mark), version, mark, after, f"{full_name(version)} is withdrawn; {undo}")
    if change.action != "keep":
        return change
    if job.purge and change.after != own:
        return change._replace(action="move", after=own)
    return change._replace(reason="withdrawn already")


def _withdraw(job: Withdrawal, target: Marking, dry_run: bool) -> Outcome:
    """Withdraw in one repository, or with `dry_run` return the outcome that this would have."""
    if dry_run:
        return _purge(job, target, _plan(target), dry_run=True)
    rules = target.named.rules
    tombstones = [tombstone(WITHDRAWN, rules.exact_tags(version)[0]) for version in target.named.versions]
    marked = mark_and_converge(target, tombstones)
    return _purge(
        job, target, marked._replace(error=_still_served(target, marked.changes, marked.error)), dry_run=False
    )


def _plan(target: Marking) -> Marked:
    """Return the planned changes. Tags without an owner stay where the registry is known to remove no tags."""
    planned = target.planned()
    leaving = [change.tag for change in planned if change.action == "remove" and change not in target.marks]
    try:
        check_deletable(target.store, leaving)
    except StoreError as error:
        if leaving:
            left = [
                change.refused(f"not removed: {error.message}") if change.tag in leaving else change
                for change in planned
            ]
            return Marked(tuple(left), target.look, _still_served(target, left, error))
    return Marked(tuple(planned), target.look)


def _still_served(target: Marking, changes: Sequence[Change], error: TaggerError | None) -> TaggerError | None:
    """Return the error; where tags could not be removed, it names those that still hold the withdrawn image."""
    if not isinstance(error, StoreError):
        return error
    leaving = {change.tag for change in target.planned() if change.action == "remove"}
    held = (change for change in changes if change.action == "refuse" and change.after in target.named.images)
    left = [change.tag for change in held if change.tag in leaving]
    if not left:
        return error
    why = (
        NO_REMOVAL
        if error.code in NO_DELETION
        else f"removing failed: {error.message.removeprefix(f'{error.place}: ')}"
    )
    still = f"{', '.join(left)} still {'holds' if len(left) == 1 else 'hold'} the withdrawn image"
    return StoreError(
        f"{still}: no version of its class is left, and {why}",
        error.hint,
        code=error.code,
        place=target.store.place,
        status=error.status,
    )


def _purge(job: Withdrawal, target: Marking, marked: Marked, *, dry_run: bool) -> Outcome:
    """Remove the exact tags with `purge`, after every other tag is right; return the outcome."""
    store, changes = target.store, marked.changes
    exact = {tag: version for version in target.named.versions for tag in target.named.published.exact.get(version, ())}
    if marked.error or not job.purge:
        return outcome_after(store.place, changes, marked.error, dry_run=dry_run)
    try:
        assumed = {change.tag: change.after for change in changes if change.writes} if dry_run else {}
        # Where the tags are gone, a crashed run may have left images: the record of its removal names them.
        names = exact or [tag for version in target.named.versions for tag in target.named.rules.exact_tags(version)]
        removal = plan_removal(store, names, assumed=assumed)
    except TaggerError as failure:
        return outcome_after(store.place, changes, failure, dry_run=dry_run)
    versions = {tag: v.text for v, tags in target.named.published.exact.items() for tag in tags}
    known = {change.tag for change in changes}
    planned = [
        *removal.changes({tag: f"{full_name(version)} is purged" for tag, version in exact.items()}, versions),
        *(change for change in removal.beside(versions) if change.tag not in known),
    ]
    if dry_run:
        return outcome_after(store.place, [*changes, *planned], None, dry_run=True)
    removed = remove(removal)
    made = [*changes, *removed.changes(planned)]
    outcome = outcome_after(store.place, *look_again(target.view, made, removed.error), dry_run=False)
    return outcome._replace(warnings=removed.warnings)


def _outcome_without_yes(job: Withdrawal, target: Marking) -> Outcome:
    """Return the outcome without `--yes`: a list of what would change."""
    planned = _purge(job, target, _plan(target), dry_run=True)
    place, hint = target.store.place, "Set `--yes` to purge it."
    return Outcome.unconfirmed(place, planned.changes, "nothing was written; a purge cannot be undone", hint)
