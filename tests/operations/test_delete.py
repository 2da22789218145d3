"""Deletion: only what was named goes, what hangs on it goes with it, and every other tag keeps its image."""

from pathlib import Path

import pytest

from tagger.errors import InputError, NotFound
from tagger.images.artifacts import lifted_artifact, policy_artifact, put_artifact
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.delete import Deletion, delete
from tagger.results import Event, Report
from tests.images.making import attach, make_image, make_index, put_manifest, sign
from tests.operations.running import RULES, Builds, actions, finished, released, standing
from tests.servers.distribution import distribution
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

FOUR = ("2.1.4", "2.1", "2", "latest")


def deleted(
    *names: str,
    stores: tuple[TagStore, ...],
    everything: bool = False,
    confirmed: bool = False,
    force: bool = False,
    dry_run: bool = False,
    events: list[Event] | None = None,
) -> Report:
    """Delete, and return the report."""
    job = Deletion(names, RULES, stores, everything=everything, confirmed=confirmed, force=force)
    return finished(delete(job, dry_run=dry_run), events)


def there(store: TagStore, digest: str) -> bool:
    """Say whether a manifest is in a repository."""
    try:
        store.manifest(digest)
    except NotFound:
        return False
    return True


def attached(store: TagStore, subject: Manifest, text: str = "bill") -> Manifest:
    """Attach an artifact, listed under the fallback's tag where there is no referrers API."""
    artifact = attach(store, subject, text)
    if not store.referrers(subject.digest):
        listing = {"manifests": [artifact.descriptor().to_json()]}
        put_manifest(store, OCI_INDEX, listing, [subject.digest.replace(":", "-")])
    return artifact


