"""A run that is killed while it deletes, at any write of its: run again, it ends as one that nobody disturbed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import cast

import pytest

from tagger.errors import InputError
from tagger.images.artifacts import REMOVAL
from tagger.images.stores import PrunableStore, TagStore
from tagger.names import Repository
from tagger.operations.delete import Deletion, delete
from tagger.operations.prune import Pruning, prune
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tagger.rules.retention import Keep, Retention
from tests.images.making import attach, make_image, make_index, sign
from tests.operations.running import RULES, finished
from tests.servers.http_server import Reply
from tests.servers.small_registry import Fault, Request, SmallRegistry

NAME = "acme/app"
Job = Callable[[TagStore], Report]
Content = tuple[dict[str, str], set[str]]


def pruned(store: TagStore, plan_id: str = "", *, yes: bool = True) -> Report:
    stores = (cast("PrunableStore", store),)
    return finished(prune(Pruning(RULES, stores, Retention(Keep(patch=1)), 0.0, 20, yes, True, plan_id)))


def deleted(*names: str, everything: bool = False) -> Job:
    return lambda store: finished(delete(Deletion(names, RULES, (store,), everything, confirmed=True, force=True)))


def purged(store: TagStore) -> Report:
    return finished(withdraw(Withdrawal("1.0.1", RULES, (store,), purge=True, confirmed=True)))


class Killed:
    """A registry whose client is gone at the write number `at`, which is `done` or not: nothing gets through after it.

    What counts is a request that writes a manifest, or deletes.
    """

    def __init__(self, registry: SmallRegistry, at: int, *, done: bool) -> None:
        self.registry, self.at, self.done = registry, at, done
        self.writes = 0
        registry.watch = self.watch

    def watch(self, request: Request) -> Fault | None:
        if self.writes >= self.at:
            return Fault("reset")
        if request.method == "DELETE" or (request.method == "PUT" and "/manifests/" in request.path):
            self.writes += 1
            if self.writes == self.at:
                return Fault("lost" if self.done else "reset")
        return None


def fill(registry: SmallRegistry) -> None:
    """Put three versions of several platforms there, each with what is attached to it, and one of one platform."""
    with registry.client() as client:
        store = client.repository(Repository(registry.host, NAME), write=True)
        for number in range(3):
            image = make_index(store, f"v{number}", f"1.0.{number}", platforms=("linux/amd64", "linux/arm64"))
            sign(store, image)
            attach(store, image, f"sbom {number}")
        make_image(store, "plain", "0.9.0", "0.9")


def content(registry: SmallRegistry) -> Content:
    repository = registry.store.repositories[NAME]
    return dict(repository.tags), set(repository.manifests)


HABITS: dict[str, dict[str, bool]] = {
    "of the specification": {},
    "no tags alone": {"deletes_tags": False},
    "no referrers API": {"referrers": False},
    "tags first": {"guards_named": True},
}
JOBS: dict[str, Job] = {
    "prune": pruned,
    "delete a tag": deleted("1.0.1"),
    "withdraw": purged,
    "delete all": deleted(everything=True),
}
CASES = [*(("prune", habit) for habit in HABITS), *((name, habit) for name in JOBS for habit in list(HABITS)[::3])]


@pytest.mark.parametrize(("name", "habit"), list(dict.fromkeys(CASES)))
def test_run_again_it_ends_the_same(small_registry: SmallRegistry, name: str, habit: str) -> None:
    registry = small_registry
    for attribute, value in HABITS[habit].items():
        setattr(registry, attribute, value)
    fill(registry)
    full = registry.store.repositories[NAME]

    def afresh() -> None:
        registry.watch = lambda _request: None
        copied = replace(full, manifests=dict(full.manifests), tags=dict(full.tags))
        registry.store.repositories[NAME] = copied

    def once() -> Report | None:
        # All may be gone, and nobody have heard of it.
        with registry.client(retries=0, jobs=1) as client, suppress(InputError):
            return JOBS[name](client.repository(Repository(registry.host, NAME), write=True))
        return None

    afresh()
    assert once()
    wanted = content(registry)
    assert not any(tag.startswith("tagger-") for tag in wanted[0])
    afresh()
    writes = Killed(registry, 99, done=False)
    once()
    assert 4 < writes.writes < 60
    for done, at in product((False, True), range(1, writes.writes + 1)):
        afresh()
        Killed(registry, at, done=done)
        once()
        registry.watch = lambda _request: None
        again = once()
        assert again is None or again.exit_code == 0, (at, done, again)
        tags, manifests = content(registry)
        assert tags == wanted[0], (at, done)
        # Where a tag has to go first, the record itself may stay, without a name.
        left = manifests ^ wanted[1]
        assert not left or (habit == "tags first" and left == records(registry)), (at, done)


def records(registry: SmallRegistry) -> set[str]:
    manifests = registry.store.repositories[NAME].manifests
    return {digest for digest, one in manifests.items() if REMOVAL in (one.document.get("annotations") or {})}


def test_the_same_plan_goes_on(small_registry: SmallRegistry) -> None:
    """A job that was told to delete just one plan is run again, and may finish that one."""
    fill(small_registry)
    repository = Repository(small_registry.host, NAME)

    def once(plan_id: str, *, yes: bool = True) -> Report:
        with small_registry.client(retries=0, jobs=1) as client:
            return pruned(client.repository(repository, write=True), plan_id, yes=yes)

    plan_id = once("", yes=False).plan_id
    Killed(small_registry, 5, done=True)
    assert once(plan_id).exit_code == 1
    small_registry.watch = lambda _request: None
    assert once("0" * 16).error
    assert "tagger-removal" in content(small_registry)[0]
    assert once(plan_id).exit_code == 0
    assert not {"tagger-removal", "1.0.0", "1.0.1"} & content(small_registry)[0].keys()


def test_another_removal_leaves_what_was_begun(small_registry: SmallRegistry) -> None:
    fill(small_registry)
    repository = Repository(small_registry.host, NAME)
    Killed(small_registry, 5, done=True)
    with small_registry.client(retries=0, jobs=1) as client:
        assert pruned(client.repository(repository, write=True)).exit_code == 1
    small_registry.watch = lambda _request: None
    begun = content(small_registry)[0]["tagger-removal"]
    with small_registry.client() as client:
        assert deleted("1.0.2")(client.repository(repository, write=True)).exit_code == 0
    assert content(small_registry)[0]["tagger-removal"] == begun
    with small_registry.client() as client:
        assert pruned(client.repository(repository, write=True)).exit_code == 0
    assert "tagger-removal" not in content(small_registry)[0]


def test_a_registry_that_deletes_nothing_gets_no_record(small_registry: SmallRegistry) -> None:
    fill(small_registry)
    small_registry.deletes = small_registry.deletes_tags = False
    before = content(small_registry)
    with small_registry.client() as client:
        report = pruned(client.repository(Repository(small_registry.host, NAME), write=True))
    assert (report.exit_code, report.error and report.error.code) == (1, "UNSUPPORTED")
    assert content(small_registry) == before


def test_a_record_that_cannot_be_written_is_a_warning(small_registry: SmallRegistry) -> None:
    fill(small_registry)
    refused = Fault("answer", Reply(403, body=b'{"errors": [{"code": "DENIED", "message": "this tag is reserved"}]}'))

    def watch(request: Request) -> Fault | None:
        return refused if request.method == "PUT" and "tagger-removal" in request.path else None

    small_registry.watch = watch
    with small_registry.client(retries=0) as client:
        report = pruned(client.repository(Repository(small_registry.host, NAME), write=True))
    assert report.exit_code == 0
    told = [one for one in report.warnings if one.code == "UNRECORDED"]
    assert len(told) == 1
    assert "this tag is reserved" in told[0].message
    assert not {"1.0.0", "1.0.1"} & content(small_registry)[0].keys()


def test_what_somebody_named_since_stays(small_registry: SmallRegistry) -> None:
    """What a killed run was about to delete has a new tag by now."""
    fill(small_registry)
    repository = Repository(small_registry.host, NAME)
    with small_registry.client() as client:
        index = client.repository(repository).manifest("1.0.1")
    Killed(small_registry, 5, done=True)
    with small_registry.client(retries=0, jobs=1) as client:
        assert deleted("1.0.1", "1.0.0")(client.repository(repository, write=True)).exit_code == 1
    small_registry.watch = lambda _request: None
    with small_registry.client() as client:
        store = client.repository(repository, write=True)
        standing = next(one.digest for one in index.children() if one.digest in content(small_registry)[1])
        store.tag(store.manifest(standing), ["production"])
    with small_registry.client() as client:
        assert deleted("1.0.1", "1.0.0")(client.repository(repository, write=True)).exit_code == 0
    tags, manifests = content(small_registry)
    assert tags["production"] == standing
    assert standing in manifests
    assert not {"tagger-removal", "1.0.0", "1.0.1"} & tags.keys()
