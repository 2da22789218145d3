"""Where the version of a build is read, and what is said when it is nowhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError, StoreError
from tagger.images.stores import ImageConfig
from tagger.rules.versions import Scheme, Version
from tagger.version_from.build import build_facts
from tagger.version_from.found import Found
from tagger.version_from.labels import VERSION_LABEL
from tagger.version_from.reading import Places, check_kind, check_ref, from_text, read_version
from tagger.version_from.refs import is_pull_request
from tests.version_from.repositories import commit, git, make_repository

DEFAULT = ("git-tag", "label", "file")


def read(
    workspace: Path,
    *kinds: str,
    environ: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    tag_prefix: str = "",
    scheme: str = "semver",
    variants: Sequence[str] = (),
    asked: bool = False,
    own: Mapping[str, str] | None = None,
) -> Found[Version]:
    """Read a version; `labels` are those of the platforms, None where there is no image; `own` are other labels."""
    configs = [
        ImageConfig(
            f"sha256:{number:064}", {VERSION_LABEL: label, **(own or {})} if label else {}, platform=f"linux/{number}"
        )
        for number, label in enumerate(labels or ())
    ]
    places = Places(
        workspace,
        environ or {},
        configs=None if labels is None else lambda: configs,
        at_hand=True,
        tag_prefix=tag_prefix,
        variants=variants,
    )
    return read_version(kinds or DEFAULT, places, Scheme(scheme).parse, asked=asked)


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
    found = read_version(DEFAULT, Places(tmp_path, tag("refs/tags/2.1.4"), configs=untouched), str, asked=False)
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
    (work / "package.json").write_text('{"version": "5.0.0"}')
    git(work, "tag", "app/v2.1.4")
    says = r"the git tag web/v3\.0\.0 \(GITHUB_REF\) .* does not begin with `tag-prefix` app/"
    with pytest.raises(InputError, match=says) as caught:
        read(work, environ=environ, tag_prefix="app/")
    assert "`version-from`" in caught.value.hint
    assert read(work, "file", environ=environ, tag_prefix="app/", asked=True).version.text == "5.0.0"


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
    """It counts as absent where it is known to be the base's: in a scheme where 24.04 is a version too."""
    (tmp_path / "VERSION").write_text("15.4")
    inherited = {"org.opencontainers.image.ref.name": "ubuntu"}
    found = read(tmp_path, labels=["24.04"], scheme="numeric", own=inherited)
    assert (found.version.text, found.origin) == ("15.4", "file:VERSION")
    with pytest.raises(
        InputError, match=r"the label .* is 24\.04, which is the base image's: it has the label .*=ubuntu"
    ):
        read(tmp_path, "label", labels=["24.04"], scheme="numeric", own=inherited)
    own = {**inherited, "org.opencontainers.image.revision": "abc"}
    assert read(tmp_path, "label", labels=["24.04"], scheme="numeric", own=own).version.text == "24.04"


@pytest.mark.parametrize("label", ["main", "2.1", "pr-7", "0.0.0", "0.0.0-dev"])
def test_a_label_that_is_no_version_is_absent_with_the_reason(tmp_path: Path, label: str) -> None:
    (tmp_path / "VERSION").write_text("2.1.4")
    assert read(tmp_path, labels=[label]).origin == "file:VERSION"
    with pytest.raises(InputError, match=f"label: the label .* is {label}"):
        read(tmp_path, "label", labels=[label])


def test_a_label_may_carry_the_suffix_of_a_variant(tmp_path: Path) -> None:
    found = read(tmp_path, labels=["2.1.4-alpine"], variants=["", "alpine"])
    assert (found.version.text, found.text) == ("2.1.4", "2.1.4-alpine")


class TestContradiction:
    """Two places that say two versions are neither silence nor a tie."""

    def test_a_label_and_a_file_that_differ_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "package.json").write_text('{"version": "2.1.3"}')
        with pytest.raises(
            InputError, match=r"label .*version says 2\.1\.4, and the file package\.json says 2\.1\.3"
        ) as caught:
            read(tmp_path, labels=["2.1.4"])
        assert "`version-from: label` or `version-from: file`" in caught.value.hint
        assert read(tmp_path, labels=["2.1.4"], asked=True).origin == "label"

    def test_a_label_and_a_file_of_one_version(self, tmp_path: Path) -> None:
        (tmp_path / "package.json").write_text('{"version": "2.1.4"}')
        assert read(tmp_path, labels=["v2.1.4"]).origin == "label"

    def test_a_git_tag_decides_and_says_what_differs(self, tmp_path: Path) -> None:
        (tmp_path / "package.json").write_text('{"version": "2.1.3"}')
        found = read(tmp_path, environ=tag("refs/tags/v2.1.4"), labels=["2.1.2"])
        assert found.version.text == "2.1.4"
        assert found.notes == (
            f"the git tag v2.1.4 (GITHUB_REF) decides, and the image's label {VERSION_LABEL} says 2.1.2",
            "the git tag v2.1.4 (GITHUB_REF) decides, and the file package.json says 2.1.3",
        )

    @pytest.mark.parametrize("ref", ["refs/pull/7/merge", "refs/pull/7/head"])
    def test_the_ref_of_a_pull_request_is_no_release(self, ref: str) -> None:
        with pytest.raises(InputError, match=f"GITHUB_REF is {ref}"):
            check_ref({"GITHUB_REF": ref})
        check_ref({"GITHUB_REF": "refs/heads/main"})
        check_ref({})


