"""The workflow that releases Tagger, run by act as it is written, and again: up to what GitHub alone can do.

Stand-ins: who signs, `gh`, the suite, the container that it runs in, and a Dockerfile whose stages are the built image.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
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
# The leg that the other jobs hear of: of an output that other legs leave empty, act forgets what one said.
DEFAULT = ("--matrix", "variant:default")
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
    subprocess.run(["git", "init", "--quiet", "--bare", str(origin(made))], check=True)
    made.git("remote", "add", "origin", str(origin(made)))
    made.git("remote", "add", "named", "https://github.com/owner/tagger")
    files = {
        "Dockerfile": DOCKERFILE.format(image=action_image),
        "Makefile": MAKEFILE,
        "tools/release.py": (ACTION / "tools/release.py").read_text(),
        ".github/workflows/release.yml": CONTAINER.sub("", localized(WORKFLOW, registry)),
    }
    write(made, files)
    set_version(made, VERSION)
    return made


def write(act: Act, files: Mapping[str, str]) -> None:
    """Write files into the repository."""
    for name, text in files.items():
        (act.repository / name).parent.mkdir(parents=True, exist_ok=True)
        (act.repository / name).write_text(text)


def set_version(act: Act, version: str) -> None:
    """Make the commit that says a version."""
    changes = f"# Changelog\n\n## [Unreleased]\n\n## [{version}]\n\n- Something.\n"
    write(act, {"CHANGELOG.md": changes, "tagger/__init__.py": f'__version__ = "{version}"\n'})
    act.commit()


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
case "$1 $2" in
  "release view") test -e "{tmp_path}/released-$3" ;;
  "release create") test ! -e {tmp_path}/refuse && touch "{tmp_path}/released-$3" ;;
esac
'''
    for name, text in (("gh", gh), ("apt-get", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def start(act: Act, programs: Path, *more: str, tag: str = f"v{VERSION}") -> "subprocess.CompletedProcess[str]":
    """Start the workflow by hand."""
    names = re.findall(r"uses: ([\w.-]+/[\w./-]+@\S+)", WORKFLOW)
    plain = {name: name.partition("@")[0] for name in names}
    assert set(plain.values()) - set(STAND_INS) == {"actions/checkout"}  # act copies the repository
    actions = {name: STAND_INS[plain[name]] for name in names if plain[name] in STAND_INS}
    named = ("--remote-name", "named", *more)
    return act.run("workflow_dispatch", {"inputs": {"tag": tag}}, actions=actions, programs=programs, more=named)


def run(act: Act, programs: Path, *more: str, tag: str = f"v{VERSION}") -> None:
    """Start the workflow by hand, and see that it ends well."""
    ended = start(act, programs, *more, tag=tag)
    assert ended.returncode == 0, ended.stdout
    assert all(f"the suite ran by {python}" in ended.stdout for python in ("the oldest", "the other"))


def created(folder: Path) -> list[str]:
    """Return how the releases were published, in their order."""
    return [line for line in (folder / "gh").read_text().splitlines() if line.startswith("release create")]


def test_every_variant_then_a_whole_release_and_the_same_again(
    act: Act, store: TagStore, programs: Path, tmp_path: Path
) -> None:
    run(act, programs, "--job", "image")
    assert set(store.tags()) == TAGS
    variants = store.digests(tuple(store.tags()))
    assert len(set(variants.values())) == 3
    seen = []
    for _ in range(2):
        run(act, programs, *DEFAULT)
        seen.append((store.digests(tuple(store.tags())), git(act, "rev-parse", f"refs/tags/v{VERSION}")))
    assert seen[0] == seen[1]
    assert seen[0][0] == variants
    assert f"@{variants[VERSION]}" in git(act, "show", f"v{VERSION}:action.yml")
    assert git(act, "for-each-ref", "--format=%(refname)") == f"refs/tags/v{VERSION}"
    assert created(tmp_path) == [f"release create v{VERSION} --verify-tag --generate-notes --latest=true"]


def test_only_what_is_the_latest_when_it_is_published_is_marked_so(
    act: Act, store: TagStore, programs: Path, tmp_path: Path
) -> None:
    """A prerelease is not, nor is a backport, nor a version whose release ends after that of a newer one."""
    (tmp_path / "refuse").touch()
    ended = start(act, programs, *DEFAULT)
    assert ended.returncode == 1, ended.stdout
    assert git(act, "for-each-ref", "--format=%(refname)") == f"refs/tags/v{VERSION}"
    (tmp_path / "refuse").unlink()
    for version in ("1.3.0", "1.4.0-rc.1"):
        set_version(act, version)
        run(act, programs, *DEFAULT, tag=f"v{version}")
    act.git("checkout", "--quiet", "HEAD~2")
    run(act, programs, *DEFAULT)
    assert store.digests(("latest",)) == {"latest": store.digests(("1.3.0",))["1.3.0"]}
    form = "release create {} --verify-tag --generate-notes --latest={}"
    wanted = (
        (f"v{VERSION}", "true"),
        ("v1.3.0", "true"),
        ("v1.4.0-rc.1", "false --prerelease"),
        (f"v{VERSION}", "false"),
    )
    assert created(tmp_path) == [form.format(*words) for words in wanted]


@pytest.mark.parametrize("tag", ["v1.2.4", VERSION, f"v{VERSION}; touch here", "$(touch here)"])
def test_another_tag_is_refused_before_anything_is_built(tag: str, act: Act, store: TagStore, programs: Path) -> None:
    assert_refused(start(act, programs, tag=tag), store)


def test_a_tag_that_stands_is_refused_before_anything_is_built(act: Act, store: TagStore, programs: Path) -> None:
    act.git("tag", f"v{VERSION}")
    act.git("push", "--quiet", "origin", f"v{VERSION}")
    assert_refused(start(act, programs), store)


def assert_refused(ended: "subprocess.CompletedProcess[str]", store: TagStore) -> None:
    """See that the first job failed, and was the only one. What it prints just before it ends, act may lose."""
    assert ended.returncode == 1
    assert "Failure - Main Check it" in ended.stdout
    assert set(re.findall(r"^\[Release/(.+?)\s*\]", ended.stdout, re.MULTILINE)) == {"One version everywhere"}
    assert not store.tags()
