"""`run_backtest`: what a strategy sees, what it may answer, and what comes of it."""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import tracemalloc
import weakref
from collections import ChainMap
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import pytest

import nanobook
from nanobook import (
    BacktestResult,
    CostModel,
    EqualWeight,
    NanobookError,
    Portfolio,
    Position,
    PriceSeries,
    ReadOnlyError,
    ValidationError,
    WeightSchedule,
    compute_metrics,
    run_backtest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

# What a strategy answers is for these tests to choose.
Strategy: TypeAlias = "Callable[[int, dict[str, int], Portfolio], Any]"

I64_MAX = 2**63 - 1
PRICES = [
    {"AAPL": 100, "GOOG": 200},
    {"AAPL": 110, "GOOG": 190},
    {"AAPL": 105, "GOOG": 210},
    {"AAPL": 120, "GOOG": 205},
]


def half(bar: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
    return [("AAPL", 0.5), ("GOOG", 0.5)]


def hold(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
    return None


def answering(answer: object, at: int = 0) -> Strategy:
    """Return a strategy that holds, and at one bar gives this answer."""
    return lambda bar, prices, portfolio: answer if bar == at else None


def always(answer: object) -> Strategy:
    return lambda bar, prices, portfolio: answer


def each(*answers: object) -> Strategy:
    return lambda bar, prices, portfolio: answers[bar]


def never(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
    pytest.fail("was called")


def same(left: NDArray[np.float64], right: list[list[float]]) -> bool:
    return np.array_equal(left, np.array(right), equal_nan=True)


# The loop.


def test_each_bar_is_traded_at_its_own_prices_and_then_recorded() -> None:
    result = run_backtest(answering({"AAPL": 1.0}), PRICES, 1_000)
    # 10 shares at 100, held through 110, 105 and 120.
    assert result.equity_curve.tolist() == [1_000, 1_000, 1_100, 1_050, 1_200]
    assert result.returns.tolist() == [0.0, 1_100 / 1_000 - 1, 1_050 / 1_100 - 1, 1_200 / 1_050 - 1]
    assert result.trades.tolist() == [(0, "AAPL", 10, 100, 0)]
    assert result.portfolio.position("AAPL") == Position("AAPL", 10, 1_000, 0)
    assert result.metrics == compute_metrics(result.returns)


def test_the_loop_is_what_a_portfolio_does_by_hand() -> None:
    def tilt(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float] | None:
        if bar == 2:
            return None
        return {"AAPL": 0.3 + 0.1 * bar, "GOOG": -0.2 * bar}

    cost = CostModel(10, 5, 3)
    by_hand = Portfolio(100_000, cost)
    trades: list[tuple[int, str, int, int, int]] = []
    for bar, prices in enumerate(PRICES):
        answer = tilt(bar, prices, by_hand)
        if answer is not None:
            trades += [
                (bar, fill.symbol, fill.quantity, fill.price, fill.cost)
                for fill in by_hand.rebalance_simple(answer, prices)
            ]
        by_hand.record_return(prices)
    result = run_backtest(
        strategy=tilt,
        price_series=PRICES,
        initial_cash=100_000,
        cost_model=cost,
        periods_per_year=12.0,
        risk_free=0.001,
        fill="close",
    )
    assert result.portfolio == by_hand
    assert result.portfolio.state_digest() == by_hand.state_digest()
    assert result.trades.tolist() == trades
    assert result.equity_curve.tolist() == by_hand.equity_curve()
    assert result.returns.tolist() == by_hand.returns()
    assert result.costs == by_hand.costs == sum(trade[4] for trade in trades)
    assert result.metrics == by_hand.compute_metrics(12.0, 0.001)


def test_an_empty_answer_closes_everything_and_none_leaves_it_alone() -> None:
    empties: list[Any] = [{}, [], (), iter(())]
    for empty in empties:
        result = run_backtest(each({"AAPL": 1.0}, None, empty, None), PRICES, 1_000)
        assert result.trades.tolist() == [(0, "AAPL", 10, 100, 0), (2, "AAPL", -10, 105, 0)]
        assert result.equity_curve.tolist() == [1_000, 1_000, 1_100, 1_050, 1_050]
        assert same(
            result.weights, [[1.0, 0.0], [math.nan, math.nan], [0.0, 0.0], [math.nan, math.nan]]
        )


def test_next_trades_at_the_bar_after_with_its_equity_and_prices() -> None:
    strategy = each({"AAPL": 1.0}, {"AAPL": 0.5}, None, None)
    result = run_backtest(strategy, PRICES, 1_000, fill="next")
    # 1,000 / 110 is 9 shares, 10 of cash; at 105 equity is 955 and half of it, 478, is 4 shares.
    assert result.trades.tolist() == [(1, "AAPL", 9, 110, 0), (2, "AAPL", -5, 105, 0)]
    assert result.equity_curve.tolist() == [1_000, 1_000, 1_000, 955, 1_015]
    assert same(
        result.weights,
        [[1.0, 0.0], [0.5, 0.0], [math.nan, math.nan], [math.nan, math.nan]],
    )


def test_next_trades_before_the_strategy_is_called_there() -> None:
    seen: list[tuple[int, int]] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        position = portfolio.position("AAPL")
        seen.append((position.quantity if position else 0, portfolio.cash))
        return {"AAPL": 1.0 if bar == 0 else 0.0}

    run_backtest(strategy, PRICES, 1_000, fill="next")
    assert seen == [(0, 1_000), (9, 10), (0, 955), (0, 955)]


def test_targets_of_the_last_bar_are_not_traded_with_next() -> None:
    result = run_backtest(answering({"AAPL": 1.0}, at=3), PRICES, 1_000, fill="next")
    assert len(result.trades) == 0
    assert result.weights[3].tolist() == [1.0, 0.0]
    assert result.portfolio.positions() == {}


def test_looking_ahead_does_not_pay_with_next() -> None:
    """A strategy that knows each bar's change gains by it at the close, and not a bar later."""
    prices = [{"A": 100 if bar % 2 else 50} for bar in range(40)]

    def oracle(bar: int, now: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        return {"A": 1.0 if now["A"] == 50 else 0.0}

    initial = 1_000 * 2**20
    at_close = run_backtest(oracle, prices, initial)
    at_next = run_backtest(oracle, prices, initial, fill="next")
    assert at_close.equity_curve[-1] == initial * 2**20
    # It buys at 100 what it saw at 50, and sells at 50 what it saw at 100: 19 times.
    assert at_next.equity_curve[-1] == pytest.approx(initial / 2**19, rel=0.05)


def test_next_checks_the_targets_at_once() -> None:
    for answer, message in (
        ({"AAPL": math.nan}, "bar 3"),
        ({"nobody": 1.0}, "bar 3.*nobody"),
        ([("AAPL", 0.1), ("AAPL", 0.1)], "bar 3.*AAPL has two"),
        (5, "bar 3.*5"),
    ):
        with pytest.raises(ValueError, match=message):
            run_backtest(answering(answer, at=3), PRICES, 1_000, fill="next")
    with pytest.raises(ValueError, match=r"bar 0.*B never had"):
        run_backtest(answering({"B": 0.5}), [{"A": 1}, {"A": 1, "B": 1}], 1_000, fill="next")


@pytest.mark.parametrize("spelling", ["close", "Close", "CLOSE"])
def test_close_is_the_default(spelling: str) -> None:
    fill = cast("Literal['close']", spelling)
    assert run_backtest(half, PRICES, 1_000, fill=fill) == run_backtest(half, PRICES, 1_000)


@pytest.mark.parametrize("wrong", ["open", "", 1])
def test_another_fill_is_refused(wrong: object) -> None:
    with pytest.raises((ValueError, TypeError), match="'close' or 'next'"):
        run_backtest(half, PRICES, 1_000, fill=cast("Literal['close']", wrong))


def test_costs_are_charged_per_fill() -> None:
    result = run_backtest(answering({"AAPL": 0.5, "GOOG": 0.5}), PRICES, 100_000, CostModel(10, 5))
    # 15 bps of 50,000 each.
    assert [trade["cost"] for trade in result.trades] == [75, 75]
    assert result.costs == 150
    assert result.equity_curve[1] == 99_850


def test_turnover_is_what_was_traded_over_the_mean_equity() -> None:
    result = run_backtest(
        lambda bar, prices, portfolio: {"AAPL": 1.0 if bar == 0 else 0.0}, PRICES, 1_000
    )
    traded = 10 * 100 + 10 * 110
    assert result.turnover == traded / (sum([1_000, 1_000, 1_100, 1_100, 1_100]) / 5)


def test_a_gap_is_marked_at_the_last_price_and_not_traded() -> None:
    series = [{"A": 10, "B": 10}, {"A": 20}, {"B": 30}, {}]
    seen: list[dict[str, int]] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        seen.append(prices)
        return {"A": 0.5, "B": 0.5} if bar == 0 else {}

    result = run_backtest(strategy, series, 1_000)
    assert seen == series
    assert result.equity_curve.tolist() == [1_000, 1_000, 1_500, 2_500, 2_500]
    assert result.trades.tolist() == [
        (0, "A", 50, 10, 0),
        (0, "B", 50, 10, 0),
        (1, "A", -50, 20, 0),
        (2, "B", -50, 30, 0),
    ]


def test_a_target_that_never_had_a_price_is_refused_at_its_bar() -> None:
    series = [{"A": 10}, {"A": 10}, {"A": 10, "B": 5}]
    with pytest.raises(ValidationError, match=r"bar 1: .*B never had"):
        run_backtest(answering({"B": 0.5}, at=1), series, 1_000)
    assert len(run_backtest(answering({"B": 0.0}, at=1), series, 1_000).trades) == 0


def test_no_bars_make_an_empty_result() -> None:
    for strategy in (half, EqualWeight()):
        result = run_backtest(strategy, [], 1_000)
        assert result.equity_curve.tolist() == [1_000]
        assert result.returns.shape == (0,)
        assert result.trades.shape == (0,)
        assert result.weights.shape == (0, 0)
        assert result.metrics is None
        assert result.portfolio == Portfolio(1_000)


def test_a_series_can_be_any_iterable_of_rows() -> None:
    expected = run_backtest(half, PRICES, 1_000)
    rows: list[Any] = [
        PRICES,
        tuple(PRICES),
        iter(PRICES),
        [list(row.items()) for row in PRICES],
        [MappingProxyType(row) for row in PRICES],
        [[list(pair) for pair in row.items()] for row in PRICES],
        PriceSeries(PRICES),
        PriceSeries(iter(PRICES)),
        PriceSeries(np.array([list(row.values()) for row in PRICES]), ["AAPL", "GOOG"]),
        PriceSeries(
            np.array([list(row.values()) for row in PRICES]) / 100.0, ["AAPL", "GOOG"], 0.01
        ),
    ]
    for series in rows:
        assert run_backtest(half, series, 1_000) == expected


@pytest.mark.parametrize(
    ("series", "error", "message"),
    [
        ([{"A": 1}, {"A": 0}], ValueError, "A at bar 1"),
        ([{"A": 1}, {"A": -5}], ValueError, "A at bar 1"),
        ([{"A": 1}, {"A": 1.5}], ValueError, "A at bar 1"),
        ([{"A": 1}, {"A": None}], TypeError, "A at bar 1"),
        ([{"A": 1}, {"A": 2**63}], OverflowError, "A at bar 1"),
        ([[("A", 1), ("A", 2)]], ValueError, "A .*bar 0"),
        ([{"A" * 25: 1}], ValueError, "24 bytes"),
        ([{5: 1}], TypeError, "5"),
        ([5], TypeError, "price_series"),
        (["A"], TypeError, "price_series"),
        ("AB", TypeError, "price_series"),
        ({"A": 1}, TypeError, "price_series"),
        (None, TypeError, "price_series"),
        (5, TypeError, "price_series"),
        (np.array([[1, 2]], dtype=">i8"), ValueError, "symbols are required"),
    ],
)
def test_a_series_that_is_wrong_is_refused_before_the_run(
    series: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_backtest(never, cast("PriceSeries", series), 1_000)


@pytest.mark.parametrize("built_in", [EqualWeight, WeightSchedule])
def test_the_class_of_a_built_in_is_no_strategy(built_in: type) -> None:
    with pytest.raises(TypeError, match=r"^strategy must be an instance .*, got <class 'nanobook"):
        run_backtest(cast("Any", built_in), PRICES, 1_000)


@pytest.mark.parametrize("wrong", [True, np.True_])
def test_a_bool_is_no_number(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"^risk_free must be a number, got .*True"):
        run_backtest(half, PRICES, 1_000, risk_free=cast("Any", wrong))
    with pytest.raises(ValidationError, match=r"^bar 0: the weight of 'AAPL' must be a number"):
        run_backtest(answering({"AAPL": wrong}), PRICES, 1_000)


def test_numbers_out_of_range_are_refused_before_the_run() -> None:
    run = functools.partial(run_backtest, never, PRICES)
    for cash in (1.5, "1", True, None):
        with pytest.raises(TypeError, match="initial_cash"):
            run(cast("int", cash))
    with pytest.raises(OverflowError, match="initial_cash"):
        run(2**63)
    for periods in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValidationError, match="periods per year"):
            run(1_000, periods_per_year=periods)
    with pytest.raises(ValidationError, match="risk free"):
        run(1_000, risk_free=math.nan)
    with pytest.raises(TypeError, match="cost_model"):
        run(1_000, cast("CostModel", 5))
    wrong: list[Any] = [None, 5, "half", {}, [half]]
    for strategy in wrong:
        for prices in (PRICES, []):
            with pytest.raises(TypeError, match="strategy"):
                run_backtest(strategy, prices, 1_000)


# The callable.


class Method:
    def __init__(self) -> None:
        self.bars: list[int] = []

    def decide(self, bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        self.bars.append(bar)
        return {"AAPL": 0.5, "GOOG": 0.5}

    @classmethod
    def of_class(cls, bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        return {"AAPL": 0.5, "GOOG": 0.5}

    @staticmethod
    def static(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        return {"AAPL": 0.5, "GOOG": 0.5}


class Called:
    def __call__(
        self, bar: int, prices: dict[str, int], portfolio: Portfolio
    ) -> list[tuple[str, float]]:
        return half(bar, prices, portfolio)


class Weights(dict[str, float]):
    """A class is a callable too; its instances are dicts."""

    def __init__(self, bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        super().__init__(AAPL=0.5, GOOG=0.5)


def weighted(
    weight: float, bar: int, prices: dict[str, int], portfolio: Portfolio, *, other: float
) -> dict[str, float]:
    return {"AAPL": weight, "GOOG": other}


def generator(
    bar: int, prices: dict[str, int], portfolio: Portfolio
) -> Iterator[tuple[str, float]]:
    yield "AAPL", 0.5
    yield "GOOG", 0.5


METHOD = Method()


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(half, id="function"),
        pytest.param(always([("AAPL", 0.5), ("GOOG", 0.5)]), id="lambda"),
        pytest.param(METHOD.decide, id="bound method"),
        pytest.param(Method.of_class, id="class method"),
        pytest.param(Method.static, id="static method"),
        pytest.param(functools.partial(weighted, 0.5, other=0.5), id="partial"),
        pytest.param(Called(), id="callable object"),
        pytest.param(Weights, id="class"),
        pytest.param(generator, id="generator"),
    ],
)
def test_any_callable_is_a_strategy(strategy: Strategy) -> None:
    assert run_backtest(strategy, PRICES, 1_000) == run_backtest(half, PRICES, 1_000)
    assert run_backtest(strategy, PRICES, 1_000, fill="next") == run_backtest(
        half, PRICES, 1_000, fill="next"
    )


def test_a_bound_method_keeps_its_state() -> None:
    method = Method()
    run_backtest(method.decide, PRICES, 1_000)
    assert method.bars == [0, 1, 2, 3]


class Labelled:
    """Iterates over its values, and has labels: as a series of pandas does."""

    def __iter__(self) -> Iterator[float]:
        return iter([0.25, 0.5])

    def items(self) -> Iterator[tuple[str, float]]:
        return zip(["GOOG", "AAPL"], self, strict=True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([("AAPL", 0.5), ("GOOG", 0.25)], id="list of pairs"),
        pytest.param((("GOOG", 0.25), ("AAPL", 0.5)), id="tuple, another order"),
        pytest.param([["AAPL", 0.5], ["GOOG", 0.25]], id="list of lists"),
        pytest.param({"GOOG": 0.25, "AAPL": 0.5}, id="dict"),
        pytest.param({"GOOG": 0.25, "AAPL": 0.5}.items(), id="items"),
        pytest.param(MappingProxyType({"GOOG": 0.25, "AAPL": 0.5}), id="mapping"),
        pytest.param(ChainMap({"GOOG": 0.25}, {"AAPL": 0.5}), id="chain of mappings"),
        pytest.param({"GOOG": np.float64(0.25), "AAPL": np.float32(0.5)}, id="NumPy floats"),
        pytest.param({"GOOG": Fraction(1, 4), "AAPL": Fraction(1, 2)}, id="fractions"),
        pytest.param(Labelled(), id="labelled values"),
        pytest.param(np.array([0.5, 0.25]), id="array"),
        pytest.param(np.array([0.25, 0.5])[::-1], id="reversed array"),
        pytest.param(np.array([0.5, 0.25], dtype=np.float32), id="float32 array"),
        pytest.param(np.array([0.5, 0.25], dtype=">f8"), id="big-endian array"),
    ],
)
def test_answers_are_pairs_a_dict_or_an_array(answer: object) -> None:
    expected = run_backtest(answering({"AAPL": 0.5, "GOOG": 0.25}), PRICES, 1_000)
    assert run_backtest(answering(answer), PRICES, 1_000) == expected


def test_whole_numbers_are_weights_too() -> None:
    expected = run_backtest(answering({"AAPL": 1.0, "GOOG": -1.0}), PRICES, 1_000)
    for answer in ({"AAPL": 1, "GOOG": -1}, [("AAPL", 1), ("GOOG", -1)], np.array([1, -1])):
        assert run_backtest(answering(answer), PRICES, 1_000) == expected


class Wide:
    """A weight that changes the answer it is in while it is read."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def __float__(self) -> float:
        for number in range(100):
            self.answer[f"more {number}"] = 0.5
        return 0.5


def test_an_answer_may_change_while_it_is_read() -> None:
    answer: dict[str, Any] = {}
    answer |= {"AAPL": Wide(answer), "GOOG": 0.25}
    expected = run_backtest(answering({"AAPL": 0.5, "GOOG": 0.25}), PRICES, 1_000)
    assert run_backtest(answering(answer), PRICES, 1_000) == expected


WRONG: list[Any] = [
    pytest.param(5, "got 5", id="a number"),
    pytest.param(0.5, "got 0.5", id="a weight alone"),
    pytest.param("AAPL", "'AAPL'", id="text"),
    pytest.param("AB", "'AB'", id="text that looks like a pair"),
    pytest.param(["AB"], "'AB'", id="text as a pair"),
    pytest.param(b"AB", "", id="bytes"),
    pytest.param(object, "class 'object'", id="a class"),
    pytest.param([0.5, 0.5], "0.5", id="a list of weights"),
    pytest.param([("AAPL",)], "'AAPL',", id="a pair of one"),
    pytest.param([("AAPL", 0.5, 1)], "'AAPL', 0.5, 1", id="a pair of three"),
    pytest.param([None], "None", id="a pair that is None"),
    pytest.param({"AAPL", "GOOG"}, "", id="a set of symbols"),
    pytest.param({"AAPL": None}, "'AAPL'.*None", id="a weight that is None"),
    pytest.param({"AAPL": "x"}, "'AAPL'.*'x'", id="a weight of text"),
    pytest.param({"AAPL": True}, "'AAPL'.*True", id="a bool"),
    pytest.param({"AAPL": 1j}, "'AAPL'.*1j", id="a complex weight"),
    pytest.param({"AAPL": math.nan}, "[Nn]a[Nn].*AAPL", id="a weight of nan"),
    pytest.param({"AAPL": math.inf}, "inf.*AAPL", id="a weight of inf"),
    pytest.param({"AAPL": -math.inf}, "-inf.*AAPL", id="a weight of -inf"),
    pytest.param({"AAPL": 10**400}, "'AAPL'.*1000", id="a weight beyond floats"),
    pytest.param({"MSFT": 0.5}, "MSFT", id="an unknown symbol"),
    pytest.param({"MSFT": 0.0}, "MSFT", id="an unknown symbol at zero"),
    pytest.param({"": 0.5}, "''", id="no symbol"),
    pytest.param({"aapl": 0.5}, "aapl", id="another case"),
    pytest.param({"x" * 99: 0.5}, "x" * 90, id="a long symbol"),
    pytest.param({"\ud800": 0.5}, "ud800", id="a symbol that is no text"),
    pytest.param({1: 0.5}, "got 1", id="a symbol that is a number"),
    pytest.param([("AAPL", 0.5), ("AAPL", 0.5)], "AAPL has two", id="a symbol twice"),
    pytest.param([("AAPL", 0), ("AAPL", 0.0)], "AAPL has two", id="a symbol twice at zero"),
    pytest.param(np.array([0.5]), "2 symbols, got 1", id="a short array"),
    pytest.param(np.array([0.5, 0.1, 0.1]), "2 symbols, got 3", id="a long array"),
    pytest.param(np.array([0.5, math.nan]), "[Nn]a[Nn] for GOOG", id="an array with nan"),
    pytest.param(np.array([[0.5, 0.5]]), "0.5", id="a table"),
    pytest.param(np.array([[0.5], [0.5]]), "0.5", id="a column"),
    pytest.param(np.array([[0.5, 0.5]], dtype=np.float32), "0.5", id="a small table"),
    pytest.param(np.float64(0.5), "0.5", id="a NumPy scalar"),
    pytest.param(np.array([True, False]), "True", id="an array of bools"),
    pytest.param(np.array([0.5, 1j]), r"0\.5\+0\.j", id="an array of complex numbers"),
    pytest.param(np.ma.masked_array([0.5, 1j]), r"0\.5\+0\.j", id="a masked one"),
    pytest.param({"AAPL": np.ma.masked}, "'AAPL'.*masked", id="a masked weight"),
    pytest.param(np.array(["AAPL", "GOOG"]), "AAPL", id="an array of text"),
]


@pytest.mark.parametrize(("answer", "message"), WRONG)
@pytest.mark.parametrize("fill", ["close", "next"])
def test_a_wrong_answer_names_the_bar_and_the_value(
    answer: object, message: str, fill: Literal["close", "next"]
) -> None:
    with pytest.raises(ValueError, match=rf"bar 2: (?s:.*){message}") as caught:
        run_backtest(answering(answer, at=2), PRICES, 1_000, fill=fill)
    assert isinstance(caught.value, NanobookError)


def test_an_error_of_an_answer_that_is_read_arrives() -> None:
    error = TypeError("mine")

    class Raises:
        def __iter__(self) -> Iterator[tuple[str, float]]:
            raise error

    with pytest.raises(TypeError) as caught:
        run_backtest(answering(Raises()), PRICES, 1_000)
    assert caught.value is error
    assert str(error) == "mine"


def test_money_that_does_not_fit_is_an_error_that_names_the_bar() -> None:
    with pytest.raises(OverflowError, match="bar 1: "):
        run_backtest(answering({"A": 1.0}), [{"A": 1}, {"A": I64_MAX - 1}], 1_000)
    with pytest.raises(OverflowError, match=r"bar 0: .*AAPL.*1e300"):
        run_backtest(answering({"AAPL": 1e300}), PRICES, 1_000)
    # Sized, and found too large, where it is traded.
    with pytest.raises(OverflowError, match=r"bar 1: .*AAPL.*1e300"):
        run_backtest(answering({"AAPL": 1e300}), PRICES, 1_000, fill="next")


# Exceptions.


class OwnError(Exception):
    pass


def test_an_exception_arrives_unchanged_with_its_traceback() -> None:
    error = OwnError("mine", 42)

    def deep() -> None:
        raise error

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        if bar == 2:
            deep()

    for fill in ("close", "next"):
        error.__dict__.clear()
        error.__traceback__ = None
        with pytest.raises(OwnError) as caught:
            run_backtest(strategy, PRICES, 1_000, fill=cast("Any", fill))
        assert caught.value is error
        assert error.args == ("mine", 42)
        assert error.__cause__ is None
        assert error.__context__ is None
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert frames[-2:] == ["strategy", "deep"]
        assert error.__notes__ == ["raised by the strategy at bar 2"]


def test_a_cause_stays_with_its_exception() -> None:
    cause = KeyError("first")

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        try:
            raise cause
        except KeyError as error:
            raise OwnError from error

    with pytest.raises(OwnError) as caught:
        run_backtest(strategy, PRICES, 1_000)
    assert caught.value.__cause__ is cause


class Stubborn(Exception):
    def add_note(self, note: str, /) -> None:
        raise RuntimeError("takes no notes")


class WithoutNotes(Exception):
    add_note = cast("Any", None)


class Frozen(Exception):
    __slots__ = ()

    def __setattr__(self, name: str, value: object, /) -> None:
        raise AttributeError(name)


@pytest.mark.parametrize("kind", [Stubborn, WithoutNotes, Frozen])
def test_an_exception_that_takes_no_notes_arrives_too(kind: type[Exception]) -> None:
    error = kind("mine")

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        raise error

    with pytest.raises(kind) as caught:
        run_backtest(strategy, PRICES, 1_000)
    assert caught.value is error


@pytest.mark.parametrize(
    "kind",
    [
        ValueError,
        TypeError,
        KeyError,
        StopIteration,
        GeneratorExit,
        MemoryError,
        RecursionError,
        KeyboardInterrupt,
        SystemExit,
        BaseException,
        ValidationError,
        AttributeError,
        OverflowError,
    ],
)
def test_every_kind_of_exception_passes(kind: type[BaseException]) -> None:
    error = kind("mine")

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        raise error

    with pytest.raises(kind) as caught:
        run_backtest(strategy, PRICES, 1_000)
    assert caught.value is error


def test_a_wrong_signature_is_python_s_own_error() -> None:
    def without_arguments() -> None: ...

    with pytest.raises(TypeError, match="positional argument") as caught:
        run_backtest(cast("Any", without_arguments), PRICES, 1_000)
    assert caught.value.__notes__ == ["raised by the strategy at bar 0"]


def raising(error: BaseException) -> list[object]:
    class Text:
        def __iter__(self) -> Iterator[tuple[str, float]]:
            raise error

    class Weight:
        def __float__(self) -> float:
            raise error

    def pairs() -> Iterator[tuple[str, float]]:
        yield "AAPL", 0.5
        raise error

    return [Text(), pairs(), {"AAPL": Weight()}, [("AAPL", Weight())]]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("kind", [OwnError, KeyboardInterrupt])
def test_an_exception_while_the_answer_is_read_arrives_too(
    place: int, kind: type[BaseException]
) -> None:
    error = kind("mine")
    with pytest.raises(kind) as caught:
        run_backtest(answering(raising(error)[place], at=1), PRICES, 1_000)
    assert caught.value is error
    assert error.__notes__ == ["raised by the strategy at bar 1"]


def test_an_answer_whose_repr_fails_is_still_named_by_its_bar() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    with pytest.raises(ValueError, match=r"bar 0: .*Shy"):
        run_backtest(answering(Shy()), PRICES, 1_000)


def test_a_run_after_a_failed_one_is_as_good_as_new() -> None:
    expected = run_backtest(half, PRICES, 1_000)
    series = PriceSeries(PRICES)
    for answer in ({"MSFT": 1.0}, 5):
        with pytest.raises(ValueError, match="bar 1"):
            run_backtest(answering(answer, at=1), series, 1_000)
    assert run_backtest(half, series, 1_000) == expected


# What the strategy sees.


def test_prices_are_a_dict_of_its_own_in_the_caller_s_order() -> None:
    series = [{"Z": 3, "A": 1, "M": 2}, {"M": 5, "N": 7, "Z": 6}, {"A": 9}]
    seen: list[dict[str, int]] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        assert type(prices) is dict
        seen.append(dict(prices))
        for name in list(prices):
            prices[name] = -1
        prices.clear()
        prices["nobody"] = 0
        return {"Z": 0.5}

    result = run_backtest(strategy, series, 100)
    assert seen == series
    assert [list(prices) for prices in seen] == [list(prices) for prices in series]
    # Columns are in the order of first appearance.
    assert result.symbols == ["Z", "A", "M", "N"]
    assert series == [{"Z": 3, "A": 1, "M": 2}, {"M": 5, "N": 7, "Z": 6}, {"A": 9}]
    assert result.trades["price"].tolist() == [3, 6]


def test_the_bar_is_an_int_and_counts_from_zero() -> None:
    bars: list[int] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        assert type(bar) is int
        bars.append(bar)

    run_backtest(strategy, PRICES, 1_000)
    assert bars == [0, 1, 2, 3]


def test_the_portfolio_is_a_live_view() -> None:
    by_hand = Portfolio(100_000, CostModel(10, 5, 3))
    views: list[Portfolio] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        views.append(portfolio)
        targets = {"AAPL": 0.3 + 0.1 * bar, "GOOG": -0.2 * bar}
        assert portfolio == by_hand
        assert portfolio.cash == by_hand.cash
        assert portfolio.initial_cash == 100_000
        assert portfolio.costs == by_hand.costs
        assert portfolio.cost_model == CostModel(10, 5, 3)
        assert portfolio.positions() == by_hand.positions()
        assert portfolio.position("AAPL") == by_hand.position("AAPL")
        assert portfolio.equity_curve() == by_hand.equity_curve()
        assert portfolio.returns() == by_hand.returns()
        assert portfolio.total_equity(prices) == by_hand.total_equity(prices)
        assert portfolio.current_weights(prices) == by_hand.current_weights(prices)
        assert portfolio.snapshot(prices) == by_hand.snapshot(prices)
        assert portfolio.last_price("AAPL") == by_hand.last_price("AAPL")
        assert portfolio.state_digest() == by_hand.state_digest()
        assert portfolio.compute_metrics() == by_hand.compute_metrics()
        assert repr(portfolio) == repr(by_hand)
        by_hand.rebalance_simple(targets, prices)
        by_hand.record_return(prices)
        return targets

    result = run_backtest(strategy, PRICES, 100_000, CostModel(10, 5, 3))
    # One view, not one for each bar; kept, it shows the end of the run.
    assert all(view is views[0] for view in views)
    assert len(views) == len(PRICES)
    assert views[0] == result.portfolio == by_hand


def test_trading_on_the_view_raises_and_changes_nothing() -> None:
    multi = nanobook.MultiExchange()
    multi.submit_limit("AAPL", "sell", 100, 10)
    tried = 0

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        nonlocal tried
        digest = portfolio.state_digest()
        attempts: list[Callable[[], object]] = [
            lambda: portfolio.rebalance_simple({"AAPL": 1.0}, prices),
            lambda: portfolio.rebalance_lob({"AAPL": 1.0}, multi),
            lambda: portfolio.record_return(prices),
        ]
        for attempt in attempts:
            with pytest.raises(ReadOnlyError, match="read-only"):
                attempt()
            with pytest.raises(TypeError):
                attempt()
            tried += 1
        for name in ("cash", "costs"):
            with pytest.raises(AttributeError):
                setattr(portfolio, name, 10**9)
        assert portfolio.state_digest() == digest
        return {"AAPL": 0.5, "GOOG": 0.5}

    result = run_backtest(strategy, PRICES, 1_000)
    assert tried == 12
    assert result == run_backtest(half, PRICES, 1_000)
    assert multi.trades("AAPL") == []


def test_a_kept_view_stays_read_only() -> None:
    kept: list[Portfolio] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        kept.append(portfolio)
        return {"AAPL": 1.0}

    result = run_backtest(strategy, PRICES, 1_000)
    view = kept[0]
    with pytest.raises(ReadOnlyError):
        view.record_return({})
    assert view.equity_curve() == result.equity_curve.tolist()
    assert view.position("AAPL") == Position("AAPL", 10, 1_000, 0)
    assert view == result.portfolio


def test_a_copy_of_the_view_is_a_portfolio_of_its_own() -> None:
    copies: list[Portfolio] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        for again in (
            copy.copy(portfolio),
            copy.deepcopy(portfolio),
            pickle.loads(pickle.dumps(portfolio)),
        ):
            assert again == portfolio
            again.rebalance_simple({"GOOG": 1.0}, prices)
            again.record_return(prices)
            copies.append(again)
        return {"AAPL": 0.5, "GOOG": 0.5}

    result = run_backtest(strategy, PRICES, 1_000)
    assert result == run_backtest(half, PRICES, 1_000)
    assert [len(again.equity_curve()) for again in copies] == [2] * 3 + [3] * 3 + [4] * 3 + [5] * 3
    assert all(again.position("AAPL") in (None, again.position("AAPL")) for again in copies)


def test_the_view_can_be_read_in_another_thread_during_the_call() -> None:
    expected = run_backtest(half, PRICES, 1_000)
    curves: list[list[int]] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
        reader = threading.Thread(target=lambda: curves.append(portfolio.equity_curve()))
        reader.start()
        reader.join(timeout=30)
        return half(bar, prices, portfolio)

    assert run_backtest(strategy, PRICES, 1_000) == expected
    assert curves == [expected.equity_curve.tolist()[: bar + 1] for bar in range(4)]


def test_a_bar_costs_the_same_however_long_the_run() -> None:
    starts: list[float] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        starts.append(time.perf_counter())
        return {"A": 0.5 + bar % 2 / 8}

    run_backtest(strategy, PriceSeries([{"A": 100}] * 60_000), 10**9)
    times = np.diff(starts)
    # A copy of what a portfolio has recorded by then would take a hundred times as long as a bar.
    assert np.median(times[-1_000:]) < 8 * np.median(times[:1_000])


def test_a_thread_that_keeps_reading_the_view_harms_nothing() -> None:
    series = [{"A": 100 + bar % 7} for bar in range(300)]
    views: list[Portfolio] = []
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        while not stop.is_set():
            for view in views[:]:
                try:
                    assert view.initial_cash == 1_000
                    view.state_digest()
                    copy.copy(view).record_return({"A": 5})
                except ValueError:
                    # Between two calls there is nothing to show.
                    pass
                except BaseException as error:
                    failures.append(error)
                    return

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        if not views:
            views.append(portfolio)
        if bar % 10 == 0:
            time.sleep(0.001)
        return {"A": 0.5}

    reader = threading.Thread(target=read)
    reader.start()
    try:
        result = run_backtest(strategy, series, 1_000)
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert result == run_backtest(always({"A": 0.5}), series, 1_000)


def test_a_view_kept_from_a_failed_run_shows_what_the_strategy_saw_last() -> None:
    kept: list[Portfolio] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        kept.append(portfolio)
        if bar == 2:
            raise OwnError
        return {"AAPL": 1.0}

    with pytest.raises(OwnError):
        run_backtest(strategy, PRICES, 1_000)
    assert kept[0].equity_curve() == [1_000, 1_000, 1_100]


def test_a_strategy_may_run_backtests_of_its_own() -> None:
    inner_expected = run_backtest(half, PRICES, 5_000)
    built_in = run_backtest(EqualWeight(), PRICES, 5_000)
    depth = 0

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> list[tuple[str, float]]:
        nonlocal depth
        before = portfolio.state_digest()
        assert run_backtest(half, PRICES, 5_000) == inner_expected
        assert run_backtest(EqualWeight(), PRICES, 5_000) == built_in
        if depth < 3:
            depth += 1
            run_backtest(strategy, PRICES, 1_000)
        assert portfolio.state_digest() == before
        return half(bar, prices, portfolio)

    assert run_backtest(strategy, PRICES, 1_000) == run_backtest(half, PRICES, 1_000)


def test_runs_in_many_threads_do_not_meet() -> None:
    series = PriceSeries([{"A": 100 + bar % 13, "B": 50 + bar % 7} for bar in range(200)])
    digests: list[str] = []

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> dict[str, float]:
        return {"A": 0.5 + 0.01 * (bar % 3), "B": 0.25}

    expected = run_backtest(strategy, series, 10_000).digest
    threads = [
        threading.Thread(
            target=lambda: digests.append(run_backtest(strategy, series, 10_000).digest)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [expected] * 8


# The result.


def test_the_arrays_have_their_shapes_and_types_and_cannot_be_written() -> None:
    result = run_backtest(answering({"AAPL": 0.5}, at=1), PRICES, 1_000)
    assert result.equity_curve.shape == (5,)
    assert result.equity_curve.dtype == np.int64
    assert result.returns.shape == (4,)
    assert result.returns.dtype == np.float64
    assert result.weights.shape == (4, 2)
    assert result.weights.dtype == np.float64
    assert result.trades.shape == (1,)
    assert result.trades.dtype.names == ("bar", "symbol", "quantity", "price", "cost")
    names = result.trades.dtype.names
    assert names is not None
    assert [result.trades.dtype[name] for name in names] == ["i8", "U24", "i8", "i8", "i8"]
    for values in (result.equity_curve, result.returns, result.weights, result.trades):
        assert not values.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            values.setflags(write=True)
        copied = values.copy()
        copied[0] = 0
    # Made once.
    assert result.trades is result.trades
    assert result.equity_curve is result.equity_curve


def test_arrays_outlive_their_result() -> None:
    result = run_backtest(half, PRICES, 1_000)
    equity, trades = result.equity_curve, result.trades
    expected = (equity.tolist(), trades.tolist())
    del result
    gc.collect()
    assert (equity.tolist(), trades.tolist()) == expected


def test_weights_are_the_targets_given() -> None:
    strategy = each({"GOOG": 0.25}, None, [("GOOG", -0.5), ("AAPL", 0.125)], {})
    result = run_backtest(strategy, PRICES, 1_000)
    assert same(result.weights, [[0, 0.25], [math.nan, math.nan], [0.125, -0.5], [0, 0]])


def test_trades_are_in_the_order_they_were_made() -> None:
    series = [{"B": 10, "A": 10, "C": 10}] * 2
    strategy = each({"B": 0.2, "A": 0.3, "C": 0.1}, {"C": 0.3, "B": 0.1, "A": 0.4})
    result = run_backtest(strategy, series, 10_000)
    assert result.trades.tolist() == [
        (0, "A", 300, 10, 0),
        (0, "B", 200, 10, 0),
        (0, "C", 100, 10, 0),
        (1, "B", -100, 10, 0),
        (1, "A", 100, 10, 0),
        (1, "C", 200, 10, 0),
    ]
    assert result.symbols == ["B", "A", "C"]
    assert result.trade_count == 6


def test_trades_have_room_for_the_longest_symbol_and_the_highest_price() -> None:
    name, price = "A" * 23 + "B", 2**40
    result = run_backtest(EqualWeight(), [{name: price}], 2**41)
    assert result.trades.tolist() == [(0, name, 2, price, 0)]


def test_returns_leave_out_periods_that_started_without_equity() -> None:
    series = [{"A": 10}, {"A": 30}, {"A": 5}]
    result = run_backtest(answering({"A": -1.0}), series, 1_000)
    assert result.equity_curve.tolist() == [1_000, 1_000, -1_000, 1_500]
    assert result.returns.tolist() == [0.0, -2.0]
    assert result.metrics is not None
    assert result.metrics.total_return == -1.0


def test_results_compare_by_value() -> None:
    result = run_backtest(half, PRICES, 1_000)
    assert result == run_backtest(half, PRICES, 1_000)
    assert result != run_backtest(half, PRICES, 1_001)
    assert result != run_backtest(half, PRICES, 1_000, periods_per_year=12.0)
    # Nothing is traded in any of these; the targets differ.
    flat, left_alone = run_backtest(always({}), PRICES, 1), run_backtest(hold, PRICES, 1)
    assert flat.portfolio == left_alone.portfolio
    assert flat != left_alone
    assert result != 5
    assert len({result, run_backtest(half, PRICES, 1_000), flat, left_alone}) == 3


def test_a_result_reads_like_python() -> None:
    result = run_backtest(half, PRICES, 1_000, CostModel(0, 0, 3))
    text = repr(result)
    assert text.startswith(f"BacktestResult(equity={result.equity_curve[-1]}, costs={result.costs}")
    assert f"digest='{result.digest}'" in text
    assert "metrics=Metrics(" in text
    html = result._repr_html_()
    assert html.startswith("<table>")
    assert html.endswith("</table>")
    assert result.digest in html
    assert result.metrics is not None
    rows = {
        "final equity": result.equity_curve[-1],
        "costs": result.costs,
        "trades": result.trade_count,
        "turnover": f"{result.turnover:.6f}",
        "total_return": f"{result.metrics.total_return:.6f}",
        "num_periods": result.metrics.num_periods,
    }
    for name, value in rows.items():
        assert f"<tr><th>{name}</th><td>{value}</td></tr>" in html
    assert BacktestResult.__module__ == "nanobook"
    for name in ("digest", "trades", "portfolio", "new"):
        with pytest.raises(AttributeError):
            setattr(result, name, 1)


def test_the_digest_sees_every_trade() -> None:
    digests = {
        run_backtest(half, PRICES, 1_000).digest,
        run_backtest(half, PRICES, 1_000, fill="next").digest,
        run_backtest(half, PRICES, 1_000, CostModel(1)).digest,
        run_backtest(half, PRICES[:3], 1_000).digest,
        run_backtest(hold, PRICES, 1_000).digest,
        # There and back within a bar's prices: the same end by another way.
        run_backtest(answering({"AAPL": 1.0}, at=3), PRICES, 1_000).digest,
    }
    assert len(digests) == 6
    assert all(len(digest) == 16 for digest in digests)


# Processes, signals and memory.


def in_a_process(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_digest_is_the_same_in_any_process() -> None:
    script = """
        import nanobook

        names = [f"S{number}" for number in range(12)]
        series = [
            {name: 1_000 + (bar * 37 + place * 91) % 500 for place, name in enumerate(names)}
            for bar in range(50)
        ]

        def momentum(bar, prices, portfolio):
            if bar < 5:
                return None
            best = {n for n in names if prices[n] > series[bar - 5][n]}
            return {name: 1 / len(best) for name in best}

        result = nanobook.run_backtest(momentum, series, 10**9, nanobook.CostModel(10, 5, 100))
        print(result.digest, result.portfolio.state_digest(), nanobook.run_backtest(
            nanobook.EqualWeight(), series, 10**9).digest)
    """
    seeds = ["0", "1", "random", "random", "random"]
    runs = [in_a_process(script, PYTHONHASHSEED=seed) for seed in seeds]
    assert [run.stderr for run in runs] == [""] * 5
    assert len({run.stdout for run in runs}) == 1
    assert len(runs[0].stdout.split()) == 3


INTERRUPT = """
    import os, signal, threading, time
    from array import array
    import nanobook

    series = nanobook.PriceSeries([{{"A": 100, "B": 200}}] * {bars})
    {setup}
    sent = 0.0

    def interrupt(after):
        global sent
        time.sleep(after)
        sent = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    start = time.perf_counter()
    {run}
    whole = time.perf_counter() - start

    waits = []
    for _ in range(5):
        try:
            threading.Thread(target=interrupt, args=(whole / 10,)).start()
            {run}
            time.sleep(10)
        except KeyboardInterrupt:
            waits.append(time.perf_counter() - sent)
    print(whole, *waits)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize(
    ("setup", "bars"),
    [
        pytest.param("strategy = nanobook.EqualWeight()", 2_000_000, id="built-in"),
        pytest.param("strategy = lambda bar, prices, portfolio: None", 1_000_000, id="callback"),
        pytest.param("strategy = lambda bar, prices, portfolio: time.sleep(0.3)", 3, id="sleeping"),
    ],
)
def test_ctrl_c_stops_a_run(setup: str, bars: int) -> None:
    check_interrupts(setup, bars, "nanobook.run_backtest(strategy, series, 10**9)")


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
@pytest.mark.parametrize(
    "run", ["nanobook.compute_metrics(returns)", "nanobook.sweep(lambda param: returns, [0])"]
)
def test_ctrl_c_stops_metrics(run: str) -> None:
    check_interrupts("returns = array('d', [0.01, -0.01]) * 4_000_000", 1, run)


def check_interrupts(setup: str, bars: int, run: str) -> None:
    ended = in_a_process(INTERRUPT.format(setup=setup, bars=bars, run=run))
    assert ended.stderr == ""
    whole, *waits = map(float, ended.stdout.split())
    assert len(waits) == 5
    # A run that went on would end after nine tenths of a whole one. 50 ms are promised; on a busy
    # machine all takes longer, and of five one is not held up.
    assert min(waits) < max(0.05, whole / 4), (whole, waits)


def test_a_signal_handler_of_the_caller_s_stops_a_run_with_its_own_exception() -> None:
    error = OwnError("from the handler")

    def handler(number: int, frame: object) -> None:
        raise error

    def strategy(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        if bar == 1:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(OwnError) as caught:
            run_backtest(strategy, PRICES, 1_000)
        assert caught.value is error
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_run_while_a_built_in_does() -> None:
    series = PriceSeries([{"A": 100 + bar % 3, "B": 200 - bar % 5} for bar in range(400_000)])
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    # Python takes the interpreter from no thread that does not let go of it by itself.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1_000)
    thread = threading.Thread(target=tick)
    thread.start()
    inside = 0
    try:
        # On a busy machine the other thread may miss a run; it never misses all of them.
        for _ in range(30):
            start = time.perf_counter()
            run_backtest(EqualWeight(), series, 10**9)
            end = time.perf_counter()
            inside = sum(start < moment < end for moment in ticks[:])
            if inside > 0:
                break
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()
    assert inside > 0


def test_nothing_is_kept_alive_after_a_run() -> None:
    class Kept:
        def __init__(self) -> None:
            self.portfolio: Portfolio | None = None

        def __call__(
            self, bar: int, prices: dict[str, int], portfolio: Portfolio
        ) -> list[tuple[str, float]]:
            self.portfolio = portfolio
            return half(bar, prices, portfolio)

    strategy = Kept()
    before = sys.getrefcount(strategy)
    result = run_backtest(strategy, PRICES, 1_000)
    assert sys.getrefcount(strategy) == before
    reference = weakref.ref(strategy)
    array = weakref.ref(result.trades)
    del strategy
    assert reference() is None
    del result
    gc.collect()
    assert array() is None


def test_a_failed_run_lets_go_of_its_strategy() -> None:
    class Kept:
        def __call__(
            self, bar: int, prices: dict[str, int], portfolio: Portfolio
        ) -> dict[str, float]:
            return {"MSFT": 1.0}

    strategy = Kept()
    reference = weakref.ref(strategy)
    with pytest.raises(ValueError, match="bar 0"):
        run_backtest(strategy, PRICES, 1_000)
    del strategy
    gc.collect()
    assert reference() is None


def test_runs_leave_nothing_behind() -> None:
    def failing(bar: int, prices: dict[str, int], portfolio: Portfolio) -> None:
        raise OwnError

    def round_of_runs() -> None:
        result = run_backtest(half, PRICES, 1_000)
        assert len(result.trades) + len(result.equity_curve) + result.weights.size > 0
        copy.copy(result.portfolio)
        run_backtest(EqualWeight(), PRICES, 1_000)
        with contextlib.suppress(OwnError):
            run_backtest(failing, PRICES, 1_000)
        with contextlib.suppress(ValueError):
            run_backtest(answering({"MSFT": 1.0}), PRICES, 1_000)

    def growth() -> int:
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            round_of_runs()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - first

    # One small object kept for each run would be 9,600 bytes, each time. Caches of NumPy and of
    # Python grow now and then.
    growths: list[int] = []
    tracemalloc.start()
    try:
        while len(growths) < 10 and min(growths, default=10_000) >= 4_800:
            growths.append(growth())
    finally:
        tracemalloc.stop()
    assert min(growths) < 4_800, growths


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_the_process_does_not_grow_with_runs() -> None:
    script = """
        import gc, nanobook

        series = nanobook.PriceSeries([{"A": 100 + bar % 9} for bar in range(20_000)])

        def pages():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1])

        def run():
            result = nanobook.run_backtest(nanobook.EqualWeight(), series, 10**9)
            return result.trades.shape, result.weights.shape, result.equity_curve.shape

        for _ in range(20):
            run()
        before = pages()
        for _ in range(200):
            run()
        print((pages() - before) * 4096)
    """
    run = in_a_process(script)
    assert run.stderr == ""
    # A run's columns are about 2 MB: kept, 200 of them would be 400 MB.
    assert int(run.stdout) < 20_000_000


# Built-ins.


def test_equal_weight_holds_what_has_had_a_price() -> None:
    series = [{"A": 10}, {"A": 10, "B": 20}, {"B": 20}, {"A": 10, "B": 20, "C": 5}]
    result = run_backtest(EqualWeight(), series, 1_200)
    third = 1 / 3
    assert same(result.weights, [[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0], [third, third, third]])
    assert result.trades.tolist() == [
        (0, "A", 120, 10, 0),
        (1, "A", -60, 10, 0),
        (1, "B", 30, 20, 0),
        (3, "A", -20, 10, 0),
        (3, "B", -10, 20, 0),
        (3, "C", 80, 5, 0),
    ]


def test_equal_weight_is_a_value() -> None:
    assert EqualWeight() == EqualWeight()
    assert hash(EqualWeight()) == hash(EqualWeight())
    assert repr(EqualWeight()) == "EqualWeight()"
    assert pickle.loads(pickle.dumps(EqualWeight())) == EqualWeight()
    assert copy.deepcopy(EqualWeight()) == EqualWeight()
    assert EqualWeight() != "EqualWeight()"
    one = EqualWeight()
    # It keeps nothing from one run to the next.
    assert run_backtest(one, PRICES, 1_000) == run_backtest(one, PRICES, 1_000)


def test_a_type_error_of_a_weights_own_arrives_unchanged() -> None:
    class Weight:
        def __float__(self) -> float:
            raise error

    error = TypeError("its own")
    strategy: Any = returning({"A": Weight()})
    with pytest.raises(TypeError) as caught:
        run_backtest(strategy, [{"A": 1}], 5)
    assert caught.value is error


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8"])
def test_an_answer_is_an_array_of_numbers_of_any_size(dtype: str) -> None:
    strategy: Any = returning(np.array([1, 0], dtype=dtype))
    result = run_backtest(strategy, [{"A": 1, "B": 1}], 5)
    assert result.weights.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("answer", [b"", b"ab", bytearray(), memoryview(b"")])
def test_bytes_are_no_answer(answer: object) -> None:
    strategy: Any = returning(answer)
    with pytest.raises(ValueError, match="bar 0: a strategy must return pairs"):
        run_backtest(strategy, [{"A": 1}], 5)


def returning(answer: object) -> Callable[[int, dict[str, int], Portfolio], object]:
    """Return a strategy that gives one answer."""
    return lambda bar, prices, portfolio: answer
