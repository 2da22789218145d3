"""Releases into OCI layouts: the laws over whole releases, and what stops one."""

import shutil
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.images.layout import Layout
from tagger.images.sources import ContentSource
from tagger.operations.release import plan, release
from tagger.results import Event
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import make_image, make_index
from tests.operations.running import RULES, Builds, actions, finished, job, released, standing

FIVE = ("2.1.3", "2.1.4", "3.0.1", "2.0.9", "3.1.0-rc.1")
ELEVEN = {
    "2.1.3": "2.1.3", "2.1.4": "2.1.4", "3.0.1": "3.0.1", "2.0.9": "2.0.9", "3.1.0-rc.1": "3.1.0-rc.1",
    "2.0": "2.0.9", "2.1": "2.1.4", "2": "2.1.4", "3.0": "3.0.1", "3": "3.0.1", "latest": "3.0.1",
}  # fmt: skip
SMALL = st.integers(0, 2)
SPELLINGS = st.builds("{}.{}.{}{}".format, SMALL, SMALL, SMALL, st.sampled_from(["", "", "-rc.1"]))


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path / "builds")


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "store")


class TestLaws:
    """The laws of the one rule, over whole releases."""

    def test_other_orders_leave_the_same_eleven_tags(self, tmp_path: Path, builds: Builds) -> None:
        expected = {tag: builds.source(version).digest for tag, version in ELEVEN.items()}
        for number, order in enumerate(list(permutations(FIVE))[::7]):
            store = Layout(tmp_path / str(number))
            for version in order:
                assert released(builds, version, store).exit_code == 0
            assert standing(store) == expected
            shutil.rmtree(store.path)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(SPELLINGS, unique=True, max_size=6), st.randoms())
    def test_order_does_not_matter_and_twice_is_once(self, versions: list[str], random: object) -> None:
        shuffled = list(versions)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        with TemporaryDirectory() as folder:
            builds = Builds(Path(folder) / "builds")
            one, other = Layout(Path(folder) / "one"), Layout(Path(folder) / "other")
            for version in versions:
                released(builds, version, one)
            for version in shuffled:
                released(builds, version, other)
            assert standing(one) == standing(other)
            for version in versions:
                report = released(builds, version, one)
                assert not report.changed
                assert [outcome.status for outcome in report.repositories] == ["unchanged"]

    def test_a_plan_says_what_a_release_does(self, builds: Builds, store: Layout) -> None:
        for version in FIVE:
            planned = finished(plan(job(builds, version, store)))
            before = standing(store)
            assert planned.dry_run
            done = released(builds, version, store)
            assert actions(planned) == actions(done)
            assert [c.after for c in planned.repositories[0].changes] == [c.after for c in done.repositories[0].changes]
            assert planned.changed == done.changed
            assert (standing(store) != before) == done.changed


