"""Rolling metrics, drawdowns and metrics against a benchmark: plain computations and the edges."""

from __future__ import annotations

import copy
import csv
import importlib
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nanobook
from nanobook import (
    BenchmarkMetrics,
    Drawdown,
    OutOfRangeError,
    ValidationError,
    compute_benchmark_metrics,
    compute_metrics,
    drawdown_series,
    drawdowns,
    rolling_max_drawdown,
    rolling_sharpe,
    rolling_volatility,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NAN = math.nan
RETURNS = np.random.default_rng(5).normal(0.0005, 0.02, 700)
WINDOWS = [1, 2, 3, 21, 252, 699, 700, 701, 5_000]
SHORT = st.lists(st.sampled_from([-1.5, -1.0, -0.5, -0.1, 0.0, 0.1, 0.25, 1.0]), max_size=14)


# Pandas has no types of its own.
PANDAS = cast("Any", importlib.import_module("pandas"))


@pytest.mark.parametrize("window", WINDOWS)
def test_rolling_volatility_is_that_of_pandas(window: int) -> None:
    expected = PANDAS.Series(RETURNS).rolling(window).std() * math.sqrt(252)
    found = rolling_volatility(RETURNS, window)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("window", WINDOWS)
def test_rolling_sharpe_is_that_of_pandas(window: int) -> None:
    rolling = (PANDAS.Series(RETURNS) - 0.0001).rolling(window)
    expected = rolling.mean() / rolling.std() * math.sqrt(52)
    found = rolling_sharpe(RETURNS, window, periods_per_year=52.0, risk_free=0.0001)
    np.testing.assert_allclose(found, expected, rtol=1e-7, equal_nan=True)


@given(SHORT, st.integers(1, 16))
def test_a_window_has_the_metrics_of_its_returns(returns: list[float], window: int) -> None:
    sharpe = rolling_sharpe(returns, window, 12.0, 0.001)
    volatility = rolling_volatility(returns, window, 12.0)
    falls = rolling_max_drawdown(returns, window)
    assert len(sharpe) == len(volatility) == len(falls) == len(returns)
    for last in range(len(returns)):
        if last + 1 < window:
            assert np.isnan([sharpe[last], volatility[last], falls[last]]).all()
            continue
        alone = compute_metrics(returns[last + 1 - window : last + 1], 12.0, 0.001)
        assert alone is not None
        assert sharpe[last] == pytest.approx(alone.sharpe, rel=1e-9, abs=1e-9, nan_ok=True)
        assert volatility[last] == pytest.approx(alone.volatility, rel=1e-9, nan_ok=True)
        assert falls[last] == pytest.approx(alone.max_drawdown, rel=1e-12, abs=1e-15)


def wealth_and_peaks(returns: list[float]) -> tuple[list[float], list[float]]:
    """Return wealth that starts at 1 and stops at 0, and its peaks so far."""
    wealth, peak = 1.0, 1.0
    path: list[float] = []
    peaks: list[float] = []
    for r in returns:
        wealth *= max(1 + r, 0.0)
        peak = max(peak, wealth)
        path.append(wealth)
        peaks.append(peak)
    return path, peaks


@given(SHORT)
def test_the_drawdown_series_is_one_less_wealth_over_its_peak(returns: list[float]) -> None:
    path, peaks = wealth_and_peaks(returns)
    expected = [1 - wealth / peak for wealth, peak in zip(path, peaks, strict=True)]
    found = drawdown_series(returns)
    assert found.tolist() == pytest.approx(expected, abs=1e-15)
    if returns:
        metrics = compute_metrics(returns)
        assert metrics is not None
        assert found.max() == metrics.max_drawdown


@given(SHORT)
def test_drawdowns_are_the_runs_below_a_peak(returns: list[float]) -> None:
    falls = drawdown_series(returns).tolist()
    runs: list[tuple[int, int, int | None]] = []
    start: int | None = None
    for period, fall in enumerate([*falls, 0.0]):
        if fall > 0 and start is None:
            start = period
        elif fall == 0 and start is not None:
            trough = max(range(start, period), key=lambda at: (falls[at], -at))
            runs.append((start, trough, period if period < len(falls) else None))
            start = None
    runs.sort(key=lambda run: -falls[run[1]])
    found = drawdowns(returns)
    assert [(fall.start, fall.trough, fall.end) for fall in found] == runs
    for fall in found:
        assert fall.depth == falls[fall.trough]
        last = len(returns) - 1 if fall.end is None else fall.end
        assert fall.length == last - fall.start + 1
        assert fall.to_trough == fall.trough - fall.start + 1
        assert fall.recovery == (None if fall.end is None else fall.end - fall.trough)
    assert drawdowns(returns, top=2) == found[:2]
    assert drawdowns(returns, top=0) == []
    if returns:
        metrics = compute_metrics(returns)
        assert metrics is not None
        longest = max((fall.length for fall in found), default=0)
        assert longest == metrics.max_drawdown_periods


def test_a_worked_table_of_drawdowns() -> None:
    # Wealth 0.8, 0.6, 1.2, 1.2, 0.9, 1.8, 1.62
    returns = [-0.2, -0.25, 1.0, 0.0, -0.25, 1.0, -0.1]
    assert [tuple(fall.to_dict().values()) for fall in drawdowns(returns)] == [
        (0, 1, 2, pytest.approx(0.4), 3, 2, 1),
        (4, 4, 5, pytest.approx(0.25), 2, 1, 1),
        (6, 6, None, pytest.approx(0.1), 1, 1, None),
    ]


def test_metrics_against_a_benchmark_follow_their_definitions() -> None:
    rng = np.random.default_rng(11)
    market = rng.normal(0.0004, 0.01, 500)
    fund = 0.0001 + 1.3 * market + rng.normal(0, 0.004, 500)
    rf, periods = 0.0001, 252.0
    found = compute_benchmark_metrics(fund, market, periods, rf)
    assert found is not None
    covariance = np.cov(fund, market, ddof=1)
    beta = covariance[0, 1] / covariance[1, 1]
    alpha = (fund - rf).mean() - beta * (market - rf).mean()
    assert found.beta == pytest.approx(beta, rel=1e-12)
    assert found.alpha == pytest.approx((1 + alpha) ** periods - 1, rel=1e-10)
    assert found.correlation == pytest.approx(np.corrcoef(fund, market)[0, 1], rel=1e-12)
    difference = fund - market
    assert found.tracking_error == pytest.approx(difference.std(ddof=1) * math.sqrt(periods))
    ratio = difference.mean() / difference.std(ddof=1) * math.sqrt(periods)
    assert found.information_ratio == pytest.approx(ratio, rel=1e-10)

    def growth(returns: NDArray[np.float64]) -> float:
        return float(np.prod(1 + returns) ** (periods / len(returns)) - 1)

    for capture, mask in ((found.up_capture, market > 0), (found.down_capture, market < 0)):
        assert capture == pytest.approx(growth(fund[mask]) / growth(market[mask]), rel=1e-10)


def benchmark(returns: list[float], market: list[float]) -> BenchmarkMetrics:
    found = compute_benchmark_metrics(returns, market, 1.0)
    assert found is not None
    return found


def test_what_is_undefined_against_a_benchmark_is_nan() -> None:
    same = benchmark([0.1, -0.2, 0.3], [0.1, -0.2, 0.3])
    assert (same.beta, same.correlation, same.tracking_error) == (1.0, 1.0, 0.0)
    assert (same.up_capture, same.down_capture) == (1.0, 1.0)
    assert math.isnan(same.information_ratio)
    flat = benchmark([0.1, -0.2, 0.3], [0.01, 0.01, 0.01])
    assert np.isnan([flat.alpha, flat.beta, flat.correlation, flat.down_capture]).all()
    assert flat.tracking_error > 0
    one = benchmark([0.1], [0.2])
    assert np.isnan([one.beta, one.alpha, one.tracking_error, one.information_ratio]).all()
    assert one.up_capture == pytest.approx(0.5)
    assert compute_benchmark_metrics([], []) is None


TEN = [0.01, -0.02] * 5


def rolling_calls() -> list[Callable[[Any], object]]:
    return [
        lambda returns: rolling_sharpe(returns, 2),
        lambda returns: rolling_volatility(returns, 2),
        lambda returns: rolling_max_drawdown(returns, 2),
        drawdown_series,
        drawdowns,
        lambda returns: compute_benchmark_metrics(returns, TEN),
    ]


@pytest.mark.parametrize("call", rolling_calls())
@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_a_return_that_is_not_finite_is_named(call: Callable[[Any], object], bad: float) -> None:
    returns = [*TEN[:7], bad, *TEN[8:]]
    shown = "NaN" if math.isnan(bad) else f"{bad}"
    with pytest.raises(ValidationError, match=rf"got {shown} at index 7$"):
        call(returns)


@pytest.mark.parametrize("call", rolling_calls())
@pytest.mark.parametrize("wrong", [5, None, "0.1", [0.1, "x"], [True]])
def test_what_is_no_sequence_of_numbers_is_a_type_error(
    call: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(TypeError, match=r"^returns(\[\d\])? must be "):
        call(wrong)


def test_a_benchmark_must_be_as_long_and_finite() -> None:
    with pytest.raises(ValidationError, match=r"have the same length, got 3 and 2$"):
        compute_benchmark_metrics([0.1, 0.2, 0.3], [0.1, 0.2])
    with pytest.raises(ValidationError, match=r"benchmark.* got NaN at index 1"):
        compute_benchmark_metrics([0.1, 0.2], [0.1, NAN])
    with pytest.raises(TypeError, match=r"^benchmark must be a sequence of numbers, got 5$"):
        compute_benchmark_metrics([0.1], cast("Any", 5))


def test_a_window_is_a_whole_number_of_at_least_1() -> None:
    for call in (rolling_sharpe, rolling_volatility, rolling_max_drawdown):
        with pytest.raises(ValidationError, match=r"window must be at least 1, got 0$"):
            call(TEN, 0)
        with pytest.raises(OutOfRangeError, match=r"^window must be .*, got -1$"):
            call(TEN, -1)
        wrong: Any
        for wrong in (2.0, True, "2", None):
            with pytest.raises(TypeError, match=r"^window must be an integer, got "):
                call(TEN, wrong)
        assert call([], 3).tolist() == []
        assert np.isnan(call(TEN, 11)).all()
        assert call(TEN, cast("Any", np.int16(2))).tolist()[1:] == call(TEN, 2).tolist()[1:]
    wrong_top: Any
    for wrong_top in (1.5, True, "all"):
        with pytest.raises(TypeError, match=r"^top must be "):
            drawdowns(TEN, wrong_top)
    with pytest.raises(OutOfRangeError, match=r"^top must be .*, got -1$"):
        drawdowns(TEN, -1)


def test_rates_are_checked_and_an_annual_one_warns() -> None:
    for periods in (0.0, -1.0, NAN, math.inf):
        with pytest.raises(ValidationError, match="periods per year must be positive and finite"):
            rolling_sharpe(TEN, 2, periods)
        with pytest.raises(ValidationError, match="periods per year must be positive and finite"):
            rolling_volatility(TEN, 2, periods)
        with pytest.raises(ValidationError, match="periods per year must be positive and finite"):
            compute_benchmark_metrics(TEN, TEN, periods)
    with pytest.warns(UserWarning, match="risk_free is per period") as caught:
        rolling_sharpe(TEN, 2, risk_free=0.05)
    with pytest.warns(UserWarning, match="risk_free is per period") as caught_too:
        compute_benchmark_metrics(TEN, TEN, risk_free=0.05)
    assert [warning.filename for warning in (*caught, *caught_too)] == [__file__] * 2


def test_constant_returns_have_no_sharpe_ratio() -> None:
    constant = [0.1] * 6
    assert np.isnan(rolling_sharpe(constant, 3)).all()
    assert rolling_volatility(constant, 3).tolist()[2:] == [0.0] * 4
    assert rolling_max_drawdown(constant, 3).tolist()[2:] == [0.0] * 4
    assert drawdowns(constant) == []
    assert drawdown_series(constant).tolist() == [0.0] * 6


def test_ruin_is_a_drawdown_of_all_without_an_end() -> None:
    (ruin,) = drawdowns([0.5, -1.0, 5.0, 5.0])
    assert (ruin.start, ruin.trough, ruin.end, ruin.depth) == (1, 1, None, 1.0)
    assert drawdown_series([0.5, -2.0, 5.0]).tolist() == [0.0, 1.0, 1.0]
    assert rolling_max_drawdown([0.5, -1.0, 5.0, 5.0], 2).tolist()[1:] == [1.0, 1.0, 0.0]


def test_a_huge_return_is_forgotten_when_its_window_has_passed() -> None:
    returns = np.concatenate([[1e12], np.tile([0.01, -0.01], 5_000)])
    alone = rolling_volatility(returns[1:], 20)
    np.testing.assert_allclose(rolling_volatility(returns, 20)[21:], alone[20:], rtol=1e-12)
    sharpe = rolling_sharpe(returns, 20)[21:]
    np.testing.assert_allclose(sharpe, rolling_sharpe(returns[1:], 20)[20:], atol=1e-9)


def test_wealth_beyond_the_range_of_floats_still_has_drawdowns() -> None:
    returns = [9.0] * 400 + [-0.5] + [9.0] * 400
    (fall,) = drawdowns(returns)
    assert (fall.start, fall.end, fall.depth) == (400, 401, 0.5)
    assert np.nanmax(rolling_max_drawdown(returns, 790)) == 0.5


def test_arrays_are_the_caller_s_own() -> None:
    for array in (
        rolling_sharpe(TEN, 2),
        rolling_volatility(TEN, 2),
        rolling_max_drawdown(TEN, 2),
        drawdown_series(TEN),
    ):
        array[0] = 7.0
        assert array[0] == 7.0


def test_without_numpy_the_error_says_so() -> None:
    script = """
import sys
sys.modules["numpy"] = None
import nanobook
assert len(nanobook.drawdowns([0.1, -0.2])) == 1
assert nanobook.compute_benchmark_metrics([0.1, -0.2], [0.1, 0.1]) is not None
try:
    nanobook.drawdown_series([0.1])
except nanobook.MissingPackageError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == "this needs NumPy, which is not installed\n"


def values() -> list[Drawdown | BenchmarkMetrics]:
    return [*drawdowns([-0.25, 1.0, -0.5]), benchmark([0.1, 0.2, -0.1], [0.2, 0.1, 0.1])]


@pytest.mark.parametrize("value", values())
def test_drawdowns_and_benchmark_metrics_are_values(value: Drawdown | BenchmarkMetrics) -> None:
    fields = value.to_dict()
    kind = cast("Any", type(value))
    assert kind(**fields) == value
    assert hash(kind(**fields)) == hash(value)
    other = next(other for other in values() if other != value)
    assert value != other
    assert value != fields
    for twin in (copy.copy(value), copy.deepcopy(value)):
        assert twin == value
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert kind.__module__ == "nanobook"
    assert eval(repr(value), {"nan": NAN, kind.__name__: kind}) == value
    assert all(f"<th>{name}</th>" in value._repr_html_() for name in fields)
    with pytest.raises(AttributeError):
        setattr(value, next(iter(fields)), 1)


def test_the_published_table_of_drawdowns_is_met() -> None:
    folder = os.environ.get("NANOBOOK_DATA")
    if not folder:
        pytest.skip("NANOBOOK_DATA is not set: there are no published drawdowns")
    path = Path(folder) / "metrics"
    with (path / "expected_drawdowns.csv").open(newline="", encoding="utf-8") as lines:
        expected = list(csv.DictReader(lines))
    with (path / "managers.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row[expected[0]["column"]]]
    returns = [float(row[expected[0]["column"]]) for row in rows]
    found = nanobook.drawdowns(returns, top=len(expected))
    for fall, row in zip(found, expected, strict=True):
        assert fall.depth == pytest.approx(-float(row["depth"]), abs=5e-5)
        assert fall.length == int(row["length"])
    assert len(found) == 5
