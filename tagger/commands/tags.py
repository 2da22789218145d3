"""`tags`: show a repository as a tree."""

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import TaggerError

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    stores = run.connections.stores()
    from tagger.concurrency import side_by_side
    from tagger.operations.tags import list_tags
    from tagger.reporting.matching import tree_matching
    from tagger.results import Tree

    results = dict(
        side_by_side(lambda store: list_tags(store, settings.rules, long=settings.long, terms=run.terms), stores)
    )
    trees = [tree_matching(result, settings.pattern) for store in stores if isinstance(result := results[store], Tree)]
    errors = [result for store in stores if isinstance(result := results[store], TaggerError)]
    return run.console.show_trees(trees, errors)


COMMAND = Command(
    "tags",
    "Show the repository as a tree of versions and the tags at them.",
    _run,
    arguments="[REPOSITORY] [PATTERN]",
    words=("images", "pattern"),
    several="all",
    examples=("tags ghcr.io/acme/app", "tags ghcr.io/acme/app '2.1.*'", "tags ghcr.io/acme/app --long"),
)
