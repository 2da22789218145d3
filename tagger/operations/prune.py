"""Deletes the versions and plain tags that the rules leave out, with what belongs to them, and nothing else."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tagger.errors import Refused, StoreError, TaggerError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.stores import Catalogued, PrunableStore, TagStore
from tagger.operations.afterwards import outcome_after
from tagger.operations.everywhere import each, everywhere, first_error, no_repository, with_policy
from tagger.operations.look import every_tag
from tagger.operations.removal import Removal, check_deletable, standing_tags, tags_and_begun
from tagger.operations.removing import remove
from tagger.operations.stocktaking import Manifests, Stock, image_ages, read_stock
from tagger.operations.terms import OwnTerms, Terms
from tagger.operations.unfinished import Unfinished
from tagger.operations.view import View
from tagger.results import Event, Outcome, Pruned, Report, Running
from tagger.rules.cascade import Rules, cascade
from tagger.rules.marks import is_reserved
from tagger.rules.plan import Change, Claim
from tagger.rules.remains import Leftover, leftover
from tagger.rules.retention import Holdings, Retention, Verdict, judge

__all__ = ["Pruning", "prune"]

SHOWN_DIGITS = 16  # of a plan's id


class Pruning(NamedTuple):
    """Which repositories to prune, and by which rules.

    `now` is the time in seconds since 1970. At most `limit` percent of the tags may be deleted, unless with `force`.
    Without `confirmed` nothing is deleted. With a `plan_id`, only the plan with that id is carried out.
    """

    rules: Rules
    stores: tuple[PrunableStore, ...]
    retention: Retention
    now: float
    limit: int = 20
    confirmed: bool = False
    force: bool = False
    plan_id: str = ""
    terms: Terms | None = None


def prune(job: Pruning) -> Running:
    """Plan in every repository, then delete in all of them, or in none where one has an error or an objection."""
    stores: dict[TagStore, PrunableStore] = {store: store for store in job.stores}
    plans: dict[TagStore, _Plan] = {}

    def look(store: TagStore) -> _Plan:
        plans[store] = _plan(job, stores[store])
        return plans[store]

    def consent(found: Mapping[TagStore, _Plan]) -> Mapping[TagStore, Outcome]:
        if not job.plan_id or job.plan_id == _plan_id(found.values()) or _is_rest(found.values(), job.plan_id):
            return {}
        return {store: Outcome.failed(store.place, _other_plan(store, job.plan_id)) for store in found}

    def act(plan: _Plan) -> Outcome:
        return plan.delete(_plan_id(plans.values())) if job.confirmed else plan.planned()

    def events(store: TagStore, outcome: Outcome) -> Iterator[Event]:
        plan = plans[store]
        for text in plan.warnings(job):
            yield Event("warning", store.place, text, "PRUNE")
        for change in outcome.changes if job.confirmed else ():
            if change.writes:
                yield Event("removed", store.place, change.tag)

    outcomes = yield from everywhere(
        job.stores,
        look,
        each(act, events),
        terms=job.terms,
        objection=lambda plan: plan.objection(job),
        consent=consent,
    )
    return with_policy(_report(job, plans.values(), outcomes), job.terms)


def _report(job: Pruning, plans: "Iterable[_Plan]", outcomes: tuple[Outcome, ...]) -> Report:
    """Return the report with the plan and the outcomes."""
    done = {outcome.repository: outcome for outcome in outcomes}
    return Report(
        "prune",
        outcomes,
        dry_run=not job.confirmed,
        error=first_error(outcomes),
        plan_id=_plan_id(plans),
        pruned=tuple(plan.summary(done[plan.place], job.confirmed) for plan in plans),
    )


class _Plan(NamedTuple):
    """What is deleted in one repository, given every tag `before`, and every manifest `listed` (None if unknown)."""

    store: PrunableStore
    before: Mapping[str, str]
    listed: frozenset[str] | None
    verdict: Verdict
    left: Leftover
    stock: Stock
    floating: frozenset[str]
    begun: Unfinished | None = None

    @property
    def place(self) -> str:
        """The name of the repository."""
        return self.store.place

    @property
    def removal(self) -> Removal:
        """What is to be removed."""
        tags = sorted(self.left.tags, key=is_reserved)
        attached = {tag: image for tag, image in self.left.tags.items() if image} | dict(self.left.owners)
        return Removal(self.store, self.before, tuple(tags), self.left.manifests, attached, self.begun, resumed=True)

    @property
    def changes(self) -> list[Change]:
        """The changes of every tag, and of the manifests that no tag names."""
        removal, verdict = self.removal, self.verdict
        named = {self.before[tag] for tag in removal.tags}
        parts = {child for one in self.left.manifests for child in self.stock.children(one)}
        unnamed = set(self.left.manifests) - named - parts - self.left.owners.keys()
        why = dict(verdict.goes) | dict.fromkeys(unnamed, "no tag and no image names it")
        stays = [
            Change(tag, "keep", self.before[tag], self.before[tag], verdict.versions.get(tag, ""), reason)
            for tag, reason in verdict.stays.items()
            if tag in self.before
        ]
        return [*removal.changes(why, verdict.versions), *stays]

    def is_rest_of(self, plan_id: str) -> bool:
        """Say whether everything in this plan is left from an unfinished run with the plan of this id."""
        begun, left = self.begun, self.left
        if begun is None or begun.plan_id != plan_id:
            return not (left.tags or left.manifests)
        tags = all(begun.tags.get(tag) == self.before[tag] for tag in left.tags)
        return tags and set(left.manifests).issubset(begun.manifests)

    def share(self) -> tuple[int, int]:
        """Return how many exact and plain tags are deleted, and how many there are."""
        counted = [tag for tag in (*self.verdict.goes, *self.verdict.stays) if not is_reserved(tag)]
        counted = [tag for tag in counted if tag not in self.floating]
        return sum(tag in self.verdict.goes for tag in counted), len(counted)

    def is_over(self, limit: int) -> bool:
        """Say whether more than `limit` percent of the tags are deleted."""
        going, total = self.share()
        return going * 100 > limit * total

    def warnings(self, job: Pruning) -> Iterator[str]:
        """Yield what a person has to know before confirming the plan."""
        if job.retention.keep is None and not job.retention.tag_rules:
            yield "neither `keep` nor `keep-tags` is set: every version and every tag stays"
        if self.begun and not job.confirmed:
            yield "an earlier removal did not finish: what it left is deleted too"
        if not job.confirmed and not job.force and self.is_over(job.limit):
            going, total = self.share()
            yield (
                f"{going} of {total} tags that are not floating would be deleted, more than `limit` ({job.limit}%): "
                "deleting them needs `--force`"
            )

    def objection(self, job: Pruning) -> Outcome | None:
        """Return the outcome where the plan must not be carried out; None where it may."""
        going, total = self.share()
        if self.verdict.goes and going == total:
            error = Refused(
                f"{self.place}: every tag would be deleted",
                "Keep something by `keep` or `keep-tags`; `delete --all --yes` empties a repository.",
                code="NOTHING_KEPT",
            )
        elif job.confirmed and not job.force and self.is_over(job.limit):
            error = Refused(
                f"{self.place}: {going} of {total} tags that are not floating would be deleted; `limit` is {job.limit}",
                "Look at the plan, then set `--force`, or set `limit`.",
                code="OVER_LIMIT",
            )
        else:
            return None
        return Outcome.failed(
            self.place, error, [one.refused(one.reason) if one.writes else one for one in self.changes]
        )

    def planned(self) -> Outcome:
        """Return the outcome without a confirmation: the plan."""
        return Outcome.of(self.place, self.changes, dry_run=True)

    def delete(self, plan_id: str) -> Outcome:
        """Delete, if the repository is as it was when the plan was made. Else raise `Refused`. Raise `StoreError`.

        `plan_id` is recorded until everything is deleted, so that a run that continues can be given the same id.
        """
        planned, removal = self.changes, self.removal
        if not (removal.tags or removal.images or self.begun):
            return Outcome.of(self.place, planned)
        check_deletable(self.store)
        listed = self.store.catalogue()
        if standing_tags(self.store) != self.before or _digests_of(listed) != self.listed:
            raise Refused(
                f"{self.place}: the repository changed while it was looked at; nothing was deleted",
                "Run again when no release and no other cleanup is active.",
                code="CHANGED",
            )
        if self.begun and self.is_rest_of(self.begun.plan_id):
            plan_id = self.begun.plan_id
        removed = remove(removal, self.left.groups, plan_id if removal.tags or removal.images else "")
        return outcome_after(self.place, removed.changes(planned), removed.error)._replace(warnings=removed.warnings)

    def summary(self, outcome: Outcome, deleted: bool) -> Pruned:
        """Return the counts, and the content of the deleted manifests, by which they can be restored."""
        shown = deleted and outcome.status in ("done", "incomplete")
        manifests = tuple(
            (digest, manifest.media_type, _text(manifest.content) if shown else "")
            for digest, manifest in ((one, self.stock.manifests[one]) for one in self.left.manifests)
        )
        return Pruned(self.place, len(self.left.tags), len(self.verdict.stays), self.left.freed, manifests)


def _plan(job: Pruning, store: PrunableStore) -> _Plan:
    """Read one repository, and decide what to delete. Raise `TaggerError`."""
    view = View(store, job.terms or OwnTerms(job.rules), every_tag, Claim(everything=True))
    look = view.look()
    if not store.exists():
        raise no_repository(store)
    if look.dispute:
        raise look.dispute
    if look.unlisted:
        raise StoreError(
            f"the listing omits {min(look.unlisted)}, which exists: it may omit other tags too",
            "Run again later; if the error stays, repair the registry first.",
            code="INCOMPLETE_LISTING",
            place=store.place,
        )
    read = {tag: digest for tag, digest in look.digests.items() if digest and tag in look.tags}
    (before, begun), manifests = tags_and_begun(store, read), Manifests(store)
    catalogue = store.catalogue()
    lifted = {tag for tag, digest in before.items() if digest == LIFTED_DIGEST and is_reserved(tag)}
    published = look.rules.published(before, lifted)
    held = Holdings(before, published, cascade(published.in_force, look.rules))
    held = held._replace(ages=_ages(job, manifests, held, look.rules, catalogue))
    verdict = judge(held, look.rules, job.retention)
    unnamed, young = _find_unnamed(job, catalogue, held.ages)
    unnamed |= frozenset(begun.manifests if begun else ()) - young
    going = frozenset(verdict.goes)
    stock, left = Stock({}, {}), Leftover({}, (), {}, 0)
    if going or unnamed:
        stock = read_stock(manifests, {*before.values(), *unnamed, *(catalogue or ())})
        left = leftover(stock.graph(before), going, unnamed=unnamed, young=young)
    return _Plan(store, before, _digests_of(catalogue), verdict, left, stock, frozenset(held.owners), begun)


def _ages(
    job: Pruning, manifests: Manifests, held: Holdings, rules: Rules, catalogue: Mapping[str, Catalogued] | None
) -> Mapping[str, float]:
    """Return the ages, in seconds, of the images whose age decides: by the time of the push, else of the build."""
    if catalogue is not None:
        return {digest: job.now - one.pushed for digest, one in catalogue.items() if one.pushed is not None}
    retention = job.retention
    strict = retention._replace(grace=0.0, tag_rules=tuple(rule for rule in retention.tag_rules if rule.protects))
    plain = judge(held, rules, retention).stays  # with a rule about age, a tag of unknown age stays
    candidates = set(judge(held, rules, strict).goes) if retention.grace else set()
    candidates.update(tag for tag in plain if any(rule.fits(tag) for rule in retention.tag_rules))
    return image_ages(manifests, {held.tags[tag] for tag in candidates}, job.now)


def _find_unnamed(
    job: Pruning, catalogue: Mapping[str, Catalogued] | None, ages: Mapping[str, float]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the manifests without a tag that are old enough to delete, and all manifests that are too young."""
    old = {digest for digest in catalogue or () if ages.get(digest, 0.0) >= job.retention.grace}
    bare = frozenset(digest for digest, one in (catalogue or {}).items() if not one.tags)
    return bare & old, frozenset(catalogue or ()) - old


