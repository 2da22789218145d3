"""`release-components.yml`: each of its jobs, run as a runner would, asks Tagger for what it says."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import tagger as package
from tagger.images.layout import Layout
from tests.images.making import make_image
from tests.integration.commands import Ran, tagger
from tests.pages.blocks import blocks

ROOT = Path(__file__).parent.parent
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/release-components.yml").read_text())
CALL = WORKFLOW[True]["workflow_call"]  # `on` is a boolean to YAML 1.1
JOBS = WORKFLOW["jobs"]
OURS = "./.tagger-action"


def step(job: str) -> Mapping[str, Any]:
    """Return the step of a job that runs Tagger."""
    (found,) = (one for one in JOBS[job]["steps"] if one.get("uses") == OURS)
    return dict(found)


def ran(job: str, inputs: Mapping[str, object], component: Mapping[str, Any] | None = None) -> Ran:
    """Run Tagger as a job does, with the inputs of a call and an entry of the matrix."""
    facts = {f"inputs.{name}": value for name, value in inputs.items()} | {"secrets.logins": ""}
    facts |= {f"matrix.component.{name}": value for name, value in (component or {}).items()}

    def fill(match: re.Match[str]) -> str:
        value = facts[match[1]]
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    given = {name: re.sub(r"\$\{\{ (\S+) \}\}", fill, str(text)) for name, text in step(job)["with"].items()}
    given = {name: text.lower() if text in ("True", "False") else text for name, text in given.items()}
    environ = {f"INPUT_{name.upper()}": text for name, text in given.items()} | {"INPUT_JSON": "true"}
    return tagger(environ={"INPUT_COMMAND": "release"} | environ)


def inputs(**given: object) -> Mapping[str, object]:
    return {name: row["default"] for name, row in CALL["inputs"].items()} | given


def listed(ran: Ran) -> Sequence[Mapping[str, Any]]:
    assert ran.code == 0, ran.err
    components: Sequence[Mapping[str, Any]] = ran.document
    return components


@pytest.fixture
def monorepo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three components, of which one is released and one cannot be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tagger.yml").write_text(
        "images: 'oci:out/{{component}}'\nversion-from: file:{{component}}/package.json\n"
        "components: {api: {}, web: {}, bad: {}}\n"
    )
    for name in ("api", "web", "bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "package.json").write_text(json.dumps({"version": "1.2.3"}))
    for name in ("api", "web"):
        make_image(Layout(tmp_path / "builds"), name, name)
    assert tagger("release", "--only", "web", "--source", "oci:builds:web").code == 0
    return tmp_path


def test_a_runner_for_each(monorepo: Path) -> None:
    call = inputs(source="oci:builds:{{component}}")
    matrix = listed(ran("list", call))
    assert [one["name"] for one in matrix] == ["api", "bad"]
    ended = {one["name"]: ran("release", call, one) for one in matrix}
    assert {name: one.code for name, one in ended.items()} == {"api": 0, "bad": 2}
    assert [one["name"] for one in listed(ran("done", call))] == ["bad"]
    make_image(Layout(monorepo / "builds"), "bad", "bad")
    (left,) = listed(ran("list", call))
    assert ran("release", call, left).code == 0
    assert listed(ran("done", call)) == []
    assert len(listed(ran("list", inputs(changed=False)))) == 3
    assert [one["name"] for one in listed(ran("list", inputs(changed=False, only="web")))] == ["web"]


def test_it_calls_the_version_that_it_is_of() -> None:
    """It is not told where it was called from; who calls another version says so."""
    assert CALL["inputs"]["ref"]["default"] == f"v{package.__version__}"
    for job in JOBS.values():
        checkouts = [one["with"] for one in job["steps"] if one.get("uses", "").startswith("actions/checkout@")]
        ours = {"repository": "${{ inputs.repository }}", "ref": "${{ inputs.ref }}", "path": OURS.removeprefix("./")}
        assert [ours.items() <= one.items() for one in checkouts] == [False, True]


def test_only_the_job_that_releases_may_write() -> None:
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"]["packages"] for name, job in JOBS.items()} == {
        "list": "read", "release": "write", "done": "read",
    }  # fmt: skip
    assert JOBS["release"]["strategy"]["fail-fast"] is False


def test_the_call_on_the_page_is_one_that_the_workflow_takes() -> None:
    (block,) = (one for one in blocks(ROOT / "docs/monorepo.md") if one.runner == "release-components")
    (job,) = block.content["jobs"].values()
    assert job["uses"].partition("@")[0].endswith("/.github/workflows/release-components.yml")
    assert job["with"].keys() <= CALL["inputs"].keys()
    assert {name for name, one in CALL["inputs"].items() if one.get("required")} <= job["with"].keys()
    assert job["secrets"].keys() <= CALL["secrets"].keys()
