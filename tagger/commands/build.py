"""Finds out what a run releases: the version of the build with its variants, and its plain tags."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from tagger.commands.run import Run
from tagger.errors import EngineError, InputError, TaggerError
from tagger.rules.marks import is_reserved
from tagger.rules.templates import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tagger.images.stores import ImageConfig, Source
    from tagger.rules.cascade import Rules
    from tagger.rules.rows.meaning import Filled, Rows
    from tagger.rules.versions import Version
    from tagger.version_from.found import Found
    from tagger.version_from.reading import Places

__all__ = ["Built", "build_source", "read_built"]

GIT_TAG = "git-tag"
NO_VERSION = "none"
"""The value of `version` for a build that has none."""


class Built(NamedTuple):
    """The version and the tags of a build.

    `versions` is one version, once for each variant; empty for a build without a version. `origin` says where it was
    read. `plain` are the tags that belong to no version. `skipped` are tags of the version that this run does not set,
    as their rows are not enabled.
    """

    versions: "tuple[Version, ...]" = ()
    origin: str = ""
    plain: tuple[str, ...] = ()
    skipped: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The version; for a build without one its first tag, as in docker/metadata-action."""
        return self.versions[0].text if self.versions else next(iter(self.plain), "")


def read_built(run: Run, rules: "Rules") -> Built:
    """Return the version and the tags of the build, by the given rules. Raise `InputError`, `StoreError`."""
    if run.settings.rows:
        return _by_rows(run, run.settings.rows, rules)
    if run.settings.version == NO_VERSION:
        return Built(plain=_plain_tags(run, rules))
    versions, origin = _read_version(run, rules)
    return Built(versions, origin, _plain_tags(run, rules))


def build_source(run: Run) -> "Source | None":
    """Return the built image, if the settings name one.

    After the event `released` it may be missing, as a held version is approved without it. In a plan it may be missing,
    as a plan may run before the build.
    """
    try:
        return run.build
    except TaggerError as error:
        from tagger.images.digests import INVALID

        if run.release_event and run.release_event.action == "released":
            return None
        from tagger.version_from.refs import is_pull_request  # few runs lack their image

        to_come = isinstance(error, InputError | EngineError) or is_pull_request(run.environ)
        if run.command == "plan" and to_come and error.code != INVALID:
            run.warn("NO_SOURCE", f"{error.message}; the plan shows only the tags, and a release needs the image")
            return None
        raise


def _by_rows(run: Run, rows: "Rows", rules: "Rules") -> Built:
    """Return the build as rows give it."""
    from tagger.commands.facts import facts_of

    settings = run.settings
    variants = settings.build_variants

    def parse(text: str) -> "Version":
        if settings.version == NO_VERSION:
            raise InputError("this build has no version", "`version: none` says so.")
        return rules.parse(text, variants[0]) if rules.exact else rules.scheme.parse(text)

    if settings.version == NO_VERSION:
        rows = rows._replace(rows=tuple(row for row in rows.rows if not row.reads_version))
    filled = rows.fill(facts_of(run), parse, _given_text(run, parse))
    for note in filled.notes:
        run.warn("ROWS", note)
    plain = filled.plain_tags(rules)
    if filled.version is None or not rules.exact:
        return Built(plain=plain)
    _warn_of_others(run, rules, filled, parse)
    versions = tuple(rules.check(filled.version.of_variant(variant)) for variant in variants)
    return Built(versions, filled.origin, plain, _skipped_tags(rows, filled, versions))


def _warn_of_others(run: Run, rules: "Rules", filled: "Filled", parse: "Callable[[str], Version]") -> None:
    """Warn where a git tag gives the version by its row, and a label or a file gives another version."""
    from tagger.version_from.found import Found
    from tagger.version_from.reading import compare_places

    said = run.settings.version or "version-from" in run.settings.given
    if said or filled.version is None or filled.origin != GIT_TAG:
        return
    decided = Found(filled.version, filled.version.text, GIT_TAG, f"the git tag of {filled.version.text}")
    for note in compare_places(decided, run.settings.version_from, _places(run, rules), parse).notes:
        run.warn("VERSIONS_DIFFER", note)


def _skipped_tags(rows: "Rows", filled: "Filled", versions: "tuple[Version, ...]") -> frozenset[str]:
    """Return the tags of a version whose rows are not enabled in this build."""

    def tags(texts: "Sequence[str]") -> set[str]:
        made = (Template.parse(text).fill(version) for text in texts for version in versions)
        return set(filter(None, made))

    return frozenset(tags([text for text in rows.templates if text not in filled.earned]) - tags(filled.earned))


