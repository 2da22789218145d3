"""The policy that a repository keeps: shown, set, unset, and followed by every verb."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tagger.errors import TaggerError
from tagger.images.artifacts import LIFTED_DIGEST, POLICY, policy_artifact, put_artifact
from tagger.images.layout import Layout
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.approve import Approval, approve
from tagger.operations.delete import Deletion, delete
from tagger.operations.policy import PolicyChange, policy
from tagger.operations.prepare import Release
from tagger.operations.push import Push, push
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import plan, release
from tagger.operations.tags import list_tags
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report, Running
from tagger.rules.cascade import Rules
from tagger.rules.policy import Policy, Said
from tagger.rules.terms import PolicyTerms
from tests.images.making import make_image
from tests.operations.running import Builds, actions, finished, standing
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Request, SmallRegistry

TAG = "tagger-policy"


def terms(origin: str = "--option", *, in_file: bool = False, required: bool = False, **said: str) -> PolicyTerms:
    """Return the terms of a run that says these settings."""
    return PolicyTerms(
        {name.replace("_", "-"): Said(tuple(text.split()), origin, in_file) for name, text in said.items()},
        required=required,
    )


def changed(action: str, told: PolicyTerms, *stores: TagStore, dry_run: bool = False, withdrawn: str = "") -> Report:
    """Run `policy`, and return the report."""
    job = PolicyChange(action, told, stores, tuple(withdrawn.split()))  # type: ignore[arg-type]
    return finished(policy(job, dry_run=dry_run))


def job(builds: Builds, version: str, told: PolicyTerms, *stores: TagStore) -> Release:
    """Return the release of a version by what a run was told, and by the policies that it finds."""

    def by(rules: Rules) -> Release:
        parsed = rules.parse(version)
        return Release((parsed,), rules, stores, builds.source(version), terms=told, again=by)

    return by(told.own_rules)


def released(builds: Builds, version: str, *stores: TagStore, told: PolicyTerms | None = None) -> Report:
    """Release a version, and return the report."""
    return finished(release(job(builds, version, told or terms(), *stores)))


def stored(store: TagStore) -> Mapping[str, object]:
    """Return the policy that a repository keeps."""
    document: Mapping[str, object] = json.loads(store.manifest(TAG).document["annotations"][POLICY])
    return document


class TestSetting:
    """`policy`, `policy set`, `policy unset`."""

    def test_it_is_stored_in_full_and_creates_the_repository(self, store: TagStore) -> None:
        planned = changed("set", terms(stable="<3"), store, dry_run=True)
        assert (planned.dry_run, list(store.tags())) == (True, [])
        report = changed("set", terms(stable="<3"), store)
        assert (report.exit_code, report.command) == (0, "policy")
        assert planned.repositories[0].changes == report.repositories[0].changes
        assert actions(report) == [(TAG, "create")]
        assert report.policy.source == "repository"
        document = stored(store)
        assert (document["format"], document["scheme"], document["stable"]) == (1, "semver", "<3")
        assert not changed("set", terms(stable="<3"), store).changed
        assert actions(changed("set", terms(stable="<4"), store)) == [(TAG, "move")]

    def test_it_is_shown(self, store: TagStore) -> None:
        report = changed("show", terms(), store)
        assert (report.exit_code, report.policy.source) == (0, "default")
        assert report.repositories[0].changes[0].reason == "no policy"
        changed("set", terms(stable="<3"), store)
        report = changed("show", terms(stable="<2"), store)
        assert (report.exit_code, report.policy.source, report.policy.differs) == (0, "repository", ("stable",))
        assert "stable: <3" in report.repositories[0].changes[0].reason
        assert any("<2" in warning.message and "<3" in warning.message for warning in report.warnings)

    def test_it_is_unset(self, builds: Builds, store: TagStore) -> None:
        assert not changed("unset", terms(), store).changed
        changed("set", terms(stable="<3"), store)
        report = changed("unset", terms(), store)
        assert (report.exit_code, actions(report)) == (0, [(TAG, "remove")])
        assert list(store.tags()) == []
        assert released(builds, "4.0.0", store).policy.source == "default"

    def test_where_no_tag_can_be_removed_it_is_pointed_elsewhere(
        self, builds: Builds, small_registry: SmallRegistry
    ) -> None:
        with small_registry.client(endpoints={"ghcr.io": small_registry.host}) as client:
            store = client.repository(Repository("ghcr.io", "acme/app"), write=True)
            changed("set", terms(stable="<3"), store)
            report = changed("unset", terms(), store)
            assert (report.exit_code, actions(report)) == (0, [(TAG, "move")])
            assert standing(store)[TAG] == LIFTED_DIGEST
            assert not changed("unset", terms(), store).changed
            assert released(builds, "4.0.0", store).policy.source == "default"
            assert changed("show", terms(), store).repositories[0].changes[0].reason == "no policy"
            assert actions(changed("set", terms(stable="<5"), store))[0] == (TAG, "move")

    def test_what_reconcile_would_move_is_told(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.0.0", "3.0.0"):
            released(builds, version, store)
        before = standing(store)
        report = changed("set", terms(stable="<3"), store)
        drifted = [change.tag for change in report.repositories[0].changes if change.drifted]
        assert drifted == ["latest"]
        assert "reconcile" in report.repositories[0].changes[-1].reason
        after = dict(standing(store))
        del after[TAG]
        assert after == before
        assert finished(reconcile(Reconciliation(terms().own_rules, (store,), terms=terms()))).exit_code == 0
        assert standing(store)["latest"] == builds.source("2.0.0").digest

    def test_withdrawn_versions_become_marks(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.0.0", "2.1.0"):
            released(builds, version, store)
        report = changed("set", terms(), store, withdrawn="2.1.0 9.9.9")
        assert report.exit_code == 0
        after = standing(store)
        assert after["withdrawn-2.1.0"] == after["2.1.0"]
        assert "withdrawn-9.9.9" in after
        assert "withdrawn" not in stored(store)
        assert not changed("set", terms(), store, withdrawn="2.1.0 9.9.9").changed

    def test_another_policy_at_the_same_time(self, small_registry: SmallRegistry, opened: Opener) -> None:
        store = opened(small_registry)
        name = store.place.partition("/")[2]
        other = policy_artifact(Policy.of({"stable": ("<9",)}).to_json())
        written: list[str] = []

        def watch(request: Request) -> None:
            if request.method == "PUT" and request.reference == TAG:
                written.append(TAG)
            elif written and request.method in ("GET", "HEAD"):
                small_registry.put(name, TAG, other)

        small_registry.watch = watch
        report = changed("set", terms(stable="<3"), store)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "POLICY")
        assert report.repositories[0].changes[0].after == other.digest

    @pytest.mark.parametrize("text", ["{}", "not JSON", '{"format": 2}'])
    def test_one_that_is_not_legible_is_replaced_or_removed(self, builds: Builds, store: TagStore, text: str) -> None:
        put_artifact(store, policy_artifact(text), [TAG])
        before = standing(store)
        for report in (released(builds, "2.0.0", store), changed("show", terms(), store)):
            assert report.error is not None
            assert (report.exit_code, report.error.code) == (1, "POLICY")
        assert standing(store) == before
        assert changed("set", terms(), store).exit_code == 0
        assert released(builds, "2.0.0", store).exit_code == 0
        put_artifact(store, policy_artifact(text), [TAG])
        assert changed("unset", terms(), store).exit_code == 0

    def test_another_artifact_is_refused(self, builds: Builds, store: TagStore) -> None:
        make_image(store, "an image", TAG)
        report = released(builds, "2.0.0", store)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "POLICY")
        assert changed("set", terms(), store).exit_code == 0


class TestFollowing:
    """Every verb decides by the policy of the repository."""

    def verbs(self, builds: Builds, told: PolicyTerms, *stores: TagStore) -> Mapping[str, Running]:
        rules = told.own_rules
        return {
            "plan": plan(job(builds, "4.0.0", told, *stores)),
            "release": release(job(builds, "4.0.0", told, *stores)),
            "reconcile": reconcile(Reconciliation(rules, stores, terms=told)),
            "approve": approve(Approval("2.0.0", rules, stores, told)),
            "withdraw": withdraw(Withdrawal("2.0.0", rules, stores, terms=told), dry_run=True),
            "delete": delete(Deletion(("2.0",), rules, stores, force=True, terms=told), dry_run=True),
            "push": push(Push("app", {"edge": builds.source("x")}, rules, stores, told), dry_run=True),
        }

    def test_a_run_that_says_nothing_follows_it(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.0.0", store)
        changed("set", terms(stable="<3"), store)
        for name, running in self.verbs(builds, terms(), store).items():
            report = finished(running)
            assert (report.policy.source, report.policy.differs) == ("repository", ()), name
        assert standing(store)["latest"] == builds.source("2.0.0").digest
        tree = list_tags(store, terms().own_rules, terms=terms())
        assert tree.floating["latest"].belongs_to == "2.0.0"
        assert TAG not in tree.other

    def test_what_the_command_line_says_otherwise_is_refused(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.0.0", store)
        changed("set", terms(stable="<3"), store)
        before = standing(store)
        for name, running in self.verbs(builds, terms("--stable", stable="<9"), store).items():
            report = finished(running)
            assert report.error is not None, name
            assert (report.exit_code, report.error.code) == (2, "POLICY"), name
            assert "<9" in report.error.message
            assert "<3" in report.error.message
        with pytest.raises(TaggerError, match="<9"):
            list_tags(store, terms().own_rules, terms=terms("--stable", stable="<9"))
        assert standing(store) == before

    def test_what_a_file_says_otherwise_is_a_warning(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.0.0", store)
        changed("set", terms(stable="<3"), store)
        for name, running in self.verbs(builds, terms(".tagger.yml:3:9", in_file=True, stable="<9"), store).items():
            report = finished(running)
            assert report.exit_code == 0, (name, report.error)
            assert report.policy == ("repository", ("stable",)), name
            (warning,) = [one for one in report.warnings if one.code == "POLICY"]
            assert "<9" in warning.message
            assert "<3" in warning.message
        assert standing(store)["latest"] == builds.source("2.0.0").digest

    def test_the_scheme_of_the_policy_reads_the_version(self, builds: Builds, store: TagStore) -> None:
        changed("set", terms(scheme="numeric"), store)
        assert released(builds, "25.8.1", store).exit_code == 0
        assert released(builds, "25.8.2", store, told=terms(scheme="numeric")).exit_code == 0
        assert standing(store)["latest"] == builds.source("25.8.2").digest

    def test_a_repository_without_one_takes_that_of_the_others(self, builds: Builds, tmp_path: Path) -> None:
        one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
        for version in ("2.0.0", "2.1.0"):
            released(builds, version, one, other)
        changed("set", terms(stable="<3"), other)
        report = released(builds, "4.0.0", one, other)
        assert (report.exit_code, report.policy.source) == (0, "repository")
        assert any("has no policy" in warning.message for warning in report.warnings)
        for store in (one, other):
            assert standing(store)["latest"] == builds.source("2.1.0").digest
        report = finished(withdraw(Withdrawal("2.1.0", terms().own_rules, (one, other), terms=terms())))
        assert report.exit_code == 0
        for store in (one, other):
            assert standing(store)["latest"] == builds.source("2.0.0").digest

    def test_two_different_ones_are_refused(self, builds: Builds, tmp_path: Path) -> None:
        one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
        for store, stable in ((one, "<3"), (other, "<4")):
            released(builds, "2.0.0", store)
            changed("set", terms(stable=stable), store)
        before = standing(one), standing(other)
        for name, running in self.verbs(builds, terms(), one, other).items():
            report = finished(running)
            assert report.error is not None, name
            assert (report.exit_code, report.error.code) == (1, "POLICY"), name
        assert (standing(one), standing(other)) == before

    def test_one_may_be_required(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.0.0", store)
        before = standing(store)
        for name, running in self.verbs(builds, terms(required=True), store).items():
            report = finished(running)
            assert report.error is not None, name
            assert (report.exit_code, report.error.code) == (1, "POLICY"), name
        assert standing(store) == before

    def test_one_that_changes_during_the_run_rules(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        store = opened(small_registry)
        name = store.place.partition("/")[2]
        released(builds, "2.0.0", store)
        strict = policy_artifact(Policy.of({"stable": ("<3",)}).to_json())
        put_artifact(store, strict, [])
        moved: list[str] = []

        def watch(request: Request) -> None:
            if request.method == "PUT" and request.reference == "latest":
                moved.append("latest")
            elif moved == ["latest"] and request.kind == "tags":
                moved.append("set")
                small_registry.put(name, TAG, strict)

        small_registry.watch = watch
        report = released(builds, "4.0.0", store)
        assert report.exit_code == 0, report.error
        assert moved == ["latest", "set", "latest"]
        assert standing(store)["latest"] == builds.source("2.0.0").digest
        moved.clear()
        changed("unset", terms(), store)
        report = released(builds, "5.0.0", store, told=terms("--stable", stable="<9"))
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "POLICY")
        assert standing(store)["latest"] == builds.source("2.0.0").digest
