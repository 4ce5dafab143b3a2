"""How a row is timed, in a process of its own, and what that process prints.

Each `peer_NAME.py` runs in the environment of one package: `python peer_NAME.py ROW FOLDER`, with
the folder of the streams. A row returns figures by name, and values that all engines have to agree
on.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import TYPE_CHECKING, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
R = TypeVar("R")


class Report(TypedDict):
    # CPU time in nanoseconds for each unit of work, or bytes.
    figures: dict[str, float]
    values: dict[str, float]


# A virtual machine that was idle may run at half its speed for as long as this.
AWAKE_AFTER_NS = 500_000_000


def main(rows: dict[str, Callable[[Path], Report]]) -> None:
    row, folder = sys.argv[1:]
    while process_time_ns() < AWAKE_AFTER_NS:
        pass
    print(json.dumps(rows[row](Path(folder))))


def timed(run: Callable[[T], R], argument: T) -> tuple[int, R]:
    """Return the CPU time of a call, all threads, and its result."""
    gc.collect()
    # What is there already is not walked through on behalf of an engine.
    gc.freeze()
    start = process_time_ns()
    result = run(argument)
    return process_time_ns() - start, result


def each(
    run: Callable[[T], R], prepare: Callable[[], T], *, of: int = 1, passes: int = 3
) -> tuple[float, R]:
    """Return the median time of a unit of work over some passes, and the last result.

    Each pass is prepared anew, which is not timed.
    """
    times = [timed(run, prepare())[0] / of for _ in range(passes - 1)]
    time, result = timed(run, prepare())
    return median([*times, time / of]), result


def repeated(run: Callable[[], R], *, passes: int = 5, calls: int = 1) -> tuple[float, R]:
    """Return the median time of a call that changes nothing, and the result of one."""

    def several(count: int) -> None:
        for _ in range(count):
            run()

    result = run()
    return each(several, lambda: calls, of=calls, passes=passes)[0], result


def traded(trades: Iterable[tuple[int, int]]) -> dict[str, float]:
    """Return what engines agree on, from prices and quantities."""
    pairs = list(trades)
    return {
        "trades": len(pairs),
        "volume": sum(quantity for _, quantity in pairs),
        "notional": sum(price * quantity for price, quantity in pairs),
    }


def resident() -> int:
    """Return the memory that this process holds now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4_096


def bytes_an_order(add: Callable[[int, int, int], object], orders: int = 1_000_000) -> float:
    """Add resting orders as `add(side, price, quantity)`; return what each takes."""
    gc.collect()
    before = resident()
    for number in range(orders):
        side = number & 1
        away = 1 + number % 100
        add(side, 10_000 + away if side else 10_000 - away, 10)
    return (resident() - before) / orders
