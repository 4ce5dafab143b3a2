"""Stops: the four forms, their arguments, and `get_stop_order`."""

from __future__ import annotations

from typing import Any

import pytest

from nanobook import Exchange, OrderStatus, Side, StopStatus, TimeInForce, ValidationError


def trade_at(exchange: Exchange, *prices: int) -> None:
    """Trade 1 at each price."""
    for price in prices:
        exchange.submit_limit("sell", price, 1)
        exchange.submit_limit("buy", price, 1)


def stop_price(exchange: Exchange, stop_id: int) -> int:
    stop = exchange.get_stop_order(stop_id)
    assert stop is not None
    return stop["stop_price"]


def test_a_pending_stop_as_a_dictionary() -> None:
    exchange = Exchange()
    result = exchange.submit_stop_limit("buy", stop_price=105, limit_price=107, quantity=3)
    assert (result.order_id, result.status) == (1, StopStatus.PENDING)
    assert exchange.pending_stop_count() == 1
    assert exchange.get_order(1) is None
    stop = exchange.get_stop_order(1)
    assert stop is not None
    assert stop == {
        "id": 1,
        "side": "buy",
        "stop_price": 105,
        "limit_price": 107,
        "quantity": 3,
        "time_in_force": "gtc",
        "timestamp": 1,
        "status": "pending",
        "trail_method": None,
        "watermark": None,
        "triggered_order_id": None,
    }
    assert stop["side"] is Side.BUY
    assert stop["time_in_force"] is TimeInForce.GTC
    assert stop["status"] is StopStatus.PENDING


def test_a_triggered_stop_names_its_order() -> None:
    exchange = Exchange()
    exchange.submit_limit("sell", 106, 10)
    exchange.submit_stop_market("buy", 105, 4)
    trade_at(exchange, 105)
    stop = exchange.get_stop_order(2)
    assert stop is not None
    assert stop["status"] is StopStatus.TRIGGERED
    assert stop["time_in_force"] is TimeInForce.IOC
    assert stop["triggered_order_id"] == 5
    order = exchange.get_order(5)
    assert order is not None
    assert (order.filled_quantity, order.status) == (4, OrderStatus.FILLED)
    assert exchange.pending_stop_count() == 0


def test_a_result_shows_only_the_commands_own_matching() -> None:
    exchange = Exchange()
    exchange.submit_limit("sell", 105, 1)
    exchange.submit_limit("sell", 106, 10)
    exchange.submit_stop_market("buy", 105, 4)
    assert len(exchange.submit_limit("buy", 105, 1).trades) == 1
    assert [(trade.price, trade.quantity) for trade in exchange.trades()] == [(105, 1), (106, 4)]


def test_a_stop_the_market_has_passed_triggers_at_once() -> None:
    exchange = Exchange()
    trade_at(exchange, 100)
    result = exchange.submit_stop_limit("sell", 100, 99, 5, "ioc")
    assert result.status is StopStatus.TRIGGERED
    stop = exchange.get_stop_order(result.order_id)
    assert stop is not None
    assert stop["triggered_order_id"] == result.order_id + 1


def test_cancelling_a_stop() -> None:
    exchange = Exchange()
    exchange.submit_stop_market("buy", 105, 4)
    done = exchange.cancel(1)
    assert (done.success, done.cancelled_quantity) == (True, 4)
    assert exchange.cancel(1).error == "OrderNotActive"
    stop = exchange.get_stop_order(1)
    assert stop is not None
    assert stop["status"] is StopStatus.CANCELLED
    assert exchange.modify(1, 100, 1).error == "OrderNotFound"
    assert exchange.reduce(1, 1).error == "OrderNotFound"
    assert exchange.clear_order_history() == 1
    assert exchange.get_stop_order(1) is None


def test_a_fixed_trail_follows_the_best_price() -> None:
    exchange = Exchange()
    exchange.submit_trailing_stop_market("sell", 90, 1, "fixed", 5)
    trade_at(exchange, 100)
    assert stop_price(exchange, 1) == 95
    trade_at(exchange, 104, 101)
    stop = exchange.get_stop_order(1)
    assert stop is not None
    assert (stop["stop_price"], stop["watermark"]) == (99, 104)
    assert stop["trail_method"] == {"trail_type": "fixed", "trail_value": 5, "atr_period": None}


def test_a_percentage_trail_rounds_half_away_from_zero() -> None:
    exchange = Exchange()
    exchange.submit_trailing_stop_market("buy", 2000, 1, "percentage", 0.05)
    trade_at(exchange, 1010)
    # 1010 x 0.05 = 50.5, rounded to 51.
    assert stop_price(exchange, 1) == 1061
    stop = exchange.get_stop_order(1)
    assert stop is not None
    assert stop["trail_method"] == {
        "trail_type": "percentage",
        "trail_value": 0.05,
        "atr_period": None,
    }


def test_an_atr_trail() -> None:
    exchange = Exchange()
    result = exchange.submit_trailing_stop_limit(
        "sell",
        initial_stop_price=50,
        limit_price=40,
        quantity=2,
        trail_type="atr",
        trail_value=2,
        tif="ioc",
        atr_period=2,
    )
    assert result.status is StopStatus.PENDING
    trade_at(exchange, 100)
    assert stop_price(exchange, 1) == 50
    trade_at(exchange, 110)
    assert stop_price(exchange, 1) == 110 - 2 * 10
    trade_at(exchange, 116)
    # The last two changes are 10 and 6: 116 - 2 x 8.
    assert stop_price(exchange, 1) == 100
    stop = exchange.get_stop_order(1)
    assert stop is not None
    assert stop["trail_method"] == {"trail_type": "atr", "trail_value": 2.0, "atr_period": 2}
    assert (stop["limit_price"], stop["time_in_force"]) == (40, "ioc")


