"""Decides whether a release holds its version, and plans the marks for that."""

from collections.abc import Callable, Sequence

from tagger.errors import Refused, TaggerError
from tagger.images.artifacts import HELD, LIFTED_DIGEST, artifact
from tagger.operations.look import Look, own_tags
from tagger.operations.preparation import Prepared, Release
from tagger.operations.stored import set_change
from tagger.operations.terms import OwnTerms
from tagger.operations.view import View, marks_of
from tagger.rules.cascade import Published
from tagger.rules.plan import Change, Claim, full_name
from tagger.rules.versions import Version
from tagger.version_from.event import Verdict

__all__ = ["is_held", "look_as_held", "verdict_of"]


def _stands(job: Release, prepared: Prepared, version: Version) -> bool:
    return any(prepared.look.digests.get(tag) for tag in job.rules.exact_tags(version))


def is_held(job: Release, prepared: Prepared) -> bool:
    """Say whether a repository has the mark of one of the versions."""
    return any(version in prepared.look.published.held for version in job.versions)


def verdict_of(job: Release, repositories: Sequence[Prepared]) -> Verdict:
    """Return what to do with the version: only a version that is in force nowhere can be held."""
    if job.event is None:
        return "hold" if job.hold else "release"
    pairs = [(prepared, version) for prepared in repositories for version in job.versions]
    stand = [(prepared, version) for prepared, version in pairs if _stands(job, prepared, version)]
    held = any(version in prepared.look.published.held for prepared, version in stand)
    marked = [(p, v) for p, v in stand if v in p.look.published.held or v in p.look.published.withdrawn]
    final = not any(version.prerelease for version in job.versions)
    return job.event.verdict(final=final, in_force=len(marked) < len(stand), held=held)


def look_as_held(job: Release, prepared: Prepared, look_by: Callable[[View], Look]) -> Prepared:
    """Look at a repository as it will be when the version is held. An error is kept in the field `error`."""
    store, look, rules = prepared.store, prepared.look, job.rules
    if prepared.error:
        return prepared
    versions = frozenset(job.versions)
    if error := _in_force(job, prepared):
        return prepared._replace(error=error)

    def amended(published: Published) -> Published:
        return published._replace(held=published.held | versions)

    terms = job.terms or OwnTerms(rules)
    view = View(store, terms, own_tags(job.versions, job.skipped), Claim(), versions=job.versions, amended=amended)
    try:
        look = look_by(view)
    except TaggerError as error:
        return prepared._replace(error=error)
    marks = [_held_mark(job, version, look) for version in job.versions]
    held = Prepared(view, look, marks=tuple(marks))
    return held._replace(error=_in_force(job, held))  # another run may have released it between the two looks


def _in_force(job: Release, prepared: Prepared) -> Refused | None:
    """Return the refusal to hold a version that stands without a mark, and so is in force; else None."""
    digests = prepared.look.digests
    for version in job.versions:
        marked = any(digests.get(mark) not in (None, LIFTED_DIGEST) for mark in marks_of(version, job.rules))
        if not marked and _stands(job, prepared, version):
            name = job.rules.exact_tags(version)[0]
            return Refused(
                f"{prepared.store.place}: {name} is in force there, so it cannot be held",
                f"To take it out of force, use `withdraw {name}`.",
                code="IN_FORCE",
            )
    return None


def _held_mark(job: Release, version: Version, look: Look) -> Change:
    """Return the change of the mark of a held version: the tag of an artifact of its own."""
    mark, exact = job.rules.held_mark(version), job.rules.exact_tags(version)[0]
    reason = f"{full_name(version)} is held until `approve {exact}`"
    return set_change(look.digests.get(mark), version, mark, artifact({HELD: exact}).digest, reason)
