"""What races with what, what the tags should be in the end, and how often they were not."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

from tagger.gates.platforms import ANY
from tagger.images.engine import Engine, EngineSource
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.meters import Meter
from tagger.names import Digest, Reference
from tagger.operations.prepare import Release
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tagger.rules.cascade import Rules
from tagger.rules.versions import Scheme
from tagger.settings.options import DEFAULT_TEMPLATES
from tests.operations.running import finished
from tests.races.model import Ended, Explored, Model, Program, Tags, made, run_alone

__all__ = ["Counted", "Scenario", "counted", "three_runs", "two_pushes", "two_runs", "wrong"]

RULES = Rules.of(DEFAULT_TEMPLATES, scheme=Scheme())
SOME = Rules.of(("{{version}}", "{{major}}", "latest"), scheme=Scheme())
FEW = Rules.of(("{{version}}", "latest"), scheme=Scheme())

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FLOATING = re.compile(r"\d+(\.\d+)?|latest")


def releases(version: str, build: str = "", rules: Rules = RULES) -> Program:
    """Return a run that releases a version, built from `build` or from its own name; the image was pushed before."""

    def run(store: TagStore) -> Report:
        source = ContentSource(store, made(build or version).digest, "docker://model/app@built")
        return finished(release(Release((rules.scheme.parse(version),), rules, (store,), source)))

    return run


class Pushing:
    """An engine of the model: its push makes a manifest of its own, and puts it under the exact tag in one step."""

    keeps_manifests = is_local = False

    def __init__(self, store: TagStore, build: str) -> None:
        self._store, self._build = store, build

    def tag_for_push(self, _image: str, _reference: Reference) -> AbstractContextManager[None]:
        return nullcontext()

    def push(self, reference: Reference, _meter: Meter, taken: Callable[[], bool]) -> str:
        if taken():
            return ""
        manifest = made(self._build, config=_config(self._build))
        self._store.tag(manifest, [reference.tag])
        return manifest.digest


def pushes(version: str, build: str = "", rules: Rules = RULES) -> Program:
    """Return a run that releases a version from an engine, which pushes it under its exact tag."""
    image = build or version

    def run(store: TagStore) -> Report:
        engine = cast("Engine", Pushing(store, image))
        source = EngineSource(engine, "app:build", {"Id": _config(image)})
        job = Release((rules.scheme.parse(version),), rules, (store,), source, platforms=(ANY,))
        return finished(release(job))

    return run


def _config(build: str) -> str:
    return Digest.of(build.encode())


def withdraws(version: str, *, undo: bool = False, purge: bool = False, rules: Rules = RULES) -> Program:
    """Return a run that withdraws a version."""
    return lambda store: finished(withdraw(Withdrawal(version, rules, (store,), undo, purge, confirmed=True)))


def reconciles(rules: Rules = RULES, *, purge: bool = False) -> Program:
    """Return a run that puts the repository in order."""
    return lambda store: finished(reconcile(Reconciliation(rules, (store,), purge)))


def standing(*released: str, withdrawn: Sequence[str] = (), rules: Rules = RULES) -> Tags:
    """Return a repository into which versions were released in turn, and some withdrawn."""
    tags: Tags = frozenset()
    for version in released:
        tags = run_alone(releases(version, rules=rules), tags).tags
    for version in withdrawn:
        tags = run_alone(withdraws(version, rules=rules), tags).tags
    return tags


def wrong(tags: Tags, rules: Rules = RULES) -> list[str]:
    """Return the tags that do not stand where the rule says, worked out without the code under test."""
    held = dict(tags)
    in_force = [tag for tag in held if _VERSION.fullmatch(tag) and f"withdrawn-{tag}" not in held]
    newest: dict[str, str] = {}
    for tag in sorted(in_force, key=lambda tag: tuple(map(int, tag.split(".")))):
        major, minor, _ = tag.split(".")
        floating = ("latest", major, f"{major}.{minor}")[: len(rules.templates) - 1]
        newest |= dict.fromkeys(floating, tag)
    right = {floating: held[tag] for floating, tag in newest.items()}
    found = {tag: digest for tag, digest in held.items() if _FLOATING.fullmatch(tag)}
    return sorted(tag for tag in found.keys() | right.keys() if found.get(tag) != right.get(tag))


@dataclass(frozen=True, slots=True)
class Scenario:
    """Runs that meet in a repository: explored whole, or a `sample` of so many interleavings.

    With `together`, what a run has in flight at the same time is carried out at one moment.
    """

    name: str
    tags: Tags
    programs: tuple[Program, ...]
    rules: Rules = RULES
    kills: int | None = None
    lag: int = 0
    sample: int = 0
    together: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """What an exploration came to.

    `wrong` are the interleavings after which a tag stood where it should not, `exited` how many ended in each
    combination of exit codes, `silent` those that were wrong though every run that lived exited 0, and `left` those
    that were still wrong after one further `reconcile`.
    """

    scenario: Scenario
    explored: Explored
    wrong: int
    silent: int
    left: int
    exits: Mapping[tuple[int | None, ...], int]
    example: Ended | None = None


def counted(scenario: Scenario, seed: int = 1) -> Counted:
    """Explore a scenario and count what is wrong at its ends, and after one further `reconcile`."""
    model = Model(scenario.programs, kills=scenario.kills, lag=scenario.lag, together=scenario.together)
    found = model.sample(scenario.tags, scenario.sample, seed) if scenario.sample else model.explore(scenario.tags)
    amiss = silent = left = 0
    exits: Counter[tuple[int | None, ...]] = Counter()
    example = None
    mended: dict[Tags, bool] = {}
    for end, paths in found.ends.items():
        exits[end.exits] += paths
        if not wrong(end.tags, scenario.rules):
            continue
        amiss += paths
        silent += paths * (not any(end.exits))
        example = example or end
        if end.tags not in mended:
            after = run_alone(reconciles(scenario.rules, purge=True), end.tags)
            mended[end.tags] = not wrong(after.tags, scenario.rules)
        left += paths * (not mended[end.tags])
    return Counted(scenario, found, amiss, silent, left, exits, example)


def two_runs(rules: Rules = SOME) -> Iterator[Scenario]:
    """Yield what two runs may do to each other, every interleaving of it."""
    one = standing("2.1.3", rules=rules)
    two = standing("2.1.3", "2.1.4", rules=rules)
    drifted = frozenset((tag, dict(one)["2.1.3"] if tag == "latest" else digest) for tag, digest in two)
    first, second, older = (releases(version, rules=rules) for version in ("2.1.4", "2.2.0", "1.0.0"))
    yield Scenario("two releases", one, (first, second), rules)
    yield Scenario("two releases, the first ever", frozenset(), (first, second), rules)
    yield Scenario("a release and a backport", one, (second, older), rules)
    builds = (releases("2.1.4", "one build", rules), releases("2.1.4", "another build", rules))
    yield Scenario("two builds of one version", one, builds, rules)
    yield Scenario("the same release twice", one, (first, first), rules)
    withdrawal = withdraws("2.1.4", rules=rules)
    yield Scenario("a withdrawal and a release", two, (withdrawal, second), rules)
    yield Scenario("the only version withdrawn, and a release", one, (withdraws("2.1.3", rules=rules), first), rules)
    yield Scenario("two withdrawals", two, (withdrawal, withdraws("2.1.3", rules=rules)), rules)
    undone = standing("2.1.3", "2.1.4", withdrawn=["2.1.4"], rules=rules)
    undo = withdraws("2.1.4", undo=True, rules=rules)
    yield Scenario("a withdrawal taken back, and a release", undone, (undo, second), rules)
    purge = withdraws("2.1.4", purge=True, rules=rules)
    yield Scenario("a purge and a release", two, (purge, second), rules)
    yield Scenario("a reconcile and a release", drifted, (reconciles(rules), second), rules)
    yield Scenario("a reconcile and a withdrawal", drifted, (reconciles(rules), withdrawal), rules)
    lone = standing("1.0.0", "2.1.3", withdrawn=["1.0.0"], rules=rules)
    lost = lone | {("1", dict(lone)["1.0.0"])} if len(rules.templates) > 2 else lone
    tidy = reconciles(rules, purge=True)
    yield Scenario("a reconcile that tidies, and a release", lost, (tidy, releases("1.0.1", rules=rules)), rules)


def two_pushes(rules: Rules = SOME) -> Iterator[Scenario]:
    """Yield what two runs may do to each other where one releases an image of an engine."""
    one = standing("2.1.3", rules=rules)
    first = pushes("2.1.4", rules=rules)
    yield Scenario("two pushes", one, (first, pushes("2.2.0", rules=rules)), rules)
    yield Scenario("two pushes, the first ever", frozenset(), (first, pushes("2.2.0", rules=rules)), rules)
    yield Scenario("a push and a backport", one, (first, pushes("1.0.0", rules=rules)), rules)
    yield Scenario("a push and a release", one, (first, releases("2.2.0", rules=rules)), rules)
    yield Scenario("the same push twice", one, (first, first), rules)
    builds = (pushes("2.1.4", "one build", rules), pushes("2.1.4", "another build", rules))
    yield Scenario("two pushes of one version", one, builds, rules)
    yield Scenario("a push and a withdrawal", one, (first, withdraws("2.1.3", rules=rules)), rules)
    yield Scenario("a push and a reconcile", one, (first, reconciles(rules)), rules)


def faults(rules: Rules = SOME) -> Iterator[Scenario]:
    """Yield runs of which the first may be killed at any moment, and runs whose listings lag."""
    one, two = standing("2.1.3", rules=rules), standing("2.1.3", "2.1.4", rules=rules)
    first, second = releases("2.1.4", rules=rules), releases("2.2.0", rules=rules)
    withdrawal = withdraws("2.1.4", rules=rules)
    yield Scenario("a release, killed", one, (first,), rules, kills=0)
    yield Scenario("a withdrawal, killed", two, (withdrawal,), rules, kills=0)
    yield Scenario("two releases, one killed", one, (first, second), rules, kills=0)
    yield Scenario("a withdrawal, killed, and a release", two, (withdrawal, second), rules, kills=0)
    yield Scenario("two releases, each listing may lag once", one, (first, second), rules, lag=1)


def three_runs(rules: Rules = SOME, sample: int = 0) -> Iterator[Scenario]:
    """Yield what three runs may do to each other: every interleaving of their round trips, or a sample of so many."""
    one, two = standing("2.1.3", rules=rules), standing("2.1.3", "2.1.4", rules=rules)
    first, second, third = (releases(version, rules=rules) for version in ("2.1.4", "2.2.0", "3.0.0"))
    withdrawal, tidy = withdraws("2.1.4", rules=rules), reconciles(rules)
    builds = [releases("2.1.4", f"build {number}", rules) for number in range(3)]
    for name, tags, programs in (
        ("three releases", one, (first, second, third)),
        ("three builds of one version", one, tuple(builds)),
        ("two releases and a reconcile", one, (first, second, tidy)),
        ("two releases and a withdrawal", two, (second, third, withdrawal)),
    ):
        yield Scenario(name, tags, programs, rules, sample=sample, together=not sample)
