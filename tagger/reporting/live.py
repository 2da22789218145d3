"""The progress of a run, drawn on a terminal by rich."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as Drawing
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tagger.reporting.folding import fold
from tagger.reporting.sentences import number_of
from tagger.reporting.states import State, amount
from tagger.reporting.terminal import Outlet, plain

__all__ = ["Live"]

_NARROWEST, _WIDEST = 4, 12  # columns of a bar


class Live:
    """The progress below the other lines of a terminal. Use it in a `with` block, which removes it at the end."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._console = Console(
            file=outlet.stream, width=outlet.width, force_terminal=True, no_color=not outlet.is_coloured,
            highlight=False, markup=False, emoji=False, legacy_windows=False,
        )  # fmt: skip
        self._drawing = Drawing(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        self._drawing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawing.stop()

    def echo(self, text: str) -> None:
        """Print a text above the progress."""
        self._drawing.update(Text(""), refresh=True)
        self._outlet.echo(text)

    def draw(self, states: Sequence[State], more: int) -> None:
        """Draw the progress of the repositories. `more` is the number of those that are left out."""
        rows = [_texts(state) for state in states]
        widths = [max(map(len, column)) + 1 for column in zip(*rows, strict=True)] or [0]
        room = self._console.width - sum(widths[1:])
        width = min(_WIDEST, max(_NARROWEST, room - widths[0]))
        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(1, room - width - 1))
        for _ in range(4):
            table.add_column(no_wrap=True)
        below: list[RenderableType] = []
        for state, (place, phase, sizes, rate) in zip(states, rows, strict=True):
            bar = _bar(state, width)
            table.add_row(Text(place, style="bold"), Text(phase, style="cyan"), bar, Text(sizes), Text(rate))
            if state.pauses:
                text = f"{plain(state.place)}: {number_of(state.pauses, 'retry', 'retries')}, {plain(state.cause)}"
                first, *more_lines = fold(text, self._console.width - 4)
                below += [Text(line, style="yellow") for line in (f"  {first}", *(f"    {one}" for one in more_lines))]
        if more > 0:
            below.append(Text(f"  and {number_of(more, 'more repository', 'more repositories')}", style="bright_black"))
        self._drawing.update(Group(table, *below), refresh=True)


def _texts(state: State) -> tuple[str, str, str, str]:
    """Return the repository, its phase, the bytes done of all bytes, and the rate."""
    sizes = f"{amount(state.done)} of {amount(state.total)}" if state.total else ""
    rate = f"{amount(state.rate)}/s" if state.total and state.done < state.total else ""
    return plain(state.place), state.phase, sizes, rate


def _bar(state: State, width: int) -> RenderableType:
    if not state.total:
        return Text("")
    return ProgressBar(total=state.total, completed=min(state.done, state.total), width=width)
