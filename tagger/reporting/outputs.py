"""The outputs of the action, a row each."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tagger.results import Report

if TYPE_CHECKING:
    from tagger.results.components import ComponentsReport

__all__ = ["OUTPUTS", "TEXTS", "Output", "as_output", "components_outputs", "report_outputs"]


class Output(NamedTuple):
    """An output: its name, its text for `action.yml`, its value for a report, and one value for several components.

    `together` gets the different values of the components.
    """

    name: str
    text: str
    of: Callable[[Report], str]
    together: Callable[[Sequence[str]], str] = lambda values: values[0] if len(values) == 1 else ""


def _tags(report: Report) -> list[tuple[str, str]]:
    """Return the repository and the tag of all that points at the release now, or would after a plan."""
    return [(one.repository, tag) for one in report.repositories for tag in report.tags_in(one)]


def _digest(report: Report) -> str:
    """Return the digest. After a failure only if a tag points at it: no later step deploys a refused image."""
    return report.digest if report.digest and (_tags(report) or not report.exit_code) else ""


def _latest(report: Report) -> str:
    return _word(bool(report.repositories) and all("latest" in report.tags_in(one) for one in report.repositories))


def _platforms(report: Report) -> str:
    return json.dumps(dict(report.platforms)) if _tags(report) or not report.exit_code else ""


def _word(value: bool) -> str:
    return "true" if value else "false"


def _where_one_is(values: Sequence[str]) -> str:
    return _word("true" in values)


OUTPUTS = (
    Output(
        "version",
        "The version that was released, or would be; for a build without a version, its first tag.",
        lambda report: report.build,
    ),
    Output(
        "digest",
        "The digest of the release; deploy this rather than a tag. Empty where nothing was released, and in a plan "
        "where only the push makes it.",
        _digest,
    ),
    Output(
        "tags",
        "Full references that point at this release now, or would after a plan or a dry run, one a line.",
        lambda report: "\n".join(f"{repository}:{tag}" for repository, tag in _tags(report)),
        lambda values: "\n".join(filter(None, values)),
    ),
    Output(
        "tag-names",
        "The names of these tags, one a line.",
        lambda report: "\n".join(dict.fromkeys(tag for _, tag in _tags(report))),
        lambda values: "\n".join(dict.fromkeys(name for names in values for name in names.split())),
    ),
    Output(
        "latest",
        "`true` when this release holds `latest` in every repository, or would.",
        _latest,
        lambda values: _word(list(values) == ["true"]),
    ),
    Output(
        "changed",
        "`true` when something was written; in a plan or a dry run, when something would be.",
        lambda report: _word(report.changed),
        _where_one_is,
    ),
    Output(
        "held",
        "`true` when the version is held: it waits for `approve`, and no floating tag moved to it.",
        lambda report: _word(report.held),
        _where_one_is,
    ),
    Output(
        "platform-digests",
        "JSON with the digest of each platform's manifest, which signatures, attestations and SBOMs are of. Empty "
        "where nothing was released.",
        _platforms,
    ),
    Output(
        "labels",
        "Labels of the image as docker/metadata-action makes them, with those of `labels`, one a line.",
        lambda report: "\n".join(report.labels),
    ),
    Output(
        "annotations",
        "Annotations likewise, with those of `annotations`.",
        lambda report: "\n".join(report.annotations),
    ),
)
"""Every output that follows from a report, in the order of `action.yml`. Behind them is `json`, of every command."""

TEXTS = {
    **{row.name: row.text for row in OUTPUTS},
    "json": "The whole report, as `--json` prints it. Set by every command.",
}
"""The texts of all outputs."""


def report_outputs(report: Report, document: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of a report."""
    return {**{row.name: row.of(report) for row in OUTPUTS}, "json": as_output(document)}


def components_outputs(report: "ComponentsReport", document: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of several components.

    The tags are those of all. `latest` is true where all hold it, `changed` and `held` where one is. Each other output
    has a value only where all components have the same. Where no component has a report, there is only `json`.
    """
    reports = [ended for ended in report.components.values() if isinstance(ended, Report)]
    rows = OUTPUTS if reports else ()
    found = {row.name: row.together(list(dict.fromkeys(map(row.of, reports)))) for row in rows}
    return {**found, "json": as_output(document)}


def as_output(document: Mapping[str, Any]) -> str:
    """Return the JSON of a command for the output `json`, on one line. A long one is shortened, and says so."""
    from tagger.reporting.shorten import shorten

    return shorten(document)
