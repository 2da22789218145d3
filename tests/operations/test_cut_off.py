"""The connection breaks at each request of a verb: what the report says is what the registry holds."""

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tagger.errors import TaggerError
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.approve import Approval, approve
from tagger.operations.delete import Deletion, delete
from tagger.operations.plain import PlainRelease, release_plain
from tagger.operations.policy import PolicyChange, policy
from tagger.operations.push import Push, push
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report, Running
from tagger.rules.policy import Said
from tagger.rules.terms import PolicyTerms
from tests.images.making import make_image
from tests.operations.running import RULES, Builds, finished, job, released
from tests.servers.small_registry import Fault, Request, SmallRegistry, Store

NAME = "acme/app"
TERMS = PolicyTerms({"stable": Said(("<3",), "--stable")})
Verb = Callable[[Builds, TagStore], Running]


def pushing(builds: Builds, store: TagStore) -> Running:
    images = {tag: builds.source(text) for tag, text in (("edge", "new"), ("nightly", "new"), ("2.1.5", "other"))}
    return push(Push("app", images, RULES, (store,)))


def withdrawing(builds: Builds, store: TagStore, *, undo: bool = False, purge: bool = False) -> Running:
    return withdraw(Withdrawal("2.1.4", RULES, (store,), undo, purge, confirmed=True))


def deleting(*names: str, everything: bool = False) -> Verb:
    def run(builds: Builds, store: TagStore) -> Running:
        return delete(Deletion(names, RULES, (store,), everything=everything, confirmed=True, force=True))

    return run


VERBS: Mapping[str, Verb] = {
    "push": pushing,
    "withdraw": withdrawing,
    "withdraw --undo": lambda builds, store: withdrawing(builds, store, undo=True),
    "withdraw --purge": lambda builds, store: withdrawing(builds, store, purge=True),
    "release": lambda builds, store: release(job(builds, "2.1.5", store)._replace(terms=TERMS)),
    "release, held": lambda builds, store: release(job(builds, "2.1.5", store)._replace(hold=True)),
    "release, plain": lambda builds, store: release_plain(
        PlainRelease(lambda _: ("edge", "nightly"), RULES, (store,), lambda: builds.source("new"))
    ),
    "reconcile": lambda _, store: reconcile(Reconciliation(RULES, (store,))),
    "reconcile --purge": lambda _, store: reconcile(Reconciliation(RULES, (store,), purge=True)),
    "approve": lambda _, store: approve(Approval("2.2.0", RULES, (store,))),
    "policy set": lambda _, store: policy(PolicyChange("set", TERMS, (store,), ("2.1.3",))),
    "policy unset": lambda _, store: policy(PolicyChange("unset", TERMS, (store,))),
    "delete tags": deleting("edge", "2.1.4"),
    "delete --all": deleting(everything=True),
}


class Cut:
    """Breaks a connection at request `number`, which is carried out or not, and each later one if it `lasts`."""

    def __init__(self, number: int, *, done: bool, lasts: bool) -> None:
        self.number, self.done, self.lasts = number, done, lasts
        self.seen = 0

    def __call__(self, _request: Request) -> Fault | None:
        self.seen += 1
        if self.seen == self.number:
            return Fault("lost" if self.done else "reset")
        return Fault("reset") if self.lasts and self.seen > self.number else None


def prepared(builds: Builds, verb: str) -> Store:
    """Return what a registry holds: two versions and another tag."""
    with SmallRegistry() as registry, registry.client() as client:
        store = client.repository(Repository(registry.host, NAME), write=True)
        for version in ("2.1.3", "2.1.4"):
            assert released(builds, version, store).exit_code == 0
        make_image(store, "edge", "edge", "edge-too")
        if "undo" in verb:
            assert finished(withdrawing(builds, store)).exit_code == 0
        if "reconcile" in verb:
            store.tag(store.manifest("2.1.3"), ["2", "latest", "1.0", "3.1"])
        if verb == "approve":
            store.tag(builds.source("2.2.0").stage(store, "2.2.0"), ["held-2.2.0"])
        if verb == "policy unset":
            assert finished(policy(PolicyChange("set", TERMS, (store,)))).exit_code == 0
        return registry.store


