"""Under which key of a file a version stands, where none is said or a wrong one."""

from pathlib import Path

import pytest

from tagger.version_from.files import read_file
from tagger.version_from.found import Absent


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.json", '{"app": {"version": "2.1.4"}}', "app.version"),
        ("a.json", '{"a.b": {"appVersion": "v2.1.4"}}', '"a.b".appVersion'),
        ("a.toml", '[app]\nversion = "2.1.4"\n[dependencies.x]\nversion = "1.0"', "app.version"),
        ("a.yaml", "schemaVersion: 3\nimage: {version: 2.1.4}", "image.version"),
        ("a.ini", "[app]\nversion = 2.1.4", "app.version"),
        ("sub/a.properties", "app.version=2.1.4", "app.version"),
        ("version.py", '__version__ = "2.1.4"', "__version__"),
        (".env", "export APP_VERSION=2.1.4", "APP_VERSION"),
    ],
)
def test_the_one_key_is_named_and_reads(tmp_path: Path, name: str, content: str, key: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    with pytest.raises(Absent) as absent:
        read_file(tmp_path, name, "no.such")
    assert absent.value.hint == f"Set `version-from: file:{name}#{key}`."
    assert read_file(tmp_path, name, key).removeprefix("v") == "2.1.4"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"a": {"version": "2.1.4"}, "b": {"version": "2.1.4"}}'),
        ("a.json", '{"version": 3}'),
        ("a.properties", "app.version=2.1.4\nlib.version=1.0\n"),
        ("a.toml", '[dependencies.x]\nversion = "1.0"'),
    ],
)
def test_of_none_or_several_none_is_named(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Absent) as absent:
        read_file(tmp_path, name, "no.such")
    assert absent.value.hint == ""
