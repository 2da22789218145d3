"""Reconciliation: every floating tag where it belongs, nothing written where nothing differs."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import NotFound
from tagger.images.layout import Layout
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.delete import Deletion, delete
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.tags import list_tags
from tagger.results import Event, Report
from tagger.rules.cascade import Rules
from tagger.rules.policy import Said
from tagger.rules.terms import PolicyTerms
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import make_image, sign
from tests.operations.running import RULES, Builds, actions, finished, released, standing
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Fault, Reply, SmallRegistry


def reconciled(
    *stores: TagStore,
    rules: Rules = RULES,
    purge: bool = False,
    dry_run: bool = False,
    events: list[Event] | None = None,
) -> Report:
    """Reconcile, and return the report."""
    return finished(reconcile(Reconciliation(rules, stores, purge), dry_run=dry_run), events)


class TestDrift:
    """What differs is put right, and only that."""

    def test_what_somebody_moved_is_put_back(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.1.3", "2.1.4", "3.0.0"):
            released(builds, version, store)
        before = standing(store)
        store.tag(store.manifest("2.1.3"), ["latest", "2.1"])
        store.untag("2") if isinstance(store, Layout) else None
        drifted = standing(store)
        planned = reconciled(store, dry_run=True)
        assert (planned.dry_run, planned.changed, standing(store)) == (True, True, drifted)
        report = reconciled(store)
        assert (report.exit_code, report.changed, report.command) == (0, True, "reconcile")
        assert report.repositories[0].changes == planned.repositories[0].changes
        assert {("latest", "move"), ("2.1", "move"), ("3", "keep")} <= set(actions(report))
        assert standing(store) == before
        again = reconciled(store)
        assert (again.changed, [outcome.status for outcome in again.repositories]) == (False, ["unchanged"])

    def test_what_skopeo_moved_in_a_real_registry(
        self, builds: Builds, open_registry: DockerRegistry, name: str, opened: Opener
    ) -> None:
        store = opened(open_registry, name)
        for version in ("2.1.3", "2.1.4"):
            released(builds, version, store)
        place = f"docker://{open_registry.host}/{name}"
        options = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        subprocess.run(["skopeo", "copy", "--quiet", *options, f"{place}:2.1.3", f"{place}:latest"], check=True)
        assert standing(store)["latest"] == builds.source("2.1.3").digest
        written = len([line for line in _requests(open_registry, name) if line.startswith("PUT")])
        assert dict(actions(reconciled(store))) == {"latest": "move", "2": "keep", "2.1": "keep"}
        assert not reconciled(store).changed
        assert len([line for line in _requests(open_registry, name) if line.startswith("PUT")]) == written + 1
        assert standing(store)["latest"] == builds.source("2.1.4").digest

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.sampled_from(("1.0.1", "1.1.0", "2.0.0", "2.0.0-rc.1")), unique=True),
        st.sets(st.sampled_from(("latest", "1", "1.0", "2.0", "2", "nightly"))).map(
            lambda tags: sorted(tags | {"2.0"} if "2" in tags else tags)
        ),
    )
    def test_any_drift(self, tmp_path_factory: pytest.TempPathFactory, versions: list[str], moved: list[str]) -> None:
        folder = tmp_path_factory.mktemp("drift")
        builds, store = Builds(folder / "builds"), Layout(folder / "store")
        for version in ("1.0.0", *versions):
            released(builds, version, store)
        settled = standing(store)
        store.tag(make_image(store, "drift"), moved)
        reconciled(store, purge=True)
        kept = {tag: digest for tag, digest in standing(store).items() if tag != "nightly"}
        assert kept == settled
        assert not reconciled(store).changed
        shutil.rmtree(folder)

    def test_a_repository_that_is_not_there(self, store: TagStore) -> None:
        report = reconciled(store)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "NAME_UNKNOWN")

    def test_a_repository_without_tags(self, store: TagStore) -> None:
        make_image(store, "app", "a", "b")
        for tag in ("a", "b"):
            assert finished(delete(Deletion((tag,), RULES, (store,)))).exit_code == 0
        report = reconciled(store)
        assert (report.exit_code, report.changed) == (0, False)

    def test_only_digests_that_decide_are_read(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        store = opened(small_registry)
        for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.3"):
            released(builds, version, store)
        make_image(store, "night", *(f"nightly-{number}" for number in range(20)))
        small_registry.requests.clear()
        reconciled(store)
        read = [request.reference for request in small_registry.requests if request.method == "HEAD"]
        assert sorted(read) == ["1", "1.0", "1.0.3", "latest"]

    def test_mixed_lengths_and_two_spellings_are_told_before_anything_is_written(
        self, builds: Builds, store: TagStore
    ) -> None:
        rules = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme("numeric"))
        released(builds, "2.1.4", store, rules=rules)
        make_image(store, "short", "3.1")
        make_image(store, "drift", "latest")
        before = standing(store)
        report = reconciled(store, rules=rules)
        assert report.error is not None
        assert (report.exit_code, report.error.code, standing(store)) == (2, "MIXED_PARTS", before)
        builds.source("x").stage(store, "v2.1.4")
        before = standing(store)
        for dry_run in (True, False):
            report = reconciled(store, dry_run=dry_run)
            assert report.error is not None
            assert (report.exit_code, report.error.code, standing(store)) == (1, "AMBIGUOUS_VERSION", before)
            assert [outcome.status for outcome in report.repositories] == ["refused"]


class TestOrphans:
    """Floating tags whose class has no version left."""

    def orphaned(self, builds: Builds, store: TagStore) -> None:
        """Leave `2` and `2.1` behind, whose versions are withdrawn by hand."""
        for version in ("1.0.0", "2.1.4"):
            released(builds, version, store)
        store.tag(store.manifest("2.1.4"), ["withdrawn-2.1.4"])

    def test_they_are_reported(self, builds: Builds, store: TagStore) -> None:
        self.orphaned(builds, store)
        events: list[Event] = []
        report = reconciled(store, events=events)
        assert report.exit_code == 0
        assert {(tag, action) for tag, action in actions(report) if action != "keep"} == {
            ("latest", "move"), ("2", "hold"), ("2.1", "hold")
        }  # fmt: skip
        assert all("--purge" in event.text for event in events if event.kind == "warning")
        assert len([event for event in events if event.kind == "warning"]) == 2
        assert not reconciled(store).changed

    def test_purge_removes_them(self, builds: Builds, store: TagStore) -> None:
        self.orphaned(builds, store)
        before = standing(store)
        planned = reconciled(store, purge=True, dry_run=True)
        assert standing(store) == before
        report = reconciled(store, purge=True)
        assert report.exit_code == 0
        assert report.repositories[0].changes == planned.repositories[0].changes
        assert standing(store).keys() == {"1.0.0", "1.0", "1", "latest", "2.1.4", "withdrawn-2.1.4"}
        assert not reconciled(store, purge=True).changed

    def test_a_series_whose_versions_are_gone(self, builds: Builds, store: TagStore) -> None:
        released(builds, "1.0.0", store)
        make_image(store, "gone", "2.1", "2", "20260805", "7", "edge", "2026-08", "2.1-alpine", "v2.1", "2.01")
        report = reconciled(store)
        assert [tag for tag, action in actions(report) if action == "hold"] == ["2", "2.1"]
        report = reconciled(store, purge=True)
        assert [tag for tag, action in actions(report) if action == "remove"] == ["2", "2.1"]
        assert {"20260805", "7", "edge", "2026-08", "2.1-alpine", "v2.1", "2.01"} < standing(store).keys()

    def test_tags_of_a_repository_without_versions_are_not_ours(self, store: TagStore) -> None:
        make_image(store, "app", "latest", "1", "edge")
        before = standing(store)
        assert actions(reconciled(store, purge=True)) == []
        assert standing(store) == before

    def test_an_image_that_nothing_else_names_goes_too(self, builds: Builds, store: TagStore) -> None:
        released(builds, "1.0.0", store)
        image = make_image(store, "gone", "3.0", "3")
        sign(store, image)
        assert reconciled(store, purge=True).exit_code == 0
        assert standing(store).keys() == {"1.0.0", "1.0", "1", "latest"}
        with pytest.raises(NotFound):
            store.manifest(image.digest)

    def test_purge_where_nothing_is_deleted(self, builds: Builds, small_registry: SmallRegistry) -> None:
        with small_registry.client(endpoints={"ghcr.io": small_registry.host}) as client:
            store = client.repository(Repository("ghcr.io", "acme/app"), write=True)
            self.orphaned(builds, store)
            report = reconciled(store, purge=True)
            assert report.error is not None
            assert (report.exit_code, report.error.code) == (1, "UNSUPPORTED")
            assert "gh api" in report.error.hint
            assert standing(store)["latest"] == builds.source("1.0.0").digest
            assert [outcome.status for outcome in report.repositories] == ["incomplete"]


class TestRepositories:
    """Several repositories."""

    def test_one_that_fails_does_not_keep_the_others(
        self, tmp_path: Path, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        failing, other = opened(small_registry), Layout(tmp_path / "other")
        for store in (failing, other):
            released(builds, "2.1.3", store)
            released(builds, "2.1.4", store)
            store.tag(store.manifest("2.1.3"), ["latest"])
        small_registry.fail(Fault("answer", Reply(401)), kind="tags", times=9)
        report = reconciled(failing, other)
        assert report.exit_code == 1
        assert [outcome.status for outcome in report.repositories] == ["failed", "done"]
        assert standing(other)["latest"] == builds.source("2.1.4").digest


def _requests(registry: DockerRegistry, name: str) -> list[str]:
    assert registry.running
    return [line for line in registry.running.requests() if f"/{name}/manifests/" in line]


class TestDefaults:
    """Where nothing says by which rules: no settings, no policy."""

    def reconciled(self, store: TagStore, *, force: bool = False, **said: str) -> Report:
        terms = PolicyTerms({name: Said((text,), f"--{name}") for name, text in said.items()})
        return finished(reconcile(Reconciliation(terms.own_rules, (store,), terms=terms, force=force)))

    def test_a_tag_that_would_move_down_wants_force(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.0.0", "2.1.0", "3.0.0-rc.1"):
            released(builds, version, store)
        store.tag(store.manifest("3.0.0-rc.1"), ["latest"])
        before = standing(store)
        report = self.reconciled(store)
        assert report.error is not None
        assert (report.exit_code, report.error.code, standing(store)) == (2, "DEFAULTS", before)
        assert "latest holds the image of none of its versions" in report.error.message
        assert self.reconciled(store, scheme="semver").exit_code == 0
        assert standing(store)["latest"] == builds.source("2.1.0").digest
        make_image(store, "unknown", "latest")
        assert self.reconciled(store).exit_code == 2
        assert self.reconciled(store, force=True).exit_code == 0

    def test_what_moves_up_or_leaves_a_withdrawn_version_does_not(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.0.0", "2.1.0", "2.2.0"):
            released(builds, version, store)
        store.tag(store.manifest("2.0.0"), ["latest"])
        report = self.reconciled(store)
        assert report.exit_code == 0
        assert "DEFAULTS" in {warning.code for warning in report.warnings}
        store.tag(store.manifest("2.2.0"), ["withdrawn-2.2.0"])
        assert self.reconciled(store).exit_code == 0
        assert standing(store)["latest"] == builds.source("2.1.0").digest

    def test_what_looks_like_a_variant_is_told(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.0.0", store)
        make_image(store, "alpine", "2.0.0-alpine")
        told = "2.0.0-alpine looks like a variant of 2.0.0: declare it (`variants: alpine`)"
        first = (self.reconciled(store), released(builds, "2.0.0", store), released(builds, "2.1.0", store))
        for report in (*first, self.reconciled(store)):  # now there is a newer one
            found = [one.message for one in report.warnings if one.code == "UNDECLARED_VARIANT"]
            assert found == [f"{store.place}: {told}"]
        assert list_tags(store, RULES).notes == (f"{store.place}: {told}",)

    def test_what_looks_like_a_revision_is_told(self, builds: Builds, store: TagStore) -> None:
        make_image(store, "rebuilt", "22.0.1-1")
        make_image(store, "other", "1.18.4-r2")
        taken = "22.0.1-2 is read as a prerelease of 22.0.1, and gets no floating tag: if it is a packaging revision"
        report = released(builds, "22.0.1-2", store)
        assert (report.exit_code, actions(report)) == (0, [("22.0.1-2", "create")])
        (planned,) = [one.message for one in report.warnings if one.code == "UNDECLARED_REVISION"]
        assert planned == f"{taken}, set `revisions: -N`"
        found = [one.message for one in self.reconciled(store).warnings if one.code == "UNDECLARED_REVISION"]
        assert found == [
            f"{store.place}: {planned}",
            f"{store.place}: 1.18.4-r2 is not read as a version: if it is a packaging revision, set `revisions: -rN`",
        ]

    def test_a_snapshot_is_explained(self, builds: Builds, store: TagStore) -> None:
        report = released(builds, "2.1.4-SNAPSHOT", store)
        assert (report.exit_code, actions(report)) == (0, [("2.1.4-SNAPSHOT", "create")])
        (told,) = [one.message for one in report.warnings if one.code == "SNAPSHOT"]
        assert "is a prerelease of 2.1.4: it gets its exact tag, and no floating tag (`channels: snapshot`" in told
        assert "set `on-conflict: overwrite`" in told
        assert "SNAPSHOT" not in {one.code for one in released(builds, "2.1.4-SNAPSHOT.1", store).warnings}


def test_purging_wants_yes(builds: Builds, store: TagStore) -> None:
    released(builds, "2.0.0", store)
    store.tag(store.manifest("2.0.0"), ["1.0"])
    before = standing(store)
    job = Reconciliation(RULES, (store,), purge=True, confirmed=False)
    report = finished(reconcile(job))
    assert report.error is not None
    assert (report.exit_code, report.error.code, standing(store)) == (2, "UNCONFIRMED", before)
    assert actions(report) == [("1.0", "refuse")]
    assert finished(reconcile(job, dry_run=True)).exit_code == 0
    assert finished(reconcile(job._replace(confirmed=True))).exit_code == 0
    assert "1.0" not in standing(store)
    assert not finished(reconcile(job)).changed  # nothing is left to confirm
