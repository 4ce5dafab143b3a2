"""`Exchange`: commands, queries and what they refuse."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from nanobook import (
    BookSnapshot,
    Exchange,
    LevelSnapshot,
    MultiExchange,
    NanobookError,
    OrderStatus,
    OutOfRangeError,
    QueuePosition,
    Side,
    TimeInForce,
    Trade,
    ValidationError,
)

I64_MAX = 2**63 - 1
U64_MAX = 2**64 - 1


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def test_gtc_rests(exchange: Exchange) -> None:
    result = exchange.submit_limit("buy", 10000, 300)
    assert result.order_id == 1
    assert result.status is OrderStatus.NEW
    assert result.trades == []
    assert (result.filled_quantity, result.resting_quantity, result.cancelled_quantity) == (
        0,
        300,
        0,
    )
    order = exchange.get_order(1)
    assert order is not None
    assert order.side is Side.BUY
    assert order.price == 10000
    assert order.time_in_force is TimeInForce.GTC
    assert order.timestamp == 1


def test_trade_is_at_the_passive_price(exchange: Exchange) -> None:
    exchange.submit_limit("sell", 10200, 100)
    result = exchange.submit_limit(side="buy", price=10500, quantity=250, tif="gtc")
    assert result.status is OrderStatus.PARTIALLY_FILLED
    assert (result.filled_quantity, result.resting_quantity) == (100, 150)
    (trade,) = result.trades
    assert trade == Trade(
        trade_id=1,
        price=10200,
        quantity=100,
        aggressor_order_id=2,
        passive_order_id=1,
        aggressor_side="buy",
        timestamp=3,
    )
    assert trade.passive_side() is Side.SELL
    assert trade.notional() == 1_020_000
    assert trade.price_float == 102.0
    assert exchange.trades() == [trade]
    assert exchange.last_trade_price() == 10200


def test_ioc_cancels_what_is_left(exchange: Exchange) -> None:
    exchange.submit_limit("sell", 100, 5)
    result = exchange.submit_limit("buy", 100, 8, "ioc")
    assert result.status is OrderStatus.CANCELLED
    assert (result.filled_quantity, result.resting_quantity, result.cancelled_quantity) == (5, 0, 3)
    assert exchange.best_bid() is None


def test_killed_fok_can_be_looked_up(exchange: Exchange) -> None:
    exchange.submit_limit("sell", 101, 5)
    result = exchange.submit_limit("buy", 101, 8, TimeInForce.FOK)
    assert result.order_id == 2
    assert (result.filled_quantity, result.cancelled_quantity) == (0, 8)
    order = exchange.get_order(2)
    assert order is not None
    assert order.status is OrderStatus.CANCELLED
    assert exchange.depth(1).asks == [LevelSnapshot(101, 5, 1)]


def test_market_order_shows_the_reserved_price(exchange: Exchange) -> None:
    assert exchange.submit_market("buy", 7).cancelled_quantity == 7
    assert exchange.submit_market("sell", 7).cancelled_quantity == 7
    buy, sell = exchange.get_order(1), exchange.get_order(2)
    assert buy is not None
    assert sell is not None
    assert (buy.price, sell.price) == (I64_MAX, -(2**63))
    assert buy.time_in_force is TimeInForce.IOC


def test_cancel(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 5)
    done = exchange.cancel(1)
    assert (done.success, done.cancelled_quantity, done.error) == (True, 5, None)
    again = exchange.cancel(order_id=1)
    assert (again.success, again.cancelled_quantity, again.error) == (False, 0, "OrderNotActive")
    assert exchange.cancel(2).error == "OrderNotFound"


def test_modify_replaces(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 5)
    exchange.submit_limit("sell", 103, 2)
    result = exchange.modify(1, new_price=103, new_quantity=3)
    assert result.success
    assert (result.old_order_id, result.new_order_id, result.cancelled_quantity) == (1, 3, 5)
    assert [(trade.price, trade.quantity) for trade in result.trades] == [(103, 2)]
    assert result.error is None
    assert exchange.best_bid_ask() == (103, None)


@pytest.mark.parametrize(
    ("order_id", "price", "quantity", "error"),
    [
        (9, 0, 0, "OrderNotFound"),
        (1, 0, 0, "OrderNotActive"),
        (2, 0, 0, "InvalidQuantity"),
        (2, 0, 5, "InvalidPrice"),
        (2, -1, 5, "InvalidPrice"),
        (2, I64_MAX, 1, "InvalidPrice"),
        (2, I64_MAX - 1, 2, "InvalidPrice"),
    ],
)
def test_modify_errors_are_in_the_result(
    exchange: Exchange, order_id: int, price: int, quantity: int, error: str
) -> None:
    exchange.submit_limit("buy", 100, 5)
    exchange.cancel(1)
    exchange.submit_limit("buy", 100, 5)
    result = exchange.modify(order_id, price, quantity)
    assert not result.success
    assert result.error == error
    assert result.new_order_id is None
    assert result.trades == []
    order = exchange.get_order(2)
    assert order is not None
    assert order.status is OrderStatus.NEW


def test_reduce_keeps_the_place_in_the_queue(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 5)
    exchange.submit_limit("buy", 100, 7)
    assert exchange.reduce(1, 2).cancelled_quantity == 2
    assert exchange.queue_position(1) == QueuePosition(0, 0)
    assert exchange.queue_position(2) == QueuePosition(orders_ahead=1, quantity_ahead=3)
    gone = exchange.reduce(1, 100)
    assert (gone.success, gone.cancelled_quantity) == (True, 3)
    orders_ahead, quantity_ahead = exchange.queue_position(2) or (None, None)
    assert (orders_ahead, quantity_ahead) == (0, 0)
    assert exchange.queue_position(1) is None
    with pytest.raises(ValidationError):
        exchange.reduce(2, 0)


def test_worked_snapshot_values(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 10000, 300)
    exchange.submit_limit("sell", 10200, 100)
    book = exchange.depth(10)
    assert (book.best_bid(), book.best_ask()) == (10000, 10200)
    assert book.mid_price() == 10100
    assert book.spread() == exchange.spread() == 200
    assert book.imbalance() == 0.5
    assert book.weighted_mid() == 10150.0
    assert (book.total_bid_quantity(), book.total_ask_quantity()) == (300, 100)
    assert book.timestamp == 2


def test_snapshot_of_an_empty_side(exchange: Exchange) -> None:
    empty = exchange.full_book()
    assert empty == BookSnapshot([], [], 0)
    assert empty.imbalance() is None
    assert (empty.best_bid(), empty.best_ask(), empty.spread()) == (None, None, None)
    exchange.submit_limit("sell", 10, 1)
    book = exchange.depth()
    assert book.imbalance() == -1.0
    assert (book.mid_price(), book.weighted_mid(), book.best_ask()) == (None, None, 10)
    assert exchange.spread() is None


def test_mid_price_rounds_down(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 1)
    exchange.submit_limit("sell", 103, 1)
    assert exchange.depth(1).mid_price() == 101


def test_depth_and_full_book(exchange: Exchange) -> None:
    for price in (98, 99, 99, 97):
        exchange.submit_limit("buy", price, 10)
    exchange.reduce(3, 4)
    book = exchange.depth(2)
    assert book.bids == [LevelSnapshot(99, 16, 2), LevelSnapshot(98, 10, 1)]
    assert book.bids[0].orders is None
    assert book.bids[0].price_float == 0.99
    assert exchange.depth(levels=0).bids == []
    for price in range(1, 10):
        exchange.submit_limit("sell", 100 + price, 1)
        exchange.submit_limit("buy", 90 - price, 1)
    assert [len(exchange.depth().bids), len(exchange.depth().asks)] == [10, 9]
    assert len(exchange.depth(levels=U64_MAX).bids) == 12
    full = exchange.full_book()
    assert [level.orders for level in full.bids[:3]] == [[(2, 10), (3, 6)], [(1, 10)], [(4, 10)]]


def test_a_book_prints_as_a_ladder(exchange: Exchange) -> None:
    assert str(exchange.depth()).splitlines()[1].strip("- ") == "empty book"
    exchange.submit_limit("buy", 9900, 7)
    exchange.submit_limit("buy", 10000, 300)
    exchange.submit_limit("sell", 10200, 100)
    exchange.submit_limit("sell", 10300, 1)
    exchange.submit_limit("sell", 10300, 1)
    assert str(exchange.depth()).splitlines() == [
        "     price  quantity  orders",
        "ask  10300         2       2",
        "ask  10200       100       1",
        "---- spread 200, mid 10100 -",
        "bid  10000       300       1",
        "bid   9900         7       1",
    ]
    html = exchange.depth()._repr_html_()
    assert html.startswith("<table>")
    assert html.index("10300") < html.index("10200") < html.index("spread") < html.index("10000")


def test_clearing_history(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 5)
    exchange.submit_limit("sell", 100, 5)
    exchange.submit_limit("buy", 99, 5)
    digest = exchange.state_digest()
    assert exchange.clear_order_history() == 2
    assert exchange.get_order(1) is None
    assert exchange.cancel(1).error == "OrderNotFound"
    exchange.clear_trades()
    assert exchange.trades() == []
    assert exchange.last_trade_price() == 100
    exchange.clear_events()
    assert exchange.events() == []
    assert exchange.state_digest() == digest
    assert exchange.submit_limit("buy", 98, 1).order_id == 4
    exchange.check_invariants()


def test_three_bids_first_filled_second_cancelled(exchange: Exchange) -> None:
    for _ in range(3):
        exchange.submit_limit("buy", 100, 1)
    exchange.submit_limit("sell", 100, 1)
    exchange.cancel(2)
    assert exchange.full_book().bids == [LevelSnapshot(100, 1, 1, [(3, 1)])]


def test_a_sequence_another_package_never_returns_from(exchange: Exchange) -> None:
    exchange.submit_limit("buy", 100, 1)
    exchange.submit_limit("buy", 100, 1)
    exchange.submit_limit("sell", 100, 1)
    exchange.cancel(2)
    assert exchange.submit_limit("sell", 100, 1).resting_quantity == 1


def test_vwap_rounds_toward_zero() -> None:
    def trade(price: int, quantity: int) -> Trade:
        return Trade(1, price, quantity, 2, 1, "buy", 3)

    assert Trade.vwap([trade(10000, 50), trade(10200, 150)]) == 10150
    assert Trade.vwap(trade(price, 1) for price in (1, 2, 2)) == 1
    assert Trade.vwap([]) is None
    bad: Any = [trade(1, 1), 3]
    with pytest.raises(TypeError, match=r"trades\[1\] must be a Trade, got 3"):
        Trade.vwap(bad)


SPELLINGS = [
    ("buy", Side.BUY),
    ("BUY", Side.BUY),
    ("Buy", Side.BUY),
    ("b", Side.BUY),
    ("B", Side.BUY),
    (Side.SELL, Side.SELL),
    ("sell", Side.SELL),
    ("_Sell", Side.SELL),
    ("s", Side.SELL),
    ("S", Side.SELL),
]


@pytest.mark.parametrize(("spelling", "side"), SPELLINGS)
def test_any_spelling_of_a_side(exchange: Exchange, spelling: str, side: Side) -> None:
    arguments: dict[str, Any] = {"side": spelling}
    exchange.submit_limit(price=100, quantity=1, **arguments)
    order = exchange.get_order(1)
    assert order is not None
    assert order.side is side


@pytest.mark.parametrize("spelling", ["gtc", "GTC", "Gtc", "G_T_C", TimeInForce.GTC])
def test_any_spelling_of_a_tif(exchange: Exchange, spelling: str) -> None:
    arguments: dict[str, Any] = {"tif": spelling}
    assert exchange.submit_limit("buy", 100, 1, **arguments).resting_quantity == 1


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"side": "bye"}, ValidationError, r"^side must be 'buy' or 'sell', got 'bye'$"),
    ({"side": ""}, ValidationError, r"^side must be 'buy' or 'sell', got ''$"),
    ({"side": "\ud800"}, ValidationError, r"^side must be 'buy' or 'sell', got '\\ud800'$"),
    ({"side": 1}, TypeError, r"^side must be 'buy' or 'sell', got 1$"),
    ({"side": None}, TypeError, r"^side must be .*, got None$"),
    ({"side": b"buy"}, TypeError, r"^side must be .*, got b'buy'$"),
    ({"tif": "day"}, ValidationError, r"^tif must be 'gtc', 'ioc' or 'fok', got 'day'$"),
    ({"tif": None}, TypeError, r"^tif must be .*, got None$"),
    ({"price": 100.0}, TypeError, r"^price must be an integer, got 100\.0$"),
    ({"price": True}, TypeError, r"^price must be an integer, got True$"),
    ({"price": "100"}, TypeError, r"^price must be an integer, got '100'$"),
    ({"price": None}, TypeError, r"^price must be an integer, got None$"),
    ({"price": 0}, ValidationError, r"^price must be positive and below \d+, got 0$"),
    ({"price": -5}, ValidationError, r"got -5$"),
    ({"price": I64_MAX}, ValidationError, rf"got {I64_MAX}$"),
    ({"price": 2**63}, OutOfRangeError, rf"^price must be 1 to {I64_MAX - 1}, got {2**63}$"),
    ({"price": -(2**63) - 1}, OutOfRangeError, r"^price must be "),
    ({"quantity": 0}, ValidationError, r"^quantity must be at least 1, got 0$"),
    ({"quantity": -1}, OutOfRangeError, rf"^quantity must be 1 to {U64_MAX}, got -1$"),
    ({"quantity": 2**64}, OutOfRangeError, rf"^quantity must be 1 to {U64_MAX}, got {2**64}$"),
    ({"quantity": 10**5000}, OutOfRangeError, r"^quantity must be .*, got a huge int$"),
    ({"quantity": 10**200}, OutOfRangeError, r"^quantity must be .*, got 10{99}\.\.\.$"),
    ({"quantity": 1.5}, TypeError, r"^quantity must be an integer, got 1\.5$"),
    ({"quantity": False}, TypeError, r"^quantity must be an integer, got False$"),
    (
        {"price": I64_MAX - 1, "quantity": 2},
        ValidationError,
        rf"^price {I64_MAX - 1} x quantity 2 does not fit in 64 bits$",
    ),
    (
        {"price": 1, "quantity": U64_MAX},
        ValidationError,
        rf"^price 1 x quantity {U64_MAX} does not fit in 64 bits$",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED)
def test_invalid_input_changes_nothing(
    exchange: Exchange, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    exchange.submit_limit("buy", 50, 1)
    before = exchange.to_bytes()
    valid: dict[str, Any] = {"side": "buy", "price": 100, "quantity": 1, "tif": "gtc"}
    with pytest.raises(error, match=message):
        exchange.submit_limit(**(valid | arguments))
    assert exchange.to_bytes() == before
    assert exchange.submit_limit("buy", 49, 1).order_id == 2
    assert len(exchange.events()) == 2


def test_side_total_must_fit(exchange: Exchange) -> None:
    half = 2**62
    # A notional of price 1 fits up to 2**63 - 1, four times 2**62 does not fit in 64 bits.
    for _ in range(3):
        exchange.submit_limit("buy", 1, half)
    message = f"^resting {half} more would make the buy side's total of {3 * half} pass 64 bits$"
    with pytest.raises(ValidationError, match=message):
        exchange.submit_limit("buy", 1, half)
    assert exchange.submit_limit("buy", 1, half, "ioc").cancelled_quantity == half
    # The other side has a total of its own.
    assert exchange.submit_limit("sell", 2, half // 2).resting_quantity == half // 2


def test_out_of_range_is_caught_either_way(exchange: Exchange) -> None:
    for kind in (OverflowError, ValueError, ValidationError, NanobookError):
        with pytest.raises(kind):
            exchange.cancel(-1)
        with pytest.raises(kind):
            exchange.depth(-1)


WRONG_TYPES: list[tuple[str, tuple[Any, ...]]] = [
    ("cancel", (1.0,)),
    ("cancel", (True,)),
    ("modify", ("1", 1, 1)),
    ("modify", (1, 1.0, 1)),
    ("modify", (1, 1, None)),
    ("reduce", (1, 1.0)),
    ("get_order", (1.0,)),
    ("get_stop_order", (None,)),
    ("queue_position", ("1",)),
    ("depth", (2.0,)),
    ("depth", (None,)),
    ("submit_market", ("buy", 1.0)),
    ("submit_limit", ("buy", 1)),
    ("submit_limit", ("buy", 1, 1, "gtc", 1)),
    ("replay", (3,)),
    ("__class__", (1,)),
]


@pytest.mark.parametrize(("name", "arguments"), WRONG_TYPES)
def test_wrong_types(exchange: Exchange, name: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        getattr(exchange, name)(*arguments)


LIMIT: dict[str, Any] = {"side": "buy", "price": 100, "quantity": 1}
TRAIL: dict[str, Any] = {"trail_type": "atr", "trail_value": 2.5, "atr_period": 14}
# Each method with arguments that are valid.
VALID: dict[str, dict[str, Any]] = {
    "submit_limit": LIMIT,
    "submit_market": {"side": "buy", "quantity": 1},
    "submit_stop_market": {"side": "buy", "stop_price": 100, "quantity": 1},
    "submit_stop_limit": {"side": "buy", "stop_price": 100, "limit_price": 100, "quantity": 1},
    "submit_trailing_stop_market": {
        "side": "buy",
        "initial_stop_price": 100,
        "quantity": 1,
        **TRAIL,
    },
    "submit_trailing_stop_limit": {
        "side": "buy",
        "initial_stop_price": 100,
        "limit_price": 100,
        "quantity": 1,
        **TRAIL,
    },
    "cancel": {"order_id": 1},
    "modify": {"order_id": 1, "new_price": 100, "new_quantity": 1},
    "reduce": {"order_id": 1, "quantity": 1},
    "get_order": {"order_id": 1},
    "get_stop_order": {"id": 1},
    "queue_position": {"order_id": 1},
    "depth": {"levels": 1},
}
INTEGERS = [
    (method, name)
    for method, arguments in VALID.items()
    for name, value in arguments.items()
    if isinstance(value, int)
]


@pytest.mark.parametrize(("method", "name"), INTEGERS)
def test_every_integer_argument_is_an_integer_in_its_range(
    exchange: Exchange, method: str, name: str
) -> None:
    multi = MultiExchange()
    exchange.submit_limit(**LIMIT)
    multi.submit_limit("AAPL", **LIMIT)
    before = exchange.to_bytes()
    calls = [getattr(exchange, method), partial(getattr(multi, method), "AAPL")]
    # What may be None where it is left out is required for an ATR trail.
    wrong: list[Any] = [True, False, 1.0, float("nan"), "1", b"1", [1], 1 + 0j]
    wrong += [] if name == "atr_period" else [None]
    for call in calls:
        for value in wrong:
            with pytest.raises(TypeError, match=f"^{name} must be an integer, got "):
                call(**(VALID[method] | {name: value}))
        for value in (2**64, -(2**63) - 1):
            with pytest.raises(OverflowError, match=f"^{name} must be .* to .*, got {value}$"):
                call(**(VALID[method] | {name: value}))
            with pytest.raises(ValueError, match=f"^{name} must be "):
                call(**(VALID[method] | {name: value}))
    assert exchange.to_bytes() == multi.to_bytes("AAPL") == before
    for call in calls:
        call(**VALID[method])


class Index:
    """An integer of the caller's own."""

    def __init__(self, value: int | Exception) -> None:
        self.value = value

    def __index__(self) -> int:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def test_index_is_accepted(exchange: Exchange) -> None:
    assert exchange.submit_limit("buy", Index(100), Index(U64_MAX // 2 // 100)).order_id == 1
    assert exchange.best_bid() == 100
    with pytest.raises(OutOfRangeError):
        exchange.submit_limit("buy", Index(2**63), 1)
    with pytest.raises(ZeroDivisionError):
        exchange.submit_limit("buy", Index(ZeroDivisionError()), 1)


def test_numpy_integers_are_accepted(exchange: Exchange) -> None:
    np = pytest.importorskip("numpy")
    for number in (np.int64(100), np.uint64(100), np.int8(100), np.array(100)):
        assert exchange.submit_limit("buy", number, number).resting_quantity == 100
    for number in (np.float64(100), np.bool_(True), np.array([100]), np.array(1.0)):
        with pytest.raises(TypeError, match="price must be an integer"):
            exchange.submit_limit("buy", number, 1)
