"""The outputs of the action."""

import json
from collections.abc import Mapping
from typing import Any

from tagger.results import Report
from tagger.results.components import ComponentsReport

__all__ = ["as_output", "components_outputs", "report_outputs"]


def report_outputs(report: Report, document: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of a report. `tags` are those that point at the release now, or would after a plan.

    After a failure `digest` is empty unless a tag points at the release: no later step deploys a refused image.
    """
    standing = [(outcome, report.tags_in(outcome)) for outcome in report.repositories]
    names = dict.fromkeys(tag for _, tags in standing for tag in tags)
    latest = bool(standing) and all("latest" in tags for _, tags in standing)
    return {
        "version": report.version or report.name,
        "digest": report.digest if report.digest and (names or not report.exit_code) else "",
        "tags": "\n".join(f"{outcome.repository}:{tag}" for outcome, tags in standing for tag in tags),
        "tag-names": "\n".join(names),
        "latest": "true" if latest else "false",
        "changed": "true" if report.changed else "false",
        "held": "true" if report.held else "false",
        "platform-digests": json.dumps(dict(report.platforms)) if names or not report.exit_code else "",
        "labels": "\n".join(report.labels),
        "annotations": "\n".join(report.annotations),
        "json": as_output(document),
    }


def components_outputs(report: ComponentsReport, document: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of several components.

    The tags are those of all. `latest` is true where all hold it, `changed` and `held` where one is. Each other output
    has a value only where all components have the same. Where no component has a report, there is only `json`.
    """
    reports = [ended for ended in report.components.values() if isinstance(ended, Report)]
    if not reports:
        return {"json": as_output(document)}
    each = [report_outputs(one, {}) for one in reports]
    found = {name: list(dict.fromkeys(outputs[name] for outputs in each)) for name in each[0]}
    return {
        **{name: values[0] if len(values) == 1 else "" for name, values in found.items()},
        "tags": "\n".join(filter(None, found["tags"])),
        "tag-names": "\n".join(dict.fromkeys(name for names in found["tag-names"] for name in names.split())),
        "latest": "true" if found["latest"] == ["true"] else "false",
        "changed": "true" if "true" in found["changed"] else "false",
        "held": "true" if "true" in found["held"] else "false",
        "json": as_output(document),
    }


def as_output(document: Mapping[str, Any]) -> str:
    """Return the JSON of a command for the output `json`, on one line. A long one is shortened, and says so."""
    from tagger.reporting.shorten import shorten

    return shorten(document)
