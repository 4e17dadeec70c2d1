"""The printed table, and the same as Markdown. One line per row, the peers behind it."""

import limits
from harness.rows import OURS, Row

HEADINGS = ("figure", "case", "ours", "limit", "ratio", "reference and peers")


def number(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def spread(row: Row, name: str) -> str:
    """median [minimum–maximum]"""
    values = row.samples.get(name)
    if not values:
        return row.absent.get(name, "not measured")
    text = f"{number(row.median(name))} [{number(min(values))}–{number(max(values))}]"
    return f"{text} {row.remarks[name]}" if name in row.remarks else text


def ratio(row: Row, name: str) -> str:
    value = row.ratio(name)
    return "–" if value is None else f"{value:.2f} ×"


def _limit(row: Row) -> str:
    return row.limit.text() if row.limit else "–"


def _peer(row: Row, name: str) -> str:
    text = f"{name}: {spread(row, name)}"
    if name in row.samples and name != row.reference and row.ratio(name) is not None:
        text += f" = {ratio(row, name)}"
    return text


def cells(row: Row) -> tuple[str, ...]:
    others = [name for name in {**row.samples, **row.absent} if name != OURS]
    others.sort(key=lambda name: name != row.reference)
    ours = spread(row, OURS) if OURS in row.samples or OURS in row.absent else "–"
    peers = "; ".join(_peer(row, name) for name in others)
    if row.limit and row.limit.kind == limits.VALUE and row.limit.at_most > 0 and row.median(OURS) is not None:
        compared = f"{row.median(OURS) / row.limit.at_most:.2f} of limit"
    else:
        compared = ratio(row, OURS)
    return (row.figure, f"{row.case} ({row.unit})", ours, _limit(row), compared, peers)


def plain(rows: list[Row]) -> str:
    lines = [HEADINGS, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS) - 1)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[-1]]) for line in lines)


def markdown(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells(row)) + " |" for row in rows]
    return "\n".join(lines)
