"""Finds the settings file, in the working folder or above it in the same git repository."""

from pathlib import Path

from tagger.errors import InputError
from tagger.settings.run_options import CONFIG
from tagger.workspace import is_regular, repository_root

__all__ = ["find_settings_file"]

NAMES = (CONFIG, ".tagger.yaml")


def find_settings_file(folder: Path, workspace: str = "") -> Path | None:
    """Return the nearest settings file, from `folder` upwards to the root of its git repository; None without one.

    Outside a repository only `folder` counts. `workspace` is the runner's GITHUB_WORKSPACE. Raise `InputError` where a
    folder has both names, or where the file is a link out of the repository.
    """
    try:
        depth = len(folder.resolve().parts)
    except OSError:  # the working folder was removed
        return None
    root = repository_root(folder, workspace)
    for level in range(depth - len(root.parts) + 1 if root else 1):
        found = [path for name in NAMES if is_regular(path := folder.joinpath(*[".."] * level, name))]
        if len(found) > 1:
            raise InputError(f"there are two files of settings: {found[0]} and {found[1]}", "Keep one of them.")
        if found:
            return _inside(found[0], root or folder)
    return None


def _inside(path: Path, root: Path) -> Path:
    """Return `path`. Raise `InputError` where it is a link out of `root`: what it leads to would be shown."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{path} is a link out of the repository", "Keep the settings file in the repository.")
    return path
