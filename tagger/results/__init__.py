"""What operations return and reporting shows: reports, trees of repositories, checkups, components, proposals."""

from tagger.results.checkup import Checkup, Finding
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
from tagger.results.tree import Artifact, Facts, Floating, ListedVersion, PageFile, Tree, Trees

__all__ = [
    "Artifact",
    "Checkup",
    "Event",
    "Facts",
    "Finding",
    "Floating",
    "ListedVersion",
    "Outcome",
    "PageFile",
    "Passed",
    "PolicyInForce",
    "Pruned",
    "Report",
    "ReportWarning",
    "Running",
    "Status",
    "Tree",
    "Trees",
    "Verb",
    "Verification",
    "finish",
    "conflicts_as_warnings",
]
