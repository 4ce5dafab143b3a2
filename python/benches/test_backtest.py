"""How long do backtests, metrics and sweeps take? Rows P8 to P13 of `benches/README.md`.

Each row stands beside the same work in plain NumPy where there is such a thing: figures of one
machine and one hour compare with each other, and with nothing else.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from nanobook import (
    CostModel,
    EqualWeight,
    Portfolio,
    PriceSeries,
    WeightSchedule,
    compute_metrics,
    run_backtest,
    sweep_strategy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CASH = 1_000_000_000_00
BPS_10_5 = CostModel(10, 5, 0)


class Benchmark(Protocol):
    """The fixture of pytest-benchmark."""

    extra_info: dict[str, object]

    def __call__(self, run: Callable[..., Any], *arguments: object) -> Any: ...  # noqa: ANN401


def random_prices(bars: int, width: int) -> NDArray[np.int64]:
    """Return a random walk that stays between 1 and 10,000 dollars, in cents."""
    steps = np.random.default_rng(42).normal(0, 0.01, (bars, width)).cumsum(axis=0)
    # Folded, so that a long walk has a price too.
    span = np.log(100)
    folded = np.abs((steps + span) % (4 * span) - 2 * span) - span
    return np.rint(100_00 * np.exp(folded)).astype(np.int64)


PRICES = random_prices(2_520, 100)
NAMES = [f"S{column}" for column in range(100)]
SERIES = PriceSeries(PRICES, NAMES)


def numpy_equal_weight() -> float:
    """Return the final equity of equal weights with 15 bps, in floats, as one writes it by hand."""
    cash, held = float(CASH), np.zeros(100)
    curve = np.empty(len(PRICES))
    for bar, row in enumerate(PRICES):
        equity = cash + (held * row).sum()
        target = np.floor(equity / 100 / row)
        traded = (target - held) * row
        cash -= traded.sum() + np.abs(traded).sum() * 0.0015
        held = target
        curve[bar] = cash + (held * row).sum()
    return float(curve[-1])


def equal_weight(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
    return dict.fromkeys(prices, 1 / len(prices))


def equal_weight_in_pairs(
    bar: int, prices: dict[str, int], portfolio: Portfolio
) -> list[tuple[str, float]]:
    return [(name, 0.01) for name in prices]


def equal_weight_in_an_array(
    bar: int, prices: dict[str, int], portfolio: Portfolio
) -> NDArray[np.float64]:
    return HUNDREDTHS


HUNDREDTHS = np.full(100, 0.01)

P8 = {
    "built-in": EqualWeight(),
    "callback, dict": equal_weight,
    "callback, pairs": equal_weight_in_pairs,
    "callback, array": equal_weight_in_an_array,
}


@pytest.mark.benchmark(group="P8 backtest of 2,520 bars x 100 symbols")
@pytest.mark.parametrize("name", P8)
def test_p8(benchmark: Benchmark, name: str) -> None:
    result = benchmark(run_backtest, P8[name], SERIES, CASH, BPS_10_5)
    assert len(result.equity_curve) == 2_521


@pytest.mark.benchmark(group="P8 backtest of 2,520 bars x 100 symbols")
def test_p8_numpy_by_hand(benchmark: Benchmark) -> None:
    equity = benchmark(numpy_equal_weight)
    ours = run_backtest(EqualWeight(), SERIES, CASH, BPS_10_5).equity_curve[-1]
    assert equity == pytest.approx(ours, rel=1e-4)


def all_in(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
    return {"S0": 1.0}


@pytest.mark.benchmark(group="P9 the loop with a callback, 1 symbol")
@pytest.mark.parametrize("bars", [10_000, 100_000, 1_000_000])
def test_p9(benchmark: Benchmark, bars: int) -> None:
    series = PriceSeries(random_prices(bars, 1), ["S0"])
    result = benchmark(run_backtest, all_in, series, CASH, BPS_10_5)
    assert len(result.equity_curve) == bars + 1
    benchmark.extra_info["bars"] = bars


RETURNS = np.random.default_rng(1).normal(0.0003, 0.01, 1_000_000)


@pytest.mark.benchmark(group="P10 metrics of 1M returns")
def test_p10(benchmark: Benchmark) -> None:
    assert benchmark(compute_metrics, RETURNS).num_periods == 1_000_000


@pytest.mark.benchmark(group="P10 metrics of 1M returns")
def test_p10_numpy(benchmark: Benchmark) -> None:
    """Total return, volatility, Sharpe, Sortino, drawdown and the tail: less than ours has."""

    def run() -> tuple[np.floating[Any], ...]:
        wealth = np.cumprod(1 + RETURNS)
        peak = np.maximum.accumulate(wealth)
        downside = np.minimum(RETURNS, 0)
        percentile = np.percentile(RETURNS, 5)
        return (
            wealth[-1],
            RETURNS.std(ddof=1),
            RETURNS.mean(),
            np.sqrt((downside * downside).mean()),
            (1 - wealth / peak).max(),
            percentile,
            RETURNS[percentile >= RETURNS].mean(),
        )

    ours = compute_metrics(RETURNS)
    assert ours is not None
    assert benchmark(run)[4] == pytest.approx(ours.max_drawdown)


ONE = random_prices(2_520, 1)
ONE_SERIES = PriceSeries(ONE, ["S0"])
SUMS = np.concatenate([[0], ONE[:, 0].cumsum()])


def above_average(window: int) -> WeightSchedule:
    """Return the schedule that holds the symbol while it is above its moving average."""
    average = np.full(len(ONE), np.inf)
    average[window - 1 :] = (SUMS[window:] - SUMS[:-window]) / window
    return WeightSchedule((ONE[:, 0] > average).astype(float)[:, None])


@pytest.mark.benchmark(group="P11 200 moving averages x 2,520 bars")
@pytest.mark.parametrize("workers", [1, None])
def test_p11(benchmark: Benchmark, workers: int | None) -> None:
    def run() -> int:
        windows = range(5, 205)
        results = sweep_strategy(
            above_average, windows, ONE_SERIES, CASH, BPS_10_5, max_workers=workers
        )
        return len(results)

    assert benchmark(run) == 200


@pytest.mark.benchmark(group="P12 starting Python")
@pytest.mark.parametrize("statement", ["pass", "import nanobook"])
def test_p12(benchmark: Benchmark, statement: str) -> None:
    benchmark(subprocess.check_call, [sys.executable, "-I", "-c", statement])


FLOATS = PRICES / 100
ROWS = [dict(zip(NAMES, map(int, row), strict=True)) for row in PRICES]


@pytest.mark.benchmark(group="P13 a series of 2,520 bars x 100 symbols")
def test_p13_from_floats(benchmark: Benchmark) -> None:
    assert benchmark(PriceSeries, FLOATS, NAMES, 0.01) == SERIES


@pytest.mark.benchmark(group="P13 a series of 2,520 bars x 100 symbols")
def test_p13_from_dicts(benchmark: Benchmark) -> None:
    assert benchmark(PriceSeries, ROWS) == SERIES
