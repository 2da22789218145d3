"""Approval: the mark of a held version is lifted everywhere, and its floating tags follow as after a release."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.layout import Layout
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.approve import Approval, approve
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tests.operations.running import RULES, Builds, actions, finished, job, released, standing
from tests.servers.small_registry import SmallRegistry


def approved(name: str, *stores: TagStore, dry_run: bool = False) -> Report:
    """Approve, and return the report."""
    return finished(approve(Approval(name, RULES, stores), dry_run=dry_run))


def held(builds: Builds, store: TagStore, version: str) -> None:
    """Release a version that is held."""
    assert finished(release(job(builds, version, store)._replace(hold=True))).held


class TestApproval:
    """`approve VERSION`."""

    def test_a_held_version_gets_its_tags(self, builds: Builds, store: TagStore) -> None:
        released(builds, "1.0.0", store)
        held(builds, store, "2.0.0")
        planned = approved("2.0.0", store, dry_run=True)
        assert "held-2.0.0" in standing(store)
        report = approved("2.0.0", store)
        assert (report.exit_code, report.command, report.version) == (0, "approve", "2.0.0")
        assert [outcome.status for outcome in report.repositories] == ["done"]
        assert actions(report) == actions(planned) == [
            ("held-2.0.0", "remove"), ("2.0", "create"), ("2", "create"), ("latest", "move")
        ]  # fmt: skip
        digest = builds.source("2.0.0").digest
        assert report.digest == report.repositories[0].digest == digest
        after = standing(store)
        assert {tag for tag, found in after.items() if found == digest} == {"2.0.0", "2.0", "2", "latest"}
        assert not {tag for tag in after if tag.startswith("held-")}
        again = approved("2.0.0", store)
        assert (again.exit_code, again.changed) == (0, False)
        assert [outcome.status for outcome in again.repositories] == ["unchanged"]

    def test_nothing_to_lift_puts_its_tags_right(self, builds: Builds, store: TagStore) -> None:
        for version in ("1.0.0", "2.0.0"):
            released(builds, version, store)
        store.tag(store.manifest("1.0.0"), ["latest"])
        report = approved("2.0.0", store)
        assert report.exit_code == 0
        assert dict(actions(report)) == {"2.0": "keep", "2": "keep", "latest": "move"}
        assert standing(store)["latest"] == builds.source("2.0.0").digest

    def test_one_that_is_not_the_newest_takes_only_what_is_its_own(self, builds: Builds, store: TagStore) -> None:
        for version in ("1.0.0", "3.0.0"):
            released(builds, version, store)
        held(builds, store, "2.0.0")
        assert approved("2.0.0", store).exit_code == 0
        after = standing(store)
        assert after["latest"] == builds.source("3.0.0").digest
        assert after["2"] == after["2.0"] == builds.source("2.0.0").digest

    @pytest.mark.parametrize("version", ["9.9.9", "nothing"])
    def test_a_version_that_no_repository_has(self, builds: Builds, store: TagStore, version: str) -> None:
        released(builds, "1.0.0", store)
        with pytest.raises(InputError, match=f"no repository holds a version {version}") as caught:
            approved(version, store)
        assert caught.value.code == "MANIFEST_UNKNOWN"

    def test_held_and_withdrawn(self, builds: Builds, store: TagStore) -> None:
        released(builds, "1.0.0", store)
        held(builds, store, "2.0.0")
        assert finished(withdraw(Withdrawal("2.0.0", RULES, (store,)))).exit_code == 0
        before = standing(store)
        report = approved("2.0.0", store)
        assert report.error is not None
        assert (report.exit_code, report.error.code, standing(store)) == (1, "WITHDRAWN", before)
        undone = finished(withdraw(Withdrawal("2.0.0", RULES, (store,), undo=True)))
        assert undone.exit_code == 0
        after = standing(store)
        assert "held-2.0.0" in after
        assert after["latest"] == builds.source("1.0.0").digest
        assert "2" not in after
        assert approved("2.0.0", store).exit_code == 0
        assert standing(store)["latest"] == builds.source("2.0.0").digest

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_two_repositories_that_hold_different_builds(self, builds: Builds, tmp_path: Path, dry_run: bool) -> None:
        stores = Layout(tmp_path / "one"), Layout(tmp_path / "other")
        for store in stores:
            assert finished(release(job(builds, "2.0.0", store, text=store.place)._replace(hold=True))).held
        before = [standing(store) for store in stores]
        report = approved("2.0.0", *stores, dry_run=dry_run)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "CONFLICT")
        assert all(f"{store.place} holds {store.manifest('2.0.0').digest}" in report.error.message for store in stores)
        assert [standing(store) for store in stores] == before

    def test_a_version_that_the_listing_omits(self, builds: Builds, small_registry: SmallRegistry) -> None:
        with small_registry.client() as client:
            store = client.repository(Repository(small_registry.host, "acme/app"), write=True)
            released(builds, "1.0.0", store)
            held(builds, store, "2.0.0")
            small_registry.omits = {"2.0.0", "held-2.0.0"}.__contains__
            assert approved("2.0.0", store).exit_code == 0
            assert small_registry.tags("acme/app")["latest"] == builds.source("2.0.0").digest


@pytest.mark.parametrize("host", ["ghcr.io", "docker.io", ""])
def test_where_no_tag_can_be_removed_the_mark_is_pointed_elsewhere(
    builds: Builds, small_registry: SmallRegistry, host: str
) -> None:
    small_registry.deletes_tags = small_registry.deletes = False
    name = host or small_registry.host
    with small_registry.client(endpoints={host: small_registry.host} if host else {}) as client:
        store = client.repository(Repository(name, "acme/app"), write=True)
        released(builds, "1.0.0", store)
        held(builds, store, "2.0.0")
        report = approved("2.0.0", store)
        assert report.exit_code == 0
        assert dict(actions(report)) == {"held-2.0.0": "move", "2.0": "create", "2": "create", "latest": "move"}
        after = standing(store)
        assert after["held-2.0.0"] == LIFTED_DIGEST
        assert after["latest"] == builds.source("2.0.0").digest
        assert not approved("2.0.0", store).changed
        released(builds, "1.0.1", store)  # a backport does not take the mark for one in force
        assert standing(store)["latest"] == builds.source("2.0.0").digest


VERSIONS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=5, unique=True
)


@settings(max_examples=30)
@given(VERSIONS, st.data())
def test_hold_backports_and_approve_in_any_order_end_as_if_released_directly(
    tmp_path_factory: pytest.TempPathFactory, versions: Sequence[tuple[int, ...]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("held")
    builds, straight, store = Builds(folder / "builds"), Layout(folder / "straight"), Layout(folder / "store")
    names = [".".join(map(str, version)) for version in versions]
    for name in sorted(names):
        released(builds, name, straight)
    waiting = list(data.draw(st.permutations(names)))
    pending: list[str] = []
    while waiting or pending:
        if waiting and (not pending or data.draw(st.booleans())):
            name = waiting.pop()
            if data.draw(st.booleans()):
                held(builds, store, name)
                pending.append(name)
            else:
                released(builds, name, store)
        else:
            name = pending.pop(data.draw(st.integers(0, len(pending) - 1)))
            assert approved(name, store).exit_code == 0
    assert standing(store) == standing(straight)
