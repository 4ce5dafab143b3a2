"""The demo's strategy and its books, against worked examples and a naive simulation."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING

import pytest

import nanobook
from nanobook._chart import PLAIN, chart
from nanobook._demo import Momentum, route_last_rebalance, run
from nanobook._prices import PriceTable, read_prices

if TYPE_CHECKING:
    from collections.abc import Sequence

CASH = 1_000_000_00


@pytest.fixture(scope="module")
def sample() -> PriceTable:
    return read_prices(resources.files("nanobook") / "data" / "vega_stocks.csv", Decimal("0.01"))


def months(count: int) -> list[datetime]:
    return [datetime(2000 + month // 12, month % 12 + 1, 1) for month in range(count)]


def answers(dates: list[datetime], bars: Sequence[dict[str, int]]) -> list[dict[str, float] | None]:
    strategy = Momentum(dates)
    portfolio = nanobook.Portfolio(CASH, nanobook.CostModel.zero())
    return [strategy(index, prices, portfolio) for index, prices in enumerate(bars)]


def test_the_rise_ends_a_month_ago_and_starts_eleven_months_before_that() -> None:
    # A rises in the first month alone, B in the eleventh alone, C in the last alone.
    bars = [
        {
            "A": 100 if month < 1 else 300,
            "B": 100 if month < 11 else 200,
            "C": 100 if month < 13 else 900,
        }
        for month in range(14)
    ]
    given = answers(months(14), bars)
    assert given[:2] == [None, None]
    # Bar 12 compares bar 11 with bar 0: A trebled, B doubled.
    assert given[12] == {"A": 0.98}
    # Bar 13 compares bar 12 with bar 1: B doubled, A stood still, C has not risen yet.
    assert given[13] == {"B": 0.98}


def test_the_best_third_is_rounded_up_and_held_in_equal_parts() -> None:
    rises = {"D": 104, "A": 101, "C": 103, "B": 102}
    bars = [dict.fromkeys(rises, 100), rises, rises]
    assert answers(months(3), bars)[2] == {"D": 0.49, "C": 0.49}


def test_what_fell_is_not_held_though_it_is_among_the_best() -> None:
    bars = [{"A": 100, "B": 100, "C": 100, "D": 100}, {"A": 101, "B": 99, "C": 98, "D": 97}] * 2
    assert answers(months(3), bars[:3])[2] == {"A": 0.49}
    bars = [{"A": 100}, {"A": 100}, {"A": 100}]
    assert answers(months(3), bars)[2] == {}


def test_equal_rises_are_taken_in_the_order_of_symbols() -> None:
    bars = [dict.fromkeys("CAB", 100), dict.fromkeys("CAB", 110), dict.fromkeys("CAB", 110)]
    assert answers(months(3), bars)[2] == {"A": 0.98}


def test_only_the_first_bar_of_a_month_is_answered() -> None:
    dates = [datetime(2000, 1 + day // 10, 1 + day % 10) for day in range(60)]
    given = answers(dates, [{"A": 100 + day} for day in range(60)])
    assert [index for index, answer in enumerate(given) if answer is not None] == [20, 30, 40, 50]


def test_a_symbol_without_a_price_now_or_then_is_not_ranked() -> None:
    bars = [{"A": 1, "B": 1, "C": 1}, {"A": 9, "B": 9, "C": 2}, {"B": 9, "C": 2}]
    assert answers(months(3), bars)[2] == {"B": 0.98}
    bars = [{"B": 1, "C": 1}, {"A": 9, "C": 2}, {"A": 9, "B": 9, "C": 2}]
    assert answers(months(3), bars)[2] == {"C": 0.98}


def simulate(prices: PriceTable, cash: int) -> tuple[int, int, int]:
    """Return final equity, costs and trades of the demo, the long way round.

    Written from the documentation of `Portfolio.rebalance_simple` and `CostModel`, with exact
    fractions, and from nothing else.
    """
    strategy = Momentum(prices.dates)
    view = nanobook.Portfolio(cash, nanobook.CostModel.zero())
    held: dict[str, int] = {}
    last: dict[str, int] = {}
    costs = trades = 0
    for index, bar in enumerate(prices.bars):
        last.update(bar)
        targets = strategy(index, bar, view)
        if targets is None:
            continue
        equity = cash + sum(quantity * last[symbol] for symbol, quantity in held.items())
        orders: dict[str, int] = {}
        for symbol in sorted({*held, *targets}):
            exact = equity * Fraction(targets.get(symbol, 0.0))
            wanted = math.floor(exact + Fraction(1, 2)) // bar[symbol]
            if change := wanted - held.get(symbol, 0):
                orders[symbol] = change
        # Sells come first; what they bring is not needed to buy, as cash may go below zero.
        for symbol, change in orders.items():
            cost = abs(change) * bar[symbol] * 15 // 10_000
            cash -= change * bar[symbol] + cost
            held[symbol] = held.get(symbol, 0) + change
            costs += cost
            trades += 1
    return cash + sum(held[symbol] * last[symbol] for symbol in held), costs, trades


def test_the_backtest_agrees_with_a_naive_simulation(sample: PriceTable) -> None:
    result = run(sample, CASH).result
    found = (result.portfolio.equity_curve()[-1], result.costs, result.trade_count)
    assert found == simulate(sample, CASH)
    assert result.trade_count > 100


def test_the_last_rebalance_stays_inside_its_books(sample: PriceTable) -> None:
    finished = run(sample, CASH)
    routed = route_last_rebalance(finished, CASH)
    assert routed
    assert routed.bar == len(sample.bars) - 1
    assert routed.orders
    assert any(order.filled != order.wanted for order in routed.orders)
    for order in routed.orders:
        traded = sum(trade.quantity for trade in routed.books.trades(order.symbol))
        assert traded == abs(order.filled)
        assert order.wanted * order.filled >= 0
        assert abs(order.filled) <= abs(order.wanted)
        # A buyer pays more than the close and a seller gets less, by five levels of 5 bps at most.
        if order.filled:
            paid = order.value / abs(order.filled) / order.close - 1
            assert 0 < math.copysign(paid, paid * order.filled) <= 0.0025


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([0, 4, 8, 15], ["15    #", " 7   :#", " 0 .:##"]),
        ([5], ["5", "5", "5 ."]),
    ],
)
def test_a_chart_shows_eighths_of_a_character(values: list[int], lines: list[str]) -> None:
    assert chart(values, str, cells=PLAIN, height=3) == lines
