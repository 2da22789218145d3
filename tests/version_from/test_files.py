"""The version in the files that projects keep it in."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.version_from.files import read_file, split_key
from tagger.version_from.found import Absent

POM = '<project xmlns="http://maven.apache.org/POM/4.0.0">{}</project>'


@pytest.mark.parametrize(
    ("name", "content", "version"),
    [
        ("VERSION", "2.1.4\n", "2.1.4"),
        ("VERSION", "\ufeff\r\n  v2.1.4  \r\nsecond line\n", "v2.1.4"),
        ("package.json", '{"name": "app", "version": "2.1.4"}', "2.1.4"),
        ("composer.json", '{"version": 2.10}', "2.10"),
        ("galaxy.yml", "version: 2.10", "2.10"),
        ("pyproject.toml", '[project]\nversion = "2.1.4"\n[tool.poetry]\nversion = "0"', "2.1.4"),
        ("pyproject.toml", '[tool.poetry]\nversion = "2.1.4"', "2.1.4"),
        ("pyproject.toml", '[project]\ndynamic = ["version"]\n[tool.poetry]\nversion = "2.1.4"', "2.1.4"),
        ("Cargo.toml", '[package]\nversion = "2.1.4"', "2.1.4"),
        ("Cargo.toml", '[workspace.package]\nversion = "2.1.4"', "2.1.4"),
        ("Cargo.toml", '[package]\nversion.workspace = true\n[workspace.package]\nversion = "2.1.4"', "2.1.4"),
        ("Chart.yaml", "apiVersion: v2\nversion: 2.1.4 # the chart's\nappVersion: '1.0'", "2.1.4"),
        ("Chart.yaml", "version: 26.10", "26.10"),
        ("Chart.yaml", "version: 2.1.4\n---\nversion: 1.0.0", "2.1.4"),
        ("pom.xml", POM.format("<parent><version>1</version></parent><version> 2.1.4 </version>"), "2.1.4"),
        ("pom.xml", POM.format("<parent><version>2.1.4</version></parent><artifactId>a</artifactId>"), "2.1.4"),
        ("pom.xml", "<project><version>2.1.4-SNAPSHOT</version></project>", "2.1.4-SNAPSHOT"),
        (
            "pom.xml",
            POM.format(
                "<version>${revision}${changelist}</version><properties><revision>${base}.4</revision>"
                "<base>2.1</base><changelist>-SNAPSHOT</changelist></properties>"
            ),
            "2.1.4-SNAPSHOT",
        ),
        (
            "pom.xml",
            POM.format(
                "<dependencies><dependency><version>9</version></dependency></dependencies><version>2.1.4</version>"
            ),
            "2.1.4",
        ),
    ],
)
def test_where_each_kind_of_file_has_it(tmp_path: Path, name: str, content: str, version: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_file(tmp_path, name) == version


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("VERSION", " \n\n", "it is empty"),
        ("package.json", '{"private": true}', "no text under version"),
        ("package.json", '{"version": true}', "no text under version"),
        ("package.json", "[]", "no text under version"),
        ("pyproject.toml", "[tool.ruff]", "no text under project.version or tool.poetry.version"),
        ("pyproject.toml", '[project]\ndynamic = ["version"]', "dynamic.*worked out when"),
        ("Cargo.toml", "[workspace]\nmembers = []", "no text under package.version or workspace.package.version"),
        ("Cargo.toml", "[package]\nversion.workspace = true", "its Cargo workspace, which is not here"),
        ("Chart.yaml", "", "no text under version"),
        ("pom.xml", POM.format("<version>${revision}</version>"), r"its version is \$\{revision\}, and not all"),
        ("pom.xml", POM.format("<artifactId>a</artifactId>"), "neither project/version nor project/parent/version"),
        (
            "pom.xml",
            POM.format(f"<version>${{a}}</version><properties><a>{'${a}' * 60}</a></properties>"),
            "not all of that is defined",
        ),
    ],
)
def test_what_gives_no_version_says_why(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Absent, match=reason):
        read_file(tmp_path, name)


@pytest.mark.parametrize("member", ["crates/app", "app"])
def test_a_cargo_member_takes_the_version_of_its_workspace(tmp_path: Path, member: str) -> None:
    (tmp_path / member).mkdir(parents=True)
    (tmp_path / "Cargo.toml").write_text(f'[workspace]\nmembers = ["{member}"]\n[workspace.package]\nversion = "2.1.4"')
    (tmp_path / member / "Cargo.toml").write_text('[package]\nname = "app"\nversion = { workspace = true }')
    assert read_file(tmp_path, f"{member}/Cargo.toml") == "2.1.4"


def test_a_cargo_member_that_names_its_workspace(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "root/Cargo.toml").write_text('[workspace.package]\nversion = "2.1.4"')
    (tmp_path / "app/Cargo.toml").write_text('[package]\nversion.workspace = true\nworkspace = "../root"')
    assert read_file(tmp_path, "app/Cargo.toml") == "2.1.4"


def test_a_cargo_workspace_is_not_looked_for_outside(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "6.6.6"')
    (tmp_path / "work/Cargo.toml").write_text("[package]\nversion.workspace = true")
    with pytest.raises(Absent, match="not here"):
        read_file(tmp_path / "work", "Cargo.toml")


@pytest.mark.parametrize(
    ("name", "content", "key", "version"),
    [
        ("Chart.yaml", "version: 1.0.0\nappVersion: 2.10", "appVersion", "2.10"),
        ("a.json", '{"a": {"b.c": [{"v": "2.1.4"}]}}', 'a."b.c".0.v', "2.1.4"),
        ("a.toml", '[tool."a.b"]\nversion = 2.10', "tool.'a.b'.version", "2.10"),
        ("pyproject.toml", '[tool.app]\nrelease = "2.1.4"', "tool.app.release", "2.1.4"),
    ],
)
def test_a_key(tmp_path: Path, name: str, content: str, key: str, version: str) -> None:
    (tmp_path / name).write_text(content)
    assert read_file(tmp_path, name, key) == version


@pytest.mark.parametrize("key", ["b", "a.b", "a.c", "list.1", "list.x", "list"])
def test_a_key_that_is_not_there(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.json").write_text('{"a": {"c": {}}, "list": ["1"]}')
    with pytest.raises(Absent, match=f"no text under {key}"):
        read_file(tmp_path, "a.json", key)


def test_a_key_of_plain_text(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(Absent, match="it has no text under version"):
        read_file(tmp_path, "VERSION", "version")


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", '"a', "a'b'", '""'])
def test_what_is_not_a_key(key: str) -> None:
    with pytest.raises(InputError, match="is not a key"):
        split_key(key)


@given(st.lists(st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_quoted_keys_hold_anything(parts: list[str]) -> None:
    assert split_key(".".join(f'"{part}"' for part in parts)) == parts


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", b"{"),
        ("package.json", b"[" * 100_000),
        ("pyproject.toml", b"[project"),
        ("Chart.yaml", b"version: [1"),
        ("Chart.yaml", b"a: " + b"[" * 1_100),
        ("pom.xml", b"<project><version>"),
        ("VERSION", b"\xff\xfe\x00"),
        ("Chart.yaml", b"version: !!python/object/apply:os.getcwd [1"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"file:{name} cannot be read: .+"):
        read_file(tmp_path, name)


def test_yaml_makes_texts_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("version: !!python/object/apply:os.getcwd []")
    with pytest.raises(Absent):
        read_file(tmp_path, "Chart.yaml")


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "2.1.4">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;',
        '<!ENTITY b "2.1.4"><!ENTITY a "' + "&b;" * 1000 + '">',
    ],
)
def test_an_xml_entity_is_never_expanded(tmp_path: Path, declared: str) -> None:
    (tmp_path / "pom.xml").write_text(f"<!DOCTYPE project [{declared}]>{POM.format('<version>&a;</version>')}")
    with pytest.raises(InputError, match="document type"):
        read_file(tmp_path, "pom.xml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no such file"):
        read_file(tmp_path, "VERSION")
    with pytest.raises(Absent, match="not a file"):
        read_file(tmp_path, ".")


@pytest.mark.parametrize("path", ["../VERSION", "/etc/hostname", "below/../../VERSION", "link", "folder/VERSION"])
def test_a_path_that_leads_outside(tmp_path: Path, path: str) -> None:
    work = tmp_path / "work"
    (work / "below").mkdir(parents=True)
    (tmp_path / "VERSION").write_text("6.6.6")
    (work / "link").symlink_to("../VERSION")
    (work / "folder").symlink_to(tmp_path)
    with pytest.raises(InputError, match="outside the workspace"):
        read_file(work, path)


def test_a_path_within(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "below").mkdir(parents=True)
    (work / "below/VERSION").write_text("2.1.4")
    (work / "link").symlink_to("below/VERSION")
    (tmp_path / "alias").symlink_to(work)
    for path in ("below/../below/VERSION", "link", str(work / "below/VERSION")):
        assert read_file(tmp_path / "alias", path) == "2.1.4"


def test_what_is_no_file_at_all(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for path in ("loop", "pipe", "nul\0byte", "x" * 300):
        with pytest.raises((Absent, InputError)):
            read_file(tmp_path, path)


@pytest.mark.parametrize("name", ["VERSION", "package.json", "pom.xml"])
def test_a_file_without_end_is_not_read_whole(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(1024 * 1024 + 1)
    with pytest.raises(InputError, match=f"file:{name} cannot be read: .*longer than 1,048,576 bytes"):
        read_file(tmp_path, name)
