"""The command `tags`, which shows a repository as a tree."""

from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import InputError, TaggerError

if TYPE_CHECKING:
    from tagger.results.tree import PageFile

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings, page = run.settings, _page_file(run)
    stores = run.connections.stores()
    from tagger.concurrency import side_by_side
    from tagger.operations.tags import list_tags
    from tagger.reporting.matching import tree_matching
    from tagger.results.tree import Tree, Trees

    results = dict(
        side_by_side(lambda store: list_tags(store, settings.rules, long=settings.long, terms=run.terms), stores)
    )
    found = (result for store in stores if isinstance(result := results[store], Tree))
    trees = tuple(tree_matching(tree, settings.pattern) for tree in found)
    errors = tuple(result for store in stores if isinstance(result := results[store], TaggerError))
    return run.console.show_trees(Trees(trees, errors, settings.table, page))


def _page_file(run: Run) -> "PageFile | None":
    """Return the file for a page, with the time; None without `html`. Raise `InputError` for a wrong place."""
    from tagger.results.tree import PageFile

    if not run.settings.html:
        return None
    from tagger.clock import now

    path, given = run.workspace / run.settings.html, run.settings.given["html"]
    if given.in_file and not path.resolve().is_relative_to(run.workspace.resolve()):
        hint = "Name the file on the command line, or name one in this folder: a checkout may not write elsewhere."
        raise InputError(f"{given.origin}: {run.settings.html} is not in the working folder", hint)
    return PageFile(path, f"{now(run.environ):%Y-%m-%d %H:%M %Z}")


COMMAND = Command(
    "tags",
    "Show the repository as a tree of versions and the tags at them.",
    _run,
    kinds=("applies rules",),
    arguments="[REPOSITORY] [PATTERN]",
    words=("images", "pattern"),
    several="all",
    examples=("tags ghcr.io/acme/app", "tags ghcr.io/acme/app '2.1.*'", "tags ghcr.io/acme/app --long"),
)
