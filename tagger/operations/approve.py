"""Approves a held version: lifts its mark, then gives it the floating tags of a release."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from tagger.errors import Refused
from tagger.images.stores import TagStore
from tagger.operations.afterwards import outcome_after
from tagger.operations.everywhere import different_builds, each, everywhere, first_error, with_policy
from tagger.operations.marking import Marking, lifted_change, look_as_marked, mark_and_converge, view_of
from tagger.operations.naming import all_tags, find_versions, no_version
from tagger.operations.terms import OwnTerms, Terms
from tagger.results import Event, Outcome, Report, Running
from tagger.rules.cascade import Published, Rules
from tagger.rules.plan import Claim, full_name
from tagger.rules.versions import Version

__all__ = ["Approval", "approve"]


class Approval(NamedTuple):
    """What to approve: a version with all its variants (`2.1.4`), or one of them by its exact tag."""

    name: str
    rules: Rules
    stores: tuple[TagStore, ...]
    terms: Terms | None = None


def approve(job: Approval, *, dry_run: bool = False) -> Running:
    """Approve in every repository. Nothing is built, and the exact tag stays. Without a mark, only tags are put right.

    Repositories that hold different builds of it are refused. Raise `InputError` when none has the version.
    """
    meant: dict[Rules, list[Version]] = {}
    images: set[str] = set()

    def consent(found: Mapping[TagStore, Marking]) -> Mapping[TagStore, Outcome]:
        for store in job.stores:
            named = found[store].named
            images.update(named.images)
            meant.setdefault(named.rules, []).extend(named.versions)
        if not images:
            raise no_version(job.name, [found[store].named for store in job.stores])
        return _conflicts([found[store] for store in job.stores])

    def events(store: TagStore, outcome: Outcome) -> Sequence[Event]:
        return () if dry_run or outcome.error else (Event("verified", store.place, f"{job.name} is approved"),)

    def act(target: Marking) -> Outcome:
        return _approve(target, dry_run)

    looks = partial(_look, job)
    outcomes = yield from everywhere(job.stores, looks, each(act, events, view_of), terms=job.terms, consent=consent)
    report = Report(
        "approve",
        outcomes,
        version=job.name,
        tags=tuple(dict.fromkeys(tag for rules, versions in meant.items() for tag in all_tags(rules, versions))),
        dry_run=dry_run,
        digest=images.pop() if len(images) == 1 else None,
        error=first_error(outcomes),
    )
    return with_policy(report, job.terms)


def _look(job: Approval, store: TagStore) -> Marking:
    """Read one repository. Raise `Refused` where the version is withdrawn, `TaggerError` where anything is wrong."""
    terms = job.terms or OwnTerms(job.rules)
    named = find_versions(store, terms, job.name)
    for version in named.versions:
        if version in named.published.withdrawn:
            name = named.rules.exact_tags(version)[0]
            raise Refused(
                f"{store.place}: {name} is withdrawn, so it cannot be approved",
                f"Undo the withdrawal first: `withdraw {name} --undo`.",
                code="WITHDRAWN",
            )
    named = named._replace(versions=tuple(v for v in named.versions if v in named.published.versions))
    versions = frozenset(named.versions)

    def amended(published: Published) -> Published:
        return published._replace(held=published.held - versions)

    marks = [
        change
        for version in named.versions
        if (
            change := lifted_change(named, version, named.rules.held_mark(version), f"{full_name(version)} is approved")
        )
    ]
    return look_as_marked(named, terms, marks, Claim(owns=versions), amended)


def _conflicts(targets: Sequence[Marking]) -> Mapping[TagStore, Outcome]:
    """Return refusals where repositories hold different builds of a version, so that none of them is approved."""
    builds: dict[str, dict[str, str]] = {}
    for target in targets:
        for version in target.named.versions:
            if digest := target.named.image(version):
                builds.setdefault(target.named.rules.exact_tags(version)[0], {})[target.store.place] = digest
    hint = "Delete the wrong one, or release again with `on-conflict: overwrite`."
    refusals: dict[TagStore, Outcome] = {}
    for tag, by_place in builds.items():
        if conflict := different_builds(tag, by_place, hint):
            meant = (target.store for target in targets if target.store.place in by_place)
            refusals |= {store: Outcome.failed(store.place, conflict) for store in meant}
    return refusals


def _approve(target: Marking, dry_run: bool) -> Outcome:
    place = target.store.place
    digest = next(iter(target.named.images)) if len(target.named.images) == 1 else None
    if dry_run:
        return Outcome.of(place, target.planned(), digest=digest, dry_run=True)
    marked = mark_and_converge(target)
    return outcome_after(place, marked.changes, marked.error)._replace(digest=digest)
