"""Help: one screen first, everything behind `--verbose`, examples that are understood, in any width."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.cli import run
from tagger.command_line.help import GROUPS, command_help, program_help
from tagger.command_line.line import read_line
from tagger.command_line.parser import parse
from tagger.commands import NAMES, commands, find_command
from tagger.settings.arguments import NAMES as WORDS
from tagger.settings.option import Group
from tagger.settings.options import OPTIONS

SCREEN = 28  # lines


def said(*words: str, environ: Mapping[str, str] | None = None) -> list[str]:
    out = io.StringIO()
    assert run(words, environ or {}, out, io.StringIO(), io.StringIO()) == 0
    return out.getvalue().splitlines()


class TestOfTheProgram:
    @pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",), ("--image", "a/b", "--help")])
    def test_every_command_on_one_screen(self, words: tuple[str, ...]) -> None:
        lines = said(*words, environ={"COLUMNS": "80"})
        text = " ".join(" ".join(lines).split())
        assert [one.name for one in commands() if f" {one.name} {one.help}" not in text] == []
        assert len(lines) <= SCREEN
        assert sum(line.startswith("  tagger ") for line in lines) == 3

    def test_every_option_behind_verbose(self) -> None:
        text = " ".join(" ".join(said("help", "--verbose")).split())
        assert [option.name for option in OPTIONS if (option.usage in text) == option.secret] == []

    def test_where_nothing_is_said_and_nothing_configured(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert said()[0].startswith("Usage: tagger")
        assert said(environ={"INPUT_IMAGES": " ", "TAGGER_NOW": "2026-01-01T00:00:00Z"}) == said()

    @pytest.mark.parametrize("environ", [{"INPUT_COMMAND": "plan"}, {"TAGGER_IMAGE": "a/b"}, {"INPUT_JSON": "true"}])
    def test_what_is_configured_runs(
        self, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run([], environ, io.StringIO(), io.StringIO(), io.StringIO()) == 2

    def test_a_file_configures(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / ".tagger.yml").write_text("images: a/b\nscheme: x\n")
        assert run([], {}, io.StringIO(), io.StringIO(), io.StringIO()) == 2


class TestOfACommand:
    @pytest.mark.parametrize("name", NAMES)
    def test_one_screen_names_its_options(self, name: str) -> None:
        lines = said(name, "--help", environ={"COLUMNS": "80"})
        assert len(lines) <= SCREEN
        words = set(" ".join(lines).split())
        assert {option.spelling for option in find_command(name).options} | {"--password-stdin"} <= words
        assert said("help", name, environ={"COLUMNS": "80"}) == lines
        assert said("--help", name, environ={"COLUMNS": "80"}) == lines

    @pytest.mark.parametrize("name", NAMES)
    def test_verbose_explains_each_once(self, name: str) -> None:
        text = " ".join(" ".join(said(name, "-v", "-h")).split())
        options = find_command(name).options
        assert [option.name for option in options if option.usage not in text] == []
        assert text.count("May be repeated.") == sum(option.repeats for option in options)
        assert name != "release" or "--on-conflict revision|fail|keep|overwrite" in text

    @pytest.mark.parametrize("name", NAMES)
    def test_three_examples_that_are_understood(self, name: str) -> None:
        command = find_command(name)
        assert len(command.examples) == 3
        for example in command.examples:
            line = read_line(example.replace("'", "").split())
            assert line.command == name
            parse(command, line.rest)

    def test_what_its_words_stand_for_is_in_its_usage(self) -> None:
        for command in commands():
            if command.words:
                assert command.arguments == " ".join(f"[{WORDS[name]}]" for name in command.words)


class TestGroups:
    def test_every_option_is_in_one(self) -> None:
        assert {option.group for option in OPTIONS} == set(GROUPS) == set(Group.__args__)  # type: ignore[attr-defined]

    @pytest.mark.parametrize("group", GROUPS)
    def test_three_examples_that_a_release_understands(self, group: Group) -> None:
        examples = GROUPS[group][1]
        assert len(examples) == 3
        for example in examples:
            words = [word.strip("'") for word in example.partition(" <")[0].split(" ")]
            spellings = {spelling: option for option in OPTIONS for spelling in option.spellings}
            named = [word for word in words if word.startswith("--") and word != "--password-stdin"]
            assert any(spellings[word].group == group for word in named), example
            assert set(named) <= {one for option in find_command("release").options for one in option.spellings}

    @given(st.integers(60, 200), st.sampled_from(NAMES), st.booleans())
    def test_no_line_is_wider_than_the_screen(self, width: int, name: str, verbose: bool) -> None:
        texts = (program_help(width, verbose=verbose), command_help(find_command(name), width, verbose=verbose))
        for line in click.unstyle("\n".join(texts)).splitlines():
            free = "  tagger " in line or "|" in line  # an example, and the choices of an option, are not folded
            assert len(line) <= width or free, line


class TestMissing:
    """Without the dependencies, or on an old Python: what is missing, and no traceback."""

    PROGRAM = str(Path(__file__).parent.parent.parent / "entrypoint.py")

    @pytest.mark.parametrize("words", [("plan", "--image", "a/b"), ("plan", "--json"), ("tags",)])
    def test_a_package(self, words: tuple[str, ...], tmp_path: Path) -> None:
        """The packages are where `-S` does not look; a settings file needs one."""
        if words == ("tags",):
            (tmp_path / ".tagger.yml").write_text("images: a/b\n")
        ended = subprocess.run(
            [sys.executable, "-S", self.PROGRAM, *words], capture_output=True, text=True, check=False, cwd=tmp_path,
            env={"TAGGER_IMAGES": "127.0.0.1:1/a/b"},
        )  # fmt: skip
        assert ended.returncode == 2
        assert re.match(r"Invalid input: the Python package \w+ is missing\nHint: .*pip install", ended.stderr)
        assert "Traceback" not in ended.stderr
        assert json.loads(ended.stdout)["error"]["code"] == "MISSING_PACKAGE" if "--json" in words else not ended.stdout

    def test_help_needs_none(self) -> None:
        ended = subprocess.run([sys.executable, "-S", self.PROGRAM, "help", "release"], capture_output=True, check=True)
        assert ended.stdout.startswith(b"Usage: tagger release")

    def test_a_package_that_everything_needs(self, tmp_path: Path) -> None:
        (tmp_path / "tagger").mkdir()
        (tmp_path / "tagger/__init__.py").touch()
        (tmp_path / "tagger/program.py").write_text("import semver\n")
        (tmp_path / "entrypoint.py").write_text(Path(self.PROGRAM).read_text())
        words = [sys.executable, "-S", str(tmp_path / "entrypoint.py"), "--json"]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (2, "MISSING_PACKAGE")
        assert ended.stderr.startswith("Invalid input: the Python package semver is missing\nHint: ")

    def test_a_package_that_is_wanted_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "click", None)
        monkeypatch.delitem(sys.modules, "tagger.command_line.parser")
        out, err = io.StringIO(), io.StringIO()
        assert run(["plan", "--json"], {}, out, err, io.StringIO()) == 2
        assert json.loads(out.getvalue())["error"]["message"] == "the Python package click is missing"

    def test_a_module_of_ours_is_a_bug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tagger.command_line.parser", None)
        with pytest.raises(ModuleNotFoundError):
            run(["plan", "--json"], {}, io.StringIO(), io.StringIO(), io.StringIO())

    def test_an_old_python(self) -> None:
        code = f"import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path({self.PROGRAM!r}, run_name='__main__')"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert ended.stderr.startswith("Invalid input: Tagger needs Python 3.11 or newer, and this is 3.9\n")
        import ast

        ast.parse(Path(self.PROGRAM).read_text(), feature_version=(3, 4))
