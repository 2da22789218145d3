"""Put every floating tag of a repository where it belongs, from what is published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.operations.converge import Converged, converge
from tagger.operations.side_by_side import side_by_side
from tagger.operations.state import read_state
from tagger.reporting.outcomes import Event, Outcome, Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.rules.versions import Version

__all__ = ["Reconciliation", "reconcile"]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Which repositories to put in order; with `purge`, tags whose class has no version left are removed."""

    rules: Rules
    stores: tuple[TagStore, ...]
    purge: bool = False


def reconcile(job: Reconciliation, *, dry_run: bool = False) -> Running:
    """Converge every floating tag of every repository; nothing is written where nothing differs, or in a dry run."""
    ended: dict[TagStore, Outcome] = {}
    for store, result in side_by_side(lambda store: _reconcile(job, store, dry_run), job.stores):
        if isinstance(result, TaggerError):
            ended[store] = Outcome.failed(store.place, result)
            continue
        for change in result.changes:
            if change.action == "hold":
                yield Event("warning", store.place, f"{change.tag}: {change.reason}")
        ended[store] = Outcome.of(store.place, result.changes, result.error, dry_run=dry_run)
    outcomes = tuple(ended[store] for store in job.stores)
    return Report("reconcile", outcomes, dry_run=dry_run, error=next((o.error for o in outcomes if o.error), None))


def _reconcile(job: Reconciliation, store: TagStore, dry_run: bool) -> Converged:
    """Put one repository in order."""
    state = read_state(store, job.rules, every_tag)
    job.rules.check_lengths(state.published.versions)
    if dry_run:
        if state.dispute:
            raise state.dispute
        result = Converged(tuple(state.changes(job.rules)), state)
    else:
        result = converge(store, job.rules, every_tag, first=state)
    left = sorted(result.state.orphans(job.rules))
    if result.error or not left:
        return result
    digests = store.digests(left)
    if not job.purge:
        why = "no version of its class is left; `--purge` removes it"
        held = [Change(tag, "hold", digests[tag], digests[tag], "", why) for tag in left if digests[tag]]
        return replace(result, changes=(*result.changes, *held))
    why = "no version of its class is left"
    gone = [Change(tag, "remove", digests[tag], None, "", why) for tag in left if digests[tag]]
    for change in () if dry_run else gone:
        store.untag(change.tag)
    return replace(result, changes=(*result.changes, *gone))


def every_tag(owners: Mapping[str, Version]) -> Iterable[str]:
    """Answer for every floating tag."""
    return owners
