"""One report, said to people, to programs and to the runner."""

import json

import click
import pytest

from tagger.commands import find_command
from tagger.errors import IncompleteRelease, InputError, Refused, StoreError, TaggerError
from tagger.reporting.documents import report_document
from tagger.reporting.outputs import report_outputs
from tagger.reporting.summary import report_markdown
from tagger.reporting.text import error_text, report_text, short
from tagger.results import Event, Outcome, PolicyInForce, Report, ReportWarning, Running, Verb, Verification, finish
from tagger.rules.cascade import Rules
from tagger.rules.plan import Change
from tagger.settings.values import Settings

NEW, OLD, NEWEST = (f"sha256:{letter * 64}" for letter in "abc")
CHANGES = (
    Change("2.1.4", "create", None, NEW, "2.1.4", "the exact tag of 2.1.4"),
    Change("2.1", "move", OLD, NEW, "2.1.4", "2.1.4 is the newest of 2.1"),
    Change("2", "keep", NEW, NEW, "2.1.4", "already right"),
    Change("latest", "hold", NEWEST, NEWEST, "3.0.1", "3.0.1 is newer"),
    Change("rc", "remove", OLD, None, "", "no version of its class is left"),
    Change("bad|tag", "refuse", OLD, NEW, "2.1.4", "not written: <denied>\nby | rule"),
)
REPORT = Report(
    command="release",
    repositories=(Outcome("ghcr.io/acme/app", "done", CHANGES, NEW), Outcome("oci:app", "unchanged", (), NEW)),
    version="2.1.4",
    version_from="git-tag",
    tags=("2.1.4", "2.1", "2", "latest"),
    source="docker-daemon:app:build",
    source_digest=NEW,
    digest=NEW,
    verb=Verb("Released", "to"),
)
DENIED = StoreError("denied", "Log in.", code="DENIED", place="ghcr.io/acme/app", status=403)


class TestDocument:
    """The JSON of the contract."""

    def test_its_keys_are_those_of_the_contract(self) -> None:
        document = report_document(REPORT)
        assert list(document) == [
            "command", "version", "version_from", "tags", "dry_run", "changed", "source", "digest", "error",
            "repositories", "warnings", "policy", "held", "platforms", "verified",
        ]  # fmt: skip
        assert list(document["repositories"][0]) == ["repository", "status", "digest", "error", "changes"]
        assert document["repositories"][0]["changes"][1] == {
            "tag": "2.1", "action": "move", "before": OLD, "after": NEW, "version": "2.1.4",
            "reason": "2.1.4 is the newest of 2.1",
        }  # fmt: skip
        assert document["source"] == {"reference": "docker-daemon:app:build", "digest": NEW}
        assert json.loads(json.dumps(document)) == document

    @pytest.mark.parametrize(
        ("command", "status"),
        [
            ("release", "released"), ("reconcile", "reconciled"), ("withdraw", "withdrawn"), ("approve", "approved"),
            ("prune", "pruned"), ("delete", "deleted"), ("push", "pushed"),
        ],
    )  # fmt: skip
    def test_a_repository_that_is_done_has_the_status_of_the_command(self, command: str, status: str) -> None:
        report = Report(command, (Outcome("a/b", "done"), Outcome("a/c", "unchanged")))
        settings = Settings({}, rules=Rules(), texts={}, given={})
        report = report._replace(verb=find_command(command).verb_of(report, settings))
        assert [one["status"] for one in report_document(report)["repositories"]] == [status, "unchanged"]

    def test_an_error(self) -> None:
        document = report_document(Report("plan", error=DENIED))
        assert document["error"] == {"code": "DENIED", "message": "ghcr.io/acme/app: denied", "hint": "Log in."}
        assert (document["command"], document["repositories"], document["changed"]) == ("plan", [], False)

    def test_what_stands_beside_the_repositories(self) -> None:
        assert [report_document(REPORT)[key] for key in ("warnings", "policy", "held", "platforms", "verified")] == [
            [], {"source": "default", "differs": []}, False, {}, [],
        ]  # fmt: skip
        report = REPORT._replace(
            warnings=(ReportWarning("DRIFTED", "latest is not where it belongs"),),
            policy=PolicyInForce("repository", ("stable",)),
            platforms={"linux/amd64": NEW},
            verified=(Verification(NEW, "key release.pub", found_at="ghcr.io/acme/app:sha256-1.sig"),),
        )
        document = report_document(report)
        assert document["warnings"] == [{"code": "DRIFTED", "message": "latest is not where it belongs"}]
        assert document["policy"] == {"source": "repository", "differs": ["stable"]}
        assert document["platforms"] == {"linux/amd64": NEW}
        assert list(document["verified"][0]) == ["digest", "by", "repo", "ref", "workflow", "predicate", "found_at"]

    def test_a_change_says_that_its_tag_drifted(self) -> None:
        drifted = CHANGES[3]._replace(drifted=True)
        outcome = Outcome("x", "unchanged", (drifted, CHANGES[3]))
        changes = report_document(REPORT._replace(repositories=(outcome,)))["repositories"][0]["changes"]
        assert [change.get("drifted") for change in changes] == [True, None]

    def test_the_base_is_told_where_there_is_one(self) -> None:
        assert report_document(REPORT._replace(base="debian:13"))["base"] == "debian:13"


