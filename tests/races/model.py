"""A model of concurrent runs: the code that ships, over a registry that lets others in before every single request.

A run is replayed from its beginning with the answers that it got so far, up to the requests that it has in flight then.
So a run is a function of its answers, the whole is a graph of states, and every interleaving is a path in it. Requests
that a run has in flight together are carried out in any order. Equal states are explored once, and the paths to them
are counted; where the next request of a run can be noticed by no other run in what that may still ask (it reads a tag
that no other will write, or writes one that no other will read), it is not put before and after their requests, but
done at once. What runs may still ask is learned on the way: an exploration that meets more than was known is made anew.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from random import Random
from typing import BinaryIO, NamedTuple, NoReturn, cast

from tagger.errors import NotFound
from tagger.images.manifests import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from tagger.images.stores import Opener, Snapshot, TagStore
from tagger.names import DIGEST, Repository
from tagger.results import Report

__all__ = ["Ended", "Explored", "Model", "ModelStore", "Program", "Tags", "made", "run_alone"]

Tags = frozenset[tuple[str, str]]
"""The state of the registry: each tag with its digest."""

Request = tuple[str, str, str]
"""What is asked: `list`, `read` a tag, `write` a tag with a digest, `remove` a tag, or `delete` a digest."""

Answer = object
MANIFESTS: dict[str, Manifest] = {}
"""The manifests of the registry, by digest: content is never taken away, and so is no part of the state."""


class _Waiting(BaseException):
    """Ends a replay: the run has these requests in flight."""

    def __init__(self, requests: tuple[Request, ...]) -> None:
        super().__init__()
        self.requests = requests


class ModelStore:
    """A repository as one run sees it: what was asked before is answered as it was, what is new ends the replay."""

    jobs = 1  # so that the operations stay in one thread; what they ask for together is in flight together all the same
    place = "model/app"

    def __init__(self, answers: Sequence[Sequence[Answer]]) -> None:
        self.repository: Repository | None = Repository("model", "app")
        self._answers = iter(answers)

    def _ask(self, *requests: Request) -> Sequence[Answer]:
        if not requests:
            return ()
        for answers in self._answers:
            return answers
        raise _Waiting(requests)

    def exists(self) -> bool:
        return True

    def tags(self) -> Iterable[str]:
        return cast("frozenset[str]", self._ask(("list", "", ""))[0])

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        wanted = list(dict.fromkeys(tags))
        found = self._ask(*(("read", tag, "") for tag in wanted))
        return dict(zip(wanted, cast("Sequence[str | None]", found), strict=True))

    def snapshot(self, tags: Collection[str], manifests: Collection[str] = ()) -> Snapshot:  # noqa: ARG002 - nothing to fetch
        """Ask as a registry is asked: listing and reading at once; a listed tag that answered nothing is read again."""
        wanted = list(dict.fromkeys(tags))
        listed, *found = self._ask(("list", "", ""), *(("read", tag, "") for tag in wanted))
        names = cast("frozenset[str]", listed)
        digests = dict(zip(wanted, cast("Sequence[str | None]", found), strict=True))
        while doubtful := [tag for tag in wanted if digests[tag] is None and tag in names]:
            names = cast("frozenset[str]", self._ask(("list", "", ""))[0])
            digests |= self.digests(doubtful)
        unlisted = frozenset(tag for tag in wanted if digests[tag]) - names
        return Snapshot(names | unlisted, digests, unlisted)

    def manifest(self, reference: str) -> Manifest:
        digest = reference if DIGEST.fullmatch(reference) else self.digests([reference])[reference]
        if digest is None:
            raise NotFound(f"there is no tag {reference}", code="MANIFEST_UNKNOWN", place=self.place)
        return MANIFESTS[digest]

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        MANIFESTS[manifest.digest] = manifest
        self._ask(*(("write", tag, manifest.digest) for tag in tags))

    def put_if_absent(self, manifest: Manifest, tag: str) -> str:
        held = self.digests([tag])[tag]
        if held is None:
            self.tag(manifest, [tag])
        return held or manifest.digest

    @property
    def can_delete(self) -> bool:
        return True

    def empty(self) -> bool:
        return False

    @property
    def lists_unnamed(self) -> bool:
        return True

    def untag(self, tag: str) -> None:
        self._ask(("remove", tag, ""))

    def delete(self, digest: str) -> None:
        self._ask(("delete", digest, ""))

    def check_writable(self) -> None:
        pass

    def has_blob(self, _descriptor: Descriptor) -> bool:
        return True

    def put_blob(self, _descriptor: Descriptor, _opener: Opener, _mount_from: Repository | None = None) -> NoReturn:
        raise AssertionError("a model holds no blobs")

    def blob(self, _descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a config, which says nothing. As all content, it is no part of the state."""
        return nullcontext(BytesIO(b"{}"))

    def referrers(self, _digest: str) -> Sequence[Descriptor]:
        return ()


