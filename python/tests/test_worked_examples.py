"""Worked examples that name what they call: numbers a reader can follow with a pencil."""

from __future__ import annotations

from typing import Any

import pytest

import nanobook
from nanobook import (
    Event,
    Exchange,
    MultiExchange,
    OrderStatus,
    Portfolio,
    Side,
    StopStatus,
    UnknownSymbolError,
    ValidationError,
)


def traded() -> Exchange:
    """Return bids 10 and 4 @ 100, and asks 8 @ 105 of which 3 have traded."""
    exchange = Exchange()
    exchange.submit_limit("buy", 100, 10)
    exchange.submit_limit("sell", 105, 8)
    exchange.submit_market("buy", 3)
    exchange.submit_limit("buy", 100, 4)
    return exchange


def test_a_trade_names_both_orders_and_takes_the_next_timestamp() -> None:
    exchange = Exchange()
    assert exchange.timestamp() == 0
    exchange = traded()
    (trade,) = exchange.trades()
    assert trade.trade_id == 1
    assert trade.aggressor_order_id == 3
    assert trade.passive_order_id == 2
    assert trade.timestamp == 4
    assert exchange.best_ask() == 105
    # Four orders and the trade.
    assert exchange.timestamp() == 5


def test_a_failed_cancel_takes_no_timestamp() -> None:
    exchange = traded()
    exchange.cancel(99)
    assert exchange.timestamp() == 5


def test_the_parts_of_an_order_add_up() -> None:
    exchange = traded()
    exchange.reduce(2, 1)
    order = exchange.get_order(2)
    assert order is not None
    assert order.id == 2
    assert order.original_quantity == 8
    assert order.filled_quantity == 3
    assert order.cancelled_quantity == 1
    assert order.remaining_quantity == 4


def test_a_level_and_a_place_in_its_queue() -> None:
    exchange = traded()
    (level,) = exchange.depth().bids
    assert level.price == 100
    assert level.quantity == 14
    assert level.order_count == 2
    place = exchange.queue_position(4)
    assert place is not None
    assert place.orders_ahead == 1
    assert place.quantity_ahead == 10


def test_the_other_side() -> None:
    assert Side.BUY.opposite() is Side.SELL
    assert Side.SELL.opposite() is Side.BUY


def test_which_orders_are_on_the_book() -> None:
    assert [status for status in OrderStatus if status.is_active()] == ["new", "partially_filled"]


def test_a_trailing_stop_by_its_keys() -> None:
    exchange = traded()
    exchange.submit_trailing_stop_market("sell", 90, 2, "percentage", 0.1)
    stop = exchange.get_stop_order(5)
    assert stop is not None
    assert stop["id"] == 5
    assert stop["quantity"] == 2
    assert stop["timestamp"] == 6
    trail = stop["trail_method"]
    assert trail is not None
    assert trail["trail_type"] == "percentage"
    assert trail["trail_value"] == 0.1
    assert trail["atr_period"] is None
    assert list(stop) == list(nanobook.StopOrder.__annotations__)
    assert list(trail) == list(nanobook.TrailMethod.__annotations__)


def test_a_portfolio_snapshot_by_its_keys() -> None:
    portfolio = Portfolio(100_000, nanobook.CostModel(min_trade_fee=7))
    portfolio.rebalance_simple({"AAPL": 0.5}, {"AAPL": 10_000})
    snapshot = portfolio.snapshot({"AAPL": 10_000})
    assert snapshot["cash"] == 100_000 - 5 * 10_000 - 7
    assert snapshot["costs"] == 7
    assert snapshot["num_positions"] == 1
    ((symbol, weight),) = snapshot["weights"]
    assert symbol == "AAPL"
    assert weight == 50_000 / 99_993
    assert list(snapshot) == list(nanobook.PortfolioSnapshot.__annotations__)


def test_metrics_of_three_periods() -> None:
    metrics = nanobook.compute_metrics([0.5, -0.5, 0.0])
    assert metrics is not None
    assert metrics.num_periods == 3
    assert metrics.payoff_ratio == 1.0
    assert metrics.skew == 0.0
    # The fourth moment is 1/24, the second 1/6: (1/24) / (1/36) - 3.
    assert metrics.kurtosis == pytest.approx(-1.5)


def test_metrics_against_a_benchmark_of_half_the_size() -> None:
    # Twice the benchmark and 0.01 more, two periods a year.
    found = nanobook.compute_benchmark_metrics([0.21, -0.19], [0.1, -0.1], 2.0)
    assert found is not None
    assert found.beta == pytest.approx(2)
    assert found.correlation == pytest.approx(1)
    assert found.alpha == pytest.approx(1.01**2 - 1)
    assert found.tracking_error == pytest.approx(0.2)
    assert found.information_ratio == pytest.approx(0.1)
    assert found.up_capture == pytest.approx((1.21**2 - 1) / (1.1**2 - 1))
    assert found.down_capture == pytest.approx((0.81**2 - 1) / (0.9**2 - 1))


