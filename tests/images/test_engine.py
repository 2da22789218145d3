"""The engine as a source: real engines with both image stores push into real registries."""

import hashlib
import json
import re
import subprocess
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest

from tagger.errors import EngineError, Refused, StoreError
from tagger.images.engine import Engine, EngineSource
from tagger.images.engine.documents import config_in
from tagger.images.engine.source import LARGEST_SAVED
from tagger.images.layout import Layout
from tagger.images.registry.credentials import Keychain
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Digest, Reference, Repository
from tests.images.making import PLATFORMS, make_image, make_index
from tests.images.telling import Told
from tests.servers.distribution import PASSWORD, USER
from tests.servers.engine import Engine as Running
from tests.servers.http_server import Reply
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import Fault, Request, SmallRegistry

LABELS = {"org.opencontainers.image.version": "2.1.4"}


@pytest.fixture
def opened(name: str) -> Iterator[Callable[[DockerRegistry], TagStore]]:
    """Open a repository of a registry that no other test uses, logged in."""
    with ExitStack() as stack:
        yield lambda registry: stack.enter_context(registry.client()).repository(
            Repository(registry.host, name), write=True
        )


def test_image_is_found_by_name_and_by_id(running: Running, client: Engine) -> None:
    image = running.build("found/app:build", labels=LABELS)
    named, by_id, short = (EngineSource.find(client, name) for name in ("found/app:build", image, image[7:19]))
    assert {one.digest or one.config_digest for one in (named, by_id, short)} == {image}
    assert (named.digest is None) != (named.config_digest is None)
    assert named.reference == "docker-daemon:found/app:build"
    assert client.holds("found/app:build")
    assert not client.holds("found/app:other")


def test_image_that_is_not_there(client: Engine) -> None:
    with pytest.raises(EngineError, match="the engine has no image nothing/here:1") as caught:
        EngineSource.find(client, "nothing/here:1")
    assert "load: true" in caught.value.hint


def test_config_says_labels_layers_and_platform(running: Running, client: Engine) -> None:
    running.build("config/app:build", labels=LABELS)
    (config,) = EngineSource.find(client, "config/app:build").configs()
    inspected = json.loads(running.docker("image", "inspect", "config/app:build"))[0]
    assert config.labels == LABELS
    assert list(config.diff_ids) == inspected["RootFS"]["Layers"]
    assert config.platform == "linux/amd64"
    assert config.created == inspected["Created"]


def test_one_push_and_the_same_bytes_everywhere(
    running: Running,
    client: Engine,
    open_registry: DockerRegistry,
    login_registry: DockerRegistry,
    tmp_path: Path,
    opened: Callable[[DockerRegistry], TagStore],
) -> None:
    running.build("everywhere/app:build", labels=LABELS)
    source = EngineSource.find(client, "everywhere/app:build")
    first = opened(open_registry)
    second = opened(login_registry)
    layout = Layout(tmp_path / "layout")
    manifests = [source.stage(store, "2.1.4") for store in (first, second, layout)]
    assert len({manifest.content for manifest in manifests}) == 1
    assert source.digest in (None, manifests[0].digest)
    assert [store.digests(["2.1.4"])["2.1.4"] for store in (first, second, layout)] == [manifests[0].digest] * 3
    assert _inspected(f"{second.place}:2.1.4")["Labels"] == LABELS


