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
    "settled",
    "side_by_side",
    "stopped",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8
"""How many parts of an image are read or copied at once, where no registry's own bound says it."""

MOST_AT_ONCE = 128  # threads that wait for a network cost little; each registry bounds its own requests


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], most: int = MOST_AT_ONCE
) -> Iterator[tuple[Item, Result | TaggerError]]:
    """Yield each item with its result, or with the error of ours that it ended in, as they are done.

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
        for future in as_completed(futures):
            yield futures[future], future.result()


def at_once(*steps: Callable[[], Result]) -> list[Result]:
    """Take several steps at once, and return their results in order; raise the error of the first that failed."""
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

    That of `concurrent.futures` is one, too; its import takes 4 ms, for `logging`, which most runs can do without.
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
    """Threads that do what they are given, `most` things at once; a thread is begun when no other is free."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._begun = self._free = 0
        self._closed = False

    def submit(self, work: Callable[[], Result]) -> Pending[Result]:
        """Begin something beside this thread. Raise `RuntimeError` where they were closed."""
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
        """End each thread when it has done what was given to it; nobody waits for that."""
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


def settled(futures: "Iterable[Pending[Result]]") -> list[Result]:
    """Wait for all, then return the results, or raise the first failure."""
    waiting = list(futures)
    failures = [error for future in waiting if (error := future.exception())]
    if failures:
        raise failures[0]
    return [future.result() for future in waiting]


def run_all(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, stop: threading.Event | None = None
) -> Sequence[Result]:
    """Return the results for all items, `jobs` at once; the first failure sets `stop`, ends the rest, and is raised."""
    if jobs < 2 or len(items) < 2:
        return [function(item) for item in items]
    given_up = stop or threading.Event()
    failures: list[BaseException] = []

    def run(item: Item) -> Result:
        if given_up.is_set():
            raise stopped()
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


def stopped() -> TaggerError:
    """Return the error of what was stopped since something beside it failed."""
    return StoreError("the copy was stopped", code="STOPPED")


class Abandonable:
    """Work that somebody waits for only until `stop` is called, from any thread; it may go on by itself."""

    def __init__(self) -> None:
        from concurrent.futures import Future

        self._stopped: Future[None] = Future()

    @property
    def stopped(self) -> bool:
        """Say whether nobody waits any more."""
        return self._stopped.done()

    def stop(self) -> None:
        """Let nobody wait from now on."""
        with suppress(Exception):  # called twice
            self._stopped.set_result(None)

    def wait_for(self, work: Callable[[], Result]) -> Result | None:
        """Return the result of `work`, or None where nobody waits any more. Raise what `work` raises."""
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
    """A result that a thread of its own works out from now on: whoever asks waits for it, and a failure is theirs."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._future = _begin(work)

    def get(self) -> Result:
        """Return the result, or raise what came instead of it."""
        return self._future.result()


class SingleFlight(Generic[Result]):
    """A result that one thread works out while the others wait for it; a failure is theirs too, and is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: Pending[Result] | None = None

    def get(self, work: Callable[[], Result], meanwhile: Callable[[], None] = lambda: None) -> Result:
        """Return the result; those who have to wait for it do `meanwhile` first."""
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
