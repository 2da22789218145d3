"""The command `plan`, which shows what a release would change."""

from typing import TYPE_CHECKING

from tagger.commands.build import read_built
from tagger.commands.command import Command
from tagger.commands.git_versions import versions_of
from tagger.commands.release_job import nothing_to_do, plan_of
from tagger.commands.run import Run
from tagger.results import Verb

if TYPE_CHECKING:
    from tagger.results import Report
    from tagger.rules.versions import Version

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    if run.settings.published_from != "registry":
        return run.show(_with_labels(run, _offline(run)))
    if silent := nothing_to_do(run):
        return run.show(_with_labels(run, silent))
    from tagger.commands.release import tell_local_tags

    report = run.drive(plan_of(run, "plan"))
    tell_local_tags(run, report)
    return run.show(_with_labels(run, report))


def _with_labels(run: Run, report: "Report") -> "Report":
    """Return the report with its labels. For a pull request, a conflict is a warning and no refusal."""
    from tagger.commands.labels import with_labels
    from tagger.results import conflicts_as_warnings
    from tagger.version_from.refs import is_pull_request

    return with_labels(run, conflicts_as_warnings(report) if is_pull_request(run.environ) else report)


def _offline(run: Run) -> "Report":
    """Plan without any registry."""
    from tagger.operations.everywhere import with_policy
    from tagger.operations.offline import OfflineRelease, plan_offline
    from tagger.operations.plain_preparation import no_tag

    rules = run.settings.rules
    built = read_built(run, rules)
    places = run.settings.image_names or ("nowhere yet",)
    if not built.versions and not built.plain:
        run.warn("NO_TAG", no_tag().message)
    job = OfflineRelease(built.versions, rules, places, built.origin, built.plain, built.skipped, built.name)
    return with_policy(plan_offline(job, _published_versions(run)), run.terms)


def _published_versions(run: Run) -> "tuple[Version, ...]":
    """Return the published versions that `published-from` gives: those of the git tags, or none."""
    settings = run.settings
    if settings.published_from == "none":
        return ()
    from tagger.version_from.git import git_tags

    found = versions_of(run, git_tags(run.workspace), settings.rules)
    return tuple(version.of_variant(variant) for version in found for variant in settings.build_variants)


COMMAND = Command(
    "plan",
    "Show what `release` would change; write nothing anywhere.",
    _run,
    kinds=("releases", "makes a release", "reads a version", "applies rules", "may be forced"),
    arguments="[REPOSITORY] [VERSION]",
    words=("images", "version"),
    several="all",
    examples=(
        "plan ghcr.io/acme/app 2.1.4 --source docker-daemon:app:build",
        "plan ghcr.io/acme/app 2.1.4",
        "plan 2.1.4 --published-from git",
    ),
    verb=Verb("Planned", "for"),
)
