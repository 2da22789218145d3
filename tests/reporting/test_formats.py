"""A format of output is a row: the option of its name asks for it, on the command line and in the environment."""

import io
import json
import threading

import pytest

from tagger.cli import run
from tagger.reporting.component_console import ComponentConsole
from tagger.reporting.console import Console
from tagger.reporting.formatter import FORMATS, TEXT
from tagger.settings.options import find_option

ASKED_FOR = [form for form in FORMATS if form != TEXT]


@pytest.mark.parametrize("form", ASKED_FOR)
def test_a_flag_asks_for_it(form: str) -> None:
    assert find_option(form).kind == "flag"
    assert FORMATS[form](80).is_document


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["release", "--json", "--no-such-option"], {}),
        (["release", "--no-such-option"], {"TAGGER_JSON": "yes"}),
        (["release", "--no-such-option"], {"INPUT_JSON": "true"}),
    ],
)
def test_json_is_printed_where_the_rest_is_wrong(words: list[str], environ: dict[str, str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run(words, environ, out, err, io.StringIO()) == 2
    assert "--no-such-option" in json.loads(out.getvalue())["error"]["message"]


def test_two_formats_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "table", FORMATS["json"])
    out, err = io.StringIO(), io.StringIO()
    assert run(["tags", "oci:app", "--json", "--table"], {}, out, err, io.StringIO()) == 2
    error = json.loads(out.getvalue())["error"]
    assert error["message"] == "several formats are asked for: json, table"
    assert error["hint"] == "Keep one, such as `--json`."


def test_one_component_shows_a_note_and_a_warning_once() -> None:
    out, err = io.StringIO(), io.StringIO()
    shown = set[str]()
    for _ in range(2):
        component = ComponentConsole(Console({}, out, err), threading.Lock(), shown)
        component.note("the engine gets these tags")
        component.warn("a tag is withdrawn")
    assert err.getvalue().splitlines() == ["Note: the engine gets these tags", "Warning: a tag is withdrawn"]


def test_text_is_printed_where_nothing_else_is_asked_for() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run(["release", "--no-such-option"], {"TAGGER_JSON": "false"}, out, err, io.StringIO()) == 2
    assert (out.getvalue(), "--no-such-option" in err.getvalue()) == ("", True)
