"""An OCI layout on disk: read by skopeo at every moment, written by one at a time, never torn."""

import fcntl
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, NotFound, StoreError, TaggerError
from tagger.images.layout import Index, Layout
from tagger.images.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from tests.images.making import (
    attach,
    describe,
    digest_of,
    make_image,
    make_index,
    opener_of,
    put,
    put_manifest,
    sign,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def skopeo(*arguments: str) -> bytes:
    return subprocess.run(["skopeo", *arguments], check=True, capture_output=True, timeout=60).stdout


def stored(layout: Layout) -> set[str]:
    return {path.name for path in (layout.path / "blobs" / "sha256").iterdir()}


def written(layout: Layout) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((layout.path / "index.json").read_bytes())
    return document


def write(layout: Layout, document: dict[str, Any]) -> None:
    (layout.path / "index.json").write_text(json.dumps(document))


def check_whole(layout: Layout, digest: str) -> None:
    """Read an image with nothing of ours, and fail where a part of it is not there or not what its digest says."""
    content = (layout.path / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    if b"schemaVersion" in content:
        document = json.loads(content)
        for part in [*document.get("manifests", []), *document.get("layers", []), document.get("config")]:
            if part:
                check_whole(layout, part["digest"])


class TestReading:
    def test_a_directory_that_does_not_exist_is_an_empty_repository(self, layout: Layout) -> None:
        assert list(layout.tags()) == []
        assert layout.digests(["2.1"]) == {"2.1": None}
        assert layout.snapshot(["2.1"]).tags == frozenset()
        assert layout.referrers(digest_of(b"")) == ()
        assert not layout.has_blob(Descriptor("", digest_of(b""), 0))
        layout.check_writable()
        assert not layout.path.exists()

    def test_an_empty_directory_is_an_empty_repository(self, tmp_path: Path) -> None:
        assert list(Layout(tmp_path).tags()) == []
        assert list(tmp_path.iterdir()) == []

    def test_what_is_not_there_is_not_found(self, layout: Layout) -> None:
        make_image(layout, "app", "2.1")
        for reference in ("2.2", digest_of(b"nothing")):
            with pytest.raises(NotFound) as caught:
                layout.manifest(reference)
            assert caught.value.code == "MANIFEST_UNKNOWN"
            assert layout.place in caught.value.message
        with pytest.raises(NotFound), layout.blob(Descriptor("", digest_of(b"nothing"), 7)):
            pass

    @pytest.mark.parametrize("below", ["", "/layout", "/a/b"])
    def test_a_file_is_refused(self, tmp_path: Path, below: str) -> None:
        (tmp_path / "file").write_text("")
        layout = Layout(f"{tmp_path}/file{below}")
        for act in (layout.tags, layout.check_writable, lambda: make_image(layout)):
            with pytest.raises(InputError, match="is not a directory"):
                act()

    def test_a_directory_of_something_else_is_refused_and_left(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("")
        layout = Layout(tmp_path)
        for act in (layout.tags, layout.check_writable, lambda: make_image(layout)):
            with pytest.raises(InputError, match="is not empty and not a layout"):
                act()
        assert [path.name for path in tmp_path.iterdir()] == ["precious"]

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_what_is_no_path_is_refused(self, path: str) -> None:
        with pytest.raises(InputError, match="not a directory"):
            Layout(path)

    def test_where_nothing_can_be_written_is_known_before(self) -> None:
        with pytest.raises(StoreError):
            Layout("/proc/tagger").check_writable()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{",
            '"text"',
            "\udcff",
            "[" * 100_000,
            '{"manifests": 5}',
            '{"manifests": [5]}',
            '{"manifests": [{}]}',
            '{"manifests": [{"mediaType": "x", "digest": 5, "size": 1}]}',
            '{"manifests": [{"mediaType": "x", "digest": "sha256:../../../etc/passwd", "size": 1}]}',
            '{"manifests": [{"mediaType": "x", "digest": "sha256:%s", "size": -1}]}' % ("0" * 64),
            '{"manifests": [{"mediaType": "x", "digest": "sha256:%s", "size": 1, "annotations": 5}]}' % ("0" * 64),
            '{"manifests": [{"mediaType": "x", "digest": "sha256:%s", "size": 1, "platform": 5}]}' % ("0" * 64),
        ],
    )
    def test_a_broken_index_is_an_error_that_says_so(self, layout: Layout, content: str) -> None:
        image = make_image(layout, "app", "2.1")
        (layout.path / "index.json").write_bytes(content.encode(errors="surrogateescape"))
        for act in (layout.tags, lambda: layout.tag(image, ["2.2"]), lambda: layout.delete(image.digest)):
            with pytest.raises(StoreError, match=r"index\.json cannot be read") as caught:
                act()
            assert caught.value.code == "LAYOUT_INVALID"
        assert (layout.path / "index.json").read_bytes() == content.encode(errors="surrogateescape")

    @pytest.mark.parametrize("content", ["", "[]", '{"imageLayoutVersion": "2.0.0"}', "[" * 100_000])
    def test_a_layout_of_another_version_is_refused(self, layout: Layout, content: str) -> None:
        make_image(layout, "app", "2.1")
        (layout.path / "oci-layout").write_text(content)
        with pytest.raises(StoreError, match="oci-layout"):
            Layout(layout.path).tags()

    def test_a_pipe_in_the_place_of_a_file_does_not_keep_us_waiting(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        for path in (layout.path / "blobs/sha256" / image.digest[7:], layout.path / "index.json"):
            path.unlink()
            os.mkfifo(path)
            with pytest.raises(StoreError, match="not a regular file"):
                layout.manifest("2.1")

    def test_manifests_are_checked_against_their_digests(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        (layout.path / "blobs/sha256" / image.digest[7:]).write_bytes(image.content + b" ")
        with pytest.raises(StoreError, match="does not match"):
            layout.manifest("2.1")

    def test_a_manifest_that_does_not_name_its_type_is_read_by_its_shape(self, layout: Layout) -> None:
        image = make_image(layout)
        for document, media_type in (
            ({"manifests": [describe(image, "linux/amd64")]}, OCI_INDEX),
            ({k: v for k, v in image.document.items() if k != "mediaType"}, OCI_MANIFEST),
        ):
            manifest = Manifest(media_type, json.dumps({"schemaVersion": 2} | document).encode())
            layout.tag(manifest, [])
            assert layout.manifest(manifest.digest) == manifest

    def test_an_index_that_another_writes_is_seen_at_once(self, layout: Layout) -> None:
        other = Layout(layout.path)
        images = [make_image(layout, text) for text in ("a", "b")]
        for turn in range(200):
            layout.tag(images[turn % 2], ["2.1"])
            assert other.digests(["2.1"]) == {"2.1": images[turn % 2].digest}


class TestSkopeo:
    def test_reads_what_was_written(self, layout: Layout, tmp_path: Path) -> None:
        index, image = make_index(layout, "app", "2.1.4", "2.1"), make_image(layout, "app", "one")
        for tag, manifest in (("2.1.4", index), ("2.1", index), ("one", image)):
            assert skopeo("inspect", "--raw", f"oci:{layout.path}:{tag}") == manifest.content
        skopeo("copy", "--all", "--preserve-digests", f"oci:{layout.path}:2.1", f"dir:{tmp_path}/copy")
        assert (tmp_path / "copy/manifest.json").read_bytes() == index.content

    def test_and_tagger_write_the_same_layout(self, layout: Layout, tmp_path: Path) -> None:
        index = make_index(layout, "app", "2.1")
        other = Layout(tmp_path / "other")
        skopeo("copy", "--all", f"oci:{layout.path}:2.1", f"oci:{other.path}:2.1")
        other.tag(index, ["2"])
        skopeo("copy", "--all", f"oci:{layout.path}:2.1", f"oci:{other.path}:latest")
        assert sorted(other.tags()) == ["2", "2.1", "latest"]
        assert stored(other) == stored(layout)
        assert other.manifest("latest") == index


class TestTags:
    def test_docker_manifests_and_lists_stand_as_what_they_are(self, layout: Layout) -> None:
        """Skopeo reads only OCI types in a layout (containers/image, oci/layout); byte for byte goes before that."""
        index, image = make_index(layout, "app", "2.1", docker=True), make_image(layout, "app", "one", docker=True)
        assert [entry["mediaType"] for entry in written(layout)["manifests"]] == [DOCKER_LIST, DOCKER_MANIFEST]
        assert (layout.manifest("2.1"), layout.manifest("one")) == (index, image)
        check_whole(layout, index.digest)

    def test_several_are_set_in_one_write(self, layout: Layout) -> None:
        image = make_image(layout)
        before = (layout.path / "index.json").stat().st_ino
        layout.tag(image, ["2.1.4", "2.1", "2", "2.1"])
        assert written(layout)["manifests"] == [
            image.descriptor().to_json() | {"annotations": {"org.opencontainers.image.ref.name": tag}}
            for tag in ("2.1.4", "2.1", "2")
        ]
        assert (layout.path / "index.json").stat().st_ino != before

    def test_nothing_is_written_twice(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        before = (layout.path / "index.json").stat()
        layout.tag(image, ["2.1"])
        make_image(layout, "app", "2.1")
        assert layout.put_if_absent(image, "2.1") == image.digest
        assert (layout.path / "index.json").stat() == before

    def test_what_others_wrote_is_kept(self, layout: Layout) -> None:
        make_image(layout, "a", "2.1", "2")
        second = make_image(layout, "b")
        document = written(layout) | {"annotations": {"org.tests": "ours"}, "x-future": [1]}
        document["manifests"][0] |= {"x-note": "kept", "urls": ["https://example.org"]}
        document["manifests"][1]["annotations"]["org.tests"] = "kept"
        document["manifests"].insert(0, second.descriptor().to_json() | {"annotations": {"org.tests": "no name"}})
        write(layout, document)
        layout.tag(second, ["2.1.4"])
        entry = second.descriptor().to_json() | {"annotations": {"org.opencontainers.image.ref.name": "2.1.4"}}
        assert written(layout) == document | {"manifests": [*document["manifests"], entry]}
        layout.tag(second, ["2"])
        entry = second.descriptor().to_json() | {"annotations": {"org.opencontainers.image.ref.name": "2"}}
        assert written(layout)["manifests"][:3] == [*document["manifests"][:2], entry]

    def test_names_that_are_no_tags_are_kept_and_not_listed(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        document = written(layout)
        names = ["docker.io/acme/app:2.1", "", "-x", "x" * 129, 5, None]
        document["manifests"] += [
            image.descriptor().to_json() | {"annotations": {"org.opencontainers.image.ref.name": name}}
            for name in names
        ]
        write(layout, document)
        layout.tag(image, ["2"])
        assert sorted(layout.tags()) == ["2", "2.1"]
        assert written(layout)["manifests"][:-1] == document["manifests"]

    def test_the_first_of_two_entries_of_one_name_counts_as_for_skopeo(self, layout: Layout) -> None:
        first, second = make_image(layout, "a", "a"), make_image(layout, "b", "b")
        document = written(layout)
        for entry in document["manifests"]:
            entry["annotations"]["org.opencontainers.image.ref.name"] = "2.1"
        write(layout, document)
        assert layout.manifest("2.1") == first
        assert skopeo("inspect", "--raw", f"oci:{layout.path}:2.1") == first.content
        layout.tag(second, ["2.1"])
        assert skopeo("inspect", "--raw", f"oci:{layout.path}:2.1") == second.content

    def test_an_image_that_loses_its_last_tag_stays_under_its_digest(self, layout: Layout) -> None:
        first, second = make_index(layout, "a", "nightly"), make_index(layout, "b")
        before = stored(layout)
        layout.tag(second, ["nightly"])
        assert layout.manifest(first.digest) == first
        layout.untag("nightly")
        assert list(layout.tags()) == []
        assert {layout.manifest(image.digest) for image in (first, second)} == {first, second}
        assert stored(layout) == before
        layout.tag(first, ["nightly"])
        assert sorted(entry["digest"] for entry in written(layout)["manifests"]) == sorted(
            [first.digest, second.digest]
        )
        with pytest.raises(NotFound):
            layout.untag("2.1")

    def test_untagging_leaves_the_other_tags(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1", "2")
        layout.untag("2")
        assert layout.digests(["2.1", "2"]) == {"2.1": image.digest, "2": None}
        assert len(written(layout)["manifests"]) == 1

    def test_an_exact_tag_is_claimed_once(self, layout: Layout) -> None:
        first, second = make_image(layout, "a"), make_image(layout, "b")
        assert layout.put_if_absent(first, "2.1.4") == first.digest
        assert layout.put_if_absent(second, "2.1.4") == first.digest
        assert layout.digests(["2.1.4"]) == {"2.1.4": first.digest}

    @pytest.mark.parametrize("tag", ["", "a/b", "../x", "-x", "x" * 129, "a b"])
    def test_what_is_no_tag_is_refused(self, layout: Layout, tag: str) -> None:
        image = make_image(layout)
        for act in (lambda: layout.tag(image, ["2.1", tag]), lambda: layout.put_if_absent(image, tag)):
            with pytest.raises(InputError):
                act()
        assert list(layout.tags()) == []

    def test_an_image_that_is_not_whole_gets_no_tag(self, layout: Layout) -> None:
        index = make_index(layout)
        for gone in (index.children()[1].digest, layout.manifest(index.children()[0].digest).layers()[0].digest):
            path = layout.path / "blobs/sha256" / gone[7:]
            content = path.read_bytes()
            path.unlink()
            with pytest.raises(StoreError, match=gone) as caught:
                layout.tag(index, ["2.1"])
            assert caught.value.code == "MANIFEST_BLOB_UNKNOWN"
            path.write_bytes(content)
        layout.tag(index, ["2.1"])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["point", "untag", "delete", "claim"]),
                st.integers(0, 2),
                st.lists(st.sampled_from(["1", "1.0", "1.0.0", "latest"]), min_size=1, max_size=3, unique=True),
            ),
            max_size=12,
        )
    )
    @settings(max_examples=25, deadline=None)
    def test_they_stand_as_in_a_dictionary(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, list[str]]]
    ) -> None:
        layout = Layout(tmp_path_factory.mktemp("layout"))
        model: dict[str, str] = {}
        for act, which, tags in steps:
            image = make_image(layout, f"image {which}")
            if act == "point":
                layout.tag(image, tags)
                model |= dict.fromkeys(tags, image.digest)
            elif act == "claim":
                assert layout.put_if_absent(image, tags[0]) == model.setdefault(tags[0], image.digest)
            elif act == "untag" and tags[0] in model:
                layout.untag(tags[0])
                del model[tags[0]]
            elif act == "delete":
                layout.delete(image.digest)
                model = {tag: digest for tag, digest in model.items() if digest != image.digest}
                with pytest.raises(NotFound):
                    layout.manifest(image.digest)
            held = layout.snapshot([*model, "none"])
            assert held.tags == set(model)
            assert held.digests == model | {"none": None}
            for digest in model.values():
                check_whole(layout, digest)


class TestDeleting:
    def test_a_manifest_goes_with_its_tags_and_all_that_nothing_else_needs(self, layout: Layout) -> None:
        other = make_index(layout, "other", "3.0")
        before = stored(layout)
        shared = make_image(layout, "other", platform="linux/amd64")
        index = put_manifest(layout, OCI_INDEX, {"manifests": [describe(shared, "linux/amd64")]}, ["2.1", "2"])
        layout.delete(index.digest)
        assert stored(layout) == before
        assert list(layout.tags()) == ["3.0"]
        check_whole(layout, other.digest)
        layout.delete(other.digest)
        assert stored(layout) == set()

    def test_a_part_of_another_image_is_not_deleted(self, layout: Layout) -> None:
        index = make_index(layout, "app", "2.1")
        with pytest.raises(StoreError) as caught:
            layout.delete(index.children()[0].digest)
        assert caught.value.code == "DENIED"
        layout.tag(layout.manifest(index.children()[0].digest), ["amd64"])
        layout.delete(index.children()[0].digest)
        assert list(layout.tags()) == ["2.1"]
        check_whole(layout, index.digest)

    def test_a_manifest_without_a_tag_goes_too(self, layout: Layout) -> None:
        image = make_image(layout)
        layout.delete(image.digest)
        assert stored(layout) == set()
        with pytest.raises(NotFound):
            layout.delete(image.digest)

    def test_only_a_digest_is_taken(self, layout: Layout) -> None:
        make_image(layout, "app", "2.1")
        for text in ("2.1", "sha256:../../index.json", "../index.json"):
            with pytest.raises(InputError):
                layout.delete(text)


class TestReferrers:
    def test_are_found_with_and_without_a_tag(self, layout: Layout) -> None:
        index = make_index(layout, "app", "2.1")
        other = make_image(layout, "other", "3")
        found = [attach(layout, index, "one"), attach(layout, index, "two", "application/vnd.tests.other")]
        layout.tag(found[1], ["tagged"])
        attach(layout, other)
        sign(layout, index)
        assert {
            (item.digest, item.artifact_type, item.annotations["org.tests.text"])
            for item in layout.referrers(index.digest)
        } == {
            (found[0].digest, "application/vnd.tests.sbom", "one"),
            (found[1].digest, "application/vnd.tests.other", "two"),
        }

    def test_are_found_by_the_fallback_tag(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        listed = make_image(layout, "artifact").descriptor()
        put_manifest(layout, OCI_INDEX, {"manifests": [listed.to_json()]}, [image.digest.replace(":", "-")])
        attached = attach(layout, image)
        assert {item.digest for item in layout.referrers(image.digest)} == {listed.digest, attached.digest}

    def test_are_found_though_another_image_is_broken(self, layout: Layout) -> None:
        image, other = make_image(layout, "app", "2.1"), make_image(layout, "other", "3")
        attached = attach(layout, image)
        (layout.path / "blobs/sha256" / other.digest[7:]).write_bytes(b"broken")
        assert [item.digest for item in layout.referrers(image.digest)] == [attached.digest]


class TestBlobs:
    @pytest.mark.parametrize("sent", [b"", b"conten", b"content and more", b"CONTENT"])
    def test_other_bytes_are_refused_and_leave_nothing(self, layout: Layout, sent: bytes) -> None:
        make_image(layout, "app", "2.1")
        before = sorted(layout.path.rglob("*"))
        with pytest.raises(StoreError) as caught:
            layout.put_blob(Descriptor("text/plain", digest_of(b"content"), 7), opener_of(sent))
        assert caught.value.code == "DIGEST_INVALID"
        assert sorted(layout.path.rglob("*")) == before

    def test_are_written_once(self, layout: Layout) -> None:
        descriptor = put(layout, b"content", "text/plain")
        layout.put_blob(descriptor, lambda: pytest.fail("it was read again"))
        with layout.blob(descriptor) as file:
            assert file.read() == b"content"

    def test_half_a_blob_that_another_left_is_written_anew(self, layout: Layout) -> None:
        descriptor = put(layout, b"content", "text/plain")
        (layout.path / "blobs/sha256" / descriptor.digest[7:]).write_bytes(b"con")
        assert not layout.has_blob(descriptor)
        put(layout, b"content", "text/plain")
        assert layout.has_blob(descriptor)

    def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_is_not(self, layout: Layout) -> None:
        make_image(layout)
        (layout.path / ".tagger-dead").write_text("half a blob")
        content = os.urandom(1 << 20)

        class Slow:
            def __init__(self) -> None:
                self.left = content

            def read(self, size: int) -> bytes:
                if self.left:  # somebody else writes meanwhile
                    make_image(Layout(layout.path), str(len(self.left)), "2.1")
                part, self.left = self.left[:size], self.left[size:]
                return part

        descriptor = Descriptor("", digest_of(content), len(content))
        layout.put_blob(descriptor, lambda: nullcontext(Slow()))  # type: ignore[arg-type]
        assert layout.has_blob(descriptor)
        assert {path.name for path in layout.path.iterdir()} == {"blobs", "index.json", "oci-layout"}

    def test_sha512_is_known(self, layout: Layout) -> None:
        descriptor = Descriptor("", f"sha512:{hashlib.sha512(b'content').hexdigest()}", 7)
        layout.put_blob(descriptor, opener_of(b"content"))
        assert (layout.path / "blobs/sha512" / descriptor.digest[7:]).read_bytes() == b"content"


HEAD = """
import sys
from tagger.images.layout import Layout
from tests.images.making import make_image, make_index
layout, name = Layout(sys.argv[1]), sys.argv[2]
"""
TAKE_TURNS = """
for n in range(15):
    make_image(layout, name, f"{name}.{n}", "latest")
"""
CLAIM = """
image = make_image(layout, name)
for n in range(20):
    print(layout.put_if_absent(image, f"1.0.{n}"), image.digest)
"""
RELEASE = """
print("ready", flush=True)
for n in range(10_000):
    make_index(layout, str(n), f"{name}.{n}", "latest")
"""
RELEASE_AND_DELETE = f"""{RELEASE}
    if n % 3 == 2:
        layout.delete(layout.manifest(f"{{name}}.{{n - 1}}").digest)
"""


@contextmanager
def writing(layout: Layout, script: str, *names: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Run a writer of each name, each a process of its own."""
    with ExitStack() as stack:
        command = [sys.executable, "-c", HEAD + script, str(layout.path)]
        writers = [
            stack.enter_context(subprocess.Popen([*command, name], cwd=ROOT, stdout=subprocess.PIPE, text=True))
            for name in names
        ]
        for writer in writers:
            stack.callback(writer.kill)
        yield writers


class TestWriters:
    def test_take_turns(self, layout: Layout) -> None:
        with writing(layout, TAKE_TURNS, *"abc") as writers:
            assert [writer.wait(60) for writer in writers] == [0, 0, 0]
        assert set(layout.tags()) == {f"{name}.{n}" for name in "abc" for n in range(15)} | {"latest"}
        for tag in layout.tags():
            check_whole(layout, layout.manifest(tag).digest)
        assert {path.name for path in layout.path.iterdir()} == {"blobs", "index.json", "oci-layout"}

    def test_never_keep_skopeo_from_reading(self, layout: Layout) -> None:
        make_image(layout, "first", "latest")
        with writing(layout, RELEASE, "a", "b") as writers:
            for writer in writers:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "ready\n"
            for _ in range(8):
                assert b"schemaVersion" in skopeo("inspect", "--raw", f"oci:{layout.path}:latest")
            assert [writer.poll() for writer in writers] == [None, None]
            for writer in writers:
                writer.kill()

    def test_claim_a_version_one_of_them(self, layout: Layout) -> None:
        with writing(layout, CLAIM, *"abc") as writers:
            claims = [[line.split() for line in writer.communicate(timeout=60)[0].splitlines()] for writer in writers]
        for turn in range(20):
            standing = {claim[turn][0] for claim in claims}
            assert standing == {layout.digests([f"1.0.{turn}"])[f"1.0.{turn}"]}
            assert sum(claim[turn][0] == claim[turn][1] for claim in claims) == 1

    def test_killed_at_any_moment_leave_a_layout_that_can_be_read(self, layout: Layout) -> None:
        chance = random.Random(2)
        for turn in range(12):
            with writing(layout, RELEASE_AND_DELETE, str(turn)) as (writer,):
                assert writer.stdout is not None
                assert writer.stdout.readline() == "ready\n"
                end = time.monotonic() + chance.uniform(0, 0.08)
                while time.monotonic() < end:
                    layout.tags()  # whoever reads meanwhile sees a whole index too
                writer.kill()
            for tag in layout.tags():
                check_whole(layout, layout.manifest(tag).digest)
        newest = make_index(layout, "newest", "latest")
        assert skopeo("inspect", "--raw", f"oci:{layout.path}:latest") == newest.content
        assert {path.name for path in layout.path.iterdir()} == {"blobs", "index.json", "oci-layout"}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(digest_of(b"")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["manifests", "digest", "size", "mediaType", "annotations", "platform", "urls", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_is_an_index_or_an_error(document: Any) -> None:
    try:
        index = Index.parse(json.dumps(document).encode())
    except ValueError:
        return
    pointed = index.with_tags(Descriptor(OCI_MANIFEST, digest_of(b"image"), 5), ["2.1"])
    assert Index.parse(pointed.to_bytes()).tags.keys() == index.tags.keys() | {"2.1"}


@given(st.binary(max_size=40), st.sampled_from(["index.json", "oci-layout", "blob"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, which: str) -> None:
    layout = Layout(tmp_path_factory.mktemp("layout"))
    image = make_image(layout, "app", "2.1")
    (layout.path / (f"blobs/sha256/{image.digest[7:]}" if which == "blob" else which)).write_bytes(content)
    acts: list[Callable[[], object]] = [layout.tags, lambda: layout.manifest("2.1"), lambda: layout.untag("2.1")]
    for act in acts:
        try:
            act()
        except TaggerError:
            continue


class TestHostileFolder:
    """What others may have put where a layout is written."""

    @pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
    def test_a_folder_that_is_a_link_is_refused(self, tmp_path: Path, name: str) -> None:
        outside, layout = tmp_path / "outside", tmp_path / "layout"
        outside.mkdir()
        (layout / name).parent.mkdir(parents=True)
        (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (layout / name).symlink_to(outside)
        with pytest.raises(StoreError, match="is a link"):
            make_image(Layout(layout), "app", "1.0.0")
        assert list(outside.iterdir()) == []

    @pytest.mark.parametrize("name", [".tagger-0123456789abcdef", "index.json", "oci-layout"])
    def test_a_fifo_keeps_nobody_waiting(self, tmp_path: Path, name: str) -> None:
        make_image(Layout(tmp_path / "layout"), "app", "1.0.0")
        place = tmp_path / "layout" / name
        place.unlink(missing_ok=True)
        os.mkfifo(place)
        if name.startswith("."):
            make_image(Layout(tmp_path / "layout"), "more", "1.0.1")
        else:
            with pytest.raises(StoreError, match="regular file"):
                make_image(Layout(tmp_path / "layout"), "more", "1.0.1")

    def test_a_folder_under_the_name_of_an_unfinished_file_is_left(self, tmp_path: Path) -> None:
        make_image(Layout(tmp_path), "app", "1.0.0")
        (tmp_path / ".tagger-folder").mkdir()
        make_image(Layout(tmp_path), "more", "1.0.1")
        assert (tmp_path / ".tagger-folder").is_dir()

    def test_a_lock_is_waited_for_with_a_word_until_it_is_stopped(self, tmp_path: Path) -> None:
        said = threading.Event()
        layout = Layout(tmp_path, lambda _: said.set())
        holder = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(holder, fcntl.LOCK_EX)
            with ThreadPoolExecutor(1) as threads:
                writing = threads.submit(make_image, layout, "app", "1.0.0")
                assert said.wait(10)
                layout.stop()
                with pytest.raises(StoreError, match="stopped"):
                    writing.result(10)
        finally:
            os.close(holder)

    def test_made_folders_outlast_a_power_cut(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each folder that is made is written to disk with the entry that names it."""
        synced = []
        fsync = os.fsync

        def watched(descriptor: int) -> None:
            synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watched)
        make_image(Layout(tmp_path / "a/b/layout"), "app", "1.0.0")
        folders = [tmp_path, tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/layout", tmp_path / "a/b/layout/blobs"]
        assert [folder for folder in folders if folder not in synced] == []
