"""How an operation went: events on the way, and a report of every repository at the end."""

from collections.abc import Callable, Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

from tagger.errors import Refused, TaggerError, Unconfirmed
from tagger.rules.plan import Change

__all__ = [
    "Event",
    "Outcome",
    "Passed",
    "PolicyInForce",
    "Pruned",
    "Report",
    "ReportWarning",
    "Running",
    "Status",
    "Verb",
    "Verification",
    "finish",
    "conflicts_as_warnings",
]

Status = Literal["planned", "done", "unchanged", "incomplete", "failed", "refused"]
"""How a repository ended. It is shown in this word, and `done` in the word of the command."""


class Event(NamedTuple):
    """Something that happens in a repository. `kind` says what; `text` says it to a person.

    `place` is the repository, or empty for the whole run. A warning has a `code`, for programs.
    """

    kind: Literal["pushing", "staged", "pointed", "removed", "verified", "warning"]
    place: str
    text: str
    code: str = ""

    @property
    def message(self) -> str:
        """What happened, and where that was."""
        return f"{self.place}: {self.text}" if self.place else self.text


class ReportWarning(NamedTuple):
    """Something that a person has to know, though nothing failed; `code` is one upper-case word for programs."""

    code: str
    message: str


class PolicyInForce(NamedTuple):
    """Where the rules of a run come from, and the names of the settings that differ from them."""

    source: Literal["repository", "settings", "default"] = "default"
    differs: tuple[str, ...] = ()


class Verification(NamedTuple):
    """A signature or attestation that proves who made an image: its subject, the row that accepts it, its place."""

    digest: str
    by: str
    repo: str = ""
    ref: str = ""
    workflow: str = ""
    predicate: str = ""
    found_at: str = ""


class Passed(NamedTuple):
    """What the gates found: the approved base that an image stands on, if one was asked for, and who signed it."""

    base: str = ""
    verified: tuple[Verification, ...] = ()


class Outcome(NamedTuple):
    """How one repository ended.

    `digest` is that of the release in the repository, `others` are those of its other variants.
    """

    repository: str
    status: Status
    changes: tuple[Change, ...] = ()
    digest: str | None = None
    error: TaggerError | None = None
    others: tuple[str, ...] = ()
    warnings: tuple[ReportWarning, ...] = ()

    @classmethod
    def failed(cls, place: str, error: TaggerError, changes: Iterable[Change] = ()) -> Self:
        """Return the outcome of a repository in which nothing was written, because of `error`."""
        return cls(place, "refused" if isinstance(error, Refused) else "failed", tuple(changes), None, error)

    @classmethod
    def unconfirmed(cls, place: str, changes: Iterable[Change], message: str, hint: str) -> Self:
        """Return the outcome of a repository without `--yes`: the changes that would be written."""
        error = Unconfirmed(f"{place}: {message}", hint, code="UNCONFIRMED")
        return cls(place, "refused", tuple(change.unconfirmed() for change in changes if change.writes), None, error)

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
        """Return the outcome of a repository with these changes, which is `done` where something was written."""
        changes = tuple(changes)
        status: Status
        if error:
            status = "refused" if isinstance(error, Refused) else "incomplete"
        elif dry_run:
            status = "planned"
        else:
            status = "done" if any(change.writes for change in changes) else "unchanged"
        return cls(place, status, changes, digest, error)


class Pruned(NamedTuple):
    """What pruning a repository deletes, or deleted: counts, and the manifests in the order of their deletion.

    `freed` counts the bytes that nothing else needs. `manifests` are those already deleted, each with its digest, its
    media type and its text: with them `--restore` can put them back.
    """

    repository: str
    tags: int = 0
    kept: int = 0
    freed: int = 0
    manifests: tuple[tuple[str, str, str], ...] = ()


class Verb(NamedTuple):
    """The words for what a command did: `done`, and the word `before` the repositories, as in `Released … to`.

    `tells_kept` is true where a tag that stays is shown too, with its reason. `name` is the command as people call it,
    where its options make it another one, as `withdraw --undo`. `json_status` is the status, for programs, of a
    repository that is done, where that is not `done` in lower case; `status` is the word for people, where that is
    another one.
    """

    done: str = ""
    before: str = "in"
    tells_kept: bool = False
    name: str = ""
    json_status: str = ""
    status: str = ""