def test_warnings_on_the_way_stand_in_the_report_once() -> None:
    def running() -> Running:
        for place in ("a", "a", ""):
            yield Event("warning", place, "look", "DRIFTED")
        yield Event("staged", "a", "1.0.0")
        return Report("release")

    kinds: list[str] = []
    report = finish(running(), lambda event: kinds.append(event.kind))
    assert report.warnings == (ReportWarning("DRIFTED", "a: look"), ReportWarning("DRIFTED", "look"))
    assert kinds == ["warning", "warning", "warning", "staged"]


class TestExitCode:
    """0 done, 1 failed, incomplete or refused, 2 the input is wrong: the gravest of all repositories."""

    @pytest.mark.parametrize(
        ("errors", "code"),
        [((None, None), 0), ((DENIED, None), 1), ((None, IncompleteRelease("x")), 1), ((DENIED, InputError("x")), 2)],
    )
    def test_table(self, errors: tuple[TaggerError | None, ...], code: int) -> None:
        outcomes = tuple(Outcome(str(number), "failed", (), None, error) for number, error in enumerate(errors))
        assert Report("release", outcomes).exit_code == code

    @pytest.mark.parametrize(
        ("changes", "error", "dry_run", "status"),
        [
            (CHANGES, None, False, "done"), (CHANGES[2:4], None, False, "unchanged"),
            (CHANGES, None, True, "planned"),
            (CHANGES, Refused("x"), False, "refused"), (CHANGES, DENIED, False, "incomplete"),
        ],
    )  # fmt: skip
    def test_status(self, changes: tuple[Change, ...], error: TaggerError | None, dry_run: bool, status: str) -> None:
        assert Outcome.of("x", changes, error, dry_run=dry_run).status == status

    def test_nothing_written_is_failed_or_refused(self) -> None:
        assert [Outcome.failed("x", error).status for error in (DENIED, Refused("x"))] == ["failed", "refused"]


class TestOutputs:
    """The outputs of the action: the tags that point at this release now."""

    def test_of_a_release(self) -> None:
        outputs = report_outputs(REPORT, report_document(REPORT))
        assert outputs["tags"].splitlines() == [f"ghcr.io/acme/app:{tag}" for tag in ("2.1.4", "2.1", "2")]
        assert outputs["tag-names"].splitlines() == ["2.1.4", "2.1", "2"]
        assert (outputs["version"], outputs["digest"], outputs["latest"], outputs["changed"]) == (
            "2.1.4", NEW, "false", "true",
        )  # fmt: skip
        assert json.loads(outputs["json"])["command"] == "release"

    def test_latest_is_held_in_every_repository_or_it_is_not(self) -> None:
        holding = Outcome("a", "done", (Change("latest", "keep", NEW, NEW, "2.1.4", ""),), NEW)
        both = REPORT._replace(repositories=(holding, holding._replace(repository="b")))
        one = REPORT._replace(repositories=(holding, Outcome("b", "unchanged", (), NEW)))
        assert [report_outputs(report, {})["latest"] for report in (both, one)] == ["true", "false"]

    def test_of_a_failure(self) -> None:
        outputs = report_outputs(Report("release", error=DENIED), {})
        assert set(outputs.values()) == {"", "false", "{}"}

    def test_a_build_that_was_refused_has_no_digest(self) -> None:
        refused = Outcome("a", "refused", (Change("2.1.4", "refuse", OLD, OLD, "2.1.4", "written once"),), error=DENIED)
        assert report_outputs(REPORT._replace(repositories=(refused,), error=DENIED), {})["digest"] == ""


class TestText:
    """What a person reads: every tag on a line, with a mark, what becomes of it, and why."""

    def test_of_a_release(self) -> None:
        lines = click.unstyle(report_text(REPORT)).splitlines()
        assert lines[0] == "Release 2.1.4  (version from git-tag)"
        assert "  = 1 tag already right" in lines
        for change in CHANGES:
            if change.action == "keep":
                continue
            (line,) = (line for line in lines if line[4:].startswith(f"{change.tag} "))
            assert change.action in line
            assert change.reason.splitlines()[0] in line
        assert "nothing to do" in lines[-1]

    def test_an_error_and_its_hint(self) -> None:
        assert click.unstyle(error_text(DENIED)) == "Failed: ghcr.io/acme/app: denied\nHint: Log in."
        assert "Hint" not in error_text(Refused("no"))

    def test_a_digest_as_far_as_people_compare_it(self) -> None:
        assert short(NEW) == "aaaaaaa"
        assert short(None) == ""


