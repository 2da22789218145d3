"""The JSON of a report, and of an error."""

from collections.abc import Mapping
from typing import Any

from tagger.errors import TaggerError
from tagger.results import Outcome, Pruned, Report
from tagger.rules.plan import Change
from tagger.rules.words import DEFAULT_VARIANT

__all__ = ["error_document", "report_document"]


def report_document(report: Report, *, contents: bool = True) -> dict[str, Any]:
    """Return the JSON of a report, of `plan` or a command that writes; `contents` adds texts of deleted manifests."""
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
        "repositories": [_outcome(report, outcome) for outcome in report.repositories],
        "warnings": [warning._asdict() for warning in report.warnings],
        "policy": {"source": report.policy.source, "differs": list(report.policy.differs)},
        "held": report.held,
        "platforms": dict(report.platforms),
        "verified": [verification._asdict() for verification in report.verified],
    }
    if report.plan_id:
        document |= {"plan_id": report.plan_id, "pruned": [_pruned_document(one, contents) for one in report.pruned]}
    origins = {name: report.origins[digest] for name, digest in report.platforms.items() if digest in report.origins}
    variants = {name or DEFAULT_VARIANT: _variant(one) for name, one in report.variants.items()}
    more = {"base": report.base, "assembled_from": origins, "variants": variants}
    return document | {name: value for name, value in more.items() if value}


def error_document(error: TaggerError | None) -> Mapping[str, str] | None:
    """Return the JSON of an error; None for none."""
    return {"code": error.code, "message": error.message, "hint": error.hint} if error else None


def _variant(report: Report) -> dict[str, Any]:
    """Return the parts of a variant's report that the report of all variants does not have."""
    whole = report_document(report)
    return {name: whole[name] for name in ("source", "digest", "platforms", "base", "assembled_from") if name in whole}


def _outcome(report: Report, outcome: Outcome) -> dict[str, Any]:
    return {
        "repository": outcome.repository,
        "status": report.json_status(outcome),
        "digest": outcome.digest,
        "error": error_document(outcome.error),
        "changes": [_change(change) for change in outcome.changes],
    }


def _pruned_document(pruned: Pruned, contents: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "repository": pruned.repository,
        "tags": pruned.tags,
        "kept": pruned.kept,
        "bytes": pruned.freed,
        "manifests": len(pruned.manifests),
    }
    deleted = [
        {"digest": digest, "media_type": kind, "content": text} for digest, kind, text in pruned.manifests if text
    ]
    return document | ({"deleted": deleted} if deleted and contents else {})


def _change(change: Change) -> dict[str, Any]:
    document = {
        "tag": change.tag,
        "action": change.action,
        "before": change.before,
        "after": change.after,
        "version": change.version or None,
        "reason": change.reason,
    }
    return document | ({"drifted": True} if change.drifted else {})
