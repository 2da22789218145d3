"""The command `policy`, which shows, stores or removes the policy of a repository."""

from typing import Literal, cast

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import InputError
from tagger.results import Report, Verb
from tagger.settings.values import Settings

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    action = " ".join(run.arguments) or "show"
    if len(run.arguments) > 1:
        raise InputError(f"`policy` takes no more than one word, but got {action}", "It is `set`, `unset`, or none.")
    if action not in ("show", "set", "unset"):
        raise InputError(
            f"`policy` takes `set` or `unset`, but got {action}", "Write `set` to store one, `unset` to remove it."
        )
    if action == "set" and settings.rows and not settings.rows.templates:
        raise InputError(
            "no row of `tags` makes a tag of a version, so there are no rules to store",
            "Add one, as `type=semver,pattern={{version}}`.",
        )
    stores = run.connections.stores(write=action != "show" and not settings.dry_run)
    from tagger.operations.policy import PolicyChange, policy

    job = PolicyChange(cast("Literal['show', 'set', 'unset']", action), run.terms, stores, settings.withdrawn)
    report = run.drive(policy(job, dry_run=settings.dry_run))
    return run.show(report._replace(verb=Verb(json_status="deleted" if action == "unset" else "pushed")))


def _verb(report: Report, _settings: Settings) -> Verb:
    done = "Changed the policy" if report.changed else "Looked at the policy"
    return Verb(done, "of", tells_kept=True, status="changed")


COMMAND = Command(
    "policy",
    "Show, set or unset the policy that a repository keeps.",
    _run,
    kinds=("applies rules", "writes"),
    arguments="[set|unset] [REPOSITORY]",
    repositories_from=0,
    several="all",
    examples=(
        "policy ghcr.io/acme/app",
        "policy set ghcr.io/acme/app --scheme calver",
        "policy unset ghcr.io/acme/app --dry-run",
    ),
    verb=_verb,
)
