"""The backtest loop against other ways to the same numbers, on made and on real prices."""

from __future__ import annotations

import csv
import gzip
import math
import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobook import (
    CostModel,
    EqualWeight,
    Portfolio,
    PriceSeries,
    compute_metrics,
    run_backtest,
    sweep_equal_weight,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Fill: TypeAlias = Literal["close", "next"]

BPS_10_5 = CostModel(10, 5)


class PythonEqualWeight:
    """`EqualWeight` as a user would write it."""

    def __init__(self) -> None:
        self.seen: dict[str, None] = {}

    def __call__(
        self, bar: int, prices: dict[str, int], portfolio: Portfolio
    ) -> list[tuple[str, float]]:
        if bar == 0:
            self.seen.clear()
        self.seen |= dict.fromkeys(prices)
        return [(name, 1 / len(self.seen)) for name in self.seen]


def check_equal_weights(
    series: PriceSeries | list[dict[str, int]],
    cash: int,
    cost_model: CostModel = BPS_10_5,
    fill: Fill = "close",
    periods_per_year: float = 252.0,
) -> None:
    built_in, in_python = (
        run_backtest(
            strategy, series, cash, cost_model, fill=fill, periods_per_year=periods_per_year
        )
        for strategy in (EqualWeight(), PythonEqualWeight())
    )
    assert in_python == built_in
    assert in_python.digest == built_in.digest
    assert in_python.metrics == built_in.metrics
    assert in_python.portfolio.state_digest() == built_in.portfolio.state_digest()
    assert in_python.trades.tolist() == built_in.trades.tolist()
    assert np.array_equal(in_python.weights, built_in.weights, equal_nan=True)
    built_in.portfolio.check_invariants()


@pytest.mark.parametrize("fill", ["close", "next"])
@pytest.mark.parametrize("cost_model", [CostModel.zero(), BPS_10_5, CostModel(10, 5, 100)])
def test_a_python_equal_weight_is_the_built_in_on_uniform_prices(
    cost_model: CostModel, fill: Fill
) -> None:
    series = [{"AAPL": 150_00, "GOOG": 150_00, "MSFT": 150_00}] * 60
    check_equal_weights(series, 1_000_000_00, cost_model, fill=fill, periods_per_year=12.0)


@pytest.mark.parametrize("fill", ["close", "next"])
@pytest.mark.parametrize("seed", range(5))
def test_a_python_equal_weight_is_the_built_in_on_random_prices(seed: int, fill: Fill) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0003, 0.02, (500, 7)).cumsum(axis=0)
    prices = np.maximum(np.rint(10_000 * np.exp(steps)), 1).astype(np.int64)
    names = [f"S{place}" for place in range(7)]
    check_equal_weights(PriceSeries(prices, names), 1_000_000_00, CostModel(10, 5, 100), fill=fill)


@given(
    st.lists(st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 50), max_size=4), max_size=15),
    st.integers(0, 100_000),
)
def test_a_python_equal_weight_is_the_built_in_on_prices_with_gaps(
    series: list[dict[str, int]], cash: int
) -> None:
    check_equal_weights(series, cash, CostModel(100, 50, 2))


def test_a_sweep_of_equal_weight_is_one_run_many_times() -> None:
    series = [{"A": 100 + bar % 7, "B": 200 - bar % 5} for bar in range(50)]
    expected = run_backtest(
        PythonEqualWeight(), series, 10_000_00, periods_per_year=12.0, risk_free=0.001
    ).metrics
    assert sweep_equal_weight(3, series, 10_000_00, 12.0, 0.001) == [expected] * 3


# The whole loop in integers without bounds.


def half_away(value: Fraction) -> int:
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


