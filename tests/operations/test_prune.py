"""`prune` over repositories of three kinds: what goes, what stays, and what it refuses."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from tagger.errors import InputError
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.stores import PrunableStore, TagStore
from tagger.names import DIGEST
from tagger.operations.prune import Pruning, prune
from tagger.operations.restore import read_report, restore
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.reporting.documents import report_document
from tagger.results import Event, Report
from tagger.rules.cascade import Rules
from tagger.rules.retention import Keep, Retention, tag_rule
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.images.making import attach, make_config, make_image, make_index, put, put_manifest, sign
from tests.operations.running import RULES, Builds, finished, released, standing
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Fault, SmallRegistry

NOW = datetime.fromisoformat("2026-11-26T12:00:00+00:00").timestamp()
NEWEST = Retention(Keep(patch=1))


def pruned(
    store: TagStore,
    retention: Retention = NEWEST,
    *,
    yes: bool = True,
    force: bool = True,
    plan_id: str = "",
    rules: Rules = RULES,
    events: list[Event] | None = None,
) -> Report:
    stores = (cast("PrunableStore", store),)
    job = Pruning(rules, stores, retention, NOW, confirmed=yes, force=force, plan_id=plan_id)
    return finished(prune(job), events)


def dated(store: TagStore, tag: str, created: str) -> str:
    """Put an image that says when it was made."""
    config = json.loads(make_config([tag.encode()], "linux/amd64", {}))
    del config["created"]
    blob = put(store, json.dumps(config | ({"created": created} if created else {})).encode(), OCI_MANIFEST)
    config_descriptor = blob.to_json() | {"mediaType": "application/vnd.oci.image.config.v1+json"}
    return put_manifest(store, OCI_MANIFEST, {"config": config_descriptor, "layers": []}, [tag]).digest


def hang(store: TagStore, image: Manifest, text: str = "sbom") -> Manifest:
    """Attach an artifact as clients do: under the tag of the fallback where there is no referrers API."""
    artifact = attach(store, image, text)
    if not store.referrers(image.digest):
        children = [artifact.descriptor().to_json()]
        put_manifest(store, OCI_INDEX, {"manifests": children}, [image.digest.replace(":", "-")])
    return artifact


def parts(image: Manifest) -> list[str]:
    return [image.digest, *(child.digest for child in image.children())]


def holds(store: TagStore, digest: str) -> bool:
    try:
        store.manifest(digest)
    except Exception:
        return False
    return True


class TestWhatGoes:
    def test_old_versions_with_what_belongs_to_them(self, store: TagStore) -> None:
        old, new = make_index(store, "old", "1.0.0"), make_index(store, "new", "1.0.1", "1.0", "1", "latest")
        signature, kept_signature = sign(store, old), sign(store, new)
        sbom, kept_sbom = hang(store, old), hang(store, new, "kept")
        report = pruned(store)
        assert (report.repositories[0].status, report.exit_code) == ("done", 0)
        signs = f"{new.digest.replace(':', '-')}.sig"
        assert {"1.0.1", "1.0", "1", "latest", signs} <= standing(store).keys()
        assert not {"1.0.0", f"{old.digest.replace(':', '-')}.sig"} & standing(store).keys()
        assert not any(holds(store, one) for one in (*parts(old), signature.digest, sbom.digest))
        assert all(holds(store, one) for one in (*parts(new), kept_signature.digest, kept_sbom.digest))
        assert pruned(store).repositories[0].status == "unchanged"

    def test_a_child_of_an_index_that_stays_stays(self, store: TagStore) -> None:
        """Cleaners that look for untagged manifests broke such images (snok/container-retention-policy 43, 63)."""
        shared = make_image(store, "shared")
        children = [{**shared.descriptor().to_json(), "platform": {"os": "linux", "architecture": "amd64"}}]
        put_manifest(store, OCI_INDEX, {"manifests": children, "annotations": {"of": "1.0.0"}}, ["1.0.0"])
        put_manifest(store, OCI_INDEX, {"manifests": children, "annotations": {"of": "1.0.1"}}, ["1.0.1"])
        assert pruned(store).exit_code == 0
        assert standing(store).keys() == {"1.0.1"}
        assert holds(store, shared.digest)

    def test_a_digest_of_two_tags_stays_with_the_other(self, store: TagStore) -> None:
        """ghcr-cleanup-action 91: the digest went with the first of its tags."""
        image = make_image(store, "shared", "1.0.0", "nightly")
        make_image(store, "new", "1.0.1")
        report = pruned(store)
        assert report.exit_code == 0
        assert standing(store).keys() == {"1.0.1", "nightly"}
        assert standing(store)["nightly"] == image.digest

    def test_withdrawn_ones_stay_and_floating_tags_hold(self, store: TagStore, builds: Builds) -> None:
        for version in ("1.0.0", "1.0.1", "1.0.2", "1.1.0"):
            assert released(builds, version, store).exit_code == 0
        assert finished(withdraw(Withdrawal("1.0.2", RULES, (store,)))).exit_code == 0
        assert pruned(store).exit_code == 0
        assert standing(store).keys() == {"1.0.1", "1.0.2", "withdrawn-1.0.2", "1.1.0", "1.0", "1.1", "1", "latest"}

    def test_a_class_without_a_version_loses_its_tags(self, store: TagStore, builds: Builds) -> None:
        for version in ("1.0.0", "2.0.0"):
            released(builds, version, store)
        assert pruned(store, Retention(Keep(major=1))).exit_code == 0
        assert standing(store).keys() == {"2.0.0", "2.0", "2", "latest"}

    def test_plain_tags_by_rule_and_age(self, store: TagStore) -> None:
        made_on = {"pr-1": "2026-10-01", "pr-2": "2026-11-20", "sha-a": "2026-01-01", "sha-b": "2026-02-01"}
        for tag, made in made_on.items():
            dated(store, tag, f"{made}T00:00:00Z")
        dated(store, "sha-c", "1970-01-01T00:00:00Z")
        dated(store, "sha-d", "")
        dated(store, "main", "2020-01-01T00:00:00Z")
        rules = tuple(map(tag_rule, ("pr-* age=14d", "sha-* count=1")))
        assert pruned(store, Retention(None, rules)).exit_code == 0
        assert standing(store).keys() == {"pr-2", "sha-b", "sha-c", "sha-d", "main"}

    def test_what_is_young_stays(self, store: TagStore) -> None:
        dated(store, "1.0.0", "2026-11-25T00:00:00.123456789Z")
        dated(store, "1.0.1", "2026-11-01T00:00:00Z")
        dated(store, "1.0.2", "")
        dated(store, "1.0.3", "2026-11-24T00:00:00Z")
        assert pruned(store, Retention(Keep(patch=1), grace=7 * 86400.0)).exit_code == 0
        assert standing(store).keys() == {"1.0.0", "1.0.2", "1.0.3"}
        assert pruned(store, Retention(Keep(patch=1))).exit_code == 0
        assert standing(store).keys() == {"1.0.3"}


class TestPlan:
    def test_a_plan_writes_nothing_and_says_what_would_go(self, store: TagStore) -> None:
        for text in ("1.0.0", "1.0.1", "1.0.2"):
            make_image(store, text, text)
        before, events = standing(store), list[Event]()
        report = pruned(store, yes=False, force=False, events=events)
        assert standing(store) == before
        document = report_document(report)
        assert (document["dry_run"], document["changed"], report.repositories[0].status) == (True, True, "planned")
        assert {change["tag"]: change["action"] for change in document["repositories"][0]["changes"]} == {
            "1.0.0": "remove", "1.0.1": "remove", "1.0.2": "keep"
        }  # fmt: skip
        counts = document["pruned"][0]
        assert (counts["tags"], counts["manifests"], counts["kept"], "deleted" in counts) == (2, 2, 1, False)
        assert counts["bytes"] > 200
        assert len(document["plan_id"]) == 16
        assert "2 of 3 tags that are not floating would be deleted" in events[0].text

    def test_the_plan_of_an_id_or_nothing(self, store: TagStore) -> None:
        for text in ("1.0.0", "1.0.1"):
            make_image(store, text, text)
        plan_id = pruned(store, yes=False).plan_id
        make_image(store, "other", "nightly")
        assert pruned(store, yes=False).plan_id == plan_id  # nothing else would go
        make_image(store, "newer", "1.0.2")
        report = pruned(store, plan_id=plan_id)
        assert (report.exit_code, report.repositories[0].error and report.repositories[0].error.code) == (1, "CHANGED")
        assert "1.0.0" in standing(store)
        assert pruned(store, plan_id=pruned(store, yes=False).plan_id).exit_code == 0
        assert standing(store).keys() == {"1.0.2", "nightly"}

    def test_more_than_the_limit_wants_force(self, store: TagStore) -> None:
        for text in ("1.0.0", "1.0.1", "1.0.2"):
            make_image(store, text, text)
        report = pruned(store, force=False)
        assert (report.exit_code, report.error and report.error.code) == (1, "OVER_LIMIT")
        assert len(standing(store)) == 3

    def test_everything_is_never_deleted(self, store: TagStore) -> None:
        dated(store, "pr-1", "2020-01-01T00:00:00Z")
        report = pruned(store, Retention(None, (tag_rule("pr-* age=1d"),)))
        assert (report.exit_code, report.error and report.error.code) == (1, "NOTHING_KEPT")
        assert standing(store).keys() == {"pr-1"}

    def test_a_repository_that_is_not_there(self, store: TagStore) -> None:
        report = pruned(store)
        assert (report.exit_code, report.error and report.error.code) == (1, "NAME_UNKNOWN")


def test_an_unreadable_manifest_ends_it(small_registry: SmallRegistry, opened: Opener) -> None:
    """A manifest that cannot be read is not one without children (snok/container-retention-policy 3.1)."""
    store = opened(small_registry)
    make_index(store, "old", "1.0.0")
    make_index(store, "new", "1.0.1")
    bad = make_image(store, "plain", "nightly")
    small_registry.fail(Fault("answer", Reply(403)), method="GET", kind="manifests", reference=bad.digest, times=99)
    report = pruned(opened(small_registry))
    assert (report.exit_code, report.repositories[0].status) == (1, "refused")
    assert report.error
    assert report.error.code == "UNREADABLE"
    assert not small_registry.asked("DELETE")


def test_a_repository_that_changes_meanwhile_is_left_alone(
    small_registry: SmallRegistry, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(small_registry)
    make_image(store, "1.0.0", "1.0.0")
    make_image(store, "1.0.1", "1.0.1")
    catalogue, calls = store.catalogue, list[int]()

    def promoted() -> None:
        calls.append(1)
        if len(calls) == 2:  # after the plan, before the first deletion
            opened(small_registry).tag(store.manifest("1.0.0"), ["production"])
        return catalogue()  # type: ignore[return-value]

    monkeypatch.setattr(store, "catalogue", promoted)
    report = pruned(store)
    assert (report.exit_code, report.error and report.error.code) == (1, "CHANGED")
    assert not small_registry.asked("DELETE")


@pytest.mark.parametrize("after", [0, 1, 2, 4, 6, 8])
def test_ended_half_way_and_run_again_it_ends_the_same(
    small_registry: SmallRegistry, opened: Opener, after: int
) -> None:
    store = opened(small_registry, retries=0)
    for number in range(4):
        image = make_image(store, f"v{number}", f"1.0.{number}")
        kept = {image.digest, sign(store, image).digest, attach(store, image, f"sbom {number}").digest}
    small_registry.fail(Fault("answer"), method="DELETE", at=after + 1)
    assert pruned(store).exit_code == 1
    assert pruned(opened(small_registry)).exit_code == 0
    repository = small_registry.store.repositories["acme/app"]
    assert repository.manifests.keys() == kept
    assert repository.tags.keys() == {"1.0.3", f"{image.digest.replace(':', '-')}.sig"}


def test_what_a_plan_costs(small_registry: SmallRegistry, opened: Opener) -> None:
    """The listing, a digest for each tag, and each manifest once; as many at once as `jobs` says."""
    writer, rules = opened(small_registry), Rules.of(DEFAULT_TEMPLATES, scheme=Scheme(), variants=("", "alpine"))
    for number in range(12):
        for variant in ("", "-alpine"):
            latest = variant.lstrip("-") or "latest"
            tags = (f"1.{number}.0{variant}", f"1.{number}{variant}", f"1{variant}", latest)
            sign(writer, make_image(writer, f"{number}{variant}", *tags))
    small_registry.requests.clear()
    small_registry.delay, small_registry.most_at_once = 0.002, 0
    report = pruned(opened(small_registry, jobs=4), Retention(Keep(minor=2), grace=86400.0), yes=False, rules=rules)
    assert report.pruned[0][1:3] == (60, 12)
    reads = [request.reference for request in small_registry.asked("GET", "manifests")]
    assert sorted(reads) == sorted({*(one for one in reads if DIGEST.fullmatch(one)), "tagger-policy"})
    assert len(reads) == 48 + 1
    assert len(small_registry.asked("HEAD", "manifests")) < 1.1 * 76
    assert len(small_registry.asked("GET", "blobs")) == 20  # of those that might go, the config: it says their age
    assert len(small_registry.asked("GET", "tags")) <= 3
    assert 2 <= small_registry.most_at_once <= 4


def test_a_registry_that_leaves_the_tags_of_an_image(small_registry: SmallRegistry, opened: Opener) -> None:
    store = opened(small_registry)
    make_image(store, "old", "1.0.0")
    make_image(store, "new", "1.0.1")
    small_registry.keeps_tags = True
    assert pruned(store).exit_code == 0
    assert standing(store).keys() == {"1.0.1"}


class TestRestore:
    def restored(self, store: TagStore, report: Report, tmp_path: Path, *, dry_run: bool = False) -> Report:
        file = tmp_path / "report.json"
        file.write_text(json.dumps(report_document(report)))
        return finished(restore((cast("PrunableStore", store),), read_report(file), dry_run=dry_run))

    @pytest.fixture(params=["distribution 2", "specification"])
    def kept_blobs(
        self,
        request: pytest.FixtureRequest,
        opened: Opener,
        open_registry: DockerRegistry,
        name: str,
        small_registry: SmallRegistry,
    ) -> TagStore:
        return opened(open_registry, name) if request.param == "distribution 2" else opened(small_registry, name)

    def test_all_comes_back(self, kept_blobs: TagStore, tmp_path: Path) -> None:
        store = kept_blobs
        old = make_index(store, "old", "1.0.0", "1.0.0-extra")
        make_index(store, "new", "1.0.1")
        sign(store, old)
        sbom = hang(store, old)
        before = standing(store)
        report = pruned(store)
        assert standing(store) != before
        assert self.restored(store, report, tmp_path, dry_run=True).changed
        assert self.restored(store, report, tmp_path).exit_code == 0
        assert standing(store) == before
        assert all(holds(store, one) for one in (*parts(old), sbom.digest))
        assert self.restored(store, report, tmp_path).repositories[0].status == "unchanged"

    def test_a_tag_that_was_set_since_stays(self, kept_blobs: TagStore, tmp_path: Path) -> None:
        store = kept_blobs
        make_image(store, "old", "1.0.0")
        make_image(store, "new", "1.0.1")
        report = pruned(store)
        other = make_image(store, "other", "1.0.0")
        back = self.restored(store, report, tmp_path)
        assert (back.exit_code, [change.action for change in back.repositories[0].changes]) == (0, ["hold"])
        assert standing(store)["1.0.0"] == other.digest

    def test_a_layout_keeps_nothing(self, tmp_path: Path) -> None:
        store = Layout(tmp_path / "store")
        make_image(store, "old", "1.0.0")
        make_image(store, "new", "1.0.1")
        back = self.restored(store, pruned(store), tmp_path)
        assert (back.exit_code, back.repositories[0].status) == (1, "failed")
        assert "push it again from where it was built" in (back.error.hint if back.error else "")

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"command": "release", "dry_run": false, "repositories": []}', '{"components": []}']
    )
    def test_no_report(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(InputError):
            read_report(tmp_path / "r.json")

    def test_a_plan_and_a_manifest_of_another_digest_are_refused(self, store: TagStore, tmp_path: Path) -> None:
        make_image(store, "old", "1.0.0")
        make_image(store, "new", "1.0.1")
        plans: Sequence[dict[str, object]] = [report_document(pruned(store, yes=False)), report_document(pruned(store))]
        plans[1]["pruned"][0]["deleted"][0]["content"] += " "  # type: ignore[index]
        for plan in plans:
            (tmp_path / "r.json").write_text(json.dumps(plan))
            with pytest.raises(InputError):
                read_report(tmp_path / "r.json")
