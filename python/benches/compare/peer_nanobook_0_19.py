"""nanobook 0.19.2: the package of that name on PyPI, which is another project."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from measure import Report, bytes_an_order, each, main, repeated, traded
from streams import ADD, CANCEL, MARKET, ids, load

if TYPE_CHECKING:
    from pathlib import Path

# Not what stands beside this file, and without types here.
other: Any = import_module("nanobook")
SIDES = {0: "buy", 1: "sell"}
CASH = 1_000_000_000_00


def touch(exchange: Any) -> dict[str, float]:  # noqa: ANN401
    bid, ask = exchange.best_bid_ask()
    book = exchange.depth(1_000)
    resting = sum(level.quantity for level in [*book.bids, *book.asks])
    return {"bid": bid or 0, "ask": ask or 0, "resting": resting}


def p1(folder: Path) -> Report:
    orders = [(SIDES[side], price, size) for side, price, size in load(folder, "limits").tolist()]

    def run(exchange: Any) -> Any:  # noqa: ANN401
        submit = exchange.submit_limit
        for side, price, quantity in orders:
            submit(side, price, quantity)
        return exchange

    time, exchange = each(run, other.Exchange, of=len(orders))
    return {"figures": {"": time}, "values": touch(exchange)}


def p2(folder: Path) -> Report:
    rows = load(folder, "messages")
    messages = [
        (kind, SIDES[side], price, quantity, id)
        for (kind, side, price, quantity, *_), id in zip(rows.tolist(), ids(rows), strict=True)
    ]

    def run(exchange: Any) -> Any:  # noqa: ANN401
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

    time, exchange = each(run, other.Exchange, of=len(messages))
    values = traded((trade.price, trade.quantity) for trade in exchange.trades())
    return {"figures": {"": time}, "values": values}


def p3(folder: Path) -> Report:
    order = [1 + place for place in load(folder, "shuffled").tolist()]

    def prepare() -> Any:  # noqa: ANN401
        exchange = other.Exchange()
        for _ in order:
            exchange.submit_limit("buy", 10_000, 10)
        return exchange

    def run(exchange: Any) -> Any:  # noqa: ANN401
        cancel = exchange.cancel
        for id in order:
            cancel(id)
        return exchange

    time, exchange = each(run, prepare, of=len(order))
    return {"figures": {"": time}, "values": {"bid": exchange.best_bid() or 0}}


def p4(folder: Path) -> Report:
    exchange = other.Exchange()
    for level in range(1_000):
        exchange.submit_limit("buy", 10_000 - level, 5 + level)
        exchange.submit_limit("sell", 10_001 + level, 5 + level)

    def read() -> int:
        book = exchange.depth(10)
        return sum(level.price + level.quantity for level in [*book.bids, *book.asks])

    objects, total = repeated(read, calls=5_000)
    return {"figures": {"objects": objects}, "values": {"sum of ten levels": total}}


def p6(folder: Path) -> Report:
    exchange = other.Exchange()
    for side, price, quantity in load(folder, "limits").tolist():
        exchange.submit_limit(SIDES[side], price, quantity)
    events = exchange.events()
    time, copy = each(other.Exchange.replay, lambda: events, of=len(events))
    return {"figures": {"of P1": time}, "values": touch(copy)}


def p7(folder: Path) -> Report:
    exchange = other.Exchange()
    taken = bytes_an_order(
        lambda side, price, quantity: exchange.submit_limit(SIDES[side], price, quantity)
    )
    return {"figures": {"": taken}, "values": touch(exchange)}


def in_pairs(bar: int, prices: Any, portfolio: Any) -> list[tuple[str, float]]:  # noqa: ANN401
    return [(name, 0.01) for name in NAMES]


NAMES = [f"S{column}" for column in range(100)]


def p8(folder: Path) -> Report:
    rows = [dict(zip(NAMES, row, strict=True)) for row in load(folder, "prices").tolist()]
    costs = other.CostModel(10, 5, 0)
    time, result = repeated(lambda: other.run_backtest(in_pairs, rows, CASH, costs), passes=3)
    return {"figures": {"callback, pairs": time}, "values": {"equity": equity(result)}}


def equity(result: Any) -> float:  # noqa: ANN401
    return result.portfolio.equity_curve()[-1]


def all_in(bar: int, prices: Any, portfolio: Any) -> list[tuple[str, float]]:  # noqa: ANN401
    return [("S0", 1.0)]


def p9(folder: Path) -> Report:
    figures: dict[str, float] = {}
    values: dict[str, float] = {}
    costs = other.CostModel(10, 5, 0)
    # A million bars would take it hours: a bar takes the longer, the more there are.
    for name in "10k", "100k":
        rows = [{"S0": price} for (price,) in load(folder, f"bars_{name}").tolist()]
        time, result = each(
            lambda rows: other.run_backtest(all_in, rows, CASH, costs),
            lambda rows=rows: rows,
            passes=1,
        )
        figures[name] = time / len(rows)
        values[f"equity {name}"] = equity(result)
    return {"figures": figures, "values": values}


def p10(folder: Path) -> Report:
    returns = load(folder, "returns")
    time, found = repeated(lambda: other.py_compute_metrics(returns), passes=3)
    names = ("volatility", "sharpe", "sortino", "max_drawdown", "cagr", "calmar")
    return {"figures": {"": time}, "values": {name: getattr(found, name) for name in names}}


main({"P1": p1, "P2": p2, "P3": p3, "P4": p4, "P6": p6, "P7": p7, "P8": p8, "P9": p9, "P10": p10})
