"""Objects shared between threads: calls are serialised and never deadlock."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from nanobook import Exchange, MultiExchange, Side

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = 4


def together(*calls: Callable[[], object]) -> None:
    """Run the calls at the same time, and fail where one raises or none returns."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        barrier.wait()
        call()

    pool = ThreadPoolExecutor(len(calls))
    try:
        futures = [pool.submit(run, call) for call in calls]
        for future in futures:
            future.result(timeout=60)
    finally:
        # A deadlocked thread must not keep the test from failing.
        pool.shutdown(wait=False, cancel_futures=True)


def test_no_command_is_lost() -> None:
    exchange = Exchange()
    each = 5_000
    ids: list[list[int]] = [[] for _ in range(THREADS)]

    def trade(own: list[int], side: Side) -> None:
        own.extend(exchange.submit_limit(side, 100, 1).order_id for _ in range(each))

    together(*(lambda k=k: trade(ids[k], Side.BUY if k % 2 else Side.SELL) for k in range(THREADS)))
    everything = sorted(order_id for own in ids for order_id in own)
    assert everything == list(range(1, THREADS * each + 1))
    assert sum(trade.quantity for trade in exchange.trades()) == THREADS * each // 2
    assert exchange.best_bid_ask() == (None, None)
    exchange.check_invariants()
    assert Exchange.replay(exchange.events()) == exchange


def test_a_live_handle_and_its_multi_together() -> None:
    multi = MultiExchange()
    handle = multi.get_or_create("AAPL")

    def through_handle() -> None:
        for _ in range(3_000):
            handle.submit_limit("buy", 100, 1)
            handle.depth(5)

    def through_multi() -> None:
        for index in range(3_000):
            multi.submit_limit("AAPL", "sell", 100, 1)
            multi.get_or_create(f"S{index % 50}")
            multi.best_prices()

    together(through_handle, through_multi, through_handle, through_multi)
    assert len(multi.trades("AAPL")) == 6_000
    multi.check_invariants()


def exchanges() -> list[tuple[object, object]]:
    """Pairs of equal objects whose comparison takes two locks, or one twice."""
    multi = MultiExchange()
    for symbol in ("A", "B"):
        multi.submit_limit(symbol, "buy", 1, 1)
    own = Exchange()
    own.submit_limit("buy", 1, 1)
    other = Exchange.from_bytes(own.to_bytes())
    return [
        (own, other),
        (own, own),
        (multi["A"], multi["B"]),
        (multi["A"], own),
        (multi["A"], MultiExchange.from_bytes(multi.to_bytes())["A"]),
        (multi, multi),
        (multi, MultiExchange.from_bytes(multi.to_bytes())),
    ]


@pytest.mark.parametrize("index", range(7))
def test_comparing_both_ways_at_once(index: int) -> None:
    left, right = exchanges()[index]
    results: list[bool] = []

    def compare(a: object, b: object) -> None:
        results.extend(a == b for _ in range(2_000))

    together(
        lambda: compare(left, right),
        lambda: compare(right, left),
        lambda: compare(left, right),
        lambda: compare(right, left),
    )
    assert len(results) == 8_000
    assert all(results)


def test_long_calls_beside_short_ones(tmp_path: Path) -> None:
    exchange = Exchange()
    for index in range(5_000):
        exchange.submit_limit("buy", 1 + index % 100, 1)
    stop = threading.Event()

    def save() -> None:
        for index in range(5):
            exchange.save(tmp_path / f"{threading.get_ident()}.{index}")
            assert len(Exchange.from_bytes(exchange.to_bytes()).events()) >= 5_000
        stop.set()

    def submit() -> None:
        while not stop.is_set():
            exchange.submit_limit("buy", 50, 1)

    together(save, submit)
    for path in tmp_path.iterdir():
        Exchange.load(path).check_invariants()


def test_the_interpreter_is_free_during_replay() -> None:
    source = Exchange()
    for index in range(200_000):
        source.submit_limit("buy", 1 + index % 100, 1)
    events = source.events()
    digests: list[str] = []
    together(*(lambda: digests.append(Exchange.replay(events).state_digest()) for _ in range(2)))
    assert digests == [source.state_digest()] * 2


def test_the_collector_may_call_the_exchange() -> None:
    """Making Python objects can run finalizers, which may use the exchange that makes them."""
    exchange = Exchange()
    for price in range(1, 400):
        exchange.submit_limit("buy", price, 1)
        exchange.submit_limit("sell", price, 1)
    calls: list[int] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            calls.append(len(exchange.depth(1).bids))

    def use() -> None:
        for _ in range(50):
            Cycle()
            exchange.trades()
            exchange.events()
            exchange.full_book()
            exchange.submit_limit("buy", 10**6, 1)

    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        together(use)
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert len(calls) == 50
