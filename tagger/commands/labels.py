"""Adds the labels and annotations of a build to the outputs of `plan` and `release`."""

from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import TaggerError

if TYPE_CHECKING:
    from tagger.results import Report

__all__ = ["with_labels"]


def with_labels(run: Run, report: "Report") -> "Report":
    """Return the report with its labels and annotations, in a workflow. An error in them is only a warning."""
    settings = run.settings
    for text in (text for key, text in settings.labels if not key):
        run.warn("LABELS", f"`labels`: {text!r} is no key=value: it is left out")
    if not run.environ.get("GITHUB_OUTPUT"):
        return report
    from tagger.commands.facts import facts_of
    from tagger.rules.rows.facts import COMMIT_DATE, NO_COMMIT_TIME
    from tagger.rules.rows.labels import image_labels, with_levels
    from tagger.version_from.build import project_of

    version = report.build
    try:
        facts, project = facts_of(run), project_of(run.environ)._asdict()
        labels, annotations = (
            image_labels(facts, project, version, (pair for pair in own if pair[0]))
            for own in (settings.labels, settings.annotations)
        )
    except TaggerError as error:
        run.warn("LABELS", f"the outputs labels and annotations are empty: {error.message}")
        return report
    said = [text for _, text in (*settings.labels, *settings.annotations)]
    if any(COMMIT_DATE in text for text in said) and facts.commit_time() is None:
        run.warn("LABELS", f"labels or annotations use the date of now: {NO_COMMIT_TIME}")
    levels = run.environ.get("DOCKER_METADATA_ANNOTATIONS_LEVELS", "")
    return report._replace(labels=labels, annotations=with_levels(annotations, levels))
