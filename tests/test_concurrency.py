"""Side by side: results of other threads, workers that are bounded, and failures that reach who waits."""

import threading
import time

import pytest

from tagger.concurrency import Pending, Workers, results_of


def test_workers_do_most_things_at_once_and_all_of_them() -> None:
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            running.append(number)
            most.append(len(running))
        time.sleep(0.01)
        with lock:
            running.remove(number)
        return number

    workers = Workers(3, "some")
    pending = [workers.submit(lambda number=number: work(number)) for number in range(12)]  # type: ignore[misc]
    assert results_of(pending) == list(range(12))
    assert max(most) == 3
    workers.close()


def test_a_free_worker_is_used_again() -> None:
    workers = Workers(8, "some")
    threads = set()
    for _ in range(20):
        threads.add(workers.submit(threading.get_ident).result())
        time.sleep(0.002)  # until it waits again
    assert len(threads) < 8
    workers.close()


def test_what_was_given_is_done_after_closing_and_nothing_more() -> None:
    workers, begun = Workers(1, "some"), threading.Event()
    first = workers.submit(lambda: begun.wait(5))
    second = workers.submit(lambda: "done")
    workers.close()
    with pytest.raises(RuntimeError, match="closed"):
        workers.submit(lambda: None)
    begun.set()
    assert (first.result(), second.result()) == (True, "done")


def test_the_first_failure_is_raised_when_all_are_done() -> None:
    def fail(text: str) -> None:
        raise ValueError(text)

    def end() -> None:
        time.sleep(0.05)
        ended.set()

    workers, ended = Workers(2, "some"), threading.Event()
    pending = [workers.submit(lambda: fail("one")), workers.submit(end)]
    with pytest.raises(ValueError, match="one"):
        results_of(pending)
    assert ended.is_set()
    assert isinstance(pending[0].exception(), ValueError)
    workers.close()


def test_a_result_is_there_once_it_is_worked_out() -> None:
    pending: Pending[int] = Pending()
    assert not pending.done()
    pending.run(lambda: 7)
    assert (pending.done(), pending.exception(), pending.result()) == (True, None, 7)
