"""Do the same to many things at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tagger.errors import TaggerError

__all__ = ["at_once", "side_by_side"]

Item = TypeVar("Item")
Result = TypeVar("Result")

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