def report_of(running: Running) -> Report | None:
    """Return the report of an operation; None where it raises."""
    try:
        return finished(running)
    except TaggerError:
        return None


def dishonest(report: Report, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield what a report says that the registry does not, and what it does not say."""
    (outcome,) = report.repositories
    said = {change.tag: change for change in outcome.changes if not change.tag.startswith("sha256:")}
    for change in said.values():
        if change.known and change.after != after.get(change.tag):
            yield f"{change.action} {change.tag}: {change.reason}: it says {change.after}, not {after.get(change.tag)}"
    for tag in before.keys() | after.keys():
        if before.get(tag) != after.get(tag):
            if tag not in said:
                yield f"{tag} was written, and is not in the report"
            elif said[tag].known and not said[tag].writes and said[tag].after == said[tag].before:
                yield f"{tag} was written, and the report says {said[tag].action}"
            elif outcome.status in ("failed", "refused", "unchanged"):
                yield f"{tag} was written, and the report says {outcome.status}"


ONLY_MANIFESTS = ("delete tags", "withdraw --undo", "withdraw --purge")
CASES = [(verb, True) for verb in VERBS] + [(verb, False) for verb in ONLY_MANIFESTS]


@pytest.mark.parametrize(("done", "lasts"), [(False, False), (True, True)], ids=["a request", "all after an answer"])
@pytest.mark.parametrize(("verb", "deletes_tags"), CASES)
def test_the_report_is_true(verb: str, deletes_tags: bool, done: bool, lasts: bool, tmp_path: Path) -> None:
    builds, problems = Builds(tmp_path), []
    held = prepared(builds, verb)
    number = 0
    while True:
        number += 1
        with SmallRegistry(deletes_tags=deletes_tags, store=copy.deepcopy(held)) as registry:
            before = registry.tags(NAME)
            cut = registry.watch = Cut(number, done=done, lasts=lasts)
            with registry.client(retries=0, timeout=5.0) as client:
                store = client.repository(Repository(registry.host, NAME), write=True)
                report = report_of(VERBS[verb](builds, store))
                if report is None:
                    assert registry.tags(NAME) == before, f"{verb} raised at request {number}, after it wrote"
                    continue
            after = registry.tags(NAME)
            problems += [f"request {number}: {problem}" for problem in dishonest(report, before, after)]
            if cut.seen < number:
                assert report.exit_code == 0
                break
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("verb", VERBS)
def test_the_report_of_a_run_that_is_stopped_is_true(verb: str, tmp_path: Path) -> None:
    """A signal lets a run end: what it asks of the registry from then on is refused, and so is reading what stands."""
    builds, problems = Builds(tmp_path), []
    held = prepared(builds, verb)
    for number in range(1, 200, 2):
        with SmallRegistry(store=copy.deepcopy(held)) as registry:
            before = registry.tags(NAME)
            seen: list[Request] = []
            with registry.client(retries=0, timeout=5.0) as client:

                def stop(
                    request: Request, number: int = number, seen: list[Request] = seen, client: Registries = client
                ) -> None:
                    seen.append(request)
                    if len(seen) == number:
                        threading.Thread(target=client.close, daemon=True).start()

                registry.watch = stop
                store = client.repository(Repository(registry.host, NAME), write=True)
                report = report_of(VERBS[verb](builds, store))
                if report is None:
                    assert registry.tags(NAME) == before, f"{verb} raised at request {number}, after it wrote"
                    continue
            problems += [f"request {number}: {problem}" for problem in dishonest(report, before, registry.tags(NAME))]
            if len(seen) < number:
                break
    assert not problems, "\n".join(problems)
