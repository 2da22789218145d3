"""What stands in `action.yml` and in the reference is what the program takes."""

from pathlib import Path
from typing import Any

import yaml

from tagger.errors import TaggerError
from tagger.reporting.documents import report_document
from tagger.reporting.outputs import components_outputs, report_outputs
from tagger.results import Report
from tagger.results.components import ComponentsReport
from tagger.settings.options import OPTIONS
from tools import texts

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())


def test_inputs_are_the_options() -> None:
    assert {name: given["description"] for name, given in ACTION["inputs"].items()} == texts.INPUTS


def test_the_texts_are_up_to_date() -> None:
    """`make docs` writes them anew."""
    for name, write in texts.WRITTEN.items():
        text = (ROOT / name).read_text()
        assert write(text) == text


def test_only_the_command_and_the_token_have_defaults() -> None:
    """An input with a default would beat `.tagger.yml`."""
    defaults = {name: given["default"] for name, given in ACTION["inputs"].items() if "default" in given}
    assert defaults == {"command": "release", "github-token": "${{ github.token }}"}


def test_no_input_is_required() -> None:
    assert not [name for name, given in ACTION["inputs"].items() if given.get("required")]


def test_outputs_are_those_that_are_set() -> None:
    report = Report("release", error=TaggerError("x"))
    assert list(ACTION["outputs"]) == list(report_outputs(report, report_document(report)))


def test_several_components_set_the_same_outputs() -> None:
    report = ComponentsReport("plan", {"api": Report("plan"), "web": Report("plan")})
    assert list(ACTION["outputs"]) == list(components_outputs(report, {}))


def test_the_reference_lists_every_input_and_output() -> None:
    reference = (ROOT / "docs/reference.md").read_text()
    for name in (*ACTION["inputs"], *ACTION["outputs"]):
        assert f"\n| `{name}` | " in reference, name


def test_every_input_has_an_example_that_is_understood() -> None:
    for option in OPTIONS:
        assert option.example, option.name
        if "${{" not in option.example:
            assert list(map(option.parse, option.split([option.example]))), option.name


def test_it_runs_the_dockerfile_without_arguments() -> None:
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}
