"""Every pair of runs from every small state: versions 1 to 3, at most one mark, `latest` right, drifted or absent.

The states and runs are those of a model that was written before the code, by hand; here the shipped code is explored.
A policy, where there is one, keeps `latest` below 3. Beside a run that sets or removes it, and after a run that was
killed, `latest` may stand wrong: then a run says that something drifted, and one `reconcile` puts it right.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, combinations_with_replacement
from typing import NamedTuple

from tagger.images.artifacts import HELD, artifact, policy_artifact
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.operations.approve import Approval, approve
from tagger.operations.policy import PolicyChange, policy
from tagger.operations.prepare import Release
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tagger.rules.marks import POLICY_TAG
from tagger.rules.policy import Said, own_policy
from tagger.rules.terms import PolicyTerms
from tests.operations.running import finished
from tests.races.model import MANIFESTS, Model, Program, Tags, made, run_alone
from tests.races.scenarios import FEW

__all__ = [
    "Run", "State", "Wrong", "explored", "killed", "kills", "pairs", "policies", "states", "triples", "untold",
    "wrong_ends",
]  # fmt: skip

LATEST = "latest"
TEMPLATES = Said(("{{version}}", LATEST), "--tags")
LIMIT = Said(("<3",), "--stable")
POLICY = policy_artifact(own_policy({"tags": TEMPLATES, "stable": LIMIT}).to_json())
Mark = tuple[str, int]


class State(NamedTuple):
    """A repository: its versions, its marks (`withdrawn` or `held`), and whose image `latest` holds.

    `latest` is a version, 0 where the tag is absent, -1 where it holds an image of nobody. A `policy` keeps it below 3.
    """

    versions: tuple[int, ...]
    marks: tuple[Mark, ...]
    latest: int
    policy: bool = False

    @property
    def tags(self) -> Tags:
        """The tags of the repository."""
        found = {name(version): image(version) for version in self.versions}
        for kind, version in self.marks:
            found[f"{kind}-{name(version)}"] = image(version) if kind == "withdrawn" else held(version)
        if self.latest:
            found[LATEST] = image(self.latest)
        if self.policy:
            found[POLICY_TAG] = MANIFESTS.setdefault(POLICY.digest, POLICY).digest
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
    if found.get(POLICY_TAG) == POLICY.digest:
        force = [tag for tag in force if tag < "3"]
    return found[max(force)] if force else None


def terms(**said: Said) -> PolicyTerms:
    """Return the terms of a run that follows the policy of the repository."""
    return PolicyTerms({"tags": TEMPLATES, **said})


def releasing(version: int, *, hold: bool = False) -> Program:
    """Return a run that releases a version, as a held one or not."""

    def run(store: TagStore) -> Report:
        source = ContentSource(store, image(version), "docker://model/app@built")
        job = Release((FEW.scheme.parse(name(version)),), FEW, (store,), source, terms=terms(), hold=hold)
        return finished(release(job._replace(again=lambda rules: job._replace(rules=rules))))

    return run


def program(run: Run) -> Program:
    """Return what a run does."""
    verb, version = run[0], name(run[1])
    match verb:
        case "release" | "hold":
            return releasing(run[1], hold=verb == "hold")
        case "withdraw" | "undo":
            undo = verb == "undo"
            return lambda store: finished(withdraw(Withdrawal(version, FEW, (store,), undo, terms=terms())))
        case "approve":
            return lambda store: finished(approve(Approval(version, FEW, (store,), terms())))
        case "set":
            return lambda store: finished(policy(PolicyChange("set", terms(stable=LIMIT), (store,))))
        case "unset":
            return lambda store: finished(policy(PolicyChange("unset", terms(), (store,))))
    return lambda store: finished(reconcile(Reconciliation(FEW, (store,), terms=terms())))


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


def policies(most: int = 3) -> Iterator[tuple[State, tuple[Run, ...]]]:
    """Yield every run beside one that sets the policy or removes it, pairs under a policy, and a few triples.

    All start from right states.
    """
    for versions in ((1,), (1, 2)):
        start = State(versions, (), versions[-1])
        for some in combinations([("release", 2), ("release", 3), ("hold", 3), ("withdraw", 1), ("reconcile", 0)], 2):
            yield start, (("set", 0), *some)
            yield start._replace(policy=True), (("unset", 0), *some)
    for state in states(most):
        plain, limited = state, state._replace(policy=True)
        for run in runs(state, most):
            if plain.right:
                yield plain, (("set", 0), run)
            if limited.right:
                yield limited, (("unset", 0), run)
        for some in combinations_with_replacement(runs(state, most), 2) if limited.right else ():
            yield limited, some


def kills(most: int = 3) -> Iterator[tuple[State, tuple[Run, ...]]]:
    """Yield every run that may be killed, from every right state, with a policy and without."""
    for state in states(most):
        for start in (state, state._replace(policy=True)):
            yield from ((start, (run,)) for run in (*runs(state, most), ("set", 0), ("unset", 0)) if start.right)


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


def untold(given: tuple[State, tuple[Run, ...]]) -> list[Wrong]:
    """Return the wrong ends of some runs of which none says that something drifted, and those that cannot be mended.

    Where no version is left for a tag, nothing says so before `reconcile --purge`.
    """
    state, some = given
    ends = Model([program(run) for run in some], together=len(some) > 2).explore(state.tags).ends
    wrong = [end for end in ends if dict(end.tags).get(LATEST) != newest(end.tags)]
    left = [end for end in wrong if not ((any(end.told) or newest(end.tags) is None) and _reconciled(end.tags))]
    return [Wrong(state, some, end.tags) for end in left]


def killed(given: tuple[State, tuple[Run, ...]]) -> list[Wrong]:
    """Return the wrong ends of a killed run that the next run neither mends nor names, and those that stay.

    The next run is a backport, which owns no floating tag where there is another version.
    """
    state, some = given
    ends = {end.tags for end in Model([program(run) for run in some], kills=0).explore(state.tags).ends}
    found = []
    for tags in ends:
        if dict(tags).get(LATEST) != newest(tags):
            after = run_alone(releasing(0), tags)
            mended = dict(after.tags).get(LATEST) == newest(after.tags)
            if not ((mended or any(after.told)) and _reconciled(tags)):
                found.append(Wrong(state, some, tags))
    return found


def _reconciled(tags: Tags) -> bool:
    tidy = Reconciliation(FEW, (), purge=True)
    after = run_alone(lambda store: finished(reconcile(tidy._replace(stores=(store,), terms=terms()))), tags).tags
    return dict(after).get(LATEST) == newest(after)
