"""Withdrawal: the mark stands, floating tags go to whom they belong without the version, and pins still work."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, StoreError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.layout import Layout
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Event, Report
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import make_image, make_index, sign
from tests.operations.running import RULES, Builds, actions, finished, job, released, standing
from tests.servers.distribution import distribution
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

VARIANTS = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), variants=("", "alpine"))


def withdrawn(
    name: str,
    *stores: TagStore,
    rules: Rules = RULES,
    undo: bool = False,
    purge: bool = False,
    confirmed: bool = True,
    force: bool = False,
    dry_run: bool = False,
) -> Report:
    """Withdraw, and return the report."""
    job = Withdrawal(name, rules, stores, undo, purge, confirmed, force)
    return finished(withdraw(job, dry_run=dry_run))


def published(builds: Builds, store: TagStore, *versions: str, rules: Rules = RULES) -> None:
    """Release versions, in this order."""
    for version in versions:
        assert released(builds, version, store, rules=rules).exit_code == 0


def variants(builds: Builds, store: TagStore, *names: str) -> None:
    """Release versions with their variants: `2.1.4-alpine`."""
    for name in names:
        version = VARIANTS.read(name)
        assert version
        one = job(builds, version.text, store, text=name, rules=VARIANTS)._replace(versions=(version,))
        assert finished(release(one)).exit_code == 0


def versions(builds: Builds, store: TagStore, *texts: str) -> Mapping[str, str]:
    """Return the tags of a store, each with the text that its image was built from; only tags at images of `texts`."""
    built = {builds.source(text).digest: text for text in texts}
    return {tag: built[digest] for tag, digest in standing(store).items() if digest in built}


class TestRevisions:
    """Where revisions are versions, each is withdrawn by its own name."""

    def test_a_version_without_its_revision_is_refused_and_the_revisions_are_named(
        self, builds: Builds, store: TagStore
    ) -> None:
        rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme.of("semver", "refuse", ("-N",)))
        published(builds, store, "22.0.0-0", "22.0.1-0", "22.0.1-1", rules=rules)
        before = standing(store)
        with pytest.raises(InputError) as refused:
            withdrawn("22.0.1", store, rules=rules)
        assert "there are 22.0.1-1 22.0.1-0" in refused.value.message
        assert refused.value.hint == "Name one revision at a time, the newest first: 22.0.1-1."
        assert standing(store) == before
        assert withdrawn("22.0.1-1", store, rules=rules).exit_code == 0
        assert standing(store)["latest"] == before["22.0.1-0"]


class TestOne:
    """`withdraw VERSION`."""

    def test_floating_tags_go_to_the_newest_left(self, builds: Builds, store: TagStore) -> None:
        texts = ("1.9.0", "2.0.9", "2.1.3", "2.1.4")
        published(builds, store, *texts)
        report = withdrawn("2.1.4", store)
        assert (report.exit_code, report.version, report.changed) == (0, "2.1.4", True)
        assert actions(report) == [
            ("withdrawn-2.1.4", "create"), ("2.1", "move"), ("2", "move"), ("latest", "move")
        ]  # fmt: skip
        assert versions(builds, store, *texts) == {
            "1.9.0": "1.9.0", "1.9": "1.9.0", "1": "1.9.0", "2.0.9": "2.0.9", "2.0": "2.0.9", "2.1.3": "2.1.3",
            "2.1.4": "2.1.4", "withdrawn-2.1.4": "2.1.4", "2.1": "2.1.3", "2": "2.1.3", "latest": "2.1.3",
        }  # fmt: skip

    def test_tags_of_other_versions_that_somebody_pointed_at_its_image(self, builds: Builds, store: TagStore) -> None:
        texts = ("1.0.0", "2.0.0", "2.1.4")
        published(builds, store, *texts)
        store.tag(store.manifest("2.1.4"), ["1", "0.9"])
        store.tag(store.manifest("1.0.0"), ["2.0"])
        report = withdrawn("2.1.4", store)
        assert report.exit_code == 0
        assert dict(actions(report)) == {
            "withdrawn-2.1.4": "create", "2.1": "remove", "2": "move", "latest": "move", "1": "move", "0.9": "remove"
        }  # fmt: skip
        assert versions(builds, store, *texts) == {
            "1.0.0": "1.0.0", "1.0": "1.0.0", "1": "1.0.0", "2.0.0": "2.0.0", "2.0": "1.0.0", "2": "2.0.0",
            "latest": "2.0.0", "2.1.4": "2.1.4", "withdrawn-2.1.4": "2.1.4",
        }  # fmt: skip

    def test_twice_changes_nothing(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        withdrawn("2.1.4", store)
        before = standing(store)
        report = withdrawn("2.1.4", store)
        assert (report.exit_code, report.changed, standing(store)) == (0, False, before)
        assert [outcome.status for outcome in report.repositories] == ["unchanged"]

    def test_a_floating_tag_that_nobody_is_left_for_goes(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "1.0.0", "2.1.4")
        digest = builds.source("2.1.4").digest
        report = withdrawn("2.1.4", store)
        assert report.exit_code == 0
        assert dict(actions(report)) == {
            "withdrawn-2.1.4": "create", "latest": "move", "2.1": "remove", "2": "remove"
        }  # fmt: skip
        assert standing(store).keys() == {"1.0.0", "1.0", "1", "latest", "2.1.4", "withdrawn-2.1.4"}
        assert store.manifest("2.1.4").digest == digest

    def test_the_only_version(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.4")
        assert withdrawn("2.1.4", store).exit_code == 0
        assert standing(store).keys() == {"2.1.4", "withdrawn-2.1.4"}

    def test_an_old_version_moves_nothing(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        report = withdrawn("2.1.3", store)
        assert [tag for tag, action in actions(report) if action != "keep"] == ["withdrawn-2.1.3"]

    def test_a_later_release_leaves_it_withdrawn(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        withdrawn("2.1.4", store)
        published(builds, store, "2.0.10")
        texts = ("2.1.3", "2.1.4", "2.0.10")
        tags = versions(builds, store, *texts)
        assert {tag for tag, text in tags.items() if text == "2.1.4"} == {"2.1.4", "withdrawn-2.1.4"}
        assert tags["latest"] == tags["2"] == "2.1.3"

    def test_releasing_it_again_is_refused(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        withdrawn("2.1.4", store)
        report = released(builds, "2.1.4", store)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "WITHDRAWN")
        assert "withdraw 2.1.4 --undo" in report.error.hint

    def test_a_release_at_the_same_moment_does_not_bring_it_back(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        """The mark is set after the release looked, and before it points."""
        store, other = opened(small_registry), opened(small_registry)
        published(builds, store, "2.1.3")
        ended: list[Report] = []

        def interfere(request: Request) -> None:
            if request.method == "PUT" and request.reference == "2.1" and not ended:
                ended.append(Report("withdraw"))  # its own requests do not interfere with it
                ended[0] = withdrawn("2.1.4", other)

        small_registry.watch = interfere
        published(builds, store, "2.1.4")
        assert ended[0].exit_code == 0
        tags = versions(builds, store, "2.1.3", "2.1.4")
        assert {tags[tag] for tag in ("2.1", "2", "latest")} == {"2.1.3"}

    @pytest.mark.parametrize("absent", ["2.1.5", "2.1", "latest", "nightly", ""])
    def test_what_is_no_version_there(self, builds: Builds, store: TagStore, absent: str) -> None:
        published(builds, store, "2.1.4")
        make_image(store, "night", "nightly")
        before = standing(store)
        with pytest.raises(InputError, match="no repository holds a version"):
            withdrawn(absent, store)
        assert standing(store) == before

    def test_a_dry_run_says_what_happens(self, tmp_path: Path, builds: Builds) -> None:
        texts = ("1.0.0", "2.0.9", "2.1.4", "2.1.4-rc.1")
        for number, name in enumerate(texts):
            for purge in (False, True):
                store = Layout(tmp_path / f"{number}{purge}")
                published(builds, store, *texts)
                make_image(store, "night", "nightly")
                before = standing(store)
                for undo in (False, True):
                    planned = withdrawn(name, store, purge=purge and not undo, undo=undo, dry_run=True)
                    assert (planned.dry_run, standing(store)) == (True, before)
                    done = withdrawn(name, store, purge=purge and not undo, undo=undo)
                    assert planned.repositories[0].changes == done.repositories[0].changes
                    assert planned.changed == done.changed
                    assert done.exit_code == 0
                    before = standing(store)


class TestVariants:
    """`2.1.4` means all its variants, `2.1.4-alpine` one of them."""

    def test_all_of_them(self, builds: Builds, store: TagStore) -> None:
        texts = ("2.1.3", "2.1.3-alpine", "2.1.4", "2.1.4-alpine")
        variants(builds, store, *texts)
        assert withdrawn("2.1.4", store, rules=VARIANTS).exit_code == 0
        tags = versions(builds, store, *texts)
        assert tags["latest"] == tags["2.1"] == "2.1.3"
        assert tags["alpine"] == tags["2.1-alpine"] == "2.1.3-alpine"
        assert {"withdrawn-2.1.4", "withdrawn-2.1.4-alpine"} <= tags.keys()

    def test_one_of_them(self, builds: Builds, store: TagStore) -> None:
        texts = ("2.1.3", "2.1.3-alpine", "2.1.4", "2.1.4-alpine")
        variants(builds, store, *texts)
        assert withdrawn("2.1.4-alpine", store, rules=VARIANTS).exit_code == 0
        tags = versions(builds, store, *texts)
        assert tags["latest"] == "2.1.4"
        assert tags["alpine"] == tags["2.1-alpine"] == "2.1.3-alpine"
        assert "withdrawn-2.1.4" not in tags


class TestUndo:
    """`--undo`."""

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.sampled_from(("1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.0.0-rc.1")), min_size=1, unique=True))
    def test_it_undoes_a_withdrawal(self, tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
        folder = tmp_path_factory.mktemp("undo")
        builds, store = Builds(folder / "builds"), Layout(folder / "store")
        published(builds, store, *names)
        before = standing(store)
        assert withdrawn(names[0], store).exit_code == 0
        assert withdrawn(names[0], store, undo=True).exit_code == 0
        assert standing(store) == before
        assert not withdrawn(names[0], store, undo=True).changed

    def test_where_nothing_is_withdrawn_it_says_so(self, builds: Builds, tmp_path: Path) -> None:
        layout = Layout(tmp_path / "store")
        published(builds, layout, "2.1.4")
        events: list[Event] = []
        report = finished(withdraw(Withdrawal("2.1.4", RULES, (layout,), undo=True)), events)
        assert [event.text for event in events] == ["2.1.4 is not withdrawn there, so there is no mark to lift"]
        assert {change.action for change in report.repositories[0].changes} == {"keep"}

    def test_in_every_kind_of_repository(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        before = standing(store)
        withdrawn("2.1.4", store)
        report = withdrawn("2.1.4", store, undo=True)
        assert report.exit_code == 0
        assert actions(report) == [
            ("withdrawn-2.1.4", "remove"), ("2.1", "move"), ("2", "move"), ("latest", "move")
        ]  # fmt: skip
        assert standing(store) == before

    def test_not_what_the_settings_withdraw(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), withdrawn=["2.1.4"])
        report = withdrawn("2.1.4", store, rules=rules, undo=True)
        assert report.exit_code == 2
        assert report.error is not None
        assert "setting `withdrawn`" in report.error.message


class TestPurge:
    """`--purge`."""

    def test_the_image_goes_and_the_mark_stays(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        digest = builds.source("2.1.4").digest or ""
        sign(store, store.manifest("2.1.4"))
        report = withdrawn("2.1.4", store, purge=True)
        assert report.exit_code == 0
        assert standing(store).keys() == {"2.1.3", "2.1", "2", "latest", "withdrawn-2.1.4"}
        with pytest.raises(StoreError):
            store.manifest(digest)
        again = released(builds, "2.1.4", store)
        assert again.error is not None
        assert again.error.code == "WITHDRAWN"
        assert not withdrawn("2.1.4", store, purge=True).changed
        assert not withdrawn("2.1.4", store).changed

    def test_after_a_withdrawal(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        withdrawn("2.1.4", store)
        report = withdrawn("2.1.4", store, purge=True)
        assert dict(actions(report))["withdrawn-2.1.4"] == "move"
        assert standing(store).keys() == {"2.1.3", "2.1", "2", "latest", "withdrawn-2.1.4"}

    def test_an_image_that_another_tag_names_stays(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        image = store.manifest("2.1.4")
        store.tag(image, ["nightly", "sha-1a2b3c4"])
        report = withdrawn("2.1.4", store, purge=True)
        assert report.exit_code == 0
        assert {("nightly", "keep"), ("sha-1a2b3c4", "keep"), ("2.1.4", "remove")} <= set(actions(report))
        assert standing(store)["nightly"] == standing(store)["sha-1a2b3c4"] == image.digest
        assert "2.1.4" not in standing(store)

    def test_platforms_go_too_and_those_of_others_stay(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3")
        image = make_index(store, "app", "2.1.4")
        child = image.children()[0].digest
        store.tag(store.manifest(child), ["amd64"])
        assert withdrawn("2.1.4", store, purge=True).exit_code == 0
        assert store.manifest("amd64").digest == child
        with pytest.raises(StoreError):
            store.manifest(image.children()[1].digest)

    def test_undo_frees_the_number(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        withdrawn("2.1.4", store, purge=True)
        report = withdrawn("2.1.4", store, undo=True)
        assert report.exit_code == 0
        assert standing(store).keys() == {"2.1.3", "2.1", "2", "latest"}
        published(builds, store, "2.1.4")


class TestRepositories:
    """Several repositories, and those that cannot do everything."""

    def test_several(self, tmp_path: Path, builds: Builds, store: TagStore) -> None:
        other, third = Layout(tmp_path / "other"), Layout(tmp_path / "third")
        published(builds, store, "2.1.3", "2.1.4")
        published(builds, other, "2.1.4")
        published(builds, third, "1.0.0")
        report = withdrawn("2.1.4", store, other, third)
        assert [outcome.status for outcome in report.repositories] == ["done", "done", "unchanged"]
        assert standing(other).keys() == {"2.1.4", "withdrawn-2.1.4"}
        assert standing(third).keys() == {"1.0.0", "1.0", "1", "latest"}

    def test_nothing_is_written_where_one_fails(
        self, tmp_path: Path, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        failing, other = opened(small_registry), Layout(tmp_path / "other")
        for store in (failing, other):
            published(builds, store, "2.1.3", "2.1.4")
        before = standing(other)
        small_registry.fail(Fault("answer", Reply(401)), kind="tags", times=9)
        report = withdrawn("2.1.4", failing, other)
        assert report.exit_code == 1
        assert [outcome.status for outcome in report.repositories] == ["failed", "unchanged"]
        assert standing(other) == before

    def test_a_mark_that_is_refused(self, builds: Builds, small_registry: SmallRegistry, opened: Opener) -> None:
        store = opened(small_registry)
        published(builds, store, "2.1.3", "2.1.4")
        before = standing(store)
        small_registry.fail(Fault("answer", Reply(403)), method="PUT", reference="withdrawn-2.1.4", times=9)
        report = withdrawn("2.1.4", store)
        assert (report.exit_code, actions(report)) == (1, [("withdrawn-2.1.4", "refuse")])
        assert [outcome.status for outcome in report.repositories] == ["failed"]
        assert standing(store) == before

    def test_a_floating_tag_that_is_refused(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        store = opened(small_registry)
        published(builds, store, "2.1.3", "2.1.4")
        small_registry.fail(Fault("answer", Reply(403)), method="PUT", reference="latest", times=9)
        report = withdrawn("2.1.4", store)
        assert (report.exit_code, dict(actions(report))["latest"]) == (1, "refuse")
        assert [outcome.status for outcome in report.repositories] == ["incomplete"]

    def test_deleting_is_off(self, tmp_path: Path, builds: Builds, name: str) -> None:
        with (
            distribution(tmp_path / "registry", delete=False) as registry,
            Registries(keychain=Keychain()) as client,
        ):
            store = client.repository(Repository(registry.host, name), write=True)
            published(builds, store, "1.0.0", "2.1.4")
            first = standing(store)
            report = withdrawn("2.1.4", store)
            assert report.error is not None
            assert (report.exit_code, report.error.code) == (1, "UNSUPPORTED")
            assert "2.1, 2 still hold the withdrawn image" in report.error.message
            assert sorted(actions(report)) == [
                ("2", "refuse"), ("2.1", "refuse"), ("latest", "move"), ("withdrawn-2.1.4", "create")
            ]  # fmt: skip
            assert standing(store)["latest"] == builds.source("1.0.0").digest
            report = withdrawn("2.1.4", store)
            assert (report.exit_code, report.changed) == (1, False)  # the two are served still
            report = withdrawn("2.1.4", store, purge=True)
            assert report.error is not None
            assert report.error.code == "UNSUPPORTED"
            report = withdrawn("2.1.4", store, undo=True)
            assert report.exit_code == 0
            after = dict(standing(store))
            assert after.pop("withdrawn-2.1.4") == LIFTED_DIGEST
            assert after == first
            assert not withdrawn("2.1.4", store, undo=True).changed
            published(builds, store, "2.1.4")

    def test_a_registry_with_other_ways(self, builds: Builds, small_registry: SmallRegistry) -> None:
        with small_registry.client(endpoints={"ghcr.io": small_registry.host}) as client:
            store = client.repository(Repository("ghcr.io", "acme/app"), write=True)
            published(builds, store, "1.0.0", "2.1.4")
            before = standing(store)
            report = withdrawn("2.1.4", store, purge=True)
            assert (report.exit_code, standing(store)) == (1, before)
            planned, done = withdrawn("2.1.4", store, dry_run=True), withdrawn("2.1.4", store)
            assert actions(planned) == actions(done)
            for report in (planned, done):
                assert report.error is not None
                assert (report.exit_code, report.error.code) == (1, "UNSUPPORTED")
                assert "gh api -X DELETE" in report.error.hint
            assert dict(actions(done)) == {
                "withdrawn-2.1.4": "create", "latest": "move", "2.1": "refuse", "2": "refuse"
            }  # fmt: skip
            assert standing(store)["withdrawn-2.1.4"] == before["2.1.4"]
            planned = withdrawn("2.1.4", store, undo=True, dry_run=True)
            report = withdrawn("2.1.4", store, undo=True)
            assert planned.repositories[0].changes == report.repositories[0].changes
            assert dict(actions(report))["withdrawn-2.1.4"] == "move"
            after = dict(standing(store))
            assert after.pop("withdrawn-2.1.4") == LIFTED_DIGEST
            assert after == before
            assert withdrawn("2.1.4", store).repositories[0].changes[0].action == "move"
            assert standing(store)["withdrawn-2.1.4"] == before["2.1.4"]


class TestWhatIsMoved:
    """Only what holds the withdrawn image is moved; what would be left in force is refused."""

    def test_what_somebody_moved_by_hand_stays(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.0.9", "2.1.3", "2.1.4")
        store.tag(store.manifest("2.0.9"), ["latest"])
        report = withdrawn("2.1.4", store)
        assert report.exit_code == 0
        changes = {change.tag: change for change in report.repositories[0].changes}
        assert (changes["latest"].action, changes["latest"].drifted) == ("hold", True)
        assert standing(store)["latest"] == builds.source("2.0.9").digest
        assert standing(store)["2.1"] == builds.source("2.1.3").digest

    def test_a_variant_that_is_declared_nowhere_is_refused(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "1.0.0")
        make_image(store, "leaked too", "1.0.0-alpine", "alpine")
        before = standing(store)
        with pytest.raises(InputError, match=r"1\.0\.0-alpine would stay in force") as caught:
            raise withdrawn("1.0.0", store).error or AssertionError
        assert (caught.value.exit_code, caught.value.code) == (2, "UNDECLARED_VARIANT")
        assert "variants: alpine" in caught.value.hint
        assert standing(store) == before
        assert withdrawn("1.0.0", store, rules=VARIANTS).exit_code == 0
        assert "withdrawn-1.0.0-alpine" in standing(store)

    def test_force_withdraws_the_others(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "0.9.0", "1.0.0", "1.0.0-rc.1")
        make_image(store, "another", "1.0.0-alpine", "1.0.0-2")
        assert withdrawn("1.0.0", store, force=True).exit_code == 0
        assert standing(store)["latest"] == builds.source("0.9.0").digest
        assert "withdrawn-1.0.0-alpine" not in standing(store)

    def test_purging_wants_yes(self, builds: Builds, store: TagStore) -> None:
        published(builds, store, "2.1.3", "2.1.4")
        before = standing(store)
        report = withdrawn("2.1.4", store, purge=True, confirmed=False)
        assert report.error is not None
        assert (report.exit_code, report.error.code, standing(store)) == (2, "UNCONFIRMED", before)
        assert [outcome.status for outcome in report.repositories] == ["refused"]
        assert {tag for tag, action in actions(report) if action == "refuse"} == {
            "withdrawn-2.1.4", "2.1", "2", "latest", "2.1.4"
        }  # fmt: skip
        assert withdrawn("2.1.4", store, purge=True, confirmed=False, dry_run=True).exit_code == 0
        assert withdrawn("2.1.4", store, purge=True).exit_code == 0
        assert "2.1.4" not in standing(store)

    def test_a_version_that_the_listing_omits(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        store = opened(small_registry)
        published(builds, store, "2.1.3", "2.1.4")
        small_registry.omits = {"2.1.4"}.__contains__
        assert withdrawn("2.1.4", store).exit_code == 0
        small_registry.omits = set[str]().__contains__
        assert standing(store)["latest"] == builds.source("2.1.3").digest