def test_the_book_of_one_symbol_of_many() -> None:
    multi = MultiExchange()
    multi.submit_limit("GOOG", "sell", 50, 1)
    multi.submit_limit("AAPL", "buy", 100, 10)
    multi.submit_limit("AAPL", "sell", 105, 8)
    multi.submit_market("AAPL", "buy", 3)
    assert multi.best_ask("AAPL") == 105
    assert multi.best_bid_ask("AAPL") == (100, 105)
    assert multi.spread("AAPL") == 5
    assert multi.last_trade_price("AAPL") == 105
    assert multi.last_trade_price("GOOG") is None
    assert multi.timestamp("AAPL") == 4
    assert multi.timestamp("GOOG") == 1
    assert multi.full_book("AAPL").asks[0].orders == [(2, 5)]
    assert multi.reduce("AAPL", 1, 4).cancelled_quantity == 4
    assert multi.modify("AAPL", 1, 101, 6).new_order_id == 4
    multi.submit_limit("AAPL", "buy", 101, 1)
    assert multi.queue_position("AAPL", 5) == (1, 6)
    assert multi.cancel("AAPL", 2).cancelled_quantity == 5
    order = multi.get_order("AAPL", 2)
    assert order is not None
    assert order.status is OrderStatus.CANCELLED


def test_the_stops_of_one_symbol_of_many() -> None:
    multi = MultiExchange()
    assert multi.submit_stop_limit("AAPL", "buy", 110, 112, 1).order_id == 1
    assert multi.submit_trailing_stop_market("AAPL", "sell", 90, 1, "fixed", 5).order_id == 2
    trailing = multi.submit_trailing_stop_limit("AAPL", "sell", 90, 80, 1, "atr", 2.0, "gtc", 14)
    assert trailing.status is StopStatus.PENDING
    assert multi.pending_stop_count("AAPL") == 3
    stop = multi.get_stop_order("AAPL", 3)
    assert stop is not None
    assert stop["limit_price"] == 80


def test_the_history_of_one_symbol_can_be_forgotten() -> None:
    multi = MultiExchange()
    for symbol in ("AAPL", "GOOG"):
        multi.submit_limit(symbol, "buy", 100, 1)
        multi.submit_market(symbol, "sell", 1)
    assert multi.clear_order_history("AAPL") == 2
    multi.clear_trades("AAPL")
    multi.clear_events("AAPL")
    assert multi.trades("AAPL") == []
    assert multi.events("AAPL") == []
    assert len(multi.trades("GOOG")) == 1
    assert len(multi.events("GOOG")) == 2


def test_a_book_says_whether_it_keeps_a_log() -> None:
    assert Exchange().has_event_log() is True
    assert Exchange(event_log=False).has_event_log() is False
    multi = MultiExchange(event_log=False)
    multi.submit_limit("AAPL", "buy", 100, 1)
    assert multi.has_event_log("AAPL") is False
    kept = Exchange()
    kept.clear_events()
    assert kept.has_event_log() is True


def commands() -> tuple[Exchange, list[object]]:
    """Return an exchange after a command of each kind, and what each returned."""
    exchange = Exchange()
    return exchange, [
        exchange.submit_limit("buy", 100, 10),
        exchange.submit_limit("sell", 105, 8),
        exchange.submit_market("buy", 3),
        exchange.submit_stop_market("sell", 90, 1),
        exchange.submit_stop_limit("sell", 90, 80, 1),
        exchange.submit_trailing_stop_market("sell", 90, 1, "fixed", 5),
        exchange.submit_trailing_stop_limit("sell", 90, 80, 1, "atr", 2.0, "gtc", 14),
        exchange.reduce(1, 2),
        exchange.modify(1, 105, 6),
        exchange.modify(1, 105, 6),
        exchange.cancel(2),
    ]


def test_an_event_does_and_returns_what_its_method_does() -> None:
    live, results = commands()
    assert len({event.kind for event in live.events()}) == 9
    exchange, multi = Exchange(), MultiExchange()
    for event, result in zip(live.events(), results, strict=True):
        for found in (exchange.apply(event), multi.apply("AAPL", event=event)):
            assert type(found) is type(result)
            assert found == result
    assert exchange == multi.exchange("AAPL") == live


def test_an_event_that_breaks_a_rule_changes_nothing() -> None:
    bad = Event.from_json('{"kind":"submit_market","side":"buy","quantity":0}')
    exchange, multi = traded(), MultiExchange()
    with pytest.raises(ValidationError, match=r"^quantity must be at least 1"):
        exchange.apply(bad)
    assert exchange == traded()
    with pytest.raises(ValidationError, match=r"^quantity must be at least 1"):
        multi.apply("AAPL", bad)
    assert multi.symbols() == []


def test_an_event_other_than_a_submission_opens_no_symbol() -> None:
    exchange = Exchange()
    exchange.cancel(1)
    multi = MultiExchange()
    with pytest.raises(UnknownSymbolError, match="AAPL"):
        multi.apply("AAPL", exchange.events()[0])
    assert multi.symbols() == []


def test_only_an_event_is_applied() -> None:
    other: Any = {"kind": "cancel", "order_id": 1}
    with pytest.raises(TypeError, match=r"^event must be an Event, got \{'kind'"):
        Exchange().apply(other)
    with pytest.raises(TypeError, match=r"^event must be an Event, got \{'kind'"):
        MultiExchange().apply("AAPL", other)
