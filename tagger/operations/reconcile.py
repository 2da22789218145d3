"""Put every floating tag of a repository where it belongs, from what is published."""

from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.operations.converge import Converged, converge, look_again
from tagger.operations.look import every_tag
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
    ended: dict[TagStore, Outcome] = {}
    for store, outcome in side_by_side(lambda store: _reconcile(job, store, dry_run), job.stores):
        if isinstance(outcome, TaggerError):
            ended[store] = Outcome.failed(store.place, outcome)
            continue
        ended[store] = outcome
        for change in outcome.changes:
            if change.action == "hold":
                yield Event("warning", store.place, f"{change.tag}: {change.reason}", "ORPHANED")
            elif change.writes and not dry_run:
                yield Event("pointed" if change.after else "removed", store.place, change.tag)
        if not (outcome.error or dry_run):
            yield Event("verified", store.place, "every tag stands where it belongs")
    outcomes = tuple(ended[store] for store in job.stores)
    return Report("reconcile", outcomes, dry_run=dry_run, error=next((o.error for o in outcomes if o.error), None))


def _reconcile(job: Reconciliation, store: TagStore, dry_run: bool) -> Outcome:
    """Put one repository in order. Raise `TaggerError` where nothing could be read, or be decided."""
    view = job.view(store)
    look = view.look()
    look.rules.check_lengths(look.published.versions)
    if look.dispute:
        raise look.dispute
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
