"""Runs work side by side, and shares one result between all threads that ask for it."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from tagger.errors import StoreError, TaggerError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = [
    "AT_ONCE",
    "Abandonable",
    "Ahead",
    "Pending",
    "SingleFlight",
    "Workers",
    "at_once",
    "run_all",
    "results_of",
    "side_by_side",
    "stop_error",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8
"""How many parts of an image are read or copied at once, where no registry has a bound of its own."""

MOST_AT_ONCE = 128  # threads that wait for a network cost little; each registry bounds its own requests


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], most: int = MOST_AT_ONCE
) -> Iterator[tuple[Item, Result | TaggerError]]:
    """Yield each item with its result or its `TaggerError`, in the order in which they end.

    One item, or `most` of 1, is done in this thread and in order. Any other exception is a bug and is raised.
    """
    things = list(items)
    if len(things) < 2 or most < 2:
        for item in things:
            yield item, _result(function, item)
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed  # most runs have one repository

    with ThreadPoolExecutor(min(len(things), most)) as threads:
        futures = {threads.submit(_result, function, item): item for item in things}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # who stops reading the results wants no more of them
            for future in futures:
                future.cancel()


def at_once(*steps: Callable[[], Result]) -> list[Result]:
    """Run several steps at once and return their results in order; raise the first error in this order."""
    ended = dict(side_by_side(lambda step: step(), steps))
    results = []
    for step in steps:
        if isinstance(result := ended[step], TaggerError):
            raise result
        results.append(result)
    return results


def _result(function: Callable[[Item], Result], item: Item) -> Result | TaggerError:
    try:
        return function(item)
    except TaggerError as error:
        return error


class Pending(Generic[Result]):
    """A result that another thread works out, or the failure that came instead of it.

    It does what `concurrent.futures.Future` does. That import takes 4 ms, for `logging`, which most runs do not need.
    """

    def __init__(self) -> None:
        self._settled = threading.Event()
        self._result: Result | None = None
        self._failure: BaseException | None = None

    def done(self) -> bool:
        """Say whether there is a result, or a failure."""
        return self._settled.is_set()

    def run(self, work: Callable[[], Result]) -> None:
        """Work it out, in this thread; a failure is kept."""
        try:
            self._result = work()
        except BaseException as failure:
            self._failure = failure
        self._settled.set()

    def exception(self) -> BaseException | None:
        """Wait, and return the failure, if there is one."""
        self._settled.wait()
        return self._failure

    def result(self) -> Result:
        """Wait, and return the result, or raise the failure."""
        if failure := self.exception():
            raise failure
        return cast("Result", self._result)


class Workers:
    """At most `most` threads that do the work submitted to them; a thread is begun when no other is free."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._begun = self._free = 0
        self._closed = False

    def submit(self, work: Callable[[], Result]) -> Pending[Result]:
        """Give work to a thread, and return its pending result. Raise `RuntimeError` after `close`."""
        pending: Pending[Result] = Pending()
        with self._changed:
            if self._closed:
                raise RuntimeError("the workers were closed")
            self._waiting.append(lambda: pending.run(work))
            if self._free >= len(self._waiting) or self._begun == self._most:
                self._changed.notify()
                return pending
            self._begun += 1
        threading.Thread(target=self._work, name=f"{self._name}_{self._begun}", daemon=True).start()
        return pending

    def close(self) -> None:
        """Take no more work, and let the threads end when all work is done. Return at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._free += 1
                while not self._waiting and not self._closed:
                    self._changed.wait()
                self._free -= 1
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            work()


def results_of(futures: "Iterable[Pending[Result]]") -> list[Result]:
    """Wait for all, then return the results, or raise the first failure."""
    waiting = list(futures)
    failures = [error for future in waiting if (error := future.exception())]
    if failures:
        raise failures[0]
    return [future.result() for future in waiting]


def run_all(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, stop: threading.Event | None = None
) -> Sequence[Result]:
    """Return the results for all items, in order, with `jobs` of them at once. Raise the first failure.

    Items not begun by then are not run. Where threads work, `stop` is set at the first failure or at the end.
    """
    if jobs < 2 or len(items) < 2:
        return [function(item) for item in items]
    given_up = stop or threading.Event()
    failures: list[BaseException] = []

    def run(item: Item) -> Result:
        if given_up.is_set():
            raise stop_error()
        try:
            return function(item)
        except BaseException as error:
            failures.append(error)
            given_up.set()
            raise

    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(min(jobs, len(items))) as threads:
        futures = [threads.submit(run, item) for item in items]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            given_up.set()
    if failures:
        raise failures[0]
    return [future.result() for future in futures]


def stop_error() -> TaggerError:
    """Return the error of work that was stopped because other work failed."""
    return StoreError("the copy was stopped", code="STOPPED")


class Abandonable:
    """A way to wait for work only until `stop` is called, from any thread; the work itself goes on."""

    def __init__(self) -> None:
        from concurrent.futures import Future

        self._stopped: Future[None] = Future()

    @property
    def stopped(self) -> bool:
        """True once `stop` was called."""
        return self._stopped.done()

    def stop(self) -> None:
        """End every wait, now and later."""
        with suppress(Exception):  # called twice
            self._stopped.set_result(None)

    def wait_for(self, work: Callable[[], Result]) -> Result | None:
        """Return the result of `work`, or None where `stop` is called before it ends. Raise what `work` raises."""
        from concurrent.futures import FIRST_COMPLETED, wait

        if self.stopped:
            return None
        future = _begin(work)
        either: Sequence[Future[Any]] = (future, self._stopped)
        wait(either, return_when=FIRST_COMPLETED)
        return future.result() if future.done() else None


def _begin(work: Callable[[], Result]) -> "Future[Result]":
    """Begin to work something out in a thread of its own, which does not keep the program alive."""
    from concurrent.futures import Future

    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


class Ahead(Generic[Result]):
    """A result that a new thread works out from now on; `get` waits for it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._future = _begin(work)

    def get(self) -> Result:
        """Wait, and return the result, or raise the failure."""
        return self._future.result()


class SingleFlight(Generic[Result]):
    """A result that one thread works out while others wait. It is kept; a failure reaches all, and is not kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: Pending[Result] | None = None

    def get(self, work: Callable[[], Result], meanwhile: Callable[[], None] = lambda: None) -> Result:
        """Return the result; a thread that has to wait for another one calls `meanwhile` first."""
        with self._lock:
            leading = self._pending is None
            pending = self._pending = self._pending or Pending()
        if not leading:
            if not pending.done():
                meanwhile()
            return pending.result()

        def lead() -> Result:
            try:
                return work()
            except BaseException:
                with self._lock:
                    self._pending = None
                raise

        pending.run(lead)
        return pending.result()

    def peek(self) -> Result | None:
        """Return the result if there is one by now."""
        pending = self._pending
        return pending.result() if pending and pending.done() and not pending.exception() else None

    def forget(self, result: Result) -> None:
        """Forget `result`, unless another has taken its place."""
        with self._lock:
            if self.peek() is result:
                self._pending = None