class Report(NamedTuple):
    """How a command ended, in every repository.

    `held` is True of a version that waits for its approval; `platforms` has the manifest of each platform of the
    release, by its name (`linux/amd64`); `origins` say where these came from, by their digests, where several builds
    became one image; `verified` is what signatures proved. `plan_id` names what `prune` deletes, `pruned` counts it.
    Where the builds of several variants were released together, `variants` has the report of each, by its name. `verb`
    has the words for what the command did.
    """

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
    warnings: tuple[ReportWarning, ...] = ()
    policy: PolicyInForce = PolicyInForce()
    held: bool = False
    platforms: Mapping[str, str] = MappingProxyType({})
    origins: Mapping[str, str] = MappingProxyType({})
    verified: tuple[Verification, ...] = ()
    name: str = ""
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    plan_id: str = ""
    pruned: tuple[Pruned, ...] = ()
    variants: "Mapping[str, Report]" = MappingProxyType({})
    verb: Verb = Verb()

    @property
    def build(self) -> str:
        """The version, or the name of a build without one; empty where there is neither."""
        return self.version or self.name

    @property
    def title(self) -> str:
        """The command as people call it."""
        return self.verb.name or self.command

    def json_status(self, outcome: Outcome) -> str:
        """Return the status of a repository for programs: where it is done, in the word of the command."""
        word = self.verb.json_status or self.verb.done.lower() or "done"
        return word if outcome.status == "done" else outcome.status

    def status_of(self, outcome: Outcome) -> str:
        """Return the word for people of how a repository ended."""
        return (outcome.status == "done" and self.verb.status) or self.json_status(outcome)

    @property
    def is_rehearsal(self) -> bool:
        """True for a dry run of a command other than `plan`."""
        return self.dry_run and self.command != "plan"

    @property
    def changed(self) -> bool:
        """True when something was written; in a plan or a dry run without an error, when something would be."""
        if self.dry_run and self.exit_code:
            return False
        return any(change.writes for outcome in self.repositories for change in outcome.changes)

    def tags_in(self, outcome: Outcome) -> list[str]:
        """Return the tags of one repository that point at the release, or would after a plan."""
        if outcome.digest is None and not self.dry_run:
            return []
        held = (change for change in outcome.changes if change.action in ("create", "move", "keep"))
        images = {outcome.digest, *outcome.others}
        return [change.tag for change in held if change.after in images and change.tag in self.tags]

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed, incomplete or refused, 2 the input is wrong."""
        errors = [self.error, *(outcome.error for outcome in self.repositories)]
        return max((error.exit_code for error in errors if error), default=0)


def conflicts_as_warnings(report: Report) -> Report:
    """Return the report of a plan in which a conflict is a warning: the next commit may be another version's."""
    errors = [report.error, *(outcome.error for outcome in report.repositories)]
    found = {error.message: error for error in errors if error}
    if not found or any(error.code != "CONFLICT" for error in found.values()):
        return report
    outcomes = tuple(
        outcome._replace(status="planned", error=None) if outcome.error else outcome for outcome in report.repositories
    )
    warnings = tuple(ReportWarning("CONFLICT", message) for message in found)
    return report._replace(error=None, repositories=outcomes, warnings=(*report.warnings, *warnings))


Running = Generator[Event, None, Report]
"""An operation that runs: it yields events, and returns its report."""


def finish(running: Running, tell: Callable[[Event], object] = lambda _event: None) -> Report:
    """Run an operation to its end and return its report, with all warnings; `tell` gets each event as it comes."""
    warnings: dict[ReportWarning, None] = {}
    while True:
        try:
            event = next(running)
        except StopIteration as end:
            report: Report = end.value
            return report._replace(warnings=tuple(dict.fromkeys((*report.warnings, *warnings))))
        if event.kind == "warning":
            warnings[ReportWarning(event.code, event.message)] = None
        tell(event)
