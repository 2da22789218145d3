"""A version under a key in files that are no JSON, TOML or YAML."""

import re
import time
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.version_from.files import file_version, read_file
from tagger.version_from.found import Absent

PROJECT = "<Project><PropertyGroup><Version>2.1.4</Version></PropertyGroup></Project>"


GROUP = '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup>{}</PropertyGroup></Project>'
SECOND = "</PropertyGroup><PropertyGroup {}><Version>{}</Version>"


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("gradle.properties", "# version=1\ngroup=org.acme\nversion=2.1.4\n", "version"),
        ("gradle.properties", "version: 2.1.4", ""),
        ("gradle.properties", "version=1.0.0\r\nversion = 2.1.4\r\n", ""),
        ("gradle.properties", "version=\\\n    2.1.4\n", ""),
        ("app.properties", "app.version 2.1.4\n", "app.version"),
        ("setup.cfg", "[metadata]\nname = app\nversion = 2.1.4\n", "metadata.version"),
        ("setup.cfg", "[metadata]\nversion = 2.1.4\n", ""),
        ("app.ini", '[app]\nversion = "2.1.4"\n', "app.version"),
        ("app.ini", "[tool.app]\nskip\nversion = 2.1.4\nversion = 2.1.4\n", "tool.app.version"),
        ("app.conf", "version = 2.1.4\n", "version"),
        ("app.csproj", PROJECT, "Project.PropertyGroup.Version"),
        ("app.csproj", PROJECT, ""),
        ("app.fsproj", PROJECT, ""),
        ("Directory.Build.props", "\ufeff" + PROJECT, ""),
        ("app.csproj", GROUP.format("<VersionPrefix>2.1.4</VersionPrefix>"), ""),
        ("app.csproj", GROUP.format("<Version>1.0.0</Version>" + SECOND.format("", "2.1.4")), ""),
        ("config.xml", '<widget id="app" version="2.1.4"><name/></widget>', "widget.version"),
        ("AndroidManifest.xml", '<m xmlns:a="urn:a" a:versionName="2.1.4"/>', "m.versionName"),
        ("a.xml", "<a><b><c><d>2.1.4</d></c></b></a>", "a.b.c.d"),
        ("app.py", '"""Doc."""\n__version__ = "2.1.4"\n', "__version__"),
        ("app.py", "__version__: str = '2.1.4'", "__version__"),
        ("app.py", '# __version__ = "1.0.0"\n__version__ = version = "2.1.4"', "__version__"),
        ("version.go", 'const Version = "2.1.4"\n', "Version"),
        ("version.go", '// Version = "1.0.0"\nconst (\n\tVersion string = `2.1.4`\n)', "Version"),
        ("version.ts", "export const version: string = '2.1.4';\n", "version"),
        ("main.go", 'version := "2.1.4"', "version"),
        ("main.js", "module.exports = { 'version': '2.1.4' }", "version"),
        ("lib.rs", 'pub const VERSION: &\'static str = "2.1.4";', "VERSION"),
        ("app.c", '#define VERSION "2.1.4"', "VERSION"),
        ("app.c", 'const char VERSION[] = "2.1.4";', "VERSION"),
        ("App.java", 'public static final String VERSION = "2.1.4";', "VERSION"),
        ("app.php", "define('VERSION', '2.1.4');", "VERSION"),
        ("app.gemspec", '  spec.version = "2.1.4"', "spec.version"),
        ("build.gradle", "version '2.1.4'", "version"),
        ("build.gradle", "plugins { id 'java' version '1.0.0' }\nversion = '2.1.4'", "version"),
        ("a.js", "const a = {'name': 'x', 'version': '2.1.4'}", "version"),
        ("gradle.properties", "\ufeffversion=2.1.4\n", ""),
        ("a.properties", "v=2\\u002e1.4", "v"),
        ("app.ini", "[app]\nversion = 2.1.4 ; the next is 2.2\n", "app.version"),
        ("build.sbt", 'ThisBuild / version := "2.1.4"', "version"),
        ("AssemblyInfo.cs", '[assembly: AssemblyVersion("2.1.4")]', "AssemblyVersion"),
        ("mix.exs", 'def project do\n  [app: :app, version: "2.1.4"]', ""),
        ("mix.exs", 'defmodule A do\n  @version "2.1.4"\n  def project, do: [version: @version]', ""),
        ("build.zig.zon", '.version = "2.1.4",', "version"),
        ("Makefile", "VERSION ?= 2.1.4", "VERSION"),
        (".env", "APP_VERSION=2.1.4\n", "APP_VERSION"),
        ("Dockerfile", "FROM scratch\nARG VERSION=2.1.4", "VERSION"),
        ("CMakeLists.txt", "project(app VERSION 2.1.4 LANGUAGES C)", "VERSION"),
        ("CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(app VERSION 2.1.4)", "VERSION"),
        ("app.nuspec", "<package><metadata><version>2.1.4</version></metadata></package>", "package.metadata.version"),
        ("DESCRIPTION", "Package: app\nVersion: 2.1.4", "Version"),
        ("VERSION", "VERSION=2.1.4", "VERSION"),
    ],
)
def test_where_it_stands(tmp_path: Path, name: str, content: str, key: str) -> None:
    (tmp_path / name).write_text(content)
    assert read_file(tmp_path, name, key) == "2.1.4"


