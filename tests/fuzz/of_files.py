"""Files of a checkout and of the runner: version files of each kind, events, contexts of docker."""

import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from tagger.errors import TaggerError
from tagger.images.docker_context import docker_context
from tagger.version_from.build import build_facts, project_of
from tagger.version_from.event import read_release_event
from tagger.version_from.files import read_file, split_key
from tagger.version_from.found import Absent
from tagger.version_from.refs import workflow_ref
from tests.fuzz.parser import Parser, document, one_of, text

__all__ = ["PARSERS"]

POM = b'<project xmlns="http://maven.apache.org/POM/4.0.0"><version>%b</version>%b</project>'
FILES = {
    "VERSION": [b"2.1.4\n", b"\xef\xbb\xbfv2.1.4", b"VERSION=2.1.4\n", b"\xff\xfe2\0"],
    "package.json": [b'{"version": "2.1.4"}', b'{"version": {"a": [1e400]}}', b"[" * 2000],
    "pyproject.toml": [b'[project]\nversion = "2.1.4"\n', b'[project]\ndynamic = ["version"]\n', b"a.b.c.d = 1\n"],
    "Cargo.toml": [b'[package]\nversion = "2.1.4"\n', b'[package]\nversion.workspace = true\nworkspace = ".."\n'],
    "Chart.yaml": [b"version: 2.10\n", b"version: &a [*a]\n", b"{a: !!python/object:x y}\n", b"- - - -\n"],
    "pom.xml": [
        POM % (b"2.1.4", b""),
        POM % (b"${revision}", b"<properties><revision>2.1.4</revision></properties>"),
        POM % (b"${a}", b"<properties><a>${b}</a><b>${a}</b></properties>"),
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        POM % (b"", b"<parent><version>2</version><relativePath>../../..</relativePath></parent>"),
    ],
    "gradle.properties": [b"version=2.1.4\nother = 3\n", b"a\\\n b\n", b"version : \\u0041"],
    "setup.cfg": [b"[metadata]\nversion = 2.1.4\n", b"[metadata]\nversion = attr: a.__version__\n", b"[\n[]]\n=\n"],
    "mix.exs": [b'  version: "2.1.4",\n', b'@version "2.1.4"\n'],
    "a.csproj": [b"<Project><PropertyGroup><Version>2.1.4</Version></PropertyGroup></Project>", b"<a" * 500],
    "version.go": [b'const Version = "2.1.4"\n', b"__version__ = version = '2.1.4'", b"version 2.1.4;" + b" " * 500],
}


def _file(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(content)
        for key in ("", "version", "a.b", '"x.y".0') if name != "version.go" else ("Version", "__version__"):
            with suppress(TaggerError, Absent):
                read_file(Path(folder), name, key)


def _key(content: bytes) -> None:
    split_key(text(content))


def _event(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "event.json")
        path.write_bytes(content)
        environ = {"GITHUB_EVENT_PATH": str(path), "GITHUB_EVENT_NAME": "release", "GITHUB_ACTIONS": "true"}
        build_facts(environ | {"GITHUB_REF": "refs/heads/main"}, Path(folder))
        project_of(environ | {"GITHUB_REPOSITORY": "acme/app"})
        found = read_release_event(environ)
        if found:
            found.verdict(final=True, in_force=False, held=False)


def _ref(content: bytes) -> None:
    ref = workflow_ref({"GITHUB_REF": text(content)})
    if ref:
        assert ref.is_pull_request or isinstance(ref.tag, str)


def _context(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_bytes(content)
        docker_context({"DOCKER_CONFIG": folder})


REFS = Parser("refs", _ref, [b"refs/tags/v2.1.4", b"refs/pull/7/merge", b"refs/heads/a/b"])
CONTEXTS = Parser("contexts of docker", _context, [b'{"currentContext": "x"}', b'{"currentContext": {"a": 1}}'])
KINDS = {
    "JSON, TOML and YAML": ("package.json", "pyproject.toml", "Cargo.toml", "Chart.yaml"),
    "XML": ("pom.xml", "a.csproj"),
    "lines": ("VERSION", "gradle.properties", "setup.cfg", "mix.exs", "version.go"),
}

PARSERS = (
    *(
        one_of(f"versions in {kind}", *(Parser(name, partial(_file, name), FILES[name]) for name in names))
        for kind, names in KINDS.items()
    ),
    one_of(
        "keys, refs, contexts of docker",
        Parser("keys of files", _key, [b"project.version", b'tool."a.b".0', b"'a'b", b"...", b'"' * 9]),
        REFS,
        CONTEXTS,
    ),
    Parser(
        "payloads of events",
        _event,
        [
            document(
                {"action": "published", "release": {"prerelease": True}, "repository": {"default_branch": "main"}}
            ),
            document({"pull_request": {"base": {"ref": "x"}}, "repository": {"license": {"spdx_id": 1}}}),
            b'{"release": 1}',
        ],
    ),
)
