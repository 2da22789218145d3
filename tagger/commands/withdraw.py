"""`withdraw`: take a version out of force."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Report, Verb
from tagger.rules.marks import WITHDRAWN_MARK
from tagger.settings.values import Settings

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    name = run.one_argument()
    stores = run.connections.stores(write=not settings.dry_run)
    from tagger.operations.withdraw import Withdrawal, withdraw
    from tagger.version_from.reading import from_text

    job = Withdrawal(
        from_text(name, settings.tag_prefix),
        settings.rules,
        stores,
        undo=settings.undo,
        purge=settings.purge,
        confirmed=settings.yes,
        force=settings.force,
        terms=run.terms,
    )
    return run.finish(withdraw(job, dry_run=settings.dry_run))


def _verb(report: Report, settings: Settings) -> Verb:
    if settings.purge:
        return Verb("Purged", "from", name="withdraw --purge", status="purged", json_status="withdrawn")
    if not settings.undo:
        return Verb("Withdrew", "from", json_status="withdrawn")
    lifts = any(c.tag.startswith(WITHDRAWN_MARK) for outcome in report.repositories for c in outcome.changes)
    done = "Reinstated" if lifts else "Nothing to undo for"
    return Verb(done, name="withdraw --undo", status="reinstated", json_status="withdrawn")


COMMAND = Command(
    "withdraw",
    "Take VERSION out of force; its tags go to the newest version left.",
    _run,
    kinds=("applies rules", "writes", "deletes", "may be forced", "purges"),
    arguments="VERSION [REPOSITORY]",
    repositories_from=0,
    examples=(
        "withdraw 2.1.4 ghcr.io/acme/app",
        "withdraw 2.1.4 ghcr.io/acme/app --undo",
        "withdraw 2.1.4 ghcr.io/acme/app --purge --yes",
    ),
    verb=_verb,
)
