"""A release of Tagger itself: what `tools/release.py` decides, what the workflow may do, what the Marketplace wants."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger import __version__
from tools import release

ROOT = Path(__file__).parent.parent
IMAGE = f"ghcr.io/acme/tagger@sha256:{'0' * 64}"
CHANGES = "# Changelog\n\n## [Unreleased]\n\n{}\n## [1.2.2]\n\n- Something.\n"
OTHER = f"ghcr.io/acme/tagger@sha256:{'1' * 64}"
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
CI: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
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
    (folder / "CHANGELOG.md").write_text(CHANGES.format("## [1.2.3] - 2026-11-27\n\n- Something.\n"))
    git(tmp_path, "init", "--quiet", "--bare", str(origin))
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "First")):
        git(folder, *words)
    git(folder, "remote", "add", "origin", str(origin))
    return folder


def again(checkout: Path, folder: Path, at: str) -> Path:
    """Return another checkout of one commit, as deep as actions/checkout makes it."""
    commit = git(checkout, "rev-parse", at)
    git(checkout, "push", "--quiet", "origin", f"{commit}:refs/heads/main")
    git(folder, "clone", "--quiet", "--depth=1", "--branch=main", f"file://{folder}/origin.git", str(folder / "again"))
    return folder / "again"


class TestCheck:
    """One version everywhere."""

    def test_one_version(self, checkout: Path) -> None:
        release.check("v1.2.3", checkout)

    @pytest.mark.parametrize(
        "tag", ["v1.2.4", "1.2.3", "refs/tags/v1.2.3", "vv1.2.3", "v1.2.3\n", "v1.2.3 ", "", "v1.2.3; :"]
    )
    def test_another_tag(self, tag: str, checkout: Path) -> None:
        said = f"the tag says {tag}, tagger/__init__.py says v1.2.3, CHANGELOG.md says v1.2.3"
        with pytest.raises(SystemExit, match=re.escape(said)):
            release.check(tag, checkout)

    def test_a_version_that_is_none(self, checkout: Path) -> None:
        (checkout / "tagger/__init__.py").write_text('__version__ = "1.2"\n')
        (checkout / "CHANGELOG.md").write_text(CHANGES.format("## [1.2]\n\n- Something.\n"))
        with pytest.raises(SystemExit, match=r"tagger/__init__\.py says no version"):
            release.check("v1.2", checkout)

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ("", r"CHANGELOG\.md says v1\.2\.2"),
            ("## [1.3.0]\n\n- Something.\n\n## [1.2.3]\n\n- Something.\n", r"CHANGELOG\.md says v1\.3\.0"),
            ("## [1.2.3]\n", "it must say what changed"),
            ("## [1.2.3]\n\n- Something.\n\n## [1.2.3]\n\n- Something else.\n", "must have one section"),
        ],
    )
    def test_a_changelog_without_its_section(self, changes: str, problem: str, checkout: Path) -> None:
        (checkout / "CHANGELOG.md").write_text(CHANGES.format(changes))
        with pytest.raises(SystemExit, match=problem):
            release.check("v1.2.3", checkout)

    def test_a_changelog_without_any_version(self, checkout: Path) -> None:
        (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
        with pytest.raises(SystemExit, match=r"CHANGELOG\.md says no version"):
            release.check("v1.2.3", checkout)

    def test_a_tag_that_stands(self, checkout: Path) -> None:
        git(checkout, "push", "--quiet", "origin", "HEAD:refs/tags/v1.2.3")
        with pytest.raises(SystemExit, match=r"v1\.2\.3 stands already, and was not made from this commit"):
            release.check("v1.2.3", checkout)

    def test_a_tag_that_an_earlier_run_made(self, checkout: Path, tmp_path: Path) -> None:
        release.commit("v1.2.3", IMAGE, checkout)
        release.check("v1.2.3", again(checkout, tmp_path, "HEAD~"))
        (checkout / "more").touch()
        git(checkout, "add", ".")
        git(checkout, "commit", "--quiet", "--message", "More")
        with pytest.raises(SystemExit, match="was not made from this commit"):
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
        release.commit("v1.2.3", IMAGE, again(checkout, tmp_path, "HEAD~"))
        assert git(checkout.parent / "origin.git", "rev-parse", "v1.2.3") == stands

    def test_a_tag_of_another_image_is_never_moved(self, checkout: Path) -> None:
        release.commit("v1.2.3", IMAGE, checkout)
        stands = git(checkout.parent / "origin.git", "rev-parse", "v1.2.3")
        with pytest.raises(SystemExit, match="release a new version"):
            release.commit("v1.2.3", OTHER, checkout)
        assert git(checkout.parent / "origin.git", "rev-parse", "v1.2.3") == stands

    def test_workflows_that_changed_meanwhile(self, checkout: Path) -> None:
        """GitHub refuses a tag whose workflows are at the tip of no branch, where a workflow pushes it."""
        hook = checkout.parent / "origin.git/hooks/pre-receive"
        refusal = "refusing to allow a GitHub App to create or update workflow `a.yml` without `workflows` permission"
        hook.write_text(f"#!/bin/sh\necho '{refusal}' >&2\nexit 1\n")
        hook.chmod(0o755)
        built = git(checkout, "rev-parse", "HEAD")
        with pytest.raises(SystemExit, match=f"make a branch at {built}"):
            release.commit("v1.2.3", IMAGE, checkout)

    def test_an_image_without_a_digest_is_refused(self, checkout: Path) -> None:
        with pytest.raises(SystemExit, match="is not an image with its digest"):
            release.commit("v1.2.3", "ghcr.io/acme/tagger:1.2.3", checkout)


class TestWorkflow:
    """What the workflow does, in which order."""

    def test_nothing_is_named_before_a_stranger_could_pull_it(self) -> None:
        needs = {name: job.get("needs") for name, job in WORKFLOW["jobs"].items()}
        assert needs == {
            "version": None, "test": "version", "image": "test", "pull": "image", "action": ["image", "pull"],
        }  # fmt: skip
        assert WORKFLOW["jobs"]["pull"]["permissions"] == {}

    def test_each_variant_is_a_stage_of_the_dockerfile(self) -> None:
        legs = WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["include"]
        stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
        assert {leg["target"] for leg in legs} <= {"", *stages}
        steps = [step for job in ("image", "action") for step in WORKFLOW["jobs"][job]["steps"]]
        runs = [step["with"]["variants"].split() for step in steps if step.get("uses") == "./"]
        assert runs == [[leg["variant"] for leg in legs]] * 2

    def test_no_tag_is_ever_moved(self) -> None:
        for path in (".github/workflows/release.yml", "tools/release.py"):
            text = (ROOT / path).read_text()
            assert "--force" not in text
            assert "git push -f" not in text


def test_the_marketplace_takes_the_action() -> None:
    """docs.github.com, "Publishing actions in GitHub Marketplace": one action at the root, a name of its own."""
    assert ACTION["name"] == "Tagger"  # no category and no feature of GitHub; whether it is free, only GitHub knows
    assert 0 < len(ACTION["description"]) <= 125
    # "Metadata syntax reference": the icons are Feather's of v4.28.0, and the colours are nine.
    assert ACTION["branding"] == {"icon": "tag", "color": "blue"}
    assert [path.name for path in ROOT.glob("action.y*ml")] == ["action.yml"]
    assert (ROOT / "README.md").exists()


def test_every_page_and_workflow_names_this_version() -> None:
    """Actions, the action beside it, the reusable workflow, and the images with their variants."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.yml"), *ROOT.glob("templates/*")]
    form = re.compile(r"OWNER/tagger[\w./-]*(?:@v|:)(\d+\.\d[\w.-]*?)(?:-debug|-verify)?(?=[^\w.-]|$)", re.MULTILINE)
    named = {str(path): set(form.findall(path.read_text())) for path in pages}
    assert {name: versions for name, versions in named.items() if versions - {__version__}} == {}
    assert len([name for name, versions in named.items() if versions]) > 10


def test_each_image_is_built_for_arm64_with_every_change() -> None:
    """A locked package that has no wheel for it is found before a release is."""
    assert CI["jobs"]["arm64"]["strategy"]["matrix"] == WORKFLOW["jobs"]["image"]["strategy"]["matrix"]
    assert CI["jobs"]["arm64"]["runs-on"].endswith("-arm")
    (build,) = (step for step in WORKFLOW["jobs"]["image"]["steps"] if step.get("id") == "build")
    assert build["with"]["platforms"] == "linux/amd64,linux/arm64"


def test_the_python_of_the_image_is_tested_and_the_oldest() -> None:
    (image,) = re.findall(r"^FROM python:(3\.[0-9]+)-", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (oldest,) = re.findall(r'^requires-python = ">=(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for workflow in (CI, WORKFLOW):
        assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == [oldest, image]
