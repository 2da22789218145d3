"""Archives: layouts in tar files and what `docker save` writes; nothing in them reaches a disk under its own name."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, NotFound, StoreError, TaggerError
from tagger.images.archives import Archive, DockerImage, LayoutArchive, saved_images
from tagger.images.archives.archive import LARGEST_HEADER
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from tagger.images.source_kinds import open_source
from tagger.images.source_spec import parse_source
from tagger.images.sources import SavedSource
from tests.images.making import attach, digest_of, make_config, make_image, make_index, make_layer
from tests.images.telling import Told

LAYERS = (make_layer({"base": "one"}), make_layer({"app": "two"}))
ROOT = Path(__file__).parents[2]
Content = bytes | str | tarfile.TarInfo


def pack(path: Path, members: Mapping[str, Content] | Sequence[tuple[str, Content]]) -> Path:
    """Write a tar archive: files, links (a text is where they point), or members as they are given."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size = len(content)
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def save(
    *layers: bytes, names: Sequence[str] = ("acme/app:2.1",), changes: Mapping[str, object] | None = None
) -> dict[str, Content]:
    """Return the members of an archive as `docker save` of the engine 20.10 writes it."""
    config = make_config(layers or LAYERS, "linux/amd64", {"org.opencontainers.image.version": "2.1.4"})
    digest = digest_of(config)[7:]
    folders = [hashlib.sha256(layer + b"id").hexdigest() for layer in layers or LAYERS]
    entry = {"Config": f"{digest}.json", "RepoTags": list(names), "Layers": [f"{name}/layer.tar" for name in folders]}
    members: dict[str, Content] = {}
    for name, layer in zip(folders, layers or LAYERS, strict=True):
        members |= {f"{name}/VERSION": b"1.0", f"{name}/json": b"{}", f"{name}/layer.tar": layer}
    members |= {
        f"{digest}.json": config,
        "manifest.json": json.dumps([entry | dict(changes or {})]).encode(),
        "repositories": b"{}",
    }
    return members


def image_of(path: Path) -> DockerImage:
    archive = Archive(path, f"docker-archive:{path}")
    return DockerImage(archive, saved_images(archive)[0])


def read(image: DockerImage, descriptor: Descriptor) -> bytes:
    with image.blob(descriptor) as file:
        return file.read()


def pack_layout(layout: Layout, path: Path, *, under: str = "./") -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(layout.path, under or ".")
    return path


class TestLayouts:
    @pytest.mark.parametrize("under", ["./", "."])
    @pytest.mark.parametrize("compressed", [False, True])
    def test_in_an_archive_are_read_as_on_disk(self, tmp_path: Path, under: str, compressed: bool) -> None:
        layout = Layout(tmp_path / "layout")
        index = make_index(layout, "app", "2.1")
        artifact = attach(layout, index)
        path = pack_layout(layout, tmp_path / "archive.tar", under=under)
        if compressed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        content = LayoutArchive(Archive(path, "oci-archive:it"))
        assert content.manifest("2.1") == content.manifest(index.digest) == index
        assert content.digests(["2.1", "2"]) == {"2.1": index.digest, "2": None}
        assert [item.digest for item in content.referrers(index.digest)] == [artifact.digest]
        for child in index.children():
            for blob in content.manifest(child.digest).blobs():
                with content.blob(blob) as file, layout.blob(blob) as expected:
                    assert file.read() == expected.read()
        with pytest.raises(NotFound), content.blob(Descriptor("", digest_of(b"none"), 4)):
            pass

    def test_as_skopeo_writes_them(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path / "layout")
        index = make_index(layout, "app", "2.1")
        path = tmp_path / "archive.tar"
        command = ["skopeo", "copy", "--all", f"oci:{layout.path}:2.1", f"oci-archive:{path}:2.1"]
        subprocess.run(command, check=True, capture_output=True)
        assert LayoutArchive(Archive(path, "it")).manifest("2.1") == index

    @pytest.mark.parametrize("members", [{}, {"index.json": b""}, {"index.json": b"[]"}, {"index.json": "/etc/passwd"}])
    def test_without_an_index_are_refused(self, tmp_path: Path, members: dict[str, Content]) -> None:
        content = LayoutArchive(Archive(pack(tmp_path / "archive.tar", members), "oci-archive:it"))
        with pytest.raises(StoreError, match=r"index\.json") as caught:
            content.manifest("2.1")
        assert caught.value.code == "ARCHIVE_INVALID"
        assert caught.value.place == "oci-archive:it"

    def test_are_read_by_several_at_once(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path / "layout")
        image = make_image(layout, "app" * 100_000, "2.1")
        content = LayoutArchive(Archive(pack_layout(layout, tmp_path / "archive.tar"), "it"))
        one, other = image.blobs()
        with content.blob(one) as first, content.blob(other) as second, content.blob(other) as third:
            assert second.read(5) + second.read() == third.read()
            assert first.read(1) == b"{"


