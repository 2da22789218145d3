"""Reading the configs of an image, whatever shape it has."""

import json
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import StoreError
from tagger.images.configs import LARGEST_CONFIG, first_labels, parse_config, platform_configs, platform_manifests
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, Platform
from tagger.images.walk import DEEPEST
from tests.images.making import PLATFORMS, describe, digest_of, make_image, make_index, make_layer, put, put_manifest


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.mark.parametrize("docker", [False, True])
def test_one_platform(store: Layout, docker: bool) -> None:
    below = make_layer({"base": "1"})
    image = make_image(store, "app", labels={"a": "b"}, below=[below], docker=docker)
    (config,) = platform_configs(store, image)
    assert config.digest == image.document["config"]["digest"]
    assert (config.labels, config.platform, config.created) == ({"a": "b"}, "linux/amd64", "2026-01-02T03:04:05Z")
    assert config.diff_ids[0] == digest_of(below)
    assert len(config.diff_ids) == 2


@pytest.mark.parametrize("docker", [False, True])
def test_every_platform_and_no_attestation(store: Layout, docker: bool) -> None:
    index = make_index(store, docker=docker)
    found = platform_manifests(store, index)
    assert [config.platform for _, config in found] == list(PLATFORMS)
    assert [manifest.digest for manifest, _ in found] == [child.digest for child in index.children()[:2]]


def test_only_what_is_wanted_is_read(store: Layout, tmp_path: Path) -> None:
    index = make_index(store)
    amd, arm = index.children()[:2]
    (tmp_path / "layout/blobs/sha256" / amd.digest.partition(":")[2]).unlink()
    found = platform_manifests(store, index, lambda platform: platform.architecture == "arm64")
    assert [manifest.digest for manifest, _ in found] == [arm.digest]


def test_an_index_in_an_index_is_followed(store: Layout) -> None:
    inner = make_index(store)
    outer = put_manifest(store, OCI_INDEX, {"manifests": [inner.descriptor().to_json()]})
    assert platform_configs(store, outer) == platform_configs(store, inner)


def test_the_first_labels_are_sought_within_the_bounds_of_a_walk(store: Layout) -> None:
    index = make_index(store)
    assert first_labels(store, index) == platform_configs(store, index)[0].labels
    assert first_labels(store, put_manifest(store, OCI_INDEX, {"manifests": []})) == {}
    for _ in range(DEEPEST + 1):
        index = put_manifest(store, OCI_INDEX, {"manifests": [index.descriptor().to_json()]})
    with pytest.raises(StoreError, match="nested deeper"):
        first_labels(store, index)


def test_whatever_else_an_index_names_is_not_passed_over(store: Layout) -> None:
    config = put(store, b"{}", "application/vnd.oci.empty.v1+json")
    other = put_manifest(store, OCI_MANIFEST, {"config": config.to_json(), "layers": []})
    index = put_manifest(store, OCI_INDEX, {"manifests": [other.descriptor().to_json()]})
    assert [(found.platform, found.diff_ids) for found in platform_configs(store, index)] == [("", ())]


def test_annotations_of_the_manifest_before_those_of_the_index(store: Layout) -> None:
    document = make_image(store).document
    image = put_manifest(store, OCI_MANIFEST, {**document, "annotations": {"own": "1", "all": "image"}})
    child = describe(image, PLATFORMS[0]) | {"annotations": {"child": "2", "all": "child"}}
    index = put_manifest(store, OCI_INDEX, {"manifests": [child], "annotations": {"index": "3", "all": "index"}})
    (config,) = platform_configs(store, index)
    assert config.annotations == {"own": "1", "child": "2", "index": "3", "all": "image"}


@pytest.mark.parametrize(
    "document",
    [{}, {"config": None, "rootfs": None}, {"config": {"Labels": None}}, {"rootfs": {"diff_ids": None}}, {"os": None}],
)
def test_a_config_that_says_little(document: dict[str, Any]) -> None:
    config = parse_config(json.dumps(document).encode(), Platform("linux", "arm64"))
    assert (config.labels, config.diff_ids, config.platform, config.created) == ({}, (), "linux/arm64", "")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_config_that_is_none(content: bytes) -> None:
    with pytest.raises(StoreError, match="is not valid"):
        parse_config(content)


def test_a_config_with_other_bytes(store: Layout, tmp_path: Path) -> None:
    image = make_image(store)
    digest = image.document["config"]["digest"]
    (tmp_path / "layout/blobs/sha256" / digest.partition(":")[2]).write_bytes(b"{}")
    with pytest.raises(StoreError, match="is not what its digest says"):
        platform_configs(store, image)


def test_a_config_larger_than_any(store: Layout) -> None:
    huge = Descriptor(OCI_CONFIG, digest_of(b"{}"), LARGEST_CONFIG + 1)
    image = Manifest(OCI_MANIFEST, json.dumps({"config": huge.to_json(), "layers": []}).encode())
    with pytest.raises(StoreError, match="the limit is"):
        platform_configs(store, image)


def test_a_manifest_without_a_config(store: Layout) -> None:
    with pytest.raises(StoreError, match="has no config"):
        platform_configs(store, Manifest(OCI_MANIFEST, b"{}"))