def test_a_prefix_and_a_suffix_of_msbuild(tmp_path: Path) -> None:
    content = "<VersionPrefix>2.1.4</VersionPrefix><VersionSuffix>rc.1</VersionSuffix>"
    (tmp_path / "app.csproj").write_text(GROUP.format(content))
    assert read_file(tmp_path, "app.csproj") == "2.1.4-rc.1"


def test_properties_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "gradle.properties").write_bytes(b"author=Andr\xe9\nversion=2.1.4\n")
    assert read_file(tmp_path, "gradle.properties") == "2.1.4"


@pytest.mark.parametrize(
    ("name", "content", "key", "reason"),
    [
        ("gradle.properties", "myversion=2.1.4", "version", "it has no text under"),
        ("setup.cfg", "[metadata]\nname = app", "metadata.version", "it has no text under"),
        ("setup.cfg", "[metadata]\nversion = attr: app.__version__", "", "elsewhere, attr: app.__version__"),
        ("setup.cfg", "[metadata]\nversion = file: VERSION", "", "elsewhere, file: VERSION"),
        ("app.py", 'my__version__ = "2.1.4"', "__version__", "it has no text under"),
        ("app.py", "__version__ = make()", "__version__", "it has no text under"),
        ("app.py", "version_info = (2, 1, 4)", "version_info", "it has no text under"),
        ("app.rb", 'other.version = "2.1.4"', "version", "it has no text under"),
        ("notes.txt", "this is version 2 of the notes", "version", "it has no text under"),
        ("app.csproj", "<Project/>", "Project.Version", "it has no text under"),
        ("app.csproj", GROUP.format("<Version>$(Base)</Version>"), "", "refers to another property"),
        (
            "app.csproj",
            GROUP.format("<Version>1.0.0</Version>" + SECOND.format("Condition=\"'$(CI)' == ''\"", "2.1.4")),
            "",
            "depends on a condition",
        ),
    ],
)
def test_where_it_does_not(tmp_path: Path, name: str, content: str, key: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Absent, match=re.escape(reason)):
        read_file(tmp_path, name, key)


@pytest.mark.parametrize("key", ["", "metadata.version"])
def test_a_broken_file_is_no_absence(tmp_path: Path, key: str) -> None:
    (tmp_path / "setup.cfg").write_text("version = 2.1.4")
    with pytest.raises(InputError, match="it is no INI file"):
        read_file(tmp_path, "setup.cfg", key)


@pytest.mark.parametrize("name", ["gradle.properties", "composer.json", "mix.exs", "setup.cfg", "App.csproj"])
def test_a_file_that_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    contents = {
        "composer.json": '{"version": "2.1.4"}',
        "setup.cfg": "[metadata]\nversion = 2.1.4",
        "mix.exs": '[version: "2.1.4"]',
        "App.csproj": PROJECT,
    }
    (tmp_path / name).write_text(contents.get(name, "version=2.1.4"))
    given = file_version("", tmp_path)
    assert (given.text, given.origin) == ("2.1.4", f"file:{name}")


def test_of_two_projects_none_counts(tmp_path: Path) -> None:
    for name in ("App.csproj", "Tests.csproj"):
        (tmp_path / name).write_text(PROJECT)
    with pytest.raises(Absent, match=r"has none of VERSION, .*, \*\.csproj"):
        file_version("", tmp_path)


def test_xml_nested_without_end_is_read_in_time(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<a>" * 100_000 + "</a>" * 100_000)
    with pytest.raises(Absent):
        read_file(tmp_path, "a.xml", "a.b")


@pytest.mark.parametrize("content", ["\n" * 900_000, "v" * 900_000, " " * 900_000 + "=", "version " * 100_000])
@pytest.mark.parametrize("name", ["gradle.properties", "version.py"])
def test_a_long_file_is_read_in_time(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    started = time.process_time()  # that other programs take time too says nothing of how it is read
    with pytest.raises(Absent):
        read_file(tmp_path, name, "absent")
    assert time.process_time() - started < 5


def test_a_property_that_sounds_like_a_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "gradle.properties").write_text("group=acme\nprojectVersion=2.1.4\n")
    with pytest.raises(Absent) as caught:
        read_file(tmp_path, "gradle.properties")
    assert caught.value.hint == "Set `version-from: file:gradle.properties#projectVersion`."
