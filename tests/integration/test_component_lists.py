"""`components`, from outside: what a workflow's matrix is made of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry
from tests.version_from.repositories import git, make_repository


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, images: str, versions: Mapping[str, str], *more: str) -> None:
    """Write a file of components whose versions stand in their folders."""
    lines = [f"images: ['{images}']", "version-from: file:services/{{component}}/package.json", *more, "components:"]
    (folder / ".tagger.yml").write_text("\n".join([*lines, *(f"  {name}: {{}}" for name in versions)]))
    for name, version in versions.items():
        file = folder / "services" / name / "package.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"version": version}))


def listed(*words: str, environ: Mapping[str, str] | None = None) -> Sequence[Mapping[str, Any]]:
    """Return the components that are listed."""
    ran = tagger("components", *words, environ=environ)
    assert ran.code == 0, ran.err
    found: Sequence[Mapping[str, Any]] = ran.document
    return found


def release(name: str) -> Ran:
    make_image(Layout(Path("builds")), name, name)
    return tagger("release", "--only", name, "--source", f"oci:builds:{name}", "--json")


def test_each_with_its_version(folder: Path) -> None:
    write(folder, "oci:out/{{component}}", {"api": "1.2.3", "web": "2.0.0"})
    assert release("web").code == 0
    api = {"name": "api", "images": ["oci:out/api"], "version": "1.2.3", "released": False}
    web = {"name": "web", "images": ["oci:out/web"], "version": "2.0.0", "released": True}
    assert listed() == listed("--json") == [api, web]
    assert (listed("--changed"), listed("--only", "web")) == ([api], [web])
    output = folder / "output"
    ran = tagger("components", "--changed", environ={"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)})
    assert json.loads(ran.out) == json.loads(output.read_text().splitlines()[1]) == [api]
    assert release("api").code == 0
    assert listed("--changed") == []


def test_one_request_for_each_repository(folder: Path, small_registry: SmallRegistry) -> None:
    names = [f"app-{number}" for number in range(12)]
    write(folder, f"{small_registry.host}/acme/{{{{component}}}}", dict.fromkeys(names, "1.0.0"))
    assert release("app-3").code == 0
    small_registry.requests.clear()
    assert [one["name"] for one in listed("--changed")] == [name for name in names if name != "app-3"]
    asked = sorted(f"{request.method} {request.path}" for request in small_registry.requests if request.name)
    assert asked == sorted(f"HEAD /v2/acme/{name}/manifests/1.0.0" for name in names)


def test_released_in_one_repository_of_two_is_not_released(folder: Path) -> None:
    write(folder, "oci:out/{{component}}", {"api": "1.2.3"})
    assert release("api").code == 0
    assert listed("--changed") == []
    write(folder, "oci:out/{{component}}', 'oci:more/{{component}}", {"api": "1.2.3"})
    assert [one["released"] for one in listed("--changed")] == [False]


def test_the_newest_git_tag_where_none_started_the_run(folder: Path) -> None:
    """What was tagged and never released: the run of that tag failed, or never came."""
    make_repository(folder)
    write(folder, "oci:out/{{component}}", {"api": "0.0.0", "web": "0.0.0"})
    text = (folder / ".tagger.yml").read_text()
    (folder / ".tagger.yml").write_text(
        text.replace("version-from: file:services/{{component}}/package.json", "tag-prefix: '{{component}}/'")
    )
    (folder / "VERSION").write_text("9.9.9\n")
    for tag in ("api/v1.0.0", "api/v1.10.0", "api/v1.9.0", "api/next"):
        git(folder, "tag", tag)
    git(folder, "commit", "--allow-empty", "--message", "more")
    ran = tagger("components")
    assert [(one["name"], one["version"], one["released"]) for one in ran.document] == [
        ("api", "1.10.0", False),
        ("web", None, None),
    ]
    assert "web: no version found" in ran.err
    assert [one["name"] for one in listed("--changed")] == ["api"]
    told = {"GITHUB_REF": "refs/tags/api/v1.9.0"}
    assert [(one["name"], one["version"]) for one in listed(environ=told)] == [("api", "1.9.0")]


def test_what_is_not_known_is_not_left_out(folder: Path, small_registry: SmallRegistry) -> None:
    write(folder, f"{small_registry.host}/acme/{{{{component}}}}", {"api": "1.0.0", "web": "1.0.0"})
    broken = Fault("answer", Reply(500))
    small_registry.watch = lambda request: broken if request.name == "acme/web" else None
    ran = tagger("components", "--changed", "--retries", "0")
    assert (ran.code, [(one["name"], one["released"]) for one in ran.document]) == (1, [("api", False), ("web", None)])
    assert "acme/web" in ran.err


@pytest.mark.parametrize("may_push", [True, False])
def test_a_repository_that_may_not_be_read_before_it_is_there(
    folder: Path, small_registry: SmallRegistry, may_push: bool
) -> None:
    write(folder, f"{small_registry.host}/acme/{{{{component}}}}", {"api": "1.0.0", "web": "1.0.0"})
    refused = Fault("answer", Reply(403))

    def watch(request: Request) -> Fault | None:
        reads = request.kind == "manifests"
        return refused if request.name == "acme/api" and (reads or not may_push) else None

    small_registry.watch = watch
    ran = tagger("components", "--only", "api")
    assert (ran.code, ran.document[0]["released"]) == ((0, False) if may_push else (1, None))


def test_variants_are_released_when_all_are(folder: Path) -> None:
    write(folder, "oci:out/{{component}}", {"api": "1.0.0"}, "variants: default alpine", "variant: default alpine")
    make_image(Layout(Path("out/api")), "x", "1.0.0")
    assert [one["released"] for one in listed()] == [False]
    make_image(Layout(Path("out/api")), "y", "1.0.0-alpine")
    assert [one["released"] for one in listed()] == [True]


def test_where_there_are_none(folder: Path) -> None:
    ran = tagger("components", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")
    write(folder, "oci:out/{{component}}", {"api": "x"})
    assert listed() == [{"name": "api", "images": ["oci:out/api"], "version": None, "released": None}]


def test_without_components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = tagger("components")
    assert (ran.code, ran.document["error"]["message"]) == (2, "no settings file has components")
    assert "each with repositories of its own" in ran.err
