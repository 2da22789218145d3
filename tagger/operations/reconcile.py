"""Puts every floating tag of a repository where it belongs, by the published versions."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tagger.errors import InputError, StoreError, TaggerError
from tagger.images.stores import TagStore
from tagger.operations.afterwards import outcome_after
from tagger.operations.converge import Converged, converge, look_again
from tagger.operations.everywhere import (
    all_in_place,
    each,
    everywhere,
    first_error,
    no_repository,
    revision_warnings,
    variant_warnings,
    with_policy,
)
from tagger.operations.look import Look, every_tag
from tagger.operations.removal import plan_removal
from tagger.operations.removing import remove
from tagger.operations.terms import DEFAULTS_DECIDE, OwnTerms, Terms
from tagger.operations.view import View
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.plan import NO_OWNER, Change, Claim, full_name

__all__ = ["Reconciliation", "reconcile"]


class Reconciliation(NamedTuple):
    """Which repositories to put in order. With `purge`, tags whose class has no version left are removed.

    Where only default rules decide, a tag that would move to an older version, or from an unknown image, is moved only
    with `force`. The removals of `purge` have to be `confirmed`.
    """

    rules: Rules
    stores: tuple[TagStore, ...]
    purge: bool = False
    terms: Terms | None = None
    force: bool = False
    confirmed: bool = True

    def view(self, store: TagStore) -> View:
        """Return the view of a repository for this run, which answers for every floating tag."""
        return View(store, self.terms or OwnTerms(self.rules), every_tag, Claim(everything=True))

    def defaults_rule(self, view: View) -> bool:
        """Say whether neither a policy nor a setting gives the rules of a repository."""
        return self.terms is not None and view.stored is None and self.terms.summary().source == "default"


def reconcile(job: Reconciliation, *, dry_run: bool = False) -> Running:
    """Converge every floating tag of every repository. A dry run writes nothing."""

    looks: dict[TagStore, Look] = {}

    def events(store: TagStore, outcome: Outcome) -> Iterator[Event]:
        for change in outcome.changes:
            if change.action == "hold":
                yield Event("warning", store.place, f"{change.tag}: {change.reason}", "ORPHANED")
            elif change.writes and not dry_run:
                yield Event("pointed" if change.after else "removed", store.place, change.tag)
        yield from variant_warnings(store, looks[store], looks[store].published.versions)
        yield from revision_warnings(store.place, looks[store].tags, looks[store].rules)
        if not (outcome.error or dry_run):
            yield all_in_place(store.place)

    def look(store: TagStore) -> tuple[View, Look]:
        view = job.view(store)
        found = view.look()
        if not store.exists():
            raise no_repository(store)
        looks[store] = found
        return view, found

    def act(found: tuple[View, Look]) -> Outcome:
        return _reconcile(job, *found, dry_run)

    def objection(found: tuple[View, Look]) -> Outcome | None:
        try:
            _check(job, *found)
            return None if dry_run or job.confirmed or not job.purge else _outcome_without_yes(*found)
        except TaggerError as error:
            return Outcome.failed(found[0].store.place, error)

    acting = each(act, events, lambda found: found[0])
    outcomes = yield from everywhere(job.stores, look, acting, terms=job.terms, objection=objection, independent=True)
    if job.terms and job.terms.summary().source == "default":
        yield Event("warning", "", DEFAULTS_DECIDE, "DEFAULTS")
    return with_policy(Report("reconcile", outcomes, dry_run=dry_run, error=first_error(outcomes)), job.terms)


def _check(job: Reconciliation, view: View, look: Look) -> None:
    """Raise `TaggerError` where a repository must not be put in order."""
    look.rules.check_lengths(look.published.versions)
    if wrong := look.dispute or (incomplete_listing(view.store, look) if look.unlisted else None):
        raise wrong
    if job.defaults_rule(view) and not job.force and (risky := _risky_moves(view, look)):
        raise _defaults(view.store, risky)


def incomplete_listing(store: TagStore, look: Look) -> StoreError:
    """Return the error of a listing that omits tags: it may omit others too."""
    return StoreError(
        f"the listing omits {', '.join(sorted(look.unlisted))}, which exists",
        "Distribution 3.1.0 and 3.1.1 on S3 do that (distribution issue 4891): repair the registry, then run again.",
        code="INCOMPLETE_LISTING",
        place=store.place,
    )


def _reconcile(job: Reconciliation, view: View, look: Look, dry_run: bool) -> Outcome:
    """Put one repository in order, beginning with a look at it."""
    store = view.store
    result = Converged(tuple(look.changes(view.claim)), look) if dry_run else converge(view, look)
    orphans = sorted(result.look.orphans())
    try:
        if result.error or not orphans:
            return outcome_after(store.place, result.changes, result.error, dry_run=dry_run)
        if not job.purge:
            digests = store.digests(orphans)
            why = f"{NO_OWNER}; `--purge` removes it"
            held = [Change(tag, "hold", digest, digest, "", why) for tag, digest in digests.items() if digest]
            return outcome_after(store.place, (*result.changes, *held), None, dry_run=dry_run)
        assumed = {change.tag: change.after for change in result.changes if change.writes}
        removal = plan_removal(store, orphans, assumed=assumed)
    except TaggerError as error:  # the report keeps what was written before
        return outcome_after(store.place, result.changes, error, dry_run=dry_run)
    purged = removal.changes(dict.fromkeys(orphans, NO_OWNER))
    if dry_run:
        return outcome_after(store.place, (*result.changes, *purged), None, dry_run=True)
    removed = remove(removal)
    changes = (*result.changes, *removed.changes(purged))
    return outcome_after(store.place, *look_again(view, changes, removed.error), dry_run=False)


def _outcome_without_yes(view: View, look: Look) -> Outcome | None:
    """Return the outcome without `--yes`: a list of what would be removed. None where nothing would be."""
    orphans = sorted(look.orphans())
    if not orphans:
        return None
    digests = view.store.digests(orphans)
    changes = [Change(tag, "remove", digest, None, "", NO_OWNER) for tag, digest in digests.items()]
    return Outcome.unconfirmed(view.store.place, changes, "nothing was written", "Set `--yes` to remove these tags.")


def _risky_moves(view: View, look: Look) -> dict[str, str]:
    """Return the tags that would move to an older version, or from an image of no version, each with the reason."""
    moves = [change for change in look.changes(view.claim) if change.action == "move"]
    if not moves:
        return {}
    rules = look.rules
    published = rules.published(look.tags)
    risky = {}
    for change in moves:
        owner = look.owners[change.tag]
        members = [v for v in published.versions if change.tag in rules.floating_tags(v, rules.channels)]
        exact = {tag: version for version in members for tag in published.exact[version]}
        digests = {**view.store.digests(exact.keys() - look.digests.keys()), **look.digests}
        holders = [version for tag, version in exact.items() if digests[tag] == change.before]
        if not holders:
            risky[change.tag] = f"{change.tag} holds the image of none of its versions"
        elif newer := [v for v in holders if v > owner and v in published.in_force]:
            risky[change.tag] = f"{change.tag} holds {full_name(newer[0])}, and would move back to {full_name(owner)}"
    return risky


def _defaults(store: TagStore, risky: Mapping[str, str]) -> InputError:
    return InputError(
        f"{store.place}: only the default rules decide, and {'; '.join(risky.values())}",
        "Give the settings of the repository, or store them in it with `policy set`. To move these tags anyway, "
        "set `--force`.",
        code="DEFAULTS",
    )
