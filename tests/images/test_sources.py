"""Sources: what may be written, which image of several is meant, and how it is staged."""

import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.confidential import hide_logins
from tagger.errors import InputError, NotFound, StoreError, TaggerError
from tagger.images.layout import Layout
from tagger.images.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST, Manifest
from tagger.images.source_kinds import open_source
from tagger.images.source_spec import SourceSpec, parse_source
from tagger.images.sources import BuiltImage, ContentSource
from tagger.images.stores import TagStore
from tagger.names import SOURCE_KINDS, Repository
from tests.images.making import attach, describe, make_image, make_index, put, put_manifest, sign
from tests.images.test_archives import pack, pack_layout, save

DIGEST = f"sha256:{'1a' * 32}"


def nowhere(repository: Repository) -> TagStore:
    raise AssertionError(f"{repository} was asked for")


def open_text(text: str) -> BuiltImage:
    return open_source(parse_source(text), nowhere)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def target(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "target")


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "kind", "value"),
        [
            ("docker-daemon:app:build", "docker-daemon", "app:build"),
            (f"docker-daemon:{DIGEST}", "docker-daemon", DIGEST),
            ("docker://ghcr.io/acme/app:2.1", "docker", "ghcr.io/acme/app:2.1"),
            (f"docker://ghcr.io/acme/app@{DIGEST}", "docker", f"ghcr.io/acme/app@{DIGEST}"),
            ("docker://acme/app", "docker", "docker.io/acme/app:latest"),
            ("oci:build/demo", "oci", "build/demo"),
            ("oci:build/demo:2.1", "oci", "build/demo:2.1"),
            ("oci-archive:app.tar", "oci-archive", "app.tar"),
            ("docker-archive:/tmp/app.tar:acme/app:2.1", "docker-archive", "/tmp/app.tar:acme/app:2.1"),
            ("app:build", "name", "app:build"),
            ("docker:27", "name", "docker:27"),
            ("localhost:5000/app", "name", "localhost:5000/app"),
            (f"ghcr.io/acme/app@{DIGEST}", "name", f"ghcr.io/acme/app@{DIGEST}"),
            (DIGEST, "name", DIGEST),
            ("1a2b3c4d5e6f", "name", "1a2b3c4d5e6f"),
        ],
    )
    def test_reads_every_form(self, text: str, kind: str, value: str) -> None:
        spec = parse_source(text)
        assert (spec.kind, spec.value) == (kind, value)
        assert parse_source(str(spec)) == spec

    @pytest.mark.parametrize(
        "text",
        [
            "", " ", "oci:", "oci-archive:", "docker-archive:", "docker-daemon:", "docker://", "docker://acme/UPPER",
            "docker://acme/app@sha256:12", "dir:/tmp/x", "containers-storage:localhost/app:1", "app build", "oci:a\0b",
            "https://ghcr.io/acme/app", "acme/App",
        ],
    )  # fmt: skip
    def test_refuses_the_rest(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_source(text)
        assert caught.value.hint

    @pytest.mark.parametrize("form", SOURCE_KINDS.values())
    def test_every_kind_is_read_offered_and_never_taken_for_a_login(self, form: str) -> None:
        text = form.partition("[")[0].replace("REFERENCE", "acme/app").replace("NAME", "app")
        assert SOURCE_KINDS[parse_source(text).kind] == form
        numbered = f"{text}@{DIGEST}" if "://" in form else f"{text}@0"
        assert hide_logins(numbered) == numbered
        with pytest.raises(InputError) as caught:
            parse_source(" ")
        assert form in caught.value.hint

    @given(st.text(max_size=40))
    def test_any_text_is_a_source_or_an_error(self, text: str) -> None:
        try:
            spec = parse_source(text)
        except InputError:
            return
        assert parse_source(str(spec)) == spec


class TestPaths:
    def test_that_exist_with_a_colon_win(self, tmp_path: Path) -> None:
        plain, colon = Layout(tmp_path / "a"), Layout(tmp_path / "a:2.1")
        one, other = make_image(plain, "one", "2.1"), make_image(colon, "other", "2.1")
        assert open_text(f"oci:{tmp_path}/a").digest == one.digest
        assert open_text(f"oci:{tmp_path}/a:2.1").digest == other.digest
        assert open_text(f"oci:{tmp_path}/a:2.1:2.1").digest == other.digest

    @pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
    def test_that_do_not_exist_are_refused(self, tmp_path: Path, kind: str) -> None:
        for value in (f"{tmp_path}/none", f"{tmp_path}/none:2.1", ":2.1", "x" * 5000):
            with pytest.raises(InputError, match="there is no such file or directory"):
                open_text(f"{kind}:{value}")

    def test_of_the_wrong_kind_are_refused(self, tmp_path: Path, layout: Layout) -> None:
        make_image(layout, "app", "2.1")
        (tmp_path / "file").write_text("")
        (tmp_path / "empty").mkdir()
        for text in ("oci:file", "oci:empty", "oci-archive:layout", "docker-archive:layout", "docker-archive:file"):
            kind, name = text.split(":")
            with pytest.raises(TaggerError):
                open_text(f"{kind}:{tmp_path}/{name}")


class TestChoosing:
    def test_the_only_image_needs_no_tag(self, layout: Layout) -> None:
        index = make_index(layout, "app", "2.1", "latest")
        sign(layout, index)
        attach(layout, index)
        layout.tag(make_image(layout, "was latest"), ["old"])
        layout.untag("old")
        assert open_text(f"oci:{layout.path}").digest == index.digest

    def test_the_only_image_needs_no_name_at_all(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        attach(layout, image)
        layout.untag("2.1")
        assert open_text(f"oci:{layout.path}").digest == image.digest

    def test_several_are_listed(self, layout: Layout) -> None:
        make_image(layout, "a", "2.1")
        make_image(layout, "b", "3.0")
        with pytest.raises(InputError, match="several images") as caught:
            open_text(f"oci:{layout.path}")
        assert "2.1, 3.0" in caught.value.hint
        with pytest.raises(InputError, match=r"no image 4\.0") as caught:
            open_text(f"oci:{layout.path}:4.0")
        assert "2.1, 3.0" in caught.value.hint

    def test_what_the_hint_offers_is_taken(self, layout: Layout) -> None:
        for text in ("a", "b"):
            make_image(layout, text, text)
        for text in ("a", "b"):
            layout.untag(text)
        with pytest.raises(InputError, match="several images") as caught:
            open_text(f"oci:{layout.path}")
        offered = caught.value.hint.split("`")[1]
        assert offered == f"oci:{layout.path}:@0"
        assert open_text(offered).digest == next(iter(layout.index().roots))

    def test_a_config_names_its_image(self, layout: Layout) -> None:
        image, index = make_image(layout, "a", "2.1"), make_index(layout, "b", "3.0")
        for root, config in ((image, image.config()), (index, layout.manifest(index.children()[1].digest).config())):
            assert config
            assert open_text(f"oci:{layout.path}@{config.digest}").digest == root.digest

    def test_a_digest_is_a_name_too(self, layout: Layout) -> None:
        make_image(layout, "a", "2.1")
        image = make_image(layout, "b", "3.0")
        assert open_text(f"oci:{layout.path}@{image.digest}").digest == image.digest
        with pytest.raises(NotFound):
            open_text(f"oci:{layout.path}@{DIGEST}")

    def test_an_empty_layout_holds_none(self, layout: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        layout.delete(image.digest)
        with pytest.raises(InputError, match="holds no image") as caught:
            open_text(f"oci:{layout.path}")
        assert caught.value.hint == "Put the build there first, or check `source`."

    @pytest.mark.parametrize(
        ("choice", "which"),
        [("acme/app:2.1", 0), ("docker.io/acme/app:2.1", 0), ("2.1", 0), ("b", 1), ("ghcr.io/acme/b:b", 1)],
    )
    def test_images_of_docker_save_go_by_tag_or_name(self, tmp_path: Path, choice: str, which: int) -> None:
        one, other = save(names=["acme/app:2.1", "acme/app:2"]), save(b"\0" * 1024, names=["ghcr.io/acme/b:b"])
        lists = [json.loads(bytes_of(members["manifest.json"])) for members in (one, other)]
        both = one | other | {"manifest.json": json.dumps(lists[0] + lists[1]).encode()}
        path = pack(tmp_path / "both.tar", both)
        expected = [str(entry["Config"]).removesuffix(".json") for entry in lists[0] + lists[1]][which]
        assert open_text(f"docker-archive:{path}:{choice}").config_digest == f"sha256:{expected}"
        with pytest.raises(InputError, match="several") as caught:
            open_text(f"docker-archive:{path}")
        assert "acme/app:2, acme/app:2.1, ghcr.io/acme/b:b" in caught.value.hint

    @pytest.mark.parametrize("choice", ["", ":2.1", ":acme/app:2.1", ":docker.io/acme/app:2.1"])
    def test_a_save_of_docker_25_is_read_as_the_layout_that_it_holds(
        self, tmp_path: Path, layout: Layout, choice: str
    ) -> None:
        index = make_index(layout)
        names = {"io.containerd.image.name": "docker.io/acme/app:2.1", "org.opencontainers.image.ref.name": "2.1"}
        entries = [index.descriptor().to_json() | {"annotations": names}]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        (layout.path / "index.json").write_text(json.dumps(document))
        (layout.path / "manifest.json").write_text("[]")
        path = pack_layout(layout, tmp_path / "saved.tar")
        source = open_text(f"docker-archive:{path}{choice}")
        assert (source.digest, source.config_digest) == (index.digest, None)

    def test_a_tag_of_two_names_is_not_guessed(self, tmp_path: Path, layout: Layout) -> None:
        images = [make_image(layout, name) for name in ("a", "b")]
        entries = [
            image.descriptor().to_json()
            | {
                "annotations": {
                    "io.containerd.image.name": f"docker.io/acme/{name}:2.1",
                    "org.opencontainers.image.ref.name": "2.1",
                }
            }
            for image, name in zip(images, "ab", strict=True)
        ]
        (layout.path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
        path = pack_layout(layout, tmp_path / "saved.tar")
        with pytest.raises(InputError, match="several") as caught:
            open_text(f"docker-archive:{path}:2.1")
        assert "docker.io/acme/a:2.1, docker.io/acme/b:2.1" in caught.value.hint
        assert open_text(f"docker-archive:{path}:acme/b:2.1").digest == images[1].digest


class TestStaging:
    def test_puts_the_image_under_its_exact_tag_with_what_is_attached(self, layout: Layout, target: Layout) -> None:
        index = make_index(layout, "app", "build")
        signature, artifact = sign(layout, index), attach(layout, index)
        source = open_text(f"oci:{layout.path}:build")
        assert source.stage(target, "2.1.4") == index
        assert set(target.tags()) == {"2.1.4", f"{index.digest.replace(':', '-')}.sig"}
        assert target.manifest(signature.digest) == signature
        assert [item.digest for item in target.referrers(index.digest)] == [artifact.digest]

    def test_leaves_another_image_unless_told_to(self, layout: Layout, target: Layout) -> None:
        image = make_image(layout, "app", "build")
        other = make_image(target, "other", "2.1.4")
        source = open_text(f"oci:{layout.path}")
        assert source.stage(target, "2.1.4") == other
        assert source.stage(target, "2.1.4", overwrite=True) == image
        assert target.manifest("2.1.4") == image

    def test_from_its_own_repository_copies_nothing(self, layout: Layout) -> None:
        image = make_image(layout, "app", "build")
        source = ContentSource(layout, image.digest, "here")
        assert source.stage(layout, "2.1.4") == image

    def test_of_archives_of_every_kind(self, tmp_path: Path, layout: Layout, target: Layout) -> None:
        image = make_index(layout, "app", "build")
        path = pack_layout(layout, tmp_path / "archive.tar")
        assert open_text(f"oci-archive:{path}:build").stage(target, "2.1.4") == image
        saved = pack(tmp_path / "saved.tar", save())
        staged = open_text(f"docker-archive:{saved}").stage(target, "1.0.0")
        assert target.manifest("1.0.0") == staged

    def test_knows_a_saved_image_by_its_config(self, tmp_path: Path, target: Layout) -> None:
        """However its layers are compressed: pushed by an engine, they have other digests than those made here."""
        source = open_text(f"docker-archive:{pack(tmp_path / 'saved.tar', save())}")
        assert source.digest is None
        config = put(target, bytes_of(save()[f"{str(source.config_digest)[7:]}.json"]), OCI_CONFIG)
        layer = put(target, b"compressed by another", OCI_LAYER_GZIP)
        pushed = put_manifest(
            target, OCI_MANIFEST, {"config": config.to_json(), "layers": [layer.to_json()]}, ["2.1.4"]
        )
        other = make_image(target, "other", "2.1.5")
        before = (target.path / "index.json").read_bytes()
        assert source.stage(target, "2.1.4") == source.stage(target, "2.1.4", overwrite=True) == pushed
        assert source.stage(target, "2.1.5") == other
        assert (target.path / "index.json").read_bytes() == before
        staged = source.stage(target, "2.1.5", overwrite=True)
        assert staged == target.manifest("2.1.5") == source.stage(target, "2.1.6")
        assert staged.config() == pushed.config()

    def test_a_registry_is_read_through_its_repository(self, layout: Layout, target: Layout) -> None:
        image = make_image(layout, "app", "2.1")
        asked: list[Repository] = []

        def registries(repository: Repository) -> TagStore:
            asked.append(repository)
            return layout

        for text in (f"docker://ghcr.io/acme/app:9@{image.digest}", "docker://ghcr.io/acme/app:2.1"):
            source = open_source(parse_source(text), registries, several=True)
            assert (source.digest, source.reference) == (image.digest, text)
            assert source.stage(target, "2.1.4") == image
        assert open_source(SourceSpec("name", "ghcr.io/acme/app:2.1"), registries).digest == image.digest
        assert set(asked) == {Repository("ghcr.io", "acme/app")}
        with pytest.raises(NotFound):
            open_source(parse_source("docker://ghcr.io/acme/app:none"), registries)


class TestConfigs:
    def test_are_those_of_every_platform(self, layout: Layout) -> None:
        index = make_index(layout, "app", labels={"org.opencontainers.image.version": "2.1.4"})
        nested = put_manifest(layout, OCI_INDEX, {"manifests": [describe(index, "linux/amd64")]}, ["2.1"])
        for manifest in (index, nested):
            configs = ContentSource(layout, manifest.digest, "it").configs()
            assert [config.platform for config in configs] == ["linux/amd64", "linux/arm64/v8"]
            assert {config.labels["org.opencontainers.image.version"] for config in configs} == {"2.1.4"}

    def test_of_a_saved_image_is_its_own(self, tmp_path: Path) -> None:
        source = open_text(f"docker-archive:{pack(tmp_path / 'saved.tar', save())}")
        (config,) = source.configs()
        assert config.digest == source.config_digest
        assert config.labels == {"org.opencontainers.image.version": "2.1.4"}

    def test_of_what_is_no_image_are_an_error(self, layout: Layout) -> None:
        manifest = Manifest(OCI_INDEX, b'{"manifests": []}')
        layout.tag(manifest, ["2.1"])
        assert open_text(f"oci:{layout.path}").configs() == []
        broken = put_manifest(layout, OCI_MANIFEST, {"layers": []}, ["2.2"])
        with pytest.raises(StoreError):
            ContentSource(layout, broken.digest, "it").configs()


def bytes_of(content: bytes | str | tarfile.TarInfo) -> bytes:
    assert isinstance(content, bytes)
    return content


def test_nothing_is_read_before_it_is_needed() -> None:
    assert ContentSource(Layout("/proc/none"), DIGEST, "it").digest == DIGEST
