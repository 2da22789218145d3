"""The content of repositories as trees of versions and their tags."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tagger.errors import TaggerError

__all__ = ["Artifact", "Facts", "Floating", "ListedVersion", "PageFile", "Tree", "Trees"]


class Artifact(NamedTuple):
    """What is attached to an image: a signature, an attestation; `name` is its tag, or the digest of what has none."""

    kind: str
    name: str
    image: str


class Facts(NamedTuple):
    """What an image says of itself: when it was built (RFC 3339), its compressed size in bytes, its platforms."""

    created: str
    size: int
    platforms: tuple[str, ...]


class ListedVersion(NamedTuple):
    """A version, its image, and the tags that point there now; `also` are those that belong to no version."""

    version: str
    variant: str
    digest: str | None
    tags: tuple[str, ...]
    withdrawn: bool
    attached: tuple[Artifact, ...] = ()
    also: tuple[str, ...] = ()
    facts: Facts | None = None
    held: bool = False


class Floating(NamedTuple):
    """A floating tag: what it holds, the version it belongs to (None when none is left), and whether it drifted."""

    digest: str | None
    belongs_to: str | None
    drifted: bool


class Tree(NamedTuple):
    """What stands in one repository, newest version first.

    `other` are the tags of no version, `attached` is what belongs to images that no version holds, or to parts of
    images that were not read, and `purged` are versions whose mark is all that is left. `dispute` says which spellings
    of one version hold different images; `notes` are what a person has to know besides. `left_out` counts the versions
    that do not fit what was asked for.
    """

    repository: str
    versions: tuple[ListedVersion, ...]
    floating: Mapping[str, Floating]
    other: tuple[str, ...]
    attached: tuple[Artifact, ...] = ()
    purged: tuple[str, ...] = ()
    dispute: str = ""
    notes: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person has to know of it."""
        return tuple(filter(None, (self.dispute, *self.notes)))


class PageFile(NamedTuple):
    """The file that a page is written to, and the time that the page shows."""

    path: Path
    when: str


class Trees(NamedTuple):
    """What stands in several repositories; `errors` are of those that could not be read.

    They are printed as a Markdown `table`, or written to a `page`, where a person asks for that.
    """

    trees: tuple[Tree, ...]
    errors: tuple[TaggerError, ...] = ()
    table: bool = False
    page: PageFile | None = None

    @property
    def warnings(self) -> Iterator[str]:
        """What a person has to know of the repositories."""
        return chain.from_iterable(tree.warnings for tree in self.trees)

    @property
    def exit_code(self) -> int:
        """0 when every repository could be read, else the highest exit code of the errors."""
        return max((error.exit_code for error in self.errors), default=0)

    @property
    def error(self) -> TaggerError | None:
        """The first error."""
        return next(iter(self.errors), None)
