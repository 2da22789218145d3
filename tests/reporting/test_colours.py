"""Colours: what a terminal is sent, and what everybody else is."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
from pathlib import Path

import click
import pytest

from tagger.cli import run
from tagger.reporting.terminal import Outlet, style


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
        Outlet(stream, {}).echo(styled)
    assert terminal.getvalue() == f"{expected}\n"
    assert file.getvalue() == f"{click.unstyle(expected)}\n"


def test_of_a_command() -> None:
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        assert run(["config"], {"INPUT_JOBS": "3", "COLUMNS": "200"}, stream, io.StringIO(), io.StringIO()) == 0
    assert re.search(r"\x1b\[1mjobs +\x1b\[0m  3", terminal.getvalue())
    assert click.unstyle(terminal.getvalue()) == file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_what_others_say_moves_no_cursor_and_gives_no_command(terminal: bool) -> None:
    """However it came into a line: escapes, workflow commands in both spellings, letters that turn the line."""
    stream = Terminal() if terminal else io.StringIO()
    text = f"{style('head', fg='red')} a\x1b]0;owned\x07\u202eb\n::add-mask::x\n  ::error::y\n##[error]z"
    Outlet(stream, {}).echo(text)
    shown = stream.getvalue()
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
    assert not re.search(r"^\s*::|##\[", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("environ", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, True, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ({"GITHUB_ACTIONS": "true"}, True, True),
        ({"GITHUB_ACTIONS": "true", "NO_COLOR": "1"}, False, False),
    ],
)
def test_what_the_environment_says(environ: dict[str, str], terminal: bool, pipe: bool) -> None:
    read, write = os.pipe()
    try:
        with os.fdopen(write, "w") as stream:
            assert Outlet(stream, environ).is_coloured is pipe
    finally:
        os.close(read)
    assert Outlet(Terminal(), environ).is_coloured is terminal


def test_a_file_of_a_workflow_has_none(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        assert not Outlet(stream, {"GITHUB_ACTIONS": "true"}).is_coloured


@pytest.mark.parametrize(
    ("columns", "width"),
    [("", 200), ("80", 80), ("20", 60), ("1000", 200), ("-1", 200), ("x", 200), ("0", 200), ("99999999", 200)],
)
def test_how_wide_a_text_is(columns: str, width: int) -> None:
    assert Outlet(io.StringIO(), {"COLUMNS": columns}).width == width


@pytest.mark.parametrize(("columns", "width"), [(40, 60), (80, 80), (132, 132), (250, 200), (0, 200)])
def test_how_wide_a_terminal_is(columns: int, width: int) -> None:
    controller, terminal = pty.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with os.fdopen(terminal, "w") as stream:
            assert Outlet(stream, {}).width == width
    finally:
        os.close(controller)
