"""The JSON of the contract: one document for each command, on every exit code."""

from collections.abc import Mapping
from typing import Any

from tagger.errors import TaggerError
from tagger.results import Outcome, Report

__all__ = ["error_document", "failure_document", "report_document"]


def report_document(report: Report) -> dict[str, Any]:
    """Return the JSON of `plan`, `release`, `reconcile` and `withdraw`."""
    source = {"reference": report.source, "digest": report.source_digest} if report.source else None
    document = {
        "command": report.command,
        "version": report.version,
        "version_from": report.version_from,
        "tags": list(report.tags),
        "dry_run": report.dry_run,
        "changed": report.changed,
        "source": source,
        "digest": report.digest,
        "error": error_document(report.error),
        "repositories": [_outcome(outcome) for outcome in report.repositories],
    }
    return document | ({"base": report.base} if report.base else {})


def failure_document(command: str, error: TaggerError) -> dict[str, Any]:
    """Return the JSON of a command that ended before it had anything to report."""
    return report_document(Report(command, error=error))


def error_document(error: TaggerError | None) -> Mapping[str, str] | None:
    """Return an error as the contract has it."""
    return {"code": error.code, "message": error.message, "hint": error.hint} if error else None


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "repository": outcome.repository,
        "status": outcome.status,
        "digest": outcome.digest,
        "error": error_document(outcome.error),
        "changes": [
            {
                "tag": change.tag,
                "action": change.action,
                "before": change.before,
                "after": change.after,
                "version": change.version or None,
                "reason": change.reason,
            }
            for change in outcome.changes
        ],
    }
