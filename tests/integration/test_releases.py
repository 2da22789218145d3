"""Releases by the command line into real registries and layouts, read back by skopeo."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tagger.images.layout import Layout
from tagger.names import Repository
from tests.images.making import make_image, make_index
from tests.integration.commands import Ran, images, tagger
from tests.servers.registries import DockerRegistry

FIVE = ("2.1.3", "2.1.4", "3.0.1", "2.0.9", "3.1.0-rc.1")
TAGS = {
    "2.1.3": "2.1.3", "2.1.4": "2.1.4", "3.0.1": "3.0.1", "2.0.9": "2.0.9", "3.1.0-rc.1": "3.1.0-rc.1",
    "2.0": "2.0.9", "2.1": "2.1.4", "2": "2.1.4", "3.0": "3.0.1", "3": "3.0.1", "latest": "3.0.1",
}  # fmt: skip


@pytest.fixture
def builds(tmp_path: Path) -> Layout:
    """Multi-platform builds with attestations, one for each version."""
    layout = Layout(tmp_path / "builds")
    for version in FIVE:
        make_index(layout, f"app {version}", f"build-{version}")
    return layout


def release(builds: Layout, version: str, *repositories: object, environ: Mapping[str, str] | None = None) -> Ran:
    source = ("--source", f"oci:{builds.path}:build-{version}", "--version", version)
    return tagger("release", "--json", *images(*repositories), *source, environ=environ)


def login(registry: DockerRegistry) -> dict[str, str]:
    """Return the variables that hand over a registry's login and authority, as the action does."""
    environ = {"INPUT_CA-FILE": registry.ca_file}
    if registry.login:
        environ |= {"INPUT_USERNAME": registry.login[0], "INPUT_PASSWORD": registry.login[1]}
    return environ


def skopeo(*arguments: str) -> Any:
    result = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


class TestEveryRegistry:
    """Open, with a login, with TLS, with tokens: the same release."""

    @pytest.mark.parametrize("order", [FIVE, FIVE[::-1]])
    def test_five_releases_leave_eleven_tags(
        self, any_registry: DockerRegistry, name: str, builds: Layout, order: tuple[str, ...]
    ) -> None:
        place, environ = f"{any_registry.host}/{name}", login(any_registry)
        expected = {tag: builds.digests([f"build-{version}"])[f"build-{version}"] for tag, version in TAGS.items()}
        for version in order:
            ran = release(builds, version, place, environ=environ)
            assert (ran.code, ran.statuses) == (0, ["released"]), ran.err
            assert ran.document["digest"] == expected[version]
        with any_registry.client() as client:
            store = client.repository(Repository.parse(place))
            assert store.digests(tuple(store.tags())) == expected
        for version in order:
            ran = release(builds, version, place, environ=environ)
            assert (ran.code, ran.statuses, ran.document["changed"]) == (0, ["unchanged"], False)

    def test_skopeo_reads_it_byte_for_byte(self, open_registry: DockerRegistry, name: str, builds: Layout) -> None:
        place = f"{open_registry.host}/{name}"
        assert release(builds, "2.1.4", place, f"oci:{builds.path}-copy").code == 0
        raw = builds.manifest("build-2.1.4").content.decode()
        for source in (f"docker://{place}:2.1", f"oci:{builds.path}-copy:2.1"):
            read = subprocess.run(
                ["skopeo", "inspect", "--raw", "--tls-verify=false", source], capture_output=True, check=True
            )
            assert read.stdout.decode() == raw
        listed = skopeo("list-tags", "--tls-verify=false", f"docker://{place}")
        assert sorted(listed["Tags"]) == ["2", "2.1", "2.1.4", "latest"]

    def test_what_build_push_action_left_is_released_without_a_source(
        self, open_registry: DockerRegistry, name: str, builds: Layout
    ) -> None:
        place = f"{open_registry.host}/{name}"
        subprocess.run(
            ["skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--quiet",
             f"oci:{builds.path}:build-2.1.4", f"docker://{place}:2.1.4"], check=True, capture_output=True,
        )  # fmt: skip
        ran = tagger("release", "--json", *images(place), environ={"GITHUB_REF": "refs/tags/v2.1.4"})
        assert ran.code == 0, ran.err
        assert ran.document["version_from"] == "git-tag"
        actions = [(change["tag"], change["action"]) for change in ran.document["repositories"][0]["changes"]]
        assert actions == [("2.1.4", "keep"), ("2.1", "create"), ("2", "create"), ("latest", "create")]


