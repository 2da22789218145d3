"""What the tags of a repository say: which versions stand in it, and which of them do not count."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tagger.rules.versions import Version

__all__ = ["Published"]


class Published(NamedTuple):
    """What the tags of a repository say: the versions that stand in it, and which of them are withdrawn, or held.

    A version may be withdrawn and gone (purged): it is in `withdrawn` and not in `versions`; one may be held before it
    stands. `exact` are the exact tags that each version has.
    """

    versions: frozenset[Version]
    withdrawn: frozenset[Version]
    exact: Mapping[Version, tuple[str, ...]]
    held: frozenset[Version] = frozenset()

    @property
    def in_force(self) -> frozenset[Version]:
        """The versions that count: published, not withdrawn and not held."""
        return self.versions - self.withdrawn - self.held if self.withdrawn or self.held else self.versions

    def spellings(self, versions: Iterable[Version]) -> dict[Version, list[Version]]:
        """Return, for those of `versions` that are spelled otherwise too (`1.02` beside `1.2`), the others in force."""
        wanted = {(version.variant, version.key): version for version in versions}
        others: dict[Version, list[Version]] = defaultdict(list)
        for version in self.in_force if wanted else ():
            one = wanted.get((version.variant, version.key))
            if one is not None and one != version:
                others[one].append(version)
        return others
