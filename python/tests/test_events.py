"""`Event`, the event log and replay."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from nanobook import Event, Exchange, PersistenceError, Side, TimeInForce, ValidationError

# Each kind with its dictionary, its Rust variant and a JSON line that describes it.
KINDS: list[tuple[str, dict[str, Any], str]] = [
    (
        "submit_limit",
        {"side": "buy", "price": 100, "quantity": 10, "tif": "fok"},
        "SubmitLimit { side: Buy, price: Price(100), quantity: 10, time_in_force: FOK }",
    ),
    (
        "submit_market",
        {"side": "sell", "quantity": 3},
        "SubmitMarket { side: Sell, quantity: 3 }",
    ),
    ("cancel", {"order_id": 7}, "Cancel { order_id: OrderId(7) }"),
    (
        "modify",
        {"order_id": 7, "new_price": -5, "new_quantity": 0},
        "Modify { order_id: OrderId(7), new_price: Price(-5), new_quantity: 0 }",
    ),
    ("reduce", {"order_id": 7, "quantity": 2}, "Reduce { order_id: OrderId(7), quantity: 2 }"),
    (
        "submit_stop_market",
        {"side": "sell", "stop_price": 90, "quantity": 1},
        "SubmitStopMarket { side: Sell, stop_price: Price(90), quantity: 1 }",
    ),
    (
        "submit_stop_limit",
        {"side": "sell", "stop_price": 90, "limit_price": 80, "quantity": 1, "tif": "gtc"},
        "SubmitStopLimit { side: Sell, stop_price: Price(90), limit_price: Price(80), "
        "quantity: 1, time_in_force: GTC }",
    ),
    (
        "submit_trailing_stop_market",
        {
            "side": "sell",
            "initial_stop_price": 90,
            "quantity": 1,
            "trail_type": "percentage",
            "trail_value": 0.1,
            "atr_period": None,
        },
        "SubmitTrailingStopMarket { side: Sell, initial_stop_price: Price(90), quantity: 1, "
        "trail_method: Percentage(0.1) }",
    ),
    (
        "submit_trailing_stop_limit",
        {
            "side": "buy",
            "initial_stop_price": 190,
            "limit_price": 200,
            "quantity": 1,
            "tif": "ioc",
            "trail_type": "atr",
            "trail_value": 2.5,
            "atr_period": 14,
        },
        "SubmitTrailingStopLimit { side: Buy, initial_stop_price: Price(190), "
        "limit_price: Price(200), quantity: 1, time_in_force: IOC, "
        "trail_method: Atr { multiplier: 2.5, period: 14 } }",
    ),
]


def event_of(kind: str, arguments: dict[str, Any]) -> Event:
    """Return the event of one accepted command."""
    exchange = Exchange()
    getattr(exchange, kind)(**arguments)
    (event,) = exchange.events()
    return event


@pytest.mark.parametrize(("kind", "arguments", "variant"), KINDS)
def test_an_event_shows_its_command(kind: str, arguments: dict[str, Any], variant: str) -> None:
    event = event_of(kind, arguments)
    assert event.kind == kind
    assert event.to_dict() == {"kind": kind, **arguments}
    assert next(iter(event.to_dict())) == "kind"
    assert repr(event) == variant


@pytest.mark.parametrize(("kind", "arguments", "_variant"), KINDS)
def test_a_dictionary_submits_the_command_again(
    kind: str, arguments: dict[str, Any], _variant: str
) -> None:
    event = event_of(kind, arguments)
    fields = event.to_dict()
    assert event_of(fields.pop("kind"), fields) == event


@pytest.mark.parametrize(("kind", "arguments", "_variant"), KINDS)
def test_an_event_survives_json_and_pickle(
    kind: str, arguments: dict[str, Any], _variant: str
) -> None:
    event = event_of(kind, arguments)
    text = event.to_json()
    assert "\n" not in text
    assert json.loads(text)["kind"] == kind
    assert event.__getstate__() == text
    twins = [Event.from_json(text)]
    twins += [
        pickle.loads(pickle.dumps(event, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]
    for twin in twins:
        assert twin == event
        assert hash(twin) == hash(event)
        assert repr(twin) == repr(event)


def test_events_are_values() -> None:
    events = [event_of(kind, arguments) for kind, arguments, _ in KINDS]
    assert len(set(events)) == len(events)
    for index, event in enumerate(events):
        assert [event == other for other in events].index(True) == index
    assert events[0] != "submit_limit"


def test_members_in_a_dictionary() -> None:
    fields = event_of(*KINDS[0][:2]).to_dict()
    assert fields["side"] is Side.BUY
    assert fields["tif"] is TimeInForce.FOK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "null",
        '{"kind":"submit_market"}',
        '{"kind":"submit_market","side":"buy","quantity":1,"price":5}',
        '{"kind":"submit_market","side":"buy","quantity":-1}',
        '{"kind":"submit_market","side":"buy","quantity":1.5}',
        '{"kind":"submit_market","side":"bye","quantity":1}',
        '{"kind":"launch"}',
        '{"kind":"submit_market","side":"buy","quantity":1} x',
    ],
)
def test_json_that_describes_no_event(text: str) -> None:
    with pytest.raises(PersistenceError):
        Event.from_json(text)


def busy() -> Exchange:
    exchange = Exchange()
    for kind, arguments, _ in KINDS:
        getattr(exchange, kind)(**arguments)
    exchange.submit_limit("buy", 100, 10)
    exchange.submit_stop_market("sell", 100, 3)
    exchange.submit_limit("sell", 100, 4)
    exchange.cancel(1)
    return exchange


def test_replay_gives_an_equal_exchange() -> None:
    exchange = busy()
    assert len(exchange.events()) == len(KINDS) + 4
    events = exchange.events()
    for source in (events, tuple(events), iter(events), (event for event in events)):
        replayed = Exchange.replay(source)
        assert replayed == exchange
        assert replayed.state_digest() == exchange.state_digest()
        assert replayed.events() == events
        assert replayed.trades() == exchange.trades()


def test_replay_of_a_prefix_is_the_state_then() -> None:
    events = busy().events()
    live = Exchange()
    for index, event in enumerate(events):
        assert Exchange.replay(events[:index]) == live
        fields = event.to_dict()
        getattr(live, fields.pop("kind"))(**fields)


def test_replay_refuses_what_no_exchange_accepted() -> None:
    good = event_of("submit_market", {"side": "buy", "quantity": 1})
    bad = Event.from_json('{"kind":"submit_market","side":"buy","quantity":0}')
    with pytest.raises(ValidationError, match=r"^event 1: quantity must be at least 1"):
        Exchange.replay([good, bad])
    other: Any = [good, good.to_dict()]
    with pytest.raises(TypeError, match=r"^events\[1\] must be an Event, got \{'kind'"):
        Exchange.replay(other)


def test_replay_takes_no_memory_on_the_word_of_a_length() -> None:
    class Boastful(list[Event]):
        def __len__(self) -> int:
            return 2**62

    exchange = Exchange()
    exchange.submit_limit("buy", 100, 5)
    assert Exchange.replay(Boastful(exchange.events())) == exchange


def test_failed_commands_are_logged_and_refused_ones_are_not() -> None:
    exchange = Exchange()
    exchange.cancel(5)
    exchange.modify(5, 1, 1)
    exchange.reduce(5, 1)
    with pytest.raises(ValidationError):
        exchange.submit_market("buy", 0)
    assert [event.kind for event in exchange.events()] == ["cancel", "modify", "reduce"]


def test_the_log_can_be_off() -> None:
    quiet, loud = Exchange(event_log=False), Exchange()
    for exchange in (quiet, loud):
        exchange.submit_limit("buy", 100, 1)
        exchange.submit_market("sell", 1)
    assert quiet.events() == []
    assert quiet.state_digest() == loud.state_digest()
    assert quiet.trades() == loud.trades()


def test_events_cannot_be_made_by_hand() -> None:
    event: Any = Event
    with pytest.raises(TypeError):
        event()
