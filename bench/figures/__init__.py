"""The figures. One file and one row each: name, what it tells, the function that measures it.

A figure's function takes the Context and yields its rows, each as soon as it is complete.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from figures import fanout, idle, start
from harness.context import Context
from harness.rows import Row


@dataclass(frozen=True)
class Figure:
    name: str
    tells: str
    measure: Callable[[Context], Iterator[Row]]


FIGURES = (
    Figure("fanout", "CPU per GB delivered, over clients and protocols", fanout.measure),
    Figure("idle", "CPU with two cameras attached and nobody watching", idle.measure),
    Figure("start", "process start to the first whole JPEG", start.measure),
)
