"""The exact tag holds another image: the same commit again, another one, and two builds in two repositories."""

import json
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tagger.images.manifests import OCI_INDEX, OCI_MANIFEST, Manifest
from tagger.images.sources import ContentSource
from tagger.operations.prepare import Release
from tagger.operations.release import plan, release
from tagger.results import Report
from tests.images.making import EMPTY_CONFIG, describe, make_image, make_index, put, put_manifest
from tests.operations.running import RULES, finished, standing

REVISION = "org.opencontainers.image.revision"
SHA, OTHER = "a" * 40, "b" * 40
VERSION = RULES.scheme.parse("2.1.4")


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "builds")


def built(builds: Layout, text: str, revision: str = SHA) -> Manifest:
    """Return an image of two platforms, built of a commit; empty is none that it names."""
    return make_index(builds, text, labels={REVISION: revision} if revision else {}, attestations=False)


def with_provenance(builds: Layout, image: Manifest, revision: str, *, slsa: int) -> Manifest:
    """Return an index of one platform, with the provenance that BuildKit attaches."""
    vcs = {"vcs": {"revision": revision}}
    predicate = {
        0: {"metadata": {"https://mobyproject.org/buildkit@v1#metadata": vcs}},
        1: {"runDetails": {"metadata": {"buildkit_metadata": vcs}}},
    }[slsa]
    layer = put(builds, json.dumps({"predicate": predicate}).encode(), "application/vnd.in-toto+json").to_json()
    layer["annotations"] = {"in-toto.io/predicate-type": f"https://slsa.dev/provenance/v{slsa}"}
    document = {"config": put(builds, b"{}", EMPTY_CONFIG).to_json(), "layers": [layer]}
    attestation = describe(put_manifest(builds, OCI_MANIFEST, document), "unknown/unknown")
    attestation["annotations"] = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image.digest,
    }
    return put_manifest(builds, OCI_INDEX, {"manifests": [describe(image, "linux/amd64"), attestation]})


def run(
    builds: Layout,
    image: Manifest,
    *stores: Layout,
    on_conflict: str = "revision",
    commit: str = SHA,
    dry: bool = False,
) -> Report:
    """Release an image as 2.1.4, or plan that."""
    source = ContentSource(builds, image.digest, "oci:builds")
    job = Release((VERSION,), RULES, stores, source, on_conflict=on_conflict, commit=lambda: commit)
    return finished(plan(job) if dry else release(job))


class TestOneCommit:
    """By default a second build of one commit finishes what the first began."""

    def test_all_jobs_run_again_finish_a_release(self, builds: Layout, tmp_path: Path) -> None:
        first, second = built(builds, "first"), built(builds, "second")
        half, empty = Layout(tmp_path / "half"), Layout(tmp_path / "empty")
        ContentSource(builds, first.digest, "first").stage(half, "2.1.4")
        planned = run(builds, second, half, empty, dry=True)
        report = run(builds, second, half, empty)
        for one in (planned, report):
            assert (one.exit_code, one.changed, one.digest) == (0, True, first.digest)
            assert [warning.code for warning in one.warnings] == ["KEPT"]
        for store in (half, empty):
            assert standing(store) == dict.fromkeys(("2.1.4", "2.1", "2", "latest"), first.digest)
        again = run(builds, second, half, empty)
        assert (again.exit_code, again.changed) == (0, False)

    @pytest.mark.parametrize(
        ("first", "second", "commit"),
        [(SHA, OTHER, ""), (SHA, "", ""), ("", "", ""), ("", "", SHA), (OTHER, OTHER, SHA)],
        ids=["another commit", "one names none", "none", "none, though it is known", "the base image's"],
    )
    def test_another_commit_is_refused(
        self, builds: Layout, tmp_path: Path, first: str, second: str, commit: str
    ) -> None:
        store = Layout(tmp_path / "store")
        run(builds, built(builds, "first", first), store)
        before = standing(store)
        report = run(builds, built(builds, "second", second), store, commit=commit)
        assert (report.exit_code, report.error and report.error.code) == (1, "CONFLICT")
        assert standing(store) == before

    def test_one_platform_of_another_commit_is_refused(self, builds: Layout, tmp_path: Path) -> None:
        store = Layout(tmp_path / "store")
        run(builds, built(builds, "first"), store)
        images = [
            make_image(builds, "mixed", platform=platform, labels={REVISION: revision})
            for platform, revision in (("linux/amd64", SHA), ("linux/arm64", OTHER))
        ]
        document = {"manifests": [describe(images[0], "linux/amd64"), describe(images[1], "linux/arm64")]}
        report = run(builds, put_manifest(builds, OCI_INDEX, document), store)
        assert (report.exit_code, report.error and report.error.code) == (1, "CONFLICT")

    @pytest.mark.parametrize("slsa", [0, 1])
    def test_provenance_names_the_commit(self, builds: Layout, tmp_path: Path, slsa: int) -> None:
        store = Layout(tmp_path / "store")
        first, second = (
            with_provenance(builds, make_image(builds, text), SHA, slsa=slsa) for text in ("first", "second")
        )
        run(builds, first, store)
        report = run(builds, second, store)
        assert (report.exit_code, report.digest) == (0, first.digest)
        foreign = with_provenance(builds, make_image(builds, "third", labels={REVISION: SHA}), OTHER, slsa=slsa)
        assert run(builds, foreign, store).exit_code == 1

    def test_the_same_platforms_are_one_build(self, builds: Layout, tmp_path: Path) -> None:
        store = Layout(tmp_path / "store")
        image = make_image(builds, "app")
        first, second = (with_provenance(builds, image, revision, slsa=1) for revision in (SHA, OTHER))
        run(builds, first, store)
        assert run(builds, second, store).digest == first.digest


class TestTwoBuilds:
    """Repositories that hold different builds of one version: nobody can say which is the release."""

    @pytest.mark.parametrize("on_conflict", ["revision", "fail", "keep"])
    @pytest.mark.parametrize("source", ["first", "second", "third"])
    def test_they_are_refused_and_all_named(
        self, builds: Layout, tmp_path: Path, on_conflict: str, source: str
    ) -> None:
        images = {text: built(builds, text) for text in ("first", "second", "third")}
        x, y = Layout(tmp_path / "x"), Layout(tmp_path / "y")
        for store, text in ((x, "first"), (y, "second")):
            ContentSource(builds, images[text].digest, text).stage(store, "2.1.4")
        before = standing(x), standing(y)
        report = run(builds, images[source], x, y, on_conflict=on_conflict)
        assert report.exit_code == 1
        errors = [report.error, *(outcome.error for outcome in report.repositories)]
        assert {error.code for error in errors if error} == {"CONFLICT"}
        if on_conflict != "fail":
            assert report.error is not None
            assert all(image.digest in report.error.message for text, image in images.items() if text != "third")
        assert (standing(x), standing(y)) == before

    def test_overwrite_puts_one_everywhere(self, builds: Layout, tmp_path: Path) -> None:
        images = {text: built(builds, text) for text in ("first", "second", "third")}
        x, y = Layout(tmp_path / "x"), Layout(tmp_path / "y")
        for store, text in ((x, "first"), (y, "second")):
            ContentSource(builds, images[text].digest, text).stage(store, "2.1.4")
        report = run(builds, images["third"], x, y, on_conflict="overwrite")
        assert (report.exit_code, report.digest) == (0, images["third"].digest)
        assert standing(x) == standing(y)
