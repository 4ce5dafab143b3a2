"""How long do calls, snapshots, batches and replays take? Rows P1 to P7 of `benches/README.md`.

Figures of one machine and one hour compare with each other, and with nothing else.
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pytest

from nanobook import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MESSAGES = 500_000
LIVE = 2_000
ADD, MARKET, CANCEL, MODIFY = range(4)


class Benchmark(Protocol):
    """The fixture of pytest-benchmark."""

    extra_info: dict[str, object]

    def __call__(self, run: Callable[..., Any], *arguments: object) -> Any: ...  # noqa: ANN401
    def pedantic(self, run: Callable[..., Any], **options: object) -> Any: ...  # noqa: ANN401


def random_messages() -> dict[str, NDArray[Any]]:
    """Return 53 % adds, 38 % cancels, 8 % market orders and 2 % modifies, as columns.

    What rests is known only by running them, so a cancel or modify may come too late, as it may on
    an exchange.
    """
    rng = random.Random(42)
    columns: dict[str, NDArray[Any]] = {
        "kind": np.zeros(MESSAGES, "u1"),
        "side": np.zeros(MESSAGES, "u1"),
        **{name: np.zeros(MESSAGES, "i8") for name in ("price", "quantity", "order_id")},
    }
    live: list[int] = []
    next_id = 1
    for row in range(MESSAGES):
        weights = [53, 8, 38 if len(live) > LIVE // 2 else 0, 2 if live else 0]
        kind = CANCEL if len(live) > 2 * LIVE else rng.choices(range(4), weights)[0]
        side = rng.randrange(2)
        away = 1 + int(rng.expovariate(0.1))
        columns["kind"][row] = kind
        columns["side"][row] = side
        columns["price"][row] = 10_000 + away if side else 10_000 - away
        columns["quantity"][row] = rng.randint(1, 100)
        if kind in {CANCEL, MODIFY}:
            place = rng.randrange(len(live))
            live[place], live[-1] = live[-1], live[place]
            columns["order_id"][row] = live.pop()
        if kind != CANCEL:
            if kind != MARKET:
                live.append(next_id)
            next_id += 1
    return columns


COLUMNS = random_messages()
Side = Literal["buy", "sell"]
SIDES: list[Side] = ["buy", "sell"]
RESTING = 200_000


def random_orders() -> list[tuple[Side, int, int]]:
    """Return limit orders of 100 prices a side that do not cross."""
    rng = random.Random(1)
    orders: list[tuple[Side, int, int]] = []
    for _ in range(RESTING):
        side, away = rng.randrange(2), rng.randrange(100)
        orders.append((SIDES[side], 10_001 + away if side else 10_000 - away, rng.randint(1, 100)))
    return orders


ORDERS = random_orders()


@pytest.mark.benchmark(group="P1 200,000 orders, one call each")
def test_p1(benchmark: Benchmark) -> None:
    def run() -> Exchange:
        exchange = Exchange()
        submit = exchange.submit_limit
        for side, price, quantity in ORDERS:
            submit(side, price, quantity)
        return exchange

    assert not benchmark(run).trades()


@pytest.mark.benchmark(group="P1 200,000 orders, one call each")
def test_p1_the_loop_alone(benchmark: Benchmark) -> None:
    def run() -> None:
        for _side, _price, _quantity in ORDERS:
            pass

    benchmark(run)


Message = tuple[int, Side, int, int, int]


def messages() -> list[Message]:
    """Return P5's messages as tuples."""
    kind, side, *numbers = (column.tolist() for column in COLUMNS.values())
    return list(zip(kind, map(SIDES.__getitem__, side), *numbers, strict=True))


@pytest.mark.benchmark(group="P2 500,000 messages, one call each")
def test_p2(benchmark: Benchmark) -> None:
    stream = messages()

    def run() -> Exchange:
        exchange = Exchange()
        submit, market = exchange.submit_limit, exchange.submit_market
        cancel, modify = exchange.cancel, exchange.modify
        for kind, side, price, quantity, order_id in stream:
            if kind == ADD:
                submit(side, price, quantity)
            elif kind == CANCEL:
                cancel(order_id)
            elif kind == MARKET:
                market(side, quantity)
            else:
                modify(order_id, price, quantity)
        return exchange

    assert benchmark(run) == submitted()


