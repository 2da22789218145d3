"""The command `release`, which puts the image into every repository, under every tag of its version."""

from typing import TYPE_CHECKING

from tagger.commands.build import build_source
from tagger.commands.command import Command
from tagger.commands.release_job import nothing_to_do, plan_of, release_of
from tagger.commands.run import Run
from tagger.errors import EngineError
from tagger.results import Verb

if TYPE_CHECKING:
    from tagger.images.stores import Source
    from tagger.results import Report

__all__ = ["COMMAND", "tell_local_tags"]


def _run(run: Run) -> int:
    if silent := nothing_to_do(run):
        return run.show(silent)
    from tagger.commands.labels import with_labels

    if run.settings.dry_run:
        report = run.drive(plan_of(run, "release"))
        tell_local_tags(run, report)
        return run.show(with_labels(run, report))
    report = run.drive(release_of(run))
    if run.settings.tag_locally and not report.exit_code:
        for variant, one in run.of_variants().items():
            try:
                _tag_locally(one, build_source(one), report.variants.get(variant, report))
            except EngineError as error:  # this does not undo the release
                run.warn("ENGINE", f"the engine did not accept the tags of the release: {error.message}")
    return run.show(with_labels(run, report))


def tell_local_tags(run: Run, report: "Report") -> None:
    """Say in a plan which tags the engine that holds the image gets; they are no change of a repository."""
    if not run.settings.tag_locally or report.error or not report.repositories:
        return
    from tagger.images.engine import EngineSource

    built = [one for one in run.of_variants().values() if isinstance(build_source(one), EngineSource)]
    wanted = ("create", "move", "keep")
    tags = dict.fromkeys(c.tag for one in report.repositories for c in one.changes if c.action in wanted)
    if built and tags:
        run.console.note(f"the engine gets these tags of the release, too (`tag-locally`): {' '.join(tags)}")


def _tag_locally(run: Run, build: "Source | None", report: "Report") -> None:
    """Set the tags of the release in the engine that the image came from, for the next step of the job."""
    if build is None or report.digest is None:
        return
    from tagger.images.engine import EngineSource
    from tagger.images.same import is_same_image

    images = {str(image): image for image in run.settings.repositories}
    if not isinstance(build, EngineSource) or not images:
        return
    if run.settings.on_conflict in ("keep", "revision"):  # then the release may be another image than the engine's
        first = run.connections.repository(next(iter(images.values())))
        if not is_same_image(build, first, report.digest):
            return
    build.tag_locally(
        images[outcome.repository].tagged(tag)
        for outcome in report.repositories
        if outcome.repository in images
        for tag in report.tags_in(outcome)
    )


COMMAND = Command(
    "release",
    "Put the image in every repository under every tag of its version.",
    _run,
    kinds=("releases", "makes a release", "reads a version", "applies rules", "writes", "may be forced"),
    arguments="[REPOSITORY] [VERSION]",
    words=("images", "version"),
    several="named",
    examples=(
        "release ghcr.io/acme/app 2.1.4 --source docker-daemon:app:build",
        "release 2.1.4 --image ghcr.io/acme/app --image acme/app --source oci:build",
        "release ghcr.io/acme/app 2.1.4 --source app:build --dry-run",
    ),
    verb=Verb("Released", "to"),
)