class TestProtocol:
    """Nothing is written before every repository is prepared, and no floating tag before all are staged."""

    def test_another_image_under_the_exact_tag_is_refused_everywhere(self, tmp_path: Path, builds: Builds) -> None:
        free, taken = Layout(tmp_path / "free"), Layout(tmp_path / "taken")
        released(builds, "2.1.4", taken, text="another")
        before = standing(taken)
        report = released(builds, "2.1.4", free, taken)
        assert report.exit_code == 1
        assert [outcome.status for outcome in report.repositories] == ["unchanged", "refused"]
        assert report.error is not None
        assert (report.error.code, "written once" in report.error.message) == ("CONFLICT", True)
        assert standing(free) == {}
        assert standing(taken) == before

    def test_keep_makes_the_standing_image_the_release(self, tmp_path: Path, builds: Builds) -> None:
        free, taken = Layout(tmp_path / "free"), Layout(tmp_path / "taken")
        kept = builds.source("another").digest
        finished(release(job(builds, "2.1.4", taken, text="another")._replace(rules=RULES)))
        report = finished(release(job(builds, "2.1.4", free, taken)._replace(on_conflict="keep")))
        assert report.exit_code == 0
        assert report.digest == kept
        assert set(standing(free).values()) == set(standing(taken).values()) == {kept}

    def test_overwrite_moves_everything(self, builds: Builds, store: Layout) -> None:
        released(builds, "2.1.4", store, text="another")
        report = finished(release(job(builds, "2.1.4", store)._replace(on_conflict="overwrite")))
        assert actions(report) == [("2.1.4", "move"), ("2.1", "move"), ("2", "move"), ("latest", "move")]
        assert set(standing(store).values()) == {builds.source("2.1.4").digest}

    def test_without_a_source_the_exact_tag_is_the_image(self, tmp_path: Path, builds: Builds) -> None:
        pushed, empty = Layout(tmp_path / "pushed"), Layout(tmp_path / "empty")
        builds.source("2.1.4").stage(pushed, "2.1.4")
        report = finished(release(job(builds, "2.1.4", empty, pushed)._replace(source=None)))
        assert report.exit_code == 0
        assert standing(empty) == standing(pushed)
        assert len(standing(empty)) == 4

    def test_without_any_image_the_input_is_wrong(self, builds: Builds, store: Layout) -> None:
        report = finished(release(job(builds, "2.1.4", store)._replace(source=None)))
        assert report.exit_code == 2
        assert isinstance(report.error, InputError)

    def test_events_tell_the_order(self, tmp_path: Path, builds: Builds) -> None:
        events: list[Event] = []
        stores = Layout(tmp_path / "a"), Layout(tmp_path / "b")
        finished(release(job(builds, "2.1.4", *stores)), events)
        kinds = [event.kind for event in events]
        assert kinds[:2] == ["staged", "staged"]
        assert kinds.count("verified") == 2

    def test_a_withdrawn_version_is_never_released_again(self, builds: Builds, store: Layout) -> None:
        released(builds, "2.1.4", store)
        store.tag(store.manifest("2.1.4"), ["withdrawn-2.1.4"])
        report = released(builds, "2.1.4", store)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "WITHDRAWN")

    def test_a_version_of_another_length_is_refused(self, builds: Builds, store: Layout) -> None:
        rules = Rules.of(("{{version}}", "latest"), scheme=Scheme("numeric"))
        released(builds, "2.1.4", store, rules=rules)
        report = released(builds, "3.1", store, rules=rules)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (2, "MIXED_PARTS")

    def test_two_spellings_with_different_images_are_reported(self, builds: Builds, store: Layout) -> None:
        released(builds, "2.1.4", store)
        builds.source("x").stage(store, "v2.1.4")
        report = released(builds, "2.1.3", store)
        assert report.error is not None
        assert report.error.code == "AMBIGUOUS_VERSION"

    def test_what_somebody_moved_is_left_alone_and_named(self, builds: Builds, store: Layout) -> None:
        for version in ("2.1.4", "3.0.1"):
            released(builds, version, store)
        store.tag(store.manifest("2.1.4"), ["latest"])
        store.untag("2.1")
        planned = finished(plan(job(builds, "2.1.3", store)))
        report = released(builds, "2.1.3", store)
        digest = builds.source("2.1.4").digest
        drifted = [change for change in report.repositories[0].changes if change.drifted]
        assert [(c.tag, c.action, c.before, c.after, c.version) for c in drifted] == [
            ("2.1", "hold", None, None, "2.1.4"),
            ("latest", "hold", digest, digest, "3.0.1"),
        ]
        assert planned.repositories[0].changes == report.repositories[0].changes
        assert (report.exit_code, standing(store)["latest"], "2.1" in standing(store)) == (0, digest, False)
        assert planned.warnings == report.warnings
        assert [(warning.code, "`reconcile`" in warning.message) for warning in report.warnings] == [
            ("DRIFTED", True),
            ("DRIFTED", True),
        ]
        assert "latest belongs to 3.0.1, the newest of all, and holds another image" in report.warnings[1].message

    def test_a_release_puts_right_what_its_own_version_owns(self, builds: Builds, store: Layout) -> None:
        for version in ("2.1.3", "2.1.4"):
            released(builds, version, store)
        store.tag(store.manifest("2.1.3"), ["latest"])
        assert actions(released(builds, "2.1.4", store)) == [
            ("2.1.4", "keep"), ("2.1", "keep"), ("2", "keep"), ("latest", "move"),
        ]  # fmt: skip

    def test_a_prerelease_makes_the_tags_of_its_channel(self, builds: Builds, store: Layout) -> None:
        rules = Rules.of(("{{version}}", "latest"), scheme=Scheme(), channels=["rc"])
        released(builds, "3.0.0", store, rules=rules)
        report = released(builds, "3.0.0-rc.1", store, rules=rules)
        assert actions(report) == [("3.0.0-rc.1", "create"), ("rc", "create")]
        assert standing(store)["rc"] == builds.source("3.0.0").digest
        store.tag(store.manifest("3.0.0-rc.1"), ["rc"])
        assert ("rc", "hold") in actions(released(builds, "3.0.0-rc.2", store, rules=rules))

    def test_an_image_of_fewer_platforms_takes_no_floating_tag(self, builds: Builds, store: Layout) -> None:
        both = make_index(builds.layout, "both")
        first = ContentSource(builds.layout, both.digest, "both")
        finished(release(job(builds, "2.1.3", store)._replace(source=first)))
        before = standing(store)
        one = make_image(builds.layout, "one", platform="linux/arm64")
        lacking = job(builds, "2.1.4", store)._replace(source=ContentSource(builds.layout, one.digest, "one"))
        for report in (finished(plan(lacking)), finished(release(lacking))):
            assert (report.exit_code, report.error and report.error.code) == (1, "PLATFORMS")
        assert standing(store) == before
        backport = job(builds, "2.0.9", store)._replace(source=ContentSource(builds.layout, one.digest, "one"))
        report = finished(release(backport))
        assert (report.exit_code, report.platforms) == (0, {"linux/arm64": one.digest})
        assert finished(release(lacking._replace(platforms=("any",)))).exit_code == 0

    def test_plain_tags_follow_the_build(self, builds: Builds, store: Layout) -> None:
        finished(release(job(builds, "2.1.4", store)._replace(plain=("sha-1a2b3c4",))))
        report = finished(release(job(builds, "2.0.0", store)._replace(plain=("sha-1a2b3c4", "main"))))
        assert actions(report)[-2:] == [("sha-1a2b3c4", "move"), ("main", "create")]
        assert standing(store)["sha-1a2b3c4"] == builds.source("2.0.0").digest


