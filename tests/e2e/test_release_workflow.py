"""The workflow that releases Tagger, run by act as it is written, and again: up to what GitHub alone can do.

Stand-ins: who signs, `gh`, the suite, the container that it runs in, and a Dockerfile whose stages are the built image.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.e2e.conftest import ACTION
from tests.e2e.test_pages import localized
from tests.servers.act import STAND_INS, Act
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine

WORKFLOW = (ACTION / ".github/workflows/release.yml").read_text()
CONTAINER = re.compile(r"^    container:\n(?: {6}.*\n)+", re.MULTILINE)
DOCKERFILE = "FROM {image} AS base\n" + "".join(
    f"FROM base{name}\nLABEL tests.variant={label}\n"
    for name, label in ((" AS debug", "debug"), (" AS verify", "verify"), ("", "default"))
)
VERSION = "1.2.3"
VARIANTS = ("", "-debug", "-verify")
TAGS = {f"{tag}{variant}" for tag in ("1.2.3", "1.2", "1", "latest") for variant in VARIANTS} - {
    f"latest{variant}" for variant in VARIANTS if variant
} | {"debug", "verify"}


MAKEFILE = r"""test:
	@echo the suite ran by $(or $(PYTHON),the oldest)
setup:
	@mkdir -p .venv/bin && printf '#!/bin/sh\necho the other\n' >.venv/bin/uv && chmod +x .venv/bin/uv
"""


@pytest.fixture
def store(registry: Distribution) -> Iterator[TagStore]:
    """The repository that the image of a release goes to."""
    with Registries() as client:
        yield client.repository(Repository(registry.host, "owner/tagger"))


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str, registry: Distribution) -> Act:
    """A repository of Tagger at version 1.2.3, with the one that it pushes to."""
    made = Act(tmp_path / "act", engine, action_image)
    made.prepare()
    files = {
        "Dockerfile": DOCKERFILE.format(image=action_image),
        "Makefile": MAKEFILE,
        "CHANGELOG.md": f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}]\n",
        "tagger/__init__.py": f'__version__ = "{VERSION}"\n',
        "tools/release.py": (ACTION / "tools/release.py").read_text(),
        ".github/workflows/release.yml": CONTAINER.sub("", localized(WORKFLOW, registry)),
    }
    for name, text in files.items():
        (made.repository / name).parent.mkdir(parents=True, exist_ok=True)
        (made.repository / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", "--bare", str(origin(made))], check=True)
    made.git("remote", "add", "origin", str(origin(made)))
    made.git("remote", "add", "named", "https://github.com/owner/tagger")
    made.commit()
    return made


def origin(act: Act) -> Path:
    return act.folder / "owner/tagger.git"


def git(act: Act, *words: str) -> str:
    """Ask the repository that is pushed to."""
    ended = subprocess.run(["git", "-C", str(origin(act)), *words], check=True, capture_output=True, text=True)
    return ended.stdout.strip()


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """`gh`, which keeps what is asked of it and the releases that it makes, and `apt-get`, which has it all already."""
    folder = tmp_path / "programs"
    folder.mkdir()
    gh = f'''#!/bin/bash
echo "$*" >>{tmp_path}/gh
[[ "$1 $2" == "release view" ]] && exec test -e "{tmp_path}/released-$3"
[[ "$1 $2" == "release create" ]] && touch "{tmp_path}/released-$3"
exit 0
'''
    for name, text in (("gh", gh), ("apt-get", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run(act: Act, programs: Path, *more: str) -> None:
    """Start the workflow by hand, and see that it ends well."""
    names = re.findall(r"uses: ([\w.-]+/[\w./-]+@\S+)", WORKFLOW)
    plain = {name: name.partition("@")[0] for name in names}
    assert set(plain.values()) - set(STAND_INS) == {"actions/checkout"}  # act copies the repository
    actions = {name: STAND_INS[plain[name]] for name in names if plain[name] in STAND_INS}
    named = ("--remote-name", "named", *more)
    payload = {"inputs": {"tag": f"v{VERSION}"}}
    ended = act.run("workflow_dispatch", payload, actions=actions, programs=programs, more=named)
    assert ended.returncode == 0, ended.stdout
    assert all(f"the suite ran by {python}" in ended.stdout for python in ("the oldest", "the other"))


def test_every_variant_then_a_whole_release_and_the_same_again(
    act: Act, store: TagStore, programs: Path, tmp_path: Path
) -> None:
    run(act, programs, "--job", "image")
    assert set(store.tags()) == TAGS
    variants = store.digests(tuple(store.tags()))
    assert len(set(variants.values())) == 3
    seen = []
    for _ in range(2):
        # The leg that the other jobs hear of: of an output that other legs leave empty, act forgets what one said.
        run(act, programs, "--matrix", "variant:default")
        seen.append((store.digests(tuple(store.tags())), git(act, "rev-parse", f"refs/tags/v{VERSION}")))
    assert seen[0] == seen[1]
    assert seen[0][0] == variants
    assert f"@{variants[VERSION]}" in git(act, "show", f"v{VERSION}:action.yml")
    assert git(act, "for-each-ref", "--format=%(refname)") == f"refs/tags/v{VERSION}"
    asked = (tmp_path / "gh").read_text().splitlines()
    created = [line for line in asked if line.startswith("release create")]
    assert created == [f"release create v{VERSION} --verify-tag --generate-notes --latest=true"]