class Loop:
    """A backtest by the rules: cash, quantities and last prices, and nothing else."""

    def __init__(self, cash: int, bps: int, fee: int) -> None:
        self.cash, self.bps, self.fee = cash, bps, fee
        self.held: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.curve = [cash]
        self.trades: list[tuple[int, str, int, int, int]] = []

    def equity(self) -> int:
        return self.cash + sum(n * self.last[name] for name, n in self.held.items())

    def trade(self, bar: int, targets: dict[str, float], prices: dict[str, int]) -> None:
        equity = self.equity()
        if equity <= 0:
            return
        orders: list[tuple[bool, str, int]] = []
        for name, price in prices.items():
            money = half_away(equity * Fraction(targets.get(name, 0.0)))
            target = abs(money) // price * (1 if money > 0 else -1)
            quantity = target - self.held.get(name, 0)
            if quantity:
                orders.append((quantity > 0, name, quantity))
        for _, name, quantity in sorted(orders):
            notional = quantity * prices[name]
            cost = max(self.bps * abs(notional) // 10_000, self.fee)
            self.held[name] = self.held.get(name, 0) + quantity
            self.cash -= notional + cost
            self.trades.append((bar, name, quantity, prices[name], cost))

    def run(
        self, series: list[dict[str, int]], answers: list[dict[str, float] | None], fill: str
    ) -> None:
        waiting: dict[str, float] | None = None
        for bar, (prices, answer) in enumerate(zip(series, answers, strict=True)):
            self.last |= prices
            if waiting is not None:
                self.trade(bar, waiting, prices)
            if fill == "next":
                waiting = answer
            elif answer is not None:
                self.trade(bar, answer, prices)
            self.curve.append(self.equity())


NAMES = ["A", "b", "C", "D d"]
BARS = st.tuples(
    st.fixed_dictionaries({name: st.integers(1, 1_000) for name in NAMES}),
    st.sets(st.sampled_from(NAMES)),
    st.none()
    | st.dictionaries(
        st.sampled_from(NAMES),
        st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0, -0.5]) | st.floats(-1, 1),
    ),
)


@given(
    st.lists(BARS, min_size=1, max_size=12),
    st.integers(1, 10**9),
    st.sampled_from([0, 15, 1_000]),
    st.sampled_from([0, 7]),
    st.sampled_from(["close", "next"]),
)
def test_random_answers_match_a_loop_in_exact_integers(
    bars: list[tuple[dict[str, int], set[str], dict[str, float] | None]],
    cash: int,
    bps: int,
    fee: int,
    fill: Fill,
) -> None:
    # All have a price at first; from then on there are gaps.
    series = [
        {name: price for name, price in prices.items() if not bar or name not in gaps}
        for bar, (prices, gaps, _) in enumerate(bars)
    ]
    answers = [answer for _, _, answer in bars]
    result = run_backtest(
        lambda bar, prices, portfolio: answers[bar], series, cash, CostModel(bps, 0, fee), fill=fill
    )
    loop = Loop(cash, bps, fee)
    loop.run(series, answers, fill)
    assert result.equity_curve.tolist() == loop.curve
    assert result.trades.tolist() == loop.trades
    assert result.portfolio.cash == loop.cash
    assert result.costs == sum(trade[4] for trade in loop.trades)
    expected = [b / a - 1 for a, b in zip(loop.curve, loop.curve[1:], strict=False) if a > 0]
    assert result.returns.tolist() == pytest.approx(expected, rel=1e-15, abs=1e-15)
    assert result.metrics == compute_metrics(result.returns)
    traded = sum(abs(quantity) * price for _, _, quantity, price, _ in loop.trades)
    if sum(loop.curve) > 0:
        mean = sum(loop.curve) / len(loop.curve)
        assert result.turnover == pytest.approx(traded / mean, rel=1e-12)
    else:
        assert math.isnan(result.turnover)


# Real prices.


def real_file(name: str) -> Path:
    folder = os.environ.get("NANOBOOK_DATA")
    if not folder:
        pytest.skip("NANOBOOK_DATA is not set: there are no real prices")
    path = Path(folder) / "daily_prices" / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    return path


