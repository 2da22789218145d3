"""Commands that end before their time report what the registry holds; `make faults` ends each at every request."""

from pathlib import Path

import pytest

from tests.faults.signals import CASES, ENDINGS, OF_AN_ENGINE, Workbench
from tests.servers.engine import Engine

PATIENCE = 20.0
"""Seconds that a run may take to end where the machine is busy; the registry would keep silent for a minute."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("signals"))


@pytest.mark.parametrize("name", CASES)
def test_what_is_reported_is_what_stands(bench: Workbench, name: str) -> None:
    """Each command is ended once in each way, at another request."""
    met, problems = 0, []
    for place, ending in enumerate(ENDINGS):
        number = 4 + (3 * list(CASES).index(name) + 5 * place) % 14
        struck = bench.strike(name, CASES[name], ending, number, done=(number + place) % 2 == 0, longest=PATIENCE)
        met += struck.met
        problems += [f"{ending} at request {number}: {problem}" for problem in struck.problems]
    assert problems == []
    assert met


@pytest.mark.parametrize("name", OF_AN_ENGINE)
@pytest.mark.parametrize("ending", ENDINGS[:2])
def test_the_push_of_an_engine(engine: Engine, tmp_path: Path, name: str, ending: str) -> None:
    engine.build("built:image")
    bench = Workbench(tmp_path, engine)
    struck = bench.strike(name, OF_AN_ENGINE[name], ending, 15, done=False, longest=PATIENCE)
    assert struck == (True, [])
