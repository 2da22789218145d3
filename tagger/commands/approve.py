"""The command `approve`, which gives a held version its floating tags."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.results import Report, Verb
from tagger.settings.values import Settings

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    name = run.one_argument()
    stores = run.connections.stores(write=not settings.dry_run)
    from tagger.operations.approve import Approval, approve
    from tagger.version_from.reading import from_text

    job = Approval(from_text(name, settings.tag_prefix), settings.rules, stores, run.terms)
    return run.finish(approve(job, dry_run=settings.dry_run))


def _verb(report: Report, _settings: Settings) -> Verb:
    done = "Approved" if report.changed or report.dry_run else "Nothing to approve for"
    return Verb(done, json_status="approved")


COMMAND = Command(
    "approve",
    "Lift the hold of VERSION: it gets its floating tags.",
    _run,
    kinds=("applies rules", "writes"),
    arguments="VERSION [REPOSITORY]",
    repositories_from=0,
    examples=(
        "approve 2.0.0 ghcr.io/acme/app",
        "approve 2.0.0 ghcr.io/acme/app --dry-run",
        "approve 2.0.0-alpine ghcr.io/acme/app",
    ),
    verb=_verb,
)
