"""`Portfolio`: targets, trades, books, records and files."""

from __future__ import annotations

import copy
import itertools
import json
import math
import os
import pickle
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nanobook import (
    CostModel,
    Exchange,
    Fill,
    MultiExchange,
    NanobookError,
    PersistenceError,
    Portfolio,
    Position,
    StorageError,
    ValidationError,
    compute_metrics,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

I64_MAX = 2**63 - 1
ZERO = CostModel.zero()


def half_away(value: Fraction) -> int:
    """Return the nearest integer, halves away from zero."""
    magnitude = math.floor(abs(value) + Fraction(1, 2))
    return magnitude if value >= 0 else -magnitude


def toward_zero(left: int, right: int) -> int:
    magnitude = abs(left) // abs(right)
    return magnitude if (left < 0) == (right < 0) else -magnitude


class Model:
    """A portfolio written from its rules, in integers without bounds."""

    def __init__(self, cash: int, bps: int, fee: int) -> None:
        self.initial = self.cash = cash
        self.bps, self.fee = bps, fee
        self.costs = 0
        self.held: dict[str, tuple[int, int, int]] = {}
        self.last: dict[str, int] = {}
        self.curve = [cash]
        self.returns: list[float] = []
        self.largest = 0

    def saw(self, *numbers: int) -> None:
        self.largest = max(self.largest, *map(abs, numbers))

    def equity(self, prices: dict[str, int]) -> int:
        marks = self.last | prices
        values = [quantity * marks[name] for name, (quantity, _, _) in self.held.items()]
        self.saw(self.cash + sum(values))
        return self.cash + sum(values)

    def rebalance(self, targets: dict[str, float], prices: dict[str, int]) -> list[Fill]:
        equity = self.equity(prices)
        self.last |= prices
        if equity <= 0:
            return []
        orders: list[tuple[bool, bytes, str, int]] = []
        for name, price in prices.items():
            money = half_away(equity * Fraction(targets.get(name, 0.0)))
            target = toward_zero(money, price)
            quantity = target - self.held.get(name, (0, 0, 0))[0]
            self.saw(money, quantity)
            if quantity:
                orders.append((quantity > 0, name.encode(), name, quantity))
        return [self.fill(name, quantity, prices[name]) for _, _, name, quantity in sorted(orders)]

    def fill(self, name: str, quantity: int, price: int) -> Fill:
        held, total_cost, realized = self.held.get(name, (0, 0, 0))
        notional = quantity * price
        cost = max(self.bps * abs(notional) // 10_000, self.fee)
        closed = min(abs(quantity), abs(held)) if held * quantity < 0 else 0
        if closed:
            signed = closed if held > 0 else -closed
            out = toward_zero(total_cost * signed, held)
            realized += signed * price - out
            total_cost -= out
            total_cost += (quantity + signed) * price
        else:
            total_cost += notional
        self.held[name] = (held + quantity, total_cost, realized)
        self.cash -= notional + cost
        self.costs += cost
        self.saw(notional, cost, self.cash, self.costs, *self.held[name])
        if min(notional, cost, abs(self.cash)) > I64_MAX:
            return Fill(name, 0, price, 0)
        return Fill(name, clamp(quantity), price, clamp(cost))

    def record(self, prices: dict[str, int]) -> None:
        equity = self.equity(prices)
        if self.curve[-1] > 0:
            self.returns.append(equity / self.curve[-1] - 1.0)
        self.curve.append(equity)
        self.last |= prices


def clamp(number: int) -> int:
    return max(-I64_MAX, min(I64_MAX, number))


def check_same(portfolio: Portfolio, model: Model) -> None:
    assert portfolio.cash == model.cash
    assert portfolio.costs == model.costs
    assert portfolio.positions() == {
        name: Position(name, *held) for name, held in sorted(model.held.items())
    }
    assert portfolio.equity_curve() == model.curve
    assert portfolio.returns() == pytest.approx(model.returns, rel=1e-15, abs=1e-15)
    assert {name: portfolio.last_price(name) for name in model.last} == model.last
    portfolio.check_invariants()


SYMBOLS = st.sampled_from(["A", "B", "C d", "a", "~"])
PRICES = st.one_of(st.integers(1, 20), st.integers(1, 10**6))
WEIGHTS = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, -1.0, 0.1, 1 / 3, -0.25, 1e-9]),
    st.floats(-3, 3, allow_nan=False),
)


