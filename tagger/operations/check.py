"""Finds everything in repositories that would make a release or a pull fail. Writes nothing."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.images.stores import Content, ExaminedStore
from tagger.meters import meter_of
from tagger.operations.everywhere import agree_on_policy
from tagger.operations.examine import (
    Examined,
    examine_abilities,
    examine_tags,
    look_at,
    names,
    public_finding,
)
from tagger.operations.terms import DEFAULTS_DECIDE, Terms
from tagger.results.checkup import Checkup, Finding
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.plan import full_name
from tagger.rules.versions import Version

__all__ = ["Check", "check"]


class Check(NamedTuple):
    """What to check: repositories, their terms, and the `platforms` that images must have.

    `stranger` opens a repository without a login, and returns it with a hint for the case that this is refused. It is
    None where that is not to be checked. `git_versions` returns the versions of the git tags, none without a git
    repository.
    """

    stores: tuple[ExaminedStore, ...]
    terms: Terms
    platforms: tuple[str, ...] = ()
    stranger: Callable[[ExaminedStore], tuple[Content, str] | None] | None = None
    git_versions: Callable[[Rules], Sequence[Version]] = lambda _rules: ()


def check(job: Check) -> Checkup:
    """Look at every repository side by side. An error in one is a finding, and does not stop the others."""
    looked = dict(side_by_side(lambda store: look_at(store, job.terms), job.stores))
    findings = [Finding.of(error, store.place) for store, error in looked.items() if isinstance(error, TaggerError)]
    findings += [
        Finding("warning", event.code, event.text)
        for event in agree_on_policy(job.terms, lambda store: look_at(store, job.terms), looked)
    ]
    known = {(one.code, one.repository) for one in findings}
    objections = [Finding.of(error, store.place) for store, error in looked.items() if isinstance(error, TaggerError)]
    findings += [one for one in objections if (one.code, one.repository) not in known]
    found = {store: one for store in job.stores if isinstance(one := looked[store], Examined)}
    for _, result in side_by_side(lambda store: list(_examine(job, found[store])), found):
        findings += [Finding.of(result)] if isinstance(result, TaggerError) else result
    findings += _policy(job, bool(found))
    findings += _between(tuple(found.values()))
    if found:
        findings += _git(job, tuple(found.values()))
    order = {store.place: index for index, store in enumerate(job.stores)}
    findings.sort(key=lambda one: order.get(one.repository, len(order)))
    return Checkup(tuple(store.place for store in job.stores), tuple(dict.fromkeys(findings)))


def _examine(job: Check, found: Examined) -> Iterator[Finding]:
    meter = meter_of(found.store)
    yield from examine_abilities(found)
    if not found.store.exists():
        return
    try:
        meter.phase("comparing tags and platforms")
        yield from examine_tags(found, job.platforms)
        meter.phase("asking as a stranger")
        opened = job.stranger(found.store) if job.stranger else None
        if opened:
            yield public_finding(found, *opened)
    except TaggerError as error:
        yield Finding.of(error, found.store.place)


def _policy(job: Check, looked: bool) -> Iterator[Finding]:
    """Yield which rules apply, and which settings differ from them."""
    if not looked:
        return
    ruling = job.terms.summary()
    texts = {
        "repository": "the policy that the repository keeps decides",
        "settings": "the settings of this run decide: there is no policy",
        "default": DEFAULTS_DECIDE,
    }
    hint = "" if ruling.source == "repository" else "`policy set` stores the rules in the repository."
    yield Finding("note", "POLICY", texts[ruling.source], hint)
    for text in ruling.warnings:
        yield Finding("warning", "POLICY", text)


def _between(all_found: Sequence[Examined]) -> Iterator[Finding]:
    """Yield how repositories differ: missing releases, marks, two builds of one version."""
    everywhere = {version for one in all_found for version in one.published.versions}
    for found in all_found if len(all_found) > 1 else ():
        own = found.published
        others = [one for one in all_found if one is not found]
        gone = own.withdrawn - own.versions
        missing = {v for v in everywhere - own.versions - gone if any(v in o.published.in_force for o in others)}
        yield from _find_unfinished(found, missing)
        for mark in ("withdrawn", "held"):
            marked = {version for one in others for version in getattr(one.published, mark)}
            if apart := marked & own.in_force:
                text = f"{names(apart)} is {mark} in another repository, and in force here"
                verb = {"withdrawn": "withdraw", "held": "approve"}[mark]
                hint = f"Run `{verb} {full_name(max(apart))}` again, with all repositories."
                yield Finding("error", "UNFINISHED", text, hint, found.store.place)
    yield from _conflicts(all_found)


def _conflicts(all_found: Sequence[Examined]) -> Iterator[Finding]:
    for one, other in combinations(all_found, 2):
        for version, digest in one.look.held.items():
            there = other.look.held.get(version)
            if digest and there and digest != there:
                text = f"{full_name(version)} is another build in {other.store.place}: {digest} here, {there} there"
                hint = "Delete the wrong one, or release again with `on-conflict: overwrite`."
                yield Finding("error", "CONFLICT", text, hint, one.store.place)


def _find_unfinished(found: Examined, missing: set[Version]) -> Iterator[Finding]:
    """Yield versions of other repositories that are missing here. It is an error where a tag would belong to one."""
    needed = _select_needed(missing, found.published, found.look.tags, found.look.rules)
    hint = "Release it again: `release --version VERSION` copies it from the repository that has it."
    for version in sorted(needed, reverse=True):
        text = f"{full_name(version)} is in another repository, and not here"
        yield Finding("error", "UNFINISHED", text, hint, found.store.place)
    if rest := missing - needed:
        text = f"older versions are in another repository, and not here: {names(rest)}"
        yield Finding("warning", "UNFINISHED", text, hint, found.store.place)


def _git(job: Check, all_found: Sequence[Examined]) -> Iterator[Finding]:
    """Yield the versions of git tags that no repository has."""
    rules = all_found[0].look.rules
    try:
        versions = job.git_versions(rules)
    except TaggerError as error:
        yield Finding("warning", "GIT_TAGS", f"the git tags cannot be compared: {error.message}", error.hint)
        return
    # A version in git has no variant, and may be released in any of them.
    known = {(v.key, v.text) for one in all_found for v in (*one.published.versions, *one.published.withdrawn)}
    missing = {v for v in versions if (v.key, v.text) not in known}
    tags = frozenset(tag for one in all_found for tag in one.look.tags)
    needed = _select_needed(missing, rules.published(tags), tags, rules)
    hint = "Look at the workflow run of that git tag, and run it again; or delete a tag that is not a release."
    for version in sorted(needed, reverse=True):
        yield Finding("error", "NOT_RELEASED", f"git has a tag of {version}, and no repository has that version", hint)
    if rest := missing - needed:
        text = f"older git tags have no version in any repository: {names(rest)}"
        yield Finding("warning", "NOT_RELEASED", text, hint)


def _select_needed(missing: set[Version], published: Published, tags: Collection[str], rules: Rules) -> set[Version]:
    """Return those of the missing versions that would own an existing tag, and the newest if it is newer than all."""
    if not missing:
        return set()
    owners = cascade(published.in_force | missing, rules)
    needed = {owner for tag, owner in owners.items() if owner in missing and tag in tags}
    newest = max(missing)
    same = [version for version in published.versions if version.variant == newest.variant]
    return needed | ({newest} if all(version < newest for version in same) else set())
