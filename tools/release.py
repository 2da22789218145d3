"""The steps of release.yml with logic: check the version, write the image into action.yml, commit and tag.

python tools/release.py check v1.2.3             the tag, the code and the changelog name one version, not released yet
python tools/release.py name IMAGE@DIGEST        action.yml runs this image in place of the Dockerfile
python tools/release.py commit v1.2.3 IMAGE@DIGEST    make that commit and its tag, and push the tag, once
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = re.compile(r"^(  image:) .*$", re.MULTILINE)
PINNED = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
SECTION = re.compile(r"^## \[([0-9][^\]]*)\][^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BOT = ("-c", "user.name=github-actions[bot]", "-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com")


def main(words: list[str]) -> None:
    """Run the step that the words name. Raise `SystemExit` with the problem, or with the usage for unknown words."""
    match words:
        case ["check", tag]:
            check(tag, ROOT)
        case ["name", image]:
            name(image, ROOT)
        case ["commit", tag, image]:
            commit(tag, image, ROOT)
        case _:
            raise SystemExit(__doc__)


def check(tag: str, root: Path) -> None:
    """Raise `SystemExit` unless the tag, `__version__` and the newest section of the changelog are one version.

    The section is the only one of its version, and is not empty. The tag does not stand yet, or names an image that was
    built from this commit, in an earlier run.
    """
    sections = SECTION.findall((root / "CHANGELOG.md").read_text())
    said = {
        "the tag": tag,
        "tagger/__init__.py": _version(root / "tagger/__init__.py"),
        "CHANGELOG.md": f"v{sections[0][0]}" if sections else "no version",
    }
    if len(set(said.values())) > 1:
        raise SystemExit("These must be one tag: " + ", ".join(f"{where} says {text}" for where, text in said.items()))
    texts = [text for version, text in sections if f"v{version}" == tag]
    if len(texts) != 1 or not texts[0].strip():
        raise SystemExit(f"CHANGELOG.md must have one section for {tag}, and it must say what changed")
    if _stands(root, tag) and _git(root, "rev-parse", "HEAD") not in _git(root, "rev-parse", "FETCH_HEAD^@").split():
        raise SystemExit(f"{tag} stands already, and was not made from this commit: release a new version")


def name(image: str, root: Path) -> None:
    """Make action.yml run an image with a digest. Raise `SystemExit` for a name without one."""
    if not PINNED.fullmatch(image):
        raise SystemExit(f"{image!r} is not an image with its digest")
    path = root / "action.yml"
    text, count = RUNS.subn(rf"\1 docker://{image}", path.read_text())
    if count != 1:
        raise SystemExit("action.yml must name its image in one line")
    path.write_text(text)


def commit(tag: str, image: str, root: Path) -> None:
    """Make the commit that names the image, tag it, and push the tag. Make none if the tag with this image exists.

    No branch is pushed, so that `main` still builds the Dockerfile. A tag is never moved, as immutable releases
    require. Raise `SystemExit` if the tag exists with another image, or git fails.
    """
    name(image, root)
    if _stands(root, tag):
        if f"docker://{image}" not in _git(root, "show", "FETCH_HEAD:action.yml"):
            raise SystemExit(f"{tag} stands already and does not run {image}: release a new version")
        return
    _git(root, *BOT, "commit", "--message", f"Run the image of {tag}", "--", "action.yml")
    _git(root, *BOT, "tag", "--annotate", "--message", tag, tag)
    try:
        _git(root, "push", "origin", f"refs/tags/{tag}")
    except SystemExit as error:
        if "`workflows` permission" not in str(error):
            raise
        # GitHub compares the workflows of a tag that a workflow pushes with those at the tips of the branches.
        built = _git(root, "rev-parse", "HEAD^")
        raise SystemExit(
            f"{error}\nThe workflows changed since: make a branch at {built}, run again, delete it"
        ) from None


def _stands(root: Path, tag: str) -> bool:
    """Say whether the tag exists where releases are pushed; if so, it is fetched with its parents, as FETCH_HEAD."""
    stands = bool(_git(root, "ls-remote", "--tags", "origin", f"refs/tags/{tag}"))
    if stands:
        _git(root, "fetch", "--depth=2", "origin", f"refs/tags/{tag}")
    return stands


def _version(path: Path) -> str:
    match = re.search(r'^__version__ = "([0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.]+)?)"$', path.read_text(), re.MULTILINE)
    return f"v{match[1]}" if match else "no version"


def _git(root: Path, *arguments: str) -> str:
    ended = subprocess.run(  # noqa: S603 - words of ours
        ["git", "-C", str(root), *arguments],  # noqa: S607 - the runner's git
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1:])