def made(text: str, config: str = "") -> Manifest:
    """Return the image that was built from `text`, with the digest of its config if any; the registry knows it."""
    named = f'"config":{{"mediaType":"{OCI_CONFIG}","digest":"{config}","size":2}},' if config else ""
    manifest = Manifest(OCI_MANIFEST, f'{{"schemaVersion":2,{named}"annotations":{{"built":"{text}"}}}}'.encode())
    return MANIFESTS.setdefault(manifest.digest, manifest)


Program = Callable[[TagStore], Report]
"""One run: it does all that it does through the store."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How everything ended: the tags, and the exit code of each run, None of one that was killed.

    `told` says which runs reported that something had drifted.
    """

    tags: Tags
    exits: tuple[int | None, ...]
    told: tuple[bool, ...] = ()


@dataclass(slots=True)
class Explored:
    """What an exploration found: the number of states, and every end with the number of interleavings to it."""

    states: int = 0
    interleavings: int = 0
    ends: Counter[Ended] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Where one run is: its answers so far, the requests in flight, and the answers to those that were carried out.

    A run without requests has ended; `exit_code` is None of one that was killed, whose requests may still arrive.
    There is one object of each kind, so that states are compared by what they are made of, quickly.
    """

    answers: tuple[tuple[Answer, ...], ...] = ()
    requests: tuple[Request, ...] = ()
    got: tuple[Answer, ...] = ()
    exit_code: int | None = None
    killed: bool = False
    lag: int = 0
    told: bool = False

    @property
    def live(self) -> bool:
        return bool(self.requests) and not self.killed


_PENDING = "…"
_State = tuple[Tags, "frozenset[str] | None", tuple[_Run, ...]]


class _Effect(NamedTuple):
    """What requests touch: the tags that they read and write, and whether they read the listing or change it."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    lists: bool = False
    names: bool = False

    def with_(self, other: "_Effect") -> "_Effect":
        """Return what both touch."""
        return _Effect(
            self.reads | other.reads,
            self.writes | other.writes,
            self.lists or other.lists,
            self.names or other.names,
        )

    def meets(self, other: "_Effect") -> bool:
        """Say whether it can make a difference which of the two comes first."""
        if (self.names and (other.lists or other.names)) or (self.lists and other.names):
            return True
        return not (
            self.writes.isdisjoint(other.writes)
            and self.writes.isdisjoint(other.reads)
            and self.reads.isdisjoint(other.writes)
        )


NOTHING = _Effect()


@dataclass(slots=True, eq=False)
class _Moment:
    """What is known of one run after the answers that it got so far: what it has in flight, and all that may follow."""

    before: "_Moment | None" = None
    own: dict[Request, _Effect] = field(default_factory=dict)
    later: _Effect = NOTHING

    def note(self, request: Request, effect: _Effect) -> bool:
        """Note a request in flight, here and in all moments before; say whether that was news."""
        known = self.own.get(request, NOTHING)
        found = known.with_(effect)
        if request in self.own and found == known:
            return False
        self.own[request] = found
        earlier = self.before
        while earlier:
            earlier.later = earlier.later.with_(found)
            earlier = earlier.before
        return True


