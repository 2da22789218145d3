"""What docs/monorepo.md says is so: each recipe is released as it says, by the tags of its tool."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import tagger
from tests.test_release_components import inputs, listed, ran
from tests.version_from.repositories import git, make_repository

PAGE = (Path(__file__).parent.parent / "docs/monorepo.md").read_text()
NAMES = ("api", "web")


def recipe(folder: Path, title: str, images: str = "out/{{component}}") -> None:
    """Write the settings file below a heading of the page, with repositories on disk, and build each image."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert "ghcr.io/acme/{{component}}" in block
    (folder / ".tagger.yml").write_text(block.replace("ghcr.io/acme/{{component}}", f"oci:{images}"))
    for name in NAMES:
        make_image(Layout(folder / "builds"), name, name)


def standing(name: str) -> set[str]:
    return set(Layout(Path("out") / name).tags())


def released(tag: str, *words: str) -> Sequence[str]:
    """Release as the workflow that a git tag started, and return the components that were."""
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_REF": f"refs/tags/{tag}", "GITHUB_SHA": "0" * 40}
    ended = tagger("release", "--source", "oci:builds:{{component}}", "--json", *words, environ=environ)
    assert ended.code == 0, ended.err
    return [name for name in NAMES if (Path("out") / name).exists()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    monkeypatch.chdir(tmp_path)
    make_repository(tmp_path)
    return tmp_path


RECIPES: Mapping[str, str] = {
    "Tags of changesets": "@acme/{}@{}",
    "Tags of release-please": "{}-v{}",
    "Folders as prefixes": "services/{}/v{}",
}


@pytest.mark.parametrize("title", RECIPES)
def test_a_tag_for_each_component(folder: Path, title: str) -> None:
    recipe(folder, title)
    tag = RECIPES[title]
    assert tag.format("api", "1.2.3") in PAGE.partition(f"## {title}")[2]
    assert released(tag.format("api", "1.2.3")) == ["api"]
    assert standing("api") == {"1.2.3", "1.2", "1", "latest"}
    assert released(tag.format("web", "0.1.0-rc.1")) == ["api", "web"]
    assert standing("web") == {"0.1.0-rc.1"}


@pytest.mark.parametrize("title", RECIPES)
def test_tags_that_started_no_workflow(folder: Path, title: str) -> None:
    """Several on one commit, and then more commits: the workflow behind them finds what is to be released."""
    recipe(folder, title)
    for name, version in (("api", "1.2.3"), ("web", "2.0.0"), ("api", "1.2.4")):
        git(folder, "tag", RECIPES[title].format(name, version))
    git(folder, "commit", "--allow-empty", "--message", "later")
    call = inputs(source="oci:builds:{{component}}")
    matrix = listed(ran("list", call))
    assert [(one["name"], one["version"]) for one in matrix] == [("api", "1.2.4"), ("web", "2.0.0")]
    assert [ran("release", call, one).code for one in matrix] == [0, 0]
    assert (standing("api"), listed(ran("done", call))) == ({"1.2.4", "1.2", "1", "latest"}, [])
    checked = tagger("check", "--json").document["components"]
    missing = {
        name: [f["message"] for f in one["findings"] if f["code"] == "NOT_RELEASED"] for name, one in checked.items()
    }
    assert (len(missing["api"]), missing["web"]) == (1, [])
    assert "1.2.3" in missing["api"][0]


def test_one_tag_for_all(folder: Path) -> None:
    recipe(folder, "Tags of Lerna")
    assert "only: api web" in PAGE
    assert released("v1.2.3", "--only", "api web") == ["api", "web"]
    assert standing("api") == standing("web") == {"1.2.3", "1.2", "1", "latest"}
    environ = {"GITHUB_REF": "refs/tags/v1.2.3"}
    assert tagger("release", environ=environ).code == 2
    planned = tagger("plan", "--json", environ=environ).document["components"]
    assert [report["changed"] for report in planned.values()] == [False, False]


def test_the_file_at_the_top(folder: Path) -> None:
    """Variants and components together, versions from the folders, differences beside what all share."""
    block = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
    file = (
        re.sub(r"docker://ghcr\.io/acme/([a-z{}]+):build", r"oci:builds:\1", block)
        .replace("[ghcr.io/acme/web, acme/web]", "['oci:out/web', 'oci:hub/web']")
        .replace("ghcr.io/acme/{{component}}", "oci:out/{{component}}")
    )
    (folder / ".tagger.yml").write_text(file)
    names = list(yaml.safe_load(file)["components"])
    for name in names:
        make_image(Layout(folder / "builds"), name, name)
        package = folder / "services" / name / "package.json"
        package.parent.mkdir(parents=True)
        package.write_text(json.dumps({"version": "1.2.3"}))
    make_image(Layout(folder / "builds"), "alpine", "worker-alpine")
    ended = tagger("release", "--only", " ".join(names), "--json")
    assert ended.code == 0, ended.err
    assert set(Layout(Path("hub/web")).tags()) == standing("web") == standing("api") == {"1.2.3", "1.2", "1", "latest"}
    assert standing("worker") == {f"{tag}{end}" for tag in ("1.2.3", "1.2", "1") for end in ("", "-alpine")} | {
        "latest", "alpine",
    }  # fmt: skip


def test_what_build_jobs_left_for_each(folder: Path) -> None:
    """`digests` by pattern: a folder of each component, whose builds become one index."""
    (folder / ".tagger.yml").write_text(
        "images: oci:out/{{component}}\nversion: 1.2.3\ndigests: digests/{{component}}\n"
        "components: {api: {}, web: {}}\n"
    )
    for name in NAMES:
        for platform in ("linux/amd64", "linux/arm64"):
            image = make_image(Layout(Path("out") / name), f"{name} {platform}", platform=platform)
            file = folder / "digests" / name / image.digest.removeprefix("sha256:")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    ended = tagger("release", "--only", "api web", "--json")
    assert ended.code == 0, ended.err
    for report in ended.document["components"].values():
        assert list(report["platforms"]) == ["linux/amd64", "linux/arm64"]
    assert standing("api") == standing("web") >= {"1.2.3", "latest"}
