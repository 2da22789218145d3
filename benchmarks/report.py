"""Tables in Markdown, and pictures in SVG: bars that are compared, and curves of cost against size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Section", "bars", "curves", "table"]

COLOURS = ("#0969da", "#bf3989", "#1a7f37", "#9a6700", "#8250df", "#57606a", "#cf222e", "#0a7ea4")
OURS = "#1a7f37"
THEIRS = "#8c959f"
STYLE = "font-family:system-ui,sans-serif;font-size:13px"


@dataclass(frozen=True, slots=True)
class Section:
    """The result of one measurement: Markdown, and pictures by file name."""

    text: str
    pictures: Mapping[str, str]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; its first column is text, the others are numbers."""
    lines = [head, ["---", *("--:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bars(title: str, values: Sequence[tuple[str, float, tuple[float, float]]], unit: str, ours: str) -> str:
    """Return bars with the spread of each value drawn into them, shortest first; `ours` stands out."""
    ordered = sorted(values, key=lambda value: value[1])
    most = max(high for _, _, (_, high) in ordered)
    height = 40 + 26 * len(ordered)
    parts = [_text(10, 20, title, "font-weight:600")]
    for row, (name, value, (low, high)) in enumerate(ordered):
        y, scale = 36 + 26 * row, 420 / most
        parts.append(_text(190, y + 14, name, "text-anchor:end"))
        colour = OURS if name == ours else THEIRS
        parts.append(f'<rect x="200" y="{y}" width="{value * scale:.1f}" height="18" rx="2" fill="{colour}"/>')
        parts.append(
            f'<path d="M{200 + low * scale:.1f} {y + 9}H{200 + high * scale:.1f}" stroke="#24292f" stroke-width="2"/>'
        )
        parts.append(_text(206 + high * scale, y + 14, f"{value:.0f} {unit}"))
    return _picture(720, height, parts)


def curves(title: str, lines: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str) -> str:
    """Return curves on logarithmic axes: what each line costs at each size."""
    points = [point for line in lines.values() for point in line]
    left, right = (math.log10(find(x for x, _ in points)) for find in (min, max))
    bottom, top = (math.log10(find(y for _, y in points)) for find in (min, max))
    bottom, top = math.floor(bottom), math.ceil(top)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            70 + 470 * (math.log10(x) - left) / (right - left or 1),
            270 - 225 * (math.log10(y) - bottom) / (top - bottom or 1),
        )

    parts = [_text(10, 20, title, "font-weight:600"), _text(64, 36, up, "text-anchor:end")]
    parts.append(_text(305, 312, across, "text-anchor:middle"))
    for power in range(bottom, top + 1):
        _, y = place(10**left, 10**power)
        parts.append(f'<path d="M70 {y:.1f}H540" stroke="#d0d7de"/>')
        parts.append(_text(64, y + 4, f"{10**power:g}", "text-anchor:end"))
    for x in sorted({x for x, _ in points}):
        parts.append(_text(place(x, 10**bottom)[0], 290, f"{x:,.0f}", "text-anchor:middle"))
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(_text(550, 60 + 20 * number, name, f"fill:{colour};font-weight:600"))
    return _picture(720, 320, parts)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'


def _picture(width: int, height: int, parts: Sequence[str]) -> str:
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="{STYLE}">'
    return "\n".join((frame, f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>\n"))
