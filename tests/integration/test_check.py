"""`check`, from outside: real registries of distribution, small ones with other habits, and layouts."""

import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import attach, make_image, make_index
from tests.integration.commands import Ran, images, tagger
from tests.servers.distribution import distribution
from tests.servers.own_apis import Harbor, HubApi
from tests.servers.registries import DockerRegistry
from tests.servers.small_registry import SmallRegistry
from tests.version_from.repositories import git, make_repository


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def release(version: str, *places: object, text: str = "", environ: Mapping[str, str] | None = None) -> None:
    """Release an image that was built from `text`, else from its version."""
    builds = Layout(Path("builds"))
    make_image(builds, text or version, "built")
    words = ("--source", "oci:builds:built", "--version", version, "--platforms", "any")
    ran = tagger("release", *images(*places), *words, environ=environ)
    assert ran.code == 0, ran.err


def check(*places: object, more: Collection[str] = (), environ: Mapping[str, str] | None = None) -> Ran:
    """Check repositories, and return how that ended."""
    return tagger("check", *images(*places), "--json", *more, environ=environ)


def codes(ran: Ran, level: str = "error") -> list[str]:
    """Return the codes of one level, each once."""
    document = ran.document
    return list(dict.fromkeys(one["code"] for one in document["findings"] + document["notes"] if one["level"] == level))


def test_a_sound_repository(open_registry: DockerRegistry, name: str) -> None:
    place = f"{open_registry.host}/{name}"
    release("2.1.4", place)
    before = open_registry.running.requests() if open_registry.running else []
    ran = check(place, more=["--public"])
    assert (ran.code, ran.document["findings"], ran.document["error"]) == (0, [], None)
    assert codes(ran, "note") == ["LOGIN", "PUSH", "DELETE", "SEVERAL_TAGS", "IMMUTABILITY", "PUBLIC", "POLICY"]
    assert ran.document["repositories"] == [{"repository": place, "errors": 0, "warnings": 0}]
    asked = (open_registry.running.requests() if open_registry.running else [])[len(before) :]
    written = {request.split("?")[0] for request in asked if not request.startswith(("GET", "HEAD"))}
    assert not [request for request in written if request.startswith(("PUT", "PATCH"))]
    deleted = [request for request in written if request.startswith("DELETE") and "uploads" not in request]
    assert all("tagger-check-" in request or "manifests/sha256:" in request for request in deleted)
    said = tagger("check", "--image", place)
    assert (said.code, "nothing is wrong" in said.out, said.err) == (0, True, "")


def test_a_repository_that_is_not_there_yet(open_registry: DockerRegistry, name: str) -> None:
    ran = check(f"{open_registry.host}/{name}", more=["--public"])
    assert (ran.code, ran.document["findings"]) == (0, [])
    assert "NAME_UNKNOWN" in codes(ran, "note")
    assert check("oci:nowhere").code == 0
    assert not Path("nowhere").exists()


def test_a_registry_that_does_not_answer_keeps_none_of_the_others() -> None:
    release("1.0.0", "oci:app")
    ran = check("127.0.0.1:1/acme/app", "oci:app", more=["--retries", "0", "--timeout", "1"])
    assert (ran.code, codes(ran)) == (1, ["UNREACHABLE"])
    assert ran.document["repositories"][1] == {"repository": "oci:app", "errors": 0, "warnings": 0}
    assert ran.document["findings"][0]["hint"]


def test_logins(login_registry: DockerRegistry, token_registry: DockerRegistry, name: str) -> None:
    # The token server of the tests lets everybody pull, and the other registry nobody.
    for registry, without, public in (
        (login_registry, "UNAUTHORIZED", ["NOT_PUBLIC"]),
        (token_registry, "DENIED", []),
    ):
        place = f"{registry.host}/{name}"
        trusted = {"TAGGER_CA_FILE": registry.ca_file}
        ran = check(place, environ=trusted)
        assert (ran.code, codes(ran)) == (1, [without])
        user, password = registry.login or ("", "")
        wrong = {"TAGGER_LOGINS": f"{registry.host} {user} wrong", **trusted}
        assert codes(check(place, environ=wrong)) == ["UNAUTHORIZED"]
        right = {"TAGGER_LOGINS": f"{registry.host} {user} {password}", **trusted}
        release("1.0.0", place, environ=right)
        ran = check(place, more=["--public"], environ=right)
        assert (ran.code, codes(ran)) == (len(public), public)
        assert password not in ran.out + ran.err


