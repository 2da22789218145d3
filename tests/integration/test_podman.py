"""Podman's engine behind DOCKER_HOST: plans, releases, pushes; archives of `podman save`; its own hints."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.commands import tagger
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine, podman_engine


@pytest.fixture
def podman(registry: Distribution) -> Iterator[Engine]:
    """Podman's engine, which reaches the registry of this test by plain HTTP."""
    with podman_engine([registry.host]) as found:
        yield found


def imported(engine: Engine, folder: Path, *names: str) -> str:
    """Give the engine an image of one file, under these names."""
    (folder / "content").write_text(names[0])
    archive = subprocess.run(["tar", "-c", "-C", str(folder), "content"], check=True, capture_output=True).stdout
    image = engine.docker("import", "-", names[0], content=archive).removeprefix("sha256:").split(":")[0]
    for name in names[1:]:
        engine.docker("tag", names[0], name)
    return image


def test_plan_release_and_push(podman: Engine, registry: Distribution, tmp_path: Path) -> None:
    imported(podman, tmp_path, "app:build", "app:2.0.9")
    place = f"{registry.host}/acme/app"
    words = ("--image", place, "--source", "docker-daemon:app:build", "--version", "2.1.4", "--json")
    environ = dict(podman.environ)
    assert tagger("plan", *words, environ=environ).document["tags"] == ["2.1.4", "2.1", "2", "latest"]
    ran = tagger("release", *words, environ=environ)
    assert (ran.code, ran.statuses) == (0, ["released"]), ran.err
    again = tagger("release", *words, environ=environ)
    assert (again.code, again.document["changed"]) == (0, False)
    ran = tagger("push", "app", "--only", "2.0.9", "--image", place, "--json", environ=environ)
    assert (ran.code, ran.statuses) == (0, ["pushed"]), ran.err
    native = ["podman", "--url", podman.host, "tag", "app:build", "localhost/native:1.0.0"]
    subprocess.run(native, check=True, capture_output=True)
    ran = tagger("push", "native", "--image", f"{place}-native", "--json", environ=environ)
    assert (ran.code, ran.statuses) == (0, ["pushed"]), ran.err


def test_an_archive_of_podman_save(podman: Engine, tmp_path: Path) -> None:
    imported(podman, tmp_path, "app:build")
    for form, kind in (("docker-archive", "docker-archive"), ("oci-archive", "oci-archive")):
        file = tmp_path / f"{form}.tar"
        command = ["podman", "--url", podman.host, "save", "--format", form, "--output", str(file), "app:build"]
        subprocess.run(command, check=True, capture_output=True)
        ran = tagger(
            "release", "--image", f"oci:{tmp_path}/{form}", "--source", f"{kind}:{file}", "--version", "2.1.4", "--json"
        )
        assert (ran.code, ran.statuses) == (0, ["released"]), ran.err


def test_the_hint_names_the_files_of_podman(registry: Distribution, tmp_path: Path) -> None:
    with podman_engine() as podman:
        imported(podman, tmp_path, "app:build")
        ran = tagger(
            "release", "--image", f"{registry.host}/acme/app", "--source", "docker-daemon:app:build", "--version",
            "2.1.4", "--json", environ=dict(podman.environ),
        )  # fmt: skip
    hint = ran.document["repositories"][0]["error"]["hint"]
    assert ran.code == 1
    assert f'[[registry]] location = "{registry.host}" insecure = true' in hint
    assert "daemon.json" not in hint
