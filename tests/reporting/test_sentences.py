"""What a run did, in one sentence: the words of each verb, and nothing that is not known."""

import pytest

from tagger.commands import find_command
from tagger.errors import StoreError
from tagger.reporting.documents import report_document
from tagger.reporting.sentences import counts, sentence
from tagger.reporting.summary import report_markdown
from tagger.reporting.text import report_text
from tagger.results import Outcome, Report
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.settings.values import Settings

A, B = (f"sha256:{letter * 64}" for letter in "ab")
CREATED = Change("2.1.4", "create", None, A, "2.1.4", "")
MOVED = Change("latest", "move", B, A, "2.1.4", "")
MARK = Change("withdrawn-2.1.4", "create", None, A, "2.1.4", "")
KEPT = Change("2", "keep", A, A, "2.1.4", "")


def report(command: str, *changes: Change, version: str | None = None, dry_run: bool = False) -> Report:
    command, *options = command.split(" --")
    told = Report(command, (Outcome("a/b", "done", changes),), version, dry_run=dry_run)
    settings = Settings({"undo": "undo" in options, "purge": "purge" in options}, rules=Rules(), texts={}, given={})
    return told._replace(verb=find_command(command).verb_of(told, settings))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            report("release", CREATED, MOVED, version="2.1.4"),
            "Released 2.1.4 to 1 repository in 3.2 s: 1 created, 1 moved",
        ),
        (report("release", KEPT, version="2.1.4"), "Released 2.1.4 to 1 repository in 3.2 s: nothing was written"),
        (report("release", CREATED, dry_run=True), "Dry run of release for 1 repository in 3.2 s: 1 to create"),
        (report("plan", MOVED, version="2.1.4", dry_run=True), "Planned 2.1.4 for 1 repository in 3.2 s: 1 to move"),
        (report("plan", KEPT, dry_run=True), "Planned for 1 repository in 3.2 s: nothing to write"),
        (report("reconcile", MOVED), "Reconciled 1 repository in 3.2 s: 1 moved"),
        (report("withdraw", MARK, version="2.1.4"), "Withdrew 2.1.4 from 1 repository in 3.2 s: 1 created"),
        (
            report("withdraw --undo", MARK._replace(action="remove", before=A, after=None), version="2.1.4"),
            "Reinstated 2.1.4 in 1 repository in 3.2 s: 1 removed",
        ),
        (report("withdraw --purge", MARK, version="2.1.4"), "Purged 2.1.4 from 1 repository in 3.2 s: 1 created"),
        (
            report("withdraw --undo", version="2.1.4"),
            "Nothing to undo for 2.1.4 in 1 repository in 3.2 s: nothing was written",
        ),
        (
            report("withdraw --undo", MARK, version="2.1.4", dry_run=True),
            "Dry run of withdraw --undo 2.1.4 for 1 repository in 3.2 s: 1 to create",
        ),
        (report("approve", MOVED, version="2.1.4"), "Approved 2.1.4 in 1 repository in 3.2 s: 1 moved"),
        (
            report("approve", KEPT, version="2.1.4"),
            "Nothing to approve for 2.1.4 in 1 repository in 3.2 s: nothing was written",
        ),
        (report("release", CREATED)._replace(name="main"), "Released main to 1 repository in 3.2 s: 1 created"),
        (report("delete", MOVED._replace(action="remove")), "Deleted from 1 repository in 3.2 s: 1 removed"),
        (report("push", CREATED), "Pushed to 1 repository in 3.2 s: 1 created"),
        (report("policy", KEPT), "Looked at the policy of 1 repository in 3.2 s: nothing was written"),
        (report("policy", CREATED), "Changed the policy of 1 repository in 3.2 s: 1 created"),
    ],
)
def test_each_verb_has_its_words(told: Report, text: str) -> None:
    assert sentence(told, 3.21) == text


def test_what_nobody_can_tell_is_not_nothing() -> None:
    error = StoreError("given up")
    cut_off = Outcome("a/b", "incomplete", (CREATED.unknown("given up"),), None, error)
    assert sentence(Report("release", (cut_off,)), 1.0) == "Stopped after 1.0 s: 1 unknown"
    both = cut_off._replace(changes=(CREATED.unknown("x"), MOVED))
    assert counts(Report("release", (both,))) == "1 moved, 1 unknown"


def test_a_failure_says_what_was_done() -> None:
    failed = Outcome("a/b", "incomplete", (CREATED,), A, StoreError("denied"))
    assert sentence(Report("release", (failed, Outcome("c/d", "failed"))), 61.0) == "Stopped after 1 min 1 s: 1 created"


def test_an_undone_withdrawal_is_called_so_everywhere() -> None:
    told = report("withdraw --undo", MARK._replace(action="remove", before=A, after=None), version="2.1.4")
    lines = report_text(told).splitlines()
    assert lines[0] == "\x1b[1mWithdraw --undo 2.1.4\x1b[0m"
    assert lines[2] == "\x1b[1ma/b\x1b[0m  \x1b[32mreinstated\x1b[0m"
    assert report_markdown(told).startswith("### ✅ Withdraw --undo 2.1.4\n")
    assert "(reinstated)" in report_markdown(told)
    document = report_document(told)
    assert (document["command"], document["repositories"][0]["status"]) == ("withdraw", "withdrawn")