def _digests_of(catalogue: Mapping[str, Catalogued] | None) -> frozenset[str] | None:
    return None if catalogue is None else frozenset(catalogue)


def _plan_id(plans: "Iterable[_Plan]") -> str:
    """Return the id of a plan: the same tags and manifests of the same repositories have the same id."""
    going = [
        [plan.place, [[tag, plan.before[tag]] for tag in sorted(plan.left.tags)], sorted(plan.left.manifests)]
        for plan in sorted(plans, key=lambda plan: plan.place)
    ]
    return hashlib.sha256(json.dumps(going, separators=(",", ":")).encode()).hexdigest()[:SHOWN_DIGITS]


def _is_rest(plans: "Iterable[_Plan]", plan_id: str) -> bool:
    """Say whether a run with the plan of this id is unfinished, and the plans have only what it left."""
    plans = tuple(plans)
    begun = any(plan.begun and plan.begun.plan_id == plan_id for plan in plans)
    return begun and all(plan.is_rest_of(plan_id) for plan in plans)


def _other_plan(store: TagStore, plan_id: str) -> TaggerError:
    return Refused(
        f"{store.place}: the plan is not {plan_id} any more; nothing was deleted",
        "The repository or the rules have changed. Make a new plan, and look at it.",
        code="CHANGED",
    )


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""
