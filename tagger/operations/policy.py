"""Shows the policy of a repository, stores the settings of the run as its policy, or removes it."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import InputError, Refused, TaggerError
from tagger.images.artifacts import LIFTED_DIGEST, WITHDRAWN, policy_artifact, put_artifact
from tagger.images.stores import TagStore
from tagger.meters import meter_of
from tagger.operations.afterwards import changes_after, outcome_after
from tagger.operations.everywhere import each, everywhere, first_error
from tagger.operations.lifting import lift, planned_lift
from tagger.operations.look import Look, every_tag
from tagger.operations.marking import set_marks, tombstone
from tagger.operations.naming import Named
from tagger.operations.stored import set_change, stored_policy
from tagger.operations.terms import OwnTerms
from tagger.operations.view import View, look_before_write
from tagger.results import Event, Outcome, PolicyInForce, Report, ReportWarning, Running
from tagger.rules.cascade import Rules
from tagger.rules.marks import POLICY_TAG
from tagger.rules.plan import Change, Claim, full_name
from tagger.rules.policy import SETTINGS, Policy, Ruling
from tagger.rules.terms import SHARED, PolicyTerms
from tagger.rules.versions import Version

__all__ = ["PolicyChange", "policy", "stored_rules"]


class PolicyChange(NamedTuple):
    """What to do with the policy of each repository: `show` it, `set` it to the settings, or `unset` it.

    `withdrawn` are the versions that the settings withdraw: each gets a mark when the policy is set.
    """

    action: Literal["show", "set", "unset"]
    terms: PolicyTerms
    stores: tuple[TagStore, ...]
    withdrawn: tuple[str, ...] = ()


def policy(job: PolicyChange, *, dry_run: bool = False) -> Running:
    """Show, set or unset the policy of every repository. Nothing is written where one has an error."""
    verbs = {"show": _show, "set": _set, "unset": _unset}
    return (yield from verbs[job.action](job, dry_run))


def stored_rules(terms: PolicyTerms, stores: Sequence[TagStore]) -> Rules | None:
    """Return the rules of the first policy found in the repositories; None where none is found or can be read."""

    def read(store: TagStore) -> str | None:
        return stored_policy(store, store.digests([POLICY_TAG])[POLICY_TAG])

    for store, stored in side_by_side(read, stores if terms.follows else ()):
        if isinstance(stored, str):
            return terms.rules(stored, store.place)
    return None


def _show(job: PolicyChange, dry_run: bool) -> Running:
    terms = PolicyTerms({name: said._replace(in_file=True) for name, said in job.terms.said.items()})

    def look(store: TagStore) -> View:
        view = View(store, terms, lambda _rules, _owners, _standing: (), Claim())
        view.look()
        return view

    def act(view: View) -> Outcome:
        digest = view.policy
        text = _text_of(Policy.parse(view.stored, view.store.place)) if view.stored is not None else "no policy"
        return Outcome(view.store.place, "unchanged", (Change(POLICY_TAG, "keep", digest, digest, "", text),))

    outcomes = yield from everywhere(job.stores, look, each(act))
    error = first_error(outcomes)
    found = terms.summary() if error is None else Ruling(terms.own, "default")
    warnings = tuple(ReportWarning("POLICY", text) for text in found.warnings)
    in_force = PolicyInForce(found.source, found.differs)
    return Report("policy", outcomes, dry_run=dry_run, error=error, policy=in_force, warnings=warnings)


def _text_of(stored: Policy) -> str:
    return "; ".join(f"{row.name}: {stored.show(row.name)}" for row in SETTINGS)


class _Target(NamedTuple):
    """A repository before its policy is set: the changes to write, and those that `reconcile` would make then."""

    view: View
    withdrawn: tuple[Version, ...]
    written: tuple[Change, ...]
    drifted: tuple[Change, ...]


def _set(job: PolicyChange, dry_run: bool) -> Running:
    if not job.terms.follows:
        raise InputError(SHARED, "Give each component a repository of its own to keep a policy there.", code="POLICY")
    text = job.terms.own.to_json()
    rules = job.terms.own.rules(withdrawn=job.withdrawn)
    artifact = policy_artifact(text)

    def look(store: TagStore) -> _Target:
        view = View(store, OwnTerms(rules, follows=False), every_tag, Claim())
        found = look_before_write(view, [POLICY_TAG])
        before = found.digests[POLICY_TAG]
        reason = f"this policy: {_text_of(job.terms.own)}"
        action: Literal["keep", "create", "move"]
        action = "keep" if before == artifact.digest else "create" if before is None else "move"
        change = Change(POLICY_TAG, action, before, artifact.digest, "", reason)
        withdrawn = _withdrawn_versions(job, rules, found)
        marks = [_mark(store, rules, version, found) for version in withdrawn]
        return _Target(view, tuple(withdrawn), (change, *marks), _drift(found))

    def act(target: _Target) -> Outcome:
        store, planned = target.view.store, target.written
        if dry_run:
            return Outcome.of(store.place, (*planned, *target.drifted), dry_run=True)
        try:
            meter_of(store).phase("storing the policy")
            if planned[0].writes:
                put_artifact(store, artifact, [POLICY_TAG])
        except TaggerError as error:
            after = changes_after(store, planned, error, begun={POLICY_TAG})
            return outcome_after(store.place, after, error)
        tombstones = [tombstone(WITHDRAWN, rules.exact_tags(version)[0]) for version in target.withdrawn]
        marks, failure = set_marks(store, planned[1:], tombstones)
        changes = (planned[0], *marks)
        if failure:
            return outcome_after(store.place, changes, failure)
        return _outcome_of_last_look(target, changes, artifact.digest)

    outcomes = yield from everywhere(job.stores, look, each(act, _verified_event("the policy is set", dry_run)))
    return _report(outcomes, dry_run, PolicyInForce("repository"))


def _unset(job: PolicyChange, dry_run: bool) -> Running:
    rules = job.terms.own_rules

    def look(store: TagStore) -> tuple[View, tuple[Change, ...]]:
        view = View(store, OwnTerms(rules, follows=False), every_tag, Claim())
        before = store.digests([POLICY_TAG])[POLICY_TAG]
        if before is None or before == LIFTED_DIGEST:
            return view, ()
        return view, (planned_lift(store, POLICY_TAG, before, "", "the settings of each run apply from now on"),)

    def act(target: tuple[View, tuple[Change, ...]]) -> Outcome:
        view, planned = target
        place = view.store.place
        if not planned:
            return Outcome.of(place, (), dry_run=dry_run)
        changes, error = (planned, None) if dry_run else lift(view.store, planned)
        if error:
            return outcome_after(place, changes, error)
        try:
            return Outcome.of(place, (*changes, *_drift(view.look())), dry_run=dry_run)
        except TaggerError as failure:
            return outcome_after(place, changes, failure)

    outcomes = yield from everywhere(job.stores, look, each(act, _verified_event("there is no policy", dry_run)))
    own = job.terms.own
    source: Literal["settings", "default"] = "settings" if own != Policy.of({}) else "default"
    return _report(outcomes, dry_run, PolicyInForce(source))


def _report(outcomes: tuple[Outcome, ...], dry_run: bool, in_force: PolicyInForce) -> Report:
    return Report("policy", outcomes, dry_run=dry_run, error=first_error(outcomes), policy=in_force)


def _verified_event(text: str, dry_run: bool) -> Callable[[TagStore, Outcome], Sequence[Event]]:
    def events(store: TagStore, outcome: Outcome) -> Sequence[Event]:
        return () if dry_run or outcome.error else (Event("verified", store.place, text),)

    return events


def _outcome_of_last_look(target: _Target, changes: tuple[Change, ...], digest: str) -> Outcome:
    """Return the outcome after a last look: it is an error where another policy was set at the same time."""
    store = target.view.store
    target.view.know(change.tag for change in changes if change.after)
    try:
        look = target.view.look([POLICY_TAG])
    except TaggerError as error:
        return outcome_after(store.place, changes, error)
    now = look.digests[POLICY_TAG]
    if now == digest:
        return Outcome.of(store.place, (*changes, *_drift(look)))
    overtaken = Refused(
        f"{store.place}: another policy was set at the same time: {POLICY_TAG} holds {now}",
        "Look at it with `policy`, then set the right one again.",
        code="POLICY",
    )
    stands = changes[0].refused(overtaken.message)._replace(after=now)
    return outcome_after(store.place, (stands, *changes[1:]), overtaken)


def _drift(look: Look) -> tuple[Change, ...]:
    """Return the changes of tags that `reconcile` would move."""
    if look.dispute:
        return ()
    changes = look.changes(Claim())
    return tuple(c._replace(reason=f"{c.reason}: `reconcile` moves it there") for c in changes if c.drifted)


def _withdrawn_versions(job: PolicyChange, rules: Rules, look: Look) -> list[Version]:
    """Return the versions that the settings withdraw, also those that are not in the repository."""
    known = rules.published(look.tags)
    versions = {version for version in known.versions if not rules.withdrawn_names(version).isdisjoint(rules.withdrawn)}
    for name in job.withdrawn:
        if not any(name in rules.withdrawn_names(version) for version in versions):
            versions.add(rules.read(name) or rules.parse(name))
    return sorted(versions)


def _mark(store: TagStore, rules: Rules, version: Version, look: Look) -> Change:
    exact, mark = rules.exact_tags(version), rules.withdrawn_mark(version)
    digests = {**look.digests, **store.digests([*exact, mark])}
    named = Named(store, rules, (version,), look.tags, look.published, digests)
    after = named.image(version) or tombstone(WITHDRAWN, exact[0]).digest
    return set_change(
        named.digests.get(mark), version, mark, after, f"{full_name(version)} is withdrawn, as the settings say"
    )
