"""What `plan` and `release` are told to do: the version, the gates, the plain tags, made of the settings."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tagger.commands.gate import gate_of
from tagger.commands.run import Run
from tagger.errors import InputError, TaggerError
from tagger.rules.marks import is_reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tagger.images.stores import ImageConfig, Source, TagStore
    from tagger.operations.prepare import Release
    from tagger.results import Report
    from tagger.rules.cascade import Rules
    from tagger.rules.versions import Version

__all__ = ["build_versions", "release_job"]


def release_job(run: Run, *, write: bool) -> "Release":
    """Return the release that the settings ask for. Raise `InputError`, `StoreError`.

    Where the version cannot be read by the rules of the settings, those of the repositories are asked for first.
    """
    stores = run.connections.stores(write=write)
    run.begin_build()
    from tagger.operations.policy import stored_rules  # while the registries are being connected to

    try:
        return _release_by(run, stores, run.terms.own_rules)
    except InputError:
        rules = stored_rules(run.terms, stores)
        if rules is None or rules == run.terms.own_rules:
            raise
        return _release_by(run, stores, rules)


def _release_by(run: Run, stores: "tuple[TagStore, ...]", rules: "Rules") -> "Release":
    """Return the release by the given rules."""
    from tagger.operations.prepare import Release
    from tagger.version_from.git import git_facts

    settings = run.settings
    versions, origin = build_versions(run, rules)
    return Release(
        versions=versions,
        rules=rules,
        stores=stores,
        source=None if run.settings.has_several_builds else _source(run),
        awaited=(lambda: _source(run)) if run.settings.has_several_builds else None,
        version_from=origin,
        on_conflict=settings.on_conflict,
        plain=_plain_tags(run, rules),
        gate=gate_of(run, versions[0], rules),
        terms=run.terms,
        again=lambda found: _release_by(run, stores, found),
        hold=settings.hold == "true",
        event=run.release_event,
        platforms=settings.platforms,
        force=settings.force,
        commit=lambda: git_facts(run.workspace, run.environ).sha,
    )


def nothing_to_do(run: Run) -> "Report | None":
    """Return the report of a run that a release event started after which nothing is released: a deletion, say."""
    event = run.release_event
    if event is None or event.writes:
        return None
    from tagger.results import Outcome, Report

    run.warn("NOTHING_TO_DO", f"after the release event `{event.action}` nothing is written")
    places = (f"oci:{image}" if isinstance(image, Path) else str(image) for image in run.settings.images)
    return Report(run.command, tuple(Outcome(place, "unchanged") for place in places), dry_run=run.command == "plan")


def _source(run: Run) -> "Source | None":
    """Return the built image; after the event `released` there need not be any, as a held version is approved."""
    try:
        return run.build
    except TaggerError:
        if run.release_event and run.release_event.action == "released":
            return None
        raise


def build_versions(run: Run, rules: "Rules") -> "tuple[tuple[Version, ...], str]":
    """Return the version of the build by the given rules, once for each variant that it is, and where it was read."""
    from tagger.version_from.reading import Places, check_ref, from_text, read_version

    settings = run.settings
    variants = settings.build_variants

    def parse(text: str) -> "Version":
        return rules.parse(text, variants[0])

    if settings.version:
        try:
            version, origin = parse(from_text(settings.version, settings.tag_prefix)), "version"
        except InputError as error:
            message = f"{settings.origin('version')}: {error.message}"
            raise InputError(message, error.hint, code=error.code) from error
    else:
        asked = "version-from" in settings.given
        if run.command == "release" and not asked:
            check_ref(run.environ)
        places = Places(
            run.workspace,
            run.environ,
            configs=_configs(run),
            at_hand=not run.settings.has_several_builds and _is_at_hand(_source(run)),
            tag_prefix=settings.tag_prefix,
            variants=(*rules.variants, *variants),
        )
        found = read_version(settings.version_from, places, parse, asked=asked)
        for note in found.notes:
            run.warn("VERSIONS_DIFFER", note)
        version, origin = found.version, found.origin
    return tuple(rules.check(version.of_variant(variant)) for variant in variants), origin


def _configs(run: Run) -> "Callable[[], Sequence[ImageConfig]] | None":
    """Return what reads the configs of the built image; None where there is none. Several builds are not waited for."""
    if run.settings.has_several_builds:

        def read() -> "Sequence[ImageConfig]":
            build = _source(run)
            return build.configs() if build else ()

        return read
    build = _source(run)
    return build.configs if build else None


def _is_at_hand(source: "Source | None") -> bool:
    """Say whether reading an image's configs asks no registry."""
    from tagger.images.sources import ContentSource

    return source is not None and (not isinstance(source, ContentSource) or source.is_at_hand)


def _plain_tags(run: Run, rules: "Rules") -> tuple[str, ...]:
    """Return the tags that follow the build and belong to no version."""
    made: list[str] = []
    for template in rules.plain:
        for variant in run.settings.build_variants:
            filled = template.fill_plain(lambda name: _fact(run, name), variant) or ""
            tag = re.sub(r"[^A-Za-z0-9._-]", "-", filled).lstrip("-.")[:128]
            # A branch may be called 2.1 or latest; a date that looks like a series was asked for.
            if rules.claims(tag) if "branch" in template.fields else (rules.read(tag) or is_reserved(tag)):
                raise InputError(
                    f"the plain tag {tag} would be taken for a version's",
                    "Put a word before it in `tags`, as branch-{{branch}}.",
                )
            made.append(tag)
    return tuple(dict.fromkeys(filter(None, made)))


def _fact(run: Run, name: str) -> str:
    """Return the value of a plain field: `sha`, `branch`, or a whole date field."""
    if name.startswith("date"):
        from tagger.clock import now
        from tagger.rules.templates import date_field

        form, zone = date_field(name)
        return _date(now(run.environ).astimezone(_zone(zone)), form)
    from tagger.version_from.git import git_facts

    facts = git_facts(run.workspace, run.environ)
    return facts.sha[:7] if name == "sha" else facts.branch


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {name!r}", "Write one of the tz database, as UTC or Europe/Paris."
        ) from error


def _date(now: "datetime", form: str) -> str:
    """Write a date in the tokens of moment.js that other tools take: YYYY YY MM DD HH mm ss."""
    tokens = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "X": "%s"}
    return now.strftime(re.sub("|".join(tokens), lambda token: tokens[token[0]], form))
