"""Several builds become one image: the same whatever the order, the nesting and the places."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, NotFound, Refused
from tagger.images.builds import AssembledSource, Build, assemble_builds
from tagger.images.labels import BASE_DIGEST, BASE_NAME, REVISION_LABEL, VERSION_LABEL
from tagger.images.layout import Layout
from tagger.images.manifests import DOCKER_LIST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.stores import TagStore
from tests.images.making import (
    attach,
    describe,
    digest_of,
    make_config,
    make_image,
    make_index,
    put,
    put_manifest,
    sign,
)

FOUR = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/s390x")
Legs = Sequence[Manifest]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Layout]:
    """Two places that hold the same four builds, each an image with its attestation, as BuildKit leaves them."""
    made = [Layout(tmp_path_factory.mktemp("builds") / name) for name in ("one", "other")]
    for layout in made:
        for platform in FOUR:
            make_index(layout, "app", f"leg-{platform.split('/')[1]}-{len(platform)}", platforms=[platform])
    return made


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "built")


@pytest.fixture
def target(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "target")


def of(store: Layout, *manifests: Manifest, **more: Any) -> AssembledSource:
    """Make one image of builds that are in a layout."""
    builds = [Build(store, one.digest, f"build {number}") for number, one in enumerate(manifests)]
    return assemble_builds(builds, reference="the builds", **more)


def document(source: AssembledSource) -> Any:
    return json.loads(source.root.content)


def platforms(source: AssembledSource) -> list[str]:
    return [str(image.platform) for image in source.assembly.images]


def nested(store: TagStore, children: Sequence[tuple[Manifest, str]]) -> Manifest:
    """Put an index of indexes, as regctl makes them: their entries have no platform."""
    return put_manifest(store, OCI_INDEX, {"manifests": [one.descriptor().to_json() for one, _ in children]})


class TestOneDigest:
    """The same builds are one image, however they come."""

    @settings(max_examples=30)
    @given(st.data())
    def test_any_order_nesting_and_place(self, places: Sequence[Layout], data: st.DataObject) -> None:
        def leg(store: Layout, platform: str) -> Manifest:
            return store.manifest(f"leg-{platform.split('/')[1]}-{len(platform)}")

        expected = of(places[0], *(leg(places[0], platform) for platform in FOUR))
        builds: list[Build] = []
        left = list(data.draw(st.permutations(FOUR)))
        left += data.draw(st.lists(st.sampled_from(FOUR), max_size=3))  # some of them twice
        while left:
            store = data.draw(st.sampled_from(places))
            many, left = left[: (count := data.draw(st.integers(1, len(left))))], left[count:]
            legs = [(leg(store, platform), platform) for platform in many]
            for _ in range(data.draw(st.integers(0, 3))):
                legs = [(nested(store, legs), "")]
            builds += [Build(store, one.digest, f"build {len(builds)}") for one, _ in legs]
        found = assemble_builds(builds, reference="the builds")
        assert found.root.content == expected.root.content
        assert found.digest == digest_of(expected.root.content)

    def test_its_bytes(self, layout: Layout) -> None:
        legs = [make_index(layout, "app", platforms=[platform]) for platform in ("linux/arm64/v8", "linux/amd64")]
        source = of(layout, *legs)
        amd, arm = sorted((leg.children() for leg in legs), key=lambda children: str(children[0].platform))
        entries = [
            {"mediaType": OCI_MANIFEST, "digest": one.digest, "size": one.size, "platform": platform}
            for one, platform in (
                (amd[0], {"architecture": "amd64", "os": "linux"}),
                (arm[0], {"architecture": "arm64", "os": "linux"}),
                (amd[1], {"architecture": "unknown", "os": "unknown"}),
                (arm[1], {"architecture": "unknown", "os": "unknown"}),
            )
        ]
        for entry, about in zip(entries[2:], (amd[0], arm[0]), strict=True):
            entry["annotations"] = {
                "vnd.docker.reference.digest": about.digest,
                "vnd.docker.reference.type": "attestation-manifest",
            }
        wanted = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        assert source.root.content == json.dumps(wanted, separators=(",", ":")).encode()

    def test_images_without_attestations_of_docker_are_a_docker_list(self, layout: Layout) -> None:
        both = [make_image(layout, platform=platform, docker=True) for platform in FOUR[:2]]
        assert of(layout, *both).root.media_type == DOCKER_LIST
        assert of(layout, both[0], make_image(layout, platform=FOUR[1])).root.media_type == OCI_INDEX
        annotated = of(layout, *both, annotations={"b": "2", "a": "ü"})
        assert annotated.root.media_type == OCI_INDEX
        assert annotated.root.content.endswith('"annotations":{"a":"ü","b":"2"}}'.encode())

    def test_one_image_stays_what_it_is(self, layout: Layout) -> None:
        image = make_image(layout)
        index = make_index(layout, platforms=FOUR[:1], attestations=False)
        assert of(layout, image, image).root == image
        assert of(layout, image, nested(layout, [(index, "")])).root == image
        assert of(layout, image, annotations={"a": "b"}).root.is_index
        assert of(layout, make_index(layout, platforms=FOUR[:1])).root.is_index

    def test_windows_images_name_the_version_that_they_need(self, layout: Layout) -> None:
        def windows(version: str) -> Manifest:
            config = {"architecture": "amd64", "os": "windows", "os.version": version, "os.features": ["win32k"]}
            blob = put(
                layout, json.dumps({**config, "rootfs": {"type": "layers", "diff_ids": []}}).encode(), OCI_CONFIG
            )
            return put_manifest(layout, OCI_MANIFEST, {"config": blob.to_json(), "layers": []})

        source = of(layout, windows("10.0.20348.1"), windows("10.0.17763.1"))
        assert [list(entry["platform"].items()) for entry in document(source)["manifests"]] == [
            [("architecture", "amd64"), ("os", "windows"), ("os.version", version), ("os.features", ["win32k"])]
            for version in ("10.0.17763.1", "10.0.20348.1")
        ]

    def test_artifact_types_of_attestations_stay(self, layout: Layout) -> None:
        image = make_image(layout)
        kind = "application/vnd.docker.attestation.manifest.v1+json"
        said = attach(layout, image, kind=kind)
        marks = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest}
        entries = [describe(image, FOUR[0]), describe(said, "unknown/unknown") | {"annotations": marks}]
        source = of(layout, put_manifest(layout, OCI_INDEX, {"manifests": entries}))
        assert list(document(source)["manifests"][1])[:3] == ["mediaType", "artifactType", "digest"]
        assert document(source)["manifests"][1]["artifactType"] == kind


class TestRefused:
    """What is no whole image is refused, and both sides are named."""

    def refused(self, layout: Layout, *builds: Manifest, **more: Any) -> str:
        with pytest.raises(Refused) as caught:
            of(layout, *builds, **more)
        assert caught.value.hint
        return caught.value.message

    def test_a_platform_twice(self, layout: Layout) -> None:
        one, other = make_image(layout, "one"), make_image(layout, "other")
        message = self.refused(layout, one, other, make_image(layout, platform=FOUR[1]))
        assert all(text in message for text in ("linux/amd64", one.digest, other.digest, "build 0", "build 1"))

    @pytest.mark.parametrize("spellings", [("linux/arm64", "linux/arm64/v8"), ("linux/arm", "linux/arm/v7")])
    def test_a_platform_twice_in_two_spellings(self, layout: Layout, spellings: Sequence[str]) -> None:
        assert "two images for" in self.refused(layout, *(make_image(layout, platform=one) for one in spellings))

    def test_a_descriptor_that_contradicts_the_config(self, layout: Layout) -> None:
        image = make_image(layout, platform="linux/amd64")
        index = put_manifest(layout, OCI_INDEX, {"manifests": [describe(image, "linux/arm64")]})
        message = self.refused(layout, index)
        assert all(text in message for text in ("linux/amd64", "linux/arm64", image.digest, "build 0"))

    def test_a_second_index_that_contradicts_the_config(self, layout: Layout) -> None:
        image = make_image(layout, platform="linux/amd64")
        right, wrong = (put_manifest(layout, OCI_INDEX, {"manifests": [describe(image, one)]}) for one in FOUR[:2])
        assert "its config says linux/amd64" in self.refused(layout, right, wrong)

    @pytest.mark.parametrize(
        ("label", "left", "right"), [(VERSION_LABEL, "2.1.4", "2.1.3"), (REVISION_LABEL, "1a2b", "3c4d")]
    )
    def test_children_of_another_version_or_commit(self, layout: Layout, label: str, left: str, right: str) -> None:
        legs = [
            make_index(layout, platforms=[platform], labels={label: text})
            for platform, text in zip(FOUR, (left, right), strict=False)
        ]
        message = self.refused(layout, *legs)
        assert all(text in message for text in (left, right, "build 0", "build 1", *FOUR[:1], "linux/arm64"))

    def test_a_label_that_is_absent_or_the_bases_does_not_differ(self, layout: Layout) -> None:
        own = {VERSION_LABEL: "2.1.4", REVISION_LABEL: "1a2b"}
        ubuntu = {VERSION_LABEL: "24.04", "org.opencontainers.image.ref.name": "ubuntu"}
        named = {VERSION_LABEL: "3.20", BASE_NAME: "docker.io/library/alpine:3.20", REVISION_LABEL: "of the base"}
        for labels in ({}, ubuntu, named):
            legs = [
                make_image(layout, platform=FOUR[0], labels=own),
                make_image(layout, platform=FOUR[1], labels=labels),
            ]
            assert len(of(layout, *legs).assembly.images) == 2

    @pytest.mark.parametrize("label", [BASE_NAME, BASE_DIGEST])
    def test_bases_that_differ(self, layout: Layout, label: str) -> None:
        legs = [make_image(layout, platform=one, labels={label: f"base of {one}"}) for one in FOUR[:2]]
        message = self.refused(layout, *legs)
        assert all(f"base of {one}" in message for one in FOUR[:2])
        assert of(layout, *legs, force=True).root.is_index

    def test_what_is_no_image(self, layout: Layout) -> None:
        config = put(layout, b"{}", "application/vnd.cncf.helm.config.v1+json")
        chart = put_manifest(layout, OCI_MANIFEST, {"config": config.to_json(), "layers": []})
        image = make_image(layout)
        sbom = attach(layout, image)
        nameless = put(layout, make_config([], "unknown/unknown", {}), OCI_CONFIG)
        attestation = put_manifest(layout, OCI_MANIFEST, {"config": nameless.to_json(), "layers": []})
        for one in (chart, sbom, attestation):
            assert one.digest in self.refused(layout, image, one)
            assert one.digest in self.refused(layout, nested(layout, [(image, ""), (one, "")]))
        module = {"mediaType": "application/wasm", "digest": config.digest, "size": config.size}
        index = put_manifest(layout, OCI_INDEX, {"manifests": [describe(image, FOUR[0]), module]})
        assert config.digest in self.refused(layout, index)
        assert "no image" in self.refused(layout, put_manifest(layout, OCI_INDEX, {"manifests": []}))

    def test_a_build_that_is_gone(self, layout: Layout) -> None:
        gone = f"sha256:{'0' * 64}"
        with pytest.raises(NotFound, match=f"the leg does not exist.*{gone}") as caught:
            assemble_builds([Build(layout, gone, "the leg")], reference="it")
        assert "cleanup" in caught.value.hint
        with pytest.raises(InputError, match=gone):
            assemble_builds([Build(layout, gone, "the leg", named=True)], reference="it")

    def test_a_part_of_a_build_that_is_gone(self, layout: Layout) -> None:
        index = make_index(layout, "app", "built")
        lost = index.children()[1].digest
        (layout.path / "blobs" / lost.replace(":", "/")).unlink()
        with pytest.raises(NotFound, match=f"build 0: its linux/arm64/v8, {lost}, does not exist"):
            of(layout, index)


class TestLeftOut:
    """What does not fit into the one index is left out, and said."""

    def test_an_attestation_without_its_image(self, layout: Layout) -> None:
        index = make_index(layout, platforms=FOUR[:2])
        entries = [
            entry for entry in json.loads(index.content)["manifests"] if entry["digest"] != index.children()[1].digest
        ]
        source = of(layout, put_manifest(layout, OCI_INDEX, {"manifests": entries}))
        assert [one.digest for one in source.root.children()] == [
            index.children()[0].digest,
            index.children()[2].digest,
        ]
        (note,) = source.assembly.notes
        assert index.children()[3].digest in note
        assert "left out" in note

    def test_an_attestation_whose_image_comes_with_another_build_stays(self, layout: Layout) -> None:
        index = make_index(layout, platforms=FOUR[:1])
        image, said = json.loads(index.content)["manifests"]
        apart = put_manifest(layout, OCI_INDEX, {"manifests": [said]})
        source = of(layout, layout.manifest(image["digest"]), apart)
        assert source.root == of(layout, index).root
        assert not source.assembly.notes

    def test_what_indexes_say_besides(self, layout: Layout) -> None:
        image = make_image(layout)
        entry: Mapping[str, Any] = describe(image, FOUR[0]) | {"urls": ["https://x.invalid"], "annotations": {"a": "b"}}
        index = put_manifest(layout, OCI_INDEX, {"manifests": [entry], "annotations": {"c": "d"}})
        source = of(layout, index, make_image(layout, platform=FOUR[1]))
        assert "urls" not in str(document(source))
        assert "annotations" not in str(document(source))
        assert len(source.assembly.notes) == 2
        assert all("left out" in note for note in source.assembly.notes)


class TestStaging:
    def test_everything_is_there_before_the_index_is(self, layout: Layout, target: Layout, tmp_path: Path) -> None:
        other = Layout(tmp_path / "elsewhere")
        legs = [make_index(layout, platforms=FOUR[:1]), make_index(other, platforms=FOUR[1:2])]
        said = attach(layout, layout.manifest(legs[0].children()[0].digest))
        about_attestation = attach(other, other.manifest(legs[1].children()[1].digest), "signed too")
        signature = sign(other, other.manifest(legs[1].children()[0].digest))
        builds = [Build(layout, legs[0].digest, "one"), Build(other, legs[1].digest, "other")]
        source = assemble_builds(builds, reference="the builds")

        standing = source.stage(target, "2.1.4")
        assert standing == source.root == target.manifest("2.1.4")
        for child in source.root.children():
            for blob in target.manifest(child.digest).blobs():
                with target.blob(blob) as file:
                    assert len(file.read()) == blob.size
        (listed,) = target.referrers(source.root.children()[0].digest)
        assert listed.digest == said.digest
        (listed,) = target.referrers(source.assembly.attestations[1].manifest.digest)
        assert listed.digest == about_attestation.digest
        assert target.manifest(source.assembly.images[1].manifest.digest.replace(":", "-") + ".sig") == signature

    def test_its_content_is_read_where_each_part_is(self, layout: Layout, tmp_path: Path) -> None:
        other = Layout(tmp_path / "elsewhere")
        legs = [make_index(layout, platforms=FOUR[:1]), make_index(other, platforms=FOUR[1:2])]
        image = other.manifest(legs[1].children()[0].digest)
        attached, signature = attach(other, image), sign(other, image)
        builds = [Build(layout, legs[0].digest, "one"), Build(other, legs[1].digest, "other")]
        content = assemble_builds(builds, reference="the builds").content
        assert [one.digest for one in content.referrers(image.digest)] == [attached.digest]
        assert content.manifest(attached.digest) == attached
        tag = image.digest.replace(":", "-") + ".sig"
        assert content.digests([tag, f"sha256-{'0' * 64}.sig"]) == {
            tag: signature.digest,
            f"sha256-{'0' * 64}.sig": None,
        }
        for manifest in (attached, content.manifest(signature.digest), content.manifest(image.digest)):
            with content.blob(manifest.blobs()[0]) as file:
                assert file.read()
        with pytest.raises(NotFound):
            content.manifest(f"sha256:{'0' * 64}")

    def test_another_image_under_the_tag_is_left(self, layout: Layout, target: Layout) -> None:
        other = make_image(target, "another", "2.1.4")
        source = of(layout, *(make_image(layout, platform=platform) for platform in FOUR[:2]))
        assert source.stage(target, "2.1.4") == other
        assert source.stage(target, "2.1.4", overwrite=True) == source.root
        assert target.digests(["2.1.4"]) == {"2.1.4": source.digest}