@pytest.mark.parametrize(
    "environ",
    [
        {"GITLAB_CI": "true", "CI_COMMIT_TAG": "v2.1.4"},
        {"CIRCLECI": "true", "CIRCLE_TAG": "v2.1.4"},
        {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/tags/v2.1.4"},
        {"JENKINS_URL": "https://jenkins.acme.io/", "TAG_NAME": "v2.1.4"},
        {"BITBUCKET_BUILD_NUMBER": "7", "BITBUCKET_TAG": "v2.1.4"},
        {"DRONE": "true", "DRONE_TAG": "v2.1.4"},
        {"CI": "woodpecker", "CI_COMMIT_TAG": "v2.1.4"},
    ],
)
def test_the_tag_of_other_ci_systems(tmp_path: Path, environ: dict[str, str]) -> None:
    """A variable counts only where its system runs: TAG_NAME may be anybody's."""
    found = read(tmp_path, environ=environ)
    assert (found.version.text, found.origin) == ("2.1.4", "git-tag")
    (variable,) = [name for name, value in environ.items() if "2.1.4" in value]
    with pytest.raises(InputError, match=r"git-tag: .* is not in a git repository"):
        read(tmp_path, environ={variable: environ[variable]})


@pytest.mark.parametrize(
    ("variable", "environ"),
    [
        ("CHANGE_ID", {"JENKINS_URL": "https://jenkins.acme.io/", "TAG_NAME": "v2.1.4", "CHANGE_ID": "7"}),
        ("DRONE_PULL_REQUEST", {"DRONE": "true", "DRONE_TAG": "v2.1.4", "DRONE_PULL_REQUEST": "7"}),
        ("CI_MERGE_REQUEST_IID", {"GITLAB_CI": "true", "CI_COMMIT_TAG": "v2.1.4", "CI_MERGE_REQUEST_IID": "7"}),
        ("CI_COMMIT_PULL_REQUEST", {"CI": "woodpecker", "CI_COMMIT_TAG": "v2.1.4", "CI_COMMIT_PULL_REQUEST": "7"}),
        ("BITBUCKET_PR_ID", {"BITBUCKET_BUILD_NUMBER": "1", "BITBUCKET_TAG": "v2.1.4", "BITBUCKET_PR_ID": "7"}),
    ],
)
def test_a_tag_beside_a_pull_request_is_not_what_is_built(
    tmp_path: Path, variable: str, environ: dict[str, str]
) -> None:
    with pytest.raises(InputError, match=f"git-tag: {variable} is 7, not a tag"):
        read(tmp_path, environ=environ)
    with pytest.raises(InputError, match=f"^{variable} is 7: the code of a pull request"):
        check_ref(environ)
    assert is_pull_request(environ)
    facts = build_facts(environ, tmp_path)
    assert (facts.pull_request, facts.tag) == ("7", "")
    system = next(iter(environ))
    assert not is_pull_request({name: text for name, text in environ.items() if name != system})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("package.json", '{"version": "0.0.0-development"}', "a placeholder"),
        ("package.json", '{"version": "0.0.0"}', "a placeholder"),
        ("Cargo.toml", '[package]\nversion = "0.0.0"', "a placeholder"),
        (
            "pyproject.toml",
            '[tool.poetry]\nversion = "1.2.3"\n[tool.poetry-dynamic-versioning]\nenable = true',
            "poetry-dynamic-versioning sets its version",
        ),
    ],
)
def test_a_version_that_a_tool_sets_later_is_absent(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        read(tmp_path)


def test_a_version_that_only_begins_like_a_placeholder(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("0.0.1")
    assert read(tmp_path).version.text == "0.0.1"


def test_a_prefix_is_taken_off_a_variable_too(tmp_path: Path) -> None:
    assert read(tmp_path, "env:REF", environ={"REF": "refs/tags/app-2.1.4"}, tag_prefix="app-").version.text == "2.1.4"


def test_an_image_that_cannot_be_read_is_no_absence(tmp_path: Path) -> None:
    def unreachable() -> Sequence[ImageConfig]:
        raise StoreError("did not answer", place="ghcr.io/acme/app")

    (tmp_path / "VERSION").write_text("2.1.4")
    with pytest.raises(StoreError, match="did not answer"):
        read_version(DEFAULT, Places(tmp_path, {}, configs=unreachable), str, asked=False)


def test_files_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[package]\nversion = "2.1.4"')
    (tmp_path / "package.json").write_text('{"private": true}')
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "2.1.3"')
    found = read(tmp_path, labels=[])
    assert (found.version.text, found.origin) == ("2.1.3", "file:pyproject.toml")
    assert found.description == "the file pyproject.toml; Cargo.toml says 2.1.4"
    assert found.notes == ("the file pyproject.toml decides, and the file Cargo.toml says 2.1.4",)


def test_files_that_agree(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("v2.1.4")
    (tmp_path / "package.json").write_text('{"version": "2.1.4"}')
    found = read(tmp_path, labels=[])
    assert (found.description, found.notes) == ("the file VERSION", ())


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
        "no version found; looked at:",
        f"git-tag: GITHUB_REF is refs/heads/main, not a tag; {tmp_path} is not in a git repository",
        "label: the image has no label org.opencontainers.image.version",
        "file: pyproject.toml: its version is dynamic, worked out when the package is built",
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
