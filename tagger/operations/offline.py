"""Plan a release without asking any registry: what is published is told, from git tags or as nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from tagger.errors import Refused
from tagger.results import Outcome, Report
from tagger.rules.cascade import Rules, cascade
from tagger.rules.plan import Action, Change
from tagger.rules.versions import Version

__all__ = ["OfflineRelease", "plan_offline"]


class OfflineRelease(NamedTuple):
    """A release as far as it can be told without an image: its versions and rules, and what to call the places."""

    versions: tuple[Version, ...]
    rules: Rules
    places: tuple[str, ...]
    version_from: str = "version"


def plan_offline(job: OfflineRelease, published: Iterable[Version]) -> Report:
    """Return the plan for a repository that would hold `published` and nothing else."""
    rules, released = job.rules, frozenset(job.versions)
    names = [tag for version in published for tag in rules.exact_tags(version)]
    before = cascade(rules.published(names).in_force - released, rules)
    standing = rules.published([*names, *(tag for version in released for tag in rules.exact_tags(version))])
    rules.check_lengths(standing.versions)
    after = cascade(standing.in_force, rules)
    changes = [
        Change(tag, "create", None, None, version.text, f"the exact tag of {version}")
        for version in job.versions
        for tag in rules.exact_tags(version)
    ]
    for tag in dict.fromkeys(tag for version in job.versions for tag in rules.floating_tags(version, rules.channels)):
        owner = after.get(tag)
        if owner is None:
            continue
        if owner in released:
            action: Action = "move" if tag in before else "create"
            reason = f"from {before[tag]}" if tag in before else "the first of its class"
            changes.append(Change(tag, action, None, None, owner.text, reason))
        else:
            changes.append(Change(tag, "hold", None, None, owner.text, f"{owner} is newer"))
    withdrawn = next((version for version in job.versions if version in standing.withdrawn), None)
    error = Refused(f"{withdrawn} is withdrawn", "Release a newer version.", code="WITHDRAWN") if withdrawn else None
    tags = [tag for version in job.versions for tag in rules.exact_tags(version)]
    tags += [tag for version in job.versions for tag in rules.floating_tags(version)]
    outcomes = tuple(
        Outcome(place, "refused" if error else "planned", tuple(changes), None, error) for place in job.places
    )
    return Report(
        command="plan",
        repositories=outcomes,
        version=job.versions[0].text,
        version_from=job.version_from,
        tags=tuple(dict.fromkeys(tags)),
        dry_run=True,
        error=error,
    )