@given(
    st.integers(-1_000, 10**12),
    st.integers(0, 500),
    st.integers(0, 1_000),
    st.lists(
        st.tuples(
            st.dictionaries(SYMBOLS, WEIGHTS),
            st.dictionaries(SYMBOLS, PRICES),
            st.booleans(),
        ),
        max_size=12,
    ),
)
def test_random_rebalances_match_an_exact_model(
    cash: int,
    bps: int,
    fee: int,
    steps: list[tuple[dict[str, float], dict[str, int], bool]],
) -> None:
    portfolio = Portfolio(cash, CostModel(bps // 2, bps - bps // 2, fee))
    model = Model(cash, bps, fee)
    for targets, prices, record in steps:
        before = copy.deepcopy(model)
        digest = portfolio.state_digest()
        fills: list[Fill] = []
        missing = [n for n, w in targets.items() if w and n not in prices and n not in model.last]
        try:
            fills = portfolio.rebalance_simple(targets, prices)
            if record:
                portfolio.record_return(prices)
        except OverflowError:
            model.rebalance(targets, prices)
            model.record(prices)
            assert model.largest > I64_MAX
            assert record or portfolio.state_digest() == digest
            return
        except ValidationError as error:
            refused = str(error)
        else:
            refused = ""
        if missing:
            assert any(f"{name} never had" in refused for name in missing)
            assert portfolio.state_digest() == digest
            check_same(portfolio, before)
            continue
        assert refused == ""
        assert fills == model.rebalance(targets, prices)
        if record:
            model.record(prices)
        check_same(portfolio, model)
        # The identity, at prices of no importance.
        marks = {name: 1 + 7 * place for place, name in enumerate(model.held)}
        snapshot = portfolio.snapshot(marks)
        assert snapshot["equity"] == portfolio.total_equity(marks)
        assert snapshot["equity"] == (
            cash + snapshot["total_realized_pnl"] + snapshot["unrealized"] - portfolio.costs
        )


def test_a_million_dollars_buys_ten_thousand_shares_at_a_hundred() -> None:
    portfolio = Portfolio(1_000_000_00, ZERO)
    assert portfolio.rebalance_simple([("AAPL", 1.0)], [("AAPL", 100_00)]) == [
        Fill("AAPL", 10_000, 100_00, 0)
    ]
    assert portfolio.cash == 0
    assert portfolio.rebalance_simple([("AAPL", 0.5)], [("AAPL", 110_00)]) == [
        Fill("AAPL", -5_000, 110_00, 0)
    ]
    position = portfolio.position("AAPL")
    assert position is not None
    assert position == Position("AAPL", 5_000, 500_000_00, 50_000_00)
    assert position.avg_entry_price == 100_00
    assert position.unrealized_pnl(110_00) == 50_000_00
    assert portfolio.total_equity({"AAPL": 110_00}) == 1_100_000_00


def test_a_hundred_dollars_in_two_halves() -> None:
    portfolio = Portfolio(100)
    portfolio.rebalance_simple({"AAPL": 0.5, "GOOG": 0.5}, {"AAPL": 10, "GOOG": 20})
    positions = portfolio.positions()
    assert {name: position.quantity for name, position in positions.items()} == {
        "AAPL": 5,
        "GOOG": 2,
    }
    assert portfolio.cash == 10
    assert portfolio.total_equity({"AAPL": 12, "GOOG": 18}) == 106
    portfolio.record_return({"AAPL": 12, "GOOG": 18})
    assert portfolio.equity_curve() == [100, 106]
    assert portfolio.returns() == [106 / 100 - 1]


def test_costs_default_to_none() -> None:
    assert Portfolio(5).cost_model == ZERO
    assert Portfolio(initial_cash=5, cost_model=CostModel(1)).cost_model == CostModel(1)
    assert Portfolio(5).initial_cash == 5
    assert Portfolio(-5).equity_curve() == [-5]


def test_targets_and_prices_come_as_dicts_or_pairs() -> None:
    expected = Portfolio(1_000)
    fills = expected.rebalance_simple({"A": 0.5, "B": 0.25}, {"A": 7, "B": 11})
    targets: list[Any] = [
        [("A", 0.5), ("B", 0.25)],
        (("A", 0.5), ("B", 0.25)),
        [["A", 0.5], ["B", 0.25]],
        {"A": 0.5, "B": 0.25}.items(),
        zip("AB", (0.5, 0.25), strict=True),
        MappingProxyType({"A": 0.5, "B": 0.25}),
    ]
    prices: list[Any] = [
        [("A", 7), ("B", 11)],
        (("A", 7), ("B", 11)),
        [["A", 7], ["B", 11]],
        {"A": 7, "B": 11}.items(),
        zip("AB", (7, 11), strict=True),
        MappingProxyType({"A": 7, "B": 11}),
    ]
    for pairs, at in zip(targets, prices, strict=True):
        portfolio = Portfolio(1_000)
        assert portfolio.rebalance_simple(pairs, at) == fills
        assert portfolio == expected


@given(st.integers(1, I64_MAX), st.floats(-1.0, 1.0))
@example(5, 0.5)
@example(5, -0.5)
# 0.15 is a little less than 15 / 100; multiplied as floats, 10 x 0.15 is 1.5.
@example(10, 0.15)
@example(10**18, 0.1)
@example(10**18, 0.7)
@example(2**53 + 1, 1.0)
@example(I64_MAX, -1.0)
@example(I64_MAX, 5e-324)
@example(1, math.nextafter(0.5, 0))
def test_the_target_is_the_exact_product_rounded_half_away_from_zero(
    equity: int, weight: float
) -> None:
    portfolio = Portfolio(equity)
    try:
        portfolio.rebalance_simple({"A": weight}, {"A": 1})
    except OverflowError:
        # Cash after a sale of everything that is there.
        assert equity - half_away(equity * Fraction(weight)) > I64_MAX
        return
    position = portfolio.position("A")
    assert (position.quantity if position else 0) == half_away(equity * Fraction(weight))


def test_the_target_quantity_is_rounded_toward_zero() -> None:
    for weight, quantity in ((1.0, 14), (-1.0, -14), (0.5, 7), (0.064, 0), (-0.064, 0), (0.069, 1)):
        portfolio = Portfolio(100)
        portfolio.rebalance_simple({"A": weight}, {"A": 7})
        position = portfolio.position("A")
        assert (position.quantity if position else 0) == quantity


def test_sells_come_first_each_in_the_order_of_the_symbols_bytes() -> None:
    prices = {"b": 10, "Z": 10, "a": 10, "~": 10, "B C": 10, "B": 10}
    held = {"b": 0.1, "B": 0.3, "~": 0.2, "a": 0.1}
    wanted = {"a": 0.3, "~": 0.1, "Z": 0.05, "B C": 0.05, "b": 0.2}
    portfolio = Portfolio(10_000)
    fills = portfolio.rebalance_simple(held, prices)
    assert [fill.symbol for fill in fills] == ["B", "a", "b", "~"]
    fills = portfolio.rebalance_simple(wanted, prices)
    assert [(fill.symbol, fill.quantity) for fill in fills] == [
        ("B", -300),
        ("~", -100),
        ("B C", 50),
        ("Z", 50),
        ("a", 200),
        ("b", 100),
    ]


def test_the_order_of_targets_and_prices_never_matters() -> None:
    targets = [("A", 0.3), ("B", -0.2), ("C", 0.4), ("D", 0.0)]
    prices = [("A", 3), ("B", 5), ("C", 7), ("D", 11)]
    start = Portfolio(10_000, CostModel(7, 8, 3))
    start.rebalance_simple({"B": 0.5, "D": 0.5}, prices)
    seen: set[str] = set()
    for given_targets, given_prices in zip(
        itertools.permutations(targets), itertools.permutations(prices), strict=True
    ):
        portfolio = copy.copy(start)
        portfolio.rebalance_simple(given_targets, given_prices)
        seen.add(portfolio.state_digest())
    assert len(seen) == 1


def test_what_is_held_without_a_target_is_closed() -> None:
    prices = {"A": 10, "B": 10}
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 0.5, "B": -0.5}, prices)
    assert portfolio.rebalance_simple([], prices) == [Fill("A", -50, 10, 0), Fill("B", 50, 10, 0)]
    assert portfolio.cash == 1_000
    # What is closed stays known, with what it made.
    assert portfolio.positions() == {"A": Position("A", 0, 0, 0), "B": Position("B", 0, 0, 0)}


