"""Git repositories, made by the git program."""

import os
import subprocess
from pathlib import Path

ENVIRON = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def git(folder: Path, *arguments: str, stdin: str = "", **environ: str) -> str:
    """Run git in `folder`, with nobody's configuration, and return what it prints."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=stdin,
        env={**ENVIRON, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def make_repository(folder: Path, *, commits: int = 1, object_format: str = "sha1") -> Path:
    """Make a repository with a branch `main` of so many commits."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main", f"--object-format={object_format}")
    for number in range(commits):
        commit(folder, f"commit {number}")
    return folder


def commit(folder: Path, message: str = "more") -> str:
    """Commit nothing, and return the commit."""
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")
