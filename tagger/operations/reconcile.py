"""Put every floating tag of a repository where it belongs, from what is published."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.operations.converge import Converged, converge, look_again
from tagger.operations.removal import plan_removal
from tagger.operations.removing import remove
from tagger.operations.state import Scope, read_state
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["Reconciliation", "every_tag", "reconcile"]

NOBODY = "no version of its class is left"


class Reconciliation(NamedTuple):
    """Which repositories to put in order; with `purge`, tags whose class has no version left are removed."""

    rules: Rules
    stores: tuple[TagStore, ...]
    purge: bool = False


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


def every_tag(rules: Rules) -> Scope:
    """Answer for every floating tag: those of the oldest versions first, narrow to wide."""

    def tags(owners: Mapping[str, Version]) -> Iterable[str]:
        for owner in sorted(set(owners.values()), key=lambda version: (version.variant, version)):
            for tag in rules.floating_tags(owner, rules.channels):
                if owners.get(tag) == owner:
                    yield tag

    return tags


def _reconcile(job: Reconciliation, store: TagStore, dry_run: bool) -> Outcome:
    """Put one repository in order. Raise `TaggerError` where nothing could be read, or be decided."""
    state = read_state(store, job.rules, every_tag(job.rules))
    job.rules.check_lengths(state.published.versions)
    if state.dispute:
        raise state.dispute
    if dry_run:
        result = Converged(tuple(state.changes(job.rules)), state)
    else:
        result = converge(store, job.rules, every_tag(job.rules), first=state)
    orphans = sorted(result.state.orphans(job.rules))
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
    return Outcome.of(
        store.place, *look_again(store, job.rules, every_tag(job.rules), changes, removed.error), done="reconciled"
    )
