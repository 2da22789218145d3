"""`prune` from outside, by the command line: a plan, its approval, and the way back."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.concurrency import side_by_side
from tagger.images.layout import Layout
from tagger.images.registry import github_packages
from tagger.names import Repository
from tests.images.making import make_image, sign
from tests.integration.commands import Ran, images, tagger
from tests.pages.blocks import ROOT
from tests.servers.own_apis import GithubApi
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Request, SmallRegistry, Stored

KEEP = ("--keep", "major=1 minor=2 patch=1", "--grace", "0s")
VERSIONS = ("1.0.0", "2.0.0", "2.0.1", "2.1.0", "2.2.0")


def released(place: str, folder: Path, *options: str) -> None:
    layout = Layout(folder / "builds")
    for version in VERSIONS:
        make_image(layout, version, "build")
        source = ("--source", f"oci:{layout.path}:build")
        ran = tagger("release", *images(place), *source, "--version", version, *options)
        assert ran.code == 0, ran.err


def tags(ran: Ran, action: str) -> set[str]:
    return {one["tag"] for one in ran.document["repositories"][0]["changes"] if one["action"] == action}


def test_a_plan_its_approval_and_the_way_back(open_registry: DockerRegistry, name: str, tmp_path: Path) -> None:
    place = f"{open_registry.host}/{name}"
    released(place, tmp_path)
    plan = tagger("prune", place, *KEEP, "--json")
    assert (plan.code, plan.statuses, plan.document["dry_run"], plan.document["changed"]) == (
        0,
        ["planned"],
        True,
        True,
    )
    assert tags(plan, "remove") == {"1.0.0", "1.0", "1", "2.0.0", "2.0.1", "2.0"}
    assert tags(plan, "keep") == {"2.1.0", "2.1", "2.2.0", "2.2", "2", "latest"}
    plan_id = plan.document["plan_id"]
    assert plan_id in tagger("prune", place, *KEEP).out
    confirmed = ("--yes", "--force", "--plan-id", plan_id)
    wrong = tagger("prune", place, *KEEP, "--yes", "--force", "--plan-id", "0" * 16, "--json")
    assert (wrong.code, wrong.statuses, wrong.document["error"]["code"]) == (1, ["refused"], "CHANGED")
    done = tagger("prune", place, *KEEP, *confirmed, "--json")
    assert (done.code, done.statuses, done.document["plan_id"]) == (0, ["pruned"], plan_id)
    assert tags(done, "remove") == tags(plan, "remove")
    again = tagger("prune", place, *KEEP, "--yes", "--json")
    assert (again.code, again.statuses, again.document["changed"]) == (0, ["unchanged"], False)
    (tmp_path / "report.json").write_text(done.out)
    back = tagger("prune", place, "--restore", str(tmp_path / "report.json"), "--json")
    assert (back.code, tags(back, "create")) == (0, tags(plan, "remove"))
    listed = tagger("tags", place, "--json").document["repositories"][0]
    assert {one["version"] for one in listed["versions"]} == set(VERSIONS)
    assert not any(one["drifted"] for one in listed["floating"].values())


def test_at_github_with_the_token_of_the_workflow(
    small_registry: SmallRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_packages, "PACE", 0.0)
    with GithubApi(small_registry) as api:
        led = ("--endpoints", f"ghcr.io={small_registry.host}", "--endpoints", f"api.github.com={api.host}")
        place = "ghcr.io/acme/app"
        released(place, tmp_path, *led)
        environ = {"INPUT_GITHUB-TOKEN": api.token, "TAGGER_NOW": "2026-11-26T12:00:00Z"}
        done = tagger(
            "prune", place, "--keep", "major=1 minor=2", "--limit", "100%", "--yes", "--json", *led, environ=environ
        )
        assert (done.code, done.statuses) == (0, ["pruned"]), done.err
        assert small_registry.tags("acme/app").keys() == {"2.1.0", "2.1", "2.2.0", "2.2", "2", "latest"}
        assert api.token not in done.out + done.err
        (tmp_path / "report.json").write_text(done.out)
        back = tagger("prune", place, "--restore", str(tmp_path / "report.json"), "--json", *led, environ=environ)
        assert (back.code, api.paths("POST")[:1] != []) == (0, True)
        assert {"1.0.0", "2.0.0", "2.0.1", "1"} <= small_registry.tags("acme/app").keys()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--keep", "newest=3"), "major=3 minor=2"),
        (("--keep-tags", "pr-* older=3d"), "age=14d"),
        (("--grace", "a week"), "7d is seven days"),
        (("--limit", "most"), "0% to 100%"),
        (("--restore", "nothing.json"), "prune --yes --json"),
    ],
)
def test_what_cannot_be_meant(tmp_path: Path, options: tuple[str, ...], hint: str) -> None:
    make_image(Layout(tmp_path / "store"), "app", "1.0.0")
    ran = tagger("prune", f"oci:{tmp_path / 'store'}", *options)
    assert ran.code == 2
    assert hint in ran.err
    assert json.loads(tagger("prune", f"oci:{tmp_path / 'store'}", *options, "--json").out)["error"]["code"]


@pytest.mark.parametrize("after", [1, 4, 7])
def test_killed_and_run_again_it_ends_the_same(small_registry: SmallRegistry, after: int) -> None:
    """The process is gone in the middle of a deletion; what it left is planned anew."""
    repository = small_registry.store.repositories.setdefault("acme/app", Stored())
    with small_registry.client() as client:
        store = client.repository(Repository(small_registry.host, "acme/app"), write=True)
        for number in range(6):
            image = make_image(store, f"v{number}", f"1.0.{number}")
            kept = {image.digest, sign(store, image).digest}
    command = [sys.executable, "-Es", str(ROOT / "entrypoint.py"), "prune", f"{small_registry.host}/acme/app"]
    options = ["--keep", "patch=1", "--grace", "0s", "--yes", "--force", "--jobs", "2"]
    started = subprocess.Popen([*command, *options], env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deletions: list[Request] = []

    def watch(request: Request) -> None:
        if request.method == "DELETE":
            deletions.append(request)
            if len(deletions) == after:
                started.kill()

    small_registry.watch = watch
    assert started.wait() == -signal.SIGKILL
    small_registry.watch = lambda _request: None
    ran = tagger("prune", f"{small_registry.host}/acme/app", *options, "--json")
    assert (ran.code, ran.statuses) == (0, ["pruned"]), ran.err
    assert repository.manifests.keys() == kept
    assert len(repository.tags) == 2


def test_two_cleaners_at_once_end_where_one_would(small_registry: SmallRegistry) -> None:
    """ghcr-cleanup-action warns of it: here the second finds the repository changed, or nothing left to do."""
    with small_registry.client() as client:
        store = client.repository(Repository(small_registry.host, "acme/app"), write=True)
        for number in range(12):
            sign(store, make_image(store, f"v{number}", f"1.0.{number}"))
    place = f"{small_registry.host}/acme/app"
    options = ("prune", place, "--keep", "patch=1", "--grace", "0s", "--yes", "--force", "--json")
    ended = list(side_by_side(lambda _number: tagger(*options), range(2)))
    assert all(isinstance(ran, Ran) and ran.code in (0, 1) for _, ran in ended)
    assert tagger(*options).code == 0
    assert len(small_registry.tags("acme/app")) == 2
    assert len(small_registry.store.repositories["acme/app"].manifests) == 2


def test_one_repository_that_refuses_keeps_the_others(tmp_path: Path) -> None:
    for name, count in (("many", 10), ("few", 2)):
        for number in range(count):
            make_image(Layout(tmp_path / name), f"v{number}", f"{number}.0.0")
    options = ("--keep", "major=9", "--grace", "0s", "--yes", "--json")
    ran = tagger("prune", *images(f"oci:{tmp_path}/many", f"oci:{tmp_path}/few"), *options)
    assert (ran.code, ran.statuses) == (0, ["pruned", "unchanged"])
    stricter = ("--keep", "major=1", "--grace", "0s", "--yes", "--limit", "60%", "--json")
    ran = tagger("prune", *images(f"oci:{tmp_path}/many", f"oci:{tmp_path}/few"), *stricter)
    assert (ran.code, ran.statuses) == (1, ["refused", "unchanged"])
    assert len(set(Layout(tmp_path / "few").tags())) == 2
