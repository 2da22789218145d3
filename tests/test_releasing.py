"""A release of Tagger itself: what `tools/release.py` decides, what the workflow may do, what the Marketplace wants."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import release

ROOT = Path(__file__).parent.parent
IMAGE = f"ghcr.io/acme/tagger@sha256:{'0' * 64}"
OTHER = f"ghcr.io/acme/tagger@sha256:{'1' * 64}"
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Tests", "-c", "user.email=tests@example.invalid")
    ended = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of version 1.2.3, and the repository that it pushes to."""
    folder, origin = tmp_path / "checkout", tmp_path / "origin.git"
    (folder / "tagger").mkdir(parents=True)
    shutil.copy(ROOT / "action.yml", folder)
    (folder / "tagger/__init__.py").write_text('"""Doc."""\n\n__version__ = "1.2.3"\n')
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [1.2.3]\n\n## [1.2.2]\n")
    git(tmp_path, "init", "--quiet", "--bare", str(origin))
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "First")):
        git(folder, *words)
    git(folder, "remote", "add", "origin", str(origin))
    return folder


class TestCheck:
    """One version everywhere."""

    def test_one_version(self, checkout: Path) -> None:
        release.check("v1.2.3", checkout)
        release.check("refs/tags/v1.2.3", checkout)

    def test_two_versions_are_both_named(self, checkout: Path) -> None:
        with pytest.raises(SystemExit, match=r"the tag says 1\.2\.4, .* says 1\.2\.3"):
            release.check("v1.2.4", checkout)

    def test_a_changelog_without_the_version(self, checkout: Path) -> None:
        (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
        with pytest.raises(SystemExit, match=r"CHANGELOG\.md says no version"):
            release.check("v1.2.3", checkout)


class TestCommit:
    """The commit that names the image, and its tag."""

    def test_the_tag_runs_the_image_and_main_does_not(self, checkout: Path) -> None:
        main = git(checkout, "rev-parse", "HEAD")
        release.commit("v1.2.3", IMAGE, checkout)
        assert f"image: docker://{IMAGE}" in git(checkout.parent / "origin.git", "show", "v1.2.3:action.yml")
        assert git(checkout.parent / "origin.git", "for-each-ref", "--format=%(refname)") == "refs/tags/v1.2.3"
        assert git(checkout, "rev-parse", "v1.2.3^") == main

    def test_again_it_is_left_alone(self, checkout: Path, tmp_path: Path) -> None:
        release.commit("v1.2.3", IMAGE, checkout)
        stands = git(checkout.parent / "origin.git", "rev-parse", "v1.2.3")
        git(tmp_path, "clone", "--quiet", str(checkout), str(tmp_path / "again"))
        git(tmp_path / "again", "remote", "set-url", "origin", str(tmp_path / "origin.git"))
        release.commit("v1.2.3", IMAGE, tmp_path / "again")
        assert git(checkout.parent / "origin.git", "rev-parse", "v1.2.3") == stands

    def test_a_tag_of_another_image_is_never_moved(self, checkout: Path) -> None:
        release.commit("v1.2.3", IMAGE, checkout)
        stands = git(checkout.parent / "origin.git", "rev-parse", "v1.2.3")
        with pytest.raises(SystemExit, match="release a new version"):
            release.commit("v1.2.3", OTHER, checkout)
        assert git(checkout.parent / "origin.git", "rev-parse", "v1.2.3") == stands

    def test_an_image_without_a_digest_is_refused(self, checkout: Path) -> None:
        with pytest.raises(SystemExit, match="is not an image with its digest"):
            release.commit("v1.2.3", "ghcr.io/acme/tagger:1.2.3", checkout)


class TestWorkflow:
    """What the workflow does, in which order."""

    def test_nothing_is_named_before_a_stranger_could_pull_it(self) -> None:
        needs = {name: job.get("needs") for name, job in WORKFLOW["jobs"].items()}
        assert needs == {"test": None, "image": "test", "pull": "image", "action": ["image", "pull"]}
        assert WORKFLOW["jobs"]["pull"]["permissions"] == {}

    def test_each_variant_is_a_stage_of_the_dockerfile(self) -> None:
        legs = WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["include"]
        stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
        assert {leg["target"] for leg in legs} <= {"", *stages}
        (release,) = [step for step in WORKFLOW["jobs"]["image"]["steps"] if step.get("uses") == "./"]
        assert release["with"]["variants"].split() == [leg["variant"] for leg in legs]

    def test_no_tag_is_ever_moved(self) -> None:
        for path in (".github/workflows/release.yml", "tools/release.py"):
            text = (ROOT / path).read_text()
            assert "--force" not in text
            assert "git push -f" not in text


def test_the_marketplace_takes_the_action() -> None:
    """docs.github.com, "Publishing actions in GitHub Marketplace": a name, a description, an icon and its colour."""
    assert ACTION["name"]
    assert 0 < len(ACTION["description"]) <= 125
    assert set(ACTION["branding"]) == {"icon", "color"}
    assert ACTION["branding"]["color"] in (
        "white",
        "black",
        "yellow",
        "blue",
        "green",
        "orange",
        "red",
        "purple",
        "gray-dark",
    )
    assert [path.name for path in ROOT.glob("action.y*ml")] == ["action.yml"]


def test_the_python_of_the_image_is_tested_and_the_oldest() -> None:
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (image,) = re.findall(r"^FROM python:(3\.[0-9]+)-", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (oldest,) = re.findall(r'^requires-python = ">=(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for workflow in (ci, WORKFLOW):
        assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [oldest, image]