@pytest.mark.parametrize("trail_type", ["fixed", "Fixed", "FIXED", "F_ixed"])
@pytest.mark.parametrize("trail_value", [3, 3.0])
def test_a_fixed_offset_may_be_a_float_without_fraction(
    trail_type: str, trail_value: float
) -> None:
    exchange = Exchange()
    trail: dict[str, Any] = {"trail_type": trail_type, "trail_value": trail_value}
    exchange.submit_trailing_stop_market("sell", 90, 1, **trail)
    trade_at(exchange, 100)
    assert stop_price(exchange, 1) == 97


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"trail_type": "step"}, ValidationError, "trail_type must be 'fixed', 'percentage' or 'atr'"),
    ({"trail_type": 1}, TypeError, "trail_type must be"),
    ({"trail_value": 0}, ValidationError, "at least 1, got 0"),
    ({"trail_value": -3}, ValidationError, "at least 1, got -3"),
    ({"trail_value": 2.5}, ValidationError, "trail_value must be a whole number, got 2.5"),
    ({"trail_value": float("nan")}, ValidationError, "whole number, got nan"),
    ({"trail_value": float("inf")}, ValidationError, "whole number, got inf"),
    ({"trail_value": 1e300}, ValidationError, "trail_value must be 1 to 9223372036854775807, got"),
    ({"trail_value": 2**63}, ValidationError, "trail_value must be 1 to 9223372036854775807, got"),
    ({"trail_value": True}, TypeError, "trail_value must be an integer, got True"),
    ({"trail_value": "3"}, TypeError, "trail_value must be an integer, got '3'"),
    ({"atr_period": 5}, ValidationError, "atr_period goes with trail_type 'atr' only, got 5"),
    ({"trail_type": "percentage", "trail_value": 0}, ValidationError, "between 0 and 1"),
    ({"trail_type": "percentage", "trail_value": 1.0}, ValidationError, "between 0 and 1"),
    ({"trail_type": "percentage", "trail_value": -0.1}, ValidationError, "between 0 and 1"),
    ({"trail_type": "percentage", "trail_value": float("nan")}, ValidationError, "between 0"),
    ({"trail_type": "percentage", "trail_value": True}, TypeError, "must be a number, got True"),
    ({"trail_type": "percentage", "trail_value": "5"}, TypeError, "must be a number, got '5'"),
    ({"trail_type": "atr"}, ValidationError, "atr_period is required with trail_type 'atr'"),
    ({"trail_type": "atr", "atr_period": 0}, ValidationError, "1 to 1024, got 0"),
    ({"trail_type": "atr", "atr_period": 1025}, ValidationError, "1 to 1024, got 1025"),
    ({"trail_type": "atr", "atr_period": -1}, ValidationError, "atr_period must be"),
    ({"trail_type": "atr", "atr_period": 2**40}, ValidationError, "atr_period must be"),
    ({"trail_type": "atr", "atr_period": 3.0}, TypeError, "atr_period must be an integer"),
    (
        {"trail_type": "atr", "atr_period": 3, "trail_value": 0.0},
        ValidationError,
        "positive and finite",
    ),
    (
        {"trail_type": "atr", "atr_period": 3, "trail_value": float("inf")},
        ValidationError,
        "positive and finite",
    ),
    (
        {"trail_type": "atr", "atr_period": 3, "trail_value": 10**400},
        ValidationError,
        "trail_value is too large for a float",
    ),
    ({"initial_stop_price": 0}, ValidationError, "stop price must be positive"),
    ({"quantity": 0}, ValidationError, "quantity must be at least 1"),
    ({"side": "up"}, ValidationError, "side must be"),
]


@pytest.mark.parametrize("form", ["market", "limit"])
@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED)
def test_invalid_stops_change_nothing(
    arguments: dict[str, Any], error: type[Exception], message: str, form: str
) -> None:
    exchange = Exchange()
    before = exchange.to_bytes()
    valid: dict[str, Any] = {
        "side": "sell",
        "initial_stop_price": 90,
        "quantity": 1,
        "trail_type": "fixed",
        "trail_value": 3,
    }
    submit: Any = exchange.submit_trailing_stop_market
    if form == "limit":
        submit = exchange.submit_trailing_stop_limit
        valid["limit_price"] = 80
    with pytest.raises(error, match=message):
        submit(**(valid | arguments))
    assert exchange.to_bytes() == before
    submit(**valid)
    assert exchange.pending_stop_count() == 1


@pytest.mark.parametrize(
    "arguments",
    [("buy", 0, 5), ("buy", 2**63 - 1, 5), ("buy", -1, 5), ("buy", 5, 0), ("no", 5, 5)],
)
def test_invalid_plain_stops(arguments: tuple[Any, int, int]) -> None:
    exchange = Exchange()
    side, stop, quantity = arguments
    with pytest.raises(ValidationError):
        exchange.submit_stop_market(side, stop, quantity)
    with pytest.raises(ValidationError):
        exchange.submit_stop_limit(side, stop, 10, quantity)
    if stop == 5:
        return
    with pytest.raises(ValidationError):
        exchange.submit_stop_limit(side, 10, stop, quantity)


def test_a_percentage_may_be_a_numpy_float() -> None:
    np = pytest.importorskip("numpy")
    exchange = Exchange()
    exchange.submit_trailing_stop_market("sell", 90, 1, "percentage", np.float32(0.25))
    exchange.submit_trailing_stop_market("sell", 90, 1, "fixed", np.float64(3.0))
    trade_at(exchange, 100)
    assert (stop_price(exchange, 1), stop_price(exchange, 2)) == (90, 97)
