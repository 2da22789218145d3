"""The folder of a run: which repository it is in, whom that belongs to, and files that are read within a bound."""

import os
from pathlib import Path

import pytest

from tagger.workspace import is_regular, read_regular, repository_root


def make_repository(folder: Path) -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A repository of another user, as an action that is root finds the runner's."""
    folder = make_repository(tmp_path / "foreign")
    (folder / "sub" / "deeper").mkdir(parents=True)
    for path in (folder, folder / ".git"):
        os.chown(path, 12345, 12345)
    return folder


class TestRepositoryRoot:
    def test_upwards(self, tmp_path: Path) -> None:
        folder = make_repository(tmp_path / "a")
        (folder / "b" / "c").mkdir(parents=True)
        assert [repository_root(folder / name) for name in (".", "b", "b/c", "b/../b")] == [folder] * 4

    def test_the_nearest(self, tmp_path: Path) -> None:
        make_repository(tmp_path)
        (tmp_path / "b" / ".git").mkdir(parents=True)  # without a HEAD it is none
        assert repository_root(tmp_path / "b") == tmp_path
        (tmp_path / "c").mkdir()
        (tmp_path / "c" / ".git").write_text("gitdir: ../.git/worktrees/c\n")
        assert repository_root(tmp_path / "c") == tmp_path / "c"

    def test_one_of_another_user_counts_in_the_workspace_itself(self, foreign: Path) -> None:
        assert repository_root(foreign) == foreign

    def test_one_of_another_user_does_not_count_above_it(self, foreign: Path) -> None:
        assert repository_root(foreign / "sub") is None

    def test_the_runner_says_what_the_workspace_is(self, foreign: Path) -> None:
        assert repository_root(foreign / "sub" / "deeper", str(foreign)) == foreign
        assert repository_root(foreign / "sub" / "deeper", str(foreign / "sub")) is None
        assert repository_root(foreign / "sub", str(foreign.parent / "elsewhere")) is None

    def test_a_folder_that_is_gone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert repository_root(Path()) is None


class TestReading:
    def test_a_file_within_the_bound(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"12345")
        assert read_regular(tmp_path / "file", 5) == b"12345"
        with pytest.raises(OSError, match="longer than 4 bytes"):
            read_regular(tmp_path / "file", 4)

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero"), tmp_path / "nothing", tmp_path / ("x" * 300)):
            assert not is_regular(path)
            with pytest.raises(OSError, match=r"."):
                read_regular(path)