class TestSaved:
    def test_an_image_becomes_a_manifest_with_its_own_config(self, tmp_path: Path) -> None:
        image = image_of(pack(tmp_path / "archive.tar", save()))
        manifest = image.to_manifest()
        assert manifest.media_type == manifest.document["mediaType"] == OCI_MANIFEST
        config = manifest.config()
        assert config is not None
        assert (config.media_type, config.digest) == (OCI_CONFIG, image.config.digest)
        content = read(image, config)
        assert digest_of(content) == config.digest
        assert [gzip.decompress(read(image, layer)) for layer in manifest.layers()] == list(LAYERS)
        for blob in manifest.blobs():
            assert (digest_of(read(image, blob)), len(read(image, blob))) == (blob.digest, blob.size)
        assert image.config.platform == "linux/amd64"
        assert image.config.labels == {"org.opencontainers.image.version": "2.1.4"}
        assert image.manifest(manifest.digest) == manifest
        with pytest.raises(NotFound):
            image.manifest(digest_of(b"another"))
        with pytest.raises(NotFound), image.blob(Descriptor("", digest_of(b"another"), 7)):
            pass

    def test_the_same_archive_makes_the_same_manifest(self, tmp_path: Path) -> None:
        made = image_of(pack(tmp_path / "one.tar", save())).to_manifest()
        compressed = tmp_path / "other.tar.gz"
        compressed.write_bytes(gzip.compress((tmp_path / "one.tar").read_bytes()))
        assert image_of(compressed).to_manifest() == made
        start = read(image_of(compressed), made.layers()[0])[:10]
        assert start == b"\x1f\x8b\x08\0" + b"\0\0\0\0" + b"\0\x03"  # no name, no time, level 6, Unix

    def test_unpacking_is_told_in_bytes(self, tmp_path: Path) -> None:
        plain = pack(tmp_path / "one.tar", save())
        packed = tmp_path / "one.tar.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        told = Told()
        for path in (plain, packed):
            open_source(parse_source(f"docker-archive:{path}"), lambda _: Layout(tmp_path), meter=lambda: told)
        size = packed.stat().st_size
        assert told.phases == ["unpacking the archive"]
        assert told.parts[f"docker-archive:{packed}"][-1] == (size, size)

    def test_a_layer_that_is_there_twice_is_compressed_once(self, tmp_path: Path) -> None:
        manifest = image_of(pack(tmp_path / "archive.tar", save(LAYERS[0], LAYERS[1], LAYERS[0]))).to_manifest()
        first, second, third = manifest.layers()
        assert first == third != second

    def test_an_image_that_skopeo_saved(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path / "layout")
        original = make_image(layout, "app", "2.1", below=LAYERS)
        path = tmp_path / "archive.tar"
        command = ["skopeo", "copy", f"oci:{layout.path}:2.1", f"docker-archive:{path}:acme/app:2.1"]
        subprocess.run(command, check=True, capture_output=True)
        archive = Archive(path, "it")
        (saved,) = saved_images(archive)
        assert saved.names == ("docker.io/acme/app:2.1",)
        manifest = DockerImage(archive, saved).to_manifest()
        assert manifest.config() == original.config()
        assert len(manifest.layers()) == 3

    def test_its_meter_hears_of_every_byte_of_a_layer(self, tmp_path: Path) -> None:
        told = Told()
        image = image_of(pack(tmp_path / "a.tar", save()))
        SavedSource(image, "it").as_content(told)
        assert {part: steps[-1] for part, steps in told.parts.items()} == {
            diff_id: (len(layer),) * 2 for diff_id, layer in zip(image.config.diff_ids, LAYERS, strict=True)
        }

    def test_layers_that_are_links(self, tmp_path: Path) -> None:
        members = save()
        first, second = json.loads(_bytes(members["manifest.json"]))[0]["Layers"]
        layer = members[second]
        expected = image_of(pack(tmp_path / "plain.tar", members)).to_manifest()
        hard = tarfile.TarInfo(second)
        hard.type, hard.linkname = tarfile.LNKTYPE, "shared/layer.tar"
        for link in ("../shared/layer.tar", hard):
            linked = members | {second: link, "shared/layer.tar": layer}
            assert image_of(pack(tmp_path / "linked.tar", linked)).to_manifest() == expected
        chain = members | {second: "../a", "a": "b", "b": "./c/../shared", "shared": layer}
        assert image_of(pack(tmp_path / "chain.tar", chain)).to_manifest() == expected
        assert first in members

    def test_layers_that_are_compressed_already(self, tmp_path: Path) -> None:
        members = save()
        for name in json.loads(_bytes(members["manifest.json"]))[0]["Layers"]:
            members[name] = gzip.compress(_bytes(members[name]), 1, mtime=5)
        image = image_of(pack(tmp_path / "archive.tar", members))
        assert [read(image, layer) for layer in image.to_manifest().layers()] == [
            gzip.compress(layer, 1, mtime=5) for layer in LAYERS
        ]

    def test_an_image_without_names_and_layers(self, tmp_path: Path) -> None:
        members = save(b"x")
        config = make_config([], "linux/amd64", {})
        members["config"] = config
        members["manifest.json"] = json.dumps([{"Config": "config", "RepoTags": None, "Layers": None}]).encode()
        image = image_of(pack(tmp_path / "archive.tar", members))
        assert image.to_manifest().layers() == ()
        assert image.config.digest == digest_of(config)

    def test_memory_holds_no_layer(self, tmp_path: Path) -> None:
        """A layer of 64 MiB, within the memory of an interpreter and a few buffers."""
        layer = tmp_path / "layer"
        with layer.open("wb") as file:
            file.truncate(1 << 26)
        diff_id = subprocess.run(["sha256sum", layer], check=True, capture_output=True, text=True).stdout.split()[0]
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [f"sha256:{diff_id}"]}}
        entry = {"Config": "config", "RepoTags": None, "Layers": ["layer"]}
        pack(
            tmp_path / "small.tar",
            {"config": json.dumps(config).encode(), "manifest.json": json.dumps([entry]).encode()},
        )
        with tarfile.open(tmp_path / "small.tar", "a") as archive:
            archive.add(layer, "layer")
        layer.unlink()
        script = (
            "import re, sys; from tagger.images.source_kinds import open_source\n"
            "from tagger.images.source_spec import parse_source\n"
            "from tagger.images.layout import Layout\n"
            "source = open_source(parse_source('docker-archive:' + sys.argv[1]), None)\n"
            "source.stage(Layout(sys.argv[2]), '2.1')\n"
            "print(re.search('VmHWM:[^0-9]*([0-9]+)', open('/proc/self/status').read())[1])"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "small.tar"), str(tmp_path / "layout")]
        peak = int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
        assert peak < 48 * 1024


