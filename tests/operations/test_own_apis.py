"""Deleting at GHCR by GitHub's Packages API, and at Docker Hub by its API: against fakes that answer as they do."""

import json
import time
from collections.abc import Iterator
from typing import cast

import pytest

from tagger.errors import TaggerError
from tagger.images.artifacts import LIFTED_DIGEST
from tagger.images.registry import github_packages
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.repository import RegistryRepository
from tagger.images.stores import PrunableStore
from tagger.names import Repository
from tagger.operations.delete import Deletion, delete
from tagger.operations.prune import Pruning, prune
from tagger.operations.restore import Deleted, restore
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tagger.rules.retention import Keep, Retention
from tests.images.making import make_image, make_index, sign
from tests.operations.running import RULES, finished, standing
from tests.servers.http_server import Reply
from tests.servers.own_apis import DOWNLOADED, SECONDARY, GithubApi, HubApi
from tests.servers.small_registry import Fault, SmallRegistry

DAY = 86400.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_packages, "PACE", 0.0)
    monkeypatch.setattr(github_packages, "SETTLING", (0.01, 0.02))


@pytest.fixture
def github(small_registry: SmallRegistry) -> Iterator[GithubApi]:
    with GithubApi(small_registry) as api:
        yield api


@pytest.fixture
def ghcr(github: GithubApi) -> Iterator[RegistryRepository]:
    registry = github.registry
    endpoints = {"ghcr.io": registry.host, "api.github.com": github.host}
    with registry.client(endpoints=endpoints, keychain=Keychain(logins=[("ghcr.io", "x", github.token)])) as client:
        yield client.repository(Repository("ghcr.io", "acme/app/web"), write=True)


@pytest.fixture
def hub_api(small_registry: SmallRegistry) -> Iterator[HubApi]:
    with HubApi(small_registry) as api:
        yield api


@pytest.fixture
def hub(hub_api: HubApi) -> Iterator[RegistryRepository]:
    registry = hub_api.registry
    endpoints = {"docker.io": registry.host, "hub.docker.com": hub_api.host}
    with registry.client(
        endpoints=endpoints, keychain=Keychain(logins=[("docker.io", hub_api.user, hub_api.secret)])
    ) as client:
        yield client.repository(Repository("docker.io", "acme/app"), write=True)


def deleted(store: RegistryRepository, *names: str, everything: bool = False) -> Report:
    job = Deletion(names, RULES, (store,), everything=everything, confirmed=True, force=True)
    return finished(delete(job))


def pruned(store: RegistryRepository, now: float) -> Report:
    retention = Retention(Keep(patch=1), grace=7 * DAY)
    stores = (cast("PrunableStore", store),)
    return finished(prune(Pruning(RULES, stores, retention, now, confirmed=True, force=True)))


def error_of(report: Report) -> TaggerError:
    assert report.error is not None
    return report.error


