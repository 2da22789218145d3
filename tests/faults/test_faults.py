"""Every request of a release goes wrong in turn: each tag is where it was or where it belongs, and nothing is lost."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.faults.releasing import Bench, bench
from tests.servers.proxy import ANSWERS, FAULTS
from tests.servers.registries import DockerRegistry

MENDED = [fault for fault in FAULTS if fault not in ("refused", "wrong")]


@pytest.fixture(scope="module")
def benches(started: Callable[[str], DockerRegistry]) -> Iterator[Callable[[str], Bench]]:
    """Return a repository behind a proxy: of a registry that wants a login, or one that wants tokens."""
    running = {}
    with ExitStack() as stack:

        def open_bench(kind: str) -> Bench:
            if kind not in running:
                running[kind] = stack.enter_context(bench(started(kind), f"acme/faults-{uuid.uuid4().hex[:8]}"))
            return running[kind]

        yield open_bench


def places(fault: str, count: int) -> range:
    """Return the numbers of every sixth request, of other ones for each fault.

    `python -m tests.faults` makes each fault at each request.
    """
    return range(1 + FAULTS.index(fault) % 6, count + 1, 6)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_request(fault: str, benches: Callable[[str], Bench]) -> None:
    """One fault is mended by one repetition, or stops the release; the same command again ends right."""
    one = benches("token" if fault == "expired" else "login")
    for place in places(fault, len(one.requests())):
        case = one.strike(fault, place, lasting=False)
        assert case.problems == (), f"{fault} at {place}, {case.request}"
        # A token that was fetched for this very request is not fetched again for it: then the second run is right.
        if fault in MENDED and fault != "expired":
            assert case.ran.code == 0, f"{fault} at {place}, {case.request}: {case.ran.err}"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.startswith("429")])
def test_every_request_from_there_on(fault: str, benches: Callable[[str], Bench]) -> None:
    one = benches("token" if fault == "expired" else "login")
    count = len(one.requests())
    for place in range(1, count + 1) if fault == "lost" else places(fault, count):
        case = one.strike(fault, place, lasting=True)
        assert case.problems == (), f"{fault} at {place}, {case.request}"
        if fault in ANSWERS or fault in ("refused", "reset", "lost"):
            assert case.ran.code == 1
