"""Trees of repositories as text, as a table, or as pages in files."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tagger.errors import InputError, TaggerError
from tagger.reporting.terminal import ELSEWHERE
from tagger.results.tree import Tree, Trees
from tagger.workspace import open_to_write

__all__ = ["trees_text", "write_pages"]


def trees_text(shown: Trees, width: int = ELSEWHERE, *, verbose: bool = False) -> str:
    """Return the text to print: a table, a line that names the page, or trees."""
    if shown.table:
        from tagger.reporting.table import tags_table

        return tags_table(shown.trees)
    if shown.page:
        if not shown.trees and shown.errors:
            return ""
        return f"{sum(len(tree.versions) for tree in shown.trees)} versions are in {shown.page.path}"
    from tagger.reporting.trees import tree_text

    return "\n\n".join(tree_text(tree, width, verbose=verbose) for tree in shown.trees)


def write_pages(ended: Iterable[Trees]) -> list[TaggerError]:
    """Write the pages that are asked for, one for all trees that name the same file, and return the errors.

    A page of which no repository could be read stays as it was.
    """
    pages: dict[Path, list[Tree]] = defaultdict(list)
    when = ""
    for shown in ended:
        if shown.page and (shown.trees or not shown.errors):
            pages[shown.page.path] += shown.trees
            when = shown.page.when
    errors: list[TaggerError] = []
    for path, trees in pages.items():
        from tagger.reporting.page import page

        try:
            with open_to_write(path) as file:
                file.write(page(trees, when))
        except OSError as error:
            hint = "Name a file in a folder that is there, and that may be written."
            errors.append(InputError(f"`html`: {path} cannot be written: {error.strerror}", hint))
    return errors
