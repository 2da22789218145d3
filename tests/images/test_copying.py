"""Copies of images: byte for byte, children before parents, each blob once, and what is attached comes along."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from tagger.concurrency import run_all
from tagger.errors import NotFound, StoreError
from tagger.images.copying import copy_image, copy_referrers
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from tagger.images.read_once import ReadOnce
from tagger.images.stores import Opener
from tagger.names import Digest, Repository
from tests.images.making import (
    PLATFORMS,
    attach,
    describe,
    digest_of,
    make_image,
    make_index,
    put,
    put_manifest,
    sign,
)
from tests.images.telling import Told
from tests.servers.fixtures_registry import Opener as OpenedStore
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import SmallRegistry


class Place(Layout):
    """A layout that stands in for a repository of a registry, and writes down what is asked of it."""

    jobs = 8

    def __init__(self, path: Path, name: str = "registry.test/acme/app", *, lists_referrers: bool = True) -> None:
        super().__init__(path)
        self.repository = Repository.parse(name)
        self.log: list[tuple[str, str]] = []
        self.mounts: set[str] = set()
        self.lists_referrers = lists_referrers

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        self.log.append(("point", manifest.digest))
        super().tag(manifest, tags)

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:
        self.log.append(("put", descriptor.digest))
        if mount_from:
            self.mounts.add(str(mount_from))
        super().put_blob(descriptor, opener)

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        self.log.append(("read", descriptor.digest))
        with super().blob(descriptor) as file:
            yield file

    def manifest(self, reference: str) -> Manifest:
        self.log.append(("manifest", reference))
        return super().manifest(reference)

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        found = super().referrers(digest)
        if self.lists_referrers:
            return found
        fallback = self.index().tags.get(digest.replace(":", "-"))
        return super().manifest(fallback.digest).children() if fallback else ()

    def asked(self, what: str) -> list[str]:
        return [digest for act, digest in self.log if act == what]


@pytest.fixture
def source(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "source")


@pytest.fixture
def target(tmp_path: Path) -> Place:
    return Place(tmp_path / "target")


def files(layout: Layout) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout.path / "blobs/sha256").iterdir()}


class TestImages:
    @pytest.mark.parametrize("docker", [False, True])
    def test_arrive_byte_for_byte_with_every_platform_and_attestation(
        self, source: Layout, target: Place, docker: bool
    ) -> None:
        index = make_index(source, docker=docker)
        parts = copy_image(source, target, index).manifests
        assert parts[0] == index
        assert {part.digest for part in parts[1:]} == {child.digest for child in index.children()}
        target.tag(index, ["2.1.4"])
        assert files(target) == files(source)

    def test_come_blobs_first_then_children_then_parents(self, source: Layout, target: Place) -> None:
        inner = make_index(source, "inner")
        middle = put_manifest(source, OCI_INDEX, {"manifests": [describe(inner, "linux/amd64")]})
        root = put_manifest(
            source, OCI_INDEX, {"manifests": [describe(middle, "linux/amd64"), describe(inner, "linux/arm64")]}
        )
        copy_image(source, target, root)
        target.tag(root, [])
        order = [act for act, _ in target.log]
        assert order == sorted(order, key=["put", "point"].index)
        pointed = target.asked("point")
        assert pointed[-1] == root.digest
        assert pointed.index(inner.digest) < pointed.index(middle.digest)
        for child in inner.children():
            assert pointed.index(child.digest) < pointed.index(inner.digest)

    def test_are_not_named(self, source: Layout, target: Place) -> None:
        copy_image(source, target, make_index(source, "app", "2.1.4"))
        assert list(target.tags()) == []

    def test_send_each_blob_once_and_none_that_is_there(self, source: Layout, target: Place) -> None:
        base = b"base" * 1000
        images = [make_image(source, "app", platform=platform, below=[base, base]) for platform in PLATFORMS]
        index = put_manifest(
            source,
            OCI_INDEX,
            {"manifests": [describe(image, platform) for image, platform in zip(images, PLATFORMS, strict=True)]},
        )
        copy_image(source, target, index)
        sent = target.asked("put")
        assert len(sent) == len(set(sent)) == 5
        copy_image(source, target, index)
        assert target.asked("put") == sent

    def test_are_mounted_within_a_registry_and_nowhere_else(self, tmp_path: Path) -> None:
        source = Place(tmp_path / "source", "registry.test/acme/build")
        index = make_index(source)
        near = Place(tmp_path / "near", "registry.test/acme/app")
        far = Place(tmp_path / "far", "other.test/acme/app")
        for target in (near, far):
            copy_image(source, target, index)
        assert near.mounts == {"registry.test/acme/build"}
        assert far.mounts == set()

    def test_without_a_platform_name_it_and_write_nothing(self, source: Layout, target: Place) -> None:
        index = make_index(source)
        (source.path / "blobs/sha256" / index.children()[1].digest[7:]).unlink()
        with pytest.raises(NotFound, match="linux/arm64/v8") as caught:
            copy_image(source, target, index)
        assert caught.value.place == source.place
        assert caught.value.hint
        assert target.log == []

    def test_without_a_blob_name_the_source(self, source: Layout, target: Place) -> None:
        image = make_image(source)
        (source.path / "blobs/sha256" / image.layers()[0].digest[7:]).unlink()
        with pytest.raises(NotFound) as caught:
            copy_image(source, target, image)
        assert caught.value.place == source.place

    def test_leave_out_layers_that_nobody_may_hand_on(self, source: Layout, target: Place) -> None:
        image = make_image(source)
        foreign = Descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", digest_of(b"windows"), 7)
        layers = [foreign.to_json() | {"urls": ["https://example.org/windows"]}, *image.document["layers"]]
        windows = put_manifest(source, OCI_MANIFEST, {"config": image.document["config"], "layers": layers})
        copy_image(source, target, windows)
        target.tag(windows, ["2.1.4"])
        assert not target.has_blob(foreign)
        put(source, b"windows", foreign.media_type)
        copy_image(source, target, windows)
        assert target.has_blob(foreign)

    def test_say_of_a_layer_that_is_kept_elsewhere_what_to_do(
        self, source: Layout, target: Place, open_registry: DockerRegistry
    ) -> None:
        """Without an address it is missing; with one, distribution takes it only where that is allowed."""
        image = make_image(source)
        kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        foreign = Descriptor(kind, digest_of(b"windows"), 7).to_json()
        documents = [
            {"config": image.document["config"], "layers": [foreign | more, *image.document["layers"]]}
            for more in ({}, {"urls": ["https://example.org/windows"]})
        ]
        put(source, b"windows", kind)
        nowhere, elsewhere = (put_manifest(source, OCI_MANIFEST, document) for document in documents)
        (source.path / "blobs/sha256" / digest_of(b"windows")[7:]).unlink()
        with pytest.raises(NotFound) as caught:
            copy_image(source, target, nowhere)
        assert "kept elsewhere" in caught.value.hint
        with open_registry.client(retries=0) as client:
            store = client.repository(Repository(open_registry.host, "acme/elsewhere"), write=True)
            copy_image(source, store, elsewhere)
            with pytest.raises(StoreError) as refused:
                store.tag(elsewhere, ["2.1.4"])
        assert "validation.manifests.urls.allow" in refused.value.hint

    def test_bring_a_build_cache_whose_index_lists_blobs(self, source: Layout, target: Place) -> None:
        blob = put(source, b"layer", "application/vnd.oci.image.layer.v1.tar+gzip")
        config = put(source, b"{}", "application/vnd.buildkit.cacheconfig.v0")
        cache = put_manifest(source, OCI_INDEX, {"manifests": [blob.to_json(), config.to_json()]})
        copy_image(source, target, cache)
        target.tag(cache, ["cache"])
        assert files(target) == files(source)

    def test_nested_without_end_are_refused(self, source: Layout, target: Place) -> None:
        root = make_index(source)
        for _ in range(10):
            root = put_manifest(source, OCI_INDEX, {"manifests": [describe(root, "linux/amd64")]})
        with pytest.raises(StoreError, match="nested"):
            copy_image(source, target, root)

    def test_of_absurd_size_are_refused_before_anything_is_written(self, source: Layout, target: Place) -> None:
        image = make_image(source)
        child = describe(image, "linux/amd64")
        many = [child | {"digest": digest_of(b"%d" % number)} for number in range(2000)]
        huge = image.layers()[0].to_json() | {"size": 1 << 60}
        for manifest in (
            Manifest(OCI_INDEX, json.dumps({"manifests": many}).encode()),
            Manifest(OCI_MANIFEST, json.dumps({"config": image.document["config"], "layers": [huge]}).encode()),
        ):
            with pytest.raises(StoreError, match=r"more than 1000 manifests|1152921504606846976 bytes"):
                copy_image(source, target, manifest)
        assert target.log == []

    def test_with_a_broken_manifest_are_refused(self, source: Layout, target: Place) -> None:
        for content in (b"[]", b"{", b'{"manifests": [{"digest": "sha256:../../x", "size": 1}]}', b'{"manifests": 5}'):
            with pytest.raises(StoreError) as caught:
                copy_image(source, target, Manifest(OCI_INDEX, content))
            assert caught.value.code == "MANIFEST_INVALID"


class TestAttached:
    def test_artifacts_come_along_and_those_attached_to_them(self, source: Layout, target: Place) -> None:
        index = make_index(source)
        child = source.manifest(index.children()[0].digest)
        sbom = attach(source, index, "sbom")
        signature = attach(source, sbom, "signature of the sbom")
        of_child = attach(source, child, "sbom of a platform")
        tagged = [sign(source, index), sign(source, child, end=".att"), sign(source, sbom, end=".sbom")]
        attach(source, make_image(source, "another"), "of another image")
        parts = copy_image(source, target, index).manifests
        copied = copy_referrers(source, target, [part.digest for part in parts])
        assert set(copied) == {sbom, signature, of_child, *tagged}
        target.tag(index, ["2.1.4"])
        assert [item.digest for item in target.referrers(index.digest)] == [sbom.digest]
        assert [item.digest for item in target.referrers(sbom.digest)] == [signature.digest]
        assert [item.digest for item in target.referrers(child.digest)] == [of_child.digest]
        cosign = [f"{index.digest}.sig", f"{child.digest}.att", f"{sbom.digest}.sbom"]
        assert set(target.tags()) == {"2.1.4"} | {tag.replace(":", "-") for tag in cosign}

    def test_what_is_attached_to_an_image_that_is_named_by_sha512_comes_along(
        self, source: Layout, target: Place
    ) -> None:
        plain = make_image(source)
        image = Manifest(plain.media_type, plain.content, "sha512")
        source.tag(image, ())
        sbom, signature = attach(source, image), sign(source, image)
        copied = copy_referrers(source, target, [image.digest], root=copy_image(source, target, image))
        assert set(copied) == {sbom, signature}
        assert [one.digest for one in target.referrers(image.digest)] == [sbom.digest]
        assert set(target.tags()) == {Digest(image.digest).tag + ".sig"}

    def test_one_of_a_kind_that_is_refused_is_said_to_be_attached(
        self, source: Layout, small_registry: SmallRegistry, opened: OpenedStore
    ) -> None:
        old = "application/vnd.oci.artifact.manifest.v1+json"
        image = make_image(source)
        content = {"mediaType": old, "blobs": [], "subject": image.descriptor().to_json()}
        source.tag(Manifest(old, json.dumps(content).encode()), [])
        small_registry.refuses = lambda media_type: media_type == old
        with pytest.raises(StoreError, match="attached to the image, of the type ") as caught:
            copy_referrers(source, opened(small_registry), [image.digest])
        assert caught.value.code == "MANIFEST_INVALID"
        assert "attach it again" in caught.value.hint

    def test_a_second_copy_writes_no_blob_and_moves_no_tag(self, source: Layout, target: Place) -> None:
        index = make_index(source)
        attach(source, index)
        sign(source, index)
        for _ in range(2):
            copy_referrers(source, target, [index.digest])
            sent, before = target.asked("put"), (target.path / "index.json").read_bytes()
        copy_referrers(source, target, [index.digest])
        assert target.asked("put") == sent
        assert (target.path / "index.json").read_bytes() == before

    def test_a_registry_that_lists_none_gets_the_fallback_tag(self, source: Layout, tmp_path: Path) -> None:
        target = Place(tmp_path / "target", lists_referrers=False)
        index = make_index(source)
        one = attach(source, index, "one")
        copy_referrers(source, target, [index.digest])
        two = attach(source, index, "two")
        copy_referrers(source, target, [index.digest])
        tag = index.digest.replace(":", "-")
        listed = target.manifest(tag)
        assert listed.media_type == listed.document["mediaType"] == OCI_INDEX
        assert {item.digest: (item.artifact_type, item.annotations) for item in listed.children()} == {
            one.digest: ("application/vnd.tests.sbom", {"org.tests.text": "one"}),
            two.digest: ("application/vnd.tests.sbom", {"org.tests.text": "two"}),
        }

    def test_artifacts_that_only_a_fallback_tag_names_come_along(self, source: Layout, target: Place) -> None:
        image = make_image(source)
        named = make_image(source, "artifact without a subject")
        gone = Descriptor(OCI_MANIFEST, digest_of(b"deleted since"), 13)
        tag = image.digest.replace(":", "-")
        content = {"schemaVersion": 2, "manifests": [named.descriptor().to_json(), gone.to_json()]}
        fallback = Manifest(OCI_INDEX, json.dumps(content).encode())
        (source.path / "blobs/sha256" / fallback.digest[7:]).write_bytes(fallback.content)
        document = json.loads((source.path / "index.json").read_bytes())
        entry = fallback.descriptor().to_json() | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        (source.path / "index.json").write_text(json.dumps(document | {"manifests": [entry]}))
        assert copy_referrers(source, target, [image.digest]) == [named]
        assert [item.digest for item in target.referrers(image.digest)] == [named.digest]

    def test_signatures_of_the_target_are_never_lost(self, source: Layout, target: Place) -> None:
        image = make_image(source)
        copy_image(source, target, image)
        tag = image.digest.replace(":", "-") + ".sig"
        theirs = sign(target, image, "signed there")
        sign(source, image, "signed here")
        copy_referrers(source, target, [image.digest])
        assert target.digests([tag]) == {tag: theirs.digest}
        both = sign(source, image, "signed there", "signed here")
        copy_referrers(source, target, [image.digest])
        assert target.digests([tag]) == {tag: both.digest}

    def test_artifacts_in_a_circle_end(self, source: Layout, tmp_path: Path) -> None:
        image = make_image(source)
        sbom = attach(source, image)

        class Circle(Place):
            def referrers(self, digest: str) -> Sequence[Descriptor]:  # noqa: ARG002
                return [image.descriptor(), sbom.descriptor()]

        copied = copy_referrers(Circle(source.path), Circle(tmp_path / "target"), [image.digest])
        assert set(copied) == {sbom, image}


class TestReadOnce:
    def test_several_repositories_read_a_source_once(self, tmp_path: Path) -> None:
        source = Place(tmp_path / "source")
        index = make_index(source, "app" * 500_000)
        source.log.clear()
        shared = ReadOnce(source)
        targets = [Place(tmp_path / str(n), f"{n}.test/app") for n in range(3)]
        run_all(lambda target: copy_image(shared, target, index), targets, 3)
        copy_image(shared, Place(tmp_path / "late"), index)
        assert all(files(target).items() >= files(targets[0]).items() for target in targets)
        for target in targets:
            target.tag(index, ["2.1.4"])
            assert files(target) == files(source)
        read = source.asked("read")
        assert len(read) == len(set(read))
        assert sorted(source.asked("manifest")) == sorted({child.digest for child in index.children()})

    def test_who_is_slow_reads_the_same_as_who_is_fast(self, source: Layout) -> None:
        content = bytes(range(256)) * 4096
        descriptor = put(source, content, "text/plain")
        shared = ReadOnce(source)
        with shared.blob(descriptor) as fast, shared.blob(descriptor) as slow:
            assert slow.read(10) == content[:10]
            assert b"".join(iter(lambda: fast.read(70_000), b"")) == content
            assert slow.read() == content[10:]
            assert slow.read(5) == fast.read(5) == b""

    def test_what_broke_is_begun_anew(self, source: Layout) -> None:
        descriptor = put(source, b"content", "text/plain")
        broken = [True]

        class Breaking(Layout):
            @contextmanager
            def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
                if broken:
                    raise StoreError("the connection was reset")
                with super().blob(descriptor) as file:
                    yield file

        shared = ReadOnce(Breaking(source.path))
        with shared.blob(descriptor) as one, shared.blob(descriptor) as other:
            for reader in (one, other, one):
                with pytest.raises(StoreError, match="reset"):
                    reader.read(3)
        broken.clear()
        with shared.blob(descriptor) as again:
            assert again.read() == b"content"

    def test_no_room_on_the_disk_says_what_to_do(self, source: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        descriptor = put(source, b"content", "text/plain")
        monkeypatch.setattr("tempfile.tempdir", str(source.path / "none"))
        with pytest.raises(StoreError) as caught, ReadOnce(source).blob(descriptor):
            pass
        assert "TMPDIR" in caught.value.hint


class TestSideBySide:
    def test_the_first_failure_gives_the_others_up(self) -> None:
        begun: list[int] = []
        failed = threading.Event()

        def work(item: int) -> int:
            begun.append(item)
            if item == 1:
                failed.set()
                raise StoreError("it failed")
            assert failed.wait(60)
            return item

        with pytest.raises(StoreError, match="it failed"):
            run_all(work, range(1000), 2)
        assert len(begun) < 1000

    def test_a_failure_stops_the_streams_of_the_others(self, source: Layout, tmp_path: Path) -> None:
        """A failed copy does not wait for gigabytes that are still on their way."""
        config, layer = put(source, b"{}", "text/plain"), put(source, b"endless", "text/plain")
        image = put_manifest(source, OCI_MANIFEST, {"config": config.to_json(), "layers": [layer.to_json()]})
        reading = threading.Event()

        class Endless(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
                reading.set()
                return len(buffer)

        class Slow(Layout):
            @contextmanager
            def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:  # noqa: ARG002
                yield io.BufferedReader(Endless())  # type: ignore[type-var]

        class Failing(Place):
            def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:  # noqa: ARG002
                if descriptor.digest == config.digest:
                    assert reading.wait(60)
                    raise StoreError("no room", place="target")
                with opener() as stream:
                    while stream.read(10):
                        pass

        started = time.monotonic()
        with pytest.raises(StoreError, match="no room"):
            copy_image(Slow(source.path), Failing(tmp_path / "target"), image)
        assert time.monotonic() - started < 60

    @pytest.mark.parametrize("jobs", [1, 4])
    def test_results_stand_in_the_order_of_the_items(self, jobs: int) -> None:
        double: Callable[[int], int] = lambda n: 2 * n  # noqa: E731
        assert run_all(double, range(50), jobs) == [2 * n for n in range(50)]


class TestMeter:
    """What is told on the way: how many bytes there are, how many are there by now, and in the end all of them."""

    def test_of_a_copy(self, tmp_path: Path) -> None:
        source, told = Layout(tmp_path / "source"), Told()
        image = make_image(source, "app", "1.0.0", below=[bytes(3_000_000)])
        target = Layout(tmp_path / "target", meters=lambda _place: told)
        copy_image(source, target, image)
        assert told.phases == ["copying"]
        assert set(told.parts) == {blob.digest for blob in image.blobs()}
        for blob in image.blobs():
            steps = told.parts[blob.digest]
            assert steps[0] == (0, blob.size)
            assert steps[-1] == (blob.size, blob.size)
            assert [done for done, _ in steps] == sorted(done for done, _ in steps)

    def test_of_what_is_there_already(self, tmp_path: Path) -> None:
        source, told = Layout(tmp_path / "source"), Told()
        image = make_image(source, "app", "1.0.0")
        copy_image(source, Layout(tmp_path / "target"), image)
        copy_image(source, Layout(tmp_path / "target", meters=lambda _place: told), image)
        assert all(steps[-1][0] == steps[-1][1] for steps in told.parts.values())
