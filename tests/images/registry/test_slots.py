"""Requests in flight follow what the registry takes."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from tagger.images.registry.slots import Slots
from tests.images.making import make_image
from tests.integration.commands import tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry


def answer(slots: Slots, *, throttled: bool) -> None:
    """Send a request and take in its answer."""
    with slots as begun:
        pass
    slots.record_answer(begun, throttled=throttled)


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=200))
def test_between_one_and_what_is_allowed(most: int, throttled: list[bool]) -> None:
    slots = Slots(most)
    for one in throttled:
        before = slots.limit
        answer(slots, throttled=one)
        assert 1 <= slots.limit <= most
        assert slots.limit <= before if one else slots.limit >= before


def test_answers_make_room_until_the_registry_throttles() -> None:
    slots = Slots(8, 64)
    for expected in (9, 10, 11):
        answer(slots, throttled=False)
        assert slots.limit == expected
    for _ in range(100):
        answer(slots, throttled=False)
    assert slots.limit == 64
    answer(slots, throttled=True)
    assert slots.limit == 32
    answer(slots, throttled=False)
    assert slots.limit == 32


def test_refusals_of_what_was_in_flight_together_count_once() -> None:
    slots = Slots(32)
    begun = [slots.__enter__() for _ in range(20)]
    for one in begun:
        slots.record_answer(one, throttled=True)
        slots.__exit__()
    assert slots.limit == 16
    answer(slots, throttled=True)
    assert slots.limit == 8
    for _ in range(8 * 6):
        answer(slots, throttled=False)
    assert 11 <= slots.limit <= 14
    for _ in range(1000):
        answer(slots, throttled=False)
    assert slots.limit == 32


def test_no_more_are_in_flight() -> None:
    slots, clock = Slots(8), threading.Lock()
    flying, most = 0, 0

    def fly() -> None:
        nonlocal flying, most
        with slots:
            with clock:
                flying += 1
                most = max(most, flying)
            time.sleep(0.005)
            with clock:
                flying -= 1

    threads = [threading.Thread(target=fly) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (flying, most) == (0, 8)


def test_a_registry_that_takes_few_at_once(small_registry: SmallRegistry, opened: Opener) -> None:
    """It refuses more than it takes; a run of many requests meets that a few times, and not with each of them."""
    lock = threading.Lock()
    flying = refused = 0

    def watch(request: Request) -> Fault | None:
        nonlocal flying, refused
        if request.kind != "manifests":
            return None
        with lock:
            flying += 1
            busy = flying > 4
            refused += busy
        time.sleep(0.01)
        with lock:
            flying -= 1
        return Fault("answer", Reply(429, [("Retry-After", "0")])) if busy else None

    small_registry.watch = watch
    store = opened(small_registry, jobs=32, retries=20)
    assert set(store.digests([f"1.0.{number}" for number in range(400)]).values()) == {None}
    assert refused


def test_many_repositories_get_more_unless_jobs_bounds_them(opened: Opener, small_registry: SmallRegistry) -> None:
    for number in range(12):
        make_image(opened(small_registry, f"acme/app-{number}"), "app", "2.1.4")
    names = "\n".join(f"{small_registry.host}/acme/app-{number}" for number in range(12))
    small_registry.delay = 0.05
    seen = []
    for bound in ({}, {"INPUT_JOBS": "8"}):
        small_registry.most_at_once = 0
        ran = tagger(environ={"INPUT_COMMAND": "plan", "INPUT_IMAGES": names, "INPUT_VERSION": "2.1.4", **bound})
        assert ran.code == 0, ran.err
        seen.append(small_registry.most_at_once)
    assert seen[1] <= 8 < seen[0] <= 64
