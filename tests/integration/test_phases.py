"""What each command is at, from outside: the phases that a verbose run tells, and a terminal draws."""

import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import tagger
from tests.servers.small_registry import SmallRegistry

PHASE = r"[a-z][a-z ]+(?:, \d+ of \d+)?"
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def phases(small_registry: SmallRegistry) -> Callable[..., Sequence[str]]:
    """Run a command over a repository of three versions, and return what it was at, there or at another place."""
    place = f"{small_registry.host}/acme/app"
    for version in VERSIONS:
        make_image(Layout("builds"), version, version)
        assert tagger("release", place, version, "--source", f"oci:builds:{version}").code == 0

    def run(*words: str, at: str = "") -> Sequence[str]:
        ran = tagger(*(word.format(place=place) for word in words), "--verbose")
        assert ran.code == 0, ran.err
        found = re.findall(rf"^{re.escape(at.format(place=place) or place)}: (.*)$", ran.err, re.MULTILINE)
        events = ("staged", "pointed", "removed", "verified")
        told = [text for text in found if re.fullmatch(PHASE, text) and not text.startswith(events)]
        return list(dict.fromkeys(told))

    return run


def saved(path: Path, layer: bytes) -> None:
    """Write an archive as `docker save` did before version 25."""
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
        }
    ).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["app:build"], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        for name, content in (
            ("config.json", config),
            ("layer.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


COPIED = ["checking the image", "copying", "pointing tags", "looking again"]


def test_a_copy_between_registries(phases: Callable[..., Sequence[str]]) -> None:
    words = ("release", "--image", "oci:mirror", "--version", "2.0.0", "--source", "docker://{place}:2.0.0")
    assert phases(*words, at="oci:mirror") == COPIED
    assert phases(*words, at="{place}") == []  # a second run copies nothing
    assert phases(*(word.replace("mirror", "other") for word in words)) == ["read from"]


def test_an_archive(phases: Callable[..., Sequence[str]]) -> None:
    saved(Path("saved.tar"), os.urandom(100_000))
    told = phases("release", "{place}", "2.0.1", "--source", "docker-archive:saved.tar")
    assert told == ["checking the image", "compressing layers", "copying", "pointing tags", "looking again"]


def test_an_archive_under_a_tag_of_no_version(phases: Callable[..., Sequence[str]]) -> None:
    saved(Path("saved.tar"), os.urandom(100_000))
    told = phases("release", "{place}", "--version", "none", "--tag", "nightly", "--source", "docker-archive:saved.tar")
    assert told[:2] == ["compressing layers", "copying"]


def test_an_archive_among_several_builds(phases: Callable[..., Sequence[str]]) -> None:
    saved(Path("saved.tar"), os.urandom(100_000))
    make_image(Layout("legs"), "arm64", "arm64", platform="linux/arm64")
    sources = ("--source", "docker-archive:saved.tar", "--source", "oci:legs:arm64")
    assert "compressing layers" in phases("release", "{place}", "2.0.1", *sources, "--force")


def test_several_builds(phases: Callable[..., Sequence[str]]) -> None:
    for platform in ("linux/amd64", "linux/arm64"):
        make_image(Layout("legs"), platform, platform.rpartition("/")[2], platform=platform)
    sources = ("--source", "oci:legs:amd64", "--source", "oci:legs:arm64")
    assert phases("release", "{place}", "2.0.1", *sources) == COPIED
    merged = phases("release", "--image", "oci:mirror", "--version", "2.0.2", "--source", "docker://{place}:1.0.0",
                    "--source", "oci:legs:arm64", "--force")  # fmt: skip
    assert merged == ["reading the builds", "read from"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "withdraw 2.0.0 --image {place}",
            ["setting marks", "pointing tags", "removing tags, 0 of 2", "removing tags, 2 of 2", "looking again"],
        ),
        ("delete 1.0.0 --image {place} --force", ["removing tags, 0 of 1", "looking again"]),
        ("check --image {place}", ["checking what is allowed", "comparing tags and platforms", "asking as a stranger"]),
        ("tags {place} --long", [f"reading images, {number} of 3" for number in range(4)]),
        ("policy set --image {place}", ["storing the policy", "setting marks"]),
        ("reconcile {place}", []),
    ],
)
def test_a_command(words: str, told: Sequence[str], phases: Callable[..., Sequence[str]]) -> None:
    assert phases(*words.split()) == told


def test_putting_right(phases: Callable[..., Sequence[str]], small_registry: SmallRegistry) -> None:
    image = next(iter(small_registry.asked("GET", "tags"))).name
    small_registry.remove(image, "latest")
    assert phases("reconcile", "{place}") == ["pointing tags", "looking again"]


def test_pruning(phases: Callable[..., Sequence[str]]) -> None:
    told = phases(
        "prune", "--image", "{place}", "--keep", "major=1 minor=1 patch=1", "--grace", "0d", "--yes", "--force"
    )
    assert told[:2] == ["reading how old images are", "reading manifests, 1 of 3"]
    assert told[-2:] == ["deleting images, 2 of 2", "looking again"]