def test_a_symbol_that_never_traded_has_no_position() -> None:
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 0.0}, {"A": 10, "B": 10})
    assert portfolio.position("A") is None
    assert portfolio.position("nobody knows") is None
    assert portfolio.positions() == {}


def test_positions_come_in_symbol_order() -> None:
    portfolio = Portfolio(1_000)
    prices = {"c": 1, "B": 1, "a": 1, "A": 1}
    portfolio.rebalance_simple(dict.fromkeys(prices, 0.25), prices)
    assert list(portfolio.positions()) == ["A", "B", "a", "c"]
    assert portfolio.current_weights(prices) == [("A", 0.25), ("B", 0.25), ("a", 0.25), ("c", 0.25)]


def test_positions_are_a_dict_of_its_own() -> None:
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 1.0}, {"A": 10})
    portfolio.positions().clear()
    portfolio.equity_curve().clear()
    portfolio.returns().append(0.5)
    assert portfolio.positions() == {"A": Position("A", 100, 1_000, 0)}
    assert portfolio.equity_curve() == [1_000]
    assert portfolio.returns() == []


def test_cash_goes_below_zero_by_costs_and_by_leverage() -> None:
    portfolio = Portfolio(1_000, CostModel(100))
    portfolio.rebalance_simple({"A": 1.0}, {"A": 10})
    assert portfolio.cash == -10
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 3.0}, {"A": 10})
    assert portfolio.cash == -2_000
    assert portfolio.current_weights({"A": 10}) == [("A", 3.0)]
    # Nothing is charged for it.
    for _ in range(3):
        portfolio.record_return({"A": 10})
    assert portfolio.equity_curve() == [1_000] * 4


def test_each_fill_pays_its_cost_once() -> None:
    portfolio = Portfolio(100_000, CostModel(10, 5, 20))
    prices = {"A": 100, "B": 1_000}
    fills = portfolio.rebalance_simple({"A": 0.5, "B": 0.1}, prices)
    # 15 bps of 50,000 is 75, of 10,000 it is 15, less than the fee.
    assert [fill.cost for fill in fills] == [75, 20]
    assert portfolio.costs == 95
    assert portfolio.cash == 100_000 - 60_000 - 95
    # Nothing to trade, nothing to pay; equity 99,905 x 0.50048 = 50,000.4544.
    assert portfolio.rebalance_simple({"A": 0.50048, "B": 0.1001}, prices) == []
    assert portfolio.costs == 95


def test_without_equity_nothing_is_traded() -> None:
    for cash in (0, -1, -I64_MAX):
        portfolio = Portfolio(cash)
        assert portfolio.rebalance_simple({"A": 1.0}, {"A": 10}) == []
        assert portfolio.position("A") is None
        assert portfolio.last_price("A") == 10
    # Short 100 at 10, and the price trebles: nothing closes the position either.
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": -1.0}, {"A": 10})
    assert portfolio.total_equity({"A": 30}) == -1_000
    assert portfolio.rebalance_simple({}, {"A": 30}) == []
    assert portfolio.position("A") == Position("A", -100, -1_000, 0)


def test_a_held_symbol_without_a_price_is_marked_at_its_last_one_and_not_traded() -> None:
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 0.5, "B": 0.5}, {"A": 10, "B": 10})
    portfolio.record_return({"A": 20})
    assert portfolio.last_price("A") == 20
    assert portfolio.last_price("B") == 10
    assert portfolio.total_equity({}) == 1_500
    # Equity is 500 + 20 x 50: half of 1,500 is 37 of A at 20; B keeps its 50, wanted or not.
    assert portfolio.rebalance_simple({"A": 0.5}, {"A": 20}) == [Fill("A", -13, 20, 0)]
    assert portfolio.rebalance_simple({"A": 0.5, "B": 1.0}, {"A": 20}) == []
    assert portfolio.total_equity({"A": 20}) == 1_500


def test_queries_do_not_set_the_last_price() -> None:
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": 1.0}, {"A": 10})
    before = copy.copy(portfolio)
    portfolio.total_equity({"A": 99, "B": 5})
    portfolio.current_weights({"A": 99, "B": 5})
    portfolio.snapshot({"A": 99, "B": 5})
    portfolio.compute_metrics()
    assert portfolio == before
    assert portfolio.last_price("A") == 10
    assert portfolio.last_price("B") is None


