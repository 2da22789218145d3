"""Every pair of runs from every small state: versions 1 to 3, at most one mark, `latest` right, drifted or absent.

The states and runs are those of a model that was written before the code, by hand; here the shipped code is explored.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, combinations_with_replacement
from typing import NamedTuple

from tagger.images.artifacts import HELD, artifact
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.operations.approve import Approval, approve
from tagger.operations.prepare import Release
from tagger.operations.release import release
from tagger.results import Report
from tests.operations.running import finished
from tests.races.model import MANIFESTS, Model, Program, Tags, made
from tests.races.scenarios import FEW, reconciles, releases, withdraws

__all__ = ["Run", "State", "Wrong", "explored", "pairs", "states", "triples", "wrong_ends"]

LATEST = "latest"
Mark = tuple[str, int]


class State(NamedTuple):
    """A repository: its versions, its marks (`withdrawn` or `held`), and whose image `latest` holds.

    `latest` is a version, 0 where the tag is absent, -1 where it holds an image of nobody.
    """

    versions: tuple[int, ...]
    marks: tuple[Mark, ...]
    latest: int

    @property
    def tags(self) -> Tags:
        """The tags of the repository."""
        found = {name(version): image(version) for version in self.versions}
        for kind, version in self.marks:
            found[f"{kind}-{name(version)}"] = image(version) if kind == "withdrawn" else held(version)
        if self.latest:
            found[LATEST] = image(self.latest)
        return frozenset(found.items())

    @property
    def right(self) -> bool:
        """True when `latest` holds the newest version in force."""
        return dict(self.tags).get(LATEST) == newest(self.tags)


Run = tuple[str, int]
"""A verb, and the version that it is about."""


class Wrong(NamedTuple):
    """A start, the runs from it, and the tags of an end that is wrong."""

    state: State
    runs: tuple[Run, ...]
    tags: Tags


def name(version: int) -> str:
    return f"{version}.0.0"


def image(version: int) -> str:
    return made(name(version) if version > 0 else "nobody's").digest


def held(version: int) -> str:
    manifest = artifact({HELD: name(version)})
    return MANIFESTS.setdefault(manifest.digest, manifest).digest


def newest(tags: Tags) -> str | None:
    """Return the image of the newest version that no mark takes out of force, worked out without the code."""
    found = dict(tags)
    force = [t for t in found if t[0].isdecimal() and f"withdrawn-{t}" not in found and f"held-{t}" not in found]
    return found[max(force)] if force else None


def holds(version: str) -> Program:
    """Return a run that releases a version as a held one."""

    def run(store: TagStore) -> Report:
        source = ContentSource(store, made(version).digest, "docker://model/app@built")
        return finished(release(Release((FEW.scheme.parse(version),), FEW, (store,), source, hold=True)))

    return run


def approves(version: str) -> Program:
    """Return a run that approves a version."""
    return lambda store: finished(approve(Approval(version, FEW, (store,))))


def program(run: Run) -> Program:
    """Return what a run does."""
    verb, version = run[0], name(run[1])
    match verb:
        case "release":
            return releases(version, rules=FEW)
        case "hold":
            return holds(version)
        case "withdraw":
            return withdraws(version, rules=FEW)
        case "undo":
            return withdraws(version, undo=True, rules=FEW)
        case "approve":
            return approves(version)
    return reconciles(FEW)


def states(most: int = 3) -> Iterator[State]:
    """Yield every state of versions up to `most`."""
    numbers = range(1, most + 1)
    for versions in chain.from_iterable(combinations(numbers, count) for count in range(most + 1)):
        marks: list[tuple[Mark, ...]] = [()]
        marks += [((kind, version),) for kind in ("withdrawn", "held") for version in versions]
        for some in marks:
            for latest in (0, *versions, -1):
                yield State(versions, some, latest)


def runs(state: State, most: int = 3) -> Iterator[Run]:
    """Yield the runs that make sense in a state: a marked version is not released again."""
    marked = {version for _, version in state.marks}
    for version in range(1, most + 2):
        if version not in marked:
            yield "release", version
        if version not in state.versions:
            yield "hold", version
        if version in state.versions and ("withdrawn", version) not in state.marks:
            yield "withdraw", version
        if ("withdrawn", version) in state.marks:
            yield "undo", version
        if ("held", version) in state.marks:
            yield "approve", version
    yield "reconcile", 0


def pairs(most: int = 3) -> Iterator[tuple[State, tuple[Run, ...]]]:
    """Yield every pair of runs from every state."""
    for state in states(most):
        for some in combinations_with_replacement(runs(state, most), 2):
            yield state, some


def triples() -> Iterator[tuple[State, tuple[Run, ...]]]:
    """Yield three runs from a few states."""
    starts = (
        State((1,), (), 1),
        State((1, 3), (), 3),
        State((1, 3), (("held", 3),), 1),
        State((1, 3), (("withdrawn", 3),), 1),
        State((1, 2), (), 1),
    )
    for state in starts:
        for some in combinations([run for run in runs(state) if run[1] != 1], 3):
            yield state, some


def explored(given: tuple[State, tuple[Run, ...]]) -> list[Wrong]:
    """Return the wrong ends of some runs; of three, what a run asks together is answered at one moment."""
    state, some = given
    return list(wrong_ends(state, some, together=len(some) > 2))


def wrong_ends(state: State, some: Sequence[Run], *, together: bool = False, sample: int = 0) -> Iterator[Wrong]:
    """Yield the ends at which `latest` is neither right nor, of a state that had drifted, as it was."""
    model = Model([program(run) for run in some], together=together)
    found = model.sample(state.tags, sample, 1) if sample else model.explore(state.tags)
    before = dict(state.tags).get(LATEST)
    for end in found.ends:
        now = dict(end.tags).get(LATEST)
        if now != newest(end.tags) and (state.right or now != before):
            yield Wrong(state, tuple(some), end.tags)
