"""A demonstration: plan and release five versions into an OCI layout on disk, and show the tree of their tags."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tagger.images.layout import Layout  # noqa: E402 - the project's own folder first
from tagger.version_from.labels import VERSION_LABEL  # noqa: E402 - the project's own folder first
from tests.images.making import make_index  # noqa: E402

DEMO, BUILDS = "build/demo", "build/demo-builds"
RELEASES = (
    ("2.1.3", "the first release: it holds every tag"),
    ("2.1.4", "a patch: 2.1, 2 and latest move on"),
    ("3.0.1", "a new major: latest moves on, 2 and 2.1 stay"),
    ("2.0.9", "a backport: beside its exact tag only 2.0 is set, and latest does not move backwards"),
    ("3.1.0-rc.1", "a prerelease: its exact tag, and nothing else"),
)


NEXT = """
Here `tagger` stood for `.venv/bin/python entrypoint.py`. This makes it a command:
  . .venv/bin/activate && pip install --quiet .

Next, an image of yours, from the engine to a registry. A plan writes nothing:
  tagger plan localhost:5000/app 2.1.4 --source docker-daemon:app:build
  tagger release localhost:5000/app 2.1.4 --source docker-daemon:app:build
README.md has the workflow."""


def main() -> None:
    """Make five small multi-platform images, release each, the first after a plan, and show the tags."""
    os.chdir(ROOT)
    for folder in (DEMO, BUILDS):
        shutil.rmtree(folder, ignore_errors=True)
    builds = Layout(BUILDS)
    for number, (version, _) in enumerate(RELEASES):
        make_index(builds, f"app {version}", f"build-{number}", labels={VERSION_LABEL: version})
    for number, (version, why) in enumerate(RELEASES):
        print(f"\n# {version}, {why}")
        words = [f"oci:{DEMO}", version, "--source", f"oci:{BUILDS}:build-{number}"]
        if not number:
            tagger("plan", *words)
        tagger("release", *words)
    print("\n# The repository now")
    tagger("tags", f"oci:{DEMO}")
    tags = sum(1 for _ in Layout(DEMO).tags())
    print(f"\n{len(RELEASES)} releases, {tags} tags, each where its version belongs.")
    print(NEXT)


def tagger(*arguments: str) -> None:
    """Print a command line, and run it."""
    print(f"\n$ tagger {shlex.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "entrypoint.py", *arguments], check=True)  # noqa: S603 - this very program


if __name__ == "__main__":
    main()