def _bytes(content: Content) -> bytes:
    assert isinstance(content, bytes)
    return content


def _member(**fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo("member")
    for name, value in fields.items():
        setattr(member, name, value)
    return member


class TestOtherPrograms:
    """Archives as other programs than docker write them."""

    @staticmethod
    def squeezed(path: Path, squeeze: Callable[[bytes], bytes]) -> Path:
        packed = {n: squeeze(c) for n, c in save().items() if n.endswith(".tar") and isinstance(c, bytes)}
        return pack(path, {**save(), **packed})

    def test_layers_of_zstd_stay_as_they_are(self, tmp_path: Path) -> None:
        """containerd #14160."""
        image = image_of(self.squeezed(tmp_path / "a.tar", zstd.compress))
        layers = image.to_manifest().layers()
        assert {layer.media_type for layer in layers} == {"application/vnd.oci.image.layer.v1.tar+zstd"}
        assert [zstd.decompress(read(image, layer)) for layer in layers] == list(LAYERS)

    def test_layers_of_another_compression_are_refused_by_its_name(self, tmp_path: Path) -> None:
        formats = {"xz": lzma.compress, "lz4": lambda content: b"\x04\x22\x4d\x18" + content}
        for name, squeeze in formats.items():
            image = image_of(self.squeezed(tmp_path / "a.tar", squeeze))
            with pytest.raises(InputError, match=f"is compressed with {name}"):
                image.to_manifest()

    def test_a_pipe_is_kept_and_read(self, tmp_path: Path) -> None:
        """skopeo #590: `… | tagger release --source docker-archive:/dev/stdin`."""
        content = pack(tmp_path / "a.tar", save()).read_bytes()
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor(1) as threads:
            threads.submit(pipe.write_bytes, content)
            image = image_of(pipe)
        assert image.to_manifest() == image_of(tmp_path / "a.tar").to_manifest()

    def test_images_without_a_name_are_chosen_by_place_or_config(self, tmp_path: Path) -> None:
        one, two = save(LAYERS[0], names=()), save(LAYERS[1], names=())
        entries = [json.loads(cast("bytes", members["manifest.json"]))[0] for members in (one, two)]
        path = pack(tmp_path / "a.tar", {**one, **two, "manifest.json": json.dumps(entries).encode()})
        digest = f"sha256:{entries[1]['Config'][:-5]}"
        for choice in ("@1", digest, f"@{digest}", digest.partition(":")[2]):
            source = open_source(parse_source(f"docker-archive:{path}:{choice}"), lambda _: Layout(tmp_path))
            assert source.config_digest == f"sha256:{entries[1]['Config'][:-5]}"
        with pytest.raises(InputError, match="several images") as caught:
            open_source(parse_source(f"docker-archive:{path}"), lambda _: Layout(tmp_path))
        assert "@0, @1" in caught.value.hint


class TestHostile:
    def test_names_and_links_lead_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "secret").write_bytes(LAYERS[1])
        folder = tmp_path / "a/b"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        members = save()
        layers = json.loads(_bytes(members["manifest.json"]))[0]["Layers"]
        for target in (
            "../../../secret",
            str(tmp_path / "secret"),
            "../../../../../../etc/passwd",
            layers[1],
            "../loop",
        ):
            hostile = members | {layers[1]: target, "loop": "loop2", "loop2": "loop"}
            with pytest.raises(StoreError, match="is missing"):
                image_of(pack(tmp_path / "hostile.tar", hostile)).to_manifest()
        for name in ("../../secret", str(tmp_path / "secret"), "/etc/passwd", "../../../etc/passwd"):
            changed = save(changes={"Layers": [layers[0], name]})
            with pytest.raises(StoreError, match="is missing"):
                image_of(pack(tmp_path / "hostile.tar", changed)).to_manifest()
            with pytest.raises(StoreError, match="is missing"):
                image_of(pack(tmp_path / "hostile.tar", save(changes={"Config": name})))
        assert list(folder.iterdir()) == []

    def test_members_outside_are_written_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "a/b"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        device = _member(name="device", type=tarfile.BLKTYPE, devmajor=8)
        pipe = _member(name="manifest2.json", type=tarfile.FIFOTYPE)
        more: dict[str, Content] = {
            "../escaped": b"x", f"{tmp_path}/escaped": b"x", "device": device, "manifest2.json": pipe, "link": "/",
            "link/escaped": b"x",
        }  # fmt: skip
        image_of(pack(tmp_path / "hostile.tar", save() | more)).to_manifest()
        assert {path.name for path in tmp_path.rglob("*")} == {"a", "b", "hostile.tar"}

    @pytest.mark.parametrize(
        "change",
        [
            {"Config": 5},
            {"Config": None},
            {"Layers": 5},
            {"Layers": [5]},
            {"Layers": "text"},
            {"RepoTags": 5},
            {"RepoTags": [None]},
        ],
    )
    def test_a_list_of_images_that_is_none_is_refused(self, tmp_path: Path, change: dict[str, object]) -> None:
        with pytest.raises(StoreError) as caught:
            image_of(pack(tmp_path / "archive.tar", save(changes=change)))
        assert caught.value.code == "ARCHIVE_INVALID"

    @pytest.mark.parametrize("content", [b"", b"{", b"5", b'{"Config": "x"}', b"[5]", b"[[]]", b"[" * 100_000, b"\xff"])
    def test_a_list_that_cannot_be_read_is_refused(self, tmp_path: Path, content: bytes) -> None:
        archive = Archive(pack(tmp_path / "archive.tar", {"manifest.json": content}), "it")
        with pytest.raises(StoreError) as caught:
            saved_images(archive)
        assert caught.value.code == "ARCHIVE_INVALID"

    def test_bytes_that_are_not_what_they_are_called_are_refused(self, tmp_path: Path) -> None:
        members = save()
        entry = json.loads(_bytes(members["manifest.json"]))[0]
        other_layer = members | {entry["Layers"][0]: make_layer({"base": "evil"})}
        with pytest.raises(StoreError, match="does not match"):
            image_of(pack(tmp_path / "archive.tar", other_layer)).to_manifest()
        bad = bytearray(gzip.compress(LAYERS[0]))
        bad[12] ^= 0xFF
        for content in (bytes(bad), gzip.compress(LAYERS[0])[:-9]):
            with pytest.raises(StoreError):
                image_of(pack(tmp_path / "archive.tar", members | {entry["Layers"][0]: content})).to_manifest()
        other_config = members | {entry["Config"]: _bytes(members[entry["Config"]]) + b" "}
        with pytest.raises(StoreError, match="does not match"):
            image_of(pack(tmp_path / "archive.tar", other_config))
        with pytest.raises(StoreError, match="1 layers are saved, 2 are in the config"):
            image_of(pack(tmp_path / "archive.tar", save(changes={"Layers": entry["Layers"][:1]})))

    @pytest.mark.parametrize(("name", "squeeze"), [("bzip2", bz2.compress), ("xz", lzma.compress)])
    def test_other_compressions_are_named(self, tmp_path: Path, name: str, squeeze: object) -> None:
        assert callable(squeeze)
        (tmp_path / "archive").write_bytes(squeeze(pack(tmp_path / "plain.tar", save()).read_bytes()))
        with pytest.raises(InputError, match=name):
            Archive(tmp_path / "archive", "docker-archive:it")

    def test_headers_made_to_fill_memory_are_refused(self, tmp_path: Path) -> None:
        for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            header = _member(type=kind, size=LARGEST_HEADER * 2)
            with (tmp_path / "archive.tar").open("wb") as file:
                file.write(header.tobuf(tarfile.USTAR_FORMAT))
                file.truncate(LARGEST_HEADER * 4)
            with pytest.raises(StoreError, match="header is too large"):
                Archive(tmp_path / "archive.tar", "it")

    @pytest.mark.parametrize("size", [-1, -512, -(1 << 40), 1 << 40, (1 << 62) - 1])
    def test_sizes_that_cannot_be_are_refused(self, tmp_path: Path, size: int) -> None:
        header = tarfile.TarInfo("manifest.json").tobuf(tarfile.GNU_FORMAT)
        field = (b"\xff" if size < 0 else b"\x80") + (size % (1 << 88)).to_bytes(11, "big")
        header = header[:124] + field + b" " * 8 + header[156:]
        checksum = b"%06o\0 " % sum(header)
        (tmp_path / "archive.tar").write_bytes(header[:148] + checksum + header[156:] + b"\0" * 1024)
        with pytest.raises(StoreError):
            Archive(tmp_path / "archive.tar", "it")

    def test_a_whole_archive_made_to_fill_the_disk_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tagger.images.archives.archive.LEAST_LIMIT", 1 << 20)
        (tmp_path / "bomb.tar.gz").write_bytes(gzip.compress(b"\0" * (1 << 24)))
        with pytest.raises(StoreError, match="grows beyond"):
            Archive(tmp_path / "bomb.tar.gz", "it")

    @pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b", b"\x1f\x8b\x08", b"PK\x03\x04" + b"\0" * 600])
    def test_what_is_no_archive_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "archive").write_bytes(content)
        with pytest.raises(StoreError):
            saved_images(Archive(tmp_path / "archive", "docker-archive:it"))

    def test_a_directory_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError):
            Archive(tmp_path, "docker-archive:it")

    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_any_damage_is_an_error_of_ours(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        folder = tmp_path_factory.mktemp("archive")
        content = bytearray(pack(folder / "archive.tar", save()).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(content) - 1))
            piece = data.draw(st.binary(min_size=1, max_size=12))
            content[start : start + len(piece)] = piece
        (folder / "archive.tar").write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            image: Manifest = image_of(folder / "archive.tar").to_manifest()
        except (TaggerError, IndexError):  # IndexError: an archive without any image
            return
        assert image.media_type == OCI_MANIFEST
