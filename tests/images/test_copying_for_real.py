"""Copies between real registries, layouts and archives: what arrives, what is asked for, and what it costs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tagger.concurrency import side_by_side
from tagger.images.copying import copy_image, copy_referrers
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Descriptor
from tagger.images.registry.registries import Registries
from tagger.images.registry.repository import RegistryRepository
from tagger.images.source_kinds import open_source
from tagger.images.source_spec import parse_source
from tagger.images.sources import ContentSource
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.images.making import attach, make_image, make_index, put, put_manifest, sign
from tests.servers.distribution import Distribution, distribution
from tests.servers.engine import Engine

ROOT = Path(__file__).parents[2]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def registries() -> Iterator[Registries]:
    with Registries() as found:
        yield found


@pytest.fixture
def other_registry(tmp_path: Path) -> Iterator[Distribution]:
    with distribution(tmp_path / "other-registry") as found:
        yield found


def open_repository(registries: Registries, server: Distribution, name: str = "acme/app") -> RegistryRepository:
    return registries.repository(Repository(server.host, name), write=True)


def raw(reference: str) -> bytes:
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{reference}"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.parametrize("docker", [False, True])
def test_an_image_goes_through_registries_and_comes_back_byte_for_byte(
    layout: Layout,
    tmp_path: Path,
    registry: Distribution,
    other_registry: Distribution,
    registries: Registries,
    docker: bool,
) -> None:
    index, image = make_index(layout, docker=docker), make_image(layout, "app", docker=docker)
    places: list[TagStore] = [
        open_repository(registries, registry),
        open_repository(registries, other_registry),
        Layout(tmp_path / "back"),
    ]
    for manifest, tag in ((index, "2.1.4"), (image, "1.0.0")):
        source = ContentSource(layout, manifest.digest, "it")
        for place in places:
            assert source.stage(place, tag) == manifest
            source = ContentSource(place, manifest.digest, "it")
        assert (
            raw(f"{registry.host}/acme/app:{tag}") == raw(f"{other_registry.host}/acme/app:{tag}") == manifest.content
        )
    back = Layout(tmp_path / "back")
    assert {path.name for path in (back.path / "blobs/sha256").iterdir()} == {
        path.name for path in (layout.path / "blobs/sha256").iterdir()
    }


def test_blobs_are_mounted_within_a_registry(layout: Layout, registry: Distribution, registries: Registries) -> None:
    index = make_index(layout)
    build, app = open_repository(registries, registry, "acme/build"), open_repository(registries, registry)
    ContentSource(layout, index.digest, "it").stage(build, "build")
    before = len(registry.requests())
    ContentSource(build, index.digest, "it").stage(app, "2.1.4")
    asked = registry.requests()[before:]
    assert sum("from=acme%2Fbuild" in request for request in asked) == 7
    assert not any(request.startswith(("PATCH", "PUT /v2/acme/app/blobs")) for request in asked)
    assert not any(request.startswith("GET /v2/acme/build/blobs") for request in asked)
    assert raw(f"{registry.host}/acme/app:2.1.4") == index.content


def test_signatures_travel_to_a_registry_without_the_referrers_api(
    layout: Layout, registry: Distribution, other_registry: Distribution, registries: Registries, tmp_path: Path
) -> None:
    index = make_index(layout)
    sbom, signature = attach(layout, index, "sbom"), sign(layout, index)
    of_sbom = attach(layout, sbom, "signature of the sbom")
    one, two = open_repository(registries, registry), open_repository(registries, other_registry)
    places: list[TagStore] = [layout, one, two, Layout(tmp_path / "back")]
    for source, target in pairwise(places):
        ContentSource(source, index.digest, "it").stage(target, "2.1.4")
        assert [item.digest for item in target.referrers(index.digest)] == [sbom.digest]
        assert [item.digest for item in target.referrers(sbom.digest)] == [of_sbom.digest]
        assert target.manifest(f"{index.digest.replace(':', '-')}.sig") == signature
    for server in (registry, other_registry):
        puts = [request for request in server.requests() if request.startswith("PUT /v2/acme/app/manifests/")]
        assert puts[-1].endswith("/2.1.4"), "the exact tag comes last"


def test_to_several_registries_a_source_is_read_once(
    layout: Layout, tmp_path: Path, registry: Distribution, registries: Registries
) -> None:
    index = make_index(layout, "app" * 200_000)
    sign(layout, index)
    ContentSource(layout, index.digest, "it").stage(open_repository(registries, registry), "build")
    source = open_source(parse_source(f"docker://{registry.host}/acme/app:build"), registries.repository, several=True)
    before = len(registry.requests())
    targets = [Layout(tmp_path / f"target {n}") for n in range(5)]
    assert [result for _, result in side_by_side(lambda target: source.stage(target, "2.1.4"), targets)] == [index] * 5
    asked = registry.requests()[before:]
    assert len([request for request in asked if "/blobs/" in request]) == 9
    assert len(asked) == len(set(asked))


def test_what_is_there_is_not_sent_again(layout: Layout, registry: Distribution, registries: Registries) -> None:
    index = make_index(layout)
    target = open_repository(registries, registry)
    copy_image(layout, target, index)
    before = len(registry.requests())
    parts = copy_image(layout, target, index)
    copy_referrers(layout, target, [part.digest for part in parts.manifests])
    asked = [request.split()[0] for request in registry.requests()[before:]]
    assert {method: asked.count(method) for method in set(asked)} == {"HEAD": 7, "PUT": 4}


def test_memory_holds_no_layer(tmp_path: Path, layout: Layout, registry: Distribution) -> None:
    """Two layers of 64 MiB side by side, from a layout to a registry and on to two layouts at once."""
    config = put(layout, b"{}", "application/vnd.oci.image.config.v1+json")
    layers = []
    for number in range(2):
        path = tmp_path / f"layer {number}"
        with path.open("wb") as file:
            file.write(bytes([number]))
            file.truncate(1 << 26)
        digest = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]
        layers.append(Descriptor(OCI_LAYER_GZIP, f"sha256:{digest}", 1 << 26))
        path.replace(layout.path / "blobs/sha256" / digest)
    document = {"config": config.to_json(), "layers": [layer.to_json() for layer in layers]}
    image = put_manifest(layout, OCI_MANIFEST, document, ["build"])
    # Not ru_maxrss: it begins with the memory of the process that started this one.
    script = """
