"""What stands in `action.yml` and in the README is what the program takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tagger.errors import TaggerError
from tagger.options import COMMANDS, OPTIONS
from tagger.reporting.documents import report_document
from tagger.reporting.outcomes import Report
from tagger.reporting.outputs import report_outputs

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
README = (ROOT / "README.md").read_text()


def test_inputs_are_the_options_in_their_order() -> None:
    assert list(ACTION["inputs"]) == ["command", "arguments", *(option.name for option in OPTIONS)]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_descriptions_are_those_of_the_options(option: Any) -> None:
    assert ACTION["inputs"][option.name]["description"] == option.description


def test_only_the_command_and_the_token_have_defaults() -> None:
    """An input with a default would beat `.tagger.yml`."""
    defaults = {name: given["default"] for name, given in ACTION["inputs"].items() if "default" in given}
    assert defaults == {"command": "release", "github-token": "${{ github.token }}"}


def test_no_input_is_required() -> None:
    assert not [name for name, given in ACTION["inputs"].items() if given.get("required")]


def test_every_command_is_named() -> None:
    description = ACTION["inputs"]["command"]["description"]
    assert [command for command in COMMANDS if command not in description] == []


def test_outputs_are_those_that_are_set() -> None:
    report = Report("release", error=TaggerError("x"))
    assert list(ACTION["outputs"]) == list(report_outputs(report, report_document(report)))


def test_the_readme_lists_every_input_and_output() -> None:
    for name, given in (ACTION["inputs"] | ACTION["outputs"]).items():
        assert f"| `{name}` | {given['description'].replace('|', chr(92) + '|')} |" in README, name


def test_it_runs_the_dockerfile_without_arguments() -> None:
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}