class TestSeveralRegistries:
    """One digest everywhere, or nothing moved anywhere."""

    def test_with_one_down_nothing_moves_and_the_same_command_finishes(
        self, own_registry: DockerRegistry, open_registry: DockerRegistry, name: str, builds: Layout
    ) -> None:
        up, down = f"{open_registry.host}/{name}", f"{own_registry.host}/{name}"
        assert release(builds, "2.1.3", up, down).code == 0
        own_registry.stop()
        ran = release(builds, "2.1.4", up, down)
        assert (ran.code, ran.statuses) == (1, ["unchanged", "failed"])
        assert ran.document["repositories"][1]["error"]["code"] == "UNREACHABLE"
        with open_registry.client() as client:
            store = client.repository(Repository.parse(up))
            assert sorted(store.tags()) == ["2", "2.1", "2.1.3", "latest"]
        own_registry.start()
        ran = release(builds, "2.1.4", up, down)
        assert (ran.code, ran.statuses) == (0, ["released", "released"])
        assert len({change["after"] for o in ran.document["repositories"] for change in o["changes"]}) == 1

    def test_from_one_registry_to_another_by_digest(
        self, token_registry: DockerRegistry, open_registry: DockerRegistry, name: str, builds: Layout
    ) -> None:
        first, second = f"{token_registry.host}/{name}", f"{open_registry.host}/{name}"
        environ = login(token_registry) | {"INPUT_REGISTRY": token_registry.host}
        assert release(builds, "2.1.4", first, environ=environ).code == 0
        digest = builds.manifest("build-2.1.4").digest
        source = ("--source", f"docker://{first}@{digest}", "--version", "2.1.4")
        ran = tagger("release", "--json", *images(second), *source, environ=environ)
        assert (ran.code, ran.document["digest"]) == (0, digest), ran.err

    def test_a_wrong_password_is_said_once_and_nothing_is_written(
        self, login_registry: DockerRegistry, open_registry: DockerRegistry, name: str, builds: Layout
    ) -> None:
        environ = {"INPUT_REGISTRY": login_registry.host, "INPUT_USERNAME": "x", "INPUT_PASSWORD": "not-the-password"}
        places = f"{open_registry.host}/{name}", f"{login_registry.host}/{name}"
        ran = release(builds, "2.1.4", *places, environ=environ)
        assert (ran.code, ran.statuses) == (1, ["unchanged", "failed"])
        assert ran.document["repositories"][1]["error"]["code"] == "UNAUTHORIZED"
        assert "not-the-password" not in ran.out + ran.err
        with open_registry.client() as client:
            assert list(client.repository(Repository.parse(places[0])).tags()) == []