def test_what_can_be_deleted(tmp_path: Path) -> None:
    with distribution(tmp_path / "registry", delete=False) as registry:
        place = f"{registry.host}/acme/app"
        release("1.0.0", place)
        ran = check(place)
        assert (ran.code, codes(ran, "warning")) == (0, ["DELETE"])
        assert "REGISTRY_STORAGE_DELETE_ENABLED" in ran.document["findings"][0]["hint"]
    with SmallRegistry(announced=False) as small:
        place = f"{small.host}/acme/app"
        release("1.0.0", place)
        before = dict(small.tags("acme/app"))
        notes = {one["code"]: one["message"] for one in check(place).document["notes"]}
        assert (notes["DELETE"], notes["SEVERAL_TAGS"]) == (
            "tags can be deleted", "the first release finds out whether one request sets several tags",
        )  # fmt: skip
        assert small.tags("acme/app") == before
        assert not small.store.uploads


def test_drift_and_what_is_left_over(small_registry: SmallRegistry) -> None:
    place = f"{small_registry.host}/acme/app"
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        release(version, place)
    stored = small_registry.store.repositories["acme/app"]
    small_registry.remove("acme/app", "1")
    stored.tag("latest", stored.tags["1.0.0"])
    stored.tag("0.9", stored.tags["1.0.0"])
    stored.tag("2.0.0-alpine", stored.tags["1.0.0"])
    stored.tag("nightly", f"sha256:{'0' * 64}")
    ran = check(place)
    assert ran.code == 1
    messages = [one["message"] for one in ran.document["findings"] if one["code"] == "DRIFTED"]
    assert [message.split()[0] for message in messages] == ["1", "latest"]
    assert all(one["hint"] for one in ran.document["findings"] if one["level"] == "error")
    assert codes(ran, "warning") == ["ORPHANED", "UNDECLARED"]
    assert tagger("reconcile", "--image", place, "--force").code == 0
    assert codes(check(place)) == []


def test_a_lost_manifest_and_a_listing_that_omits(small_registry: SmallRegistry) -> None:
    place = f"{small_registry.host}/acme/app"
    for version in ("1.0.0", "2.0.0"):
        release(version, place)
    stored = small_registry.store.repositories["acme/app"]
    stored.tag("latest", f"sha256:{'0' * 64}")
    ran = check(place)
    assert (ran.code, codes(ran)) == (1, ["MANIFEST_UNKNOWN"])
    stored.tag("latest", stored.tags["2.0.0"])
    stored.tag("v2.0.0", stored.tags["1.0.0"])
    assert "AMBIGUOUS_VERSION" in codes(check(place))


def test_platforms_missing_against_the_version_before(tmp_path: Path) -> None:
    store = Layout(tmp_path / "app")
    make_index(store, "old", "1.0.0", "1.0")
    make_index(store, "new", "1.1.0", "1.1", "1", "latest", platforms=["linux/amd64"])
    ran = check("oci:app")
    assert (ran.code, codes(ran)) == (1, ["PLATFORMS"])
    assert ran.document["error"]["message"] == "oci:app: 1.1.0 lacks linux/arm64: 1.0.0 has them"
    assert check("oci:app", more=["--platforms", "any"]).code == 0
    assert codes(check("oci:app", more=["--platforms", "linux/amd64 linux/s390x"])) == ["PLATFORMS"]


def test_an_unfinished_release() -> None:
    for version in ("1.0.0", "1.0.1"):
        release(version, "oci:one")
    release("1.0.0", "oci:two")
    ran = check("oci:one", "oci:two")
    (finding,) = ran.document["findings"]
    assert (ran.code, finding["code"], finding["repository"]) == (1, "UNFINISHED", "oci:two")
    assert finding["message"].startswith("1.0.1 ")
    release("1.0.1", "oci:one", "oci:two")
    assert check("oci:one", "oci:two").code == 0
    release("0.9.0", "oci:one")
    ran = check("oci:one", "oci:two")
    assert (ran.code, codes(ran, "warning")) == (0, ["UNFINISHED"])
    assert tagger("withdraw", "1.0.1", "--image", "oci:one").code == 0
    assert codes(check("oci:one", "oci:two")) == ["UNFINISHED"]
    assert tagger("withdraw", "1.0.1", "--image", "oci:two").code == 0
    assert codes(check("oci:one", "oci:two")) == []


