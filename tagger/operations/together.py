"""Releases the builds of several variants together: all of them, or none."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain

from tagger.concurrency import at_once
from tagger.operations.prepare import Preparation, Release, prepare
from tagger.operations.release import (
    Staging,
    converge_all,
    notices,
    plan,
    report_half_staged,
    report_stopped,
    stage_all,
    without_image,
)
from tagger.results import Outcome, Report, Running

__all__ = ["plan_together", "release_together"]


def plan_together(jobs: Mapping[str, Release], command: str = "plan") -> Running:
    """Show what releases would change; write nothing anywhere. `jobs` are by the names of their variants."""
    reports = {}
    for variant, job in jobs.items():
        reports[variant] = yield from plan(job, command)
    return _join(reports)


def release_together(jobs: Mapping[str, Release]) -> Running:
    """Release several variants: nothing is written before all are prepared, and no floating tag before all are staged.

    `jobs` are by the names of their variants; each has its own image, and all have the same repositories.
    """
    steps = [partial(prepare, job, writing=True) for job in jobs.values()]
    preparations: dict[str, Preparation] = dict(zip(jobs, at_once(*steps), strict=True))
    for preparation in preparations.values():
        yield from notices(preparation)
    if any(preparation.failed for preparation in preparations.values()):
        return _join({variant: report_stopped(one) for variant, one in preparations.items()})
    stagings = {variant: Staging(one, {}) for variant, one in preparations.items()}
    for variant, preparation in preparations.items():
        if not preparation.brings_no_image:
            stagings[variant] = yield from stage_all(preparation)
        if stagings[variant].failures:
            return _join({variant: report_half_staged(one) for variant, one in stagings.items()})
    reports = {}
    for variant, staging in stagings.items():
        if staging.preparation.brings_no_image:
            reports[variant] = yield from without_image(staging.preparation, "release", dry_run=False)
        else:
            reports[variant] = yield from converge_all(staging.preparation)
    return _join(reports)


def _join(reports: Mapping[str, Report]) -> Report:
    """Return one report for all variants, with the digest and the platforms of the first one."""
    every = list(reports.values())
    places = dict.fromkeys(outcome.repository for report in every for outcome in report.repositories)
    of_place = [[one for report in every for one in report.repositories if one.repository == place] for place in places]
    return every[0]._replace(
        repositories=tuple(map(_join_outcomes, of_place)),
        tags=tuple(dict.fromkeys(chain.from_iterable(report.tags for report in every))),
        error=next((report.error for report in every if report.error), None),
        warnings=tuple(dict.fromkeys(chain.from_iterable(report.warnings for report in every))),
        held=any(report.held for report in every),
        verified=tuple(chain.from_iterable(report.verified for report in every)),
        variants=reports,
    )


def _join_outcomes(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of one repository for all variants: a failure counts most, and a write more than none."""
    failed = next((one for one in outcomes if one.error), None)
    wrote = next((one for one in outcomes if one.status != "unchanged"), outcomes[0])
    return outcomes[0]._replace(
        status=(failed or wrote).status,
        changes=tuple(chain.from_iterable(one.changes for one in outcomes)),
        error=failed.error if failed else None,
        others=tuple(_digests(outcomes[1:])),
    )


def _digests(outcomes: Iterable[Outcome]) -> Iterable[str]:
    return (one.digest for one in outcomes if one.digest)