def test_prices_are_remembered_though_nothing_was_held() -> None:
    portfolio = Portfolio(1_000)
    portfolio.record_return({"A": 10})
    # Known now, so it is a target that waits for its price.
    assert portfolio.rebalance_simple({"A": 1.0}, {}) == []
    assert portfolio.rebalance_simple({"A": 1.0}, {"A": 20}) == [Fill("A", 50, 20, 0)]


def traded() -> Portfolio:
    portfolio = Portfolio(10_000, CostModel(10, 5, 1))
    portfolio.rebalance_simple({"A": 0.5, "B": -0.2}, {"A": 10, "B": 20})
    portfolio.record_return({"A": 11, "B": 19})
    return portfolio


REFUSED: list[Any] = [
    pytest.param([("A", 0.1), ("A", 0.1)], {"A": 10}, ValueError, "A has two", id="target twice"),
    pytest.param(
        {"A": 0.1}, [("A", 10), ("B", 1), ("A", 10)], ValueError, "A has two", id="price twice"
    ),
    pytest.param({"A": math.nan}, {"A": 10}, ValueError, "(?i)nan for A", id="weight nan"),
    pytest.param({"A": math.inf}, {"A": 10}, ValueError, "inf for A", id="weight inf"),
    pytest.param({"A": -math.inf}, {"A": 10}, ValueError, "-inf for A", id="weight -inf"),
    pytest.param({"A": 0.1}, {"A": 0}, ValueError, "got 0 for A", id="price zero"),
    pytest.param({"A": 0.1}, {"A": 10, "C": -5}, ValueError, "got -5 for C", id="price negative"),
    pytest.param({"A": 0.1, "C": 0.1}, {"A": 10}, ValueError, "C never had", id="never priced"),
    pytest.param({"A": -1e-300, "C": 1e-300}, {"A": 10}, ValueError, "C never", id="tiny weight"),
    pytest.param({"A": 1e300}, {"A": 10}, OverflowError, "x weight 1e300", id="target too large"),
    pytest.param({"A": 1e18}, {"A": 10}, OverflowError, "A", id="target beyond 64 bits"),
    pytest.param({}, {"A": I64_MAX - 1}, OverflowError, "equity: 6990 . 46", id="equity beyond"),
    pytest.param({"A": 0.1}, {"A": 2**63}, OverflowError, 'prices."A".', id="price beyond 64 bits"),
    pytest.param({"A": 0.1}, {"A": 10.0}, TypeError, "integer, got 10.0", id="price a float"),
    pytest.param({"A": 0.1}, {"A": True}, TypeError, "integer, got True", id="price a bool"),
    pytest.param({"A": 0.1}, {"A": None}, TypeError, "integer, got None", id="price None"),
    pytest.param({"A": "x"}, {"A": 10}, TypeError, "number, got 'x'", id="weight text"),
    pytest.param({"A": True}, {"A": 10}, TypeError, "number, got True", id="weight a bool"),
    pytest.param({"A": 10**400}, {"A": 10}, ValueError, "too large", id="weight a huge int"),
    pytest.param({"": 0.1}, {"A": 10}, ValueError, "1 to 24 bytes", id="symbol empty"),
    pytest.param({"x" * 25: 0.1}, {"A": 10}, ValueError, "1 to 24 bytes", id="symbol long"),
    pytest.param({"é": 0.1}, {"A": 10}, ValueError, "ASCII", id="symbol not ASCII"),
    pytest.param({1: 0.1}, {"A": 10}, TypeError, "str, got 1", id="symbol no text"),
    pytest.param({"A": 0.1}, {"A": 10, "\0": 1}, ValueError, "printable", id="price of no symbol"),
    pytest.param(None, {"A": 10}, TypeError, "targets must be a dict", id="no targets"),
    pytest.param("AB", {"A": 10}, TypeError, "targets must be a dict", id="targets text"),
    pytest.param(["AB"], {"A": 10}, TypeError, "'AB'", id="text as a pair"),
    pytest.param([("A",)], {"A": 10}, TypeError, "'A',", id="a pair of one"),
    pytest.param([("A", 1, 1)], {"A": 10}, TypeError, "'A', 1, 1", id="a pair of three"),
    pytest.param({"A": 0.1}, 5, TypeError, "prices must be a dict", id="prices no dict"),
]


@pytest.mark.parametrize(("targets", "prices", "error", "message"), REFUSED)
def test_what_is_refused_changes_nothing(
    targets: dict[str, float], prices: dict[str, int], error: type[Exception], message: str
) -> None:
    portfolio = traded()
    before, digest = copy.copy(portfolio), portfolio.state_digest()
    with pytest.raises(error, match=message):
        portfolio.rebalance_simple(targets, prices)
    assert portfolio == before
    assert portfolio.state_digest() == digest
    assert (portfolio.last_price("A"), portfolio.last_price("C")) == (11, None)
    portfolio.check_invariants()


def test_arguments_are_checked_before_the_equity_is_looked_at() -> None:
    for targets, prices in (
        ([("A", 0.1), ("A", 0.1)], [("A", 10)]),
        ([("A", math.nan)], [("A", 10)]),
        ([("A", 0.1)], [("A", 10), ("A", 10)]),
        ([("A", 0.1)], [("A", 0)]),
        ([("C", 0.1)], [("A", 10)]),
    ):
        portfolio = Portfolio(-1)
        with pytest.raises(ValidationError):
            portfolio.rebalance_simple(targets, prices)
        assert portfolio == Portfolio(-1)


def test_a_fill_late_in_the_plan_that_does_not_fit_undoes_the_first_ones() -> None:
    # The second fee does not fit beside the first.
    portfolio = Portfolio(1_000, CostModel(0, 0, I64_MAX - 10))
    before = copy.copy(portfolio)
    with pytest.raises(OverflowError):
        portfolio.rebalance_simple({"A": 0.5, "B": 0.5}, {"A": 10, "B": 10})
    assert portfolio == before
    assert portfolio.positions() == {}


