"""Value types: results, orders, trades, snapshots. What each promises, and by hand."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import nanobook
from nanobook import (
    BookSnapshot,
    CancelResult,
    Exchange,
    Fill,
    LevelSnapshot,
    ModifyResult,
    Order,
    OutOfRangeError,
    QueuePosition,
    StopSubmitResult,
    SubmitResult,
    Trade,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

U64_MAX = 2**64 - 1
TRADE = Trade(1, 10200, 100, 2, 1, "buy", 3)
VALUES: list[object] = [
    TRADE,
    Trade(2, 10200, 100, 2, 1, "buy", 3),
    Trade(1, 10200, 100, 2, 1, "sell", 3),
    Order(1, "sell", 10200, 100, 0, 100, 0, 1, "gtc", "filled"),
    Order(2, "buy", 2**63 - 1, 10, 1, 2, 7, 4, "ioc", "partially_filled"),
    SubmitResult(2, "partially_filled", [TRADE], 100, 50, 0),
    SubmitResult(2, "partially_filled", [], 100, 50, 0),
    SubmitResult(3, "cancelled", [], 0, 0, 2**64 - 1),
    CancelResult(True, 5),
    CancelResult(False, 0, "OrderNotFound"),
    CancelResult(False, 0, "OrderNotActive"),
    ModifyResult(True, 1, 3, 5, [TRADE]),
    ModifyResult(False, 1, None, 0, [], "InvalidPrice"),
    StopSubmitResult(4, "pending"),
    StopSubmitResult(4, "triggered"),
    LevelSnapshot(99, 16, 2),
    LevelSnapshot(99, 16, 2, [(2, 10), (3, 6)]),
    BookSnapshot([], [], 0),
    BookSnapshot([LevelSnapshot(99, 16, 2)], [LevelSnapshot(101, 1, 1, [(4, 1)])], 9),
    QueuePosition(1, 3),
]


@pytest.mark.parametrize("value", VALUES)
def test_the_repr_is_python_for_the_value(value: object) -> None:
    twin = eval(repr(value), dict(vars(nanobook)))
    assert twin == value
    assert type(twin) is type(value)


@pytest.mark.parametrize("value", VALUES)
def test_values_are_equal_and_hash_alike(value: object) -> None:
    twin = eval(repr(value), dict(vars(nanobook)))
    assert twin is not value
    assert hash(twin) == hash(value)
    assert (value != twin) is False
    assert [other == value for other in VALUES].count(True) == 1
    for other in (None, 1, "x", object()):
        assert value != other
    assert value.__eq__(None) in (NotImplemented, False)


def test_values_are_keys() -> None:
    assert len(set(VALUES)) == len(VALUES)


@pytest.mark.parametrize("value", VALUES)
def test_values_survive_pickle_and_copy(value: object) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(value, protocol))
        assert twin == value
        assert type(twin) is type(value)
    assert copy.copy(value) == value
    assert copy.deepcopy([value]) == [value]


@pytest.mark.parametrize("value", VALUES)
def test_values_cannot_be_changed(value: object) -> None:
    for name in dir(value):
        if not name.startswith("_"):
            with pytest.raises(AttributeError):
                setattr(value, name, 1)
    with pytest.raises(AttributeError):
        setattr(value, "something", 1)  # noqa: B010


def test_lists_of_values_are_new_each_time() -> None:
    result = SubmitResult(2, "filled", [TRADE], 100, 0, 0)
    result.trades.clear()
    assert result.trades == [TRADE]


def test_values_of_the_engine_equal_values_by_hand() -> None:
    exchange = Exchange()
    assert exchange.submit_limit("sell", 10200, 100) == SubmitResult(1, "new", [], 0, 100, 0)
    assert exchange.submit_limit("buy", 10200, 150) == SubmitResult(
        2, "partially_filled", [TRADE], 100, 50, 0
    )
    assert exchange.get_order(1) == Order(1, "sell", 10200, 100, 0, 100, 0, 1, "gtc", "filled")
    assert exchange.cancel(1) == CancelResult(False, 0, "OrderNotActive")
    assert exchange.depth() == BookSnapshot([LevelSnapshot(10200, 50, 1)], [], 3)
    assert exchange.modify(2, 10000, 20) == ModifyResult(True, 2, 3, 50, [])
    assert exchange.submit_stop_market("buy", 10300, 1) == StopSubmitResult(4, "pending")


REFUSED: list[tuple[Callable[..., object], tuple[Any, ...], type[Exception]]] = [
    (Trade, (1, 0, 1, 1, 2, "buy", 1), ValidationError),
    (Trade, (1, 1, 0, 1, 2, "buy", 1), ValidationError),
    (Trade, (1, 2**62, 2, 1, 2, "buy", 1), OutOfRangeError),
    (Trade, (1, 1, 1, 1, 2, "up", 1), ValidationError),
    (Trade, (-1, 1, 1, 1, 2, "buy", 1), OutOfRangeError),
    (Trade, (1, 1.5, 1, 1, 2, "buy", 1), TypeError),
    (Order, (1, "buy", 1, 5, 1, 1, 1, 1, "gtc", "new"), ValidationError),
    (Order, (1, "buy", 1, 1, U64_MAX, 2, 0, 1, "gtc", "new"), ValidationError),
    (Order, (1, "buy", 1, 1, 1, 0, 0, 1, "gtc", "live"), ValidationError),
    (Order, (1, "buy", 1, 1, 1, 0, 0, 1, "day", "new"), ValidationError),
    (Order, (1, "buy", 1, 10, 10, 0, 0, 1, "gtc", "filled"), ValidationError),
    (Order, (1, "buy", 1, 10, 10, 0, 0, 1, "gtc", "partially_filled"), ValidationError),
    (Order, (1, "buy", 1, 10, 0, 10, 0, 1, "gtc", "cancelled"), ValidationError),
    (Order, (1, "buy", 1, 10, 9, 1, 0, 1, "gtc", "new"), ValidationError),
    (SubmitResult, (1, "done", [], 0, 0, 0), ValidationError),
    (SubmitResult, (1, "new", [1], 0, 0, 0), TypeError),
    (SubmitResult, (1, "new", 1, 0, 0, 0), TypeError),
    (CancelResult, (False, 0, "NoIdea"), ValidationError),
    (CancelResult, (False, 0, 3), TypeError),
    (CancelResult, (True, 5, "OrderNotFound"), ValidationError),
    (CancelResult, (False, 0), ValidationError),
    (CancelResult, (1, 0), TypeError),
    (ModifyResult, (False, 1, None, 0, [], "NoIdea"), ValidationError),
    (ModifyResult, (True, 1, 2, 0, [], "InvalidPrice"), ValidationError),
    (ModifyResult, (False, 1, None, 0, []), ValidationError),
    (StopSubmitResult, (1, "filled"), ValidationError),
    (LevelSnapshot, (0, 1, 1), ValidationError),
    (LevelSnapshot, (1, 0, 1), ValidationError),
    (LevelSnapshot, (1, 5, 1, [(1, 6)]), ValidationError),
    (LevelSnapshot, (1, 5, 1, [(1, 4), (2, 1)]), ValidationError),
    (LevelSnapshot, (1, 5, 1, [5]), TypeError),
    (BookSnapshot, ([1], [], 0), TypeError),
    (BookSnapshot, ([LevelSnapshot(1, 1, 1), LevelSnapshot(2, 1, 1)], [], 0), ValidationError),
    (BookSnapshot, ([], [LevelSnapshot(2, 1, 1), LevelSnapshot(2, 1, 1)], 0), ValidationError),
    (
        BookSnapshot,
        ([], [LevelSnapshot(1, 2**63, 1), LevelSnapshot(2, 2**63, 1)], 0),
        OutOfRangeError,
    ),
]


@pytest.mark.parametrize(("make", "arguments", "error"), REFUSED)
def test_values_by_hand_must_make_sense(
    make: Callable[..., object], arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make(*arguments)


def test_a_price_out_of_range_is_told_by_its_range() -> None:
    price = 2**63 - 1
    for name, make in (
        ("a trade", lambda: Trade(1, price, 1, 1, 2, "buy", 1)),
        ("a fill", lambda: Fill("A", 1, price, 0)),
    ):
        rule = f"^{name}'s price must be positive and below {price}, got {price}$"
        with pytest.raises(ValidationError, match=rule):
            make()
    with pytest.raises(ValidationError, match="a trade's quantity must be at least 1, got 0"):
        Trade(1, 1, 0, 1, 2, "buy", 1)
