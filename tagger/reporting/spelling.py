"""Spells the settings in messages as the reader writes them: as options, or as inputs in a workflow."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import TaggerError

if TYPE_CHECKING:
    from tagger.results import Report
    from tagger.results.checkup import Checkup
    from tagger.results.components import Ended

__all__ = ["Spelling"]


class Spelling(NamedTuple):
    """How settings are written for the reader. A name of `commands` in a message is no setting."""

    commands: Collection[str]
    in_workflow: bool

    def of_text(self, text: str, *, names: bool = True) -> str:
        """Return a message with its settings as the reader writes them; with `names`, also those named alone."""
        if "`" not in text:
            return text
        from tagger.settings.wording import spell_settings

        return spell_settings(text, self.commands, in_workflow=self.in_workflow, names=names)

    def of_error(self, error: TaggerError) -> TaggerError:
        """Return an error with its message and its hint spelled."""
        from copy import copy

        shown = copy(error)
        shown.message, shown.hint = self.of_text(error.message, names=False), self.of_text(error.hint)
        return shown

    def of_report(self, report: "Report") -> "Report":
        """Return a report with its errors and warnings spelled."""
        repositories = [
            one._replace(error=self.of_error(one.error)) if one.error else one for one in report.repositories
        ]
        return report._replace(
            error=self.of_error(report.error) if report.error else None,
            repositories=tuple(repositories),
            warnings=tuple(one._replace(message=self.of_text(one.message, names=False)) for one in report.warnings),
        )

    def of_checkup(self, checkup: "Checkup") -> "Checkup":
        """Return a checkup with its findings spelled."""
        findings = [
            one._replace(message=self.of_text(one.message, names=False), hint=self.of_text(one.hint))
            for one in checkup.findings
        ]
        return checkup._replace(findings=tuple(findings))

    def of_ended(self, ended: "Ended") -> "Ended":
        """Return what a component ended with, spelled."""
        from tagger.results.checkup import Checkup
        from tagger.results.tree import Trees

        if isinstance(ended, Trees):
            return ended._replace(errors=tuple(map(self.of_error, ended.errors)))
        return self.of_checkup(ended) if isinstance(ended, Checkup) else self.of_report(ended)
