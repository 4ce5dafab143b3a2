"""`MultiExchange`: forwarding, live handles, and what an unknown symbol does."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from nanobook import (
    Exchange,
    MultiExchange,
    NanobookError,
    Side,
    StopStatus,
    UnknownSymbolError,
    ValidationError,
)

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = [
    ("submit_limit", ("buy", 100, 10)),
    ("submit_limit", ("sell", 105, 10, "gtc")),
    ("submit_stop_market", ("buy", 104, 2)),
    ("submit_stop_limit", ("buy", 104, 106, 2, "ioc")),
    ("submit_trailing_stop_market", ("sell", 90, 1, "fixed", 3)),
    ("submit_trailing_stop_limit", ("sell", 90, 80, 1, "atr", 1.5, "gtc", 14)),
    ("submit_market", ("buy", 3)),
    ("reduce", (1, 2)),
    ("modify", (1, 101, 5)),
    ("cancel", (99,)),
    ("cancel", (5,)),
]
QUERIES: list[tuple[str, tuple[Any, ...]]] = [
    ("get_order", (1,)),
    ("get_stop_order", (3,)),
    ("queue_position", (8,)),
    ("best_bid", ()),
    ("best_ask", ()),
    ("best_bid_ask", ()),
    ("spread", ()),
    ("last_trade_price", ()),
    ("depth", ()),
    ("depth", (1,)),
    ("full_book", ()),
    ("timestamp", ()),
    ("trades", ()),
    ("events", ()),
    ("has_event_log", ()),
    ("pending_stop_count", ()),
    ("check_invariants", ()),
    ("state_digest", ()),
    ("to_bytes", ()),
]
CLEARING = ["clear_order_history", "clear_trades", "clear_events"]


def filled() -> tuple[MultiExchange, Exchange]:
    multi, single = MultiExchange(), Exchange()
    for name, arguments in COMMANDS:
        forwarded = getattr(multi, name)("AAPL", *arguments)
        assert forwarded == getattr(single, name)(*arguments)
    return multi, single


def test_every_method_is_forwarded_with_the_symbol_first() -> None:
    multi, single = filled()
    for name, arguments in QUERIES:
        assert getattr(multi, name)("AAPL", *arguments) == getattr(single, name)(*arguments), name
    assert multi.exchange("AAPL") == single
    for name in CLEARING:
        assert getattr(multi, name)("AAPL") == getattr(single, name)()
    assert multi.events("AAPL") == []
    assert multi.exchange("AAPL") == single


def test_no_method_was_forgotten() -> None:
    methods = {name for name in dir(Exchange) if not name.startswith("_")}
    forwarded = {name for name in dir(MultiExchange) if not name.startswith("_")}
    assert methods - forwarded == {"load", "replay"}
    tested = {name for name, _ in [*COMMANDS, *QUERIES]} | {*CLEARING, "save"}
    # `test_tables.py` and `test_batch.py` have both classes' columns.
    tested |= {name for name in methods if name.endswith(("_table", "_array", "_batch"))}
    # `apply` is tested with every kind of event.
    assert methods - tested == {"apply", "load", "replay", "from_bytes"}


def test_the_parameters_are_the_same_after_the_symbol() -> None:
    for name, _ in [*COMMANDS, *QUERIES]:
        single = list(inspect.signature(getattr(Exchange, name)).parameters.values())
        multi = list(inspect.signature(getattr(MultiExchange, name)).parameters.values())
        assert multi[1].name == "symbol"
        assert [(p.name, p.default) for p in multi[2:]] == [(p.name, p.default) for p in single[1:]]


def test_every_argument_can_be_given_by_name() -> None:
    by_place, by_name = filled()[1], Exchange()
    multi = MultiExchange()
    for name, arguments in [*COMMANDS, *QUERIES, *((name, ()) for name in CLEARING)]:
        names = list(inspect.signature(getattr(Exchange, name)).parameters)[1:]
        named = dict(zip(names, arguments, strict=False))
        getattr(by_name, name)(**named)
        getattr(multi, name)(symbol="AAPL", **named)
    for name in CLEARING:
        getattr(by_place, name)()
    assert (
        by_name == multi.exchange(symbol="AAPL") == multi.get_or_create(symbol="AAPL") == by_place
    )
    assert Exchange.from_bytes(data=by_name.to_bytes()) == by_name
    assert MultiExchange.from_bytes(data=multi.to_bytes(symbol=None)) == multi
    assert Exchange.replay(events=filled()[1].events()).trades() == filled()[1].trades()


def test_symbols_keep_the_order_of_first_appearance() -> None:
    multi = MultiExchange()
    multi.submit_limit("MSFT", "sell", 300, 1)
    multi.submit_limit("AAPL", side="buy", price=100, quantity=1)
    multi.submit_market("MSFT", "buy", 1)
    multi.get_or_create("GOOG")
    assert multi.symbols() == ["MSFT", "AAPL", "GOOG"]
    assert list(multi) == ["MSFT", "AAPL", "GOOG"]
    assert len(multi) == multi.len() == 3
    assert multi.best_prices() == [
        ("MSFT", None, None),
        ("AAPL", 100, None),
        ("GOOG", None, None),
    ]
    assert repr(multi) == "MultiExchange(symbols=['MSFT', 'AAPL', 'GOOG'])"


def test_contains() -> None:
    multi, _ = filled()
    others: list[Any] = ["aapl", "", "\ud800", "x" * 100, 1, None, b"AAPL"]
    assert "AAPL" in multi
    for other in others:
        assert other not in multi


def test_a_handle_is_live() -> None:
    multi = MultiExchange()
    handle = multi.get_or_create("AAPL")
    handle.submit_limit("buy", 100, 5)
    assert multi.best_bid("AAPL") == 100
    multi.get_or_create("AAA")
    multi.submit_limit("AAPL", "sell", 100, 2)
    assert [trade.aggressor_side for trade in handle.trades()] == [Side.SELL]
    assert multi["AAPL"] == multi.exchange("AAPL") == handle
    with multi.exchange("AAPL") as exchange:
        exchange.cancel(1)
    assert multi.best_bid("AAPL") is None
    assert handle.events() == multi.events("AAPL")


def test_a_handle_keeps_its_exchange_alive() -> None:
    handle = MultiExchange().get_or_create("AAPL")
    assert handle.submit_limit("buy", 100, 5).order_id == 1
    assert handle.best_bid() == 100


def test_a_copy_of_a_handle_is_an_exchange_of_its_own() -> None:
    multi, single = filled()
    handle = multi["AAPL"]
    for other in (copy.copy(handle), copy.deepcopy(handle), pickle.loads(pickle.dumps(handle))):
        assert other == handle == single
        other.submit_limit("buy", 50, 1)
        assert other != handle
        assert handle == single


@pytest.mark.parametrize("symbol", ["MSFT", "aapl", "", "x" * 25, "é", "\ud800", "A\n"])
def test_an_unknown_symbol_is_a_key_error(symbol: str, tmp_path: Path) -> None:
    multi, _ = filled()
    before = multi.to_bytes()
    calls: list[tuple[str, tuple[Any, ...]]] = [
        *(command for command in COMMANDS if not command[0].startswith("submit")),
        *QUERIES,
        *((name, ()) for name in CLEARING),
        ("exchange", ()),
        ("__getitem__", ()),
        ("save", (tmp_path / "x",)),
    ]
    for name, arguments in calls:
        with pytest.raises(UnknownSymbolError, match=r"^no exchange has the symbol '") as caught:
            getattr(multi, name)(symbol, *arguments)
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, NanobookError)
    assert multi.to_bytes() == before
    assert multi.symbols() == ["AAPL"]


def test_only_an_accepted_command_opens_a_symbol() -> None:
    multi = MultiExchange()
    with pytest.raises(ValidationError):
        multi.submit_limit("AAPL", "buy", 0, 1)
    with pytest.raises(ValidationError):
        multi.submit_stop_market("AAPL", "buy", 5, 0)
    with pytest.raises(TypeError):
        multi.submit_market("AAPL", "buy", 1.0)  # type: ignore[arg-type]  # a float
    assert multi.symbols() == []
    assert multi.submit_stop_market("AAPL", "buy", 5, 1).status is StopStatus.PENDING
    assert multi.symbols() == ["AAPL"]


@pytest.mark.parametrize("symbol", ["", "x" * 25, "é", "\ud800", "a\0"])
def test_what_cannot_be_a_symbol(symbol: str) -> None:
    multi = MultiExchange()
    with pytest.raises(ValidationError, match="1 to 24 bytes of printable ASCII"):
        multi.submit_limit(symbol, "buy", 1, 1)
    with pytest.raises(ValidationError, match="1 to 24 bytes of printable ASCII"):
        multi.get_or_create(symbol)
    assert multi.symbols() == []


@pytest.mark.parametrize("symbol", ["A", "BRK-B", "x" * 24, " ", "~", "a b"])
def test_what_can_be_a_symbol(symbol: str) -> None:
    multi = MultiExchange()
    multi.submit_limit(symbol, "buy", 1, 1)
    assert multi.symbols() == [symbol]


def test_a_symbol_of_the_wrong_type() -> None:
    multi, _ = filled()
    symbols: list[Any] = [1, None, b"AAPL", ["AAPL"]]
    for symbol in symbols:
        for call in (multi.best_bid, multi.exchange, multi.get_or_create):
            with pytest.raises(TypeError, match="symbol must be a str, got "):
                call(symbol)
        with pytest.raises(TypeError, match="symbol must be a str, got "):
            multi.submit_limit(symbol, "buy", 1, 1)


def test_state_of_all() -> None:
    multi, _ = filled()
    multi.submit_limit("MSFT", "buy", 1, 1)
    twin = MultiExchange.from_bytes(multi.to_bytes())
    assert twin == multi
    assert twin.state_digest() == multi.state_digest()
    assert twin.symbols() == ["AAPL", "MSFT"]
    assert len(multi.state_digest()) == 16
    assert multi.state_digest() != multi.state_digest("AAPL")
    assert Exchange.from_bytes(multi.to_bytes("AAPL")) == multi["AAPL"]
    multi.check_invariants()
    twin.submit_limit("MSFT", "buy", 1, 1)
    assert twin != multi


def test_copies_share_nothing() -> None:
    multi, _ = filled()
    copies = [copy.copy(multi), copy.deepcopy(multi)]
    copies += [
        pickle.loads(pickle.dumps(multi, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]
    for other in copies:
        assert other == multi
        other.submit_limit("AAPL", "buy", 1, 1)
        assert other != multi


def test_without_event_log() -> None:
    multi = MultiExchange(event_log=False)
    multi.submit_limit("AAPL", "buy", 100, 1)
    assert multi.events("AAPL") == []
    assert multi.best_bid("AAPL") == 100


def test_save_of_one_symbol(tmp_path: Path) -> None:
    multi, single = filled()
    multi.save("AAPL", tmp_path / "aapl.jsonl")
    assert Exchange.load(tmp_path / "aapl.jsonl") == single
