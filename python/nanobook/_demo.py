"""What `nanobook demo` does: a momentum backtest, and its last rebalance through order books."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import nanobook
from nanobook._chart import chart
from nanobook._prices import date_text, periods_per_year

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nanobook._prices import PriceTable

__all__ = ["Momentum", "Routed", "Run", "report", "route_last_rebalance", "run"]

COST_MODEL = nanobook.CostModel(commission_bps=10, slippage_bps=5, min_trade_fee=0)

# Months from the start of the measured rise to the rebalance, and from its end.
MONTHS_START = 12
MONTHS_END = 1
# What is not invested pays the costs, so that cash stays above zero.
INVESTED = 0.98

# The books of the last rebalance: levels on each side, their distance as a part of the close, and
# the value at each as a part of the largest order's. Five eighths of that order find a price; the
# rest stays unfilled, as it does when an order is too large for its market.
LEVELS = 5
LEVEL_DISTANCE = 2_000
LEVEL_SIZE = 8


class Momentum:
    """Hold what rose most over the last year, the latest month left out.

    The momentum of Jegadeesh and Titman (1993), "Returns to Buying Winners and Selling Losers", in
    one portfolio without short sales. At the first bar of each month the symbols are ranked by
    their rise from twelve months ago to one month ago, or from the first month while there are
    fewer. The best third, rounded up, is held in equal parts; what fell is not held at all. The
    rise ends a month before the trade, so no decision uses the price that it trades at.
    """

    def __init__(self, dates: list[datetime]) -> None:
        self._dates = dates
        self._month = (0, 0)
        self._months: list[Mapping[str, int]] = []
        self.last_bar: int | None = None
        """The bar of the last rebalance."""
        self.targets: dict[str, float] = {}
        """The weights given there."""

    def __call__(
        self, bar_index: int, prices: dict[str, int], portfolio: nanobook.Portfolio
    ) -> dict[str, float] | None:
        """Return the target weights at the first bar of a month, else `None`."""
        date = self._dates[bar_index]
        month = (date.year, date.month)
        if month == self._month:
            return None
        self._month = month
        self._months.append(prices)
        if len(self._months) <= MONTHS_END + 1:
            return None
        start = self._months[-min(len(self._months), MONTHS_START + 1)]
        end = self._months[-(MONTHS_END + 1)]

        rises = {
            symbol: end[symbol] / start[symbol]
            for symbol in prices
            if symbol in start and symbol in end
        }
        held = -(-len(rises) // 3)
        best = sorted(rises, key=lambda symbol: (-rises[symbol], symbol))[:held]
        self.targets = {symbol: INVESTED / held for symbol in best if rises[symbol] > 1}
        self.last_bar = bar_index
        return self.targets


@dataclass(frozen=True)
class Run:
    """A finished backtest and the strategy as it left it."""

    prices: PriceTable
    periods_per_year: float
    strategy: Momentum
    result: nanobook.BacktestResult


@dataclass(frozen=True)
class Order:
    """What one order of a rebalance was to trade and what it did."""

    symbol: str
    close: int
    wanted: int
    """Shares, negative for a sale."""
    filled: int
    """Shares, negative for a sale."""
    value: int
    """What the filled shares cost or brought, at the prices of the book."""


@dataclass(frozen=True)
class Routed:
    """A rebalance that went through order books."""

    bar: int
    orders: list[Order]
    books: nanobook.MultiExchange


def run(prices: PriceTable, cash: int) -> Run:
    """Return the backtest of the momentum strategy; `cash` is in ticks."""
    strategy = Momentum(prices.dates)
    periods = periods_per_year(prices.dates)
    result = nanobook.run_backtest(
        strategy=strategy,
        price_series=prices.bars,
        initial_cash=cash,
        cost_model=COST_MODEL,
        periods_per_year=periods,
    )
    return Run(prices, periods, strategy, result)


def route_last_rebalance(run: Run, cash: int) -> Routed | None:
    """Return the last rebalance of a run again, sent as market orders into order books.

    The portfolio is the one that the backtest held just before. `None` without a rebalance.
    """
    bar = run.strategy.last_bar
    if bar is None:
        return None
    prices = run.prices
    held = nanobook.run_backtest(
        strategy=Momentum(prices.dates),
        price_series=prices.bars[:bar],
        initial_cash=cash,
        cost_model=COST_MODEL,
        periods_per_year=run.periods_per_year,
    ).portfolio
    closes = prices.bars[bar]
    planned, portfolio = copy.copy(held), copy.copy(held)
    planned.rebalance_simple(run.strategy.targets, closes)
    before = _quantities(held)
    wanted = _changes(before, _quantities(planned))

    largest = max((abs(wanted[symbol]) * closes[symbol] for symbol in wanted), default=0)
    books = _books(closes, largest // LEVEL_SIZE)
    portfolio.rebalance_lob(run.strategy.targets, books)
    filled = _changes(before, _quantities(portfolio))
    orders = [
        Order(
            symbol,
            closes[symbol],
            change,
            filled.get(symbol, 0),
            sum(trade.price * trade.quantity for trade in books.trades(symbol)),
        )
        for symbol, change in sorted(wanted.items())
    ]
    return Routed(bar, orders, books)


def _quantities(portfolio: nanobook.Portfolio) -> dict[str, int]:
    return {symbol: position.quantity for symbol, position in portfolio.positions().items()}


def _changes(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Return by how much each quantity changed, where it did."""
    changes = {symbol: after.get(symbol, 0) - before.get(symbol, 0) for symbol in before | after}
    return {symbol: change for symbol, change in changes.items() if change}


