"""What git knows of a working folder: its commit, its branch and its tags, read without a git program."""

# `dulwich` reads refs and objects. Its `Repo` is not used: it refuses the partial clones of a sparse checkout.
# No configuration of a repository is read or run; `tagger.workspace` decides which repository counts.

import errno
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tagger.errors import InputError, TaggerError
from tagger.workspace import is_regular, read_regular, repository_root

if TYPE_CHECKING:  # dulwich takes 60 ms to import, and most runs know their tag from GITHUB_REF
    from dulwich.object_store import DiskObjectStore
    from dulwich.objects import ObjectID
    from dulwich.refs import RefsContainer

__all__ = ["Checkout", "GitFacts", "checkouts_read_once", "commit_time", "git_facts", "git_tags", "read_checkout"]

FETCH_TAGS = "In the workflow, give actions/checkout `fetch-depth: 0`, or `fetch-tags: true`."
_TAGS = b"refs/tags/"
_BRANCHES = b"refs/heads/"
_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMITTER = re.compile(rb"^committer .*> ([0-9]{1,12}) [+-][0-9]{4}$", re.M)  # git-commit, "Date formats"


class Checkout(NamedTuple):
    """What git knows of a working folder.

    `head` is the commit, empty before the first one; `branch` is empty where none is checked out; `tags` are all tag
    names, `at_head` those at the commit itself; a `shallow` clone may lack others.
    """

    head: str
    branch: str
    tags: tuple[str, ...]
    at_head: tuple[str, ...]
    shallow: bool


class GitFacts(NamedTuple):
    """The commit and the branch of a build, each empty where there is none; a branch may hold slashes."""

    sha: str
    branch: str


def git_facts(workspace: Path, environ: Mapping[str, str]) -> GitFacts:
    """Return the commit and the branch of a build: those of the workflow, else those of the working folder.

    A pull request has no branch here: the person who opens it chooses that name. Raise `InputError` where the folder's
    repository cannot be read.
    """
    if sha := environ.get("GITHUB_SHA", ""):
        branch = environ.get("GITHUB_REF", "").removeprefix("refs/heads/")
        return GitFacts(sha, "" if branch.startswith("refs/") else branch)
    checkout = read_checkout(workspace, environ.get("GITHUB_WORKSPACE", ""))
    return GitFacts(checkout.head, checkout.branch) if checkout else GitFacts("", "")


def git_tags(workspace: Path, within: str = "") -> list[str]:
    """Return every tag name of the workspace's repository.

    Raise `InputError` where there is none, and where it is a shallow clone that has no tag but its own commit's.
    """
    checkout = read_checkout(workspace, within)
    if checkout is None:
        raise InputError(f"{workspace} is not in a git repository", "Check the repository out first.")
    if checkout.shallow and len(checkout.tags) == len(checkout.at_head):
        raise InputError("the git repository is a shallow clone without its tags", FETCH_TAGS)
    return list(checkout.tags)


def read_checkout(folder: Path, within: str = "") -> Checkout | None:
    """Return what git knows of `folder`, None where it is in no repository. Raise `InputError` for a broken one.

    `within` is the runner's workspace, whose repository counts whoever owns it.
    """
    return _cache.read(folder, within)


def commit_time(folder: Path, sha: str, within: str = "") -> datetime | None:
    """Return when a commit was made, by its committer; None where it is not in the repository of `folder`.

    Raise `InputError` for a broken repository.
    """
    if not _COMMIT.fullmatch(sha.encode()):
        return None
    with _readable(folder):
        from dulwich.objects import ObjectID

        root = repository_root(folder, within)
        places = _git_folders(root) if root else None
        if places is None:
            return None
        objects = _objects(places[1], len(sha))
        try:
            kind, content = objects.get_raw(ObjectID(sha.encode()))
        except KeyError:
            return None
        finally:
            objects.close()
        made = _COMMITTER.search(content.partition(b"\n\n")[0]) if kind == 1 else None
        return datetime.fromtimestamp(int(made[1]), UTC) if made else None


@contextmanager
def checkouts_read_once() -> Iterator[None]:
    """Read each checkout only once inside this context: the components of a run share it."""
    _cache.keeps = {}
    try:
        yield
    finally:
        _cache.keeps = None


class _CheckoutCache:
    """A cache of checkouts, for as long as it is on; one thread reads while the others wait."""

    def __init__(self) -> None:
        self.keeps: dict[tuple[str, str], Checkout | None] | None = None
        self._lock = threading.Lock()

    def read(self, folder: Path, within: str) -> Checkout | None:
        """Return what git knows of a folder."""
        if self.keeps is None:
            return _read_folder(folder, within)
        key = (str(folder), within)
        with self._lock:
            if key not in self.keeps:
                self.keeps[key] = _read_folder(folder, within)
            return self.keeps[key]


_cache = _CheckoutCache()


def _read_folder(folder: Path, within: str) -> Checkout | None:
    with _readable(folder):
        root = repository_root(folder, within)
        places = _git_folders(root) if root else None
        return _read(*places) if places else None


