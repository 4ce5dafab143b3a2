"""Results that travel: pickles, copies, bytes, and plain Python values."""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nanobook import (
    BacktestResult,
    CostModel,
    EqualWeight,
    MultiExchange,
    Portfolio,
    ReadOnlyError,
    run_backtest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PRICES = [
    {"GOOG": 200, "AAPL": 100},
    {"AAPL": 110, "GOOG": 190},
    {"AAPL": 105},
    {"AAPL": 120, "GOOG": 205},
    {"AAPL": 90, "GOOG": 215},
]
ANSWERS = [{"AAPL": 0.5}, None, {}, [("GOOG", -0.25), ("AAPL", 0.75)], {"GOOG": 0.5}]


def answer(bar: int, prices: dict[str, int], portfolio: Portfolio) -> object:
    return ANSWERS[bar]


def full(fill: str = "close") -> BacktestResult:
    """Return a result with gaps, holds, sales, costs and returns of both signs."""
    # The stub takes the two literals only, and the strategy's answers are of every kind.
    return run_backtest(answer, PRICES, 100_000, CostModel(10, 5, 7), 12.0, 0.001, fill)  # pyright: ignore[reportArgumentType]


def results() -> list[BacktestResult]:
    return [
        full(),
        full("next"),
        run_backtest(EqualWeight(), [], 1_000),
        run_backtest(EqualWeight(), [{}, {}], 1_000),
        run_backtest(EqualWeight(), PRICES[:1], -5),
    ]


def check_same(other: BacktestResult, result: BacktestResult) -> None:
    """Check that two results are equal, and that they show the same."""
    assert other == result
    assert other is not result
    assert other.digest == result.digest
    assert other.metrics == result.metrics
    assert other.portfolio == result.portfolio
    assert other.portfolio is not result.portfolio
    assert other.symbols == result.symbols
    assert other.costs == result.costs
    assert other.trade_count == result.trade_count
    assert np.array_equal(other.turnover, result.turnover, equal_nan=True)
    assert np.array_equal(other.equity_curve, result.equity_curve)
    assert np.array_equal(other.returns, result.returns)
    assert np.array_equal(other.weights, result.weights, equal_nan=True)
    assert other.weights.shape == result.weights.shape
    assert other.trades.tolist() == result.trades.tolist()
    assert other.trades.dtype == result.trades.dtype
    assert repr(other) == repr(result)
    assert other._repr_html_() == result._repr_html_()
    assert other.to_bytes() == result.to_bytes()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_result_survives_pickle(protocol: int) -> None:
    for result in results():
        check_same(pickle.loads(pickle.dumps(result, protocol)), result)


def test_copies_are_the_result_itself() -> None:
    for result in results():
        for other in (copy.copy(result), copy.deepcopy(result)):
            assert other is result
            assert other == result


def test_bytes_give_the_result() -> None:
    for result in results():
        check_same(BacktestResult.from_bytes(result.to_bytes()), result)
        check_same(BacktestResult.from_bytes(memoryview(bytearray(result.to_bytes()))), result)


def test_damaged_bytes_are_refused() -> None:
    good = full().to_bytes()
    for place in range(len(good)):
        with pytest.raises(ValueError, match="data"):
            BacktestResult.from_bytes(good[:place])
        damaged = bytearray(good)
        damaged[place] ^= 0x10
        with pytest.raises(ValueError, match="data"):
            BacktestResult.from_bytes(damaged)


def test_a_result_s_portfolio_is_read_only_and_a_copy_of_it_trades() -> None:
    result, untouched = full(), full()
    multi = MultiExchange()
    multi.submit_limit("AAPL", "buy", 95, 10)
    calls: list[Callable[[Portfolio], object]] = [
        lambda portfolio: portfolio.rebalance_simple({}, {"AAPL": 95, "GOOG": 210}),
        lambda portfolio: portfolio.rebalance_lob({"AAPL": 0.0}, multi),
        lambda portfolio: portfolio.record_return({"AAPL": 80}),
    ]
    restored = pickle.loads(pickle.dumps(result))
    for call in calls:
        for one in (result, restored, copy.copy(result)):
            with pytest.raises(ReadOnlyError, match="read-only"):
                call(one.portfolio)
        for portfolio in (
            copy.copy(result.portfolio),
            copy.deepcopy(result.portfolio),
            pickle.loads(pickle.dumps(result.portfolio)),
        ):
            assert portfolio == result.portfolio
            call(portfolio)
            assert portfolio != result.portfolio
    assert result.portfolio == untouched.portfolio
    assert result.portfolio.state_digest() == untouched.portfolio.state_digest()
    assert result.digest == untouched.digest
    assert result.costs == untouched.costs
    assert result.equity_curve.tolist() == untouched.equity_curve.tolist()
    assert result.returns.tolist() == untouched.returns.tolist()
    assert result.to_dict() == untouched.to_dict()
    assert result == untouched
    # What travels is what came of the run.
    assert pickle.loads(pickle.dumps(result)).portfolio == untouched.portfolio


def test_a_dict_has_what_the_arrays_have() -> None:
    for fill in ("close", "next"):
        result = full(fill)
        values = result.to_dict()
        assert values["symbols"] == result.symbols == ["GOOG", "AAPL"]
        assert values["cash"] == result.portfolio.cash
        positions = result.portfolio.positions().items()
        assert values["positions"] == {name: position.quantity for name, position in positions}
        assert values["costs"] == result.costs > 0
        assert values["turnover"] == result.turnover
        assert values["digest"] == result.digest
        assert result.metrics is not None
        metrics = values["metrics"]
        assert metrics is not None
        for name, value in metrics.items():
            assert getattr(result.metrics, name) == value
        assert values["equity_curve"] == result.equity_curve.tolist()
        assert values["returns"] == result.returns.tolist()
        held = [[math.nan] * 2 if row is None else row for row in values["weights"]]
        assert np.array_equal(held, result.weights, equal_nan=True)
        assert [row is None for row in values["weights"]] == [False, True, False, False, False]
        assert [tuple(trade.values()) for trade in values["trades"]] == result.trades.tolist()
        assert list(values["trades"][0]) == ["bar", "symbol", "quantity", "price", "cost"]
        assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_a_dict_of_nothing_has_no_metrics() -> None:
    values = run_backtest(EqualWeight(), [], 1_000).to_dict()
    assert values["metrics"] is None
    assert values["equity_curve"] == [1_000]
    assert values["weights"] == values["trades"] == values["symbols"] == []
    assert values["turnover"] == 0.0


def test_a_dict_needs_no_numpy() -> None:
    script = """
import json, pickle, sys
sys.modules["numpy"] = None
from nanobook import EqualWeight, run_backtest
prices = [{"A": 10, "B": 20}, {"A": 12, "B": 18}, {"A": 11, "B": 21}]
result = run_backtest(EqualWeight(), prices, 1_000)
other = pickle.loads(pickle.dumps(result))
assert other == result and repr(other.to_dict()) == repr(result.to_dict())
assert result.to_dict()["equity_curve"][:2] == [1_000, 1_000]
print(result.to_dict()["trades"][0])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    expected = {"bar": 0, "symbol": "A", "quantity": 50, "price": 10, "cost": 0}
    assert run.stdout.strip() == str(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of memory that can be relied on")
def test_weights_that_no_memory_holds_are_a_memory_error() -> None:
    # Kept are one row and its number for each bar; a table of all bars has 40 MB, as lists 160 MB.
    script = """
import pathlib, resource
import numpy as np, nanobook
prices = np.ones((2_500, 2_000), np.int64)
result = nanobook.run_backtest(
    nanobook.EqualWeight(), nanobook.PriceSeries(prices, map(str, range(2_000))), 1_000
)
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 20_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for ask in (lambda: result.weights, result.to_dict):
    try:
        ask()
    except MemoryError:
        print("MemoryError")
print(result.digest)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=100
    )
    assert run.stdout.split()[:2] == ["MemoryError", "MemoryError"], run.stderr
    assert run.returncode == 0
