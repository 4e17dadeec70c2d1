"""A B A B: every contender once per round, so that a change of the machine's mood hits them all alike."""

from collections.abc import Callable

from harness.load import LoadFailed
from harness.process import StartFailed
from harness.rows import Row


def take(row: Row, rounds: int, contenders: dict[str, Callable[[], float]], say: Callable[[str], None]) -> None:
    """Fills the row's samples. A contender that fails is left out from then on, with the reason in the row."""
    for turn in range(rounds):
        for name, measure in contenders.items():
            if name in row.absent:
                continue
            say(f"{row.figure}: {row.case}: round {turn + 1} of {rounds}: {name}")
            try:
                row.samples.setdefault(name, []).append(measure())
            except (StartFailed, LoadFailed) as failed:
                row.absent[name] = str(failed)
    row.samples = {name: values for name, values in row.samples.items() if values}