def test_two_builds_of_one_version() -> None:
    release("1.0.0", "oci:one", text="one")
    release("1.0.0", "oci:two", text="other")
    assert codes(check("oci:one", "oci:two")) == ["CONFLICT"]


def test_versions_of_git_tags_that_no_repository_has(tmp_path: Path) -> None:
    make_repository(tmp_path)
    for tag in ("v0.1.0", "v1.0.0", "v1.1.0", "api/v9.0.0", "a-word"):
        git(tmp_path, "tag", tag)
    release("1.0.0", "oci:app")
    ran = check("oci:app")
    assert (ran.code, codes(ran), codes(ran, "warning")) == (1, ["NOT_RELEASED"], ["NOT_RELEASED"])
    assert "1.1.0" in ran.document["error"]["message"]
    assert "9.0.0" in check("oci:app", more=["--tag-prefix", "api/"]).document["error"]["message"]
    release("1.1.0", "oci:app")
    assert check("oci:app").code == 0


def test_policies() -> None:
    for place in ("oci:one", "oci:two"):
        assert tagger("policy", "set", "--image", place, "--stable", "<3").code == 0
    ran = check("oci:one", "oci:two")
    assert (ran.code, ran.document["notes"][-1]["message"]) == (0, "the policy that the repository keeps decides")
    assert codes(check("oci:one", more=["--stable", "<9"])) == ["POLICY"]
    assert tagger("policy", "set", "--image", "oci:two", "--stable", "<4").code == 0
    assert codes(check("oci:one", "oci:two")) == ["POLICY"]


def test_in_a_workflow(tmp_path: Path) -> None:
    store = Layout(tmp_path / "app")
    image = make_image(store, "one", "1.0.0")
    attach(store, image)
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    files = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    ran = tagger("check", "--image", "oci:app", environ={"GITHUB_ACTIONS": "true", **files})
    assert ran.code == 1
    (annotation,) = (line for line in ran.out.splitlines() if line.startswith("::error "))
    first, second, third, hint = annotation.split("%0A")
    assert first.startswith("::error title=Failed::oci:app: 1.0 is missing")
    assert (second[:12], third[:17]) == ("1 is missing", "latest is missing")
    assert hint.startswith("`reconcile` puts")
    assert summary.read_text().startswith("### Check: 3 errors")
    assert json.loads(outputs.read_text().splitlines()[1])["command"] == "check"


def test_an_annotation_names_ten_of_many(tmp_path: Path) -> None:
    for minor in range(9):
        make_image(Layout(tmp_path / "app"), "one", f"1.{minor}.0")
    ran = tagger("check", "--image", "oci:app", environ={"GITHUB_ACTIONS": "true"})
    (annotation,) = (line for line in ran.out.splitlines() if line.startswith("::error "))
    *found, more, _ = annotation.split("%0A")
    assert (len(found), more) == (10, "and 1 more")


def test_it_is_folded_at_the_width_of_its_reader(small_registry: SmallRegistry) -> None:
    release("1.0.0", f"{small_registry.host}/acme/app")
    small_registry.deletes = False
    for width in (60, 200):
        ran = tagger("check", "--image", f"{small_registry.host}/acme/app", environ={"COLUMNS": str(width)})
        assert "REGISTRY_STORAGE_DELETE_ENABLED=true" in ran.out
        lines = ran.out.splitlines()
        assert (max(map(len, lines)) <= width, len(lines) > 18) == (True, width == 60), ran.out


def test_another_api_that_does_not_answer_hides_nothing_else(small_registry: SmallRegistry) -> None:
    environ = {
        "TAGGER_ENDPOINTS": f"ghcr.io={small_registry.host}\napi.github.com=127.0.0.1:1",
        "TAGGER_GITHUB_TOKEN": "ghp_right",
    }
    release("2.1.4", "ghcr.io/acme/app", environ=environ)
    ran = check("ghcr.io/acme/app", more=["--public", "--retries", "0"], environ=environ)
    assert (ran.code, codes(ran, "warning")) == (0, ["API"])
    assert codes(ran, "note") == ["LOGIN", "PUSH", "SEVERAL_TAGS", "IMMUTABILITY", "PUBLIC", "POLICY"]


