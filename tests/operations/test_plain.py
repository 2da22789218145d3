"""Builds without a version: their plain tags are the same in every repository, whoever else sets them meanwhile."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tagger.errors import InputError, Refused, StoreError
from tagger.images.layout import Layout
from tagger.images.manifests import Manifest
from tagger.images.sources import ContentSource
from tagger.images.stores import Source, TagStore, overtaken_error
from tagger.operations.plain import PlainRelease, plan_plain, release_plain
from tagger.results import Passed, Report
from tagger.rules.cascade import Rules
from tests.operations.running import RULES, Builds, actions, finished, standing


def job(
    source: ContentSource | None, *stores: TagStore, tags: Sequence[str] = ("nightly", "sha-1a2b3c4")
) -> PlainRelease:
    return PlainRelease(lambda _: tuple(tags), Rules(), tuple(stores), lambda: source)


def released(source: ContentSource, *stores: TagStore) -> Report:
    return finished(release_plain(job(source, *stores)))


def test_it_sets_the_tags_and_no_other(store: TagStore, builds: Builds) -> None:
    image = builds.source("one")
    report = released(image, store)
    assert (report.exit_code, report.version, report.digest) == (0, None, image.digest)
    assert standing(store) == dict.fromkeys(("nightly", "sha-1a2b3c4"), image.digest)
    assert actions(report) == [("nightly", "create"), ("sha-1a2b3c4", "create")]
    assert report.tags_in(report.repositories[0]) == ["nightly", "sha-1a2b3c4"]


def test_twice_is_once_and_the_next_build_takes_them(store: TagStore, builds: Builds) -> None:
    released(builds.source("one"), store)
    again = released(builds.source("one"), store)
    assert (again.changed, again.repositories[0].status) == (False, "unchanged")
    two = builds.source("two")
    assert actions(released(two, store)) == [("nightly", "move"), ("sha-1a2b3c4", "move")]
    assert set(standing(store).values()) == {two.digest}


def test_several_repositories(tmp_path: Path, builds: Builds) -> None:
    stores = [Layout(tmp_path / name) for name in "abc"]
    image = builds.source("one")
    assert released(image, *stores).exit_code == 0
    assert all(set(standing(store).values()) == {image.digest} for store in stores)


def test_a_plan_writes_nothing(store: TagStore, builds: Builds) -> None:
    for source in (builds.source("one"), None):
        report = finished(plan_plain(job(source, store)))
        assert (report.exit_code, report.dry_run, report.changed) == (0, True, True)
        assert actions(report) == [("nightly", "create"), ("sha-1a2b3c4", "create")]
    assert standing(store) == {}


class Taken(Layout):
    """A layout in which another run takes a tag right after ours was pointed."""

    def __init__(self, folder: Path, other: ContentSource, *, times: int = 1) -> None:
        super().__init__(folder)
        self.other, self.times = other, times

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        super().tag(manifest, tags)
        if "nightly" in tags and self.times:
            self.times -= 1
            self.other.put(self)
            super().tag(self.other.root, ["nightly"])


@pytest.mark.parametrize("place", [0, 1])
def test_two_runs_at_once_end_alike_everywhere(place: int, tmp_path: Path, builds: Builds) -> None:
    """The first repository holds sway: its image is what all get; the run whose image it is not says so."""
    ours, other = builds.source("ours"), builds.source("other")
    stores: list[TagStore] = [Layout(tmp_path / "a"), Layout(tmp_path / "b")]
    stores[place] = Taken(tmp_path / "ab"[place], other)
    report = released(ours, *stores)
    held = {standing(store)["nightly"] for store in stores}
    assert held == {other.digest if place == 0 else ours.digest}
    if place == 0:
        assert report.exit_code == 1
        assert {error.code for one in report.repositories if (error := one.error)} == {"OVERTAKEN"}
        assert standing(stores[1])["sha-1a2b3c4"] == ours.digest
    else:
        assert report.exit_code == 0


def test_one_repository_overtaken(tmp_path: Path, builds: Builds) -> None:
    store = Taken(tmp_path / "a", builds.source("other"))
    report = released(builds.source("ours"), store)
    assert (report.exit_code, report.error and report.error.code) == (1, "OVERTAKEN")
    assert report.repositories[0].status == "refused"


class Full(Layout):
    """A layout that takes no image."""

    def put_blob(self, *_: object, **__: object) -> None:
        raise StoreError("no space is left", place=self.place)


def test_no_tag_is_set_where_one_repository_takes_no_image(tmp_path: Path, builds: Builds) -> None:
    stores = (Layout(tmp_path / "a"), Full(tmp_path / "b"))
    report = released(builds.source("one"), *stores)
    assert report.exit_code == 1
    assert [one.status for one in report.repositories] == ["unchanged", "failed"]
    assert standing(stores[0]) == {}


class Closed(Layout):
    """A layout in which no tag can be set."""

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        if tags:
            raise StoreError("the tag is locked", place=self.place)
        super().tag(manifest, tags)


def test_what_was_written_is_told_where_another_repository_fails(tmp_path: Path, builds: Builds) -> None:
    image, stores = builds.source("one"), (Layout(tmp_path / "a"), Closed(tmp_path / "b"))
    report = released(image, *stores)
    assert (report.exit_code, [one.status for one in report.repositories]) == (1, ["done", "incomplete"])
    assert actions(report) == [("nightly", "create"), ("sha-1a2b3c4", "create")]
    assert actions(report, 1) == [("nightly", "refuse"), ("sha-1a2b3c4", "refuse")]
    assert [set(standing(store).values()) for store in stores] == [{image.digest}, set()]
    assert report.changed


class OfEngine:
    """An image whose manifest is made by a push of its engine, which names it in the repository."""

    digest = None
    is_pushed = True

    def __init__(self, image: ContentSource) -> None:
        config = image.root.config()
        self.reference = "docker-daemon:app:build"
        self.config_digest: str | None = config.digest if config else None
        self.configs, self.as_content, self.image = image.configs, image.as_content, image
        self.pushed: list[str] = []

    def stage(
        self, store: TagStore, tag: str, *, overwrite: bool = False, read_back: Callable[[], Manifest] | None = None
    ) -> Manifest:
        self.pushed.append(tag)
        return self.image.stage(store, tag, overwrite=overwrite, read_back=read_back)


def of_engine(image: OfEngine, *stores: TagStore, tags: Sequence[str] = ("nightly", "sha-1a2b3c4")) -> PlainRelease:
    return PlainRelease(lambda _: tuple(tags), Rules(), tuple(stores), lambda: image)


def test_an_image_of_the_engine_is_pushed_once_under_a_new_tag(tmp_path: Path, builds: Builds) -> None:
    stores, image = (Layout(tmp_path / "a"), Layout(tmp_path / "b")), OfEngine(builds.source("one"))
    released(builds.source("other"), stores[0])
    report = finished(release_plain(of_engine(image, *stores, tags=("nightly", "sha-5d6e7f8"))))
    assert (report.exit_code, image.pushed, report.source) == (0, ["sha-5d6e7f8"], "docker-daemon:app:build")
    assert report.digest == image.image.digest
    assert [standing(store)["nightly"] for store in stores] == [report.digest] * 2
    assert actions(report) == [("nightly", "move"), ("sha-5d6e7f8", "create")]


def test_the_digest_of_a_push_is_not_planned_before_it(tmp_path: Path, builds: Builds) -> None:
    store, image = Layout(tmp_path / "a"), OfEngine(builds.source("one"))
    report = finished(plan_plain(of_engine(image, store)))
    assert report.source_digest == image.config_digest
    assert (report.digest, report.source, actions(report)) == (
        None, "docker-daemon:app:build", [("nightly", "create"), ("sha-1a2b3c4", "create")],
    )  # fmt: skip


def test_what_stands_with_its_config_is_not_pushed_again(tmp_path: Path, builds: Builds) -> None:
    stores, image = (Layout(tmp_path / "a"), Layout(tmp_path / "b")), OfEngine(builds.source("one"))
    released(image.image, stores[1])
    planned = finished(plan_plain(of_engine(image, *stores)))
    report = finished(release_plain(of_engine(image, *stores)))
    assert planned.digest == report.digest == image.image.digest
    assert (report.exit_code, image.pushed, report.source) == (0, [], "docker-daemon:app:build")
    assert [set(standing(store).values()) for store in stores] == [{report.digest}] * 2


@pytest.mark.parametrize("stood", [True, False])
def test_a_push_is_taken_back_where_another_repository_fails(stood: bool, tmp_path: Path, builds: Builds) -> None:
    """A tag that the push moved is put back. One that it made stays, as an exact tag does, and the report names it."""
    lead, image, other = Layout(tmp_path / "a"), OfEngine(builds.source("one")), builds.source("other")
    if stood:
        released(other, lead)
    report = finished(release_plain(of_engine(image, lead, Full(tmp_path / "b"))))
    assert report.exit_code == 1
    if stood:
        assert [one.status for one in report.repositories] == ["unchanged", "failed"]
        assert set(standing(lead).values()) == {other.digest}
    else:
        assert [one.status for one in report.repositories] == ["incomplete", "failed"]
        assert actions(report) == [("nightly", "create"), ("sha-1a2b3c4", "refuse")]
        assert standing(lead) == {"nightly": image.image.digest}


def test_a_push_that_another_build_overtook(tmp_path: Path, builds: Builds) -> None:
    class Overtaken(OfEngine):
        def stage(
            self, store: TagStore, tag: str, *, overwrite: bool = False, read_back: Callable[[], Manifest] | None = None
        ) -> Manifest:
            manifest = builds.source("other").stage(store, tag, overwrite=overwrite, read_back=read_back)
            raise overtaken_error(store.place, tag, manifest.digest)

    report = finished(release_plain(of_engine(Overtaken(builds.source("one")), Layout(tmp_path / "a"))))
    assert (report.exit_code, report.error and report.error.code) == (1, "OVERTAKEN")
    assert actions(report) == [("nightly", "refuse"), ("sha-1a2b3c4", "refuse")]


def test_a_push_that_fails_is_told(tmp_path: Path, builds: Builds) -> None:
    image = OfEngine(builds.source("one"))
    report = finished(release_plain(of_engine(image, Full(tmp_path / "a"), Layout(tmp_path / "b"))))
    assert (report.exit_code, [one.status for one in report.repositories]) == (1, ["failed", "unchanged"])


def test_a_pushed_image_that_is_refused_on_arrival(tmp_path: Path, builds: Builds) -> None:
    def arrived(*_: object) -> None:
        raise Refused("nobody signed it", code="NOT_VERIFIED")

    lead, image, other = Layout(tmp_path / "a"), OfEngine(builds.source("one")), builds.source("other")
    released(other, lead)
    report = finished(release_plain(of_engine(image, lead)._replace(arrived=arrived)))
    assert (report.exit_code, report.error and report.error.code) == (1, "NOT_VERIFIED")
    assert set(standing(lead).values()) == {other.digest}


def test_what_a_gate_refuses_is_not_written(tmp_path: Path, builds: Builds) -> None:
    def gate(_: Source) -> Passed:
        raise Refused("nobody signed it", code="NOT_VERIFIED")

    store = Layout(tmp_path / "a")
    report = finished(release_plain(job(builds.source("one"), store)._replace(gate=gate)))
    assert (report.exit_code, report.error and report.error.code) == (1, "NOT_VERIFIED")
    assert standing(store) == {}


def test_no_source_and_no_tag(tmp_path: Path, builds: Builds) -> None:
    store = Layout(tmp_path / "a")
    assert finished(release_plain(job(None, store))).exit_code == 2
    report = finished(release_plain(job(builds.source("one"), store, tags=())))
    assert (report.exit_code, report.error and report.error.code) == (2, "NO_TAG")
    planned = finished(plan_plain(job(None, store, tags=())))
    assert (planned.exit_code, [one.code for one in planned.warnings]) == (0, ["NO_TAG"])


def test_the_tags_of_versions_are_refused(tmp_path: Path, builds: Builds) -> None:
    def tags(rules: Rules) -> tuple[str, ...]:
        if rules.claims("2.1"):
            raise InputError("2.1 is a version's")
        return ("2.1",)

    store = Layout(tmp_path / "a")
    report = finished(release_plain(PlainRelease(tags, RULES, (store,), lambda: builds.source("one"))))
    assert (report.exit_code, standing(store)) == (2, {})
