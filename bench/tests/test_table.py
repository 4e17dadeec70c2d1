"""Rows, limits, the table and the plot: pure, so checked without a measurement."""

from xml.etree import ElementTree

import limits
from harness import plot, table
from harness.procfs import CpuTime
from harness.rows import FLOOR, OURS, Row, row_from_json


def fanout_row(clients: int, ours: float, floor: float) -> Row:
    case = f"mjpeg, {clients} clients, 1080p, same CPU"
    row = Row("fanout", case, "CPU-s/GB", {OURS: [ours, ours * 2, ours / 2], FLOOR: [floor]}, FLOOR)
    row.limit = limits.limit_of("fanout", case)
    row.facts = {"clients": clients}
    return row


def test_row_shows_median_spread_limit_and_ratio():
    row = fanout_row(50, 0.2, 0.25)
    row.absent["go2rtc"] = "not here"
    figure, case, ours, limit, ratio, others = table.cells(row)
    assert (figure, ours, limit, ratio) == ("fanout", "0.200 [0.100–0.400]", "≤ 0.85 ×", "0.80 ×")
    assert "50 clients" in case and "floor (sendmsg): 0.250" in others and "go2rtc: not here" in others


def test_row_survives_json():
    row = fanout_row(200, 0.2, 0.25)
    assert table.cells(row_from_json(row.as_json())) == table.cells(row)


def test_value_limit_is_compared_with_the_value():
    row = Row("start", "first JPEG", "ms", {OURS: [75.0]}, limit=limits.limit_of("start", "first JPEG"))
    assert table.cells(row)[4] == "0.50 of limit"


def test_limits_that_depend_on_the_content():
    assert limits.slow_age_ms(100_000, 20e6, 30) == 90.0
    assert round(limits.latency_ms(200, 100_000), 2) == 6.44


def test_plot_is_an_svg_with_a_line_per_contender():
    drawn = plot.fanout([fanout_row(10, 0.3, 0.4), fanout_row(1000, 0.1, 0.2)])
    root = ElementTree.fromstring(drawn)
    lines = [element for element in root.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 2 and all(len(line.get("points").split()) == 2 for line in lines)
    ElementTree.fromstring(plot.fanout([]))


def test_cpu_time_counts_new_threads_and_survives_ended_ones():
    before = CpuTime(1.0, {1: 1_000_000_000})
    assert CpuTime(2.0, {1: 1_500_000_000, 2: 100_000_000}).since(before) == 0.6
    assert CpuTime(2.0, {2: 100_000_000}).since(before) == 1.0
