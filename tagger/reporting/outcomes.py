"""What an operation tells: events while it runs, and a report of every repository at its end."""

from collections.abc import Generator, Iterable
from typing import NamedTuple, Self

from tagger.errors import Refused, TaggerError
from tagger.rules.plan import Change

__all__ = ["Event", "Outcome", "Report", "Running"]


class Event(NamedTuple):
    """Something that happened in a repository: `staged`, `pointed`, `removed`, `verified`, or a `warning`."""

    kind: str
    place: str
    text: str


class Outcome(NamedTuple):
    """How one repository ended.

    `status` is `planned`, `released`, `unchanged`, `incomplete`, `failed` or `refused`; `digest` is the digest of the
    release there.
    """

    repository: str
    status: str
    changes: tuple[Change, ...] = ()
    digest: str | None = None
    error: TaggerError | None = None

    @classmethod
    def failed(cls, place: str, error: TaggerError, changes: Iterable[Change] = ()) -> Self:
        """Return how a repository ended in which nothing was written."""
        return cls(place, "refused" if isinstance(error, Refused) else "failed", tuple(changes), None, error)

    @classmethod
    def of(
        cls,
        place: str,
        changes: Iterable[Change],
        error: TaggerError | None = None,
        *,
        digest: str | None = None,
        dry_run: bool = False,
    ) -> Self:
        """Return how a repository ended that was written to, or would be."""
        changes = tuple(changes)
        if error:
            status = "refused" if isinstance(error, Refused) else "incomplete"
        elif dry_run:
            status = "planned"
        else:
            status = "released" if any(change.writes for change in changes) else "unchanged"
        return cls(place, status, changes, digest, error)


class Report(NamedTuple):
    """How a command ended, in every repository."""

    command: str
    repositories: tuple[Outcome, ...] = ()
    version: str | None = None
    version_from: str | None = None
    tags: tuple[str, ...] = ()
    dry_run: bool = False
    source: str | None = None
    source_digest: str | None = None
    digest: str | None = None
    error: TaggerError | None = None
    base: str | None = None

    @property
    def changed(self) -> bool:
        """True when something was written; in a plan or a dry run, when something would be."""
        if self.dry_run and self.exit_code:
            return False
        return any(change.writes for outcome in self.repositories for change in outcome.changes)

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed, incomplete or refused, 2 the input is wrong."""
        errors = [self.error, *(outcome.error for outcome in self.repositories)]
        return max((error.exit_code for error in errors if error), default=0)


Running = Generator[Event, None, Report]
"""An operation under way: it yields what happens, and returns how it ended."""
