"""Rolling metrics, drawdowns and metrics against a benchmark: definitions and edges."""

from __future__ import annotations

import array
import copy
import importlib
import math
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

import nanobook
from nanobook import (
    BenchmarkMetrics,
    Drawdown,
    NanobookError,
    ValidationError,
    rolling_sharpe,
    rolling_volatility,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NAN = math.nan
INF = math.inf


# The definitions, in NumPy.


def deviation(values: Floats, size: float) -> float:
    if len(values) < 2:
        return NAN
    found = float(np.std(values - values[0], ddof=1))
    return 0.0 if found < 1e-12 * size else found


def sharpe(returns: Floats, periods: float, risk_free: float) -> float:
    spread = deviation(returns, float(np.abs(returns).max()))
    if spread == 0:
        return NAN
    return float(np.mean(returns - risk_free)) / spread * math.sqrt(periods)


def volatility(returns: Floats, periods: float) -> float:
    return deviation(returns, float(np.abs(returns).max())) * math.sqrt(periods)


def falls(returns: Floats) -> Floats:
    wealth = np.concatenate([[1.0], np.cumprod(1 + returns)])
    ruined = np.flatnonzero(wealth <= 0)
    if len(ruined):
        wealth[ruined[0] :] = 0.0
    return (1 - wealth / np.maximum.accumulate(wealth))[1:]


def rolled(returns: Floats, window: int, of: Callable[[Floats], float]) -> Floats:
    full = [of(returns[end - window : end]) for end in range(window, len(returns) + 1)]
    return np.array([NAN] * min(window - 1, len(returns)) + full)


def against(
    returns: Floats, benchmark: Floats, periods: float, risk_free: float
) -> dict[str, float]:
    active = returns - benchmark
    beta = np.cov(returns, benchmark)[0, 1] / np.var(benchmark, ddof=1)
    alpha = np.mean(returns - risk_free) - beta * np.mean(benchmark - risk_free)

    def capture(market: NDArray[np.bool_]) -> float:
        if not market.any():
            return NAN
        own, theirs = (
            np.prod(1 + each[market]) ** (periods / market.sum()) - 1
            for each in (returns, benchmark)
        )
        return float(own / theirs)

    found = {
        # Nothing is left of less than nothing, also after an even number of periods.
        "alpha": max(1 + alpha, 0) ** periods - 1,
        "beta": beta,
        "correlation": np.corrcoef(returns, benchmark)[0, 1],
        "tracking_error": np.std(active, ddof=1) * math.sqrt(periods),
        "information_ratio": np.mean(active) / np.std(active, ddof=1) * math.sqrt(periods),
        "up_capture": capture(benchmark > 0),
        "down_capture": capture(benchmark < 0),
    }
    return {name: float(value) for name, value in found.items()}


# Returns as prices make them; the lowest are more than everything.
RETURNS = st.integers(-11_000, 30_000).map(lambda bps: bps / 10_000)


@for_all(st.lists(RETURNS, min_size=1, max_size=60), st.integers(1, 65))
def test_rolling_metrics_follow_their_definitions(returns: list[float], window: int) -> None:
    values = np.array(returns)
    expected = rolled(values, window, lambda r: sharpe(r, 252.0, 0.001))
    found = nanobook.rolling_sharpe(returns, window, risk_free=0.001)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    expected = rolled(values, window, lambda r: volatility(r, 12.0))
    found = nanobook.rolling_volatility(returns, window, 12.0)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    expected = rolled(values, window, lambda r: float(falls(r).max()))
    found = nanobook.rolling_max_drawdown(returns, window)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", [2, 21, 252, 2_999, 3_000])
def test_rolling_metrics_of_a_long_series(window: int) -> None:
    returns = np.random.default_rng(window).normal(0.0005, 0.01, 3_000)
    windows = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviations = windows.std(axis=1, ddof=1)
    found = nanobook.rolling_volatility(returns, window)
    assert np.isnan(found[: window - 1]).all()
    np.testing.assert_allclose(found[window - 1 :], deviations * math.sqrt(252), rtol=1e-10)
    found = nanobook.rolling_sharpe(returns, window, 252.0, 0.0001)
    expected = (windows.mean(axis=1) - 0.0001) / deviations * math.sqrt(252)
    np.testing.assert_allclose(found[window - 1 :], expected, rtol=1e-9, atol=1e-9)


WALK = np.random.default_rng(5).normal(0.0005, 0.02, 700)
WINDOWS = [1, 2, 3, 21, 252, 699, 700, 701, 5_000]
# Pandas has no types of its own.
PANDAS: Any = importlib.import_module("pandas")


@pytest.mark.parametrize("window", WINDOWS)
def test_rolling_volatility_is_that_of_pandas(window: int) -> None:
    expected = PANDAS.Series(WALK).rolling(window).std() * math.sqrt(252)
    found = rolling_volatility(WALK, window)
    np.testing.assert_allclose(found, expected, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("window", WINDOWS)
def test_rolling_sharpe_is_that_of_pandas(window: int) -> None:
    rolling = (PANDAS.Series(WALK) - 0.0001).rolling(window)
    expected = rolling.mean() / rolling.std() * math.sqrt(52)
    found = rolling_sharpe(WALK, window, periods_per_year=52.0, risk_free=0.0001)
    np.testing.assert_allclose(found, expected, rtol=1e-7, equal_nan=True)


def test_a_huge_return_leaves_no_trace_in_a_million_later_ones() -> None:
    returns = 0.5 + np.random.default_rng(1).normal(0.0, 1e-9, 1_000_000)
    returns[0] = 1e9
    for window in (20, 10_000):
        found = nanobook.rolling_volatility(returns, window, 1.0)
        for end in (window + 1, 500_000, 1_000_000):
            part = returns[end - window : end]
            assert found[end - 1] == pytest.approx(np.std(part - 0.5, ddof=1), rel=1e-8)


@for_all(st.lists(RETURNS, max_size=80))
def test_drawdowns_follow_their_definition(returns: list[float]) -> None:
    series = nanobook.drawdown_series(returns)
    np.testing.assert_allclose(series, falls(np.array(returns)), rtol=0, atol=1e-12)
    # Whether wealth is back at its peak is a matter of the last bit: the series decides.
    expected: list[Drawdown] = []
    start = 0
    while start < len(series):
        if series[start] == 0:
            start += 1
            continue
        end = next((i for i in range(start, len(series)) if series[i] == 0), None)
        last = len(series) - 1 if end is None else end
        trough = start + int(np.argmax(series[start : last + 1]))
        expected.append(
            Drawdown(
                start,
                trough,
                end,
                float(series[trough]),
                last - start + 1,
                trough - start + 1,
                None if end is None else end - trough,
            )
        )
        start = last + 1
    found = nanobook.drawdowns(returns)
    assert [d.start for d in found] == [
        d.start for d in sorted(expected, key=lambda d: (-d.depth, d.start))
    ]
    by_start = {d.start: d for d in expected}
    for drawdown in found:
        same = by_start[drawdown.start]
        # Two wealths a bit apart may be equally deep.
        if drawdown.trough == same.trough:
            assert drawdown == same
        else:
            assert drawdown.depth == same.depth
    for top in (0, 1, 2, 100):
        assert nanobook.drawdowns(returns, top) == found[:top]
    metrics = nanobook.compute_metrics(returns)
    if metrics is not None:
        assert metrics.max_drawdown == max(series, default=0.0)
        assert metrics.max_drawdown == (found[0].depth if found else 0.0)
        assert metrics.max_drawdown_periods == max((d.length for d in found), default=0)


def test_a_worked_table_of_drawdowns() -> None:
    # Wealth 0.5, 1, 2, 1.5, 1, 2, 1, 1.25: three are equally deep.
    returns = [-0.5, 1.0, 1.0, -0.25, -1 / 3, 1.0, -0.5, 0.25]
    found = nanobook.drawdowns(returns)
    assert [(d.start, d.trough, d.end) for d in found] == [(0, 0, 1), (3, 4, 5), (6, 6, None)]
    assert [(d.length, d.to_trough, d.recovery) for d in found] == [
        (2, 1, 1),
        (3, 2, 1),
        (2, 1, None),
    ]
    assert [d.depth for d in found] == pytest.approx([0.5, 0.5, 0.5])
    assert nanobook.drawdowns([]) == nanobook.drawdowns([0.1, 0.0]) == []
    assert nanobook.drawdowns(returns, top=1) == found[:1]
    assert nanobook.drawdowns(returns, top=None) == found


def test_nothing_comes_back_from_ruin() -> None:
    returns = [0.5, -1.5, 3.0, -1.0]
    assert nanobook.drawdown_series(returns).tolist() == [0, 1, 1, 1]
    (ruin,) = nanobook.drawdowns(returns)
    assert ruin == Drawdown(1, 1, None, 1.0, 3, 1, None)
    # A window after it starts with new wealth.
    found = nanobook.rolling_max_drawdown([-1.0, 0.5, -0.25], 2).tolist()[1:]
    assert found == [1.0, 0.25]


def test_wealth_need_not_fit_in_a_float() -> None:
    returns = [1.0] * 4_000 + [-0.75]
    series = nanobook.drawdown_series(returns)
    assert series[-1] == 0.75
    assert not series[:-1].any()
    assert nanobook.rolling_max_drawdown(returns, 3_000)[-1] == 0.75
    assert not np.isnan(nanobook.rolling_max_drawdown([1e300] * 20, 10)[9:]).any()


@for_all(
    st.lists(st.tuples(st.integers(-90, 300), st.integers(-90, 300)), min_size=3, max_size=60),
    st.sampled_from([1.0, 12.0, 52.0]),
    st.sampled_from([0.0, 0.001, -0.002]),
)
@example([(0, 76), (0, 76), (17, 77)], 12.0, 0.0)
def test_benchmark_metrics_follow_their_definitions(
    pairs: list[tuple[int, int]], periods: float, risk_free: float
) -> None:
    returns, benchmark = np.array(pairs).T / 1_000
    if min(np.ptp(returns), np.ptp(benchmark), np.ptp(returns - benchmark)) < 1e-9:
        return
    expected = against(returns, benchmark, periods, risk_free)
    found = nanobook.compute_benchmark_metrics(returns, benchmark, periods, risk_free)
    assert found is not None
    assert list(found.to_dict()) == list(expected)
    for name, value in expected.items():
        # Growth that is nearly 0, over growth that is, leaves few digits.
        assert found.to_dict()[name] == pytest.approx(value, rel=1e-7, abs=1e-7, nan_ok=True), name


UNDEFINED: list[Any] = [
    pytest.param(
        [0.25],
        [0.5],
        {
            "alpha": NAN,
            "beta": NAN,
            "correlation": NAN,
            "tracking_error": NAN,
            "information_ratio": NAN,
            "up_capture": 0.5625 / 1.25,
            "down_capture": NAN,
        },
        id="one period",
    ),
    pytest.param(
        [0.1, -0.2, 0.3],
        [0.1, -0.2, 0.3],
        {
            "alpha": 0.0,
            "beta": 1.0,
            "correlation": 1.0,
            "tracking_error": 0.0,
            "information_ratio": NAN,
            "up_capture": 1.0,
            "down_capture": 1.0,
        },
        id="the benchmark itself",
    ),
    pytest.param(
        [0.2, -0.1, 0.4],
        [0.1, -0.2, 0.3],
        {"beta": 1.0, "tracking_error": 0.0, "information_ratio": NAN},
        id="a constant above the benchmark",
    ),
    pytest.param(
        [0.1, -0.2, 0.3],
        [0.1, 0.1, 0.1],
        {"alpha": NAN, "beta": NAN, "correlation": NAN, "down_capture": NAN},
        id="constant benchmark",
    ),
    pytest.param(
        [0.1, 0.1, 0.1],
        [0.1, -0.2, 0.3],
        {"beta": 0.0, "correlation": NAN},
        id="constant returns",
    ),
    pytest.param(
        [0.1, -0.2],
        [0.0, 0.0],
        {"beta": NAN, "up_capture": NAN, "down_capture": NAN},
        id="a market that never moved",
    ),
    pytest.param(
        [0.1, 0.3],
        [0.1, 0.2],
        {"down_capture": NAN},
        id="no losses",
    ),
    pytest.param(
        [-1.0, -3.0, -2.5],
        [0.5, 1.0, -0.5],
        {"alpha": -1.0, "down_capture": 4 / 3},
        id="ruin",
    ),
]


@pytest.mark.parametrize(("returns", "market", "expected"), UNDEFINED)
def test_what_a_benchmark_leaves_undefined_is_nan_and_the_rest_is_not(
    returns: list[float], market: list[float], expected: dict[str, float]
) -> None:
    # A year of two periods: a return of 0.25 in one is 0.5625 in both, and a loss of all is -1.
    found = nanobook.compute_benchmark_metrics(returns, market, 2.0)
    assert found is not None
    for name, value in expected.items():
        assert found.to_dict()[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name


CONSTANT: list[float] = [0.1, -0.003, 0.0]


@pytest.mark.parametrize("r", CONSTANT)
def test_a_constant_window_has_no_risk(r: float) -> None:
    returns = [r] * 50
    assert nanobook.rolling_volatility(returns, 7)[6:].tolist() == [0.0] * 44
    assert np.isnan(nanobook.rolling_sharpe(returns, 7)).all()


def test_windows_longer_than_the_returns_or_of_one_are_nan() -> None:
    for window in (3, 10**18):
        for found in (
            nanobook.rolling_sharpe([0.1, 0.2], window),
            nanobook.rolling_volatility([0.1, 0.2], window),
            nanobook.rolling_max_drawdown([0.1, 0.2], window),
        ):
            assert found.shape == (2,)
            assert np.isnan(found).all()
    assert np.isnan(nanobook.rolling_sharpe([0.1, 0.2], 1)).all()
    assert np.isnan(nanobook.rolling_volatility([0.1, 0.2], 1)).all()
    assert nanobook.rolling_max_drawdown([0.5, -0.25], 1).tolist() == [0.0, 0.25]


ROLLING: list[Callable[[Any, Any], Floats]] = [
    nanobook.rolling_sharpe,
    nanobook.rolling_volatility,
    nanobook.rolling_max_drawdown,
]
SERIES: list[Callable[[Any], Any]] = [
    lambda r: nanobook.rolling_sharpe(r, 2),
    lambda r: nanobook.rolling_volatility(r, 2),
    lambda r: nanobook.rolling_max_drawdown(r, 2),
    nanobook.drawdown_series,
    nanobook.drawdowns,
    lambda r: nanobook.compute_benchmark_metrics(r, [0.25, -0.125, 0.5, 0.0]),
]


@pytest.mark.parametrize("function", ROLLING)
@pytest.mark.parametrize(
    ("window", "error", "text"),
    [
        (0, ValidationError, "window 0: must be at least 1"),
        (-1, ValidationError, "window -1: must be at least 1"),
        (2**64, OverflowError, f"window {2**64}: must be at most {2**64 - 1}"),
        (2.0, TypeError, "window must be an integer, got 2.0"),
        (True, TypeError, "window must be an integer, got True"),
        (None, TypeError, "window must be an integer, got None"),
    ],
)
def test_a_window_is_an_integer_of_at_least_one(
    function: Callable[[Any, Any], Floats], window: object, error: type[Exception], text: str
) -> None:
    for returns in ([], [0.1, 0.2]):
        with pytest.raises(error, match=text):
            function(returns, window)
    assert function([0.1, 0.2], np.int32(2)).shape == (2,)


@pytest.mark.parametrize("top", [-1, 1.0, True, "1"])
def test_top_is_a_count(top: object) -> None:
    with pytest.raises((ValidationError, TypeError), match="top must be"):
        nanobook.drawdowns([0.1], cast("Any", top))


@pytest.mark.parametrize("function", SERIES)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_return_that_is_not_finite_is_named(function: Callable[[Any], Any], bad: float) -> None:
    for index in range(4):
        returns = [0.1, -0.2, 0.3, 0.0]
        returns[index] = bad
        for values in (returns, np.array(returns)):
            with pytest.raises(ValueError, match=rf"must be finite, got .* at index {index}$") as e:
                function(values)
            assert isinstance(e.value, NanobookError)


class Raises:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __iter__(self) -> Iterator[float]:
        raise self.error


def raising(error: Exception) -> Iterator[float]:
    yield 0.25
    raise error


READERS: list[Callable[[Any], Any]] = [
    *SERIES,
    nanobook.compute_metrics,
    lambda r: nanobook.compute_benchmark_metrics([0.25], r),
]


@pytest.mark.parametrize("function", READERS)
@pytest.mark.parametrize("error", [TypeError("mine"), ValueError("mine"), OSError("mine")])
def test_an_error_while_the_returns_are_read_arrives(
    function: Callable[[Any], Any], error: Exception
) -> None:
    for returns in (Raises(error), raising(error)):
        with pytest.raises(type(error)) as caught:
            function(returns)
        assert caught.value is error
        assert str(error) == "mine"
        assert not hasattr(error, "__notes__")


def test_a_benchmark_that_is_not_finite_is_named() -> None:
    with pytest.raises(ValidationError, match="benchmark must be finite, got NaN at index 1"):
        nanobook.compute_benchmark_metrics([0.1, 0.2], [0.1, NAN])


@pytest.mark.parametrize(("n", "m"), [(2, 3), (0, 1), (1, 0)])
def test_lengths_that_differ_are_named(n: int, m: int) -> None:
    text = f"returns and benchmark must have the same length, got {n} and {m}"
    with pytest.raises(ValidationError, match=text):
        nanobook.compute_benchmark_metrics([0.1] * n, np.full(m, 0.1))


@pytest.mark.parametrize("periods", [0.0, -1.0, NAN, INF])
def test_periods_per_year_are_positive(periods: float) -> None:
    calls: list[Callable[[], object]] = [
        lambda: nanobook.rolling_sharpe([], 2, periods),
        lambda: nanobook.rolling_volatility([], 2, periods),
        lambda: nanobook.compute_benchmark_metrics([], [], periods),
    ]
    for call in calls:
        with pytest.raises(ValidationError, match="periods per year"):
            call()


@pytest.mark.parametrize("risk_free", [0.0100001, 5.0])
def test_an_annual_rate_warns(risk_free: float) -> None:
    calls: list[Callable[[], object]] = [
        lambda: nanobook.rolling_sharpe([0.1, 0.2], 2, risk_free=risk_free),
        lambda: nanobook.compute_benchmark_metrics([0.1], [0.1], risk_free=risk_free),
    ]
    for call in calls:
        with pytest.warns(UserWarning, match="per period") as caught:
            call()
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="annual"):
                call()
    for rate in (NAN, -INF):
        with pytest.raises(ValidationError, match="risk free"):
            nanobook.rolling_sharpe([0.1], 2, 252.0, rate)


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return np.array_equal(cast("Floats", a), cast("Floats", b), equal_nan=True)
    return a == b


@pytest.mark.parametrize("function", SERIES)
def test_returns_come_in_any_sequence_of_numbers(function: Callable[[Any], Any]) -> None:
    values = [0.25, -0.125, 0.5, 0.0]
    expected = function(values)
    kinds: list[Iterable[float]] = [
        tuple(values),
        iter(values),
        array.array("d", values),
        memoryview(array.array("f", values)),
        np.array(values),
        np.array(values, dtype=np.float32),
        np.array(values, dtype=">f8"),
        np.repeat(values, 2)[::2],
    ]
    for returns in kinds:
        assert same(function(returns), expected), returns
    for wrong in (0.1, None, ["0.1"], [True], np.zeros((2, 2))):
        with pytest.raises((TypeError, ValueError), match="returns"):
            function(wrong)


def test_a_benchmark_comes_in_any_sequence_too() -> None:
    expected = nanobook.compute_benchmark_metrics([0.1, 0.25], [0.5, 0.25])
    assert expected == nanobook.compute_benchmark_metrics([0.1, 0.25], [0.5, 0.25], 252.0, 0.0)
    rolling = nanobook.rolling_sharpe([0.1, 0.25, 0.2], 2)
    assert same(rolling, nanobook.rolling_sharpe([0.1, 0.25, 0.2], 2, 252.0, 0.0))
    for benchmark in ((0.5, 0.25), np.array([0.5, 0.25], dtype=np.float32)):
        assert nanobook.compute_benchmark_metrics([0.1, 0.25], benchmark) == expected
    with pytest.raises(TypeError, match="benchmark"):
        nanobook.compute_benchmark_metrics([0.1], cast("Any", None))
    assert nanobook.compute_benchmark_metrics([], []) is None


def test_arrays_are_the_callers_own() -> None:
    returns = np.array([0.1, -0.2, 0.3])
    for found in (
        nanobook.rolling_sharpe(returns, 2),
        nanobook.rolling_volatility(returns, 2),
        nanobook.rolling_max_drawdown(returns, 2),
        nanobook.drawdown_series(returns),
    ):
        assert found.dtype == np.float64
        assert found.shape == returns.shape
        found[:] = 0.0
    assert returns.tolist() == [0.1, -0.2, 0.3]
    for empty in (nanobook.drawdown_series([]), nanobook.rolling_sharpe([], 2)):
        assert empty.shape == (0,)
        assert empty.dtype == np.float64


def test_numpy_may_be_missing() -> None:
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "import nanobook\n"
        "assert nanobook.drawdowns([-0.5])[0].depth == 0.5\n"
        "assert nanobook.compute_benchmark_metrics([0.5, 0.0], [0.5, 0.0]).beta == 1\n"
        "for function in (nanobook.drawdown_series, lambda r: nanobook.rolling_sharpe(r, 2)):\n"
        "    try:\n"
        "        function([0.1])\n"
        "    except nanobook.MissingPackageError as error:\n"
        "        print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == "this needs NumPy, which is not installed: pip install numpy\n" * 2


def benchmark_metrics() -> BenchmarkMetrics:
    found = nanobook.compute_benchmark_metrics([0.5, 0.25], [0.5, 0.125])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("whole", "names"),
    [
        (
            Drawdown(0, 1, 2, 0.5, 3, 2, 1),
            ["start", "trough", "end", "depth", "length", "to_trough", "recovery"],
        ),
        (benchmark_metrics(), [*benchmark_metrics().to_dict()]),
    ],
    ids=["Drawdown", "BenchmarkMetrics"],
)
def test_a_field_is_refused_by_name(whole: Drawdown | BenchmarkMetrics, names: list[str]) -> None:
    fields = whole.to_dict()
    assert list(fields) == names
    for name, value in fields.items():
        kind = "an integer" if isinstance(value, int) else "a number"
        for bad in (True, np.True_, "1", 1j):
            with pytest.raises(TypeError, match=f"^{name} must be {kind}, got .*{bad}"):
                type(whole)(**cast("Any", fields | {name: bad}))
        if isinstance(value, int):
            for number in (-1, 2**64):
                with pytest.raises(OverflowError, match=f"^{name} must be 0 to .* got {number}"):
                    type(whole)(**cast("Any", fields | {name: number}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nanobook.drawdowns([0.5, -0.5])[0], Drawdown(0, 1, 2, 0.5, 3, 2, 1)),
        (Drawdown(0, 1, 2, 0.5, 3, 2, 1), Drawdown(0, 1, None, 0.5, 3, 2, None)),
        (benchmark_metrics(), BenchmarkMetrics(0.0, 1.0, 1.0, 0.5, NAN, -INF, INF)),
    ],
)
def test_measures_compare_hash_copy_pickle_and_read_like_python(
    one: Drawdown | BenchmarkMetrics, other: Drawdown | BenchmarkMetrics
) -> None:
    copies: list[Any] = [copy.copy(one), copy.deepcopy(one)]
    copies += [pickle.loads(pickle.dumps(one, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)]
    copies += [type(one)(**cast("Any", one.to_dict()))]
    names = {"Drawdown": Drawdown, "BenchmarkMetrics": BenchmarkMetrics, "nan": NAN, "inf": INF}
    copies += [eval(repr(one), names)]
    for again in copies:
        assert again == one
        assert hash(again) == hash(one)
    assert one != other
    assert eval(repr(other), names) == other
    assert one != repr(one)
    html = one._repr_html_()
    assert html.startswith("<table>")
    assert html.endswith("</table>")
    for name, value in one.to_dict().items():
        assert f"<th>{name}</th>" in html
        found: object = getattr(one, name)
        assert found == value or (math.isnan(cast("float", found)))
        with pytest.raises(AttributeError):
            setattr(one, name, 0)
