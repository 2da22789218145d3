"""The part of a tree that fits a pattern of tags."""

from fnmatch import fnmatchcase

from tagger.results.tree import Tree

__all__ = ["tree_matching"]

_WILD = frozenset("*?[")
_BOUNDARY = ".-_"
"""The characters that follow a series in a tag: `2.1` begins `2.1.4`, and not `2.10`."""


def tree_matching(tree: Tree, pattern: str) -> Tree:
    """Return the part of a tree that fits: versions with a tag that fits, all their tags, and their floating tags.

    A pattern with `*`, `?` or `[` is a glob for the whole tag. Any other pattern is a tag, or a series: it fits the tag
    itself, and tags that go on with a dot, a hyphen or an underscore. An empty pattern fits everything.
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
