"""Put every floating tag of a repository where it belongs, from what is published."""

from collections.abc import Iterator
from typing import NamedTuple

from tagger.errors import StoreError, TaggerError
from tagger.images.stores import TagStore
from tagger.operations.converge import Converged, converge, look_again
from tagger.operations.everywhere import each, everywhere, first_error, with_policy
from tagger.operations.look import Look, every_tag
from tagger.operations.removal import plan_removal
from tagger.operations.removing import remove
from tagger.operations.view import OwnTerms, Terms, View
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change, Claim

__all__ = ["Reconciliation", "reconcile"]

NOBODY = "no version of its class is left"


class Reconciliation(NamedTuple):
    """Which repositories to put in order; with `purge`, tags whose class has no version left are removed."""

    rules: Rules
    stores: tuple[TagStore, ...]
    purge: bool = False
    terms: Terms | None = None

    def view(self, store: TagStore) -> View:
        """Return a repository as this run sees it: it answers for every floating tag."""
        return View(store, self.terms or OwnTerms(self.rules), every_tag, Claim(everything=True))


def reconcile(job: Reconciliation, *, dry_run: bool = False) -> Running:
    """Converge every floating tag of every repository; nothing is written where nothing differs, or in a dry run."""

    def events(store: TagStore, outcome: Outcome) -> Iterator[Event]:
        for change in outcome.changes:
            if change.action == "hold":
                yield Event("warning", store.place, f"{change.tag}: {change.reason}", "ORPHANED")
            elif change.writes and not dry_run:
                yield Event("pointed" if change.after else "removed", store.place, change.tag)
        if not (outcome.error or dry_run):
            yield Event("verified", store.place, "every tag stands where it belongs")

    def look(store: TagStore) -> tuple[View, Look]:
        view = job.view(store)
        return view, view.look()

    def act(found: tuple[View, Look]) -> Outcome:
        return _reconcile(job, *found, dry_run)

    def objection(found: tuple[View, Look]) -> Outcome | None:
        view, seen = found
        try:
            seen.rules.check_lengths(seen.published.versions)
        except TaggerError as error:
            return Outcome.failed(view.store.place, error)
        wrong = seen.dispute or (incomplete_listing(view.store, seen) if seen.unlisted else None)
        return Outcome.failed(view.store.place, wrong) if wrong else None

    outcomes = yield from everywhere(
        job.stores, look, each(act, events), terms=job.terms, objection=objection, independent=True
    )
    return with_policy(Report("reconcile", outcomes, dry_run=dry_run, error=first_error(outcomes)), job.terms)


def incomplete_listing(store: TagStore, look: Look) -> StoreError:
    """Return the error of a listing that omits tags: what else it omits, nobody knows."""
    return StoreError(
        f"the listing omits {', '.join(sorted(look.unlisted))}, which stands",
        "Distribution 3.1.0 and 3.1.1 on S3 list so (distribution issue 4891): mend the registry, then run again.",
        code="INCOMPLETE_LISTING",
        place=store.place,
    )


def _reconcile(job: Reconciliation, view: View, look: Look, dry_run: bool) -> Outcome:
    """Put one repository in order, as it was looked at."""
    store = view.store
    result = Converged(tuple(look.changes(view.claim)), look) if dry_run else converge(view, look)
    orphans = sorted(result.look.orphans())
    if result.error or not orphans:
        return Outcome.of(store.place, result.changes, result.error, dry_run=dry_run, done="reconciled")
    if not job.purge:
        digests = store.digests(orphans)
        why = f"{NOBODY}; `--purge` removes it"
        held = [Change(tag, "hold", digest, digest, "", why) for tag, digest in digests.items() if digest]
        return Outcome.of(store.place, (*result.changes, *held), dry_run=dry_run, done="reconciled")
    try:
        assumed = {change.tag: change.after for change in result.changes if change.writes}
        removal = plan_removal(store, orphans, assumed=assumed)
    except TaggerError as error:
        return Outcome.of(store.place, result.changes, error, done="reconciled")
    purged = removal.changes(dict.fromkeys(orphans, NOBODY))
    if dry_run:
        return Outcome.of(store.place, (*result.changes, *purged), dry_run=True, done="reconciled")
    removed = remove(removal)
    changes = (*result.changes, *removed.changes(purged))
    return Outcome.of(store.place, *look_again(view, changes, removed.error), done="reconciled")
