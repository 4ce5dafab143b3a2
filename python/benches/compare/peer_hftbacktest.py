"""hftbacktest: a backtest on market depth by price (L2), compiled by Numba.

It keeps the depth of a feed and matches nothing but its own orders, so it is given what P2's
messages do to each level, and has to show the same best prices in the end.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import Report, each, main
from pure_python import BUY, Book
from streams import ADD, CANCEL, MARKET, ids, load

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

hftbacktest: Any = import_module("hftbacktest")
numba: Any = import_module("numba")


def updates(folder: Path) -> NDArray[Any]:
    """Return the events of the feed: the new quantity of each level that a message changed."""
    rows = load(folder, "messages")
    book = Book()
    totals: tuple[dict[int, int], ...] = ({}, {})
    events: list[tuple[int, int, int, int]] = []
    for now, ((kind, side, price, quantity, *_), id) in enumerate(
        zip(rows.tolist(), ids(rows), strict=True), 1
    ):
        changed: dict[tuple[int, int], int] = {}

        def change(
            side: int, price: int, by: int, changed: dict[tuple[int, int], int] = changed
        ) -> None:
            changed[side, price] = changed.get((side, price), 0) + by

        if kind != ADD and kind != MARKET:
            old = book.orders[id]
            side = old.side
            change(side, old.key if side else -old.key, -old.quantity)
        before = len(book.trades)
        if kind == ADD:
            new = book.limit(side, price, quantity)
        elif kind == CANCEL:
            new = None
            book.cancel(id)
        elif kind == MARKET:
            new = book.market(side, quantity)
        else:
            new = book.modify(id, price, quantity)
        for *_, at, traded in book.trades[before:]:
            change(1 - side, at, -traded)
        if new in book.orders:
            change(side, price, book.orders[new].quantity)
        for (level_side, at), by in changed.items():
            total = totals[level_side].get(at, 0) + by
            totals[level_side][at] = total
            events.append((level_side, now, at, total))

    depth = hftbacktest.DEPTH_EVENT | hftbacktest.EXCH_EVENT | hftbacktest.LOCAL_EVENT
    feed: NDArray[Any] = np.zeros(len(events), hftbacktest.event_dtype)
    sides, times, prices, quantities = np.array(events).T
    feed["ev"] = np.where(
        sides == BUY, depth | hftbacktest.BUY_EVENT, depth | hftbacktest.SELL_EVENT
    )
    feed["exch_ts"] = feed["local_ts"] = times
    feed["px"], feed["qty"] = prices, quantities
    return feed


def p5(folder: Path) -> Report:
    feed = updates(folder)

    def prepare() -> Any:  # noqa: ANN401
        asset = (
            hftbacktest.BacktestAsset()
            .data(feed)
            .linear_asset(1)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0, 0)
            .tick_size(1)
            .lot_size(1)
            .roi_lb(1)
            .roi_ub(20_000)
        )
        return hftbacktest.ROIVectorMarketDepthBacktest([asset])

    @numba.njit
    def run(backtest: Any) -> Any:  # noqa: ANN401
        while backtest.elapse(1_000) == 0:
            pass
        depth = backtest.depth(0)
        return depth.best_bid, depth.best_ask

    # Compiled before it is timed.
    run(prepare())
    time, (bid, ask) = each(run, prepare, of=500_000)
    return {"figures": {"": time}, "values": {"bid": bid, "ask": ask}}


main({"P5": p5})
