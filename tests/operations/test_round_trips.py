"""What a release asks of a registry: nothing twice, nothing for nothing, and side by side whatever does not depend."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tagger.concurrency import Ahead
from tagger.images.builds import AssembledSource, Build, assemble_builds
from tagger.images.engine import Engine as Client
from tagger.images.engine import EngineSource
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.registry.repository import RegistryRepository
from tagger.images.sources import ContentSource
from tagger.images.stores import Source
from tagger.names import Repository
from tagger.operations.reconcile import Reconciliation, reconcile
from tagger.operations.release import plan, release
from tagger.results import Passed
from tests.images.making import make_index
from tests.operations.running import RULES, Builds, finished, job, released
from tests.servers.engine import Engine
from tests.servers.small_registry import Fault, Request, SmallRegistry
from tests.servers.token_server import TokenServer

NAME = "acme/app"
JOBS = 8  # the default, and one more by the answer to the greeting: what the first look of a release asks at once
LIST = "GET tags"
READ_FLOATING = ("HEAD 2.1", "HEAD 2", "HEAD latest")
WRITE_FLOATING = ("PUT 2.1", "PUT 2", "PUT latest")
MARKS = ("HEAD withdrawn-2.1.4", "HEAD held-2.1.4")
POLICY = "GET tagger-policy"
FIRST = (LIST, POLICY, "GET 2.1.3", *MARKS, *READ_FLOATING)
VERIFY = (LIST, "HEAD tagger-policy", "HEAD 2.1.4", *MARKS, *READ_FLOATING)

Open = Callable[..., RegistryRepository]


@pytest.fixture
def guarded() -> Iterator[SmallRegistry]:
    """A registry that wants tokens of a server that nobody knows beforehand."""
    with TokenServer(users={"tester": "secret"}) as tokens, SmallRegistry(tokens=tokens) as registry:
        yield registry


@pytest.fixture
def met(guarded: SmallRegistry) -> Iterator[Open]:
    """Open a repository of a registry that was greeted, as the command line does."""
    clients = []

    def open_one(name: str = NAME, jobs: int = JOBS) -> RegistryRepository:
        client = Registries(keychain=Keychain(logins=[(guarded.host, "tester", "secret")]), jobs=jobs, most=64)
        clients.append(client)
        store = client.repository(Repository(guarded.host, name), write=True)
        store.connect()
        return store

    yield open_one
    for client in clients:
        client.close()


@contextmanager
def rounds(registry: SmallRegistry, *expected: Sequence[str]) -> Iterator[None]:
    """See that the requests come in these rounds: none of a round is answered before all of it have arrived.

    An engine's requests are not counted. Its layers wait for an upload of Tagger's, so that there is one order.
    """
    registry.requests.clear()
    arrived: list[str] = []
    waited_for: list[str] = []
    changed = threading.Condition()
    ends = [sum(map(len, expected[: number + 1])) for number in range(len(expected))]

    def watch(request: Request) -> Fault | None:
        with changed:
            if not request.headers.get("User-Agent", "").startswith("tagger/"):
                if request.method == "PATCH":
                    changed.wait_for(lambda: "PUT uploads" in arrived, 10)
                return None
            what = request.kind if request.kind in ("tags", "uploads") else request.reference
            arrived.append(f"{request.method} {what}".strip())
            place = len(arrived)
            changed.notify_all()
            end = next((end for end in ends if place <= end), place)
            if not changed.wait_for(lambda: len(arrived) >= end, 10):
                waited_for.append(arrived[-1])
        return None

    registry.watch = watch
    yield
    registry.watch = lambda _request: None
    starts = [0, *ends]
    found = [sorted(arrived[start:end]) for start, end in zip(starts, [*ends, None], strict=True)]
    assert found == [*map(sorted, expected), []]
    assert not waited_for, "after this one came another, though nothing of it was needed"


def brought(blobs: Sequence[str]) -> Sequence[Sequence[str]]:
    """Return the rounds from the blobs on of a release whose image is brought into the repository."""
    uploads = [[f"{method} uploads"] * len(blobs) for method in ("POST", "PUT")]
    return [blobs, *uploads, ["HEAD 2.1.4"], ["PUT 2.1.4"], VERIFY, WRITE_FLOATING, VERIFY]


def test_a_release_of_an_image_that_is_there(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    released(builds, "2.1.3", met())
    builds.source("2.1.4").stage(met(), "2.1.4")
    assert guarded.tokens
    tokens = len(guarded.tokens.requests)
    with rounds(guarded, ["GET"], ["GET 2.1.4", *FIRST], WRITE_FLOATING, VERIFY):
        assert finished(release(job(builds, "2.1.4", met())._replace(source=None))).changed
    assert len(guarded.tokens.requests) == tokens + 1
    assert [request.status for request in guarded.requests].count(401) == 1

    with rounds(guarded, ["GET"], ["GET 2.1.4", *FIRST]):
        assert not finished(release(job(builds, "2.1.4", met())._replace(source=None))).changed


def test_a_release_of_two_builds_that_are_there(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    """It is read while the repository is looked at: a round more than one image, for the configs of the platforms."""
    before = make_index(builds.layout, "2.1.3")
    finished(release(job(builds, "2.1.3", met())._replace(source=ContentSource(builds.layout, before.digest, "built"))))
    legs = []
    for platform in ("linux/amd64", "linux/arm64"):
        legs.append(make_index(builds.layout, "2.1.4", platforms=[platform]))
        ContentSource(builds.layout, legs[-1].digest, platform).stage(met(), f"built-{platform[6:]}")
    children = [child for leg in legs for child in leg.children()]
    images = [builds.layout.manifest(child.digest) for leg in legs for child in leg.children()[:1]]
    configs = [f"GET {config.digest}" for image in images if (config := image.config())]
    first = [*(f"GET {leg.digest}" for leg in legs), "GET 2.1.4", *FIRST]
    store = met(jobs=len(first))

    def read() -> AssembledSource:
        return assemble_builds([Build(store, leg.digest, leg.digest) for leg in legs], reference="both")

    with rounds(
        guarded,
        ["GET"],
        first,
        [f"GET {child.digest}" for child in children],
        configs,
        ["HEAD 2.1.4"],
        ["PUT 2.1.4"],
        VERIFY,
        WRITE_FLOATING,
        VERIFY,
    ):
        merging = job(builds, "2.1.4", store)._replace(source=None, awaited=Ahead(read).get)
        assert finished(release(merging)).changed


def test_a_release_of_one_image_that_is_there_by_its_digest(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    """What the release of two builds is compared with."""
    before = make_index(builds.layout, "2.1.3")
    finished(release(job(builds, "2.1.3", met())._replace(source=ContentSource(builds.layout, before.digest, "built"))))
    index = make_index(builds.layout, "2.1.4")
    ContentSource(builds.layout, index.digest, "built").stage(met(), "built")
    store = met()
    with rounds(
        guarded,
        ["GET"],
        [f"GET {index.digest}"],
        ["GET 2.1.4", *FIRST],
        ["HEAD 2.1.4"],
        ["PUT 2.1.4"],
        VERIFY,
        WRITE_FLOATING,
        VERIFY,
    ):
        source = ContentSource.resolve(store, index.digest, "built")
        assert finished(release(job(builds, "2.1.4", store)._replace(source=source))).changed


def test_a_plan_is_one_look(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    builds.source("2.1.4").stage(met(), "2.1.4")
    with rounds(guarded, ["GET"], ["GET 2.1.4", *FIRST]):
        assert finished(plan(job(builds, "2.1.4", met())._replace(source=None))).changed


def test_a_release_that_brings_its_image(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    source = builds.source("2.1.4")
    blobs = [f"HEAD {blob.digest}" for blob in source.root.blobs()]
    with rounds(
        guarded,
        ["GET"],
        ["GET 2.1.4", *FIRST],
        *brought(blobs),
    ):
        assert released(builds, "2.1.4", met()).changed


def test_a_release_of_an_image_of_the_engine(guarded: SmallRegistry, met: Open, builds: Builds, engine: Engine) -> None:
    """The config is uploaded beside the push. Once the layers are there, it is asked again whether the tag is free.

    What the push made is read with the look after it.
    """
    engine.build("rounds/app:build")
    client = Client.find(engine.environ, Keychain(logins=[(guarded.host, "tester", "secret")]))
    source = EngineSource.find(client, "rounds/app:build")
    with rounds(
        guarded,
        ["GET"],
        ["GET 2.1.4", *FIRST],
        ["HEAD 2.1.4"],
        ["POST uploads"],
        ["PUT uploads"],
        ["HEAD 2.1.4"],
        ["GET 2.1.4", *(request for request in VERIFY if request != "HEAD 2.1.4")],
        WRITE_FLOATING,
        VERIFY,
    ):
        report = finished(release(job(builds, "2.1.4", met())._replace(source=source)))
    client.close()
    assert (report.exit_code, report.changed) == (0, True)
    assert set(guarded.tags(NAME).values()) == {report.digest}


def test_a_backport_asks_for_the_image_of_the_newest_version_alone(
    guarded: SmallRegistry, met: Open, builds: Builds
) -> None:
    for version in ("2.1.3", "2.1.5", "3.0.0"):
        released(builds, version, met())
    builds.source("2.1.4").stage(met(), "2.1.4")
    first = ["GET 2.1.4", *FIRST]
    owners = [f"HEAD {begin}{version}" for version in ("2.1.5", "3.0.0") for begin in ("", "withdrawn-", "held-")]
    with rounds(guarded, ["GET"], first, owners):
        assert not finished(release(job(builds, "2.1.4", met())._replace(source=None))).changed


def test_reconciling_reads_the_floating_tags_and_their_owners(
    guarded: SmallRegistry, met: Open, builds: Builds
) -> None:
    for version in ("2.1.3", "2.1.4", "2.0.9"):
        released(builds, version, met())
    digests = [f"HEAD {tag}" for tag in ("2.0", "2.1", "2", "latest", "2.0.9", "2.1.4")]
    with rounds(guarded, ["GET"], [LIST, POLICY], digests):
        assert not finished(reconcile(Reconciliation(RULES, (met(),)))).changed


def test_platforms_are_compared_by_what_was_read_already(guarded: SmallRegistry, met: Open, builds: Builds) -> None:
    """Where both images are indexes, the look that decides has read them both."""
    for version in ("2.1.3", "2.1.4"):
        image = make_index(builds.layout, version)
        ContentSource(builds.layout, image.digest, version).stage(met(), version)
    finished(release(job(builds, "2.1.3", met())._replace(source=None)))
    with rounds(guarded, ["GET"], ["GET 2.1.4", *FIRST], WRITE_FLOATING, VERIFY):
        assert finished(release(job(builds, "2.1.4", met())._replace(source=None))).changed


def test_the_configs_of_two_single_images_are_a_round_of_their_own(
    guarded: SmallRegistry, met: Open, builds: Builds
) -> None:
    """They alone tell the platforms. It is paid where an image is brought, not by a retag."""
    released(builds, "2.1.3", met())
    source, before = builds.source("2.1.4"), builds.source("2.1.3").root.config()
    assert before
    blobs = [f"HEAD {blob.digest}" for blob in source.root.blobs()]
    with rounds(
        guarded,
        ["GET"],
        ["GET 2.1.4", *FIRST],
        [f"GET {before.digest}"],
        *brought(blobs),
    ):
        assert released(builds, "2.1.4", met()).changed


def test_a_retag_compares_the_platforms_of_single_images_where_a_gate_reads_the_config_in_any_case(
    guarded: SmallRegistry, met: Open, builds: Builds
) -> None:
    """The config of the image before comes in the same round."""
    released(builds, "2.1.3", met())
    builds.source("2.1.4").stage(met(), "2.1.4")
    configs = [config for text in ("2.1.3", "2.1.4") if (config := builds.source(text).root.config())]

    def gate(source: Source) -> Passed:
        return Passed() if source.configs() else pytest.fail("an image has a config")

    with rounds(
        guarded,
        ["GET"],
        ["GET 2.1.4", *FIRST],
        [f"GET {config.digest}" for config in configs],
        WRITE_FLOATING,
        VERIFY,
    ):
        assert finished(release(job(builds, "2.1.4", met())._replace(source=None, gate=gate))).changed
