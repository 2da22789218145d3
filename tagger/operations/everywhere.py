"""Look at every repository, then act in all of them, or in none where something is wrong in one."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from tagger.concurrency import side_by_side
from tagger.errors import TaggerError
from tagger.images.stores import TagStore
from tagger.results import Event, Outcome
from tagger.rules.plan import Change

__all__ = ["Acting", "drift", "each", "everywhere", "first_error"]

Found = TypeVar("Found")
Acting = Generator[Event, None, Mapping[TagStore, Outcome]]
"""What is done in every repository: events on the way, and how each ended."""


def everywhere(
    stores: Sequence[TagStore],
    look: Callable[[TagStore], Found],
    act: Callable[[Mapping[TagStore, Found]], Acting],
    *,
    objection: Callable[[Found], Outcome | None] = lambda _found: None,
    consent: Callable[[Mapping[TagStore, Found]], Mapping[TagStore, Outcome]] = lambda _found: {},
) -> Generator[Event, None, tuple[Outcome, ...]]:
    """Look at every repository side by side, then act; return how each ended, in the order of `stores`.

    A look that raises `TaggerError`, or an `objection` to what one found, ends the run before anything is written: the
    other repositories are `unchanged`. Where nothing is wrong anywhere, `consent` to all of them is asked last: it
    returns how those ended that it refuses, or raises `TaggerError`.
    """
    looked = dict(side_by_side(look, stores))
    found: dict[TagStore, Found] = {}
    ended: dict[TagStore, Outcome] = {}
    for store in stores:
        result = looked[store]
        if isinstance(result, TaggerError):
            ended[store] = Outcome.failed(store.place, result)
        else:
            found[store] = result
    ended |= {store: outcome for store, one in found.items() if (outcome := objection(one))}
    if not ended:
        ended |= consent(found)
    if ended:
        return tuple(ended.get(store) or Outcome(store.place, "unchanged") for store in stores)
    outcomes = yield from act(found)
    return tuple(outcomes[store] for store in stores)


def each(
    act: Callable[[Found], Outcome], events: Callable[[TagStore, Outcome], Iterable[Event]] = lambda _store, _end: ()
) -> Callable[[Mapping[TagStore, Found]], Acting]:
    """Return what acts in every repository by itself, side by side, and tells `events` of each as it ends."""

    def acting(found: Mapping[TagStore, Found]) -> Acting:
        ended: dict[TagStore, Outcome] = {}
        for store, result in side_by_side(lambda store: act(found[store]), found):
            outcome = Outcome.failed(store.place, result) if isinstance(result, TaggerError) else result
            ended[store] = outcome
            yield from events(store, outcome)
        return ended

    return acting


def drift(store: TagStore, changes: Iterable[Change]) -> Iterator[Event]:
    """Yield a warning of each tag that is not where it belongs, and that the run leaves alone."""
    for change in changes:
        if change.drifted:
            found = "is missing" if change.before is None else "holds another image"
            text = f"{change.tag} {change.reason}, and {found}: it was so before, or another run is under way"
            yield Event("warning", store.place, f"{text}; `reconcile` puts it right", "DRIFTED")


def first_error(outcomes: Iterable[Outcome]) -> TaggerError | None:
    """Return the error of the first repository that has one."""
    return next((outcome.error for outcome in outcomes if outcome.error), None)
