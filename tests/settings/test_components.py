"""Which components of a file a run works on, and what each of them is told."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tagger.commands import find_command
from tagger.errors import InputError
from tagger.settings.components import Several
from tagger.settings.gather import gather_each
from tests.version_from.repositories import git, make_repository

FILE = """
images: ghcr.io/acme/{{component}}
source: docker://ghcr.io/acme/{{ component }}:build
tag-prefix: "{{component}}-"
version-from: file:services/{{component}}/package.json
components:
  api:
  api-web: {channels: rc}
  "@acme/cli": {images: acme/cli, source: acme/cli, tag-prefix: "@acme/cli@", jobs: 2}
"""
NAMES = ("api", "api-web", "@acme/cli")


def chosen(
    folder: Path,
    several: Several = "all",
    environ: Mapping[str, str] | None = None,
    command: str = "plan",
    **given: str,
) -> Sequence[str]:
    """Return the components that a run works on."""
    if not (folder / ".tagger.yml").exists():
        (folder / ".tagger.yml").write_text(FILE)
    words = {name.replace("_", "-"): [value] for name, value in given.items()}
    row = find_command(command)._replace(several=several)
    return [one.component for one in gather_each(row, words, environ or {}, folder)]


def refused(folder: Path, several: Several = "all", environ: Mapping[str, str] | None = None, **given: str) -> str:
    """Return what is said of settings that are refused."""
    with pytest.raises(InputError) as caught:
        chosen(folder, several, environ, **given)
    return f"{caught.value.message} {caught.value.hint}"


def test_all_where_nobody_picks_any(tmp_path: Path) -> None:
    assert chosen(tmp_path) == list(NAMES)
    for several in ("named", "one"):
        assert refused(tmp_path, several) == (
            "the file has several components Pick one: set `only: api` or `only: api-web` or `only: @acme/cli`."
        )


def test_a_git_tag_that_is_of_none_is_named(tmp_path: Path) -> None:
    for tag in ("v5.0.0", "worker-1.0.0", "api-nightly"):
        text = refused(tmp_path, "named", {"GITHUB_REF": f"refs/tags/{tag}"})
        assert f"the git tag {tag!r} is no version behind 'api-" in text
        assert "`only: api`" in text


def test_those_that_are_named(tmp_path: Path) -> None:
    assert chosen(tmp_path, "named", only="api-web api") == ["api-web", "api"]
    assert chosen(tmp_path, "named", {"INPUT_ONLY": "api\napi"}) == ["api"]
    assert "names several" in refused(tmp_path, "one", only="api api-web")
    assert "no component web" in refused(tmp_path, "named", only="api web")


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("api-v2.1.4", ["api"]),
        ("api-web-2.1.4", ["api-web"]),
        ("@acme/cli@0.3.0", ["@acme/cli"]),
        ("api-gateway-v2.1.4", NAMES),
        ("v2.1.4", NAMES),
    ],
)
def test_that_of_the_git_tag(tmp_path: Path, tag: str, names: Sequence[str]) -> None:
    told = {"GITHUB_REF": f"refs/tags/{tag}"}
    assert chosen(tmp_path, environ=told) == list(names)
    if len(names) == 1:
        assert chosen(tmp_path, version=f"refs/tags/{tag}", command="tags") == list(names)
        assert chosen(tmp_path, "one", told) == names
        assert chosen(tmp_path, "named", told, only="api") == ["api"]
    else:
        assert "several components" in refused(tmp_path, "named", told)


def test_a_branch_is_no_tag(tmp_path: Path) -> None:
    assert chosen(tmp_path, environ={"GITHUB_REF": "refs/heads/api-v2"}) == list(NAMES)


def test_the_tags_at_head_count_for_a_release_alone(tmp_path: Path) -> None:
    make_repository(tmp_path)
    git(tmp_path, "tag", "api-v2.1.4")
    assert chosen(tmp_path, "named", command="release") == ["api"]
    assert chosen(tmp_path, command="plan") == ["api"]
    assert chosen(tmp_path, command="reconcile") == list(NAMES)
    git(tmp_path, "tag", "@acme/cli@0.3.0")
    assert chosen(tmp_path, command="plan") == ["api", "@acme/cli"]
    assert "set `only: api` or `only: @acme/cli`." in refused(tmp_path, "named", command="release")


def test_a_component_without_a_prefix_has_the_plain_tags(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text(
        "components:\n  root: {images: acme/app}\n  api: {images: acme/api, tag-prefix: api/}\n"
    )
    assert chosen(tmp_path, "named", {"GITHUB_REF": "refs/tags/v2.1.4"}) == ["root"]
    assert chosen(tmp_path, "named", {"GITHUB_REF": "refs/tags/api/v2.1.4"}) == ["api"]
    assert chosen(tmp_path, environ={"GITHUB_REF": "refs/tags/nightly"}) == ["root", "api"]


def test_the_name_stands_in_what_all_share(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text(FILE)
    api, web, cli = gather_each(find_command("plan"), {}, {}, tmp_path)
    assert [str(image) for image in api.images] == ["ghcr.io/acme/api"]
    assert [build.source for build in web.source] == ["docker://ghcr.io/acme/api-web:build"]
    assert (api.tag_prefix, api.version_from) == ("api-", ("file:services/api/package.json",))
    assert (api.channels, web.channels, cli.jobs) == ((), ("rc",), 2)
    assert [str(image) for image in cli.images] == ["docker.io/acme/cli"]
    assert not any(one.shared for one in (api, web, cli))


def test_repositories_that_the_command_line_names(tmp_path: Path) -> None:
    """They pick the component that has them; several components have no common repository."""
    assert chosen(tmp_path, images="ghcr.io/acme/api-web") == ["api-web"]
    assert "those of 3 components" in refused(tmp_path, images="ghcr.io/acme/other")
    assert chosen(tmp_path, "named", images="ghcr.io/acme/other", only="api") == ["api"]
    found = gather_each(
        find_command("plan"), {"images": ["quay.io/x/{{component}}"], "only": ["api api-web"]}, {}, tmp_path
    )
    assert [str(one.images[0]) for one in found] == ["quay.io/x/api", "quay.io/x/api-web"]


def test_every_mistake_is_told_once(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text(
        "scheme: x\ncomponents:\n  a: {images: acme/a}\n  b: {images: acme/b, channels: '1'}\n  c: {images: acme/c}\n"
    )
    text = refused(tmp_path)
    assert (text.count("`scheme` is 'x'"), text.count("yml:4:33")) == (1, 1)


def test_only_those_that_share_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".tagger.yml").write_text(
        "images: acme/app\ntags: '{{component}}-{{version}}'\ncomponents: {a: {}, b: {}, c: {images: acme/c}}\n"
    )
    found = gather_each(find_command("plan"), {}, {}, tmp_path)
    assert [(one.component, one.shared) for one in found] == [("a", True), ("b", True), ("c", False)]
    assert found[0].tags == ("a-{{version}}",)


def test_each_has_a_repository(tmp_path: Path) -> None:
    """One without has nothing to release to: that is a mistake, and not a release that is done."""
    (tmp_path / ".tagger.yml").write_text("components: {a: {images: acme/a}, b: {}, c: {}}\n")
    text = refused(tmp_path)
    assert "the component b: no image" in text
    assert "the component c: no image" in text
    assert "the component b: no image" in refused(tmp_path, "named", only="b")
    assert chosen(tmp_path, "named", only="a") == ["a"]