def _given_text(run: Run, parse: "Callable[[str], Version]") -> str:
    """Return the text of the version that settings beside the rows give; empty where they give none."""
    from tagger.version_from.found import Absent
    from tagger.version_from.reading import Places, from_text

    settings = run.settings
    if settings.version == NO_VERSION:
        return ""
    if settings.version:
        return from_text(settings.version, settings.tag_prefix)
    if "version-from" not in settings.given:
        return ""
    places = Places(run.workspace, run.environ, configs=_configs(run), tag_prefix=settings.tag_prefix)
    for kind in settings.version_from:
        with suppress(Absent):
            return places.read(kind, parse).text
    return ""


def _read_version(run: Run, rules: "Rules") -> "tuple[tuple[Version, ...], str]":
    """Return the version of the build by the given rules, once for each variant, and where it was read."""
    from tagger.rules.remedies import parse_version
    from tagger.version_from.reading import check_ref, read_version

    settings = run.settings
    variants = settings.build_variants

    def parse(text: str) -> "Version":
        return parse_version(rules, text, variants[0], settings.tag_prefix)

    if settings.version:
        found = _given_version(run, rules, parse)
    else:
        asked = "version-from" in settings.given
        if run.command == "release" and not asked:
            check_ref(run.environ)
        found = read_version(settings.version_from, _places(run, rules), parse, asked=asked)
    for note in found.notes:
        run.warn("VERSIONS_DIFFER", note)
    return tuple(rules.check(found.version.of_variant(variant)) for variant in variants), found.origin


def _given_version(run: Run, rules: "Rules", parse: "Callable[[str], Version]") -> "Found[Version]":
    """Return the version that the option gives, with a note where the image's own label contradicts it.

    Files are not read. A difference only in the packaging revision is no contradiction. Raise `InputError` where the
    text is no version.
    """
    from tagger.version_from.found import Found
    from tagger.version_from.reading import compare_places, from_text

    settings, origin = run.settings, run.settings.origin("version")
    text = from_text(settings.version, settings.tag_prefix)
    try:
        decided = Found(parse(text), text, "version", f"{origin} {text}")
    except InputError as error:
        raise InputError(f"{origin}: {error.message}", error.hint, code=error.code) from error
    return compare_places(decided, ("label",), _places(run, rules), parse, _is_same_release)


def _is_same_release(one: "Version", other: "Version") -> bool:
    return (one.numbers, one.prerelease) == (other.numbers, other.prerelease)


def _places(run: Run, rules: "Rules") -> "Places":
    """Return the places that the version of this build can be read from."""
    from tagger.version_from.reading import Places

    settings = run.settings
    return Places(
        run.workspace,
        run.environ,
        configs=_configs(run),
        at_hand=not settings.has_several_builds and _is_at_hand(build_source(run)),
        tag_prefix=settings.tag_prefix,
        variants=(*rules.variants, *settings.build_variants),
    )


def _configs(run: Run) -> "Callable[[], Sequence[ImageConfig]] | None":
    """Return a function that reads the configs of the built image; None without an image. Does not wait for builds."""
    if run.settings.has_several_builds:

        def read() -> "Sequence[ImageConfig]":
            build = build_source(run)
            return build.configs() if build else ()

        return read
    build = build_source(run)
    return build.configs if build else None


def _is_at_hand(source: "Source | None") -> bool:
    """Say whether the configs of an image can be read without a registry."""
    from tagger.images.sources import ContentSource

    return source is not None and (not isinstance(source, ContentSource) or source.is_at_hand)


def _plain_tags(run: Run, rules: "Rules") -> tuple[str, ...]:
    """Return the tags of the build that belong to no version."""
    made: list[str] = []
    alone = run.settings.is_versionless  # then a template without fields is a plain tag too
    for template in map(Template.parse, run.settings.tags):
        if not (template.is_plain or (alone and not template.fields)):
            continue
        for variant in run.settings.build_variants:
            filled = template.fill_plain(lambda name: _fact(run, name), variant) or ""
            tag = re.sub(r"[^A-Za-z0-9._-]", "-", filled).lstrip("-.")[:128]
            # A branch may be named 2.1 or latest, which is refused. A date may look like a series.
            dated = not template.fields.isdisjoint(("date", "sha"))
            if rules.claims(tag) if not dated else (rules.read(tag) or is_reserved(tag)):
                raise InputError(
                    f"the plain tag {tag} could be the tag of a version",
                    "Put a word before it in `tags`, as branch-{{branch}}.",
                )
            made.append(tag)
    return tuple(dict.fromkeys(filter(None, made)))


def _fact(run: Run, name: str) -> str:
    """Return the value of a plain field: `sha`, `branch`, `pr`, or a whole date field."""
    if name.startswith("date"):
        from tagger.clock import now
        from tagger.rules.rows.dates import moment
        from tagger.rules.templates import date_field

        return moment(now(run.environ), *date_field(name))
    if name == "pr":
        from tagger.commands.facts import facts_of

        return facts_of(run).pull_request.partition("/")[0]
    from tagger.version_from.git import git_facts

    facts = git_facts(run.workspace, run.environ)
    return facts.sha[:7] if name == "sha" else facts.branch