class TestShortVersions:
    """1.16 is a version until 1.16.1 makes its tag float."""

    SHORT = Rules.of(("{{version}}", "{{major}}.{{minor}}", "latest"), scheme=Scheme("numeric"), mixed_parts=True)

    def test_a_version_does_not_lose_its_only_tag(self, builds: Builds, store: Layout) -> None:
        released(builds, "1.16", store, rules=self.SHORT)
        before = standing(store)
        longer = job(builds, "1.16.1", store, rules=self.SHORT)
        for report in (finished(plan(longer)), finished(release(longer))):
            assert (report.exit_code, report.error and report.error.code) == (1, "IN_FORCE")
            assert report.error is not None
            assert "1.16 would lose its only tag: 1.16 would float to 1.16.1" in report.error.message
            assert f"the image {before['1.16']} would have no tag" in report.error.message
            assert "as 1.16.0; or set `--force`" in report.error.hint
        assert standing(store) == before
        forced = finished(release(longer._replace(force=True)))
        assert ("1.16", "move") in actions(forced)
        (told,) = [warning.message for warning in forced.warnings if warning.code == "LOST_TAG"]
        assert f"the image {before['1.16']} would have no tag of a version" in told
        assert told.count(store.place) == 1
        assert released(builds, "1.16.2", store, rules=self.SHORT).exit_code == 0

    REVISED = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme.of("semver", "refuse", ["-N"]))

    def test_nor_does_one_to_its_first_revision(self, builds: Builds, store: Layout) -> None:
        released(builds, "22.0.1", store, rules=self.REVISED)
        report = finished(plan(job(builds, "22.0.1-1", store, rules=self.REVISED)))
        assert report.error is not None
        assert (report.error.code, "as 22.0.1-0; or set" in report.error.hint) == ("IN_FORCE", True)
        assert released(builds, "22.0.1-0", store, text="22.0.1", rules=self.REVISED).exit_code == 0  # the same image
        assert released(builds, "22.0.1-1", store, rules=self.REVISED).exit_code == 0
        assert standing(store)["22.0.1"] == standing(store)["latest"] == builds.source("22.0.1-1").digest
        again = released(builds, "22.0.1", store, rules=self.REVISED)
        assert [outcome.status for outcome in again.repositories] == ["unchanged"]

    def test_its_job_run_again_changes_nothing(self, builds: Builds, store: Layout) -> None:
        released(builds, "1.16", store, rules=self.SHORT)
        finished(release(job(builds, "1.16.1", store, rules=self.SHORT)._replace(force=True)))
        before = standing(store)
        report = released(builds, "1.16", store, rules=self.SHORT)
        assert (report.exit_code, report.changed, report.digest) == (0, False, None)
        assert [outcome.status for outcome in report.repositories] == ["unchanged"]
        assert [warning.code for warning in report.warnings] == ["NOTHING_TO_DO"]
        assert standing(store) == before


class TestPlanWithOneDown:
    """What a plan says of one repository is true whatever is wrong with another."""

    def test_the_others_are_planned(self, tmp_path: Path, builds: Builds, store: Layout) -> None:
        released(builds, "2.1.4", store)
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "something").touch()
        broken = Layout(tmp_path / "broken")
        report = finished(plan(job(builds, "2.1.4", store, broken)))
        assert [outcome.status for outcome in report.repositories] == ["planned", "failed"]
        assert {action for _, action in actions(report)} == {"keep"}
        without = finished(plan(job(builds, "2.1.5", store, broken)._replace(source=None)))
        undecided = without.repositories[0]
        assert (undecided.status, undecided.changes) == ("planned", ())
        assert without.exit_code == report.exit_code == 2
