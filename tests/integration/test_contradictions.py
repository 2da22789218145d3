"""What a build says of its version in several places, and what says nothing: by the command line, into a layout."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tagger.images.labels import VERSION_LABEL
from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.operations.running import standing

PACKAGE = '{"name": "app", "version": "1.8.0"}'
DYNAMIC = '[project]\nname = "app"\ndynamic = ["version"]\n'
Releases = Callable[..., tuple[Ran, set[str]]]


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """Release an image with labels from a checkout with files; return how it ended, and the tags that stand then."""

    def release(
        *words: str,
        files: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        ref: str = "",
    ) -> tuple[Ran, set[str]]:
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        for name, text in (files or {}).items():
            (checkout / name).write_text(text)
        monkeypatch.chdir(checkout)
        builds, store = Layout(tmp_path / "builds"), Layout(tmp_path / "store")
        make_image(builds, "app", "app", labels=labels or {})
        environ = {"GITHUB_ACTIONS": "true", "GITHUB_REF": ref} if ref else {}
        source = ("--json", "--image", store.place, "--source", f"{builds.place}:app")
        ran = tagger("release", *source, *words, environ=environ)
        return ran, set(standing(store)) if store.path.exists() else set()

    return release


def codes(ran: Ran) -> list[str]:
    return [warning["code"] for warning in ran.document["warnings"]]


@pytest.mark.parametrize(
    ("prefix", "tag"),
    [
        ("", "nightly-2026"), ("", "v2"), ("", "api-v1.0.0"), ("app/", "lib/v1.2.0"), ("api@", "web@2.0.0"),
        ("App-", "app-1.0.0"), ("app-", "app-"), ("app-", "app-latest"), ("app-", "appx-2.0.0"), ("app-v", "app-2.0.0"),
    ],
)  # fmt: skip
def test_a_tag_that_is_no_version_of_this_image_ends_the_search(releases: Releases, prefix: str, tag: str) -> None:
    ran, tags = releases(
        *(["--tag-prefix", prefix] if prefix else []), files={"package.json": PACKAGE}, ref=f"refs/tags/{tag}"
    )
    assert (ran.code, tags) == (2, set())
    assert tag in ran.document["error"]["message"]
    assert prefix in ran.document["error"]["message"]


@pytest.mark.parametrize("label", ["main", "2.1", "2", "latest", "sha-1a2b3c4", "24.04", "0.0.0-dev", "${VERSION}"])
def test_a_label_that_is_no_version_is_absent(releases: Releases, label: str) -> None:
    ran, tags = releases(files={"package.json": PACKAGE}, labels={VERSION_LABEL: label})
    assert (ran.code, "1.8.0" in tags, codes(ran)) == (0, True, [])


@pytest.mark.parametrize("label", ["main", "2.1", "0.0.0-dev", "2.1.4-alpine"])
def test_a_label_alone_that_is_no_version_is_told(releases: Releases, label: str) -> None:
    ran, tags = releases(labels={VERSION_LABEL: label})
    assert (ran.code, tags) == (2, set())
    assert label in ran.document["error"]["message"]


@pytest.mark.parametrize(
    "files",
    [
        {"VERSION": "1.8.0\n"}, {"pyproject.toml": '[project]\nversion = "1.8.0"\n'},
        {"Chart.yaml": "version: 1.8.0\n"}, {"Cargo.toml": '[package]\nversion = "1.8.0"\n'},
        {"gradle.properties": "version=1.8.0\n"}, {"pom.xml": "<project><version>1.8.0</version></project>"},
    ],
    ids=lambda files: "".join(files),
)  # fmt: skip
def test_a_label_and_a_file_that_differ_are_refused(releases: Releases, files: Mapping[str, str]) -> None:
    ran, tags = releases(files=files, labels={VERSION_LABEL: "1.9.0"})
    assert (ran.code, tags, ran.document["error"]["code"]) == (2, set(), "VERSIONS_DIFFER")
    assert "1.8.0" in ran.document["error"]["message"]
    assert "1.9.0" in ran.document["error"]["message"]


@pytest.mark.parametrize("words", [["--version", "1.9.0"], ["1.9.0"]])
def test_a_word_decides_and_the_label_that_differs_is_said(releases: Releases, words: list[str]) -> None:
    ran, tags = releases(*words, labels={VERSION_LABEL: "1.8.0"})
    assert (ran.code, "1.9.0" in tags, codes(ran)) == (0, True, ["VERSIONS_DIFFER"])
    assert f"1.9.0 decides, and the image's label {VERSION_LABEL} says 1.8.0" in ran.document["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["--version", "1.9.0"], {VERSION_LABEL: "v1.9.0"}),
        (["--version", "1.9.0"], {VERSION_LABEL: "24.04"}),
        (["--version", "1.9.0"], {VERSION_LABEL: "main"}),
        (["--version", "1.9.0"], {}),
        (["--version", "3.4.13-1", "--revisions", "-N"], {VERSION_LABEL: "3.4.13"}),
        (
            ["--version", "15.4", "--scheme", "numeric", "--tags", "{{version}}"],
            {VERSION_LABEL: "24.04", "org.opencontainers.image.ref.name": "ubuntu"},
        ),
    ],
)
def test_a_label_that_says_no_other_version_is_not_told(
    releases: Releases, words: list[str], labels: Mapping[str, str]
) -> None:
    ran, _ = releases(*words, labels=labels)
    assert (ran.code, codes(ran)) == (0, [])


PLACEHOLDERS = {
    "npm": {"package.json": '{"version": "0.0.0-semantically-released"}'},
    "npm with build": {"package.json": '{"version": "0.0.0+unknown"}'},
    "cargo": {"Cargo.toml": '[package]\nversion = "0.0.0"\n'},
    "maven": {"pom.xml": "<project><version>0.0.0-SNAPSHOT</version></project>"},
    "gradle": {"gradle.properties": "version=0.0.0\n"},
    "python dev": {"pyproject.toml": '[project]\nversion = "0.0.0.dev0"\n'},
    "python post": {"pyproject.toml": '[project]\nversion = "0.0.0.post1.dev0"\n'},
    "setuptools-scm": {"pyproject.toml": f"{DYNAMIC}[tool.setuptools_scm]\n"},
    "hatch-vcs": {"pyproject.toml": f'{DYNAMIC}[tool.hatch.version]\nsource = "vcs"\n'},
    "poetry": {"pyproject.toml": '[tool.poetry]\nversion = "1.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n'},
    "setuptools": {"setup.cfg": "[metadata]\nversion = attr: app.__version__\n"},
    "a template": {"VERSION": "{{version}}\n"},
}


@pytest.mark.parametrize("files", PLACEHOLDERS.values(), ids=PLACEHOLDERS.keys())
def test_a_version_that_a_tool_sets_later_is_not_released(releases: Releases, files: Mapping[str, str]) -> None:
    ran, tags = releases(files=files, ref="refs/heads/main")
    assert (ran.code, tags) == (2, set())


def test_an_empty_word_is_an_error(releases: Releases) -> None:
    ran, tags = releases("--version", "", files={"package.json": PACKAGE})
    assert (ran.code, tags) == (2, set())