def test_costs_that_do_not_fit_in_all_change_nothing() -> None:
    portfolio = Portfolio(I64_MAX, CostModel(0, 0, 6 * 10**18))
    before = copy.copy(portfolio)
    # Two fees are more than 64 bits hold, and the cash after them is not.
    with pytest.raises(OverflowError, match="costs: 6000000000000000000"):
        portfolio.rebalance_simple({"A": 1e-17, "B": 1e-17}, {"A": 10, "B": 10})
    assert portfolio == before


def test_reading_the_arguments_may_change_them() -> None:
    class Weight:
        def __init__(self, targets: dict[str, Any]) -> None:
            self.targets = targets

        def __float__(self) -> float:
            self.targets[f"new {len(self.targets)}"] = 0.5
            return 0.5

    class Price:
        def __init__(self, prices: dict[str, Any]) -> None:
            self.prices = prices

        def __index__(self) -> int:
            self.prices.clear()
            return 10

    targets: dict[str, Any] = {}
    targets |= {"A": Weight(targets), "B": Weight(targets)}
    prices: dict[str, Any] = {}
    prices |= {"A": Price(prices), "B": 10}
    portfolio = Portfolio(1_000)
    assert portfolio.rebalance_simple(targets, prices) == [
        Fill("A", 50, 10, 0),
        Fill("B", 50, 10, 0),
    ]


