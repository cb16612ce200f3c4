"""Line charts as SVG, written by hand: what a benchmark shows beside its numbers."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias
from xml.sax.saxutils import escape

Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 44, 52
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df")


def growth(
    path: Path, title: str, x: str, y: str, series: Mapping[str, Points]
) -> None:
    """Write a chart with a logarithmic x axis, and a y axis that begins at nothing."""
    points = [point for line in series.values() for point in line]
    low, high = min(p[0] for p in points), max(p[0] for p in points)
    top = 1.1 * max(p[1] for p in points)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        span = math.log10(high / low) or 1.0
        along = math.log10(point[0] / low) / span
        return (
            LEFT + along * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - point[1] / top * (HEIGHT - TOP - BOTTOM),
        )

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#24292f">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, title, size=14),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x, anchor="middle"),
        _text(LEFT, TOP - 8, y),
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, level = place((low, share * top))
        drawn.append(_line([(LEFT, level), (WIDTH - RIGHT, level)], "#d0d7de"))
        drawn.append(_text(LEFT - 6, level + 4, f"{share * top:.3g}", anchor="end"))
    for value in sorted({p[0] for p in points}):
        at, floor = place((value, 0.0))
        drawn.append(_text(at, floor + 18, _short(value), anchor="middle"))
    for colour, (name, line) in zip(COLOURS, series.items(), strict=False):
        placed = [place(point) for point in line]
        drawn.append(_line(placed, colour, width=2))
        drawn += [
            f'<circle cx="{at:.1f}" cy="{level:.1f}" r="3" fill="{colour}"/>'
            for at, level in placed
        ]
        at, level = placed[-1]
        drawn.append(_text(at + 8, level + 4, name, colour=colour))
    path.write_text("\n".join([*drawn, "</svg>"]) + "\n")


def _line(points: Points, colour: str, *, width: int = 1) -> str:
    listed = " ".join(f"{at:.1f},{level:.1f}" for at, level in points)
    return (
        f'<polyline points="{listed}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )


def _text(
    at: float,
    level: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = "#24292f",
) -> str:
    return (
        f'<text x="{at:.1f}" y="{level:.1f}" font-size="{size}" '
        f'text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )


def _short(value: float) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"
