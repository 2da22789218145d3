"""The builds of several variants are released in one run: all of them, or none."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tagger.images.labels import VERSION_LABEL
from tagger.images.layout import Layout
from tests.images.making import make_image, make_index
from tests.integration.commands import Ran, images, tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.http_server import Reply
from tests.servers.small_registry import Fault, Request, SmallRegistry

TAGS = {
    "default": ("2.1.4", "2.1", "2", "latest"), "alpine": ("2.1.4-alpine", "2.1-alpine", "2-alpine", "alpine")
}  # fmt: skip


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "builds")
    for name in TAGS:
        make_index(layout, name, name, labels={VERSION_LABEL: "2.1.4"})
    return layout


def run(command: str, builds: Layout, *repositories: object, more: Sequence[str] = (), version: str = "2.1.4") -> Ran:
    sources = [word for name in TAGS for word in ("--source", f"{name}=oci:{builds.path}:{name}")]
    return tagger(command, "--json", "--version", version, *images(*repositories), *sources, *more)


def standing(layout: Layout) -> Mapping[str, str | None]:
    return layout.digests(tuple(layout.tags()))


def test_every_variant_has_its_tags_and_its_image(builds: Layout, tmp_path: Path) -> None:
    places = [Layout(tmp_path / name) for name in ("one", "other")]
    planned = run("plan", builds, *(f"oci:{place.path}" for place in places))
    assert planned.code == 0, planned.err
    assert not (tmp_path / "one").exists()
    ran = run("release", builds, *(f"oci:{place.path}" for place in places))
    assert (ran.code, ran.statuses) == (0, ["released", "released"]), ran.err
    digests = builds.digests(tuple(TAGS))
    expected = {tag: digests[name] for name, tags in TAGS.items() for tag in tags}
    assert [standing(place) for place in places] == [expected, expected]
    for document in (planned.document, ran.document):
        assert document["digest"] == digests["default"]
        assert {name: one["digest"] for name, one in document["variants"].items()} == digests
        assert set(document["tags"]) == expected.keys()
        changes = {change["tag"]: change["after"] for change in document["repositories"][0]["changes"]}
        assert changes == expected
    again = run("release", builds, *(f"oci:{place.path}" for place in places))
    assert (again.code, again.document["changed"], again.statuses) == (0, False, ["unchanged"] * 2)


def test_the_outputs_have_the_tags_of_all(builds: Layout, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.touch()
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(output),
        "INPUT_COMMAND": "release",
        "INPUT_IMAGES": f"oci:{tmp_path}/app",
        "INPUT_VERSION": "2.1.4",
        "INPUT_SOURCE": "\n".join(f"{name}=oci:{builds.path}:{name}" for name in TAGS),
    }
    assert tagger(environ=environ).code == 0
    text = output.read_text()
    assert all(f"\n{tag}\n" in text for tags in TAGS.values() for tag in tags)


def test_one_that_is_refused_holds_all(builds: Layout, tmp_path: Path) -> None:
    """The exact tag of one variant holds another image: no variant is released."""
    target = Layout(tmp_path / "app")
    make_image(target, "another", "2.1.4-alpine")
    before = standing(target)
    ran = run("release", builds, f"oci:{target.path}")
    assert (ran.code, ran.document["error"]["code"]) == (1, "CONFLICT")
    assert standing(target) == before
    planned = run("plan", builds, f"oci:{target.path}")
    assert (planned.code, planned.document["changed"]) == (1, False)


def test_one_that_cannot_be_staged_holds_every_floating_tag(
    builds: Layout, small_registry: SmallRegistry, opened: Opener
) -> None:
    store = opened(small_registry)

    def watch(request: Request) -> Fault | None:
        return Fault("answer", Reply(403)) if request.method == "PUT" and request.reference == "2.1.4-alpine" else None

    small_registry.watch = watch
    ran = run("release", builds, f"{small_registry.host}/acme/app")
    assert (ran.code, ran.statuses) == (1, ["incomplete"])
    assert set(store.tags()) == {"2.1.4"}
    actions = {change["tag"]: change["action"] for change in ran.document["repositories"][0]["changes"]}
    assert actions["2.1.4"] == "create"
    small_registry.watch = lambda _request: None
    ran = run("release", builds, f"{small_registry.host}/acme/app")
    assert ran.code == 0, ran.err
    assert set(store.tags()) == {tag for tags in TAGS.values() for tag in tags}


def test_each_of_several_builds(tmp_path: Path) -> None:
    """A folder of digests for each variant, and a source more for one of them."""
    target, other = Layout(tmp_path / "app"), Layout(tmp_path / "other")
    for name in TAGS:
        (tmp_path / name).mkdir()
        leg = make_index(target, name, platforms=["linux/amd64"])
        (tmp_path / name / leg.digest.removeprefix("sha256:")).touch()
    make_index(other, "alpine", "arm", platforms=["linux/arm64"])
    digests = "\n".join(f"{name}={tmp_path}/{name}" for name in TAGS)
    words = ["--digests", digests, "--source", f"alpine=oci:{other.path}:arm", "--image", f"oci:{target.path}"]
    ran = tagger("release", "--json", "--version", "2.1.4", *words)
    assert ran.code == 0, ran.err
    found = {name: set(one["platforms"]) for name, one in ran.document["variants"].items()}
    assert found == {"default": {"linux/amd64"}, "alpine": {"linux/amd64", "linux/arm64"}}
    assert set(target.tags()) == {tag for tags in TAGS.values() for tag in tags}


def test_digests_of_several_variants_are_one_text_or_an_option_each(tmp_path: Path) -> None:
    target = Layout(tmp_path / "app")
    for name in TAGS:
        (tmp_path / name).mkdir()
        leg = make_index(target, name, platforms=["linux/amd64"])
        (tmp_path / name / leg.digest.removeprefix("sha256:")).touch()
    repeated = [word for name in TAGS for word in ("--digests", f"{name}={tmp_path}/{name}")]
    ran = tagger("release", "--json", "--version", "2.1.4", "--image", f"oci:{target.path}", *repeated)
    assert ran.code == 0, ran.err
    assert ran.document["variants"].keys() == TAGS.keys()
    assert set(target.tags()) == {tag for tags in TAGS.values() for tag in tags}


def test_the_text_names_the_image_of_each(builds: Layout, tmp_path: Path) -> None:
    sources = [word for name in TAGS for word in ("--source", f"{name}=oci:{builds.path}:{name}")]
    ran = tagger("plan", "--version", "2.1.4", "--image", f"oci:{tmp_path}/app", *sources)
    assert f"default:oci:{builds.path}:default" in "".join(ran.out.split())
    assert f"alpine:oci:{builds.path}:alpine" in "".join(ran.out.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--source", "oci:x", "--source", "alpine=oci:y"], "name a variant for only some builds"),
        (["--source", "oci:x", "--digests", "alpine=y"], "name a variant for only some builds"),
        (["--digests", "alpine=x\ny"], "names the variants of some of its 2 lines"),
        (["--source", "alpine=oci:x", "--variant", "debian"], "`source` and `digests` name other variants: alpine"),
        (["--source", "alpine=oci:x", "--variants", "default debian"], "not one of the `variants`"),
    ],
)
def test_what_contradicts_itself(words: Sequence[str], says: str, tmp_path: Path) -> None:
    ran = tagger("release", "--json", "--version", "2.1.4", "--image", f"oci:{tmp_path}/app", *words)
    assert ran.code == 2
    assert says in ran.out


def test_builds_of_different_versions(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "builds")
    for name, version in (("default", "2.1.4"), ("alpine", "2.1.3")):
        make_image(layout, name, name, labels={VERSION_LABEL: version})
    sources = [word for name in TAGS for word in ("--source", f"{name}=oci:{layout.path}:{name}")]
    words = ["--version-from", "label", "--image", f"oci:{tmp_path}/app", *sources]
    ran = tagger("release", "--json", *words)
    assert (ran.code, ran.document["error"]["code"]) == (2, "VERSIONS_DIFFER")
    assert not (tmp_path / "app").exists()
