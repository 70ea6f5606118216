"""A line through a few points as an SVG, written by hand: what grows along the axis by tens, what was measured upwards."""

from collections.abc import Sequence
from math import log10
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 30, 56, 56
INK, LINE, GRID = "#24292f", "#0969da", "#d0d7de"


def plot(file: Path, *, title: str, along: str, up: str, points: Sequence[tuple[float, float]]) -> None:
    """Write the picture; the axis upwards begins at 0, so that growth is seen for what it is."""
    most = max(value for _, value in points) * 1.25 or 1.0
    first, last = log10(points[0][0]), log10(points[-1][0])

    def x(size: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ((log10(size) - first) / ((last - first) or 1))

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        f'<g font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">{title}</text>',
        f'<text x="{LEFT}" y="42">{up}</text>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{along}</text>',
    ]
    for step in range(5):
        value = most * step / 4
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    line = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for size, value in points:
        parts.append(
            f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="4" fill="{LINE}"/>'
            f'<text x="{x(size):.1f}" y="{y(value) - 10:.1f}" text-anchor="middle">{value:.3g}</text>'
            f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,.0f}</text>'
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*parts, "</g>", "</svg>", ""]), encoding="utf-8")