class Model:
    """Several runs at one repository.

    `kills` says which run, if any, may be killed at any moment; what it had in flight may still arrive, at any time.
    `lag` is how often the listing that a run gets may be the one before the last tag came or went. What a run has in
    flight `together` is carried out at one moment, in a coarser model.
    """

    def __init__(
        self, programs: Sequence[Program], *, kills: int | None = None, lag: int = 0, together: bool = False
    ) -> None:
        self._programs = programs
        self._together = together
        self._kills = kills
        self._lag = lag
        self._replay, self._advance = cache(self._replayed), cache(self._advanced)
        self._one, self._dead, self._ended = cache(_made), cache(_killed), cache(_ended)
        self._carried_out = cache(carried_out)
        self._moments: dict[tuple[int, tuple[tuple[Answer, ...], ...]], _Moment] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._news = False

    def explore(self, tags: Tags) -> Explored:
        """Follow every interleaving from a state of the registry, equal states once."""
        for tag, digest in tags:
            self._hold(tag, digest)
        while True:
            self._news = False
            found = self._explored(tags)
            if not self._news:
                return found

    def sample(self, tags: Tags, count: int, seed: int) -> Explored:
        """Follow `count` interleavings chosen at random."""
        random, found = Random(seed), Explored(interleavings=count)
        seen: set[_State] = set()
        for _ in range(count):
            state = self._start(tags)
            while steps := [step for place in self._places(state) for step in self._steps(state, *place)]:
                seen.add(state)
                state = random.choice(steps)
            found.ends[_end(state)] += 1
        found.states = len(seen)
        return found

    def _explored(self, tags: Tags) -> Explored:
        found = Explored()
        level: Counter[_State] = Counter({self._start(tags): 1})
        while level:
            found.states += len(level)
            following: Counter[_State] = Counter()
            for state, paths in level.items():
                if not any(run.live for run in state[2]):
                    found.ends[_end(state)] += paths
                for place in self._chosen(state):
                    for after in self._steps(state, *place):
                        following[after] += paths
            level = following
        found.interleavings = sum(found.ends.values())
        return found

    def _start(self, tags: Tags) -> _State:
        behind = _names(tags) if self._lag else None
        return tags, behind, tuple(self._replay(number, (), self._lag) for number in range(len(self._programs)))

    def _places(self, state: _State) -> list[tuple[int, int]]:
        """Return every request in flight, by its run and its place there; -1 is the killing of a run."""
        places = [
            (number, place)
            for number, run in enumerate(state[2])
            for place, got in enumerate(run.got)
            if got is _PENDING
        ]
        if self._together:
            begun = [place for place in places if place[1] > 0 and state[2][place[0]].got[0] is not _PENDING]
            return begun[:1] or [place for place in places if place[1] == 0]
        return places + [(number, -1) for number, run in enumerate(state[2]) if number == self._kills and run.live]

    def _chosen(self, state: _State) -> list[tuple[int, int]]:
        """Return the steps that have to be tried: all, or one that no other run can notice."""
        runs = state[2]
        places = self._places(state)
        unnoticed = None
        for number, place in places:
            if place < 0:
                continue
            request = runs[number].requests[place]
            effect = self._effect(state[0], request)
            self._news |= self._moment(number, runs[number]).note(request, effect)
            if unnoticed or number == self._kills:
                continue
            if not any(self._notices(other, run, effect) for other, run in enumerate(runs) if other != number):
                unnoticed = number, place
        return [unnoticed] if unnoticed else places

    def _effect(self, tags: Tags, request: Request) -> _Effect:
        """Return what a request touches; the deleting of a digest, every tag that may ever hold it."""
        kind, name, digest = request
        if kind in ("list", "read"):
            return _effect(kind, frozenset((name,)), False)
        if kind == "write":
            self._hold(name, digest)
        changes = _names(tags) != _names(self._carried_out(tags, request)[0])
        return _effect(kind, self._holders.get(name, frozenset()) if kind == "delete" else frozenset((name,)), changes)

    def _hold(self, tag: str, digest: str) -> None:
        known = self._holders.get(digest, frozenset())
        if tag not in known:
            self._holders[digest] = known | {tag}
            self._news = True

    def _moment(self, number: int, run: _Run) -> _Moment:
        """Return what is known of a run where it is; of one that may be killed there is one moment, its first."""
        return self._moment_after(number, () if number == self._kills else run.answers)

    def _moment_after(self, number: int, answers: tuple[tuple[Answer, ...], ...]) -> _Moment:
        key = number, answers
        if key not in self._moments:
            self._moments[key] = _Moment(self._moment_after(number, answers[:-1]) if answers else None)
        return self._moments[key]

    def _notices(self, number: int, run: _Run, effect: _Effect) -> bool:
        """Say whether a run may notice what another does: in what it has in flight, or in what it may ask later."""
        if not run.requests:
            return False
        moment = self._moment(number, run)
        if number == self._kills:
            return any(effect.meets(own) for own in moment.own.values())
        return effect.meets(moment.later) or any(
            request not in moment.own or effect.meets(moment.own[request])
            for request, got in zip(run.requests, run.got, strict=True)
            if got is _PENDING
        )

    def _steps(self, state: _State, number: int, place: int) -> Iterator[_State]:
        """Yield the states that one step leads to; a listing may be the one of now, or one that lags."""
        tags, behind, runs = state
        run = runs[number]
        if place < 0:
            dead = [request for request, got in zip(run.requests, run.got, strict=True) if got is _PENDING]
            writes = tuple(request for request in dead if request[0] not in ("read", "list"))
            yield tags, behind, (*runs[:number], self._dead(writes), *runs[number + 1 :])
            return
        after, answer = self._carried_out(tags, run.requests[place])
        if answer == behind or behind is None or run.requests[place][0] != "list":
            changed = behind is not None and _names(tags) != _names(after)
            yield after, _names(tags) if changed else behind, self._answered(runs, number, place, answer)
            return
        yield tags, behind, self._answered(runs, number, place, answer)
        if run.lag:
            yield tags, behind, self._answered(runs, number, place, behind, lagged=True)

    def _answered(
        self, runs: tuple[_Run, ...], number: int, place: int, answer: Answer, *, lagged: bool = False
    ) -> tuple[_Run, ...]:
        return (*runs[:number], self._advance(runs[number], number, place, answer, lagged), *runs[number + 1 :])

    def _advanced(self, run: _Run, number: int, place: int, answer: Answer, lagged: bool) -> _Run:
        """Return where a run is when one of its requests was answered."""
        if run.killed:
            return self._dead(run.requests[:place] + run.requests[place + 1 :])
        got = (*run.got[:place], answer, *run.got[place + 1 :])
        lag = run.lag - lagged
        if any(one is _PENDING for one in got):
            return self._one(number, run.answers, run.requests, got, lag)
        return self._replay(number, (*run.answers, got), lag)

    def _replayed(self, number: int, answers: tuple[tuple[Answer, ...], ...], lag: int) -> _Run:
        """Run a program with the answers that it got, up to the next requests or to its end."""
        try:
            report = self._programs[number](ModelStore(answers))
        except _Waiting as waiting:
            requests = waiting.requests
            return self._one(number, answers, requests, (_PENDING,) * len(requests), lag)
        told = any(change.drifted for outcome in report.repositories for change in outcome.changes)
        return self._ended(report.exit_code, told)


