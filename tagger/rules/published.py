"""The versions that the tags of a repository name, and which of them are withdrawn or held."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tagger.rules.versions import Version

__all__ = ["Published"]


class Published(NamedTuple):
    """The versions that the tags of a repository name, and which of them are withdrawn or held.

    A withdrawn version that was purged is in `withdrawn` and not in `versions`. A version may be in `held` before its
    exact tag exists. `exact` has the exact tags of each version.
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
        """Return the other spellings in force (`1.02` beside `1.2`) of those of `versions` that have any."""
        wanted = {(version.variant, version.key): version for version in versions}
        others: dict[Version, list[Version]] = defaultdict(list)
        for version in self.in_force if wanted else ():
            one = wanted.get((version.variant, version.key))
            if one is not None and one != version:
                others[one].append(version)
        return others
