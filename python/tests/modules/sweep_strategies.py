"""Strategies and functions that worker processes import by name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import nanobook
from nanobook import _executors

if TYPE_CHECKING:
    from collections.abc import Callable

    from nanobook import Portfolio

# Where a worker says that something happened.
LOG = "NANOBOOK_TEST_LOG"


class Momentum:
    """Hold the symbols that rose over a look-back, in equal parts."""

    def __init__(self, lookback: int) -> None:
        self.lookback = lookback
        self.history: list[dict[str, int]] = []

    def __call__(
        self, bar: int, prices: dict[str, int], portfolio: Portfolio
    ) -> dict[str, float] | None:
        self.history.append(prices)
        if bar < self.lookback or bar % 21:
            return None
        past = self.history[bar - self.lookback]
        up = [name for name, price in prices.items() if price > past[name]]
        return {name: 1 / len(up) for name in up}


class UnportableError(Exception):
    """Cannot be made again from its arguments, as many an exception cannot."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


def failing(param: int) -> Callable[[int, dict[str, int], Portfolio], None]:
    """Return a strategy that fails for odd parameters, the later ones sooner."""

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        if param % 2:
            time.sleep(0.2 / param)
            message = f"odd: {param}"
            raise LookupError(message)

    return strategy


def failing_to_travel(param: int) -> Callable[[int, dict[str, int], Portfolio], None]:
    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        raise UnportableError(param, "lost")

    return strategy


def never_made(param: int) -> NoReturn:
    message = f"no strategy for {param}"
    raise LookupError(message)


def weightless(param: int) -> Callable[[int, dict[str, int], Portfolio], dict[str, float]]:
    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        return {"A": float("nan")}

    return strategy


def endless(param: int) -> Callable[[int, dict[str, int], Portfolio], None]:
    """Return a strategy that says it is called, and takes its time at each bar."""

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        if bar == 0:
            say("begun")
        time.sleep(0.01)

    return strategy


def endless_returns(param: int) -> list[float]:
    say("begun")
    while True:
        time.sleep(0.01)


def say(what: str) -> None:
    """Append a line to the log."""
    with Path(os.environ[LOG]).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {what}\n")


def count_reads() -> None:
    """Let this worker process say each time it reads the file of a series."""
    remote = cast("Any", _executors)._RemoteSeries
    read = remote._file

    def counted(self: object) -> bytes:
        say("read")
        return cast("bytes", read(self))

    remote._file = counted


def lose_files() -> None:
    """Let this worker process find no files, as one on another machine."""
    remote = cast("Any", _executors)._RemoteSeries

    def lost(self: object) -> bytes:
        raise cast("Any", _executors)._MissingPrices

    remote._file = lost


def alternating(size: float) -> list[float]:
    return [size, -size / 2, size / 4] * 5


def returns_of_equal_weight(cash: int) -> list[float]:
    prices = [{"A": 100 + bar % 7, "B": 50 - bar % 3} for bar in range(40)]
    return nanobook.run_backtest(nanobook.EqualWeight(), prices, cash).returns.tolist()


def told(size: float) -> list[float]:
    say("called")
    return alternating(size)


def ending(param: int) -> NoReturn:
    os._exit(7)
