"""Where the version of a build is read, and what is said when it is nowhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError, StoreError
from tagger.images.stores import ImageConfig
from tagger.rules.versions import Scheme, Version
from tagger.version_from.reading import VERSION_LABEL, Found, check_kind, from_text, read_version
from tests.version_from.repositories import commit, git, make_repository

DEFAULT = ("git-tag", "label", "file")


def read(
    workspace: Path,
    *kinds: str,
    environ: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    tag_prefix: str = "",
    scheme: str = "semver",
) -> Found[Version]:
    """Read a version; `labels` are those of the platforms, None where there is no image."""
    configs = [
        ImageConfig(f"sha256:{number:064}", {VERSION_LABEL: label} if label else {}, platform=f"linux/{number}")
        for number, label in enumerate(labels or ())
    ]
    return read_version(
        kinds or DEFAULT,
        workspace=workspace,
        environ=environ or {},
        configs=None if labels is None else lambda: configs,
        tag_prefix=tag_prefix,
        parse=Scheme(scheme).parse,
    )


def tag(ref: str) -> dict[str, str]:
    return {"GITHUB_REF": ref, "GITHUB_REF_TYPE": "tag"}


def untouched() -> Sequence[ImageConfig]:
    raise AssertionError("the image was read, though its label was not asked for")


def test_the_tag_that_started_the_workflow_comes_first(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("1.0.0")
    found = read(tmp_path, environ=tag("refs/tags/v2.1.4"), labels=["3.0.0"])
    assert (found.version.text, found.text, found.origin) == ("2.1.4", "v2.1.4", "git-tag")
    assert found.description == "the git tag v2.1.4 (GITHUB_REF)"


def test_the_image_is_read_only_for_its_label(tmp_path: Path) -> None:
    found = read_version(
        DEFAULT, workspace=tmp_path, environ=tag("refs/tags/2.1.4"), configs=untouched, tag_prefix="", parse=str
    )
    assert found.version == "2.1.4"


def test_a_tag_of_the_workflow_that_is_no_version_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("1.0.0")
    with pytest.raises(InputError, match=r"the git tag v2 \(GITHUB_REF\): 'v2' is not a version in the scheme semver"):
        read(tmp_path, environ=tag("refs/tags/v2"))


@pytest.mark.parametrize(("prefix", "name"), [("app/", "app/v2.1.4"), ("app-", "app-2.1.4"), ("v", "v2.1.4")])
def test_a_prefix_is_taken_off(tmp_path: Path, prefix: str, name: str) -> None:
    assert read(tmp_path, environ=tag(f"refs/tags/{name}"), tag_prefix=prefix).version.text == "2.1.4"


def test_a_tag_of_another_component_is_not_ours(tmp_path: Path) -> None:
    work = make_repository(tmp_path)
    git(work, "tag", "web/v3.0.0")
    environ = tag("refs/tags/web/v3.0.0")
    with pytest.raises(InputError, match=r"the tag of GITHUB_REF, web/v3.0.0, does not begin with app/"):
        read(work, "git-tag", environ=environ, tag_prefix="app/")
    git(work, "tag", "app/v2.1.4")
    assert read(work, environ=environ, tag_prefix="app/").description == "the git tag app/v2.1.4 at HEAD"


def test_the_newest_tag_at_head(tmp_path: Path) -> None:
    work = make_repository(tmp_path)
    for name in ("v2.1.9", "v2.1.10", "v2", "nightly", "v2.1.10-rc.1", "other-9.9.9"):
        git(work, "tag", "-a", name, "-m", name)
    found = read(work, environ={"GITHUB_REF": "refs/heads/main"})
    assert (found.version.text, found.description) == ("2.1.10", "the git tag v2.1.10 at HEAD")


@given(st.permutations(["2.1.9", "2.1.10", "2.2.0-rc.1", "2.0.99"]))
def test_the_newest_tag_whatever_came_first(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    work = make_repository(tmp_path_factory.mktemp("work"))
    for name in names:
        git(work, "tag", name)
    assert read(work).version.text == "2.2.0-rc.1"


def test_a_commit_after_the_tag_is_no_version(tmp_path: Path) -> None:
    work = make_repository(tmp_path)
    git(work, "tag", "v2.1.4")
    commit(work)
    with pytest.raises(InputError, match="git-tag: HEAD has no tag"):
        read(work)


def test_the_scheme_decides_what_a_tag_is(tmp_path: Path) -> None:
    work = make_repository(tmp_path)
    git(work, "tag", "26.04")
    with pytest.raises(InputError, match=r"no tag at HEAD is a version: 26\.04"):
        read(work)
    assert read(work, scheme="calver").version.text == "26.04"


def test_a_shallow_clone_is_told_what_it_lacks(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin")
    git(origin, "tag", "v2.1.4")
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", origin.as_uri(), "work")
    with pytest.raises(InputError, match=r"shallow.*fetch-tags: true"):
        read(tmp_path / "work")


def test_a_broken_repository_is_not_passed_over(tmp_path: Path) -> None:
    (make_repository(tmp_path) / ".git/HEAD").write_text("")
    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(InputError, match="HEAD cannot be read"):
        read(tmp_path)


def test_the_label(tmp_path: Path) -> None:
    found = read(tmp_path, labels=["2.1.4", "2.1.4", ""])
    assert (found.version.text, found.origin) == ("2.1.4", "label")


def test_platforms_that_differ(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"platforms differ .* 2\.1\.4 \(linux/0\), 2\.1\.5 \(linux/1\)"):
        read(tmp_path, labels=["2.1.4", "2.1.5"])


def test_a_label_of_the_base_image(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(InputError, match=r"the image's label .*version: '24\.04' is not a version") as caught:
        read(tmp_path, labels=["24.04"])
    assert "its base image's" in caught.value.hint


def test_an_image_that_cannot_be_read_is_no_absence(tmp_path: Path) -> None:
    def unreachable() -> Sequence[ImageConfig]:
        raise StoreError("did not answer", place="ghcr.io/acme/app")

    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(StoreError, match="did not answer"):
        read_version(DEFAULT, workspace=tmp_path, environ={}, configs=unreachable, tag_prefix="", parse=str)


def test_files_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[package]\nversion = "2.1.4"')
    (tmp_path / "package.json").write_text('{"private": true}')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.1.3"')
    found = read(tmp_path, labels=[])
    assert (found.version.text, found.origin) == ("2.1.3", "file:pyproject.toml")
    assert found.description == "the file pyproject.toml; Cargo.toml says 2.1.4"


def test_a_named_file_and_key(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("version: 1.0.0\nappVersion: 2.1.4")
    found = read(tmp_path, "file:VERSION", "file:Chart.yaml#appVersion")
    assert (found.origin, found.description) == ("file:Chart.yaml#appVersion", "the file Chart.yaml, appVersion")


def test_a_broken_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{")
    (tmp_path / "pom.xml").write_text("<project><version>2.1.4</version></project>")
    with pytest.raises(InputError, match=r"file:package\.json cannot be read"):
        read(tmp_path)


def test_a_broken_file_after_the_one_that_counts(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("2.1.4")
    (tmp_path / "package.json").write_text("{")
    assert read(tmp_path).origin == "file:VERSION"


def test_a_file_without_a_version_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("to be decided")
    with pytest.raises(InputError, match="the file VERSION: 'to be decided' is not a version"):
        read(tmp_path)


def test_the_environment(tmp_path: Path) -> None:
    found = read(tmp_path, "env:RELEASE", environ={"RELEASE": " 2.1.4\n"})
    assert (found.version.text, found.origin) == ("2.1.4", "env:RELEASE")


def test_a_variable_is_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the environment variable TOKEN does not hold a version") as caught:
        read(tmp_path, "env:TOKEN", environ={"TOKEN": "ghp_a+b1234567890"})
    assert "ghp" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("file:secrets.json#token", '{"token": "ghp_a+b1234567890"}'),
        ("file:package.json#token", '{"token": "ghp_a+b1234567890"}'),
        ("file:token.txt", "ghp_a+b1234567890"),
        ("file:secrets.yml#token", "a: b\nghp_a+b1234567890: [\n"),
    ],
)
def test_what_a_file_or_a_key_of_any_name_holds_is_never_repeated(tmp_path: Path, kind: str, content: str) -> None:
    (tmp_path / kind.removeprefix("file:").partition("#")[0]).write_text(content)
    with pytest.raises(InputError, match=r"does not hold a version|it is not YAML, see its line 3") as caught:
        read(tmp_path, kind)
    assert "ghp" not in f"{caught.value.message} {caught.value.hint}"


def test_all_that_was_tried_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndynamic = ["version"]')
    with pytest.raises(InputError) as caught:
        read(
            tmp_path, "git-tag", "label", "file", "file:a/VERSION", "env:EMPTY", "env:UNSET",
            environ={"EMPTY": "", "GITHUB_REF": "refs/heads/main"}, labels=[""],
        )  # fmt: skip
    assert caught.value.message.splitlines() == [
        "the build says its version nowhere that was looked at:",
        f"git-tag: GITHUB_REF is refs/heads/main, not a tag; {tmp_path} is not in a git repository",
        "label: the image has no label org.opencontainers.image.version",
        "file: pyproject.toml: its version is dynamic, worked out when the package is built: "
        "name what it is worked out from, `git-tag` or `file:PATH`",
        "file:a/VERSION: there is no such file",
        "env:EMPTY: it is empty",
        "env:UNSET: it is not set",
    ]


def test_an_empty_workspace_without_an_image(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "label: there is no image to read a label from" in caught.value.message
    assert "has none of VERSION, package.json" in caught.value.message


@pytest.mark.parametrize("kind", ["", "tag", "label:x", "git-tag:x", "file:", "file:#key", "env:", "File", "file:a#"])
def test_what_is_no_place(tmp_path: Path, kind: str) -> None:
    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(InputError):
        read(tmp_path, "file", kind)


@pytest.mark.parametrize("kind", ["git-tag", "label", "file", "file:a/b c.txt", "file:a.json#b.'c.d'", "env:A_B"])
def test_what_is_a_place(kind: str) -> None:
    assert check_kind(kind) == kind


@pytest.mark.parametrize("before", ["", "refs/tags/"])
@pytest.mark.parametrize("prefix", ["", "app/", "app-"])
@pytest.mark.parametrize("letter", ["", "v"])
def test_a_version_that_a_person_gives(before: str, prefix: str, letter: str) -> None:
    assert Scheme().parse(from_text(f" {before}{prefix}{letter}2.1.4\n", prefix)).text == "2.1.4"
    assert Scheme().parse(from_text(f"{before}{letter}2.1.4", prefix)).text == "2.1.4"
