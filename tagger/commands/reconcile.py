"""The command `reconcile`, which puts every floating tag where it belongs."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Verb

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    stores = run.connections.stores(write=not settings.dry_run)
    from tagger.operations.reconcile import Reconciliation, reconcile

    job = Reconciliation(settings.rules, stores, settings.purge, run.terms, settings.force, settings.yes)
    return run.finish(reconcile(job, dry_run=settings.dry_run))


COMMAND = Command(
    "reconcile",
    "Put every floating tag of the repository where it belongs.",
    _run,
    kinds=("applies rules", "writes", "deletes", "may be forced", "purges"),
    arguments="[REPOSITORY]",
    words=("images",),
    several="all",
    examples=(
        "reconcile ghcr.io/acme/app --dry-run",
        "reconcile ghcr.io/acme/app",
        "reconcile ghcr.io/acme/app --purge --yes",
    ),
    verb=Verb("Reconciled", ""),
)
