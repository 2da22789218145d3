"""The part of a repository that somebody asks for: what fits a pattern of tags."""

from fnmatch import fnmatchcase

from tagger.results import Tree

__all__ = ["tree_matching"]

_WILD = frozenset("*?[")
_BOUNDARY = ".-_"
"""What stands behind a series in the tags of its versions: `2.1` is the beginning of `2.1.4`, and not of `2.10`."""


def tree_matching(tree: Tree, pattern: str) -> Tree:
    """Return what fits of a repository: versions of which a tag fits, with all their tags, and what floats over them.

    A pattern with `*`, `?` or `[` is a glob of whole tags; one without is a tag, or the series that it begins.
    """
    if not pattern:
        return tree

    def fits(tag: str) -> bool:
        if _WILD.intersection(pattern):
            return fnmatchcase(tag, pattern)
        return tag == pattern or (tag.startswith(pattern) and tag[len(pattern)] in _BOUNDARY)

    versions = tuple(one for one in tree.versions if any(map(fits, (one.version, *one.tags, *one.also))))
    shown = {tag for one in versions for tag in one.tags}
    names = {one.version for one in versions}
    floating = {tag: one for tag, one in tree.floating.items() if fits(tag) or tag in shown or one.belongs_to in names}
    return tree._replace(
        versions=versions,
        floating=floating,
        other=tuple(filter(fits, tree.other)),
        attached=tuple(artifact for artifact in tree.attached if fits(artifact.name)),
        purged=tuple(filter(fits, tree.purged)),
        left_out=len(tree.versions) - len(versions),
    )
