"""A B A B: every contender once per round, so that a change of the machine's mood hits them all alike."""

from collections.abc import Callable

from harness.load import LoadFailed
from harness.process import StartFailed
from harness.rows import Row


def take_together(rows: list[Row], rounds: int, contenders: dict[str, Callable[[], list[float]]],
                  say: Callable[[str], None]) -> None:
    """Turns that each give one value for every row. A contender that fails is left out from then on, with the reason."""
    absent = rows[0].absent
    for turn in range(rounds):
        for name, measure in contenders.items():
            if name in absent:
                continue
            say(f"{rows[0].figure}: {rows[0].case}: round {turn + 1} of {rounds}: {name}")
            try:
                values = measure()
            except (StartFailed, LoadFailed) as failed:
                absent[name] = str(failed)
                continue
            for row, value in zip(rows, values, strict=True):
                row.samples.setdefault(name, []).append(value)
    for row in rows[1:]:
        row.absent.update(absent)


def take(row: Row, rounds: int, contenders: dict[str, Callable[[], float]], say: Callable[[str], None]) -> None:
    """Turns for one row."""
    take_together([row], rounds, {name: lambda m=measure: [m()] for name, measure in contenders.items()}, say)
