"""What `init` proposes for a repository: settings, what they leave unexplained, and what would change."""

from collections.abc import Mapping
from typing import NamedTuple

from tagger.rules.plan import Change

__all__ = ["Proposal", "Value"]

Value = str | bool | tuple[str, ...]
"""The value of a setting, as the settings file has it."""


class Proposal(NamedTuple):
    """The settings proposed for a repository of so many `tags` and `versions`, by their names, and the file with them.

    `right` counts the floating tags that are right under these settings; `changes` are what `reconcile` would write.
    `unexplained` are tags at the image of a version that no setting gives it, `other` those at images of no version.
    `written` is the file that was written, if one was. `policy` says in which settings the policy that the repository
    keeps differs, each with its value there; it is None where there is no policy.
    """

    repository: str
    settings: Mapping[str, Value]
    file: str
    tags: int
    versions: int
    right: int
    changes: tuple[Change, ...] = ()
    unexplained: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    written: str = ""
    policy: Mapping[str, str] | None = None