import re, sys
from tagger.images.layout import Layout
from tagger.names import Repository
from tagger.images.registry.registries import Registries
from tagger.images.sources import ContentSource
from tagger.concurrency import side_by_side
source, host, digest, *targets = sys.argv[1:]
with Registries() as registries:
    repository = registries.repository(Repository(host, "acme/app"), write=True)
    ContentSource(Layout(source), digest, "it").stage(repository, "2.1.4")
    image = ContentSource(repository, digest, "it", several=True)
    for _, result in side_by_side(lambda target: image.stage(Layout(target), "2.1.4"), targets):
        assert result.digest == digest, result
print(re.search('VmHWM:[^0-9]*([0-9]+)', open('/proc/self/status').read())[1])
"""
    targets = [str(tmp_path / "one"), str(tmp_path / "two")]
    command = [sys.executable, "-c", script, str(layout.path), registry.host, image.digest, *targets]
    peak = int(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    assert peak < 48 * 1024
    assert Layout(targets[0]).manifest("2.1.4") == image


def test_a_sparse_index_is_refused_with_the_platform_that_is_missing(
    layout: Layout, registry: Distribution, registries: Registries
) -> None:
    index = make_index(layout, "app", "2.1")
    assert index.media_type == OCI_INDEX
    (layout.path / "blobs/sha256" / index.children()[1].digest[7:]).unlink()
    with pytest.raises(Exception, match="linux/arm64/v8"):
        ContentSource(layout, index.digest, "it").stage(open_repository(registries, registry), "2.1.4")
    assert not any(request.startswith(("PUT", "POST")) for request in registry.requests())


@pytest.mark.parametrize("which", ["engine", "containerd"])
def test_what_docker_save_writes_is_released(
    request: pytest.FixtureRequest, tmp_path: Path, registry: Distribution, registries: Registries, which: str
) -> None:
    engine: Engine = request.getfixturevalue(which)
    image = engine.build("acme/saved:2.1", labels={"org.opencontainers.image.version": "2.1.4"})
    engine.docker("tag", "acme/saved:2.1", "acme/saved:2")
    engine.docker("save", "--output", str(tmp_path / "saved.tar"), "acme/saved:2.1", "acme/saved:2")
    for choice in ("", ":2", ":acme/saved:2.1", ":docker.io/acme/saved:2"):
        source = open_source(parse_source(f"docker-archive:{tmp_path}/saved.tar{choice}"), registries.repository)
        assert image in (source.config_digest, source.digest)
        assert source.configs()[0].labels == {"org.opencontainers.image.version": "2.1.4"}
        staged = source.stage(open_repository(registries, registry), "2.1.4")
        assert raw(f"{registry.host}/acme/app:2.1.4") == staged.content
    command = ["skopeo", "inspect", "--tls-verify=false", f"docker://{registry.host}/acme/app:2.1.4"]
    inspected = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    assert inspected["Labels"] == {"org.opencontainers.image.version": "2.1.4"}
