"""One plot as SVG: CPU per GB over the number of clients, one line per contender, both axes logarithmic."""

import math
from html import escape

from harness.rows import FLOORS, OURS, Row

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 34, 52
COLOURS = {OURS: "#c2410c", **dict(zip(FLOORS, ("#111827", "#6b7280", "#9ca3af")))}
OTHER_COLOURS = ("#2563eb", "#7c3aed", "#0d9488", "#be185d", "#65a30d")

Series = dict[str, list[tuple[float, float]]]


def _series(rows: list[Row]) -> Series:
    lines: Series = {}
    for row in rows:
        if row.figure != "fanout" or not row.case.startswith("mjpeg") or "1080p, same CPU" not in row.case:
            continue
        for name in row.samples:
            lines.setdefault(name, []).append((row.facts["clients"], row.median(name)))
    return {name: sorted(points) for name, points in lines.items()}


class Axis:
    """Maps a logarithmic range to pixels."""

    def __init__(self, values: list[float], start: float, end: float):
        self.low = math.log10(min(values) * 0.8)
        self.high = math.log10(max(values) * 1.25)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        candidates = [factor * 10.0**power for power in range(-4, 6) for factor in (1, 2, 5)]
        return [value for value in candidates if self.low <= math.log10(value) <= self.high]


def _frame(x: Axis, y: Axis) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in y.ticks():
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{y.at(value)}" y2="{y.at(value)}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y.at(value) + 4}" text-anchor="end">{value:g}</text>')
    for value in x.ticks():
        parts.append(f'<line x1="{x.at(value)}" x2="{x.at(value)}" y1="{bottom}" y2="{bottom + 5}" stroke="#9ca3af"/>')
        parts.append(f'<text x="{x.at(value)}" y="{bottom + 20}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#9ca3af"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">clients</text>')
    parts.append(f'<text x="{LEFT - 50}" y="{TOP - 14}">server CPU, seconds per GB delivered (MJPEG, 1080p30)</text>')
    return parts


def _line(name: str, colour: str, points: list[tuple[float, float]], x: Axis, y: Axis) -> list[str]:
    places = [(x.at(clients), y.at(cost)) for clients, cost in points]
    path = " ".join(f"{px},{py}" for px, py in places)
    dash = ' stroke-dasharray="6 4"' if name in FLOORS else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>']
    return parts + [f'<circle cx="{px}" cy="{py}" r="3.5" fill="{colour}"/>' for px, py in places]


def _legend(entries: list[tuple[str, str]]) -> list[str]:
    parts = []
    for index, (name, colour) in enumerate(entries):
        top = TOP + 10 + index * 20
        parts.append(f'<rect x="{WIDTH - RIGHT + 18}" y="{top - 8}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 36}" y="{top + 2}">{escape(name)}</text>')
    return parts


def fanout(rows: list[Row]) -> str:
    series = _series(rows)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12" fill="#374151"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>')
    if not series:
        return f'{head}<text x="20" y="40">no fan-out figure in this run</text></svg>\n'
    points = [point for line in series.values() for point in line]
    x = Axis([clients for clients, _ in points], LEFT, WIDTH - RIGHT)
    y = Axis([cost for _, cost in points], HEIGHT - BOTTOM, TOP)
    parts, legend, spare = _frame(x, y), [], iter(OTHER_COLOURS * 2)
    for name, line in series.items():
        colour = COLOURS.get(name) or next(spare)
        parts += _line(name, colour, line, x, y)
        legend.append((name, colour))
    return "\n".join([head, *parts, *_legend(legend), "</svg>"]) + "\n"
