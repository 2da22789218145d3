"""The workflows of docs/several-builds.md, as they are written there, with the built action."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.images.manifests import OCI_INDEX
from tagger.images.registry.registries import Registries
from tagger.images.stores import TagStore
from tagger.names import Repository
from tests.e2e.conftest import Run
from tests.e2e.workflows import Workflow
from tests.images.making import make_index, put_manifest
from tests.servers.distribution import Distribution
from tests.servers.engine import Engine
from tests.servers.runner import Runner, Step

PAGE = (Path(__file__).parents[2] / "docs/several-builds.md").read_text()
LABELS = {"org.opencontainers.image.version": "2.1.4"}
TWO = ("linux/amd64", "linux/arm64")


def block(name: str) -> Mapping[str, Any]:
    """Return the jobs of the workflow that the page has under a name."""
    (found,) = re.findall(rf"<!-- runs: {name} -->\n```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    jobs: Mapping[str, Any] = yaml.safe_load(found)["jobs"]
    return jobs


@pytest.fixture
def store(registry: Distribution) -> Iterator[TagStore]:
    """The repository of the page, in a registry that everybody reaches by the name ghcr.io."""
    with Registries() as client:
        yield client.repository(Repository(registry.host, "acme/app"), write=True)


@pytest.fixture
def workflow(tmp_path: Path, store: TagStore, registry: Distribution, run: Run, runner: Runner) -> Workflow:
    def build(inputs: Mapping[str, str]) -> str:
        outputs = dict(part.partition("=")[::2] for part in inputs["outputs"].split(","))
        assert outputs == {
            "type": "image",
            "name": "ghcr.io/acme/app",
            "push-by-digest": "true",
            "name-canonical": "true",
            "push": "true",
        }
        return make_index(store, "app", platforms=[inputs["platforms"]], labels=LABELS).digest

    def tagger(**inputs: str) -> Step:
        environ = {"TAGGER_ENDPOINTS": f"ghcr.io={registry.host}", "TAGGER_INSECURE": "ghcr.io"}
        return run(environ, replace(runner, ref="refs/tags/v2.1.4"), **inputs)

    return Workflow(tmp_path / "workflow", build, tagger)


def merged(store: TagStore) -> Mapping[str, Any]:
    """What docker/github-builder leaves, an index of its own, and the outputs that it then has."""
    legs = [make_index(store, "app", platforms=[platform], labels=LABELS) for platform in TWO]
    entries = [entry for leg in legs for entry in json.loads(leg.content)["manifests"]]
    index = put_manifest(store, OCI_INDEX, {"manifests": entries}, ["sha-1a2b3c4"])
    meta = {"tags": ["ghcr.io/acme/app:sha-1a2b3c4"], "labels": {"org.opencontainers.image.revision": "1a2b3c4"}}
    outputs = {"meta-json": json.dumps(meta), "digest": index.digest, "output-type": "image", "signed": "true"}
    return outputs | {"cosign-version": "v3.0.6", "cosign-verify-commands": "cosign verify …", "artifact-name": ""}


def test_every_way_is_one_digest(
    workflow: Workflow, store: TagStore, runner: Runner, engine: Engine, registry: Distribution
) -> None:
    steps = {}
    for name in ("artifacts", "outputs", "github-builder"):
        outputs = merged(store) if name == "github-builder" else {}
        steps[name] = workflow.run(block(name), runner.temp, outputs)
        assert steps[name].code == 0, steps[name].log
    assert {step.outputs["digest"] for step in steps.values()} == {store.digests(["2.1.4"])["2.1.4"]}
    assert [step.outputs["changed"] for step in steps.values()] == ["true", "false", "false"]
    assert set(json.loads(steps["outputs"].outputs["platform-digests"])) == set(TWO)
    assert {"2.1.4", "2.1", "2", "latest"} <= set(store.tags())
    for platform in TWO:
        engine.docker("pull", "--quiet", "--platform", platform, f"{registry.host}/acme/app:2.1")


def test_a_leg_that_left_nothing(workflow: Workflow, store: TagStore, runner: Runner) -> None:
    jobs = dict(block("artifacts"))
    jobs["build"]["strategy"]["matrix"]["include"].pop()
    step = workflow.run(jobs, runner.temp, {})
    assert step.code == 1
    assert "lacks linux/arm64" in step.annotations[0].message
    assert not list(store.tags())
