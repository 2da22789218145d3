"""The command `components`, which lists the components of the settings file for a workflow's matrix."""

from typing import TYPE_CHECKING

from tagger.commands.command import Command
from tagger.commands.run import Run
from tagger.errors import InputError, TaggerError

if TYPE_CHECKING:
    from tagger.rules.versions import Version

__all__ = ["COMMAND"]


def _run(run: Run) -> int:
    settings = run.settings
    if not settings.component:
        hint = "List them in `.tagger.yml` under `components`, each with repositories of its own."
        raise InputError("no settings file has components", hint)
    stores = run.connections.stores()
    from tagger.operations.released import is_released
    from tagger.results.components import Component, Listing

    rules = settings.rules
    found = Component(settings.component, settings.image_names)
    try:
        version = _version(run)
    except InputError as error:
        run.warn("NO_VERSION", f"{settings.component}: {error.message}")
        return run.console.show_listing(Listing(() if settings.changed else (found,)))
    versions = [version.of_variant(variant) for variant in settings.build_variants]
    found = found._replace(version=version.text)
    try:
        exact = dict.fromkeys(rules.exact_tags(each)[0] for each in versions)
        found = found._replace(released=is_released(stores, tuple(exact)))
    except TaggerError as error:
        found = found._replace(error=error)
    return run.console.show_listing(Listing(() if settings.changed and found.released else (found,)))


def _version(run: Run) -> "Version":
    """Return the version that a release of the component would have: the one that is read, else its newest git tag's.

    The image is not read. Raise `InputError` where there is no version.
    """
    from tagger.version_from.reading import Places, from_text, read_version

    settings, rules = run.settings, run.settings.rules

    def parse(text: str) -> "Version":
        return rules.parse(text, settings.build_variants[0])

    if settings.version:
        return parse(from_text(settings.version, settings.tag_prefix))
    # With only a `tag-prefix`, the files at the root belong to no component.
    by_tag = "version-from" not in settings.given and bool(settings.tag_prefix)
    kinds = [kind for kind in settings.version_from if kind != "label" and not (by_tag and kind == "file")]
    places = Places(run.workspace, run.environ, tag_prefix=settings.tag_prefix, variants=rules.variants)
    try:
        return read_version(kinds, places, parse).version
    except InputError:
        newest = _newest_git_version(run) if "git-tag" in kinds else None
        if newest is None:
            raise
        return newest


def _newest_git_version(run: Run) -> "Version | None":
    """Return the newest version among the git tags of the component; None where there is none."""
    from tagger.commands.git_versions import versions_of
    from tagger.version_from.git import git_tags, read_checkout

    within = run.environ.get("GITHUB_WORKSPACE", "")
    if read_checkout(run.workspace, within) is None:
        return None
    return max(versions_of(run, git_tags(run.workspace, within), run.settings.rules), default=None)


COMMAND = Command(
    "components",
    "List the components of `.tagger.yml` as JSON, for a matrix.",
    _run,
    kinds=("applies rules", "reads a version", "needs no image"),
    several="all",
    prints="json",
    examples=("components", "components --changed", "components --only api"),
)