def test_settings_that_are_wrong() -> None:
    ran = check(more=["--stable", "nonsense"])
    assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")


OPEN = ("note", "exact tags can be overwritten, as 2.1.4: no rule makes them immutable")


def immutability(ran: Ran) -> list[tuple[str, str]]:
    """Return what is said of immutable tags."""
    found = ran.document["findings"] + ran.document["notes"]
    return [(one["level"], one["message"]) for one in found if one["code"] == "IMMUTABILITY"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"enabled": False, "rules": []},
            [OPEN],
        ),
        ({"enabled": True, "rules": [r"[0-9]+\.[0-9]+\.[0-9]+"]}, [("note", "exact tags are immutable")]),
        (
            {"enabled": True, "rules": ["[0-9.]+"]},
            [
                ("error", "2.1 is immutable, and has to move"),
                ("error", "2 is immutable, and has to move"),
                ("note", "exact tags are immutable"),
            ],
        ),
        (
            {"enabled": True, "rules": ["(a+)+"]},
            [("note", "the registry does not say which tags are immutable: floating tags must not be")],
        ),
    ],
)
def test_what_docker_hub_protects(
    small_registry: SmallRegistry, settings: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    with HubApi(small_registry) as api:
        api.immutable = settings
        led = {"TAGGER_ENDPOINTS": f"docker.io={small_registry.host}\nhub.docker.com={api.host}"}
        environ = {**led, "TAGGER_USERNAME": api.user, "TAGGER_PASSWORD": api.secret, "TAGGER_REGISTRY": "docker.io"}
        release("2.1.4", "acme/app", environ=environ)
        ran = check("acme/app", environ=environ)
        assert sorted(immutability(ran)) == sorted(expected)
        assert ran.code == int(any(level == "error" for level, _ in expected))
        hints = [
            one["hint"] for one in ran.document["findings"] + ran.document["notes"] if one["code"] == "IMMUTABILITY"
        ]
        assert expected == [("note", "exact tags are immutable")] or any("rule" in hint for hint in hints)


@pytest.mark.parametrize(
    ("pattern", "decoration", "scope", "expected"),
    [
        ("*.*.*", "matches", "**", ("note", "exact tags are immutable")),
        ("{latest,[0-9]}", "excludes", "app*", ("error", "2.1 is immutable, and has to move")),
        (
            "*.*.*",
            "matches",
            "other",
            OPEN,
        ),
    ],
)
def test_what_harbor_protects(pattern: str, decoration: str, scope: str, expected: tuple[str, str]) -> None:
    with Harbor() as harbor:
        environ = {"TAGGER_LOGINS": f"{harbor.host} robot$acme right"}
        release("2.1.4", f"{harbor.host}/acme/app", environ=environ)
        scopes = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": scope}]}
        selectors = [{"kind": "doublestar", "decoration": decoration, "pattern": pattern}]
        harbor.rules = [
            {"disabled": False, "tag_selectors": selectors, "scope_selectors": scopes},
            {
                "disabled": True,
                "tag_selectors": [{"decoration": "matches", "pattern": "**"}],
                "scope_selectors": scopes,
            },
        ]
        assert expected in immutability(check(f"{harbor.host}/acme/app", environ=environ))


@pytest.mark.parametrize("pattern", ["**" * 40 + "z", "*a" * 40 + "z", "{**,**}" * 20 + "z", "{" * 500, "[z-a]"])
def test_patterns_of_harbor_take_no_time(pattern: str) -> None:
    """They are the registry's own, and are matched with a name that it knows."""
    name = "acme/an-application-with-a-name-of-many-letters"
    with Harbor() as harbor:
        environ = {"TAGGER_LOGINS": f"{harbor.host} robot$acme right"}
        release("2.1.4", f"{harbor.host}/{name}", environ=environ)
        selector = {"kind": "doublestar", "decoration": "matches", "pattern": pattern}
        harbor.rules = [{"tag_selectors": [selector], "scope_selectors": {"repository": [selector]}}]
        began = time.monotonic()
        immutability(check(f"{harbor.host}/{name}", environ=environ))
        assert time.monotonic() - began < 5
