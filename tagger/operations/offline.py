"""Plans a release without any registry: the published versions are given, those of git tags or none."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tagger.errors import Refused
from tagger.operations.look import own_tags
from tagger.results import Outcome, Report, ReportWarning
from tagger.rules.cascade import Published, Rules, cascade
from tagger.rules.plan import FOLLOWS_BUILD, Change, Claim, Standing, floating_changes, full_name, needed_channel_tags
from tagger.rules.undeclared import revision_notes
from tagger.rules.versions import Version

__all__ = ["OfflineRelease", "plan_offline"]


class OfflineRelease(NamedTuple):
    """A release without an image: its versions, its rules, and `places`, the names of its repositories."""

    versions: tuple[Version, ...]
    rules: Rules
    places: tuple[str, ...]
    version_from: str = "version"
    plain: tuple[str, ...] = ()
    skipped: frozenset[str] = frozenset()
    name: str = ""

    @property
    def exact_tags(self) -> tuple[str, ...]:
        """The write-once tags."""
        tags = tuple(tag for version in self.versions for tag in self.rules.exact_tags(version))
        return tuple(tag for tag in tags if tag not in self.skipped) or tags

    @property
    def plain_changes(self) -> Iterator[Change]:
        """The changes of the tags that belong to no version."""
        return (Change(tag, "create", None, None, "", FOLLOWS_BUILD) for tag in self.plain)


def plan_offline(job: OfflineRelease, published: Iterable[Version]) -> Report:
    """Return the plan for repositories that hold exactly the versions `published`, with every tag where it belongs."""
    rules = job.rules
    if not job.versions:
        plain = tuple(job.plain_changes)
        outcomes = tuple(Outcome(place, "planned", plain) for place in job.places)
        return Report("plan", outcomes, tags=job.plain, dry_run=True, name=job.name)
    names = [tag for version in published for tag in rules.exact_tags(version)]
    after = rules.published([*names, *job.exact_tags])
    rules.check_lengths(after.versions)
    withdrawn = next((version for version in job.versions if version in after.withdrawn), None)
    error = Refused(f"{withdrawn} is withdrawn", "Release a newer version.", code="WITHDRAWN") if withdrawn else None
    changes = (*_changes(job, rules.published(names), after), *job.plain_changes)
    outcomes = tuple(Outcome(place, "refused" if error else "planned", changes, None, error) for place in job.places)
    tags = (tag for version in job.versions for tag in rules.floating_tags(version))
    floating = [tag for tag in tags if tag not in job.skipped]
    return Report(
        command="plan",
        repositories=outcomes,
        version=job.versions[0].text,
        version_from=job.version_from,
        tags=tuple(dict.fromkeys((*job.exact_tags, *floating, *job.plain))),
        dry_run=True,
        error=error,
        warnings=tuple(ReportWarning("UNDECLARED_REVISION", text) for text in revision_notes(job.exact_tags, rules)),
    )


def _changes(job: OfflineRelease, before: Published, after: Published) -> Iterator[Change]:
    """Yield the changes of a release. The name of each version stands for its digest, which is unknown."""
    rules, released = job.rules, frozenset(job.versions)
    for version in job.versions:
        for tag in rules.exact_tags(version):
            if tag not in job.exact_tags:
                continue
            yield Change(tag, "create", None, None, version.text, f"the exact tag of {full_name(version)}")
    owners = cascade(after.in_force, rules)
    current = {tag: full_name(owner) for tag, owner in cascade(before.in_force - released, rules).items()}
    tags = tuple(dict.fromkeys(own_tags(job.versions, job.skipped)(rules, owners, current)))
    held = {owner: full_name(owner) for owner in owners.values()}
    needed = needed_channel_tags(job.versions, owners, current, rules)
    standing = Standing(tags, owners, held, current, needed=needed)
    for change in floating_changes(standing, rules, Claim(owns=released), job.versions[0]):
        yield change._replace(before=None, after=None)
