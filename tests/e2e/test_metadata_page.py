"""The workflows of docs/metadata-action.md: each after says what its before does, and runs for every event."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.e2e.conftest import Run
from tests.e2e.test_pages import localized
from tests.e2e.workflows import Workflow
from tests.images.making import make_index
from tests.pages.blocks import ROOT, blocks
from tests.rules.rows.filling import on, tags
from tests.servers.act import STAND_INS, Act
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

PAGE = {block.runner: block.text for block in blocks(ROOT / "docs/metadata-action.md") if block.runner}
MAIN = "refs/heads/main"
REPOSITORY = {"name": "app", "default_branch": "main", "html_url": "https://github.com/acme/app"}


def settings(name: str, action: str) -> Mapping[str, str]:
    """Return what the last step of an action, and the environment of its job, say of tags."""
    jobs = yaml.safe_load(PAGE[name])["jobs"]
    job = list(jobs.values())[-1]
    given = [step.get("with", {}) for step in job["steps"] if step.get("uses", "").startswith(action)][-1]
    env = {name.removeprefix("TAGGER_").lower(): text for name, text in job.get("env", {}).items()}
    return {key: text for key, text in {**env, **given}.items() if key in ("images", "tags", "flavor")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("metadata-before-events", "metadata-after-events"),
        ("metadata-before-suffix", "metadata-after-suffix"),
        ("metadata-before-platforms", "metadata-after-platforms"),
    ],
)
def test_the_rows_are_the_same(before: str, after: str) -> None:
    assert settings(before, "docker/metadata-action@") == settings(after, "OWNER/tagger@")
    assert "docker/metadata-action" not in PAGE[after]


ALPINE = ("suffix=-alpine,onlatest=true",)


@pytest.mark.parametrize(
    ("name", "flavor", "event", "ref", "made"),
    [
        ("events", (), "pull_request", "refs/pull/7/merge", "pr-7 sha-860c190"),
        ("events", (), "push", MAIN, "main sha-860c190"),
        ("events", (), "schedule", MAIN, "nightly main sha-860c190"),
        ("events", (), "push", "refs/tags/v2.1.4", "2.1.4 2.1 2 sha-860c190 latest"),
        ("events", (), "push", "refs/tags/v2.2.0-rc.1", "2.2.0-rc.1 sha-860c190"),
        ("suffix", (), "push", "refs/tags/v2.1.4", "2.1.4 2.1 latest"),
        ("suffix", (), "push", "refs/tags/v2.2.0-rc.1", "2.2.0-rc.1"),
        ("suffix", ALPINE, "push", "refs/tags/v2.1.4", "2.1.4-alpine 2.1-alpine latest-alpine"),
        ("suffix", ALPINE, "push", "refs/tags/v2.2.0-rc.1", "2.2.0-rc.1-alpine"),
        ("platforms", (), "push", MAIN, "main"),
        ("platforms", (), "push", "refs/tags/v2.1.4", "2.1.4 2.1 latest"),
        ("platforms", (), "push", "refs/tags/v2.2.0-rc.1", "2.2.0-rc.1"),
    ],
)
def test_the_rows_give_what_metadata_action_gave(
    name: str, flavor: Sequence[str], event: str, ref: str, made: str
) -> None:
    """Recorded: docker/metadata-action v6.2.0, run by Node with the rows of each "before" on these events."""
    rows = settings(f"metadata-before-{name}", "docker/metadata-action@")["tags"].split()
    assert tags(rows, on(ref, event=event), flavor) == sorted(made.split())


@pytest.fixture
def store(registry: Distribution) -> Iterator[TagStore]:
    """The repository of the page."""
    with Registries() as client:
        yield client.repository(Repository(registry.host, "acme/app"), write=True)


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str, registry: Distribution) -> Callable[[str], Act]:
    """Make a repository with one workflow of the page."""

    def make(name: str) -> Act:
        made = Act(tmp_path / "act", engine, action_image)
        made.prepare()
        for file in ("Dockerfile", "Dockerfile.debian", "Dockerfile.alpine"):
            (made.repository / file).write_text(f"FROM scratch\nCOPY {file} /\n")
        workflows = made.repository / ".github/workflows"
        workflows.mkdir(parents=True)
        (workflows / "page.yml").write_text(localized(PAGE[name], registry))
        return made

    return make


def ended(act: Act, event: str, payload: Mapping[str, Any], tag: str = "") -> None:
    """Run the workflow on an event, and see that it ends well."""
    act.commit(tag)
    names = re.findall(r"uses: ([\w.-]+/[\w./-]+@\S+)", "".join(PAGE.values()))
    actions: dict[str, Path | str] = {}
    for name in dict.fromkeys(names):
        plain = name.partition("@")[0]
        if plain == "OWNER/tagger":
            actions[name] = act.action
        elif plain in STAND_INS:
            actions[name] = STAND_INS[plain]
    found = act.run(event, {"repository": REPOSITORY, **payload}, actions=actions)
    assert (found.returncode, "Skipping" in found.stdout) == (0, False), found.stdout


def short(act: Act) -> str:
    head = (act.repository / ".git/refs/heads/main").read_text()
    return f"sha-{head[:7]}"


def test_one_workflow_for_every_event(act: Callable[[str], Act], store: TagStore) -> None:
    made = act("metadata-after-events")
    pull = {"number": 7, "pull_request": {"number": 7, "head": {"ref": "x"}, "base": {"ref": "main"}}}
    ended(made, "pull_request", pull)
    assert list(store.tags()) == []
    expected: set[str] = set()
    runs: Sequence[tuple[str, Mapping[str, Any], str, set[str]]] = [
        ("push", {"ref": MAIN}, "", {"main"}),
        ("schedule", {}, "", {"nightly", "main"}),
        ("push", {"ref": "refs/tags/v2.1.4"}, "v2.1.4", {"2.1.4", "2.1", "2", "latest"}),
    ]
    for event, payload, tag, new in runs:
        ended(made, event, payload, tag)
        expected |= new | {short(made)}
        assert set(store.tags()) == expected, event


def test_two_images_with_a_suffix(act: Callable[[str], Act], store: TagStore) -> None:
    ended(act("metadata-after-suffix"), "push", {"ref": "refs/tags/v2.1.4"}, "v2.1.4")
    bare = {"2.1.4", "2.1", "latest"}
    assert set(store.tags()) == bare | {f"{tag}-alpine" for tag in bare}
    digests = store.digests(tuple(store.tags()))
    assert len(set(digests.values())) == 2
    assert digests["latest"] == digests["2.1.4"] != digests["2.1.4-alpine"] == digests["latest-alpine"]


@pytest.mark.parametrize(("ref", "expected"), [(MAIN, {"main"}), ("refs/tags/v2.1.4", {"2.1.4", "2.1", "latest"})])
def test_a_build_for_each_platform(
    ref: str, expected: set[str], tmp_path: Path, store: TagStore, registry: Distribution, run: Run, runner: Runner
) -> None:
    def build(inputs: Mapping[str, str]) -> str:
        return make_index(store, "app", platforms=[inputs["platforms"]]).digest

    def tagger(**inputs: str) -> Step:
        environ = {"TAGGER_ENDPOINTS": f"ghcr.io={registry.host}", "TAGGER_INSECURE": "ghcr.io"}
        return run(environ, replace(runner, ref=ref), **inputs)

    jobs = yaml.safe_load(PAGE["metadata-after-platforms"])["jobs"]
    step = Workflow(tmp_path / "workflow", build, tagger).run(jobs, runner.temp, {})
    assert step.code == 0, step.log
    assert {tag for tag in store.tags() if not tag.startswith("sha256-")} == expected
    assert set(step.outputs["tag-names"].split()) == expected
