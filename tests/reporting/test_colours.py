"""Colours: what a terminal is sent, and what everybody else is."""

import io
import re

import click
import pytest

from tagger.cli import run
from tagger.reporting.terminal import echo, style


class Terminal(io.StringIO):
    """A stream to somebody's eyes."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("styled", "expected"),
    [
        (style("kept", fg="bright_black"), click.style("kept", fg="bright_black")),
        (style("done", fg="green"), click.style("done", fg="green")),
        (style("2.1.4", bold=True), click.style("2.1.4", bold=True)),
        (style("(default)", dim=True), click.style("(default)", dim=True)),
        (style("Failed:", fg="red", bold=True), "\x1b[31;1mFailed:\x1b[0m"),
        (style("plain"), "plain"),
    ],
)
def test_only_a_terminal_is_sent_them(styled: str, expected: str) -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        echo(styled, stream)
    assert terminal.getvalue() == f"{expected}\n"
    assert file.getvalue() == f"{click.unstyle(expected)}\n"


def test_of_a_command() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        assert run(["config"], {"INPUT_JOBS": "3"}, stream, io.StringIO(), io.StringIO()) == 0
    assert re.search(r"\x1b\[1mjobs +\x1b\[0m  3", terminal.getvalue())
    assert click.unstyle(terminal.getvalue()) == file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_what_others_say_moves_no_cursor_and_gives_no_command(terminal: bool) -> None:
    """However it came into a line: escapes, workflow commands in both spellings, letters that turn the line."""
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    echo(f"{style('head', fg='red')} a\x1b]0;owned\x07\u202eb\n::add-mask::x\n  ::error::y\n##[error]z", stream)
    shown = stream.getvalue()
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
    assert not re.search(r"^\s*::|##\[", shown, re.MULTILINE)
