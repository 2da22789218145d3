"""The connection breaks at each request of a verb: what the report says is what the registry holds."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.names import Repository
from tagger.operations.delete import Deletion, delete
from tagger.operations.push import Push, push
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report, Running
from tests.images.making import make_image
from tests.operations.running import RULES, Builds, finished, released
from tests.servers.small_registry import Fault, Request, SmallRegistry

NAME = "acme/app"
Verb = Callable[[Builds, TagStore], Running]


def pushing(builds: Builds, store: TagStore) -> Running:
    images = {tag: builds.source(text) for tag, text in (("edge", "new"), ("nightly", "new"), ("2.1.5", "other"))}
    return push(Push("app", images, RULES, (store,)))


def withdrawing(builds: Builds, store: TagStore, *, undo: bool = False, purge: bool = False) -> Running:
    return withdraw(Withdrawal("2.1.4", RULES, (store,), undo, purge))


def deleting(*names: str, everything: bool = False) -> Verb:
    def run(builds: Builds, store: TagStore) -> Running:
        return delete(Deletion(names, RULES, (store,), everything=everything, confirmed=True, force=True))

    return run


VERBS: Mapping[str, Verb] = {
    "push": pushing,
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


def prepared(registry: SmallRegistry, builds: Builds, verb: str) -> None:
    """Let a repository hold two versions and another tag."""
    with registry.client() as client:
        store = client.repository(Repository(registry.host, NAME), write=True)
        for version in ("2.1.3", "2.1.4"):
            assert released(builds, version, store).exit_code == 0
        make_image(store, "edge", "edge", "edge-too")
        if "undo" in verb:
            assert finished(withdrawing(builds, store)).exit_code == 0


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


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from there on"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("verb", "deletes_tags"), [(verb, way) for verb in VERBS for way in (True, False) if way or verb != "push"]
)
def test_the_report_is_true(verb: str, deletes_tags: bool, done: bool, lasts: bool, tmp_path: Path) -> None:
    builds, problems = Builds(tmp_path), []
    number = 0
    while True:
        number += 1
        with SmallRegistry(deletes_tags=deletes_tags) as registry:
            prepared(registry, builds, verb)
            before = registry.tags(NAME)
            cut = registry.watch = Cut(number, done=done, lasts=lasts)
            with registry.client(retries=0, timeout=5.0) as client:
                store = client.repository(Repository(registry.host, NAME), write=True)
                try:
                    report = finished(VERBS[verb](builds, store))
                except TaggerError:
                    assert registry.tags(NAME) == before, f"{verb} raised at request {number}, after it wrote"
                    continue
            after = registry.tags(NAME)
            problems += [f"request {number}: {problem}" for problem in dishonest(report, before, after)]
            if cut.seen < number:
                assert report.exit_code == 0
                break
    assert not problems, "\n".join(problems)
