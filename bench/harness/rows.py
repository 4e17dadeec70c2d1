"""What a figure hands back: one row per case, with every sample of every contender."""

import statistics
from dataclasses import asdict, dataclass, field

import limits

OURS = "camweave"


def floor_name(send_by: str) -> str:
    return f"floor ({send_by})"


FLOOR = floor_name("sendmsg")
FLOORS = (FLOOR, floor_name("sendfile"), floor_name("tee"))


@dataclass
class Row:
    figure: str
    case: str
    unit: str
    samples: dict[str, list[float]] = field(default_factory=dict)  # by contender, one per turn
    reference: str | None = None  # whose median the ratio is made with
    limit: limits.Limit | None = None
    absent: dict[str, str] = field(default_factory=dict)  # contender: why it has no samples
    remarks: dict[str, str] = field(default_factory=dict)  # contender: what else the table should say of it
    facts: dict[str, float] = field(default_factory=dict)  # numbers that the plot needs

    def median(self, name: str) -> float | None:
        values = self.samples.get(name)
        return statistics.median(values) if values else None

    def ratio(self, name: str) -> float | None:
        value = self.median(name)
        base = self.median(self.reference) if self.reference else None
        return value / base if value is not None and base else None

    def as_json(self) -> dict:
        return {**asdict(self), "medians": {name: self.median(name) for name in self.samples}}


def row_from_json(data: dict) -> Row:
    data = {key: value for key, value in data.items() if key != "medians"}
    if data.get("limit"):
        data["limit"] = limits.Limit(**data["limit"])
    return Row(**data)
