"""This project, as its wheel is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from measure import Report, bytes_an_order, each, main, repeated, timed, traded
from streams import ADD, BUY, CANCEL, MARKET, SELL, ids, load

from nanobook import (
    CostModel,
    EqualWeight,
    Exchange,
    Portfolio,
    PriceSeries,
    Side,
    WeightSchedule,
    compute_metrics,
    run_backtest,
    sweep_strategy,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CASH = 1_000_000_000_00
BPS_10_5 = CostModel(10, 5, 0)
SIDES = {BUY: Side.BUY, SELL: Side.SELL}


def of_exchange(exchange: Exchange) -> dict[str, float]:
    trades = exchange.trades_array()
    return traded(zip(trades["price"].tolist(), trades["quantity"].tolist(), strict=True))


def touch(exchange: Exchange) -> dict[str, float]:
    bid, ask = exchange.best_bid_ask()
    resting = int(exchange.depth_array(1_000)["quantity"].sum())
    return {"bid": bid or 0, "ask": ask or 0, "resting": resting}


def p1(folder: Path) -> Report:
    orders = [(SIDES[side], price, size) for side, price, size in load(folder, "limits").tolist()]

    def run(exchange: Exchange) -> Exchange:
        submit = exchange.submit_limit
        for side, price, quantity in orders:
            submit(side, price, quantity)
        return exchange

    time, exchange = each(run, Exchange, of=len(orders))
    return {"figures": {"": time}, "values": touch(exchange)}


def p2(folder: Path) -> Report:
    rows = load(folder, "messages")
    messages = [
        (kind, SIDES[side], price, quantity, id)
        for (kind, side, price, quantity, *_), id in zip(rows.tolist(), ids(rows), strict=True)
    ]

    def run(exchange: Exchange) -> Exchange:
        limit, market = exchange.submit_limit, exchange.submit_market
        cancel, modify = exchange.cancel, exchange.modify
        for kind, side, price, quantity, id in messages:
            if kind == ADD:
                limit(side, price, quantity)
            elif kind == CANCEL:
                cancel(id)
            elif kind == MARKET:
                market(side, quantity)
            else:
                modify(id, price, quantity)
        return exchange

    time, exchange = each(run, Exchange, of=len(messages))
    return {"figures": {"": time}, "values": of_exchange(exchange)}


def p3(folder: Path) -> Report:
    order = [1 + place for place in load(folder, "shuffled").tolist()]

    def prepare() -> Exchange:
        exchange = Exchange()
        for _ in order:
            exchange.submit_limit("buy", 10_000, 10)
        return exchange

    def run(exchange: Exchange) -> Exchange:
        cancel = exchange.cancel
        for id in order:
            cancel(id)
        return exchange

    time, exchange = each(run, prepare, of=len(order))
    return {"figures": {"": time}, "values": {"bid": exchange.best_bid() or 0}}


def p4(folder: Path) -> Report:
    exchange = Exchange()
    for level in range(1_000):
        exchange.submit_limit("buy", 10_000 - level, 5 + level)
        exchange.submit_limit("sell", 10_001 + level, 5 + level)

    def read() -> int:
        book = exchange.depth(10)
        return sum(level.price + level.quantity for level in [*book.bids, *book.asks])

    array, rows = repeated(lambda: exchange.depth_array(10), calls=20_000)
    objects, total = repeated(read, calls=5_000)
    volume = int(rows["quantity"].sum())
    return {
        "figures": {"array": array, "objects": objects},
        "values": {"volume of ten levels": volume, "sum of ten levels": total},
    }


def batch(folder: Path) -> dict[str, NDArray[np.generic]]:
    rows = load(folder, "messages")
    kind, side, price, quantity = (np.ascontiguousarray(column) for column in rows[:, :4].T)
    return {
        "kind": np.array([0, 1, 2, 3], "u1")[kind],
        "side": side.astype("u1"),
        "price": np.maximum(price, 0),
        "quantity": np.maximum(quantity, 0),
        "order_id": np.maximum(np.array(ids(rows)), 0),
    }


def p5(folder: Path) -> Report:
    columns = batch(folder)

    def run(exchange: Exchange) -> Exchange:
        exchange.submit_batch(columns)
        return exchange

    time, exchange = each(run, Exchange, of=len(columns["kind"]))
    return {"figures": {"": time}, "values": {**of_exchange(exchange), **touch(exchange)}}


def p6(folder: Path) -> Report:
    exchange = Exchange()
    exchange.submit_batch(batch(folder))
    array, events = exchange.events_array(), exchange.events()
    columns, copy = each(Exchange.replay, lambda: array, of=len(events))
    objects, again = each(Exchange.replay, lambda: events, of=len(events))
    if not copy == again == exchange:
        raise ValueError("a replay gave another state")
    limits = Exchange()
    for side, price, quantity in load(folder, "limits").tolist():
        limits.submit_limit(SIDES[side], price, quantity)
    events = limits.events()
    of_p1, copy = each(Exchange.replay, lambda: events, of=len(events))
    figures = {"array": columns, "list": objects, "of P1": of_p1}
    return {"figures": figures, "values": touch(copy)}


def p7(folder: Path) -> Report:
    exchange = Exchange()
    taken = bytes_an_order(
        lambda side, price, quantity: exchange.submit_limit(SIDES[side], price, quantity)
    )
    return {"figures": {"": taken}, "values": touch(exchange)}


HUNDREDTHS = np.full(100, 0.01)


def in_an_array(bar: int, prices: dict[str, int], portfolio: Portfolio) -> NDArray[np.float64]:
    return HUNDREDTHS


def in_pairs(bar: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
    return [(name, 0.01) for name in prices]


def p8(folder: Path) -> Report:
    series = PriceSeries(load(folder, "prices"), [f"S{column}" for column in range(100)])
    cold, _ = timed(lambda _: run_backtest(EqualWeight(), series, CASH, BPS_10_5), None)
    figures, equities = {"built in, first call": float(cold)}, set[int]()
    strategies = {"built in": EqualWeight(), "callback": in_an_array, "callback, pairs": in_pairs}
    for name, strategy in strategies.items():
        figures[name], result = repeated(
            lambda strategy=strategy: run_backtest(strategy, series, CASH, BPS_10_5)
        )
        equities.add(int(result.equity_curve[-1]))
    (equity,) = equities
    return {"figures": figures, "values": {"equity": equity}}


def all_in(bar: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
    return [("S0", 1.0)]


def p9(folder: Path) -> Report:
    figures: dict[str, float] = {}
    values: dict[str, float] = {}
    for name, passes in ("10k", 5), ("100k", 3), ("1m", 1):
        prices = load(folder, f"bars_{name}")
        series = PriceSeries(prices, ["S0"])
        time, result = repeated(
            lambda series=series: run_backtest(all_in, series, CASH, BPS_10_5), passes=passes
        )
        figures[name] = time / len(prices)
        values[f"equity {name}"] = int(result.equity_curve[-1])
    return {"figures": figures, "values": values}


def p10(folder: Path) -> Report:
    returns = load(folder, "returns")
    time, found = repeated(lambda: compute_metrics(returns))
    if found is None:
        raise ValueError("no metrics")
    names = (
        "volatility",
        "sharpe",
        "sortino",
        "max_drawdown",
        "cagr",
        "calmar",
        "var_95",
        "cvar_95",
    )
    values = {name: float(getattr(found, name)) for name in names}
    return {"figures": {"": time}, "values": values}


def p11(folder: Path) -> Report:
    prices = load(folder, "one")
    series = PriceSeries(prices, ["S0"])
    sums = np.concatenate([[0], prices[:, 0].cumsum()])

    def above_average(window: int) -> WeightSchedule:
        average = np.full(len(prices), np.inf)
        average[window - 1 :] = (sums[window:] - sums[:-window]) / window
        return WeightSchedule((prices[:, 0] > average).astype(float)[:, None])

    def run() -> list[float]:
        results = sweep_strategy(
            above_average, range(5, 205), series, CASH, CostModel.zero(), max_workers=1
        )
        return [float(result.equity_curve[-1]) for result in results]

    cold, _ = timed(lambda _: run(), None)
    warm, equities = repeated(run)
    values = {"equity": sum(equities), "best equity": max(equities)}
    return {"figures": {"first call": float(cold), "warm": warm}, "values": values}


def p13(folder: Path) -> Report:
    prices = load(folder, "prices")
    names = [f"S{column}" for column in range(100)]
    floats = prices / 100
    rows = [dict(zip(names, row, strict=True)) for row in prices.tolist()]
    from_floats, series = repeated(lambda: PriceSeries(floats, names, 0.01))
    from_dicts, same = repeated(lambda: PriceSeries(rows))
    if series != same:
        raise ValueError("the series differ")
    return {"figures": {"floats": from_floats, "dicts": from_dicts}, "values": {}}


main(
    {
        "P1": p1,
        "P2": p2,
        "P3": p3,
        "P4": p4,
        "P5": p5,
        "P6": p6,
        "P7": p7,
        "P8": p8,
        "P9": p9,
        "P10": p10,
        "P11": p11,
        "P13": p13,
    }
)
