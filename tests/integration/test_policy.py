"""A repository that keeps its policy, from outside: jobs without a checkout, older branches, held releases."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "repository"


def build(folder: Path, text: str) -> str:
    """Build an image, and return its source."""
    make_image(Layout(folder / "builds"), text, text)
    return f"oci:{folder}/builds:{text}"


def event(folder: Path, action: str, tag: str, *, prerelease: bool) -> Mapping[str, str]:
    """Return the environment of a run that a release event started."""
    file = folder / f"{action}.json"
    file.write_text(json.dumps({"action": action, "release": {"tag_name": tag, "prerelease": prerelease}}))
    return {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "release", "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REF": f"refs/tags/{tag}", "GITHUB_SHA": "0" * 40,
    }  # fmt: skip


def release(place: Path, version: str, *words: str, command: str = "release") -> Ran:
    """Release a version, and return how that ended."""
    image = ("--image", f"oci:{place}")
    return tagger(command, *image, "--source", build(place.parent, version), "--version", version, "--json", *words)


def standing(place: Path) -> Mapping[str, str]:
    """Return the tags of the repository, each with the version whose image it holds, or its digest."""
    found = {tag: digest or "" for tag, digest in Layout(place).digests(tuple(Layout(place).tags())).items()}
    versions = {digest: tag for tag, digest in found.items() if tag.count(".") > 1 and tag[:1].isdecimal()}
    return {tag: versions.get(digest, digest) for tag, digest in found.items()}


class TestPolicy:
    """`policy set`, and what follows."""

    def test_jobs_without_a_checkout_decide_alike(self, place: Path, tmp_path: Path) -> None:
        (tmp_path / ".tagger.yml").write_text(f"images: ['oci:{place}']\nscheme: numeric\nstable: '<30'\n")
        assert tagger("policy", "set", "--json").code == 0
        assert release(place, "25.8.1.4").code == 0
        (tmp_path / ".tagger.yml").unlink()
        ran = release(place, "25.8.2.1")
        assert ran.code == 0, ran.err
        assert ran.document["policy"] == {"source": "repository", "differs": []}
        assert release(place, "31.0.0.1").code == 0
        assert standing(place)["latest"] == "25.8.2.1"
        before = standing(place)
        ran = tagger("reconcile", "--image", f"oci:{place}", "--json")
        assert (ran.code, ran.document["changed"], standing(place)) == (0, False, before)
        listed = tagger("tags", "--image", f"oci:{place}", "--json").document["repositories"][0]
        assert [one["version"] for one in listed["versions"]] == ["31.0.0.1", "25.8.2.1", "25.8.1.4"]
        assert listed["other"] == []
        planned = release(place, "25.8.3.1", command="plan")
        assert planned.document["policy"]["source"] == "repository"
        assert "25.8.3.1" in planned.document["tags"]

    def test_what_only_other_rules_forbid_is_no_objection(self, place: Path) -> None:
        image = ("--image", f"oci:{place}")
        assert tagger("policy", "set", *image, "--scheme", "numeric", "--mixed-parts").code == 0
        for version in ("15.4", "15.5.1", "14.9"):
            for command in ("plan", "release"):
                ran = release(place, version, command=command)
                assert ran.code == 0, ran.err
        assert standing(place)["latest"] == "15.5.1"
        assert tagger("policy", "set", *image, "--scheme", "numeric").code == 0
        ran = release(place, "16.0")
        assert (ran.code, ran.document["error"]["code"]) == (2, "MIXED_PARTS")

    def test_the_version_of_the_git_tag_is_read_by_the_policy(self, place: Path) -> None:
        assert tagger("policy", "set", "--image", f"oci:{place}", "--scheme", "calver").code == 0
        ran = tagger(
            "release", "--image", f"oci:{place}", "--source", build(place.parent, "2026.07.1"), "--json",
            environ={"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v2026.07.1"},
        )  # fmt: skip
        assert ran.code == 0, ran.err
        assert standing(place)["2026.07"] == "2026.07.1"
        ran = release(place, "nonsense")
        assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")
        assert "calver" in ran.document["error"]["message"]

    def test_what_contradicts_it_is_refused_or_told(self, place: Path, tmp_path: Path) -> None:
        assert tagger("policy", "set", "--image", f"oci:{place}", "--stable", "<3").code == 0
        ran = release(place, "2.0.0", "--stable", "<9")
        assert (ran.code, ran.document["error"]["code"]) == (2, "POLICY")
        assert (ran.document["policy"]["differs"], "2.0.0" in standing(place)) == (["stable"], False)
        assert release(place, "2.0.0", "--stable", "< 3").code == 0
        (tmp_path / ".tagger.yml").write_text("stable: '<9'\n")
        ran = release(place, "4.0.0")
        assert ran.code == 0
        assert [one["code"] for one in ran.document["warnings"]] == ["POLICY"]
        assert standing(place)["latest"] == "2.0.0"

    def test_a_variant_that_is_none_of_the_policy_is_refused_first(self, place: Path) -> None:
        assert tagger("policy", "set", "--image", f"oci:{place}", "--variants", "slim").code == 0
        assert release(place, "2.0.0").code == 0
        for version in ("2.0.0", "2.0.1"):
            ran = release(place, version, "--variant", "alpine")
            assert (ran.code, ran.document["error"]["code"]) == (2, "POLICY")
            assert "variant: alpine" in ran.document["error"]["message"]

    def test_it_is_shown_set_and_unset(self, place: Path) -> None:
        image = ("--image", f"oci:{place}")
        assert "no policy" in tagger("policy", *image).out
        assert tagger("policy", "set", *image, "--stable", "<3", "--dry-run").code == 0
        assert not place.exists()
        assert tagger("policy", "set", *image, "--stable", "<3").code == 0
        assert "stable: <3" in " ".join(tagger("policy", *image).out.split())
        assert release(place, "2.0.0", "--require-policy").code == 0
        assert tagger("policy", "unset", *image).code == 0
        ran = release(place, "2.0.1", "--require-policy")
        assert (ran.code, ran.document["error"]["code"]) == (1, "POLICY")
        assert tagger("policy", "drop", *image).code == 2

    def test_components_that_share_a_repository_have_none(self, place: Path, tmp_path: Path) -> None:
        assert tagger("policy", "set", "--image", f"oci:{place}", "--stable", "<3").code == 0
        (tmp_path / ".tagger.yml").write_text(
            f"images: ['oci:{place}']\ncomponents:\n  one: {{tag-prefix: one/}}\n  two: {{images: ['oci:other']}}\n"
            "  three: {tag-prefix: three/}\n"
        )
        source = build(tmp_path, "4.0.0")
        for name, shared in (("one", True), ("three", True), ("two", False)):
            ran = tagger("release", "--only", name, "--source", source, "--version", "4.0.0", "--json")
            assert ran.code == 0, ran.err
            assert any("share a repository" in one["message"] for one in ran.document["warnings"]) == shared
        assert tagger("policy", "set", "--only", "one").code == 2
        assert tagger("policy", "set", "--only", "two").code == 0

    @pytest.mark.usefixtures("place")
    def test_a_plan_without_a_registry_names_where_its_rules_came_from(self) -> None:
        for words, source in ((), "default"), (("--stable", "<3"), "settings"):
            ran = tagger("plan", "--published-from", "none", "--version", "2.0.0", "--json", *words)
            assert (ran.code, ran.document["policy"]["source"]) == (0, source)

    @pytest.mark.parametrize("template", ["tagger-policy", "held-{{version}}", "withdrawn-{{sha}}"])
    def test_reserved_names(self, place: Path, template: str) -> None:
        ran = release(place, "2.0.0", "--tag", "{{version}}", "--tag", template)
        assert (ran.code, "reserved" in ran.document["error"]["message"]) == (2, True)


class TestHolds:
    """`hold`, and release events."""

    def test_a_held_version_waits(self, place: Path) -> None:
        assert release(place, "1.0.0").code == 0
        planned = release(place, "2.0.0", "--hold", "true", command="plan")
        ran = release(place, "2.0.0", "--hold", "true")
        assert (ran.code, ran.document["held"]) == (0, True)
        actions = [(change["tag"], change["action"]) for change in ran.document["repositories"][0]["changes"]]
        assert actions == [("held-2.0.0", "create"), ("2.0.0", "create"), ("latest", "hold")]
        assert actions == [(one["tag"], one["action"]) for one in planned.document["repositories"][0]["changes"]]
        again = release(place, "2.0.0", "--hold", "true")
        assert (again.code, again.document["changed"], again.document["held"]) == (0, False, True)
        plain = release(place, "2.0.0")
        assert (plain.code, plain.document["changed"], plain.document["held"]) == (0, False, True)
        assert any("approve" in one["message"] for one in plain.document["warnings"])
        assert release(place, "1.0.1").code == 0
        assert standing(place)["latest"] == "1.0.1"
        listed = tagger("tags", "--image", f"oci:{place}", "--json").document["repositories"][0]["versions"]
        assert [one["held"] for one in listed] == [True, False, False]
        ran = tagger("approve", "2.0.0", "--image", f"oci:{place}", "--json")
        assert (ran.code, ran.document["command"], ran.statuses) == (0, "approve", ["approved"])
        assert standing(place)["latest"] == "2.0.0"
        ran = release(place, "2.0.0", "--hold", "true")
        assert (ran.code, ran.document["error"]["code"]) == (1, "IN_FORCE")

    def test_what_holds_a_held_version_is_put_back(self, place: Path) -> None:
        """A floating tag that somebody pointed at the image of a held version goes to whom it belongs."""
        assert release(place, "1.0.0").code == 0
        assert release(place, "2.0.0", "--hold", "true").code == 0
        layout = Layout(place)
        layout.tag(layout.manifest("2.0.0"), ["latest"])
        assert release(place, "2.0.0").code == 0
        assert standing(place)["latest"] == "1.0.0"

    def test_each_activity_of_a_release(self, place: Path, tmp_path: Path) -> None:
        def run(action: str, tag: str, *, prerelease: bool, source: str = "") -> Ran:
            words = ("--source", source) if source else ()
            environ = event(tmp_path, action, tag, prerelease=prerelease)
            return tagger("release", "--image", f"oci:{place}", "--json", *words, environ=environ)

        assert release(place, "1.0.0").code == 0
        new = build(tmp_path, "2.0.0")
        for action in ("created", "deleted", "unpublished"):
            ran = run(action, "v2.0.0", prerelease=True, source=new)
            assert (ran.code, ran.document["changed"], "2.0.0" in standing(place)) == (0, False, False)
            assert [one["code"] for one in ran.document["warnings"]] == ["NOTHING_TO_DO"]
        ran = run("published", "v2.0.0", prerelease=True, source=new)
        assert (ran.code, ran.document["held"]) == (0, True)
        assert standing(place)["latest"] == "1.0.0"
        assert not run("edited", "v2.0.0", prerelease=True, source=new).document["changed"]
        ran = run("released", "v2.0.0", prerelease=False, source="oci:nowhere:at-all")
        assert (ran.code, ran.document["held"]) == (0, False), ran.err
        assert (ran.document["command"], ran.statuses) == ("release", ["approved"])
        assert standing(place)["latest"] == "2.0.0"
        for action, prerelease in (("published", True), ("prereleased", True), ("edited", True), ("released", False)):
            ran = run(action, "v2.0.0", prerelease=prerelease, source=new)
            assert (ran.code, ran.document["changed"], ran.document["held"]) == (0, False, False), action
        assert run("published", "v3.0.0-rc.1", prerelease=True, source=build(tmp_path, "3.0.0-rc.1")).code == 0
        assert not [tag for tag in standing(place) if tag.startswith("held-")]

    def test_a_payload_that_cannot_be_read(self, place: Path, tmp_path: Path) -> None:
        environ = {**event(tmp_path, "published", "v2.0.0", prerelease=True), "GITHUB_EVENT_PATH": "/nowhere"}
        words = ("release", "--image", f"oci:{place}", "--source", build(tmp_path, "2.0.0"), "--json")
        ran = tagger(*words, environ=environ)
        assert (ran.code, place.exists()) == (2, False)
        assert tagger(*words, "--hold", "false", environ=environ).code == 0
