"""`plan`: show what a release would change."""

from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.git_versions import versions_of
from tagger.commands.release_job import build_versions, nothing_to_do, release_job
from tagger.commands.run import Run

if TYPE_CHECKING:
    from tagger.rules.versions import Version

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    if run.settings.published_from != "registry":
        from tagger.operations.everywhere import with_policy
        from tagger.operations.offline import OfflineRelease, plan_offline

        versions, origin = build_versions(run, run.settings.rules)
        images = run.settings.images
        places = tuple(f"oci:{one}" if isinstance(one, Path) else str(one) for one in images) or ("nowhere yet",)
        offline = OfflineRelease(versions, run.settings.rules, places, origin)
        return run.show(with_policy(plan_offline(offline, _told_versions(run)), run.terms))
    if silent := nothing_to_do(run):
        return run.show(silent)
    job = release_job(run, write=False)
    from tagger.operations.release import plan

    return run.finish(plan(job))


def _told_versions(run: Run) -> "tuple[Version, ...]":
    """Return what `published-from` says is published: the versions of the git tags, or nothing."""
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
    arguments="[REPOSITORY] [VERSION]",
    words=("images", "version"),
    several="all",
    examples=(
        "plan ghcr.io/acme/app 2.1.4 --source docker-daemon:app:build",
        "plan ghcr.io/acme/app 2.1.4",
        "plan 2.1.4 --published-from git",
    ),
)
