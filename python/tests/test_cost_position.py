"""`CostModel`, `Position` and `Fill`: the arithmetic that everything else adds up."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobook import (
    CostModel,
    Fill,
    NanobookError,
    OutOfRangeError,
    Portfolio,
    Position,
    PriceSeries,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

I64_MAX = 2**63 - 1
I64_MIN = -(2**63)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def test_a_cost_is_basis_points_of_the_notional_rounded_down() -> None:
    model = CostModel(10, 5)
    # 15 bps of $1,000.00 is $1.50.
    assert model.compute_cost(100_000) == 150
    # 15 bps of 999 is 1.4985, of 666 it is 0.999.
    assert model.compute_cost(999) == 1
    assert model.compute_cost(666) == 0
    assert model.compute_cost(667) == 1


def test_a_sale_costs_what_a_purchase_costs() -> None:
    model = CostModel(10, 5, 3)
    for notional in (0, 1, 2_000, 999_999, I64_MAX):
        assert model.compute_cost(-notional) == model.compute_cost(notional)


def test_a_cost_is_at_least_the_minimum_fee() -> None:
    model = CostModel(commission_bps=10, slippage_bps=5, min_trade_fee=100)
    assert model.compute_cost(0) == 100
    assert model.compute_cost(66_666) == 100
    # 15 bps of 67,333 is 100.9995, of 67,334 it is 101.001.
    assert model.compute_cost(67_333) == 100
    assert model.compute_cost(67_334) == 101


def test_zero_charges_nothing() -> None:
    assert CostModel.zero() == CostModel() == CostModel(0, 0, 0)
    assert CostModel.zero().compute_cost(I64_MAX) == 0


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, I64_MAX),
    st.integers(I64_MIN, I64_MAX),
)
def test_a_cost_is_exact_or_an_error(
    commission: int, slippage: int, fee: int, notional: int
) -> None:
    model = CostModel(commission, slippage, fee)
    expected = max((commission + slippage) * abs(notional) // 10_000, fee)
    if expected <= I64_MAX:
        assert model.compute_cost(notional) == expected
    else:
        with pytest.raises(OverflowError, match=str(abs(notional))):
            model.compute_cost(notional)


def test_a_cost_model_shows_its_numbers() -> None:
    model = CostModel(10, 5, 100)
    assert (model.commission_bps, model.slippage_bps, model.min_trade_fee) == (10, 5, 100)
    assert repr(model) == "CostModel(commission_bps=10, slippage_bps=5, min_trade_fee=100)"
    assert eval(repr(model)) == model


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((-1,), id="negative commission"),
        pytest.param((0, -1), id="negative slippage"),
        pytest.param((0, 0, -1), id="negative fee"),
        pytest.param((2**32,), id="commission beyond 32 bits"),
        pytest.param((0, 0, 2**63), id="fee beyond 64 bits"),
    ],
)
def test_a_cost_model_refuses_numbers_out_of_range(arguments: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(max(arguments, key=abs))) as caught:
        CostModel(*arguments)
    assert isinstance(caught.value, NanobookError)


@pytest.mark.parametrize("value", [1.0, True, "1", b"1"])
def test_a_cost_model_takes_integers_only(value: object) -> None:
    make = cast("Callable[..., CostModel]", CostModel)
    for name in ("commission_bps", "slippage_bps", "min_trade_fee"):
        with pytest.raises(TypeError, match=name):
            make(**{name: value})
    with pytest.raises(TypeError, match="notional"):
        CostModel.zero().compute_cost(cast("int", value))


def test_a_position_starts_with_what_it_was_given() -> None:
    position = Position("AAPL", 3, 1_000, -20)
    assert position.symbol == "AAPL"
    assert position.quantity == 3
    assert position.total_cost == 1_000
    assert position.realized_pnl == -20


@pytest.mark.parametrize(
    ("quantity", "total_cost", "average"),
    [(3, 1_000, 333), (-3, -1_000, 333), (3, 1_001, 333), (-3, -1_001, 333), (7, 7, 1), (0, 0, 0)],
)
def test_the_average_entry_price_is_rounded_toward_zero(
    quantity: int, total_cost: int, average: int
) -> None:
    assert Position("A", quantity, total_cost, 0).avg_entry_price == average


def test_market_value_and_unrealized_pnl_are_signed() -> None:
    long = Position("A", 10, 1_005, 0)
    assert (long.market_value(110), long.unrealized_pnl(110)) == (1_100, 95)
    short = Position("A", -10, -1_005, 0)
    assert (short.quantity, short.total_cost) == (-10, -1_005)
    assert (short.market_value(110), short.unrealized_pnl(110)) == (-1_100, -95)
    flat = Position("A", 0, 0, 77)
    assert (flat.market_value(110), flat.unrealized_pnl(110)) == (0, 0)


def test_a_value_that_does_not_fit_names_its_operands() -> None:
    position = Position("A", 2**40, 2**40, 0)
    with pytest.raises(OutOfRangeError, match=f"{2**40} x {2**30}"):
        position.market_value(2**30)
    with pytest.raises(OverflowError, match=str(2**40)):
        position.unrealized_pnl(2**30)


def test_a_position_costs_on_the_side_it_is_on() -> None:
    for quantity, total_cost in ((1, -1), (-1, 1), (0, 1), (1, 0)):
        with pytest.raises(ValidationError, match="sign"):
            Position("A", quantity, total_cost, 0)


def test_positions_and_fills_read_like_python() -> None:
    position = Position("A B", -3, -10, 7)
    assert repr(position) == "Position(symbol='A B', quantity=-3, total_cost=-10, realized_pnl=7)"
    fill = Fill("A B", -3, 10, 1)
    assert repr(fill) == "Fill(symbol='A B', quantity=-3, price=10, cost=1)"
    assert (fill.symbol, fill.quantity, fill.price, fill.cost) == ("A B", -3, 10, 1)
    assert eval(repr(position)) == position
    assert eval(repr(fill)) == fill


VALUES: list[Any] = [
    CostModel(10, 5, 100),
    CostModel.zero(),
    Position("AAPL", 3, 1_000, -20),
    Position("BRK B", 0, 0, I64_MIN),
    Fill("AAPL", -5, 100, 1),
]
OTHERS: list[Any] = [
    CostModel(10, 5, 101),
    CostModel(1),
    Position("AAPL", 3, 1_000, -21),
    Position("BRK B", 0, 0, I64_MAX),
    Fill("AAPL", 5, 100, 1),
]


@pytest.mark.parametrize(("value", "other"), list(zip(VALUES, OTHERS, strict=True)))
def test_values_compare_hash_copy_and_pickle(value: object, other: object) -> None:
    assert value != other
    assert value != repr(value)
    copies = [copy.copy(value), copy.deepcopy(value)]
    copies += [pickle.loads(pickle.dumps(value, protocol)) for protocol in PROTOCOLS]
    for again in copies:
        assert again == value
        assert hash(again) == hash(value)
        assert type(again) is type(value)
    assert len({value, other, *copies}) == 2
    assert type(value).__module__ == "nanobook"


@pytest.mark.parametrize("value", VALUES)
def test_values_cannot_be_changed(value: object) -> None:
    for name in (*dir(type(value)), "new_attribute"):
        if not name.startswith("_"):
            with pytest.raises(AttributeError):
                setattr(value, name, 1)


class Book:
    """What one position must be: integers, and the rules word for word."""

    def __init__(self) -> None:
        self.quantity = self.total_cost = self.realized = 0

    def fill(self, quantity: int, price: int) -> None:
        if self.quantity * quantity < 0:
            closed = min(abs(quantity), abs(self.quantity))
            sign = 1 if self.quantity > 0 else -1
            # Toward zero: of magnitudes, which floor does.
            out = sign * (abs(self.total_cost) * closed // abs(self.quantity))
            self.realized += sign * closed * price - out
            self.total_cost -= out
            self.quantity -= sign * closed
            quantity += sign * closed
        self.quantity += quantity
        self.total_cost += quantity * price


def trade_to(portfolio: Portfolio, quantity: int, price: int) -> list[Fill]:
    """Trade to a quantity with weights that hit it: each is a dyadic fraction of the equity."""
    equity = portfolio.total_equity({"A": price})
    return portfolio.rebalance_simple({"A": quantity * price / equity}, {"A": price})


@given(
    st.lists(
        st.tuples(st.integers(-1_000, 1_000), st.integers(1, 100_000)), min_size=1, max_size=40
    ),
    st.integers(0, 50),
    st.integers(0, 200),
)
def test_a_position_follows_its_fills_exactly(
    steps: list[tuple[int, int]], bps: int, fee: int
) -> None:
    initial = 10**13
    portfolio = Portfolio(initial, CostModel(bps, 0, fee))
    book, cash, costs = Book(), initial, 0
    for quantity, price in steps:
        for fill in trade_to(portfolio, quantity, price):
            assert fill.price == price
            assert fill.cost == max(bps * abs(fill.quantity) * price // 10_000, fee)
            book.fill(fill.quantity, price)
            cash -= fill.quantity * price + fill.cost
            costs += fill.cost
        position = portfolio.position("A")
        if position is None:
            assert book.quantity == 0
            continue
        assert position == Position("A", book.quantity, book.total_cost, book.realized)
        assert (portfolio.cash, portfolio.costs) == (cash, costs)
        # To the unit, at a price that has nothing to do with the fill.
        for mark in (price, 1, 77_777):
            assert portfolio.cash + position.market_value(mark) == (
                initial + position.realized_pnl + position.unrealized_pnl(mark) - costs
            )
        portfolio.check_invariants()


def test_a_part_that_closes_takes_its_share_of_the_cost_toward_zero() -> None:
    portfolio = Portfolio(1_000, CostModel.zero())
    # 3 at 100 and 1 at 101: four shares that cost 401.
    assert [f.quantity for f in portfolio.rebalance_simple({"A": 0.3}, {"A": 100})] == [3]
    assert portfolio.total_equity({"A": 101}) == 1_003
    assert [f.quantity for f in portfolio.rebalance_simple({"A": 0.41}, {"A": 101})] == [1]
    # One is sold: 401 / 4 = 100.25 leaves with it, so 100 does, and 301 stays.
    assert [f.quantity for f in portfolio.rebalance_simple({"A": 0.31}, {"A": 101})] == [-1]
    assert portfolio.position("A") == Position("A", 3, 301, 1)
    # All that is left goes with the last ones.
    portfolio.rebalance_simple({}, {"A": 101})
    assert portfolio.position("A") == Position("A", 0, 0, 3)


def test_a_short_position_gains_when_the_price_falls() -> None:
    portfolio = Portfolio(10_000, CostModel.zero())
    portfolio.rebalance_simple({"A": -0.5}, {"A": 100})
    assert portfolio.position("A") == Position("A", -50, -5_000, 0)
    assert portfolio.cash == 15_000
    portfolio.rebalance_simple({}, {"A": 90})
    assert portfolio.position("A") == Position("A", 0, 0, 500)
    assert portfolio.cash == 10_500


def test_a_flip_closes_then_opens_and_pays_once() -> None:
    portfolio = Portfolio(10_000, CostModel(0, 0, 7))
    portfolio.rebalance_simple({"A": 1.0}, {"A": 100})
    assert portfolio.cash == -7
    # Equity is 9,993 at 100 and 10,993 at 110: -1 is 99 shares short.
    (fill,) = portfolio.rebalance_simple({"A": -1.0}, {"A": 110})
    assert fill == Fill("A", -199, 110, 7)
    assert portfolio.position("A") == Position("A", -99, -99 * 110, 1_000)
    assert portfolio.cash == -7 + 199 * 110 - 7
    assert portfolio.costs == 14


@pytest.mark.parametrize("fee", [-1, -(2**63), 2**63, -(2**63) - 1])
def test_a_fee_out_of_range_is_named_with_its_value(fee: int) -> None:
    with pytest.raises(ValidationError, match=f"^min_trade_fee must .*, got {fee}") as raised:
        CostModel(0, 0, fee)
    # No negative fee is offered.
    assert "-9223372036854775808 to" not in str(raised.value)


@pytest.mark.parametrize("symbol", ["a'b", 'a"b', "a\\", "'\"", "\\'"])
def test_the_repr_of_any_symbol_is_python(symbol: str) -> None:
    for held in (Position(symbol, 1, 5, 0), Fill(symbol, 1, 5, 0)):
        assert f"symbol={symbol!r}," in repr(held)
        assert eval(repr(held), {"Position": Position, "Fill": Fill}) == held
    assert f"[{symbol!r}]" in repr(PriceSeries([{symbol: 5}]))
