"""Progress: drawn on a terminal, a line now and then elsewhere, nothing where a run is short or quiet."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.images.layout import Layout
from tagger.reporting.folding import cells
from tagger.reporting.live import Live
from tagger.reporting.progress import Progress
from tagger.reporting.states import State, amount, state_line
from tagger.reporting.terminal import Outlet
from tagger.results import Event
from tests.images.making import make_image
from tests.servers.small_registry import Fault, Reply, Request, SmallRegistry

PROGRAM = str(Path(__file__).parents[2] / "entrypoint.py")
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Ended(NamedTuple):
    """How a run on a terminal ended: its exit code, and all that the terminal was sent."""

    code: int
    sent: str

    @property
    def text(self) -> str:
        return SEQUENCE.sub("", self.sent)


def on_a_terminal(words: Sequence[str], columns: int = 80, environ: Mapping[str, str] | None = None) -> Ended:
    """Run the program with a terminal of its own."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **(environ or {})}
    process = subprocess.Popen(
        [sys.executable, PROGRAM, *words], stdin=terminal, stdout=terminal, stderr=terminal, env=given
    )
    os.close(terminal)
    sent = b""
    try:
        while part := os.read(controller, 65536):
            sent += part
    except OSError:  # EIO: nobody has the terminal open any more
        pass
    finally:
        os.close(controller)
    return Ended(process.wait(), sent.decode())


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make an image of 20 MB that does not compress, and return it as a source."""
    monkeypatch.chdir(tmp_path)
    make_image(Layout("build"), "app", "app", below=[os.urandom(20_000_000)])
    return "oci:build:app"


def slowly(request: Request) -> Fault | None:
    if request.method == "PUT" and request.kind == "uploads":
        time.sleep(0.6)
    return None


class TestOnATerminal:
    def test_bytes_rate_and_retries_are_drawn_and_taken_away(self, build: str, small_registry: SmallRegistry) -> None:
        small_registry.watch = slowly
        small_registry.fail(Fault("answer", Reply(503)), method="PUT", kind="uploads", at=2, times=1)
        image = f"{small_registry.host}/acme/app"
        ended = on_a_terminal(["release", image, "1.0.0", "--source", build])
        assert ended.code == 0
        assert re.search(rf"{image} +copying .*[0-9.]+ MB of 20\.\d MB +[0-9.]+ [kM]?B/s", ended.text)
        assert re.search(rf"{image}: 1 retry, .*503", ended.text)
        assert ended.sent.count("\x1b[?25l") == ended.sent.count("\x1b[?25h") == 1
        drawn, _, result = ended.sent.rpartition("\x1b[?25h")
        assert "MB of" in drawn
        assert result.count("\x1b[2K") >= 1  # what was drawn is erased
        assert "copying" not in result
        assert "staged" not in ended.text
        assert re.search(r"Released 1\.0\.0 to 1 repository in [0-9.]+ s: 4 created\r\n", SEQUENCE.sub("", result))
        assert result.endswith(f"{image}@{small_registry.tags('acme/app')['1.0.0']}\r\n")

    @pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"TAGGER_QUIET": "true"}])
    def test_where_it_is_not_drawn(self, environ: dict[str, str], build: str, small_registry: SmallRegistry) -> None:
        small_registry.watch = slowly
        ended = on_a_terminal(
            ["release", f"{small_registry.host}/acme/app", "1.0.0", "--source", build], environ=environ
        )
        assert (ended.code, "MB of" in ended.text, "\x1b[?25l" in ended.sent) == (0, False, False)

    def test_a_short_run_draws_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        make_image(Layout("app"), "app", "1.0.0")
        ended = on_a_terminal(["reconcile", "oci:app"], columns=60)
        assert (ended.code, "\x1b[?25l" in ended.sent) == (0, False)
        assert max(map(len, ended.text.split("\r\n"))) <= 60

    def test_without_the_package_that_draws_there_are_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "rich.console", None)
        monkeypatch.delitem(sys.modules, "tagger.reporting.live", raising=False)
        stream = Terminal()
        progress = Progress(Outlet(stream, {}), seldom=0.05, soon=0.01)
        progress.meter("ghcr.io/acme/app").phase("copying")
        time.sleep(0.3)
        progress.stop()
        first, second, *_ = stream.getvalue().splitlines()
        assert first == "progress is told in lines, as the Python package rich is missing"
        assert second.startswith("ghcr.io/acme/app: copying, ")


class Terminal(io.StringIO):
    """A terminal that keeps what it is given."""

    def isatty(self) -> bool:
        return True


class TestElsewhere:
    def test_a_line_every_while(self) -> None:
        stream = io.StringIO()
        progress = Progress(Outlet(stream, {}), seldom=0.05)
        meter = progress.meter("ghcr.io/acme/app")
        meter.phase("copying")
        meter.advance("a", 45_200_000, 90_000_000)
        meter.advance("b", 0, 100_000)
        meter.finish("b")
        meter.report_retry("uploading blob a: answered 503", 0.2)
        progress.meter("oci:done").phase("done")
        time.sleep(0.18)
        progress.stop()
        lines = stream.getvalue().splitlines()
        assert 1 <= len(lines) <= 4
        assert re.fullmatch(
            r"ghcr\.io/acme/app: copying, 0\.\d+ s; 45\.3 MB of 90\.1 MB, [0-9.]+ [kMG]?B/s; "
            r"1 retry, the last: uploading blob a: answered 503",
            lines[-1],
        )

    def test_what_is_short_says_nothing(self) -> None:
        stream = io.StringIO()
        progress = Progress(Outlet(stream, {}))
        progress.meter("a").advance("a", 1, 2)
        progress.stop()
        assert stream.getvalue() == ""

    def test_verbose_tells_of_requests_and_pauses(self, small_registry: SmallRegistry, tmp_path: Path) -> None:
        small_registry.fail(Fault("answer", Reply(503)), method="GET", kind="tags")
        words = ["tags", f"{small_registry.host}/acme/app", "-v"]
        ended = subprocess.run(
            [sys.executable, PROGRAM, *words], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
        )
        assert "GET /v2/acme/app/tags/list 503: " in ended.stderr
        assert re.search(r"tried again in 0\.\d+ s: .*answered 503", ended.stderr)
        quiet = subprocess.run(
            [sys.executable, PROGRAM, *words[:-1], "-q"],
            cwd=tmp_path,
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        assert quiet.stderr.startswith("Failed: ")

    def test_events_say_where_it_is(self) -> None:
        progress = Progress(Outlet(io.StringIO(), {}))
        progress.meter("a")
        for kind in ("pushing", "staged", "pointed"):
            progress.show(Event(kind, "a", ""))
        progress.show(Event("verified", "elsewhere", ""))
        progress.stop()
        assert [state.phase for state in progress.states()] == ["copied"]

    def test_bytes_are_those_of_the_phase(self) -> None:
        progress = Progress(Outlet(io.StringIO(), {}))
        meter = progress.meter("a")
        for phase, done in (("compressing layers", 70), ("copying", 30), ("pointing tags", 0)):
            meter.phase(phase)
            if done:
                meter.advance("a layer", done, 100)
                progress.show(Event("staged", "a", "")) if phase == "copying" else None
            (state,) = progress.states()
            assert (state.done, state.total) == ((done, 100) if done else (0, 0))
        progress.stop()


states = st.builds(
    State, st.text("ab/漢:.", max_size=120), st.sampled_from(["looking", "copying", "reading from the engine"]),
    st.integers(0, 1 << 45), st.integers(0, 1 << 45), st.floats(0, 1e11), st.integers(0, 20),
    st.text("ab 漢[]", max_size=200),
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(states, max_size=4), st.integers(60, 200))
def test_no_line_that_is_drawn_is_wider_than_the_screen(several: list[State], columns: int) -> None:
    stream = io.StringIO()
    with Live(Outlet(stream, {"COLUMNS": str(columns)})) as live:
        live.draw(several, 3)
    for line in SEQUENCE.sub("", stream.getvalue()).replace("\r", "\n").split("\n"):
        assert cells(line.rstrip()) <= columns


def test_a_narrow_screen_shortens_the_bar_and_the_name_and_no_number() -> None:
    stream = io.StringIO()
    with Live(Outlet(stream, {"COLUMNS": "64"})) as live:
        live.draw([State("ghcr.io/acme/application", "copying", 11_300_000, 94_400_000, 17_800_000, 0, "")], 0)
    drawn = SEQUENCE.sub("", stream.getvalue())
    assert re.search("ghcr.io/acme/[a-z]+… copying .{4} 11.3 MB of 94.4 MB 17.8 MB/s", drawn), drawn


def test_the_cause_of_a_retry_is_drawn_whole() -> None:
    stream = io.StringIO()
    cause = "asking whether pushing is allowed: answered 503"
    with Live(Outlet(stream, {"COLUMNS": "60"})) as live:
        live.draw([State("ghcr.io/acme/application", "looking", 0, 0, 0.0, 2, cause)], 0)
    drawn = " ".join(SEQUENCE.sub("", stream.getvalue()).split())
    assert f"ghcr.io/acme/application: 2 retries, {cause}" in drawn, drawn


@given(states, st.floats(0, 1e5))
def test_a_line_is_one(state: State, seconds: float) -> None:
    assert len(state_line(state, seconds).splitlines()) <= 1


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (45_230_000, "45.2 MB"), (2.5e9, "2.5 GB"), (123_400, "123 kB")],
)
def test_amounts(count: float, text: str) -> None:
    assert amount(count) == text
