"""What `check` found."""

from typing import Literal, NamedTuple, Self

from tagger.errors import TaggerError

__all__ = ["Checkup", "Finding"]


class Finding(NamedTuple):
    """Something that `check` found: an `error` or a `warning` to act on, or a `note`, which needs no action.

    `code` is one upper-case word for programs; `repository` is empty where the finding is about the whole run.
    """

    level: Literal["error", "warning", "note"]
    code: str
    message: str
    hint: str = ""
    repository: str = ""

    @classmethod
    def of(cls, error: TaggerError, repository: str = "") -> Self:
        """Return an error as a finding."""
        return cls("error", error.code, error.message.removeprefix(f"{repository}: "), error.hint, repository)


class Checkup(NamedTuple):
    """What `check` found, in which repositories."""

    repositories: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """1 where an error was found, else 0."""
        return int(self.error is not None)

    @property
    def error(self) -> TaggerError | None:
        """The first error that was found."""
        found = next((finding for finding in self.findings if finding.level == "error"), None)
        if found is None:
            return None
        place = f"{found.repository}: " if found.repository else ""
        return TaggerError(f"{place}{found.message}", found.hint, code=found.code)
