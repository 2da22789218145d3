"""A listing is a claim: it may omit tags, lag, or end in null, and the floating tags end as with an honest one."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.images.layout import Layout
from tagger.images.registry.repository import RegistryRepository
from tagger.images.sources import ContentSource
from tagger.names import Repository
from tagger.operations.approve import Approval, approve
from tagger.operations.delete import Deletion, delete
from tagger.operations.prepare import Release
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import release
from tagger.operations.withdraw import Withdrawal, withdraw
from tagger.results import Report
from tests.images.making import make_image
from tests.operations.running import RULES, actions, finished, standing
from tests.servers.small_registry import Request, SmallRegistry

Listing = Callable[[list[str]], list[str]]
LABEL = "org.opencontainers.image.version"
PART = st.sampled_from((0, 1, 2, 10, 11))
VERSIONS = st.lists(st.builds("{}.{}.{}".format, PART, PART, PART), unique=True, min_size=2, max_size=8)


def prefix_fault(tags: list[str]) -> list[str]:
    """Omit what distribution 3.1.0 omits on S3: a tag that begins with the one listed before it (its issue 4891)."""
    found: list[str] = []
    for tag in sorted(tags, key=lambda tag: f"{tag}/".encode()):
        if not (found and tag.startswith(found[-1])):
            found.append(tag)
    return sorted(found)


def some_omitted(seed: int, count: int = 2) -> Listing:
    """Omit `count` tags of each listing, at random."""
    random = Random(seed)
    return lambda tags: sorted(random.sample(tags, max(len(tags) - count, 0)))


def one_behind() -> Listing:
    """List what stood before the last tag came."""
    states: list[list[str]] = [[], []]

    def lists(tags: list[str]) -> list[str]:
        if tags != states[-1]:
            states.append(list(tags))
        return states[-2]

    return lists


class Late:
    """Lists a tag one second after it came, and one that is gone a second longer; `watch` sees the requests."""

    def __init__(self) -> None:
        self.changed: dict[str, float] = {}
        self.before: set[str] = set()

    def watch(self, request: Request) -> None:
        if request.kind == "manifests" and request.method in ("PUT", "DELETE"):
            self.changed.setdefault(request.reference, time.monotonic())

    def __call__(self, tags: list[str]) -> list[str]:
        late = {tag for tag, at in self.changed.items() if time.monotonic() - at < 1}
        self.changed = {tag: self.changed[tag] for tag in late}
        self.before = {tag for tag in tags if tag not in late} | (self.before & late)
        return sorted(self.before)


class Released:
    """A repository of a registry, and images that carry their version as a label, or none."""

    def __init__(self, registry: SmallRegistry, store: RegistryRepository, builds: Layout, *, labelled: bool) -> None:
        self.registry, self.store, self.builds, self.labelled = registry, store, builds, labelled

    def job(self, version: str) -> Release:
        """Return the release of a version."""
        labels = {LABEL: version} if self.labelled else {}
        image = make_image(self.builds, version, labels=labels)
        source = ContentSource(self.builds, image.digest, version)
        return Release((RULES.scheme.parse(version),), RULES, (self.store,), source)

    def release(self, version: str) -> Report:
        """Release a version."""
        return finished(release(self.job(version)))

    @property
    def held(self) -> Mapping[str, str | None]:
        """Every tag that stands, whatever is listed."""
        lists, self.registry.lists = self.registry.lists, lambda tags: tags
        found = standing(self.store)
        self.registry.lists = lists
        return found

    def wrong(self, withdrawn: Sequence[str] = ()) -> list[str]:
        """Return the floating tags that do not hold the newest version of their class."""
        held = self.held
        exact = [tag for tag in held if tag.count(".") == 2 and tag[0].isdecimal() and tag not in withdrawn]
        right: dict[str, str | None] = {}
        for tag in sorted(exact, key=lambda tag: [int(number) for number in tag.split(".")]):
            major, minor, _ = tag.split(".")
            right |= dict.fromkeys((f"{major}.{minor}", major, "latest"), held[tag])
        return [tag for tag, digest in right.items() if held.get(tag) != digest]


Open = Callable[..., Released]


@pytest.fixture(scope="module")
def opened_repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Open an empty repository, of a registry that lists what it is told to list."""
    builds = Layout(tmp_path_factory.mktemp("builds") / "builds")
    with SmallRegistry() as registry, registry.client() as client:

        def open_one(lists: Listing = lambda tags: tags, *, labelled: bool = True) -> Released:
            registry.lists, registry.watch = lists, lambda _request: None
            store = client.repository(Repository(registry.host, f"acme/{uuid4().hex[:12]}"), write=True)
            return Released(registry, store, builds, labelled=labelled)

        yield open_one


