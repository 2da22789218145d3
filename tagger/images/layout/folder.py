"""The directory of a layout: its lock, and files that are written completely or not at all."""

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tagger.errors import InputError, StoreError
from tagger.images.files import PATIENCE, disk_hint
from tagger.images.layout.index import LAYOUT_FILE, broken
from tagger.names import ALGORITHMS, check_digest
from tagger.workspace import read_regular

__all__ = ["Folder", "open_regular"]

LAYOUT_VERSION = "1.0.0"
UNFINISHED = ".tagger-"
"""The start of the names of unfinished files. The next writer removes those of a writer that crashed."""
LARGEST_LAYOUT_FILE = 64 * 1024
_LAYOUTS = "Name a layout, an empty directory, or one that does not exist yet."


class Folder:
    """A directory that is a layout, or may become one.

    Every file is written under another name and then renamed. Writers take turns by a lock on the directory (flock).
    """

    def __init__(self, path: str | Path, say: Callable[[str], None]) -> None:
        """Make the object, without access to the disk. `say` gets a sentence for the terminal while the run waits."""
        if not str(path) or "\0" in str(path):
            raise InputError(f"{str(path)!r} is not a directory", "Write oci:DIR, as in oci:build/demo.")
        self.path = Path(path)
        self.place = f"oci:{path}"
        self._say = say
        self._stopped = False

    def stop(self) -> None:
        """Refuse all further writes. A copy in progress ends with an error."""
        self._stopped = True

    def blob_path(self, digest: str) -> Path:
        """Return the path of the blob with a digest. Raise `InputError`."""
        known = check_digest(digest)
        return self.path / "blobs" / known.algorithm / known.encoded

    def standing(self) -> Path:
        """Return the directory, or the nearest one above it that exists."""
        return next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())

    def check_ours(self) -> None:
        """Raise `InputError` where the path is not a layout and cannot become one, `StoreError` for a broken layout."""
        try:
            version = json.loads(read_regular(self.path / LAYOUT_FILE, LARGEST_LAYOUT_FILE))
        except (FileNotFoundError, NotADirectoryError):
            standing = self.standing()
            if not standing.is_dir():
                raise InputError(f"{self.place}: {standing} is not a directory", _LAYOUTS) from None
            others = standing == self.path and any(not path.name.startswith(UNFINISHED) for path in self.path.iterdir())
            if others and not (self.path / LAYOUT_FILE).exists():  # a writer makes this file first
                raise InputError(
                    f"{self.place} is not empty and not a layout: it has no {LAYOUT_FILE}", _LAYOUTS
                ) from None
        except (ValueError, RecursionError) as error:
            raise self.broken(f"{LAYOUT_FILE} cannot be read: {error}") from error
        else:
            if not isinstance(version, dict) or version.get("imageLayoutVersion") != LAYOUT_VERSION:
                raise self.broken(f"{LAYOUT_FILE} does not have the version {LAYOUT_VERSION}")

    def check_going_on(self) -> None:
        """Raise `StoreError` where this run was stopped."""
        if self._stopped:
            raise StoreError("stopped", code="STOPPED", place=self.place)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the directory against other writers, and make it a layout where it is none yet."""
        self.check_going_on()
        with self.translate_errors():
            self.check_ours()
            _make_folders(self.path)
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._wait_for_lock(folder)
                self._clear()
                self.check_ours()
                if not (self.path / LAYOUT_FILE).exists():
                    with self.file(self.path / LAYOUT_FILE) as file:
                        file.write(json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode())
                self._check_no_link()
                _make_folders(self.path / "blobs" / "sha256")
                yield
            finally:
                os.close(folder)

    def _wait_for_lock(self, folder: int) -> None:
        """Take the lock. Where another program holds it, say so, and wait for it or until this run is stopped."""
        said, since = False, time.monotonic()
        while True:
            self.check_going_on()
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not said and time.monotonic() - since > PATIENCE:
                    said = True
                    self._say(f"{self.place} is locked by another program: waiting for it")
                time.sleep(0.02)
            else:
                return

    def _check_no_link(self) -> None:
        """Raise `StoreError` where a folder of the layout is a link, so that files would be written elsewhere."""
        for folder in (self.path / "blobs", *(self.path / "blobs" / name for name in ALGORITHMS)):
            if folder.is_symlink():
                raise self.broken(f"{folder} is a link")

    @contextmanager
    def file(self, path: Path) -> Iterator[BinaryIO]:
        """Write a file that appears under its name when it is complete, or not at all."""
        with self.translate_errors():
            while True:
                unfinished = self.path / f"{UNFINISHED}{os.urandom(8).hex()}"
                file = unfinished.open("xb")
                fcntl.flock(file, fcntl.LOCK_SH)
                if os.fstat(file.fileno()).st_nlink:
                    break
                file.close()  # another writer took it for a crashed writer's file, and removed it
            try:
                with file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                    _make_folders(path.parent)
                    unfinished.replace(path)
                _sync(path.parent)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise

    def _clear(self) -> None:
        """Remove the unfinished files of crashed writers. A running writer holds a lock on its file, which stays."""
        for path in self.path.glob(f"{UNFINISHED}*"):
            with suppress(OSError), os.fdopen(open_regular(path), "rb") as file:  # it may be a folder or a FIFO
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn errors of the file system into our errors."""
        try:
            yield
        except OSError as error:
            raise self.error_of(error) from error

    def error_of(self, error: OSError) -> StoreError:
        """Return our error for an error of the file system."""
        code = "DENIED" if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else "FAILED"
        message = f"{error.strerror}: {error.filename or self.path}"
        return StoreError(message, disk_hint(error), code=code, place=self.place)

    def broken(self, message: str) -> StoreError:
        """Return the error of an invalid layout."""
        return broken(self.place, message)


def open_regular(path: Path) -> int:
    """Open a regular file for reading. Raise `OSError` for anything else, such as a FIFO, which could block."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def _make_folders(folder: Path) -> None:
    """Make a folder and its parents, so that they survive a power failure too. Raise `OSError`."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync(one.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
