"""The command `check`, which finds everything that would make a release or a pull fail."""

from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.git_versions import versions_of
from tagger.commands.run import Run

if TYPE_CHECKING:
    from tagger.images.stores import Content, ExaminedStore
    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings, connections = run.settings, run.connections
    stores = tuple(connections.repository(image, write=True) for image in settings.images)
    from tagger.operations.check import Check, check

    job = Check(
        stores,
        run.terms,
        settings.platforms,
        stranger=(lambda store: _as_stranger(run, store)) if settings.public else None,
        git_versions=lambda rules: _git_versions(run, rules),
    )
    return run.console.show_check(check(job))


def _as_stranger(run: Run, store: "ExaminedStore") -> "tuple[Content, str] | None":
    """Open a repository without a login, and return it with a hint for a refusal; None for a layout on disk."""
    if store.repository is None:
        return None
    from tagger.images.registry.dialects import dialect_of

    hint = dialect_of(store.repository.registry).private or "Make the repository public in the registry."
    return run.connections.strangers.repository(store.repository), hint


def _git_versions(run: Run, rules: "Rules") -> "list[Version]":
    from tagger.version_from.git import git_tags, read_checkout

    within = run.environ.get("GITHUB_WORKSPACE", "")
    if read_checkout(run.workspace, within) is None:
        return []
    return versions_of(run, git_tags(run.workspace, within), rules)


COMMAND = Command(
    "check",
    "Find everything that would make a release or a pull fail.",
    _run,
    kinds=("applies rules",),
    arguments="[REPOSITORY]",
    words=("images",),
    several="all",
    examples=("check ghcr.io/acme/app", "check ghcr.io/acme/app --public", "check --only api"),
)
