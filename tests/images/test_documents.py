"""Documents that other programs read otherwise, and the walk through what others made."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import StoreError
from tagger.images.configs import is_attestation, parse_config, platform_manifests
from tagger.images.documents import Ambiguous, read_config_document, read_manifest_document
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, Platform
from tests.images.making import describe, make_image, make_index, put_manifest

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{'0' * 64}", "size": 2}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"config": {}, "config": {}}', "it has the key 'config' twice"),
        (b'{"annotations": {"a": "1", "a": "2"}}', "it has the key 'a' twice"),
        (b'{"Config": {}}', "it has the key 'Config', which some programs read as 'config'"),
        (b'{"config": {"Digest": "x"}}', "it has the key 'Digest'"),
        ('{"manifest\u017f": []}'.encode(), "which some programs read as 'manifests'"),
        ('{"manifests": [{"dige\u017ft": "x"}]}'.encode(), "which some programs read as 'digest'"),
        (b'{"manifests": [{"platform": {"OS": "linux"}}]}', "it has the key 'OS'"),
        (b'{"manifests": [], "layers": []}', "a manifest and an index at once"),
        (b'{"manifests": [], "config": {}}', "a manifest and an index at once"),
    ],
)
def test_what_others_read_otherwise(content: bytes, says: str) -> None:
    """CVE-2021-41190, and Go's reading of keys in any case."""
    with pytest.raises(Ambiguous, match=says):
        read_manifest_document(content)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"5", b"{", b"[" * 100_000, b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-16-le"),
        b'{"x": NaN}', b'{"x": -Infinity}', b'{"schemaVersion": "2"}', b'{"schemaVersion": null}', b"\xff",
    ],
)  # fmt: skip
def test_what_is_no_object(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_manifest_document(content)


def test_names_that_people_choose_may_differ_by_case() -> None:
    assert read_manifest_document(b'{"annotations": {"Config": "1", "config": "2"}}')
    assert read_config_document(b'{"config": {"Labels": {"OS": "1", "os": "2"}}}')


@pytest.mark.parametrize(
    "content", [b'{"OS": "linux"}', b'{"rootfs": {"Diff_IDs": []}}', b'{"config": {"labels": {}}}']
)
def test_configs_that_others_read_otherwise(content: bytes) -> None:
    with pytest.raises(StoreError, match="which some programs read as"):
        parse_config(content)


def test_a_type_that_contradicts_is_refused() -> None:
    manifest = Manifest(OCI_MANIFEST, json.dumps({"mediaType": OCI_INDEX, "manifests": []}).encode())
    with pytest.raises(
        StoreError, match=re.escape(f"its mediaType is {OCI_INDEX}, but it is named as {OCI_MANIFEST}")
    ) as caught:
        assert manifest.document
    assert caught.value.code == "MANIFEST_AMBIGUOUS"


@pytest.mark.parametrize("value", [5, ["a"], True, "text"])
@pytest.mark.parametrize("key", ["annotations", "platform", "urls"])
def test_a_descriptor_of_other_types(key: str, value: Any) -> None:
    if key == "urls" and isinstance(value, list):
        return
    with pytest.raises(ValueError, match="not a descriptor"):
        Descriptor.from_json({**CONFIG, key: value})


def test_annotations_that_are_no_texts_say_nothing() -> None:
    read = Descriptor.from_json({**CONFIG, "annotations": {"a": 5, "b": None, "c": ["x"], "d": "text"}})
    assert read.annotations == {"d": "text"}


class TestWalk:
    """The bounds of an image that somebody else made."""

    def test_an_index_that_is_named_often_is_read_once(self, tmp_path: Path) -> None:
        """15 KB of indexes made 10,000,000 visits."""
        store = Layout(tmp_path)
        level = make_image(store)
        for number in range(6):
            child = describe(level, "linux/amd64")
            document = {"manifests": [child] * 40, "annotations": {"level": str(number)}}
            level = put_manifest(store, OCI_INDEX, document)
        assert len(platform_manifests(store, level)) == 1

    def test_a_chain_of_indexes_has_an_end(self, tmp_path: Path) -> None:
        store = Layout(tmp_path)
        level = make_image(store)
        for _ in range(9):
            level = put_manifest(store, OCI_INDEX, {"manifests": [describe(level, "linux/amd64")]})
        with pytest.raises(StoreError, match="nested deeper than 8 indexes"):
            platform_manifests(store, level)

    def test_platforms_come_in_the_order_of_the_indexes(self, tmp_path: Path) -> None:
        store = Layout(tmp_path)
        names = ("linux/amd64", "linux/arm64", "linux/arm/v7")
        one, two, three = (make_image(store, name, platform=name) for name in names)
        inner = put_manifest(store, OCI_INDEX, {"manifests": [describe(one, names[0]), describe(two, names[1])]})
        nested = [{**inner.descriptor().to_json()}, describe(three, names[2])]
        outer = put_manifest(store, OCI_INDEX, {"manifests": nested})
        assert [config.platform for _, config in platform_manifests(store, outer)] == list(names)


def test_an_attestation_is_the_annotation_and_no_platform(tmp_path: Path) -> None:
    """Engines choose by platform: what has one is run, whatever its annotation says."""
    index = make_index(Layout(tmp_path))
    assert [is_attestation(child) for child in index.children()] == [False, False, True, True]
    marked = index.children()[0]._replace(annotations={"vnd.docker.reference.type": "attestation-manifest"})
    assert not is_attestation(marked)
    assert not is_attestation(index.children()[0]._replace(platform=Platform("unknown", "unknown")))
