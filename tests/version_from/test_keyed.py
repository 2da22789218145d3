"""A version under a key in files that are no JSON, TOML or YAML."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.version_from.files import read_file
from tagger.version_from.found import Absent

PROJECT = "<Project><PropertyGroup><Version>2.1.4</Version></PropertyGroup></Project>"


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("gradle.properties", "# version=1\ngroup=org.acme\nversion=2.1.4\n", "version"),
        ("gradle.properties", "version: 2.1.4", ""),
        ("setup.cfg", "[metadata]\nname = app\nversion = 2.1.4\n", "metadata.version"),
        ("setup.cfg", "[metadata]\nversion = 2.1.4\n", ""),
        ("app.csproj", PROJECT, "Project.PropertyGroup.Version"),
        ("app.csproj", PROJECT, ""),
        ("app.py", '"""Doc."""\n__version__ = "2.1.4"\n', "__version__"),
        ("version.go", 'const Version = "2.1.4"\n', "Version"),
        ("version.ts", "export const version: string = '2.1.4';\n", "version"),
        ("main.go", 'version := "2.1.4"', "version"),
        ("mix.exs", 'def project do\n  [app: :app, version: "2.1.4"]', ""),
    ],
)
def test_where_it_stands(tmp_path: Path, name: str, content: str, key: str) -> None:
    (tmp_path / name).write_text(content)
    assert read_file(tmp_path, name, key) == "2.1.4"


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("gradle.properties", "myversion=2.1.4", "version"),
        ("setup.cfg", "[metadata]\nname = app", "metadata.version"),
        ("app.py", 'my__version__ = "2.1.4"', "__version__"),
        ("app.py", "__version__ = make()", "__version__"),
        ("app.csproj", "<Project/>", "Project.Version"),
    ],
)
def test_where_it_does_not(tmp_path: Path, name: str, content: str, key: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Absent, match="it has no text under"):
        read_file(tmp_path, name, key)


def test_a_broken_file_is_no_absence(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("version = 2.1.4")
    with pytest.raises(InputError, match="it is no INI file"):
        read_file(tmp_path, "setup.cfg")
