"""Inputs that are nearly right: what was meant stands in them, and the hint says it."""

from collections.abc import Iterator

from tests.hints.cases import BUILD, OFFLINE
from tests.hints.following import Input


def _near_versions() -> Iterator[Input]:
    for text in (
        *("2.1.4+5!", "2.1.4+", "2.1.4++5", "2.1.4-SNAPSHOT+5", "v.2.1.4", "2.1.4#1", "2.1.4@sha", "2.1.4:latest"),
        *("'2.1.4'", '"2.1.4"', "2.1.4~rc1", "2..1.4", "2.1.4 (build 5)", "2.1.4%20", "2.1.4-rc.01", "rel-2.1.4!"),
    ):
        yield Input("release", {**BUILD, "version": (text,)}, "version")
    for text in ("2.1.4+5!", "app/2.1.4+5", "release/v2.1.4-alpine"):
        yield Input("release", BUILD, "GITHUB_REF", environ={"GITHUB_REF": f"refs/tags/{text}"})


def _near_places() -> Iterator[Input]:
    for place, files in (
        ("FILE", {"VERSION": "2.1.4"}), ("file=VERSION", {"VERSION": "2.1.4"}), ("git-tags", {}), ("labels-", {}),
        ("file:.env", {".env": "APP_VERSION=2.1.4\n"}), ("file:a.ini", {"a.ini": "[app]\nversion=2.1.4\n"}),
        ("file:a.ini#app.ver", {"a.ini": "[app]\nversion=2.1.4\n"}),
        ("file:b/a.properties#version", {"b/a.properties": "app.version=2.1.4\n"}),
        ("file:a.json", {"a.json": '{"app": {"version": "2.1.4"}}'}),
        ("file:a.toml#app", {"a.toml": "[app]\nversion = '2.1.4'\n[dependencies.x]\nversion = '1.0'\n"}),
        ("file:version.py#version", {"version.py": '__version__ = "2.1.4"\n'}),
        ("file:b.yaml#version", {"b.yaml": "apiVersion: v2\nimage:\n  version: 2.1.4\n"}),
    ):  # fmt: skip
        yield Input("release", {**BUILD, "version-from": (place,)}, "version-from", files=files)


def _near_options() -> Iterator[Input]:
    for name, text in (("on-conflict", "skip"), ("latest", "variant=alpine"), ("stable", "variant=slim")):
        yield Input("plan", {**OFFLINE, name: (text,)}, name)
    for text in (
        *("{{version | lower}}", "v{{version}}-{{date 'YYYYMMDD'}}", "type=ref,event=tags", "type=sha,format=medium"),
        *("{{year}}", "{{tag}}", "type=foo,value=x", "latest latest"),
    ):
        yield Input("plan", {**OFFLINE, "tags": ("{{version}}", text)}, "tags")


TABLE = {
    f"{family.__name__[1:]}-{number:02}": given
    for family in (_near_versions, _near_places, _near_options)
    for number, given in enumerate(family(), 1)
}
