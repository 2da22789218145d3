"""The workflows of docs/metadata-action.md: each after says what its before does, and runs for every event."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.e2e.conftest import Run
from tests.e2e.metadata_action import (
    NOW,
    PAGE,
    Recorded,
    event_of,
    read_outputs,
    recorded,
    settings,
    stand_in,
    version,
)  # fmt: skip
from tests.e2e.test_pages import localized
from tests.e2e.workflows import Workflow
from tests.images.making import make_index
from tests.integration.commands import tagger
from tests.servers.act import STAND_INS, Act
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

MAIN = "refs/heads/main"
REPOSITORY = {"name": "app", "default_branch": "main", "html_url": "https://github.com/acme/app"}


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


def test_the_recording_is_of_the_page() -> None:
    """A workflow of the page that says something else has to be recorded anew: tests/e2e/metadata_action.py."""
    assert version() == "v6.2.0-0-gdc802804100637a589fabce1cb79ff13a1411302"
    for name in ("events", "suffix", "platforms"):
        said = settings(f"metadata-before-{name}", "docker/metadata-action@")
        found = [run.inputs for run in recorded() if run.workflow == name]
        assert len(said) == len({json.dumps(inputs) for inputs in found}) > 0
        assert all(inputs in found for inputs in said)


@pytest.mark.parametrize("run", recorded(), ids=lambda run: run.name)
def test_the_after_gives_what_metadata_action_gave(run: Recorded, tmp_path: Path) -> None:
    """The same references, version, labels and annotations.

    Differences that the page lists: the order of the tags, and that the version of 2.1.4-alpine is 2.1.4.
    """
    legs = settings(f"metadata-after-{run.workflow}", "OWNER/tagger@")
    (said,) = [leg for leg in legs if leg.get("flavor") == run.inputs.get("flavor")]
    environ = event_of(run.event, run.ref, tmp_path) | {f"TAGGER_{key.upper()}": text for key, text in said.items()}
    environ |= {"TAGGER_NOW": NOW, "TAGGER_PUBLISHED_FROM": "none"}
    ran = tagger("plan", "--json", environ=environ)
    found = read_outputs(tmp_path)
    assert (ran.code, ran.document["warnings"]) == (0, [])
    assert sorted(found["tags"].split()) == sorted(run.outputs["tags"].split())
    for name in ("version", "labels", "annotations"):
        assert found[name] == run.outputs[name].replace("-alpine", ""), name


@pytest.fixture
def store(registry: Distribution) -> Iterator[TagStore]:
    """The repository of the page."""
    with Registries() as client:
        yield client.repository(Repository(registry.host, "acme/app"), write=True)


@pytest.fixture
def before(registry: Distribution) -> Iterator[TagStore]:
    """The repository that the workflows with docker/metadata-action fill."""
    with Registries() as client:
        yield client.repository(Repository(registry.host, "acme/before"), write=True)


@pytest.fixture
def act(tmp_path: Path, engine: Engine, action_image: str, registry: Distribution) -> Callable[[str], Act]:
    """Make a repository with one workflow of the page."""

    def make(name: str) -> Act:
        made = Act(tmp_path / name, engine, action_image)
        made.prepare()
        for file in ("Dockerfile", "Dockerfile.debian", "Dockerfile.alpine"):
            (made.repository / file).write_text(f"FROM scratch\nCOPY {file} /\n")
        workflows = made.repository / ".github/workflows"
        workflows.mkdir(parents=True)
        text = PAGE[name].replace("acme/app", "acme/before" if "before" in name else "acme/app")
        (workflows / "page.yml").write_text(localized(text, registry))
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
        elif plain == "docker/metadata-action":
            actions[name] = stand_in()
        elif plain in STAND_INS:
            actions[name] = STAND_INS[plain]
    found = act.run(event, {"repository": REPOSITORY, **payload}, actions=actions)
    assert (found.returncode, "Skipping" in found.stdout) == (0, False), found.stdout


def short(act: Act) -> str:
    head = (act.repository / ".git/refs/heads/main").read_text()
    return f"sha-{head[:7]}"


def test_one_workflow_for_every_event(act: Callable[[str], Act], store: TagStore, before: TagStore) -> None:
    """The before has the recorded outputs of docker/metadata-action; after each event both repositories are alike."""
    pull = {"number": 7, "pull_request": {"number": 7, "head": {"ref": "x"}, "base": {"ref": "main"}}}
    runs: Sequence[tuple[str, Mapping[str, Any], str, set[str]]] = [
        ("pull_request", pull, "", set()),
        ("push", {"ref": MAIN}, "", {"main"}),
        ("schedule", {}, "", {"nightly", "main"}),
        ("push", {"ref": "refs/tags/v2.1.4"}, "v2.1.4", {"2.1.4", "2.1", "2", "latest"}),
    ]
    for name, repository in (("metadata-before-events", before), ("metadata-after-events", store)):
        made = act(name)
        expected: set[str] = set()
        for event, payload, tag, new in runs:
            ended(made, event, payload, tag)
            expected |= new | {short(made)} if new else set()
            assert set(repository.tags()) == expected, (name, event)


def test_two_images_with_a_suffix(act: Callable[[str], Act], store: TagStore, before: TagStore) -> None:
    bare = {"2.1.4", "2.1", "latest"}
    for name, repository in (("metadata-before-suffix", before), ("metadata-after-suffix", store)):
        ended(act(name), "push", {"ref": "refs/tags/v2.1.4"}, "v2.1.4")
        assert set(repository.tags()) == bare | {f"{tag}-alpine" for tag in bare}, name
        digests = repository.digests(tuple(repository.tags()))
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


IMAGETOOLS = """#!/usr/bin/python3
import json, os, sys, urllib.request
words = sys.argv[1:]
assert words[:3] == ["buildx", "imagetools", "create"], words
names = [words[place + 1] for place, word in enumerate(words) if word == "-t"]
def ask(name, separator, method="GET", data=None):
    repository, _, reference = name.removeprefix("ghcr.io/").partition(separator)
    url = f"http://{os.environ['REGISTRY']}/v2/{repository}/manifests/{reference}"
    kind = "application/vnd.oci.image.index.v1+json"
    request = urllib.request.Request(url, data, {"Accept": kind, "Content-Type": kind}, method=method)
    return urllib.request.urlopen(request).read()
