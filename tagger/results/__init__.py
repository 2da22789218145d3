"""What operations return and reporting shows: reports, trees of repositories, checkups, components, proposals."""

from tagger.results.report import (
    Event,
    Outcome,
    Passed,
    PolicyInForce,
    Pruned,
    Report,
    ReportWarning,
    Running,
    Status,
    Verb,
    Verification,
    conflicts_as_warnings,
    finish,
)

__all__ = [
    "Event",
    "Outcome",
    "Passed",
    "PolicyInForce",
    "Pruned",
    "Report",
    "ReportWarning",
    "Running",
    "Status",
    "Verb",
    "Verification",
    "finish",
    "conflicts_as_warnings",
]
