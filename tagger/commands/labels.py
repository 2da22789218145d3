"""The labels and annotations of a build, for the outputs of `plan` and `release`."""

from typing import TYPE_CHECKING

from tagger.commands.run import Run
from tagger.errors import InputError

if TYPE_CHECKING:
    from tagger.results import Report

__all__ = ["with_labels"]


def with_labels(run: Run, report: "Report") -> "Report":
    """Return the report with its labels and annotations, where a workflow takes outputs.

    What is wrong with them stops no release: it is a warning.
    """
    if not run.environ.get("GITHUB_OUTPUT"):
        return report
    from tagger.rules.rows.labels import image_labels
    from tagger.version_from.build import build_facts, project_of

    name = report.version or report.name
    try:
        facts, project = build_facts(run.environ, run.workspace), project_of(run.environ)._asdict()
        labels, annotations = (
            image_labels(facts, project, name, own) for own in (run.settings.labels, run.settings.annotations)
        )
    except InputError as error:
        run.warn("LABELS", f"the outputs labels and annotations are empty: {error.message}")
        return report
    return report._replace(labels=labels, annotations=annotations)