@settings(max_examples=25, deadline=None)
@given(VERSIONS, st.integers(0, 9))
def test_releases_end_as_with_an_honest_listing(opened_repository: Open, versions: list[str], seed: int) -> None:
    for lists in (prefix_fault, some_omitted(seed), some_omitted(seed, 5), one_behind()):
        repository = opened_repository(lists)
        for version in versions:
            assert repository.release(version).exit_code == 0
            assert repository.wrong() == []


@settings(max_examples=15, deadline=None)
@given(VERSIONS)
def test_releases_end_right_by_a_listing_that_is_a_second_late(opened_repository: Open, versions: list[str]) -> None:
    late = Late()
    repository = opened_repository(late)
    repository.registry.watch = late.watch
    for version in versions:
        assert repository.release(version).exit_code == 0
        assert repository.wrong() == []
    held = "7.0.0"
    report = finished(release(repository.job(held)._replace(hold=True)))
    assert (report.exit_code, repository.wrong([held])) == (0, [])
    assert finished(approve(Approval(held, RULES, (repository.store,)))).exit_code == 0
    assert repository.wrong() == []


def test_a_version_that_another_hides_is_released_and_that_is_said(opened_repository: Open) -> None:
    repository = opened_repository(prefix_fault)
    for version in ("2.1.1", "2.1.10"):
        report = repository.release(version)
        assert report.exit_code == 0
    assert repository.wrong() == []
    assert [warning.code for warning in report.warnings] == ["INCOMPLETE_LISTING"]
    assert "2.1.10" in report.warnings[0].message


def test_a_hidden_version_keeps_its_tags(opened_repository: Open) -> None:
    repository = opened_repository(prefix_fault)
    for version in ("1.0.0", "10.0.0"):
        repository.release(version)
    report = repository.release("2.9.0")
    assert dict(actions(report))["latest"] == "hold"
    assert "INCOMPLETE_LISTING" in {warning.code for warning in report.warnings}


@pytest.mark.parametrize("mark", ["withdrawn-2.1.5", "held-2.1.5"])
def test_a_hidden_mark_counts(opened_repository: Open, mark: str) -> None:
    repository = opened_repository()
    for version in ("2.1.3", "2.1.5"):
        repository.release(version)
    store = repository.store
    store.tag(store.manifest("2.1.5"), [mark])
    store.tag(store.manifest("2.1.3"), ["2.1", "2", "latest"])
    repository.registry.lists = lambda tags: [tag for tag in tags if tag != mark]
    assert dict(actions(repository.release("2.1.4"))) == {
        "2.1.4": "create", "2.1": "move", "2": "move", "latest": "move",
    }  # fmt: skip


def test_an_image_that_names_no_version_is_moved_and_named(opened_repository: Open) -> None:
    repository = opened_repository(labelled=False)
    for version in ("1.0.0", "3.0.0"):
        repository.release(version)
    repository.registry.lists = lambda tags: [tag for tag in tags if tag != "3.0.0"]
    report = repository.release("2.0.0")
    assert dict(actions(report))["latest"] == "move"
    assert [warning.code for warning in report.warnings] == ["UNKNOWN_IMAGE"]
    assert "latest holds an image that has no version label" in report.warnings[0].message


def test_an_image_that_says_a_version_without_a_tag(opened_repository: Open) -> None:
    repository = opened_repository()
    repository.release("1.0.0")
    make_image(repository.store, "another", "latest", labels={LABEL: "3.0.0"})
    report = repository.release("2.0.0")
    assert dict(actions(report))["latest"] == "move"
    assert "latest holds an image that says it is 3.0.0, and there is no tag 3.0.0" in report.warnings[0].message


def test_a_reconcile_by_an_incomplete_listing_writes_nothing(opened_repository: Open) -> None:
    repository = opened_repository()
    for version in ("2.9.0", "2.10.0"):
        repository.release(version)
    before = repository.held
    repository.registry.lists = lambda tags: [tag for tag in tags if tag != "2.10.0"]
    report = finished(reconcile(Reconciliation(RULES, (repository.store,))))
    assert (report.exit_code, report.error and report.error.code) == (1, "INCOMPLETE_LISTING")
    assert repository.held == before


