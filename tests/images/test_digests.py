"""What build jobs leave is told apart by looking, and junk is refused by its name."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.images.digests import MOST_FILES, Left, read_digests
from tagger.images.layout.layout import Layout
from tagger.names import Digest
from tests.images.making import digest_of, make_image
from tests.images.test_archives import pack, pack_layout, save

ONE, TWO, OTHER = (digest_of(text) for text in (b"one", b"two", b"other"))


def hexadecimal(digest: str) -> str:
    return digest.removeprefix("sha256:")


def digests(text: str | Path) -> list[str]:
    return [one.digest for one in read_digests(str(text))]


def metadata(digest: str) -> dict[str, object]:
    """What `docker buildx build --metadata-file` writes."""
    return {
        "buildx.build.provenance": {"materials": [{"digest": {"sha256": "0" * 64}}], "layers": [{"digest": OTHER}]},
        "buildx.build.ref": f"builder/node/{OTHER}",
        "containerimage.config.digest": OTHER,
        "containerimage.descriptor": {
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": digest,
            "size": 1,
        },
        "containerimage.digest": digest,
        "image.name": "ghcr.io/acme/app",
    }


class TestFolders:
    def test_of_empty_files_named_after_digests(self, tmp_path: Path) -> None:
        for digest in (ONE, TWO):
            (tmp_path / hexadecimal(digest)).touch()
        assert sorted(digests(tmp_path)) == sorted([ONE, TWO])

    def test_of_files_named_after_digests_of_any_algorithm(self, tmp_path: Path) -> None:
        long = Digest.of(b"three", "sha512")
        for name in (ONE, TWO.replace(":", "-"), long, Digest.of(b"four", "sha512").replace(":", "-")):
            (tmp_path / name).touch()
        assert set(digests(tmp_path)) == {ONE, TWO, long, Digest.of(b"four", "sha512")}

    def test_with_a_folder_for_each_artifact(self, tmp_path: Path) -> None:
        for name, digest in (("digests-linux-amd64", ONE), ("digests-linux-arm64", TWO)):
            (tmp_path / name).mkdir()
            (tmp_path / name / hexadecimal(digest)).touch()
        assert [(one.digest, Path(one.origin).parent.name) for one in read_digests(str(tmp_path))] == [
            (TWO, "digests-linux-arm64"),
            (ONE, "digests-linux-amd64"),
        ]

    def test_of_metadata_files(self, tmp_path: Path) -> None:
        (tmp_path / "amd64.json").write_text(json.dumps(metadata(ONE)))
        (tmp_path / "bake.json").write_text(
            json.dumps({"app": metadata(TWO), "buildx.build.warnings": [{"digest": OTHER}]})
        )
        assert digests(tmp_path) == [ONE, TWO]

    def test_of_texts_with_a_digest_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "linux-amd64").write_text(f"{ONE}\n")
        (tmp_path / "others.txt").write_text(f"{TWO}\r\nghcr.io/acme/app:2.1.4@{OTHER}\n\n")
        first, second, third = read_digests(str(tmp_path))
        assert (first.digest, second.digest) == (ONE, TWO)
        assert str(third.source) == f"docker://ghcr.io/acme/app:2.1.4@{OTHER}"

    def test_of_layouts_and_archives(self, tmp_path: Path) -> None:
        (tmp_path / "left").mkdir()
        layout = Layout(tmp_path / "left/amd64")
        make_image(layout, "app", "2.1.4")
        pack_layout(layout, tmp_path / "left/arm64.tar")
        pack(tmp_path / "left/saved", save())
        assert [str(one.source) for one in read_digests(str(tmp_path / "left"))] == [
            f"docker-archive:{tmp_path}/left/arm64.tar",
            f"docker-archive:{tmp_path}/left/saved",
            f"oci:{tmp_path}/left/amd64",
        ]
        assert [str(one.source) for one in read_digests(str(layout.path))] == [f"oci:{layout.path}"]

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("README.md", b"How to build\n"),
            (".gitkeep", b""),
            ("0123abc", b""),
            ("ABCDEF" * 10 + "ABCD", b""),
            (hexadecimal(ONE), b"not empty"),
            ("versions.json", b'{"version": "2.1.4"}'),
            ("broken.json", b'{"digest": '),
            ("config.json", json.dumps({"containerimage.config.digest": ONE}).encode()),
            ("binary", b"\x7fELF\xff\xfe" * 20),
            ("large", b"x" * (2 << 20)),
            ("tagged.txt", b"ghcr.io/acme/app:2.1.4\n"),
        ],
    )
    def test_junk_is_refused_by_its_name(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / hexadecimal(TWO)).touch()
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_digests(str(tmp_path))
        assert str(tmp_path / name) in caught.value.message
        assert caught.value.hint

    def test_what_is_no_file_is_refused_by_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/etc/hostname")
        with pytest.raises(InputError, match="link does not name a build"):
            read_digests(str(tmp_path))
        (tmp_path / "link").unlink()
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="pipe does not name a build"):
            read_digests(str(tmp_path))

    def test_what_holds_nothing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no build is named"):
            read_digests(str(tmp_path))
        (tmp_path / hexadecimal(ONE)).touch()
        (tmp_path / "digests-linux-arm64").mkdir()
        with pytest.raises(InputError, match=r"digests-linux-arm64.*left nothing"):
            read_digests(str(tmp_path))

    def test_a_folder_of_something_else_is_not_read_for_ever(self, tmp_path: Path) -> None:
        for number in range(MOST_FILES + 1):
            (tmp_path / f"{number:064x}").touch()
        with pytest.raises(InputError, match=f"more than {MOST_FILES} files"):
            read_digests(str(tmp_path))

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="there is no folder or file") as caught:
            read_digests(str(tmp_path / "none"))
        assert "runner.temp" in caught.value.hint
        with pytest.raises(InputError):
            read_digests("x" * 5000)


class TestJson:
    @pytest.mark.parametrize(
        "document",
        [
            {"digest-linux-amd64": ONE, "digest-linux-arm64": TWO},
            {"result_0": json.dumps({"imageDigest": ONE}), "result_1": json.dumps({"imageDigest": TWO}), "r_2": ""},
            {"build": {"result": "success", "outputs": {"a_digest": ONE, "digests": json.dumps([TWO])}}},
            {"one": json.dumps({"metadata": json.dumps(metadata(ONE))}), "two": metadata(TWO), "imageid": OTHER},
            {"platform-digests": json.dumps({"linux/amd64": ONE, "linux/arm64": TWO}), "name": "{no json"},
            [ONE, TWO, ONE],
        ],
    )  # fmt: skip
    def test_of_job_outputs(self, tmp_path: Path, document: object) -> None:
        assert list(dict.fromkeys(digests(json.dumps(document)))) == [ONE, TWO]
        (tmp_path / "outputs.json").write_text(json.dumps(document))
        assert (
            list(dict.fromkeys(digests(tmp_path)))
            == list(dict.fromkeys(digests(tmp_path / "outputs.json")))
            == [ONE, TWO]
        )

    def test_text_alone_may_be_the_digests(self) -> None:
        assert digests(f"{ONE} {TWO}\n") == [ONE, TWO]

    @pytest.mark.parametrize("empty", ["", None])
    def test_a_leg_that_left_none_is_named(self, empty: str | None) -> None:
        with pytest.raises(InputError, match="digest-linux-arm64 is empty") as caught:
            read_digests(json.dumps({"digest-linux-amd64": ONE, "digest-linux-arm64": empty}))
        assert "push=true" in caught.value.hint

    @pytest.mark.parametrize(
        "text",
        [
            "{}", "[]", "{", '{"digest": ', "[" * 100_000, json.dumps({"version": ONE}),
            json.dumps({"digest": "sha256:12"}), json.dumps({"containerimage.config.digest": ONE}),
        ],
    )  # fmt: skip
    def test_what_names_none_is_refused(self, text: str) -> None:
        with pytest.raises(InputError) as caught:
            read_digests(text)
        assert caught.value.hint

    @given(
        st.recursive(
            st.text() | st.none() | st.integers(), lambda some: st.lists(some) | st.dictionaries(st.text(), some)
        )
    )
    def test_any_json_is_read_or_an_error(self, document: object) -> None:
        try:
            found: Sequence[Left] = read_digests(json.dumps({"x": document, "digest": ONE}))
        except InputError:
            return
        assert ONE in [one.digest for one in found]