class TestMarkdown:
    """The step summary: the same as a table, which no text can leave."""

    def test_of_a_release(self) -> None:
        text = report_markdown(REPORT._replace(base="debian | 13"), 3.21)
        assert text.startswith(
            "### ✅ Release 2.1.4\n\nReleased 2.1.4 to 2 repositories in 3.2 s: 1 created, 1 moved, 1"
        )
        table, _, details = text.partition("<details>")
        rows = [line for line in table.splitlines() if line.startswith(("| `", "| <code>"))]
        assert rows == [
            "| `2.1.4` | 🆕 `aaaaaaa` |  |",
            "| `2.1` | ➡️ `bbbbbbb` → `aaaaaaa` |  |",
            "| `rc` | 🗑️ `bbbbbbb` → gone |  |",
            "| <code>bad&#124;tag</code> | ⛔ `bbbbbbb` |  |",
        ]
        assert "| tag | ✅ ghcr.io/acme/app (released) | ☑️ oci:app (unchanged) |" in table
        assert "1 tag already right, 1 tag left to others" in table
        assert f"\n```sh\ndocker pull ghcr.io/acme/app@{NEW}\n```\n" in table
        assert "docker pull oci" not in table
        assert "not written: &#60;denied&#62; by &#124; rule" in details
        assert "debian &#124; 13" in details
        assert details.count("| ghcr.io/acme/app |") == len(CHANGES)

    def test_the_diagram_has_the_floating_tags_of_the_first_repository(self) -> None:
        text = report_markdown(REPORT)
        diagram = text.partition("```mermaid\n")[2].partition("\n```")[0].splitlines()
        assert diagram == [
            "flowchart LR", '  t0("2.1") ==> v0', '  t1("2") --> v0', '  t2("latest") --> v1',
            '  v0["2.1.4 · aaaaaaa"]', '  v1["3.0.1 · ccccccc"]',
        ]  # fmt: skip

    def test_of_a_failure(self) -> None:
        failed = Outcome("ghcr.io/acme/app", "failed", (), None, DENIED)
        text = report_markdown(REPORT._replace(error=DENIED, repositories=(failed, Outcome("oci:app", "unchanged"))))
        assert text.startswith("### ❌ Release 2.1.4\n\nStopped: nothing was written\n")
        assert text.count("> **Failed**: ghcr.io/acme/app: denied\n> Log in.") == 1
        assert "docker pull" not in text
        assert "mermaid" not in text

    def test_many_repositories_are_rows(self) -> None:
        places = tuple(Outcome(f"r{number}.test/acme/app", "done", CHANGES, NEW) for number in range(7))
        text = report_markdown(REPORT._replace(repositories=places))
        assert "| ✅ r6.test/acme/app (released) | `2.1` | ➡️ `bbbbbbb` → `aaaaaaa` |" in text

    @pytest.mark.parametrize(
        ("command", "status", "icon"),
        [
            ("plan", "planned", "📝"),
            ("reconcile", "unchanged", "☑️"),
            ("release", "refused", "⛔"),
            ("push", "failed", "❌"),
        ],
    )
    def test_an_icon_says_how_it_ended(self, command: str, status: str, icon: str) -> None:
        error = DENIED if status in ("refused", "failed") else None
        outcome = Outcome("a/b", status, (), None, error)  # type: ignore[arg-type]
        assert report_markdown(Report(command, (outcome,), dry_run=status == "planned")).startswith(f"### {icon} ")

    @pytest.mark.parametrize(
        "text",
        [
            "[log in](https://evil.example)",
            "![x](https://evil.example/p.png)",
            "https://evil.example",
            "# head",
            "<h1>x",
            "a`\n```mermaid\ngraph TD\n```",
            "**bold** _it_ ~no~ @acme/all &copy;",
            "a | b",
            "$x$",
            "\\[x]",
        ],
    )
    def test_what_others_say_is_text(self, text: str) -> None:
        """No link, image, heading, table, diagram or mention of others stands in the summary."""
        changes = tuple(change._replace(reason=text, version=text) for change in CHANGES)
        report = REPORT._replace(base=text, source=text, repositories=(Outcome(text, "done", changes, NEW),))
        written = report_markdown(report)
        failed = report_markdown(report._replace(error=StoreError(text, text)))
        assert (written.count("```"), failed.count("```")) == (2, 0)  # those of the diagram
        for mark in ("](", "![", "://", "\n# ", "<h1", "**bold", "@acme", "$x$", "\\["):
            for one in (written, failed):  # in the type of code an address is no link
                assert mark not in one.replace("**Failed**", "").replace(f"`{text}`", "")

    def test_of_a_dry_run(self) -> None:
        assert report_markdown(REPORT._replace(dry_run=True)).startswith("### 📝 Release 2.1.4 (dry run)")