class TestLogins:
    """A login is found wherever docker's users keep theirs, and shows nowhere."""

    @pytest.mark.parametrize("where", ["single", "several", "docker-config", "home", "stdin", "helper"])
    def test_from_everywhere(
        self, login_registry: DockerRegistry, name: str, builds: Layout, tmp_path: Path, where: str
    ) -> None:
        assert login_registry.login is not None
        host, (user, password) = login_registry.host, login_registry.login
        words: tuple[str, ...] = ()
        environ = {"PATH": os.environ["PATH"]}
        match where:
            case "single":
                environ |= {"TAGGER_REGISTRY": host, "TAGGER_USERNAME": user, "TAGGER_PASSWORD": password}
            case "several":
                environ |= {"INPUT_LOGINS": f"other.example x y z\n{host} {user} {password}"}
            case "docker-config":
                environ |= {"DOCKER_CONFIG": str(login_registry.docker_config(tmp_path / "docker"))}
            case "home":
                login_registry.docker_config(tmp_path / ".docker")
                environ |= {"HOME": str(tmp_path)}
            case "stdin":
                words = ("--username", user, "--password-stdin")
            case "helper":
                config = tmp_path / "docker" / "config.json"
                config.parent.mkdir()
                config.write_text(json.dumps({"credHelpers": {host: "tests"}}))
                answer = json.dumps({"ServerURL": host, "Username": user, "Secret": password})
                helper = tmp_path / "docker-credential-tests"
                helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
                helper.chmod(0o755)
                environ |= {"DOCKER_CONFIG": str(config.parent), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        source = ("--source", f"oci:{builds.path}:build-2.1.4", "--version", "2.1.4")
        place = images(f"{host}/{name}")
        ran = tagger("release", "--json", *place, *source, *words, environ=environ, stdin=f"{password}\n")
        assert ran.code == 0, ran.err
        assert password not in ran.out + ran.err

    def test_without_one_the_ways_are_told(self, login_registry: DockerRegistry, name: str, builds: Layout) -> None:
        ran = release(builds, "2.1.4", f"{login_registry.host}/{name}")
        assert (ran.code, ran.document["error"]["code"]) == (1, "UNAUTHORIZED")
        for way in ("username", "TAGGER_LOGINS", "docker login"):
            assert way in ran.document["error"]["hint"]


class TestTwoBuildsOfOneVersion:
    """One holds every tag, the other run exits 1; never a mixture."""

    def test_at_the_same_moment(self, open_registry: DockerRegistry, name: str, tmp_path: Path) -> None:
        builds = Layout(tmp_path / "builds")
        built = [make_image(builds, f"build {number}", f"build-{number}").digest for number in range(4)]
        place = f"{open_registry.host}/{name}"
        command = [sys.executable, "entrypoint.py", "release", *images(place), "--version", "2.1.4"]
        running = [
            subprocess.Popen(
                [*command, "--source", f"oci:{builds.path}:build-{number}"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2],
            )
            for number in range(4)
        ]  # fmt: skip
        ended = [(process.communicate(timeout=60)[0], process.returncode) for process in running]
        with open_registry.client() as client:
            store = client.repository(Repository.parse(place))
            digests = store.digests(tuple(store.tags()))
        assert len(digests) == 4
        assert len(set(digests.values())) == 1, ended
        winner = list(map(str, built)).index(digests["latest"] or "")
        assert [code for _, code in ended] == [0 if number == winner else 1 for number in range(4)], ended


class TestSources:
    """A source that is not there is wrong input, and says what to do."""

    @pytest.mark.parametrize("wrong", ["docker://{host}/{name}:2.1.4", "{host}/{name}@sha256:" + "0" * 64])
    def test_missing_in_the_registry(self, open_registry: DockerRegistry, name: str, wrong: str) -> None:
        source = wrong.format(host=open_registry.host, name=name)
        arguments = ("--version", "2.1.4", "--source", source)
        ran = tagger("release", "--json", *images(f"{open_registry.host}/{name}"), *arguments)
        assert ran.code == 2
        assert ran.document["error"]["hint"] == "Push the build first, or check `--source`."


class TestTagsThatCannotBeTrusted:
    """What is listed is what stands there, also where it should not."""

    def test_two_spellings_are_reported(self, tmp_path: Path) -> None:
        store = Layout(tmp_path / "store")
        make_image(store, "one", "1.0.0")
        make_image(store, "other", "v1.0.0")
        ran = tagger("tags", "--json", *images(f"oci:{store.path}"))
        assert ran.code == 0
        assert "1.0.0 and v1.0.0 are spellings of one version" in ran.document["repositories"][0]["dispute"]
        assert "spellings of one version" in ran.err

    def test_a_tag_that_nobody_is_left_for_is_listed_where_it_points(self, tmp_path: Path) -> None:
        store = Layout(tmp_path / "store")
        make_image(store, "one", "1.0.0", "1.0", "1", "withdrawn-1.0.0")
        (listed,) = tagger("tags", "--json", *images(f"oci:{store.path}")).document["repositories"][0]["versions"]
        assert listed["tags"] == ["1.0.0", "1.0", "1"]
        assert listed["withdrawn"]
