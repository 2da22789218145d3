"""The folder that a run works in: the root of its repository, and its files, read with a size limit."""

import errno
import os
import stat
from pathlib import Path
from typing import TextIO

__all__ = ["FILE_BOUND", "is_regular", "open_to_write", "read_regular", "read_text", "repository_root"]

FILE_BOUND = 1024 * 1024
"""The most bytes of a settings file, or of one that holds a version."""


def read_regular(path: Path, bound: int = FILE_BOUND) -> bytes:
    """Return the content of a regular file. Raise `OSError` for another one, as a FIFO, and for one too long."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO without a writer would wait
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        content: bytes | None = file.read(bound + 1)
    if content is None:  # a read that would wait, as of /proc/kmsg
        raise OSError(errno.EINVAL, "nothing can be read from it", str(path))
    if len(content) > bound:
        raise OSError(errno.EFBIG, f"it is longer than {bound:,} bytes", str(path))
    return content


def open_to_write(path: Path, *, append: bool = False) -> TextIO:
    """Open a file for text in UTF-8, a new one if need be. Raise `OSError`, also for a FIFO that nobody reads."""
    how = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | (os.O_APPEND if append else os.O_TRUNC)
    descriptor = os.open(path, how, 0o666)  # without O_NONBLOCK a FIFO without a reader would wait
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")


def read_text(path: Path) -> str:
    """Return the text of a regular file, in UTF-8 with or without a mark. Raise `OSError`, `UnicodeError`."""
    return read_regular(path).decode("utf-8-sig")


def is_regular(path: Path) -> bool:
    """Say whether there is a regular file; False too where that cannot be found out."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def repository_root(folder: Path, workspace: str = "") -> Path | None:
    """Return the nearest folder upwards, `folder` too, that holds a `.git`; None outside a repository.

    A `.git` above the workspace counts only where this user owns it: anybody may make one in a shared folder (git's
    `safe.directory`). The workspace is `folder`, and whatever lies in `workspace`, the runner's GITHUB_WORKSPACE,
    which an action reads as root though another user owns it.
    """
    try:
        here = folder.resolve()
    except OSError:  # the working folder was removed
        return None
    trusted = Path(workspace).resolve() if workspace else here
    for parent in (here, *here.parents):
        git = parent / ".git"
        if git.is_file() or (git / "HEAD").exists():
            inside = parent == here or (here.is_relative_to(trusted) and parent.is_relative_to(trusted))
            return parent if inside or _is_owned(parent) else None
    return None


def _is_owned(folder: Path) -> bool:
    try:
        return all(path.stat().st_uid == os.geteuid() for path in (folder, folder / ".git"))
    except OSError:
        return False
