"""The command `delete`, which deletes tags, digests, or everything."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Verb

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    stores = run.connections.stores(write=not settings.dry_run)
    from tagger.operations.delete import Deletion, delete

    job = Deletion(
        run.arguments,
        settings.rules,
        stores,
        everything=settings.all,
        confirmed=settings.yes,
        force=settings.force,
        terms=run.terms,
    )
    return run.finish(delete(job, dry_run=settings.dry_run))


COMMAND = Command(
    "delete",
    "Delete tags or a digest, and prove that no other tag was lost.",
    _run,
    kinds=("applies rules", "writes", "deletes", "may be forced"),
    arguments="TAG…|DIGEST… [REPOSITORY]",
    repositories_from=0,
    examples=(
        "delete nightly ghcr.io/acme/app",
        "delete 2.1.4-rc.1 ghcr.io/acme/app --yes",
        "delete --all --yes ghcr.io/acme/app",
    ),
    verb=Verb("Deleted", "from", tells_kept=True),
)
