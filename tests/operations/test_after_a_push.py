"""What happens between the push of an engine and the look after it, which also reads what the push made."""

from collections.abc import Callable, Iterator

import pytest

from tagger.images.engine import Engine as Client
from tagger.images.engine import EngineSource
from tagger.images.registry.credentials import Keychain
from tagger.operations.release import release
from tests.operations.running import Builds, actions, finished, job
from tests.servers.engine import Engine
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.small_registry import Fault, Request, SmallRegistry

NAME = "acme/app"
NEXT = {"2.1", "2", "latest"}


@pytest.fixture
def source(engine: Engine) -> Iterator[EngineSource]:
    """An image of an engine that makes its manifest by a push."""
    engine.build("after/app:build")
    client = Client.find(engine.environ, Keychain())
    yield EngineSource.find(client, "after/app:build")
    client.close()


def after_push(registry: SmallRegistry, react: Callable[[Request], Fault | None]) -> None:
    """Let the registry react to the listings that come after the push."""

    def watch(request: Request) -> Fault | None:
        return react(request) if request.kind == "tags" and "2.1.4" in registry.tags(NAME) else None

    registry.watch = watch


def test_another_build_that_takes_the_exact_tag_is_found_before_a_floating_tag_moves(
    source: EngineSource, small_registry: SmallRegistry, opened: Opener, builds: Builds
) -> None:
    other = builds.source("other")
    other.stage(opened(small_registry, NAME), "other")

    def take(request: Request) -> None:
        if "docker" in request.headers["User-Agent"] and request.method == "PUT" and request.reference == "2.1.4":
            pushed.append(request)
        elif pushed and request.method == "GET" and request.reference == "2.1.4":
            small_registry.put(NAME, "2.1.4", other.root)

    pushed: list[Request] = []
    small_registry.watch = take
    report = finished(release(job(builds, "2.1.4", opened(small_registry, NAME))._replace(source=source)))
    assert (report.exit_code, report.error and report.error.code) == (1, "CONFLICT")
    assert not NEXT.intersection(small_registry.tags(NAME))


def test_what_was_pushed_is_told_where_the_look_after_it_fails(
    source: EngineSource, small_registry: SmallRegistry, opened: Opener, builds: Builds
) -> None:
    after_push(small_registry, lambda _: Fault("answer", Reply(403)))
    report = finished(release(job(builds, "2.1.4", opened(small_registry, NAME))._replace(source=source)))
    assert report.exit_code == 1
    assert report.digest == small_registry.tags(NAME)["2.1.4"]
    assert report.repositories[0].status == "incomplete"
    assert actions(report)[0] == ("2.1.4", "create")
    assert not NEXT.intersection(small_registry.tags(NAME))


def test_a_version_that_was_released_during_the_push_keeps_the_tags_that_it_owns(
    source: EngineSource, small_registry: SmallRegistry, opened: Opener, builds: Builds
) -> None:
    store = opened(small_registry, NAME)
    newer = builds.source("2.1.5")
    newer.stage(store, "other")

    def overtake(_: Request) -> None:
        for tag in ("2.1.5", *NEXT):
            small_registry.put(NAME, tag, newer.root)

    after_push(small_registry, overtake)
    report = finished(release(job(builds, "2.1.4", store)._replace(source=source)))
    assert report.exit_code == 0
    tags = small_registry.tags(NAME)
    assert {tags[tag] for tag in NEXT} == {newer.digest}
    assert tags["2.1.4"] == report.digest != newer.digest
    assert not [request for request in small_registry.asked("PUT", "manifests") if request.reference in NEXT]