class TestTags:
    """`delete TAG…`."""

    def test_one_of_four_tags_leaves_three(self, store: TagStore) -> None:
        image = make_image(store, "app", "a", "b", "c", "d")
        report = deleted("b", stores=(store,))
        assert (report.exit_code, report.command) == (0, "delete")
        assert standing(store) == dict.fromkeys(("a", "c", "d"), image.digest)
        assert actions(report) == [("b", "remove"), ("a", "keep"), ("c", "keep"), ("d", "keep")]
        assert [outcome.status for outcome in report.repositories] == ["done"]

    def test_several_tags_of_several_images(self, store: TagStore) -> None:
        one, other = make_image(store, "one", "a", "b", "c"), make_image(store, "other", "d", "e")
        assert deleted("a", "b", "d", stores=(store,)).exit_code == 0
        assert standing(store) == {"c": one.digest, "e": other.digest}

    def test_an_image_goes_with_its_last_tag(self, store: TagStore) -> None:
        image, other = make_index(store, "one", "a", "b"), make_image(store, "other", "c")
        report = deleted("a", "b", stores=(store,))
        assert report.exit_code == 0
        assert "its image goes too" in report.repositories[0].changes[0].reason
        assert standing(store) == {"c": other.digest}
        for digest in (image.digest, *(child.digest for child in image.children())):
            assert not there(store, digest)

    def test_a_platform_that_another_image_needs_stays(self, store: TagStore) -> None:
        image = make_index(store, "app", "2.0.0-index", attestations=False)
        children = image.children()
        store.tag(store.manifest(children[0].digest), ["amd64"])
        half = {"manifests": [children[1].to_json()]}
        put_manifest(store, OCI_INDEX, half, ["half"])
        assert deleted("amd64", stores=(store,)).exit_code == 0
        assert there(store, children[0].digest)
        assert deleted("2.0.0-index", stores=(store,)).exit_code == 0
        assert [there(store, child.digest) for child in children] == [False, True]
        assert standing(store).keys() == {"half"}

    @pytest.mark.parametrize(
        ("name", "said"), [("latest", "belongs to 2.1.4"), ("2", "belongs to 2.1.4"), ("2.1.4", "owns 2.1, 2, latest")]
    )
    def test_what_is_in_force_wants_force(self, builds: Builds, store: TagStore, name: str, said: str) -> None:
        released(builds, "2.1.3", store)
        released(builds, "2.1.4", store)
        before = standing(store)
        report = deleted("2.1.3", name, stores=(store,))
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "IN_FORCE")
        assert said in report.error.message
        assert actions(report) == [(name, "refuse")]
        assert not report.changed
        assert standing(store) == before

    def test_force_deletes_it_and_says_what_is_adrift(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.1.3", store)
        released(builds, "2.1.4", store)
        events: list[Event] = []
        report = deleted("2.1.4", stores=(store,), force=True, events=events)
        assert report.exit_code == 0
        assert actions(report) == [("2.1.4", "remove"), ("2", "keep"), ("2.1", "keep"), ("latest", "keep")]
        assert standing(store).keys() == {"2.1.3", "2.1", "2", "latest"}
        assert [event.text.split()[0] for event in events if event.kind == "warning"] == ["2.1", "2", "latest"]

    def test_an_old_version_and_what_is_no_version_go_without_force(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.1.3", store)
        released(builds, "2.1.4", store)
        make_image(store, "night", "nightly")
        before = standing(store)
        report = deleted("2.1.3", "nightly", stores=(store,))
        assert report.error is not None
        assert (report.exit_code, report.error.code, standing(store)) == (2, "UNCONFIRMED", before)
        assert deleted("2.1.3", "nightly", stores=(store,), confirmed=True).exit_code == 0
        assert standing(store).keys() == set(FOUR)

    def test_force_is_as_good_as_yes_for_an_exact_tag(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.1.3", store)
        released(builds, "2.1.4", store)
        assert deleted("2.1.3", stores=(store,), force=True).exit_code == 0
        assert standing(store).keys() == set(FOUR)

    @pytest.mark.parametrize(
        ("tag", "way"),
        [
            ("withdrawn-2.1.3", "withdraw 2.1.3 --undo"),
            ("held-2.1.3", "approve 2.1.3"),
            ("tagger-policy", "policy unset"),
        ],
    )
    def test_a_mark_is_taken_back_in_another_way(self, builds: Builds, store: TagStore, tag: str, way: str) -> None:
        released(builds, "2.1.3", store)
        store.tag(store.manifest("2.1.3"), [tag])
        report = deleted(tag, stores=(store,), confirmed=True)
        assert report.error is not None
        assert (report.error.code, way in report.error.hint) == ("IN_FORCE", True)
        assert tag in standing(store)
        assert deleted(tag, stores=(store,), force=True).exit_code == 0
        assert tag not in standing(store)

    def test_a_dry_run_says_what_happens(self, store: TagStore) -> None:
        image = make_index(store, "app", "a", "b")
        sign(store, image)
        attach(store, image)
        make_image(store, "other", "c", "d")
        before = standing(store)
        planned = deleted("a", "b", "c", stores=(store,), dry_run=True)
        assert (planned.dry_run, planned.changed, standing(store)) == (True, True, before)
        done = deleted("a", "b", "c", stores=(store,))
        assert planned.repositories[0].changes == done.repositories[0].changes
        assert standing(store).keys() == {"d"}


class TestNames:
    """What is named must be there, and be a name."""

    @pytest.mark.parametrize("name", ["no such tag", "", "sha256:1234", "sha512:1234", "-x", "a" * 129])
    def test_what_is_no_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError):
            deleted("2.1.4", name, stores=(Layout(tmp_path / "a"),))

    def test_nothing_and_everything(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no tag and no digest to delete is named"):
            deleted(stores=(Layout(tmp_path / "a"),))
        with pytest.raises(InputError, match="contradict"):
            deleted("2.1.4", stores=(Layout(tmp_path / "a"),), everything=True)

    @pytest.mark.parametrize("absent", ["b", f"sha256:{'0' * 64}"])
    def test_a_name_that_no_repository_has(self, store: TagStore, absent: str) -> None:
        make_image(store, "app", "a")
        with pytest.raises(InputError, match=f"no repository has {absent}") as caught:
            deleted("a", absent, stores=(store,), confirmed=True)
        assert (caught.value.exit_code, caught.value.code) == (2, "MANIFEST_UNKNOWN")
        assert standing(store).keys() == {"a"}

    def test_a_name_that_one_repository_has(self, tmp_path: Path, store: TagStore) -> None:
        other = Layout(tmp_path / "other")
        make_image(store, "app", "a", "b")
        make_image(other, "app", "b")
        report = deleted("a", stores=(other, store))
        assert [outcome.status for outcome in report.repositories] == ["unchanged", "done"]
        assert standing(other).keys() == standing(store).keys() == {"b"}


class TestDigests:
    """`delete sha256:…` and `--all`."""

    def test_a_digest_lists_its_tags_and_wants_yes(self, builds: Builds, store: TagStore) -> None:
        released(builds, "2.1.3", store)
        released(builds, "2.1.4", store)
        digest = standing(store)["2.1.4"] or ""
        before = standing(store)
        report = deleted(digest, stores=(store,))
        assert report.error is not None
        assert (report.exit_code, report.error.code, report.changed) == (2, "UNCONFIRMED", False)
        assert report.error.title == "Not confirmed"
        assert actions(report) == [(tag, "refuse") for tag in sorted(FOUR)]
        assert [outcome.status for outcome in report.repositories] == ["refused"]
        assert standing(store) == before
        report = deleted(digest, stores=(store,), confirmed=True)
        assert (report.exit_code, actions(report)) == (0, [(tag, "remove") for tag in sorted(FOUR)])
        assert standing(store).keys() == {"2.1.3"}
        assert not there(store, digest)

    def test_an_image_without_a_tag(self, store: TagStore) -> None:
        image = make_image(store, "app", "a")
        artifact = attach(store, image)
        report = deleted(artifact.digest, stores=(store,), confirmed=True)
        assert actions(report) == [(artifact.digest, "remove")]
        assert not there(store, artifact.digest)
        assert standing(store)["a"] == image.digest

    def test_a_platform_of_an_image_that_stays_is_refused(self, store: TagStore) -> None:
        image = make_index(store, "app", "a")
        child = image.children()[0].digest
        store.tag(store.manifest(child), ["amd64"])
        report = deleted(child, stores=(store,), confirmed=True)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "DENIED")
        assert standing(store).keys() == {"a", "amd64"}
        assert there(store, child)

    def test_everything(self, builds: Builds, store: TagStore) -> None:
        for version in ("2.1.3", "2.1.4"):
            released(builds, version, store)
        image = make_index(store, "other", "nightly")
        sign(store, image)
        before = standing(store)
        report = deleted(stores=(store,), everything=True)
        assert (report.exit_code, report.changed, standing(store)) == (2, False, before)
        assert deleted(stores=(store,), everything=True, dry_run=True).exit_code == 0
        assert standing(store) == before
        report = deleted(stores=(store,), everything=True, confirmed=True)
        assert report.exit_code == 0
        assert {change.tag for change in report.repositories[0].changes} == before.keys()
        assert standing(store) == {}
        assert not any(there(store, digest or "") for digest in before.values())
        assert not deleted(stores=(store,), everything=True, confirmed=True).changed

    @pytest.mark.parametrize("deletes_tags", [True, False])
    def test_marks_and_the_policy_go_last(
        self, builds: Builds, small_registry: SmallRegistry, opened: Opener, deletes_tags: bool
    ) -> None:
        small_registry.deletes_tags = deletes_tags
        store = opened(small_registry)
        for version in ("2.1.3", "2.1.4"):
            released(builds, version, store)
        put_artifact(store, policy_artifact("{}"), ["tagger-policy"])
        put_artifact(store, lifted_artifact(), ["held-2.1.4", "withdrawn-2.1.3"])
        attach(store, store.manifest("2.1.4"))
        left: list[set[str]] = []

        def watch(_request: Request) -> None:
            left.append(set(small_registry.tags(store.place.partition("/")[2])))

        small_registry.watch = watch
        assert deleted(stores=(store,), everything=True, confirmed=True).exit_code == 0
        assert standing(store) == {}
        reserved = {"tagger-policy", "held-2.1.4", "withdrawn-2.1.3"}
        assert all(reserved <= tags for tags in left if tags - reserved - {"tagger-removal"})


class TestAttached:
    """Signatures and attestations belong to their image."""

    def test_they_stay_with_it_and_go_with_it(self, store: TagStore) -> None:
        image = make_index(store, "app", "a", "b")
        signature = sign(store, image)
        child = sign(store, store.manifest(image.children()[0].digest), "child", end=".att")
        bill = attached(store, image, "bill")
        signed_bill = attached(store, bill, "signed bill")
        everything = (image, signature, child, bill, signed_bill)
        assert deleted("a", stores=(store,)).exit_code == 0
        assert all(there(store, one.digest) for one in everything)
        report = deleted("b", stores=(store,))
        assert report.exit_code == 0
        assert standing(store) == {}
        assert not any(there(store, one.digest) for one in everything)
        reasons = {change.tag: change.reason for change in report.repositories[0].changes}
        assert reasons[f"{image.digest.replace(':', '-')}.sig"] == "attached to b"
        assert reasons[bill.digest] == "attached to b"

    def test_the_tag_fallback(self, small_registry: SmallRegistry, opened: Opener) -> None:
        small_registry.referrers = False
        store = opened(small_registry)
        image = make_image(store, "app", "a")
        bill = attached(store, image)
        assert deleted("a", stores=(store,)).exit_code == 0
        assert standing(store) == {}
        assert not there(store, bill.digest)

    def test_what_has_a_tag_of_its_own_stays(self, store: TagStore) -> None:
        image = make_image(store, "app", "a")
        bill = attach(store, image)
        store.tag(bill, ["bill"])
        assert deleted("a", stores=(store,)).exit_code == 0
        assert standing(store) == {"bill": bill.digest}


class TestRegistries:
    """What registries cannot do, and what they do wrong."""

    def test_where_deleting_is_off_nothing_changes(self, tmp_path: Path, name: str) -> None:
        with (
            distribution(tmp_path / "registry", delete=False) as registry,
            Registries(keychain=Keychain()) as client,
        ):
            store = client.repository(Repository(registry.host, name), write=True)
            image = make_image(store, "app", "a", "b", "c", "d")
            make_image(store, "other", "e")
            before = standing(store)
            asked = len(registry.requests())
            for names in (("a",), ("e",), ("a", "e"), ("a", "b", "c", "d")):
                report = deleted(*names, stores=(store,))
                assert report.error is not None
                assert (report.exit_code, report.error.code) == (1, "UNSUPPORTED")
                assert "REGISTRY_STORAGE_DELETE_ENABLED=true" in report.error.hint
                assert {action for _, action in actions(report)} <= {"refuse", "keep"}
                assert not report.changed
                assert standing(store) == before
            assert standing(store)["a"] == image.digest
            methods = {line.split()[0] for line in registry.requests()[asked:]}
            assert methods == {"GET", "HEAD", "DELETE"}

    @pytest.mark.parametrize(("host", "way"), [("ghcr.io", "gh api -X DELETE"), ("docker.io", "hub.docker.com")])
    def test_other_ways_are_named_before_anything_is_written(
        self, small_registry: SmallRegistry, host: str, way: str
    ) -> None:
        with small_registry.client(endpoints={host: small_registry.host}) as client:
            store = client.repository(Repository(host, "acme/app"), write=True)
            make_image(store, "app", "a", "b")
            asked = len(small_registry.requests)
            for dry_run in (True, False):
                report = deleted("a", stores=(store,), dry_run=dry_run)
                assert report.error is not None
                assert (report.exit_code, report.error.code) == (1, "UNSUPPORTED")
                assert way in report.error.hint
                assert "acme/app" in report.error.hint or "NAME" in report.error.hint
            assert len(small_registry.requests) == asked

    def test_one_that_cannot_stops_the_others(self, tmp_path: Path, small_registry: SmallRegistry) -> None:
        with small_registry.client(endpoints={"ghcr.io": small_registry.host}) as client:
            refusing, other = client.repository(Repository("ghcr.io", "acme/app"), write=True), Layout(tmp_path / "a")
            for store in (refusing, other):
                make_image(store, "app", "a", "b")
            report = deleted("a", stores=(refusing, other))
            assert [outcome.status for outcome in report.repositories] == ["failed", "unchanged"]
            assert standing(other).keys() == {"a", "b"}

    def test_a_registry_that_deletes_manifests_only(self, small_registry: SmallRegistry, opened: Opener) -> None:
        small_registry.deletes_tags = False
        store = opened(small_registry)
        image = make_image(store, "app", "a", "b", "c")
        small_registry.requests.clear()
        assert deleted("a", "b", stores=(store,)).exit_code == 0
        assert standing(store) == {"c": image.digest}
        asked = [request for request in small_registry.requests if request.method in ("PUT", "DELETE")]
        moved = next(place for place, request in enumerate(asked) if request.reference in ("a", "b") and place)
        # A manifest of its own was put and deleted before any tag was moved.
        own = [request.status for request in asked[:moved] if request.reference.startswith("sha256:")]
        assert own == [404, 201, 202]
        assert there(store, image.digest)
        assert set(small_registry.store.repositories["acme/app"].manifests) == {image.digest}

    def test_a_tag_that_is_taken_away_too_is_put_back(self, small_registry: SmallRegistry, opened: Opener) -> None:
        store = opened(small_registry)
        image = make_image(store, "app", "a", "b", "c")

        def greedy(request: Request) -> None:
            if request.method == "DELETE":
                held = small_registry.store.repositories["acme/app"].tags
                held.pop("b", None)

        small_registry.watch = greedy
        report = deleted("a", stores=(store,))
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "TAG_LOST")
        assert standing(store) == {"b": image.digest, "c": image.digest}

    def test_a_tag_that_cannot_be_deleted_after_all_is_put_back(
        self, small_registry: SmallRegistry, opened: Opener
    ) -> None:
        small_registry.deletes_tags = False
        store = opened(small_registry, retries=0)
        make_image(store, "app", "a", "b")
        before = standing(store)
        seen: list[Request] = []

        def failing(request: Request) -> Fault | None:
            seen.append(request)
            deletions = [one for one in seen if one.method == "DELETE" and one.reference.startswith("sha256:")]
            third = request.method == "DELETE" and len(deletions) >= 3
            return Fault("answer", Reply(403)) if third else None

        small_registry.watch = failing
        report = deleted("a", stores=(store,))
        assert report.exit_code == 1
        assert actions(report) == [("a", "refuse"), ("b", "keep")]
        assert standing(store) == before

    def test_what_is_damaged_can_be_deleted_and_is_in_nobodys_way(
        self, small_registry: SmallRegistry, opened: Opener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tagger.images.registry.repository.PAUSES", (0.0, 0.01))
        small_registry.referrers = False
        store = opened(small_registry)
        make_image(store, "app", "a")
        small_registry.put("acme/app", "damaged", Manifest(OCI_INDEX, b'{"manifests": [{}]}'))
        small_registry.put("acme/app", "no-json", Manifest(OCI_MANIFEST, b"\xff"))
        small_registry.put("acme/app", "lost", Manifest(OCI_MANIFEST, b"{}"))
        del small_registry.store.repositories["acme/app"].manifests[Manifest(OCI_MANIFEST, b"{}").digest]
        assert deleted("a", stores=(store,)).exit_code == 0
        assert small_registry.tags("acme/app").keys() == {"damaged", "no-json", "lost"}
        assert deleted("damaged", "no-json", stores=(store,)).exit_code == 0
        assert small_registry.tags("acme/app").keys() == {"lost"}

    def test_a_tag_that_stays_is_told(self, small_registry: SmallRegistry, opened: Opener) -> None:
        store = opened(small_registry)
        make_image(store, "app", "a", "b")
        small_registry.fail(Fault("answer", Reply(202)), method="DELETE")
        report = deleted("a", stores=(store,))
        assert report.error is not None
        assert (report.error.code, actions(report)[0]) == ("STILL_THERE", ("a", "refuse"))

    def test_an_immutable_tag_stays(self, small_registry: SmallRegistry, opened: Opener) -> None:
        store = opened(small_registry)
        make_image(store, "app", "a", "b")
        small_registry.immutable = lambda tag: tag == "a"
        report = deleted("a", stores=(store,))
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "TAG_IMMUTABLE")
        assert standing(store).keys() == {"a", "b"}
