"""Concurrent runs end where the rule says: every interleaving of two, killed runs, listings that lag, three runs."""

import random
from collections.abc import Sequence

import pytest

from tagger.images.stores import TagStore
from tagger.results import Report
from tests.races.model import ModelStore, Program, Tags, carried_out, made
from tests.races.scenarios import (
    FEW,
    RULES,
    Scenario,
    counted,
    faults,
    releases,
    standing,
    three_runs,
    two_pushes,
    two_runs,
)
from tests.races.states import Run, State, killed, kills, pairs, policies, triples, untold, wrong_ends


def named(scenario: Scenario) -> str:
    return scenario.name


@pytest.mark.parametrize("scenario", list(two_runs(FEW)), ids=named)
def test_two_runs(scenario: Scenario) -> None:
    """Whoever writes last lists after it, and sees every version that was pushed before."""
    found = counted(scenario)
    assert found.explored.states > 10
    assert (found.wrong, found.example) == (0, None)


@pytest.mark.parametrize("scenario", list(two_pushes(FEW)), ids=named)
def test_two_runs_of_which_one_releases_an_image_of_an_engine(scenario: Scenario) -> None:
    found = counted(scenario)
    assert found.explored.states > 10
    assert (found.wrong, found.example) == (0, None)


@pytest.mark.parametrize("scenario", list(faults(FEW)), ids=named)
def test_one_reconcile_mends_what_a_killed_run_and_a_lagging_listing_leave(scenario: Scenario) -> None:
    found = counted(scenario)
    assert found.wrong  # else the model would show nothing
    assert found.left == 0


def test_two_builds_of_one_version_are_never_mixed() -> None:
    """One holds every tag, and the other run exits 1.

    Both exit 0 where one was done between the other's last look at the exact tag and its write: a registry without
    compare-and-swap can tell neither. An immutability rule of the registry makes that impossible.
    """
    (scenario,) = (one for one in two_runs(FEW) if one.name == "two builds of one version")
    found = counted(scenario)
    assert found.wrong == 0
    assert set(found.exits) == {(0, 1), (1, 0), (0, 0)}
    assert found.exits[0, 0] * 10 < found.explored.interleavings


@pytest.mark.parametrize("scenario", list(three_runs(FEW))[1:3], ids=named)
def test_three_runs(scenario: Scenario) -> None:
    assert counted(scenario).wrong == 0


@pytest.mark.parametrize("scenario", list(three_runs(RULES, 500)), ids=named)
def test_a_sample_of_three_runs_with_the_default_tags(scenario: Scenario) -> None:
    assert counted(scenario, seed=7).wrong == 0


def test_a_sample_of_pairs_of_runs_from_every_small_state() -> None:
    """`make model` explores all 5,148 of them."""
    some = random.Random(7).sample(list(pairs()), 40)
    assert [wrong for state, runs in some for wrong in wrong_ends(state, runs)] == []


def test_a_sample_of_runs_beside_a_change_of_the_policy() -> None:
    """Whatever is wrong in the end, one of the runs says it, and `reconcile` puts it right."""
    some = random.Random(7).sample([given for given in policies() if len(given[1]) == 2], 12)
    some.append((State((1,), (), 1, policy=True), (("unset", 0), ("release", 3))))  # once ended wrong
    assert [wrong for given in some for wrong in untold(given)] == []


def test_a_sample_of_killed_runs_from_every_small_state() -> None:
    """The next run mends or names what a killed one left, and `reconcile` puts it right."""
    some = random.Random(7).sample(list(kills()), 40)
    assert [wrong for given in some for wrong in killed(given)] == []


def test_a_sample_of_three_runs_from_a_few_states() -> None:
    some = random.Random(7).sample(list(triples()), 20)
    assert [wrong for state, runs in some for wrong in wrong_ends(state, runs, sample=50)] == []


@pytest.mark.parametrize(
    ("state", "runs"),
    [
        (State((1, 2), (("withdrawn", 1),), 2), (("undo", 1), ("withdraw", 2))),
        (State((1,), (), 0), (("withdraw", 1), ("reconcile", 0))),
        (State((1, 2, 3), (("withdrawn", 1),), 3), (("release", 4), ("hold", 4))),
    ],
    ids=str,
)
def test_pairs_of_runs_that_once_ended_wrong(state: State, runs: tuple[Run, ...]) -> None:
    assert list(wrong_ends(state, runs)) == []


def test_the_model_finds_what_goes_wrong_without_a_second_look() -> None:
    """A run that lists, decides and writes once, as other tools do, is caught."""

    def pushes(version: str) -> Program:
        def run(store: TagStore) -> Report:
            image = made(version)
            store.tag(image, [version])
            newest = max((tag for tag in store.tags() if tag[0].isdigit()), key=lambda tag: tag.split("."))
            store.tag(image if newest == version else store.manifest(newest), ["latest"])
            return Report("release")

        return run

    found = counted(Scenario("check, then act", standing("2.1.3", rules=FEW), (pushes("2.1.4"), pushes("2.2.0")), FEW))
    assert 0 < found.wrong == found.silent < found.explored.interleavings
    assert found.left == 0


def test_a_run_against_somebody_who_moves_the_tags_back_says_so() -> None:
    class Contested(ModelStore):
        """A repository in which somebody takes `latest` away after each write."""

        def __init__(self, tags: Tags) -> None:
            super().__init__(())
            self.tags_now = tags

        def _ask(self, *requests: tuple[str, str, str]) -> Sequence[object]:
            answers = []
            for request in requests:
                if request[:2] != ("write", "latest"):
                    self.tags_now, answer = carried_out(self.tags_now, request)
                    answers.append(answer)
            return answers or [True]

    report = releases("2.1.4")(Contested(standing("2.1.3")))
    assert (report.exit_code, report.repositories[0].status) == (1, "incomplete")
    assert report.error is not None
    assert report.error.code == "UNSETTLED"
    assert "latest" in report.error.message


def test_a_registry_that_confirms_writes_and_does_not_carry_them_out_is_said_so() -> None:
    class Frozen(ModelStore):
        """A repository behind a cache: what was there stays under `latest`."""

        def __init__(self, tags: Tags) -> None:
            super().__init__(())
            self.tags_now = tags

        def _ask(self, *requests: tuple[str, str, str]) -> Sequence[object]:
            answers: list[object] = []
            for request in requests:
                if request[0] == "write" and request[1] == "latest":
                    answers.append(True)
                    continue
                self.tags_now, answer = carried_out(self.tags_now, request)
                answers.append(answer)
            return answers

    report = releases("2.1.4")(Frozen(standing("2.1.3")))
    assert report.error is not None
    assert report.error.code == "UNSETTLED"
    assert "confirmed 10 times that latest changed, and nothing changed" in report.error.message