@pytest.mark.benchmark(group="P2 500,000 messages, one call each")
def test_p2_the_loop_alone(benchmark: Benchmark) -> None:
    stream = messages()

    def run() -> None:
        for kind, _side, _price, _quantity, _order_id in stream:
            if kind == ADD:
                continue
            if kind == CANCEL:
                continue
            if kind == MARKET:
                continue

    benchmark(run)


@pytest.mark.benchmark(group="P3 20,000 orders at one price cancelled in random order")
def test_p3(benchmark: Benchmark) -> None:
    ids = list(range(1, 20_001))
    random.Random(2).shuffle(ids)

    def setup() -> tuple[tuple[Exchange], dict[str, Any]]:
        exchange = Exchange()
        for _ in ids:
            exchange.submit_limit("buy", 10_000, 5)
        return (exchange,), {}

    def run(exchange: Exchange) -> Exchange:
        cancel = exchange.cancel
        for order_id in ids:
            cancel(order_id)
        return exchange

    assert benchmark.pedantic(run, setup=setup, rounds=100).best_bid() is None


def submitted() -> Exchange:
    exchange = Exchange()
    exchange.submit_batch(COLUMNS)
    return exchange


def deep() -> Exchange:
    """Return an exchange with 1,000 levels a side."""
    exchange = Exchange()
    for level in range(1_000):
        exchange.submit_limit("buy", 10_000 - level, 5)
        exchange.submit_limit("sell", 10_001 + level, 5)
    return exchange


@pytest.mark.benchmark(group="P4 ten levels of 1,000")
def test_p4_as_an_array(benchmark: Benchmark) -> None:
    assert len(benchmark(deep().depth_array, 10)) == 20


@pytest.mark.benchmark(group="P4 ten levels of 1,000")
def test_p4_as_objects_read(benchmark: Benchmark) -> None:
    exchange = deep()

    def run() -> int:
        book = exchange.depth(10)
        return sum(level.price + level.quantity for level in [*book.bids, *book.asks])

    assert benchmark(run) > 0


@pytest.mark.benchmark(group="P4 ten levels of 1,000")
def test_p4_reading_alone(benchmark: Benchmark) -> None:
    """The loop of the row above over objects of plain Python that are there already."""

    class Level:
        __slots__ = ("price", "quantity")

        def __init__(self, price: int, quantity: int) -> None:
            self.price = price
            self.quantity = quantity

    book = deep().depth(10)
    bids, asks = (
        [Level(level.price, level.quantity) for level in side] for side in (book.bids, book.asks)
    )

    def run() -> int:
        return sum(level.price + level.quantity for level in [*bids, *asks])

    assert benchmark(run) > 0


@pytest.mark.benchmark(group="P5 500,000 messages in a batch")
def test_p5(benchmark: Benchmark) -> None:
    exchange = benchmark(submitted)
    assert len(exchange.events_table()) == MESSAGES
    # Most cancels find their order.
    assert len(exchange.trades_table()) > MESSAGES // 20


@pytest.mark.benchmark(group="P6 replay of 500,000 events")
@pytest.mark.parametrize("form", ["events_array", "events_table", "events"])
def test_p6(benchmark: Benchmark, form: str) -> None:
    exchange = submitted()
    events = getattr(exchange, form)()
    assert benchmark(Exchange.replay, events) == exchange


RESIDENT = """
import os
from pathlib import Path
from nanobook import Exchange

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

exchange = Exchange()
before = resident()
for number in range(1_500_000):
    if number % 2:
        exchange.submit_limit("buy", 10_000 - number % 100, 5)
    else:
        exchange.submit_limit("sell", 10_001 + number % 100, 5)
print((resident() - before) / 1_500_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory of Linux")
@pytest.mark.benchmark(group="P7 memory of 1,500,000 resting orders")
def test_p7(benchmark: Benchmark, capsys: pytest.CaptureFixture[str]) -> None:
    """How many bytes an order takes, the event log included, in a process of its own."""
    command = [sys.executable, "-I", "-c", RESIDENT]
    size = float(benchmark.pedantic(subprocess.check_output, args=(command,)))
    benchmark.extra_info["bytes per resting order"] = size
    with capsys.disabled():
        print(f"\nP7: {size:.1f} bytes per resting order")