@pytest.mark.parametrize(
    ("prices", "error", "message"),
    [
        ([("A", 10), ("A", 10)], ValueError, "A has two"),
        ([("A", 0)], ValueError, "got 0 for A"),
        ([("A", -1)], ValueError, "got -1 for A"),
        ([("A", I64_MAX - 1)], OverflowError, "equity: 6990 . 46"),
        ([("A", 1.5)], TypeError, "1.5"),
        # A text is no list of pairs, the empty one neither.
        ("A1", TypeError, "prices must be .*, got 'A1'"),
        ("", TypeError, "prices must be .*, got ''"),
    ],
)
def test_every_method_refuses_wrong_prices(
    prices: object, error: type[Exception], message: str
) -> None:
    portfolio = traded()
    before = copy.copy(portfolio)
    calls: list[Callable[[Any], object]] = [
        portfolio.total_equity,
        portfolio.current_weights,
        portfolio.snapshot,
        portfolio.record_return,
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call(prices)
        assert portfolio == before


def test_a_text_is_no_targets() -> None:
    portfolio = traded()
    before = copy.copy(portfolio)
    for text in ("", "A1"):
        with pytest.raises(TypeError, match="targets"):
            portfolio.rebalance_simple(cast("Any", text), {"A": 10, "B": 20})
        with pytest.raises(TypeError, match="targets"):
            portfolio.rebalance_lob(cast("Any", text), MultiExchange())
    assert portfolio == before


def test_a_return_is_recorded_while_the_equity_before_was_positive() -> None:
    portfolio = Portfolio(1_000)
    portfolio.rebalance_simple({"A": -1.0}, {"A": 10})
    for price in (20, 25, 15, 10):
        portfolio.record_return({"A": price})
    # 1,000 -> 0 is -100 %; from 0 and from below there is no return.
    assert portfolio.equity_curve() == [1_000, 0, -500, 500, 1_000]
    assert portfolio.returns() == [-1.0, 1.0]


def test_the_snapshot_has_these_numbers() -> None:
    portfolio = Portfolio(10_000, CostModel(0, 0, 5))
    portfolio.rebalance_simple({"A": 0.5, "B": 0.2, "C": 0.1}, {"A": 10, "B": 20, "C": 1_000})
    portfolio.rebalance_simple({"A": 0.25, "B": 0.2, "C": 0.1}, {"A": 12, "B": 20, "C": 1_000})
    # 500 at 10, then 0.25 x 10,985 / 12 = 228 are left; B: 0.2 x 10,985 / 20 = 109.
    snapshot = portfolio.snapshot({"A": 12, "B": 21, "C": 1_000})
    cash = 10_000 - 5_000 - 2_000 - 1_000 - 15 + 272 * 12 - 9 * 20 - 10
    equity = cash + 228 * 12 + 109 * 21 + 1_000
    assert snapshot == {
        "cash": cash,
        "equity": equity,
        "unrealized": 228 * 2 + 109,
        "total_realized_pnl": 272 * 2,
        "costs": 25,
        "num_positions": 3,
        "weights": [
            ("A", 228 * 12 / equity),
            ("B", 109 * 21 / equity),
            ("C", 1_000 / equity),
        ],
    }


def test_metrics_are_those_of_the_returns() -> None:
    portfolio = Portfolio(1_000)
    assert portfolio.compute_metrics() is None
    portfolio.rebalance_simple({"A": 1.0}, {"A": 10})
    for price in (11, 9, 12, 13, 10):
        portfolio.record_return({"A": price})
    assert portfolio.compute_metrics() == compute_metrics(portfolio.returns())
    assert portfolio.compute_metrics(periods_per_year=12.0, risk_free=0.001) == compute_metrics(
        portfolio.returns(), 12.0, 0.001
    )


# Real order books.


def books(**orders: list[tuple[str, int, int]]) -> MultiExchange:
    multi = MultiExchange()
    for symbol, book in orders.items():
        multi.get_or_create(symbol)
        for side, price, quantity in book:
            multi.submit_limit(symbol, cast("Any", side), price, quantity)
    return multi


def test_a_book_fills_what_it_has() -> None:
    multi = books(A=[("buy", 99, 10), ("sell", 101, 4), ("sell", 102, 3)])
    portfolio = Portfolio(1_000, CostModel(100, 0, 2))
    fills = portfolio.rebalance_lob({"A": 1.0}, multi)
    # 1,000 at the mid of 100 is 10; 7 are for sale. 1 % of 404 is 4.04, of 306 it is 3.06.
    assert fills == [Fill("A", 4, 101, 4), Fill("A", 3, 102, 3)]
    assert portfolio.cash == 1_000 - 404 - 4 - 306 - 3
    assert portfolio.costs == 7
    assert portfolio.position("A") == Position("A", 7, 710, 0)
    assert multi.best_prices() == [("A", 99, None)]
    assert [(trade.price, trade.quantity) for trade in multi.trades("A")] == [(101, 4), (102, 3)]
    portfolio.check_invariants()
    multi.check_invariants()


def test_each_trade_pays_its_own_minimum_fee() -> None:
    multi = books(A=[("sell", 101, 1), ("sell", 101, 1), ("sell", 101, 8)])
    portfolio = Portfolio(1_000, CostModel(0, 0, 5))
    fills = portfolio.rebalance_lob({"A": 1.0}, multi)
    # One level, three orders, three trades; 1,000 / 101 is 9.
    assert fills == [Fill("A", 1, 101, 5), Fill("A", 1, 101, 5), Fill("A", 7, 101, 5)]
    assert portfolio.costs == 15


def test_books_see_market_orders_sells_first() -> None:
    quotes = [("buy", 99, 1_000), ("sell", 101, 1_000)]
    multi = books(C=quotes, B=quotes, A=quotes)
    portfolio = Portfolio(10_000)
    portfolio.rebalance_simple({"B": 0.5, "C": 0.1}, {"A": 100, "B": 100, "C": 100})
    fills = portfolio.rebalance_lob({"A": 0.2, "C": 0.3}, multi)
    assert fills == [
        Fill("B", -50, 99, 0),
        Fill("A", 20, 101, 0),
        Fill("C", 20, 101, 0),
    ]
    for symbol in "ABC":
        last = multi.events(symbol)[-1]
        assert last.kind == "submit_market"


def test_a_book_is_valued_at_its_mid_rounded_down() -> None:
    for bid, ask, mid in ((100, 101, 100), (100, 103, 101), (99, 101, 100)):
        multi = books(A=[("buy", bid, 1_000), ("sell", ask, 1_000)])
        portfolio = Portfolio(mid * 7)
        (fill,) = portfolio.rebalance_lob({"A": 1.0}, multi)
        assert fill == Fill("A", 7, ask, 0)
        portfolio = Portfolio(mid * 7 - 1)
        (fill,) = portfolio.rebalance_lob({"A": 1.0}, multi)
        assert fill == Fill("A", 6, ask, 0)


def test_a_book_with_one_side_is_valued_at_its_best_price() -> None:
    multi = books(A=[("sell", 105, 1), ("sell", 103, 100)], B=[("buy", 50, 3), ("buy", 40, 9)])
    portfolio = Portfolio(10_300)
    fills = portfolio.rebalance_lob({"A": 0.5, "B": -0.1}, multi)
    # A: 5,150 / 103 is 50. B: -1,030 / 50 is -20, of which 3 and 9 find a buyer.
    assert fills == [Fill("B", -3, 50, 0), Fill("B", -9, 40, 0), Fill("A", 50, 103, 0)]
    assert portfolio.last_price("A") == 103
    assert portfolio.last_price("B") == 50


def test_a_side_that_is_empty_fills_nothing() -> None:
    multi = books(A=[("buy", 100, 10)])
    portfolio = Portfolio(1_000, CostModel(0, 0, 5))
    assert portfolio.rebalance_lob({"A": 1.0}, multi) == []
    assert (portfolio.cash, portfolio.costs) == (1_000, 0)
    assert portfolio.position("A") is None
    # A market order went out all the same.
    assert [event.kind for event in multi.events("A")] == ["submit_limit", "submit_market"]


def test_a_book_is_sent_the_whole_order_whatever_it_can_fill() -> None:
    # At 100 it is 10 shares, of which 4 are for sale; then 6 more, of which none is.
    multi = books(A=[("buy", 99, 1), ("sell", 101, 4)])
    portfolio = Portfolio(1_000)
    portfolio.rebalance_lob({"A": 1.0}, multi)
    assert multi.events("A")[-1].to_dict() == {
        "kind": "submit_market",
        "side": "buy",
        "quantity": 10,
    }
    assert portfolio.rebalance_lob({"A": 1.0}, multi) == []
    assert multi.events("A")[-1].to_dict()["quantity"] == (1_000 - 4 * 101 + 4 * 99) // 99 - 4


def test_an_empty_book_has_no_price() -> None:
    multi = books(A=[])
    portfolio = Portfolio(1_000)
    digest = multi.state_digest()
    with pytest.raises(ValidationError, match="A never had"):
        portfolio.rebalance_lob({"A": 1.0}, multi)
    assert portfolio == Portfolio(1_000)
    # Held since it had one: marked there, and not traded.
    portfolio.rebalance_simple({"A": 1.0}, {"A": 10})
    assert portfolio.rebalance_lob({}, multi) == []
    assert portfolio.position("A") == Position("A", 100, 1_000, 0)
    assert multi.state_digest() == digest


def test_a_symbol_without_a_book_is_not_opened() -> None:
    multi = books(A=[("buy", 99, 10), ("sell", 101, 10)])
    portfolio = Portfolio(1_000)
    with pytest.raises(ValidationError, match="B never had"):
        portfolio.rebalance_lob({"A": 0.5, "B": 0.5}, multi)
    assert portfolio.rebalance_lob({"A": 0.5, "B": 0.0}, multi) == [Fill("A", 5, 101, 0)]
    assert multi.symbols() == ["A"]


def test_what_could_fail_is_found_before_the_first_order_goes_out() -> None:
    quotes = [("buy", 99, 10), ("sell", 101, 2), ("sell", 102, 3)]
    huge = CostModel(0, 0, I64_MAX - 500)
    cases: list[tuple[Portfolio, Any, type[Exception]]] = [
        (Portfolio(1_000), [("A", 0.5), ("A", 0.5)], ValueError),
        (Portfolio(1_000), {"A": 0.5, "B": math.nan}, ValueError),
        (Portfolio(1_000), {"A": 0.5, "C": 0.1}, ValueError),
        (Portfolio(1_000), {"A": 0.5, "B": 1e300}, OverflowError),
        # Of the two fees the second does not fit.
        (Portfolio(1_000, huge), {"A": 0.5}, OverflowError),
        (Portfolio(1_000), {"A": 0.5, "B": "x"}, TypeError),
    ]
    for portfolio, targets, error in cases:
        multi = books(A=quotes, B=quotes)
        before, digest = copy.copy(portfolio), multi.state_digest()
        with pytest.raises(error):
            portfolio.rebalance_lob(targets, multi)
        assert portfolio == before
        assert multi.state_digest() == digest
        assert multi.trades("A") == multi.trades("B") == []


def test_a_stop_that_a_rebalance_triggers_fills_after_it() -> None:
    multi = books(A=[("buy", 99, 10), ("sell", 101, 4), ("sell", 102, 10)])
    multi.submit_stop_market("A", "buy", 101, 5)
    portfolio = Portfolio(600)
    assert portfolio.rebalance_lob({"A": 1.0}, multi) == [
        Fill("A", 4, 101, 0),
        Fill("A", 2, 102, 0),
    ]
    assert portfolio.position("A") == Position("A", 6, 608, 0)
    # The stop bought 5 of the 8 that were left.
    assert multi.depth("A").total_ask_quantity() == 3


def test_books_are_named_by_a_multi_exchange() -> None:
    portfolio = Portfolio(1_000)
    others: list[Any] = [None, {}, [("A", 1)], MultiExchange]
    for wrong in others:
        with pytest.raises(TypeError, match="exchanges"):
            portfolio.rebalance_lob({"A": 1.0}, wrong)


def test_live_handles_see_what_a_rebalance_did() -> None:
    multi = books(A=[("sell", 100, 10)])
    handle = multi.exchange("A")
    Portfolio(1_000).rebalance_lob({"A": 0.5}, multi)
    assert handle.last_trade_price() == 100
    assert handle.depth().total_ask_quantity() == 5


# Values.


def test_portfolios_compare_by_value() -> None:
    assert traded() == traded()
    assert traded() != Portfolio(10_000, CostModel(10, 5, 1))
    assert Portfolio(1) != Portfolio(2)
    assert Portfolio(1) != Portfolio(1, CostModel(1))
    assert Portfolio(1) != "Portfolio"
    with pytest.raises(TypeError, match="unhashable"):
        hash(traded())


def test_the_digest_is_that_of_the_value() -> None:
    digest = traded().state_digest()
    assert digest == traded().state_digest()
    assert len(digest) == 16
    assert int(digest, 16) >= 0
    seen = {digest}
    portfolio = traded()
    portfolio.record_return({})
    seen.add(portfolio.state_digest())
    portfolio.record_return({"A": 12})
    seen.add(portfolio.state_digest())
    portfolio.rebalance_simple({"A": 0.5}, {"A": 12, "B": 19})
    seen.add(portfolio.state_digest())
    seen.add(Portfolio(1).state_digest())
    seen.add(Portfolio(1, CostModel(1)).state_digest())
    assert len(seen) == 6


def copies(portfolio: Portfolio) -> Iterable[Portfolio]:
    yield copy.copy(portfolio)
    yield copy.deepcopy(portfolio)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(portfolio, protocol))
    yield Portfolio.from_json(portfolio.to_json())


