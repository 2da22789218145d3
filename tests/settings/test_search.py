"""The file of settings is found upwards, to the root of the git repository."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.settings.search import find_settings_file
from tests.settings.gathering import gather


def repository(folder: Path) -> Path:
    """Make the root of a git repository."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    return folder


def test_it_is_found_upwards_to_the_root(tmp_path: Path) -> None:
    root = repository(tmp_path / "repository")
    below = root / "a/b"
    below.mkdir(parents=True)
    (tmp_path / ".tagger.yml").write_text("images: [acme/outside]\n")
    assert find_settings_file(below) is None
    (root / ".tagger.yml").write_text("images: [acme/app]\nstable: <3\n")
    found = find_settings_file(below)
    assert found is not None
    assert found.resolve() == (root / ".tagger.yml").resolve()
    assert gather("plan", {}, {}, below).stable == "<3"
    assert gather("plan", {}, {}, below).origin("stable").endswith("a/b/../../.tagger.yml:2:9")
    (root / "a/.tagger.yaml").write_text("images: [acme/app]\nstable: <4\n")
    assert gather("plan", {}, {}, below).stable == "<4"


def test_outside_a_repository_it_is_in_the_working_folder_alone(tmp_path: Path) -> None:
    below = tmp_path / "a"
    below.mkdir()
    (tmp_path / ".tagger.yml").write_text("images: [acme/app]\n")
    assert find_settings_file(below) is None
    assert find_settings_file(tmp_path) == tmp_path / ".tagger.yml"


def test_both_spellings_contradict_each_other(tmp_path: Path) -> None:
    for name in (".tagger.yml", ".tagger.yaml"):
        (tmp_path / name).write_text("images: [acme/app]\n")
    with pytest.raises(InputError, match="two files of settings"):
        find_settings_file(tmp_path)


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("auths: {ghcr.io: {auth: aHVudGVyMg==}}\n")
    root = repository(tmp_path / "repository")
    (root / ".tagger.yml").symlink_to(tmp_path / "secret.yml")
    with pytest.raises(InputError, match="is a link out of the repository"):
        gather("config", {}, {}, root)
    (root / ".tagger.yml").unlink()
    (root / "shared.yml").write_text("images: [acme/app]\n")
    (root / ".tagger.yml").symlink_to("shared.yml")
    assert gather("config", {}, {}, root).images