found = [json.loads(ask(name, "@")) for name in words[3:] if "@" in name]
joined = {**found[0], "manifests": [one for index in found for one in index["manifests"]]}
for name in names:
    ask(name, ":", "PUT", json.dumps(joined).encode())
"""


@pytest.mark.parametrize(("ref", "expected"), [(MAIN, {"main"}), ("refs/tags/v2.1.4", {"2.1.4", "2.1", "latest"})])
def test_a_build_for_each_platform_before(
    ref: str, expected: set[str], tmp_path: Path, before: TagStore, registry: Distribution, run: Run, runner: Runner
) -> None:
    """With the recorded outputs of docker/metadata-action, and a stand-in for `docker buildx imagetools create`."""

    def build(inputs: Mapping[str, str]) -> str:
        return make_index(before, "app", platforms=[inputs["platforms"]]).digest

    def metadata(inputs: Mapping[str, str]) -> Mapping[str, str]:
        (found,) = [one for one in recorded() if (one.workflow, one.ref) == ("platforms", ref)]
        assert found.inputs == {**inputs, "images": "ghcr.io/acme/app"}
        return {name: text.replace("acme/app", "acme/before") for name, text in found.outputs.items()}

    (tmp_path / "docker").write_text(IMAGETOOLS.replace("os.environ['REGISTRY']", repr(registry.host)))
    (tmp_path / "docker").chmod(0o755)
    jobs = yaml.safe_load(PAGE["metadata-before-platforms"].replace("acme/app", "acme/before"))["jobs"]
    workflow = Workflow(tmp_path / "workflow", build, partial(run, {}), metadata, str(tmp_path))
    workflow.run_all(jobs, runner.temp, {})
    assert set(before.tags()) == expected
    for tag in expected:
        index = json.loads(before.manifest(tag).content)
        assert {"amd64", "arm64"} <= {child["platform"]["architecture"] for child in index["manifests"]}
