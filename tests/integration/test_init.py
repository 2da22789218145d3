"""`init` from outside: the file that it writes is one under which `reconcile` changes nothing."""

import json
from pathlib import Path

import pytest

from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import tagger
from tests.servers.fixtures_registry import Opener
from tests.servers.small_registry import SmallRegistry

IMAGES = (
    "8.10.1 8.10 8 latest", "8.10.1-alpine3.23 8.10-alpine 8-alpine alpine 8.10-alpine3.23 8-alpine3.23 alpine3.23",
    "8.8.2 8.8", "8.8.2-alpine3.22 8.8-alpine 8.8-alpine3.22 8-alpine3.22 alpine3.22", "8.8.1",
    "9.0.0-rc.1", "nightly",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a repository in it."""
    monkeypatch.chdir(tmp_path)
    store = Layout(Path("app"))
    for tags in IMAGES:
        make_image(store, tags, *tags.split())
    return tmp_path


def test_it_proposes_and_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    ran = tagger("init", "oci:app", "--json")
    assert ran.code == 0
    document = ran.document
    assert (document["command"], document["written"], document["error"]) == ("init", None, None)
    assert document["settings"] == {
        "tags": ["{{version}}", "{{major}}.{{minor}}", "{{major}}", "latest"], "variants": ["alpine=alpine3.*"],
    }  # fmt: skip
    (repository,) = document["repositories"]
    assert (repository["repository"], repository["versions"]) == ("oci:app", 6)
    assert (repository["changes"], repository["unexplained"], repository["other"]) == ([], [], ["nightly"])
    assert sorted(folder.rglob("*")) == before
    text = tagger("init", "--image", "oci:app").out
    assert "`reconcile` would change nothing." in text
    assert "Of no version, and left alone (1): nightly" in text
    assert document["file"].partition("\n")[2] in text


def test_reconcile_changes_nothing_by_the_file_that_is_written(folder: Path) -> None:
    ran = tagger("init", "oci:app", "--write")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Written to .tagger.yml.")
    reconciled = tagger("reconcile", "--dry-run", "--json")
    assert (reconciled.code, reconciled.document["changed"]) == (0, False)
    assert reconciled.document["policy"]["source"] == "settings"
    assert len(reconciled.document["repositories"][0]["changes"]) == 14


def test_a_policy_that_stands_is_compared(folder: Path) -> None:
    assert tagger("init", "oci:app", "--json").document["policy"] == {"source": "default", "differs": []}
    assert tagger("policy", "set", "--image", "oci:app", "--variants", "alpine=alpine3.*").code == 0
    assert tagger("init", "oci:app", "--json").document["policy"] == {"source": "repository", "differs": []}
    assert "has a policy, which replaces the settings of any file, and says the same." in tagger("init", "oci:app").out
    assert tagger("policy", "set", "--image", "oci:app", "--scheme", "numeric").code == 0
    ran = tagger("init", "oci:app", "--json")
    assert ran.document["policy"] == {"source": "repository", "differs": ["scheme", "variants"]}
    assert "differs from this:\n  scheme: numeric\n  variants: nothing\n" in tagger("init", "oci:app").out


def test_a_file_is_never_overwritten(folder: Path) -> None:
    (folder / ".tagger.yml").write_text("images: [oci:app]\n")
    ran = tagger("init", "--write", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (2, "INVALID_INPUT")
    assert "there is a settings file already" in ran.document["error"]["message"]
    assert (folder / ".tagger.yml").read_text() == "images: [oci:app]\n"
    assert tagger("init").code == 0


def test_what_no_setting_explains_is_named(folder: Path) -> None:
    store = Layout(Path("app"))
    store.tag(store.manifest("8.8.1"), ["lts", "8.8-lts"])
    document = tagger("init", "oci:app", "--json").document
    assert document["repositories"][0]["unexplained"] == ["8.8-lts", "lts"]
    assert document["repositories"][0]["changes"] == []
    assert "# Not explained, and left alone: 8.8-lts lts\n" in document["file"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("oci:none",), 1, "does not exist"),
        (("oci:branches",), 1, "none of its 2 tags is a version"),
        (("oci:app", "--image", "oci:none"), 2, ""),
        ((), 2, "no image"),
    ],
)
def test_what_nothing_can_be_proposed_for(folder: Path, words: tuple[str, ...], code: int, message: str) -> None:
    make_image(Layout(folder / "branches"), "main", "main", "feature-2")
    ran = tagger("init", *words, "--json")
    assert ran.code == code
    assert message in json.dumps(ran.document["error"])


def test_a_repository_of_a_registry(opened: Opener, small_registry: SmallRegistry) -> None:
    store = opened(small_registry)
    for number in range(4):
        make_image(store, f"build {number}", f"22.0.{number // 2}-{number % 2}")
    store.tag(store.manifest("22.0.0-1"), ["22.0.0"])
    store.tag(store.manifest("22.0.1-1"), ["22.0.1", "22.0", "latest"])
    document = tagger("init", store.place, "--json").document
    assert document["settings"]["revisions"] == ["-N"]
    assert document["repositories"][0]["changes"] == []
    assert document["repositories"][0]["unexplained"] == []
