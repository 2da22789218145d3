"""The command `prune`, which deletes what the rules leave out."""

from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Verb

if TYPE_CHECKING:
    from tagger.rules.retention import Retention

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    confirmed = settings.yes and not settings.dry_run
    writes = confirmed or (bool(settings.restore) and not settings.dry_run)
    stores = tuple(run.connections.repository(image, write=writes) for image in settings.images)
    if settings.restore:
        from tagger.operations.restore import read_report, restore

        return run.finish(restore(stores, read_report(run.workspace / settings.restore), dry_run=settings.dry_run))
    from tagger.operations.prune import Pruning, prune

    job = Pruning(
        settings.rules,
        stores,
        _retention(run),
        run.now(),
        limit=int(settings.limit.removesuffix("%")),
        confirmed=confirmed,
        force=settings.force,
        plan_id=settings.plan_id,
        terms=run.terms,
    )
    return run.finish(prune(job))


def _retention(run: Run) -> "Retention":
    from tagger.rules.retention import Keep, Retention, duration

    settings = run.settings
    keep = Keep(**dict(settings.keep)) if settings.keep else None
    return Retention(keep, settings.keep_tags, duration(settings.grace))


COMMAND = Command(
    "prune",
    "Delete versions that `keep` leaves out; without `--yes` a plan.",
    _run,
    kinds=("applies rules", "writes", "deletes", "may be forced", "prunes"),
    arguments="[REPOSITORY]",
    words=("images",),
    several="named",
    examples=(
        "prune ghcr.io/acme/app --keep 'major=3 minor=2 patch=1'",
        "prune ghcr.io/acme/app --keep 'major=3 minor=2 patch=1' --yes --plan-id 0123456789abcdef",
        "prune ghcr.io/acme/app --restore report.json",
    ),
    verb=Verb("Pruned", ""),
)