def test_copies_are_equal_and_share_nothing() -> None:
    original = traded()
    for again in copies(original):
        assert again == original
        assert again.state_digest() == original.state_digest()
        again.check_invariants()
        again.rebalance_simple({}, {"A": 11, "B": 19})
        again.record_return({"A": 11, "B": 19})
        assert again != original
        assert original == traded()
    # The other way round, too.
    again = copy.copy(original)
    original.rebalance_simple({}, {"A": 11, "B": 19})
    assert again == traded()


def test_a_copy_goes_on_as_the_original_does() -> None:
    original = traded()
    for again in copies(traded()):
        one, other = copy.copy(original), again
        for portfolio in (one, other):
            portfolio.rebalance_simple({"B": 0.7, "C": 0.1}, {"B": 17, "C": 3})
            portfolio.record_return({"A": 8})
        assert one == other


def test_a_portfolio_reads_like_python() -> None:
    portfolio = Portfolio(10_000, CostModel(0, 0, 5))
    portfolio.rebalance_simple({"A": 0.5}, {"A": 10})
    portfolio.record_return({"A": 11})
    assert repr(portfolio) == "Portfolio(cash=4995, positions=1, equity=10495, costs=5, periods=1)"
    # What was closed is no position any more.
    portfolio.rebalance_simple({}, {"A": 11})
    assert "positions=0" in repr(portfolio)


@pytest.mark.parametrize("cash", [1.0, True, "1", None])
def test_initial_cash_is_an_integer(cash: int) -> None:
    with pytest.raises(TypeError, match="initial_cash"):
        Portfolio(cash)


def test_initial_cash_has_64_bits() -> None:
    for cash in (2**63, -(2**63) - 1, 10**30):
        with pytest.raises(OverflowError, match="initial_cash"):
            Portfolio(cash)
    for cash in (2**63 - 1, -(2**63)):
        assert Portfolio(cash).cash == cash