def _books(closes: Mapping[str, int], level_value: int) -> nanobook.MultiExchange:
    """Return a book for each symbol with orders of one value at each level around its close."""
    books = nanobook.MultiExchange()
    for symbol, close in closes.items():
        distance = max(1, close // LEVEL_DISTANCE)
        quantity = max(1, level_value // close)
        for level in range(1, LEVELS + 1):
            books.submit_limit(symbol, "sell", close + level * distance, quantity)
            if (bid := close - level * distance) > 0:
                books.submit_limit(symbol, "buy", bid, quantity)
    return books


def report(run: Run, routed: Routed | None, tick_size: Decimal, cells: str) -> Iterator[str]:
    """Yield the lines of the demo's report; `cells` are the characters of the chart."""
    prices, result = run.prices, run.result
    metrics = result.metrics
    curve = result.portfolio.equity_curve()

    def money(ticks: int) -> str:
        return f"{ticks * tick_size:,.2f}"

    first, last = (date_text(prices.dates[bar]) for bar in (0, -1))
    symbols = _counted(f"{len(prices.symbols)}", "symbol")
    # A year is told by two bars or more.
    yield f"{symbols}, {len(prices.dates):,} bars, {first} to {last}"
    yield f"{_counted(f'{run.periods_per_year:g}', 'bar')} a year, inferred from the dates"
    yield (
        f"strategy: the best third by {MONTHS_START}-{MONTHS_END} month momentum, monthly; costs "
        f"{COST_MODEL.commission_bps} bps commission, {COST_MODEL.slippage_bps} bps slippage"
    )
    yield ""
    figures = {
        "final equity": money(curve[-1]),
        "total return": _percent(metrics and metrics.total_return),
        "CAGR": _percent(metrics and metrics.cagr),
        "Sharpe": _ratio(metrics and metrics.sharpe),
        "max drawdown": _percent(metrics and metrics.max_drawdown),
        "costs": money(result.costs),
        "trades": f"{result.trade_count:,}",
    }
    width = max(map(len, figures.values()))
    for name, figure in figures.items():
        yield f"  {name:<14}{figure:>{width}}"
    yield ""
    yield "equity"
    yield from chart(curve, money, cells=cells)
    yield ""
    if routed is None:
        yield f"no rebalance: the strategy needs prices in {MONTHS_END + 2} months"
    else:
        yield from _routed_lines(run, routed, tick_size)
    yield f"digest {result.digest}"


def _routed_lines(run: Run, routed: Routed, tick_size: Decimal) -> Iterator[str]:
    when = date_text(run.prices.dates[routed.bar])
    decimals = max(2, len(f"{tick_size:f}".partition(".")[2]))

    def price(ticks: int | Decimal) -> str:
        return f"{ticks * tick_size:,.{decimals}f}"

    yield (
        f"the rebalance of {when} through order books of {LEVELS} levels a side around the closes"
    )
    yield f"  {'symbol':<8}{'wanted':>12}{'filled':>12}{'close':>14}{'average':>14}{'bps paid':>10}"
    for order in routed.orders:
        average = paid = "-"
        if order.filled:
            per_share = Decimal(order.value) / abs(order.filled)
            average = price(per_share)
            over = (per_share / order.close - 1) * 10_000 * int(math.copysign(1, order.filled))
            paid = f"{over:.1f}"
        yield (
            f"  {order.symbol:<8}{order.wanted:>+12,}{order.filled:>+12,}"
            f"{price(order.close):>14}{average:>14}{paid:>10}"
        )
    yield ""
    if routed.orders:
        # The largest order that filled whole leaves something on both sides to look at.
        shown = max(routed.orders, key=lambda order: (order.filled == order.wanted, order.value))
        yield f"the book of {shown.symbol} after it, prices in ticks of {tick_size}"
        yield str(routed.books.depth(shown.symbol, LEVELS)).rstrip()
        yield ""


def _counted(number: str, noun: str) -> str:
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def _percent(value: float | None) -> str:
    return "undefined" if value is None or math.isnan(value) else f"{value:.2%}"


def _ratio(value: float | None) -> str:
    return "undefined" if value is None or math.isnan(value) else f"{value:.2f}"
