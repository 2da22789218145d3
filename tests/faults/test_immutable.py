"""Immutable tags in the words of every registry: the same image is success, another is refused, nothing is moved."""

from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.servers.small_registry import DIALECTS, Fault, Request, SmallRegistry

NAME = "acme/app"


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "builds")


def released(registry: SmallRegistry, builds: Layout, version: str, text: str = "", command: str = "release") -> Ran:
    make_image(builds, text or version, "app")
    words = ["--json", "--version", version, "--source", f"{builds.place}:app", "--image", f"{registry.host}/{NAME}"]
    return tagger(command, *words)


def is_exact(tag: str) -> bool:
    return tag.count(".") == 2


@pytest.fixture(params=DIALECTS)
def registry(request: pytest.FixtureRequest, small_registry: SmallRegistry) -> SmallRegistry:
    """A registry that refuses to move tags, in one of the ways in which they do."""
    small_registry.dialect = request.param
    return small_registry


def test_the_same_image_is_success_and_another_is_refused(registry: SmallRegistry, builds: Layout) -> None:
    registry.immutable = is_exact
    assert released(registry, builds, "2.1.3").code == 0
    assert released(registry, builds, "2.1.4").code == 0
    before = registry.tags(NAME)
    again = released(registry, builds, "2.1.4")
    assert (again.code, again.statuses) == (0, ["unchanged"])
    writes = len(registry.asked("PUT"))
    for command in ("plan", "release"):
        other = released(registry, builds, "2.1.4", "another build", command)
        assert (other.code, other.statuses) == (1, ["refused"])
        assert other.document["error"]["code"] == "CONFLICT"
    assert registry.tags(NAME) == before
    assert len(registry.asked("PUT")) == writes


@pytest.mark.parametrize("same", [True, False])
def test_somebody_was_faster(registry: SmallRegistry, builds: Layout, same: bool) -> None:
    """The exact tag came to stand between the look and the write; the registry's own rule decides, atomically."""
    registry.immutable = is_exact
    ours, theirs = make_image(builds, "2.1.4", "app"), make_image(builds, "another build", "other")

    def watch(request: Request) -> Fault | None:
        if request.method == "PUT" and request.reference == "2.1.4":
            registry.watch = lambda _request: None
            registry.put(NAME, "2.1.4", ours if same else theirs)
        return None

    registry.watch = watch
    ran = released(registry, builds, "2.1.4")
    assert ran.code == (0 if same else 1)
    if same:
        assert set(registry.tags(NAME).values()) == {ours.digest}
    else:
        assert registry.tags(NAME) == {"2.1.4": theirs.digest}


def test_a_floating_tag_that_may_not_move(registry: SmallRegistry, builds: Layout) -> None:
    """It is the registry's settings that are wrong: Tagger says how to mend them, and never deletes to push again."""
    registry.immutable = lambda tag: tag == "latest"
    assert released(registry, builds, "2.1.3").code == 0
    before = registry.tags(NAME)
    ran = released(registry, builds, "2.1.4")
    assert (ran.code, ran.statuses) == (1, ["incomplete"])
    error = ran.document["error"]
    assert error["code"] == "TAG_IMMUTABLE"
    assert "rule of immutable tags" in error["hint"]
    assert "config" in error["hint"]
    now = registry.tags(NAME)
    assert now["latest"] == before["latest"]
    assert {now["2.1"], now["2"], now["2.1.4"]} == {builds.manifest("app").digest}
    assert registry.asked("DELETE") == []
    (refused,) = (c for c in ran.document["repositories"][0]["changes"] if c["action"] == "refuse")
    assert refused["tag"] == "latest"


class TestListings:
    """What goes wrong with a listing, in a whole release."""

    @pytest.mark.parametrize("link", ["foreign", "url", "query", "prefix"])
    def test_the_next_page_is_in_this_registry_wherever_it_points(
        self, small_registry: SmallRegistry, builds: Layout, link: str
    ) -> None:
        small_registry.page_size, small_registry.link = 2, link
        for version in ("2.1.3", "3.0.0", "2.1.4"):
            assert released(small_registry, builds, version).code == 0
        tags = small_registry.tags(NAME)
        assert (tags["latest"], tags["2"]) == (tags["3.0.0"], tags["2.1.4"])

    def test_a_circle(self, small_registry: SmallRegistry, builds: Layout) -> None:
        assert released(small_registry, builds, "2.1.3").code == 0
        small_registry.page_size, small_registry.link = 1, "circular"
        before = small_registry.tags(NAME)
        ran = released(small_registry, builds, "2.1.4")
        assert (ran.code, "circle" in ran.document["error"]["message"]) == (1, True)
        assert small_registry.tags(NAME) == before

    def test_it_shrinks_between_two_pages(self, small_registry: SmallRegistry, builds: Layout) -> None:
        for version in ("2.1.3", "2.1.4"):
            assert released(small_registry, builds, version).code == 0
        for number in range(6):
            small_registry.put(NAME, f"a-{number}", make_image(builds, "app", "app"))
        small_registry.page_size, small_registry.strict_last = 3, True

        def watch(request: Request) -> Fault | None:
            if request.kind == "tags" and request.value("last") == "a-0":
                small_registry.remove(NAME, "a-0")
            return None

        small_registry.watch = watch
        assert released(small_registry, builds, "2.1.5").code == 0
        tags = small_registry.tags(NAME)
        assert tags["latest"] == tags["2.1.5"]