def test_a_push_tells_of_its_layers(
    running: Running, client: Engine, open_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    """From the engine's own stream: each layer that it sends, and in the end that every one is there."""
    running.build("telling/app:build", labels=LABELS)
    told = Told()
    store = opened(open_registry)
    store.meter = told  # type: ignore[attr-defined]
    EngineSource.find(client, "telling/app:build").stage(store, "2.1.4")
    assert told.gone
    assert set(told.parts) <= told.gone
    assert set(told.phases) == ({"pushing"} if told.parts else set())


def test_the_config_of_a_small_image_is_uploaded_while_the_engine_sends_the_layers(
    engine: Running, small_registry: SmallRegistry
) -> None:
    """The engine finds it there. The layer waits for it here, so that there is one order."""
    client = Engine.find(engine.environ, Keychain())
    engine.build("config/app:small", b"small", labels=LABELS)
    source = EngineSource.find(client, "config/app:small")

    def watch(request: Request) -> Fault | None:
        end = time.monotonic() + 20
        while request.method == "PATCH" and time.monotonic() < end:
            held = small_registry.store.repositories.get("acme/app")
            if held and source.config_digest in held.blobs:
                break
            time.sleep(0.01)
        return None

    small_registry.watch = watch
    with small_registry.client() as registries:
        store = registries.repository(Repository(small_registry.host, "acme/app"), write=True)
        config = source.stage(store, "2.1.4").config()
    client.close()
    assert config
    assert config.digest == source.config_digest
    assert _who_uploaded(small_registry) == {"docker": 1, "tagger": 1}


def test_a_push_is_stopped_where_another_image_takes_the_exact_tag_meanwhile(
    engine: Running, small_registry: SmallRegistry, tmp_path: Path
) -> None:
    """Else it would take the tag from an image that was released long before the push ends."""
    other = make_image(Layout(tmp_path / "other"), "other", "built")
    engine.build("late/app:build")
    client = Engine.find(engine.environ, Keychain())

    def watch(request: Request) -> Fault | None:
        engines = "docker" in request.headers["User-Agent"]
        if engines and request.method == "PATCH":
            small_registry.put("acme/app", "2.1.4", other)
        sent = any(one.status for one in small_registry.asked("PUT", "uploads") if one is not request)
        asks_for_config = request.kind == "blobs" and request.reference == source.config_digest
        return Fault("silent") if engines and sent and asks_for_config else None  # until the engine goes

    source = EngineSource.find(client, "late/app:build")
    small_registry.watch = watch
    with small_registry.client() as registries:
        store = registries.repository(Repository(small_registry.host, "acme/app"), write=True)
        with pytest.raises(Refused, match=f"another build was released as 2.1.4 .* it holds {other.digest}"):
            source.stage(store, "2.1.4")
        asked = time.monotonic() + 20
        while any(not one.status for one in small_registry.asked()) and time.monotonic() < asked:
            time.sleep(0.01)
    client.close()
    assert small_registry.tags("acme/app") == {"2.1.4": other.digest}
    assert not small_registry.asked("PUT", "manifests")
    assert f"{small_registry.host}/acme/app:2.1.4" not in engine.tags()


def test_a_config_is_found_in_what_an_engine_saves(running: Running, client: Engine) -> None:
    """In the old form of an archive, and in that of newer engines, which is an OCI layout."""
    running.build("config/app:saved", labels=LABELS)
    (config,) = EngineSource.find(client, "config/app:saved").configs()
    found = config_in(client.save("config/app:saved"), config.digest)
    assert found
    assert Digest(config.digest).fits(found)
    assert config_in(client.save("config/app:saved"), f"sha256:{'0' * 64}") is None
    assert config_in(iter([b"no archive"]), config.digest) is None


def test_the_engine_uploads_the_config_that_is_not_there(engine: Running, small_registry: SmallRegistry) -> None:
    """As where Tagger may not, or where the image is so large that it would be read for nothing else."""
    client = Engine.find(engine.environ, Keychain())
    engine.build("config/app:refused", b"refused")
    engine.build("config/app:large", bytes(LARGEST_SAVED + 1))

    def watch(request: Request) -> Fault | None:
        ours = request.kind == "uploads" and "tagger" in request.headers["User-Agent"]
        return Fault("answer", Reply(403)) if ours else None

    small_registry.watch = watch
    with small_registry.client() as registries:
        for kind, tried in (("refused", {"docker", "tagger"}), ("large", {"docker"})):
            small_registry.requests.clear()
            source = EngineSource.find(client, f"config/app:{kind}")
            store = registries.repository(Repository(small_registry.host, f"acme/{kind}"), write=True)
            config = source.stage(store, "2.1.4").config()
            assert config
            assert config.digest == source.config_digest
            uploaded = _who_uploaded(small_registry)
            assert uploaded["docker"] == 2
            assert uploaded.keys() <= tried
    client.close()


def test_the_image_that_stands_there_is_not_pushed_again(
    running: Running, client: Engine, open_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    running.build("twice/app:build")
    store = opened(open_registry)
    staged = EngineSource.find(client, "twice/app:build").stage(store, "2.1.4")
    running.docker("image", "rm", f"{store.place}:2.1.4")
    assert EngineSource.find(client, "twice/app:build").stage(store, "2.1.4") == staged
    assert f"{store.place}:2.1.4" not in running.tags()


def test_another_image_under_the_exact_tag_stays(
    running: Running, client: Engine, open_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    running.build("other/app:one", b"one")
    running.build("other/app:two", b"two")
    store = opened(open_registry)
    staged = EngineSource.find(client, "other/app:one").stage(store, "2.1.4")
    other = EngineSource.find(client, "other/app:two")
    if other.digest:
        assert other.stage(store, "2.1.4") == staged
    else:
        with pytest.raises(Refused, match=f"another build was released as 2.1.4 .* it holds {staged.digest}"):
            other.stage(store, "2.1.4")
    assert store.digests(["2.1.4"])["2.1.4"] == staged.digest
    assert other.stage(store, "2.1.4", overwrite=True).digest != staged.digest


def test_image_goes_into_a_layout_without_a_registry(running: Running, client: Engine, tmp_path: Path) -> None:
    running.build("layout/app:build", labels=LABELS)
    source = EngineSource.find(client, "layout/app:build")
    layout = Layout(tmp_path / "layout")
    manifest = source.stage(layout, "2.1.4")
    assert source.digest in (None, manifest.digest)
    config = manifest.config()
    assert config
    assert source.config_digest in (None, config.digest)
    copied = subprocess.run(
        ["skopeo", "inspect", f"oci:{tmp_path}/layout:2.1.4"], capture_output=True, text=True, check=True
    )
    assert json.loads(copied.stdout)["Labels"] == LABELS


def test_login_is_sent_with_the_push(
    running: Running, login_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    running.build("login/app:build")
    logins = Keychain(logins=[(login_registry.host, USER, PASSWORD)], environ={})
    engine = Engine.find(running.environ, logins)
    store = opened(login_registry)
    assert (
        EngineSource.find(engine, "login/app:build").stage(store, "2.1.4").digest == store.digests(["2.1.4"])["2.1.4"]
    )
    engine.close()


@pytest.mark.parametrize("password", ["", "wrong one"])
def test_refused_push_says_who_why_and_what_to_do(
    running: Running, login_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore], password: str
) -> None:
    running.build("refused/app:build")
    before = running.tags()
    logins = [(login_registry.host, USER, password)] if password else []
    engine = Engine.find(running.environ, Keychain(logins=logins, environ={}))
    store = opened(login_registry)
    with pytest.raises(StoreError) as caught:
        EngineSource.find(engine, "refused/app:build").stage(store, "2.1.4")
    engine.close()
    assert caught.value.place == store.place
    assert caught.value.code == "DENIED"
    assert re.search("auth|401", caught.value.message)
    assert ("`logins`" in caught.value.hint) == (not password)
    assert "wrong one" not in str(caught.value)
    assert running.tags() == before
    assert store.digests(["2.1.4"]) == {"2.1.4": None}


def test_registry_that_the_engine_does_not_reach(
    running: Running, client: Engine, open_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    """Tagger reaches it by `endpoints`, and the engine by its name, which means nothing where the engine runs."""
    running.build("unreached/app:build")
    registries = Registries(keychain=Keychain(), endpoints={"registry.invalid:5000": open_registry.host}, retries=0)
    store = registries.repository(Repository.parse("registry.invalid:5000/acme/app"), write=True)
    with pytest.raises(StoreError) as caught:
        EngineSource.find(client, "unreached/app:build").stage(store, "2.1.4")
    registries.close()
    assert caught.value.code == "UNREACHABLE"
    assert "`endpoints`: registry.invalid:5000=HOST:PORT" in caught.value.hint


def test_failed_push_gives_a_name_back(
    running: Running, client: Engine, login_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    """A name that the engine had for another image is that image's again."""
    store = opened(login_registry)
    earlier = running.build(f"{store.place}:2.1.4", b"earlier")
    running.build("giving/app:build")
    with pytest.raises(StoreError):
        EngineSource.find(client, "giving/app:build").stage(store, "2.1.4")
    assert running.docker("image", "inspect", "--format", "{{.Id}}", f"{store.place}:2.1.4") == earlier


def test_failed_push_does_not_take_an_image_that_has_no_other_name(
    running: Running, client: Engine, login_registry: DockerRegistry, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    image = running.build("nameless/app:build", b"nameless")
    source = EngineSource.find(client, image)
    store = opened(login_registry)
    running.docker("tag", image, f"{store.place}:2.1.4")
    running.docker("image", "rm", "--no-prune", "nameless/app:build")
    with pytest.raises(StoreError):
        source.stage(store, "2.1.4")
    assert client.holds(image)


def test_engine_has_the_tags_of_the_release(running: Running, client: Engine) -> None:
    image = running.build("local/app:build")
    one, two = (Repository.parse(f"registry.invalid/{name}/app") for name in ("one", "two"))
    everywhere = [repository.tagged(tag) for repository in (one, two) for tag in ("2.1.4", "2.1")]
    EngineSource.find(client, "local/app:build").tag_locally([*everywhere, one.tagged("latest")])
    assert client.local_tags("local/app") == {"2.1": image, "2.1.4": image, "build": image}
    assert client.local_tags("docker.io/local/app") == client.local_tags("local/app")
    assert set(client.local_tags("registry.invalid/one/app")) == {"2.1.4", "2.1", "latest"}
    EngineSource.find(client, image).tag_locally([one.tagged("3")])
    assert "3" not in client.local_tags("local/app")


def test_every_platform_of_an_index_goes_to_the_registry(
    containerd: Running, open_registry: DockerRegistry, tmp_path: Path, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    digest = _load_index(containerd, tmp_path, "multi/app:build")
    engine = Engine.find(containerd.environ, Keychain())
    source = EngineSource.find(engine, "multi/app:build")
    assert source.digest == digest
    assert [(config.platform, config.labels) for config in source.configs()] == [(name, LABELS) for name in PLATFORMS]
    assert source.stage(opened(open_registry), "2.1.4").digest == digest
    layout = Layout(tmp_path / "target")
    assert EngineSource.find(engine, "multi/app:build").stage(layout, "2.1.4").digest == digest
    engine.close()


def test_lost_platform_is_found_before_the_push(
    containerd: Running, open_registry: DockerRegistry, tmp_path: Path, opened: Callable[[DockerRegistry], TagStore]
) -> None:
    """A pull of one platform leaves an index whose other platforms are not there."""
    store = opened(open_registry)
    image = f"{store.place}:build"
    _load_index(containerd, tmp_path, image)
    containerd.docker("push", "--quiet", image)
    containerd.docker("image", "rm", image)
    containerd.docker("pull", "--quiet", image)
    engine = Engine.find(containerd.environ, Keychain())
    source = EngineSource.find(engine, image)
    with pytest.raises(EngineError, match="linux/arm64/v8 is missing") as caught:
        source.stage(store, "2.1.4")
    with pytest.raises(EngineError, match="linux/arm64/v8 is missing"):
        source.configs()
    engine.close()
    assert caught.value.code == "MISSING_PLATFORM"
    assert "docker://" in caught.value.hint
    assert f"{store.place}:2.1.4" not in containerd.tags()
    assert set(store.tags()) == {"build"}


def test_no_engine(tmp_path: Path) -> None:
    engine = Engine.find({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, Keychain())
    assert not engine.holds("app:build")
    with pytest.raises(EngineError, match=f"no Docker Engine answers at unix://{tmp_path}/none.sock") as caught:
        EngineSource.find(engine, "app:build")
    assert "No such file" in caught.value.message
    assert "docker://" in caught.value.hint
    engine.close()


def test_engine_of_a_context(engine: Running, tmp_path: Path) -> None:
    """As `docker context create` and `use` leave them."""
    environ = {"DOCKER_CONFIG": str(tmp_path / "config"), "PATH": engine.environ["PATH"]}
    for command in (["create", "away", "--docker", f"host={engine.host}"], ["use", "away"]):
        subprocess.run(["docker", "context", *command], env=environ, check=True, capture_output=True)
    engine.build("context/app:build")
    found = Engine.find(environ, Keychain())
    assert found.host == engine.host
    assert found.holds("context/app:build")
    found.close()
    assert Engine.find({**environ, "DOCKER_CONTEXT": "default"}, Keychain()).host == "unix:///var/run/docker.sock"
    assert Engine.find({**environ, "DOCKER_HOST": "unix:///other.sock"}, Keychain()).host == "unix:///other.sock"
    with pytest.raises(EngineError, match="the docker context gone is not in"):
        Engine.find({**environ, "DOCKER_CONTEXT": "gone"}, Keychain())


def test_context_with_certificates(tmp_path: Path) -> None:
    key = hashlib.sha256(b"remote").hexdigest()
    (tmp_path / "contexts/meta" / key).mkdir(parents=True)
    (tmp_path / "contexts/tls" / key / "docker").mkdir(parents=True)
    endpoint = {"Host": "tcp://127.0.0.1:1", "SkipTLSVerify": False}
    document = {"Name": "remote", "Endpoints": {"docker": endpoint}}
    (tmp_path / "contexts/meta" / key / "meta.json").write_text(json.dumps(document))
    engine = Engine.find({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "remote"}, Keychain())
    with pytest.raises(EngineError, match=r"at tcp://127.0.0.1:1: .*TLS"):
        EngineSource.find(engine, "app:build")


def _who_uploaded(registry: SmallRegistry) -> Mapping[str, int]:
    """Return how many uploads each program began: `docker`, `tagger`."""
    return Counter(request.headers["User-Agent"].partition("/")[0] for request in registry.asked("POST", "uploads"))


def _load_index(running: Running, folder: Path, name: str) -> str:
    """Give the engine an image of several platforms, with attestations, as buildx does; return its digest."""
    layout = Layout(folder / "loaded")
    root = make_index(layout, name, "build", labels=LABELS)
    index = json.loads((folder / "loaded/index.json").read_text())
    for entry in index["manifests"]:
        entry["annotations"] = {"io.containerd.image.name": str(Reference.parse(name))}
    (folder / "loaded/index.json").write_text(json.dumps(index))
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder / "loaded", arcname=".")
    running.docker("load", content=buffer.getvalue())
    return root.digest


def _inspected(name: str) -> dict[str, object]:
    """Return what skopeo reads of an image in a registry for which a login is needed."""
    command = ["skopeo", "inspect", "--tls-verify=false", f"--creds={USER}:{PASSWORD}", f"docker://{name}"]
    found: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found