def _read(git_folder: Path, common_folder: Path) -> Checkout:
    from dulwich.objects import ObjectID
    from dulwich.refs import HEADREF, Ref

    refs, head_refs = _refs(git_folder, common_folder)
    if not head_refs.read_ref(HEADREF):
        raise InputError(f"{git_folder / 'HEAD'} cannot be read", "Check the repository out again.")
    followed, _ = head_refs.follow(HEADREF)
    branch = followed[-1] if followed[-1].startswith(_BRANCHES) else b""
    # In a worktree of a repository with reftables, HEAD stands apart from the branches.
    head = (refs.follow(Ref(branch)) if branch else head_refs.follow(HEADREF))[1] or b""
    if head and not _COMMIT.fullmatch(head):
        raise InputError(f"{git_folder / 'HEAD'} leads to no commit", "Check the repository out again.")
    tags = refs.as_dict(Ref(_TAGS.rstrip(b"/")))
    objects = _objects(common_folder, len(head))

    def commit(name: bytes, sha: ObjectID) -> bytes:
        peeled = sha if sha == head else refs.get_peeled(Ref(_TAGS + name))
        while peeled is None:
            kind, content = objects.get_raw(sha)
            if kind == 4:  # a tag object: "object SHA\ntype …"; gitformat-pack, "object types"
                sha = ObjectID(content.split(b"\n", 1)[0].removeprefix(b"object "))
            else:
                peeled = sha
        return peeled

    try:
        at_head = [name for name, sha in tags.items() if head and commit(name, sha) == head]
    finally:
        objects.close()
    return Checkout(
        head=head.decode("ascii"),
        branch=_text(branch.removeprefix(_BRANCHES)),
        tags=tuple(sorted(map(_text, tags))),
        at_head=tuple(sorted(map(_text, at_head))),
        shallow=(common_folder / "shallow").exists(),
    )


def _objects(common_folder: Path, length: int) -> "DiskObjectStore":
    """Return the objects of a repository whose commits have names of `length` digits."""
    from dulwich.object_format import SHA1, SHA256
    from dulwich.object_store import DiskObjectStore

    class Objects(DiskObjectStore):
        def _get_shafile_path(self, sha: "ObjectID") -> str:
            path = Path(super()._get_shafile_path(sha))
            if path.exists() and not is_regular(path):
                raise OSError(errno.EINVAL, "it is no regular file", str(path))
            return str(path)

    return Objects(common_folder / "objects", object_format=SHA256 if length == 64 else SHA1)


def _refs(git_folder: Path, common_folder: Path) -> tuple["RefsContainer", "RefsContainer"]:
    """Return the refs that worktrees share, and those that HEAD is among."""
    if (common_folder / "reftable").is_dir():
        from dulwich.reftable import ReftableRefsContainer

        refs = ReftableRefsContainer(str(common_folder))
        return refs, refs if git_folder == common_folder else ReftableRefsContainer(str(git_folder))
    from dulwich.refs import DiskRefsContainer

    disk = DiskRefsContainer(common_folder, git_folder)
    return disk, disk


def _git_folders(root: Path) -> tuple[Path, Path] | None:
    """Return the git folder of a working folder and the one that its worktrees share (gitrepository-layout)."""
    git_folder = root / ".git"
    if git_folder.is_file():
        target = read_regular(git_folder).decode().removeprefix("gitdir:").strip()
        git_folder = root / target
        if not git_folder.is_dir():
            raise InputError(
                f"{root / '.git'} names {target}, which is not here",
                "Mount the whole repository, or check it out again; a worktree needs its main repository.",
            )
    if not (git_folder / "HEAD").exists():
        return None
    common = git_folder / "commondir"
    shared = git_folder / read_regular(common).decode().strip() if common.exists() else git_folder
    _check_files(git_folder, shared)
    return git_folder, shared


def _check_files(git_folder: Path, common_folder: Path) -> None:
    """Raise `InputError` for what git never makes: a link out of the repository, a FIFO, a device.

    Through such a link another file could be shown as a ref; the library would wait for a FIFO.
    """
    inside = [folder.resolve() for folder in (git_folder, common_folder)]
    walk = (entry for top in {*inside} for name in ("refs", "reftable") for entry in os.walk(top / name))
    found = (Path(folder, name) for folder, folders, names in walk for name in (*folders, *names))
    objects = common_folder / "objects"
    others = (objects / "info/alternates", *objects.glob("pack/*"))
    for path in (git_folder / "HEAD", common_folder / "packed-refs", common_folder / "refs", *found, *others):
        if path.is_symlink() and not any(path.resolve().is_relative_to(folder) for folder in inside):
            raise InputError(f"{path} is a link out of the repository", "Check the repository out again.")
        if path.exists() and not is_regular(path) and not path.is_dir():
            raise InputError(f"{path} is no regular file", "Check the repository out again.")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except TaggerError:
        raise
    except Exception as error:  # what the library raises for a damaged repository has no common base
        raise InputError(
            f"the git repository of {folder} cannot be read: {type(error).__name__}: {error}",
            "Check it out again, or leave git-tag out of `version-from`.",
        ) from error