@pytest.mark.parametrize(
    ("versions", "hidden"),
    [
        (("2.1.9", "2.1.10", "2.1.11"), "2.1.10"),
        (("2.1.9", "2.1.10", "2.2.0"), "2.1.10"),
        (("1.0.0", "2.0.0", "3.0.0"), "2.0.0"),
        (("1.0.0", "2.0.0", "2.1.0"), "2.0.0"),
    ],
)
def test_a_withdrawal_goes_to_the_newest_version_left_though_it_is_not_listed(
    opened_repository: Open, versions: Sequence[str], hidden: str
) -> None:
    repository = opened_repository()
    for version in versions:
        repository.release(version)
    repository.registry.lists = lambda tags: [tag for tag in tags if tag != hidden]
    report = finished(withdraw(Withdrawal(versions[-1], RULES, (repository.store,))))
    assert (report.exit_code, repository.wrong(versions[-1:])) == (0, [])
    assert [warning.code for warning in report.warnings] == ["INCOMPLETE_LISTING"]
    assert hidden in report.warnings[0].message


def test_null_on_the_last_page(opened_repository: Open, tmp_path: Path) -> None:
    with SmallRegistry(null_tags=True, page_size=2) as registry, registry.client() as client:
        store = client.repository(Repository(registry.host, "acme/app"), write=True)
        repository = Released(registry, store, Layout(tmp_path / "builds"), labelled=True)
        for version in ("1.0.0", "2.0.0"):
            assert repository.release(version).exit_code == 0
        assert repository.wrong() == []


def test_every_verb_tells_what_it_noticed_and_left_alone(opened_repository: Open) -> None:
    repository = opened_repository()
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        repository.release(version)
    store = repository.store
    make_image(store, "another", "latest", labels={LABEL: "9.0.0"})
    report = finished(withdraw(Withdrawal("3.0.0", RULES, (store,))))
    assert [(warning.code, "`reconcile`" in warning.message) for warning in report.warnings] == [("DRIFTED", True)]
    assert dict(actions(report))["latest"] == "hold"
    report = finished(reconcile(Reconciliation(RULES, (store,))))
    assert dict(actions(report))["latest"] == "move"
    assert "latest holds an image that says it is 9.0.0, and there is no tag 9.0.0" in report.warnings[0].message


@pytest.mark.parametrize("hidden", [("0.10.10", "withdrawn-0.10.10"), ("0.10.10", "withdrawn-0.10.10", "0", "0.10")])
def test_a_withdrawal_keeps_the_image_of_a_version_that_the_listing_omits(
    opened_repository: Open, hidden: Sequence[str]
) -> None:
    """Its floating tags go, also those that are omitted, and its exact tag, its mark and its image stay."""
    repository = opened_repository(labelled=True)
    for version in ("1.0.0", "0.10.10"):
        assert repository.release(version).exit_code == 0
    repository.registry.lists = lambda tags: [tag for tag in tags if tag not in hidden]
    report = finished(withdraw(Withdrawal("0.10.10", RULES, (repository.store,))))
    assert (report.exit_code, report.error) == (0, None)
    assert repository.held.keys() == {"1.0.0", "1.0", "1", "latest", "0.10.10", "withdrawn-0.10.10"}


@pytest.mark.parametrize("hidden", [("3.0.0",), ("3.0.0", "withdrawn-3.0.0")])
def test_a_purge_keeps_the_image_of_a_version_that_the_listing_omits(
    opened_repository: Open, hidden: Sequence[str]
) -> None:
    repository = opened_repository(labelled=True)
    for version in ("1.0.0", "3.0.0"):
        assert repository.release(version).exit_code == 0
    assert finished(withdraw(Withdrawal("3.0.0", RULES, (repository.store,)))).exit_code == 0
    repository.store.tag(repository.store.manifest("3.0.0"), ["3.0", "3"])
    repository.registry.lists = lambda tags: [tag for tag in tags if tag not in hidden]
    finished(reconcile(Reconciliation(RULES, (repository.store,), purge=True, confirmed=True, force=True)))
    assert {"3.0.0", "withdrawn-3.0.0"} <= repository.held.keys()


def test_a_deletion_of_a_floating_tag_keeps_the_image_of_a_version_that_the_listing_omits(
    opened_repository: Open,
) -> None:
    repository = opened_repository(labelled=True)
    for version in ("1.0.0", "3.0.0"):
        assert repository.release(version).exit_code == 0
    repository.registry.lists = lambda tags: [tag for tag in tags if tag not in ("3.0.0", "latest")]
    finished(delete(Deletion(("3", "3.0"), RULES, (repository.store,), confirmed=True, force=True)))
    assert repository.held.keys() == {"1.0.0", "1.0", "1", "3.0.0", "latest"}