def _made(
    _number: int,
    answers: tuple[tuple[Answer, ...], ...],
    requests: tuple[Request, ...],
    got: tuple[Answer, ...],
    lag: int,
) -> _Run:
    return _Run(answers, requests, got, lag=lag)


def _ended(exit_code: int, told: bool) -> _Run:
    return _Run(exit_code=exit_code, told=told)


def _killed(writes: tuple[Request, ...]) -> _Run:
    """Return a run that was killed, with the writes that may still arrive."""
    return _Run(requests=writes, got=(_PENDING,) * len(writes), killed=True)


@cache
def _effect(kind: str, tags: frozenset[str], names: bool) -> _Effect:
    if kind == "list":
        return _Effect(lists=True)
    return _Effect(reads=tags) if kind == "read" else _Effect(writes=tags, names=names)


@cache
def _names(tags: Tags) -> frozenset[str]:
    return frozenset(tag for tag, _ in tags)


def carried_out(tags: Tags, request: Request) -> tuple[Tags, Answer]:
    """Return the state of the registry after a request, and the answer."""
    kind, name, digest = request
    if kind == "list":
        return tags, _names(tags)
    if kind == "read":
        return tags, next((held for tag, held in tags if tag == name), None)
    kept = frozenset(pair for pair in tags if name not in pair)
    after = kept | {(name, digest)} if kind == "write" else kept
    return (tags if after == tags else after), True


def run_alone(program: Program, tags: Tags) -> Ended:
    """Run a program to its end with nobody else there."""
    found = Model([program]).explore(tags)
    (ended,) = found.ends
    return ended


def _end(state: _State) -> Ended:
    return Ended(state[0], tuple(run.exit_code for run in state[2]), tuple(run.told for run in state[2]))