def wide(name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return symbols and closes in cents of a file with a column for each symbol."""
    with gzip.open(real_file(name), "rt", encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    prices = np.array([[cents(cell) for cell in row[1:]] for row in rows], dtype=np.int64)
    return header[1:], prices


def long(name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return symbols and closes in cents of a file with a row for each day and symbol."""
    days: dict[str, dict[str, int]] = {}
    with gzip.open(real_file(name), "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            days.setdefault(row["Date"], {})[row["Ticker"]] = cents(row["Close"])
    table = [days[day] for day in sorted(days)]
    names = list(table[0])
    return names, np.array([[row[name] for name in names] for row in table], dtype=np.int64)


def cents(text: str) -> int:
    return max(half_away(Fraction(text) * 100), 1)


def equal_weight_in_numpy(
    prices: NDArray[np.int64], cash: int, bps: int
) -> tuple[list[int], int, int]:
    """Return equity at every bar, costs and number of trades of equal weights at the close."""
    bars, width = prices.shape
    weight = Fraction(1 / width)
    held = np.zeros(width, dtype=np.int64)
    costs = trades = 0
    curve = [cash]
    for bar in range(bars):
        row = prices[bar]
        equity = cash + int((held * row).sum())
        # The weight is a float, and so a fraction; equity is far from a halfway case of 1/n.
        target = half_away(equity * weight) // row
        notional = (target - held) * row
        cost = np.abs(notional) * bps // 10_000
        cash -= int(notional.sum()) + int(cost.sum())
        costs += int(cost.sum())
        trades += int(np.count_nonzero(target != held))
        held = target
        curve.append(cash + int((held * row).sum()))
    return curve, costs, trades


@pytest.mark.parametrize(
    ("read", "name", "bars", "width"),
    [
        (wide, "sp500_20_close_1990_2022.csv.gz", 8_313, 20),
        (long, "ohlcv_10_2019_2026.csv.gz", 1_849, 10),
    ],
)
def test_equal_weight_on_real_prices_is_an_independent_computation_to_the_unit(
    read: Callable[[str], tuple[list[str], NDArray[np.int64]]], name: str, bars: int, width: int
) -> None:
    names, prices = read(name)
    assert prices.shape == (bars, width)
    cash = 1_000_000_00
    curve, costs, trades = equal_weight_in_numpy(prices, cash, 15)
    series = PriceSeries(prices, names)
    for strategy in (EqualWeight(), PythonEqualWeight()):
        result = run_backtest(strategy, series, cash, BPS_10_5)
        assert result.equity_curve.tolist() == curve
        assert result.costs == costs
        assert len(result.trades) == trades
    check_equal_weights(series, cash)


def test_a_momentum_strategy_on_real_prices_is_the_same_in_any_process() -> None:
    path = real_file("sp500_20_close_1990_2022.csv.gz")
    script = textwrap.dedent("""
        import csv, gzip, sys
        import numpy as np
        import nanobook

        with gzip.open(sys.argv[1], "rt", newline="") as lines:
            header, *rows = csv.reader(lines)
        prices = np.array([row[1:] for row in rows], dtype=float)
        series = nanobook.PriceSeries(prices, header[1:], 0.01)
        history = []

        def momentum(bar, now, portfolio):
            history.append(now)
            if bar < 252 or bar % 21:
                return None
            past = history[bar - 252]
            best = sorted(now, key=lambda name: (now[name] / past[name], name))[-5:]
            return {name: 0.2 for name in set(best)}

        result = nanobook.run_backtest(
            momentum, series, 1_000_000_00, nanobook.CostModel(10, 5, 100)
        )
        print(result.digest, result.equity_curve[-1], len(result.trades))
    """)
    seen: set[str] = set()
    for _ in range(20):
        run = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            env=os.environ | {"PYTHONHASHSEED": "random"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.stderr == ""
        seen.add(run.stdout)
    assert len(seen) == 1
    digest, equity, trades = seen.pop().split()
    assert len(digest) == 16
    assert int(equity) > 0
    assert int(trades) > 1_000