def test_a_cost_model_is_a_cost_model() -> None:
    with pytest.raises(TypeError, match="cost_model"):
        Portfolio(1, cast("Any", (10, 5, 100)))


def test_attributes_are_read_only() -> None:
    portfolio = traded()
    for name in ("cash", "costs", "cost_model", "initial_cash", "new"):
        with pytest.raises(AttributeError):
            setattr(portfolio, name, 1)


# Files.


def test_a_file_gives_the_portfolio_back(tmp_path: Path) -> None:
    portfolio = traded()
    for path in (tmp_path / "one.json", str(tmp_path / "two.json")):
        portfolio.save_json(path)
        again = Portfolio.load_json(path)
        assert again == portfolio
        assert again.state_digest() == portfolio.state_digest()
        json.loads(Path(path).read_text("utf-8"))
    # Nothing else is left in the folder.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.json", "two.json"]


def test_saving_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.json"
    path.write_bytes(b"x" * 100_000)
    portfolio = traded()
    portfolio.save_json(path)
    assert Portfolio.load_json(path) == portfolio
    portfolio.record_return({})
    portfolio.save_json(path)
    assert Portfolio.load_json(path) == portfolio
    assert list(tmp_path.iterdir()) == [path]


def test_saving_writes_a_new_file_and_leaves_the_old_one_whole(tmp_path: Path) -> None:
    path, link = tmp_path / "portfolio.json", tmp_path / "link.json"
    portfolio = traded()
    portfolio.save_json(path)
    link.hardlink_to(path)
    portfolio.record_return({})
    portfolio.save_json(path)
    assert Portfolio.load_json(path) == portfolio
    assert Portfolio.load_json(link) == traded()


def test_returns_of_a_loaded_portfolio_are_the_same_to_the_bit(tmp_path: Path) -> None:
    portfolio = Portfolio(999_999_937)
    portfolio.rebalance_simple({"A": 0.77}, {"A": 1_009})
    for price in (1_013, 1_019, 1_021, 1_031, 997):
        portfolio.record_return({"A": price})
    portfolio.save_json(tmp_path / "p.json")
    assert Portfolio.load_json(tmp_path / "p.json").returns() == portfolio.returns()


@pytest.mark.parametrize("mask", [0x01, 0x04, 0x20, 0x80, 0xFF])
def test_a_file_with_any_byte_changed_is_refused(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "portfolio.json"
    portfolio = Portfolio(1_000, CostModel(1))
    portfolio.rebalance_simple({"A": 0.5}, {"A": 10})
    portfolio.record_return({"A": 11})
    portfolio.save_json(path)
    saved = path.read_bytes()
    for place in range(len(saved)):
        damaged = bytearray(saved)
        damaged[place] ^= mask
        path.write_bytes(damaged)
        with pytest.raises(PersistenceError):
            Portfolio.load_json(path)
    path.write_bytes(saved)
    assert Portfolio.load_json(path) == portfolio


def test_a_file_that_is_cut_or_grown_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "portfolio.json"
    traded().save_json(path)
    saved = path.read_bytes()
    for length in range(len(saved)):
        path.write_bytes(saved[:length])
        with pytest.raises(PersistenceError) as caught:
            Portfolio.load_json(path)
        assert isinstance(caught.value, NanobookError)
        assert isinstance(caught.value, ValueError)
    for place in range(len(saved) + 1):
        path.write_bytes(saved[:place] + b" " + saved[place:])
        with pytest.raises(PersistenceError):
            Portfolio.load_json(path)
    for more in (b"x", b"{}", saved, b"\0", b"\n", b"\n\n\n{"):
        path.write_bytes(saved + more)
        with pytest.raises(PersistenceError):
            Portfolio.load_json(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"null", b"[]", b"{}", b"5", b'"', b"\xff\xfe", b"[" * 100_000, b"{" * 100_000],
)
def test_what_is_no_portfolio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "portfolio.json"
    path.write_bytes(content)
    with pytest.raises(PersistenceError):
        Portfolio.load_json(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing.json"
    with pytest.raises(FileNotFoundError) as caught:
        Portfolio.load_json(path)
    assert isinstance(caught.value, NanobookError)
    assert caught.value.filename == str(path)
    path = tmp_path / "no folder" / "portfolio.json"
    with pytest.raises(FileNotFoundError) as caught:
        Portfolio(1).save_json(path)
    assert caught.value.filename == str(path)
    with pytest.raises(StorageError):
        Portfolio.load_json(tmp_path)
    assert issubclass(StorageError, OSError)


def test_from_json_refuses_changed_text() -> None:
    text = traded().to_json()
    assert Portfolio.from_json(text) == traded()
    with pytest.raises(PersistenceError):
        Portfolio.from_json(text.replace("10000", "10001", 1))
    with pytest.raises(PersistenceError):
        Portfolio.from_json("")


def test_what_is_no_exchange_text_or_path_is_named(tmp_path: Path) -> None:
    portfolio = Portfolio(1)
    value: Any
    for value in (None, {"AAPL": Exchange()}, Exchange()):
        with pytest.raises(TypeError, match="exchanges must be a MultiExchange, got "):
            portfolio.rebalance_lob({"AAPL": 1.0}, value)
    text: Any
    for text in (None, portfolio.to_json().encode()):
        with pytest.raises(TypeError, match="text must be a str, got "):
            Portfolio.from_json(text)
    wrong: Any
    for wrong in (None, 3):
        for call in (portfolio.save_json, Portfolio.load_json):
            with pytest.raises(
                TypeError, match=r"path must be a str, bytes or os\.PathLike object"
            ):
                call(wrong)
    path = os.fsencode(tmp_path / "portfolio.json")
    portfolio.save_json(path)
    assert Portfolio.load_json(path) == portfolio
