"""How long do batches, replays and snapshots take? Rows P4 to P6 of `benches/README.md`.

Figures of one machine and one hour compare with each other, and with nothing else.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Protocol

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
