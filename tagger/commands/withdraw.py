"""`withdraw`: take a version out of force."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Report, Verb
from tagger.rules.marks import WITHDRAWN_MARK

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


def _verb(report: Report) -> Verb:
    """Return `Withdrew` where a mark was put, or stands: `--undo` takes it away, or points it elsewhere."""
    changes = (change for outcome in report.repositories for change in outcome.changes)
    marks = [change.action for change in changes if change.tag.startswith(WITHDRAWN_MARK)]
    is_withdrawn = bool(marks) and all(action in ("create", "keep") for action in marks)
    return Verb("Withdrew", "from") if is_withdrawn else Verb("Reinstated", "in")


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