class TestGhcr:
    def test_a_tag_goes_alone(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_image(ghcr, "app", "2.1.4", "2.1", "nightly")
        assert deleted(ghcr, "nightly").exit_code == 0
        assert standing(ghcr) == {"2.1.4": image.digest, "2.1": image.digest}
        assert (
            len(github.registry.store.repositories["acme/app/web"].manifests) == 1
        )  # what the tag was moved to is gone
        assert all("/orgs/acme/packages/container/app%2Fweb/versions/" in path for path in github.paths("DELETE"))

    def test_of_a_person(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        github.kind = "User"
        make_image(ghcr, "app", "2.1.4", "nightly")
        assert deleted(ghcr, "nightly").exit_code == 0
        assert all(path.startswith("/users/acme/packages/") for path in github.paths("DELETE"))

    def test_a_digest_with_its_tags_and_children(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_index(ghcr, "app", "2.1.3", "old")
        make_image(ghcr, "new", "2.1.4")
        sign(ghcr, image)
        assert deleted(ghcr, image.digest).exit_code == 0
        assert standing(ghcr).keys() == {"2.1.4"}
        assert len(github.registry.store.repositories["acme/app/web"].manifests) == 1

    def test_headers(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        make_image(ghcr, "app", "2.1.4", "nightly")
        deleted(ghcr, "nightly")
        assert {one.headers["X-GitHub-Api-Version"] for one in github.asked} == {"2022-11-28"}
        assert {one.headers["Accept"] for one in github.asked} == {"application/vnd.github+json"}
        assert all(one.headers["User-Agent"] for one in github.asked)

    def test_a_listing_that_lags_is_read_again(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_image(ghcr, "app", "2.1.4", "nightly")
        github.lag = 2
        assert deleted(ghcr, "nightly").exit_code == 0
        assert standing(ghcr) == {"2.1.4": image.digest}

    def test_one_that_stays_behind_leaves_the_tag_as_it_was(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_image(ghcr, "app", "2.1.4", "nightly")
        github.lag = 99
        report = deleted(ghcr, "nightly")
        assert report.exit_code == 1
        assert standing(ghcr) == {"2.1.4": image.digest, "nightly": image.digest}

    def test_what_fails_after_the_tag_was_moved_is_put_back(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_image(ghcr, "app", "2.1.4", "nightly")
        github.planned = [Reply(204), *(Reply(400, body=b'{"message": "no"}') for _ in range(3))]
        report = deleted(ghcr, "nightly")
        assert report.exit_code == 1
        assert standing(ghcr) == {"2.1.4": image.digest, "nightly": image.digest}

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (Reply(404, body=b'{"message": "Package not found."}'), "the role Admin"),
            (Reply(403, body=b'{"message": "Resource not accessible by integration"}'), "packages: write"),
            (Reply(400, body=json.dumps({"message": DOWNLOADED}).encode()), "Make the package private"),
        ],
    )
    def test_each_refusal_has_its_remedy(
        self, ghcr: RegistryRepository, github: GithubApi, reply: Reply, words: str
    ) -> None:
        image = make_image(ghcr, "old", "2.1.3")
        make_image(ghcr, "new", "2.1.4")
        github.planned = [reply] * 9
        report = deleted(ghcr, image.digest)
        assert report.exit_code == 1
        assert words in error_of(report).hint
        assert standing(ghcr).keys() == {"2.1.3", "2.1.4"}

    def test_the_last_tagged_version_stays(self, ghcr: RegistryRepository) -> None:
        make_image(ghcr, "app", "2.1.4")
        report = deleted(ghcr, "2.1.4")
        assert report.exit_code == 1
        assert standing(ghcr).keys() == {"2.1.4"}
        assert "`delete --all --yes`" in error_of(report).hint

    @pytest.mark.parametrize("kind", ["Organization", "User"])
    def test_everything_goes_with_the_package(self, ghcr: RegistryRepository, github: GithubApi, kind: str) -> None:
        github.kind = kind
        make_index(ghcr, "old", "2.1.3", "old")
        make_image(ghcr, "app", "2.1.4", "latest")
        report = deleted(ghcr, everything=True)
        assert (report.exit_code, report.repositories[0].status) == (0, "done")
        assert {change.tag for change in report.repositories[0].changes} == {"2.1.3", "old", "2.1.4", "latest"}
        root = "orgs" if kind == "Organization" else "users"
        assert github.paths("DELETE") == [f"/{root}/acme/packages/container/app%2Fweb"]
        assert "acme/app/web" not in github.registry.store.repositories

    @pytest.mark.parametrize("wrong", ["right", "downloads"])
    def test_a_package_that_stays_loses_nothing(self, ghcr: RegistryRepository, github: GithubApi, wrong: str) -> None:
        image = make_image(ghcr, "app", "2.1.4", "latest")
        github.may_delete, github.downloaded = wrong != "right", {image.digest} if wrong == "downloads" else set()
        report = deleted(ghcr, everything=True)
        assert (report.exit_code, report.repositories[0].status) == (1, "failed")
        assert standing(ghcr).keys() == {"2.1.4", "latest"}
        words = {"right": "the role Admin", "downloads": "Make the package private"}
        assert words[wrong] in error_of(report).hint

    def test_a_wrong_token_is_told_before_anything_is_moved(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        make_image(ghcr, "app", "2.1.4", "nightly")
        github.token = "another"
        report = deleted(ghcr, "nightly")
        assert (report.exit_code, error_of(report).code) == (1, "UNAUTHORIZED")
        assert standing(ghcr).keys() == {"2.1.4", "nightly"}
        assert "did not accept the token" in error_of(report).hint
        assert "ghs_right" not in f"{error_of(report).message} {error_of(report).hint}"

    def test_limits_are_waited_for(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        make_image(ghcr, "app", "2.1.4", "nightly")
        said = json.dumps({"message": SECONDARY}).encode()
        github.planned = [Reply(403, [("Retry-After", "0")], said)]
        assert deleted(ghcr, "nightly").exit_code == 0
        assert standing(ghcr).keys() == {"2.1.4"}

    def test_a_limit_of_an_hour_ends_the_run(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        image = make_image(ghcr, "old", "2.1.3")
        make_image(ghcr, "new", "2.1.4")
        reset = ("x-ratelimit-reset", str(int(time.time()) + 3000))
        github.planned = [
            Reply(403, [("x-ratelimit-remaining", "0"), reset], b'{"message": "API rate limit exceeded"}')
        ]
        assert deleted(ghcr, image.digest).exit_code == 1

    def test_a_tag_that_was_moved_says_what_it_held(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        """A run that is killed before the second deletion leaves the tag there."""
        image = make_image(ghcr, "app", "2.1.4", "nightly")
        github.planned = [Reply(204), *(Reply(500) for _ in range(9))]
        github.registry.fail(Fault("reset"), method="PUT", kind="manifests", reference="nightly", at=2, times=9)
        assert deleted(ghcr, "nightly").exit_code == 1
        left = github.registry.store.repositories["acme/app/web"]
        annotations = left.manifests[left.tags["nightly"]].document["annotations"]
        assert json.loads(annotations["dev.tagger.before"]) == {"nightly": image.digest}

    def test_withdraw_purge(self, ghcr: RegistryRepository) -> None:
        make_image(ghcr, "old", "2.1.3")
        make_image(ghcr, "new", "2.1.4", "2.1", "2", "latest")
        job = Withdrawal("2.1.4", RULES, (ghcr,), purge=True, confirmed=True)
        assert finished(withdraw(job)).exit_code == 0
        tags = standing(ghcr)
        assert tags.keys() == {"2.1.3", "2.1", "2", "latest", "withdrawn-2.1.4"}
        assert {tags[tag] for tag in ("2.1", "2", "latest")} == {tags["2.1.3"]}

    def test_prune_by_when_it_was_pushed_and_with_what_no_tag_names(
        self, ghcr: RegistryRepository, github: GithubApi
    ) -> None:
        github.per_page = 3
        old, new = make_index(ghcr, "old", "1.0.0"), make_index(ghcr, "new", "1.0.2")
        young = make_image(ghcr, "young", "1.0.1")
        left, building = make_image(ghcr, "left over"), make_image(ghcr, "of a release that runs")
        github.ages = {young.digest: 1.0, building.digest: 0.001}
        sign(ghcr, old)
        report = pruned(ghcr, github.now)
        assert report.exit_code == 0
        assert standing(ghcr).keys() == {"1.0.1", "1.0.2"}
        manifests = github.registry.store.repositories["acme/app/web"].manifests.keys()
        assert manifests == {new.digest, *(one.digest for one in new.children()), young.digest, building.digest}
        assert left.digest not in manifests
        assert pruned(ghcr, github.now).repositories[0].status == "unchanged"

    def test_restore(self, ghcr: RegistryRepository, github: GithubApi) -> None:
        old = make_index(ghcr, "old", "1.0.0")
        make_image(ghcr, "new", "1.0.1")
        before, everything = standing(ghcr), set(github.registry.store.repositories["acme/app/web"].manifests)
        report = pruned(ghcr, github.now)
        assert standing(ghcr).keys() == {"1.0.1"}
        gone = Deleted({"1.0.0": old.digest}, [(digest, None) for digest, _, _ in report.pruned[0].manifests])
        back = finished(restore((cast("PrunableStore", ghcr),), {ghcr.place: gone}))
        assert (back.exit_code, standing(ghcr)) == (0, before)
        assert set(github.registry.store.repositories["acme/app/web"].manifests) == everything

    def test_without_a_token_nothing_is_asked(self, github: GithubApi) -> None:
        endpoints = {"ghcr.io": github.registry.host, "api.github.com": github.host}
        with github.registry.client(endpoints=endpoints) as client:
            store = client.repository(Repository("ghcr.io", "acme/app/web"), write=True)
            make_image(store, "app", "2.1.4", "nightly")
            report = deleted(store, "nightly")
            assert (report.exit_code, error_of(report).code) == (1, "UNSUPPORTED")
            assert "github-token" in error_of(report).hint
        assert not github.asked

    def test_deletions_keep_their_pace(
        self, ghcr: RegistryRepository, github: GithubApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(github_packages, "PACE", 0.1)
        for number in range(5):
            make_image(ghcr, f"v{number}", f"1.0.{number}")
        assert pruned(ghcr, github.now).exit_code == 0
        moments = sorted(one.at for one in github.asked if one.method == "DELETE")
        assert len(moments) == 4
        assert moments[-1] - moments[0] > 0.25  # of 0.3: when they come in is not when they were sent

    def test_where_github_is(self, github: GithubApi) -> None:
        """Inside of Actions GITHUB_API_URL says it, with a path at a GitHub Enterprise Server."""
        github.prefix = "/api/v3"
        options = {
            "endpoints": {"ghcr.io": github.registry.host},
            "keychain": Keychain(logins=[("ghcr.io", "x", github.token)]),
            "github_api": f"http://{github.host}/api/v3",
        }
        with github.registry.client(**options) as client:
            store = client.repository(Repository("ghcr.io", "acme/app/web"), write=True)
            make_image(store, "app", "2.1.4", "nightly")
            assert deleted(store, "nightly").exit_code == 0


def lifted_mark(store: RegistryRepository) -> str | None:
    """Withdraw the newest version and undo that; return what its mark holds then."""
    make_image(store, "old", "2.1.3")
    image = make_image(store, "new", "2.1.4", "latest")
    assert finished(withdraw(Withdrawal("2.1.4", RULES, (store,)))).exit_code == 0
    report = finished(withdraw(Withdrawal("2.1.4", RULES, (store,), undo=True)))
    assert (report.exit_code, report.error) == (0, None)
    tags = standing(store)
    assert tags["latest"] == image.digest
    return tags.get("withdrawn-2.1.4")


class TestMarksAreLiftedWhateverTheApiAnswers:
    @pytest.mark.parametrize("wrong", ["nothing", "token", "rights", "fault", "downloads", "unreachable"])
    def test_ghcr(self, ghcr: RegistryRepository, github: GithubApi, wrong: str) -> None:
        github.token = "another" if wrong == "token" else github.token
        github.may_delete = wrong != "rights"
        github.planned = {
            "fault": [Reply(500)] * 9,
            "downloads": [Reply(400, body=json.dumps({"message": DOWNLOADED}).encode())] * 9,
        }.get(wrong, [])
        if wrong == "unreachable":
            github.__exit__(None, None, None)
        assert lifted_mark(ghcr) == (None if wrong == "nothing" else LIFTED_DIGEST)

    @pytest.mark.parametrize("wrong", ["nothing", "secret", "scope", "fault"])
    def test_docker_hub(self, hub: RegistryRepository, hub_api: HubApi, wrong: str) -> None:
        if wrong in ("secret", "scope"):
            setattr(hub_api, wrong, "another")
        hub_api.planned = [Reply(500)] * 9 if wrong == "fault" else []
        assert lifted_mark(hub) == (None if wrong == "nothing" else LIFTED_DIGEST)


class TestDockerHub:
    def test_a_tag_goes_alone(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        image = make_image(hub, "app", "2.1.4", "nightly")
        assert deleted(hub, "nightly").exit_code == 0
        assert standing(hub) == {"2.1.4": image.digest}
        assert hub_api.paths("DELETE") == ["/v2/repositories/acme/app/tags/nightly/"]
        assert hub_api.paths("POST") == ["/v2/auth/token"]

    def test_an_image_goes_by_its_tags_and_then_by_the_registry(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        old = make_index(hub, "old", "2.1.3", "old")
        make_image(hub, "new", "2.1.4")
        assert deleted(hub, old.digest).exit_code == 0
        assert standing(hub).keys() == {"2.1.4"}
        assert len(hub_api.registry.store.repositories["acme/app"].manifests) == 1

    def test_an_answer_500_is_asked_again(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        """docker/docs 22921: Hub answers 500, and deletes all the same."""
        old = make_image(hub, "old", "2.1.3")
        make_image(hub, "new", "2.1.4")
        hub_api.registry.fail(Fault("answer", done=True), method="DELETE", kind="manifests")
        assert deleted(hub, old.digest).exit_code == 0
        assert standing(hub).keys() == {"2.1.4"}

    def test_the_limit_names_a_moment(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        make_image(hub, "app", "2.1.4", "nightly")
        assert deleted(hub, "nightly").exit_code == 0
        make_image(hub, "app", "nightly")
        hub_api.planned = [Reply(429, [("X-Retry-After", str(int(time.time())))], b"{}")]
        assert deleted(hub, "nightly").exit_code == 0

    def test_an_immutable_tag(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        make_image(hub, "app", "2.1.4", "nightly")
        assert deleted(hub, "nightly").exit_code == 0
        make_image(hub, "app", "nightly")
        hub_api.planned = [Reply(403, body=b'{"message": "tag nightly is immutable and cannot be deleted"}')]
        report = deleted(hub, "nightly")
        assert (report.exit_code, error_of(report).code) == (1, "TAG_IMMUTABLE")
        assert "rule of immutable tags" in error_of(report).hint

    def test_prune(self, hub: RegistryRepository, hub_api: HubApi) -> None:
        hub_api.page_size = 2
        for number in range(4):
            make_index(hub, f"v{number}", f"1.0.{number}")
        hub_api.ages = {"1.0.0": 2.0}
        assert pruned(hub, hub_api.now).exit_code == 0
        assert standing(hub).keys() == {"1.0.0", "1.0.3"}
        assert len(hub_api.registry.store.repositories["acme/app"].manifests) == 10

    @pytest.mark.parametrize("wrong", ["secret", "scope"])
    def test_a_login_that_may_not(self, hub: RegistryRepository, hub_api: HubApi, wrong: str) -> None:
        make_image(hub, "app", "2.1.4", "nightly")
        setattr(hub_api, wrong, "another")
        report = deleted(hub, "nightly")
        assert report.exit_code == 1
        assert "Read, Write, Delete" in error_of(report).hint
        assert standing(hub).keys() == {"2.1.4", "nightly"}
        assert "right" not in error_of(report).message
