"""The runner's language: what is escaped, and that no value can close its block or become a command."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError, Refused
from tagger.reporting.github import Runner


def printed(environ: dict[str, str]) -> tuple[Runner, io.StringIO]:
    stream = io.StringIO()
    return Runner(environ, stream), stream


class TestCommands:
    """A command is one line: percent signs and line ends are escaped, in properties colons and commas too."""

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (InputError("wrong", "Write it right."), "::error title=Invalid input::wrong%0AWrite it right.\n"),
            (Refused("100 % wrong\r\n::error::x"), "::error title=Refused::100 %25 wrong%0A::error::x\n"),
            (
                Refused("\x1b[31m\x9b##[error]\u202e\ra"),
                "::error title=Refused::\\u001b[31m\\u009b##\\[error]\\u202e\\u000da\n",
            ),
        ],
    )
    def test_an_error(self, error: InputError, expected: str) -> None:
        runner, stream = printed({})
        runner.error(error)
        assert stream.getvalue() == expected

    def test_a_warning(self) -> None:
        runner, stream = printed({})
        runner.warning("careful", title="a: b, c%")
        assert stream.getvalue() == "::warning title=a%3A b%2C c%25::careful\n"

    @given(st.text())
    def test_nothing_ends_a_command_early(self, text: str) -> None:
        runner, stream = printed({})
        runner.warning(text)
        assert len(re.split("[\r\n]", stream.getvalue())) == 2


class TestMasks:
    """Every line of a secret is hidden, the longest first, and only where there is a runner."""

    def test_in_a_workflow(self) -> None:
        runner, stream = printed({"GITHUB_ACTIONS": "true"})
        runner.mask(["one\ntwo lines", "", " "])
        assert stream.getvalue() == "::add-mask::one%0Atwo lines\n::add-mask::two lines\n::add-mask::one\n"

    @pytest.mark.parametrize("environ", [{}, {"GITHUB_ACTIONS": "false"}])
    def test_elsewhere_a_secret_is_not_printed(self, environ: dict[str, str]) -> None:
        runner, stream = printed(environ)
        runner.mask(["hunter2"])
        assert stream.getvalue() == ""


class TestFiles:
    """Outputs and the summary go to the files that the runner names, and nowhere when it names none."""

    def test_outputs(self, tmp_path: Path) -> None:
        runner, stream = printed({"GITHUB_OUTPUT": str(tmp_path / "output")})
        runner.tell({"tags": "a\nb", "evil": "x\nEOF\nversion<<EOF\n9"})
        text = (tmp_path / "output").read_text()
        blocks = re.findall(r"^([a-z]+)<<(end-[0-9a-f]{32})\n(.*?)\n\2$", text, re.DOTALL | re.MULTILINE)
        assert {name: value for name, _, value in blocks} == {"tags": "a\nb", "evil": "x\nEOF\nversion<<EOF\n9"}
        assert len({fence for _, fence, _ in blocks}) == 2
        assert stream.getvalue() == ""

    def test_the_summary_is_added_to(self, tmp_path: Path) -> None:
        (tmp_path / "summary").write_text("before\n")
        runner, _ = printed({"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
        runner.tell({}, "# after ✓")
        assert (tmp_path / "summary").read_text(encoding="utf-8") == "before\n# after ✓\n"

    def test_without_a_runner(self) -> None:
        runner, stream = printed({})
        runner.tell({"version": "2.1.4"}, "x")
        assert stream.getvalue() == ""
