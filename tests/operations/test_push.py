"""Every local tag of an image of the engine, pushed with one command by real engines into real registries."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import pytest

from tagger.images.engine import Engine, EngineSource
from tagger.images.layout import Layout
from tagger.images.registry.credentials import Keychain
from tagger.images.stores import TagStore
from tagger.operations.push import Push, push
from tagger.results import Event, Report
from tests.operations.running import RULES, actions, finished, standing
from tests.servers.engine import Engine as Running
from tests.servers.fixtures_registry import Opener
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Fault, Reply, SmallRegistry


@pytest.fixture
def built(running: Running, name: str) -> Callable[..., str]:
    """Build images and tag them: `built("2.1.4", "2.1", text="new")`; return their name in the engine."""
    local = name.removeprefix("acme/")

    def build(*tags: str, text: str = "") -> str:
        image = running.build(f"{local}:{tags[0]}", (text or tags[0]).encode())
        for tag in tags[1:]:
            running.docker("tag", image, f"{local}:{tag}")
        return local

    return build


def pushed(
    client: Engine,
    name: str,
    *stores: TagStore,
    only: Sequence[str] = (),
    dry_run: bool = False,
    events: list[Event] | None = None,
) -> Report:
    """Push the local tags of an image, and return the report."""
    found = {tag: image for tag, image in client.local_tags(name).items() if not only or tag in only}
    sources = {image: EngineSource.find(client, f"{name}:{tag}") for tag, image in found.items()}
    job = Push(name, {tag: sources[image] for tag, image in found.items()}, RULES, stores)
    return finished(push(job, dry_run=dry_run), events)


def test_every_tag_into_several_repositories_and_each_layer_once(
    client: Engine, built: Callable[..., str], own_registry: DockerRegistry, opened: Opener, tmp_path: Path, name: str
) -> None:
    local = built("2.1.4", "2.1", "latest")
    built("2.0.9", text="old")
    one, other, third = opened(own_registry, name), opened(own_registry, f"{name}-too"), Layout(tmp_path / "layout")
    stores = (one, other, third)
    events: list[Event] = []
    report = pushed(client, local, *stores, events=events)
    assert (report.exit_code, report.command) == (0, "push")
    assert dict(actions(report)) == dict.fromkeys(("2.0.9", "2.1", "2.1.4", "latest"), "create")
    digests = standing(one)
    assert len(set(digests.values())) == 2
    assert digests["2.1"] == digests["2.1.4"] == digests["latest"] != digests["2.0.9"]
    assert standing(other) == standing(third) == digests
    for place in range(3):
        assert {c.tag: c.after for c in report.repositories[place].changes} == digests
    assert [event.kind for event in events].count("pushing") == 2
    assert {event.kind for event in events} == {"pushing", "staged", "verified"}
    assert own_registry.running
    uploads = [line for line in own_registry.running.requests() if line.startswith("PUT") and "/uploads/" in line]
    blobs = [unquote(line.rpartition("digest=")[2]) for line in uploads]
    # A config is brought beside the push, which may bring it too.
    configs = {config.digest for image in digests.values() if image and (config := one.manifest(image).config())}
    layers = [blob for blob in blobs if blob not in configs]
    assert configs < set(blobs)
    assert len(layers) == len(set(layers))
    again = pushed(client, local, *stores)
    assert not again.changed
    assert [outcome.status for outcome in again.repositories] == ["unchanged"] * 3
    assert standing(one) == digests


def test_only_picks_tags(client: Engine, built: Callable[..., str], store: TagStore) -> None:
    local = built("2.1.4", "2.1", "latest")
    assert pushed(client, local, store, only=["2.1", "latest"]).exit_code == 0
    first = standing(store)
    assert first.keys() == {"2.1", "latest"}
    report = pushed(client, local, store)
    assert dict(actions(report)) == {"2.1": "keep", "2.1.4": "create", "latest": "keep"}
    assert set(standing(store).values()) == set(first.values())


def test_a_plain_tag_moves_and_a_version_is_written_once(
    client: Engine, built: Callable[..., str], store: TagStore
) -> None:
    local = built("2.1.4", "edge")
    assert pushed(client, local, store).exit_code == 0
    before = standing(store)
    built("edge", text="newer")
    planned = pushed(client, local, store, dry_run=True)
    assert (dict(actions(planned)), standing(store)) == ({"2.1.4": "keep", "edge": "move"}, before)
    assert pushed(client, local, store).exit_code == 0
    assert standing(store)["edge"] != before["edge"]
    assert standing(store)["2.1.4"] == before["2.1.4"]
    before = standing(store)
    built("2.1.4", "edge", text="another")
    for dry_run in (True, False):
        report = pushed(client, local, store, dry_run=dry_run)
        assert report.error is not None
        assert (report.exit_code, report.error.code) == (1, "CONFLICT")
        assert (actions(report), standing(store)) == ([("2.1.4", "refuse")], before)


def test_what_one_repository_has_is_copied_from_there(
    client: Engine, built: Callable[..., str], open_registry: DockerRegistry, opened: Opener, name: str
) -> None:
    local = built("2.1.4", "latest")
    one, other = opened(open_registry, name), opened(open_registry, f"{name}-too")
    pushed(client, local, one)
    events: list[Event] = []
    report = pushed(client, local, other, one, events=events)
    assert report.exit_code == 0
    assert standing(other) == standing(one)
    assert "pushing" not in {event.kind for event in events}
    assert [outcome.status for outcome in report.repositories] == ["done", "unchanged"]


def test_one_that_fails_does_not_keep_the_others(
    engine: Running, name: str, small_registry: SmallRegistry, opened: Opener, tmp_path: Path
) -> None:
    local = name.removeprefix("acme/")
    engine.build(f"{local}:edge", b"edge")
    failing, layout = opened(small_registry, name, retries=0), Layout(tmp_path / "layout")
    small_registry.fail(Fault("answer", Reply(403)), method="PUT", kind="manifests", times=99)
    client = Engine.find(engine.environ, Keychain())
    report = pushed(client, local, layout, failing)
    client.close()
    assert report.exit_code == 1
    assert [outcome.status for outcome in report.repositories] == ["done", "failed"]
    assert standing(layout).keys() == {"edge"}
    assert actions(report, 1) == [("edge", "refuse")]
