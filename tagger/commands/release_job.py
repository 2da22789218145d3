"""Makes the release that `plan` and `release` work on from the settings: version, gates, plain tags."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from tagger.commands.build import Built, build_source, read_built
from tagger.commands.gate import arrival_of, gate_of
from tagger.commands.run import Run
from tagger.errors import InputError
from tagger.rules.words import DEFAULT_VARIANT

if TYPE_CHECKING:
    from tagger.images.sources import BuiltImage
    from tagger.images.stores import OpenedStore
    from tagger.operations.plain_preparation import PlainRelease
    from tagger.operations.prepare import Release
    from tagger.results import Report, Running
    from tagger.rules.cascade import Rules

__all__ = ["nothing_to_do", "plan_of", "release_of"]


def release_of(run: Run) -> "Running":
    """Return the release of the settings, of every variant that has a build of its own."""
    runs = run.of_variants()
    if len(runs) > 1:
        from tagger.operations.together import release_together

        return release_together(_jobs(runs, write=True))
    (one,) = runs.values()
    job = _release_job(one, write=True)
    from tagger.operations.prepare import Release

    if isinstance(job, Release):
        from tagger.operations.release import release

        return release(job)
    from tagger.operations.plain import release_plain

    return release_plain(job)


def _jobs(runs: Mapping[str, Run], *, write: bool) -> "dict[str, Release]":
    """Return the releases of several variants, by their names. Raise `InputError` where their versions differ."""
    from tagger.operations.prepare import Release

    found = {variant: _release_job(run, write=write) for variant, run in runs.items()}
    jobs = {variant: job for variant, job in found.items() if isinstance(job, Release)}
    texts = {job.versions[0].text: variant for variant, job in jobs.items()}
    if len(texts) != 1 or len(jobs) < len(runs):
        named = ", ".join(f"{text} of {variant or DEFAULT_VARIANT}" for text, variant in texts.items())
        raise InputError(
            f"the variants are not builds of one version: {named or 'there is none'}",
            "Build all variants of one version, or give it with `version`.",
            code="VERSIONS_DIFFER",
        )
    return jobs


def _release_job(run: Run, *, write: bool) -> "Release | PlainRelease":
    """Return the release of the settings: of a version, or of plain tags. Raise `InputError`, `StoreError`.

    Where the version cannot be read by the rules of the settings, the policy of the repositories is read and tried.
    """
    stores = run.connections.stores(write=write)
    run.begin_build()
    if run.settings.is_versionless:
        return _release_by(run, stores, run.settings.rules)
    try:
        return _release_by(run, stores, run.terms.own_rules)
    except InputError:
        from tagger.operations.policy import stored_rules  # this is rare

        rules = stored_rules(run.terms, stores)
        if rules is None or rules == run.terms.own_rules:
            raise
        return _release_by(run, stores, rules)


def _release_by(run: Run, stores: "tuple[OpenedStore, ...]", rules: "Rules") -> "Release | PlainRelease":
    """Return the release by the given rules."""
    built = read_built(run, rules)
    return _of_version(run, stores, rules, built) if built.versions else _plain(run, stores, rules, built)


def _of_version(run: Run, stores: "tuple[OpenedStore, ...]", rules: "Rules", built: Built) -> "Release":
    for store in stores:
        store.begin_listing()  # while the operations are imported
    from tagger.operations.prepare import Release

    settings = run.settings
    several = settings.has_several_builds

    def again(found: "Rules") -> Release:
        return _of_version(run, stores, found, read_built(run, found))

    return Release(
        versions=built.versions,
        rules=rules,
        stores=stores,
        source=None if several else build_source(run),
        awaited=(lambda: build_source(run)) if several else None,
        version_from=built.origin,
        on_conflict=settings.on_conflict,
        plain=built.plain,
        gate=gate_of(run, built.versions[0], rules),
        arrived=arrival_of(run, built.versions[0]),
        terms=run.terms,
        again=again,
        hold=settings.hold == "true",
        event=run.release_event,
        platforms=settings.platforms,
        force=settings.force,
        commit=partial(_commit, run),
        skipped=built.skipped,
        sourceless=run.command == "plan",
    )


def _commit(run: Run) -> str:
    from tagger.version_from.git import git_facts  # few runs need the commit

    return git_facts(run.workspace, run.environ).sha


def _plain(run: Run, stores: "tuple[OpenedStore, ...]", rules: "Rules", built: Built) -> "PlainRelease":
    from tagger.operations.plain import PlainRelease

    return PlainRelease(
        tags=lambda found: read_built(run, found).plain,
        rules=rules,
        stores=stores,
        source=lambda: cast("BuiltImage | None", build_source(run)),
        gate=gate_of(run, None, rules),
        arrived=arrival_of(run, None),
        terms=run.terms,
        platforms=run.settings.platforms,
        name=built.name,
    )


def plan_of(run: Run, command: str) -> "Running":
    """Return the operation that shows what a release would change: that of `plan`, or a dry run."""
    runs = run.of_variants()
    if len(runs) > 1:
        from tagger.operations.together import plan_together

        return plan_together(_jobs(runs, write=False), command)
    (one,) = runs.values()
    job = _release_job(one, write=False)
    from tagger.operations.prepare import Release

    if isinstance(job, Release):
        from tagger.operations.release import plan

        return plan(job, command)
    from tagger.operations.plain import plan_plain

    return plan_plain(job, command)


def nothing_to_do(run: Run) -> "Report | None":
    """Return the report where the release event needs no release, for example a deletion; else None."""
    event = run.release_event
    if event is None or event.writes:
        return None
    from tagger.results import Outcome, Report

    run.warn("NOTHING_TO_DO", f"after the release event `{event.action}` nothing is written")
    places = run.settings.image_names
    return Report(run.command, tuple(Outcome(place, "unchanged") for place in places), dry_run=run.command == "plan")
