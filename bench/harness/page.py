"""Writes docs/reference/performance.md and its plot from the rows of a run."""

from pathlib import Path

from harness import plot, table
from harness.rows import Row

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "reference" / "performance.md"
PLOT = REPOSITORY / "docs" / "reference" / "performance.svg"

TEXT = """# Performance, measured

This page is written by `bench/run report`; don't edit it. What each figure is, and why it is measured so, stands in
[bench/README.md](../../bench/README.md).

| | |
|---|---|
{facts}
| command | `bench/run report` |

Each cell is the median of all turns, with the smallest and the largest in brackets. Only the ratios carry to another
machine: both sides of each were measured in turn in this one run. Differences under 15 % are noise.

![CPU per GB over clients](performance.svg)

{table}
"""


def write(facts: dict, rows: list[Row]) -> Path:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    PLOT.write_text(plot.fanout(rows))
    PAGE.write_text(TEXT.format(facts=lines, table=table.markdown(rows)))
    return PAGE
