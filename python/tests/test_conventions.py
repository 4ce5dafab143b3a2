"""What holds for every public name."""

from __future__ import annotations

import copy
import importlib.metadata
import inspect
import math
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import public_api
import pytest
from public_api import ADD, ASK, BID, CALLS, LEFT_OUT, ROWS, TRADE, VARIANTS, Call, World

import nanobook
from nanobook import (
    CostModel,
    EqualWeight,
    Exchange,
    MultiExchange,
    Portfolio,
    ValidationError,
    compute_metrics,
    run_backtest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [name for name in nanobook.__all__ if not name.startswith("__")]
PUBLIC: dict[str, Any] = {name: getattr(nanobook, name) for name in NAMES}
CLASSES = [name for name in NAMES if isinstance(PUBLIC[name], type)]
FUNCTIONS = [name for name in NAMES if name not in CLASSES]
ERRORS: list[Any] = [PUBLIC[name] for name in CLASSES if issubclass(PUBLIC[name], BaseException)]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@dataclass(frozen=True)
class Sample:
    """What the conventions say of one class."""

    make: Callable[[], Any]
    """Returns an object, equal at every call."""
    other: Callable[[], Any]
    """Returns one of the same class that is not equal, or the same where there is none."""
    shown: str
    """Its repr."""
    is_code: bool = True
    """Whether the repr makes the object again."""
    change: Callable[[Any], object] | None = None
    """Changes the object; an object without it is immutable and has a hash."""
    is_ordered: bool = False
    has_html: bool = False
    in_memory: bool = False
    """Whether copies are the object itself, which holds much and never changes."""


def traded() -> Exchange:
    exchange = Exchange()
    exchange.submit_limit("sell", 10_050, 2)
    exchange.submit_limit("buy", 10_050, 1)
    return exchange


def books() -> MultiExchange:
    multi = MultiExchange()
    multi.submit_limit("AAPL", "buy", 100, 1)
    multi.submit_limit("GOOG", "sell", 100, 1)
    return multi


def venue_book() -> nanobook.VenueBook:
    book = nanobook.VenueBook()
    book.apply(ADD)
    return book


def followed() -> nanobook.FeedDriver:
    driver = nanobook.FeedDriver()
    driver.apply(Exchange(), ADD)
    return driver


def stop_order() -> dict[str, Any]:
    exchange = Exchange()
    exchange.submit_trailing_stop_market("sell", 95, 5, "fixed", 5)
    stop: Any = exchange.get_stop_order(1)
    return stop


def backtest(bars: int) -> nanobook.BacktestResult:
    return nanobook.run_backtest(nanobook.EqualWeight(), ROWS[:bars], 1_000_000)


STOP_SHOWN = (
    "{'id': 1, 'side': Side.SELL, 'stop_price': 95, 'limit_price': None, 'quantity': 5, "
    "'time_in_force': TimeInForce.IOC, 'timestamp': 1, 'status': StopStatus.PENDING, "
    "'trail_method': {'trail_type': 'fixed', 'trail_value': 5, 'atr_period': None}, "
    "'watermark': None, 'triggered_order_id': None}"
)
TRADE_SHOWN = (
    "Trade(trade_id=7, price=10000, quantity=3, aggressor_order_id=2, passive_order_id=1, "
    "aggressor_side=Side.BUY, timestamp=9)"
)
SNAPSHOT_SHOWN = (
    "{'cash': 100, 'equity': 100, 'unrealized': 0, 'total_realized_pnl': 0, 'costs': 0, "
    "'num_positions': 0, 'weights': []}"
)
METRICS_SHOWN = (
    "Metrics(total_return=-0.25, cagr=-0.25, volatility=0.8660254037844386, sharpe=0.0, "
    "sortino=0.0, max_drawdown=0.5, calmar=-0.5, num_periods=3, winning_periods=1, "
    "losing_periods=1, var_95=-0.45, cvar_95=-0.5, win_rate=0.3333333333333333, "
    "profit_factor=1.0, payoff_ratio=1.0, skew=0.0, kurtosis=-1.5, max_drawdown_periods=2)"
)

# One row for each public class; `test_every_class_is_in_the_table` says which one is missing.
SAMPLES: dict[str, Sample] = {
    "BacktestResult": Sample(
        lambda: backtest(2),
        lambda: backtest(1),
        "BacktestResult(equity=995000, costs=0, trades=4, digest=",
        is_code=False,
        has_html=True,
    ),
    "BatchResult": Sample(
        lambda: traded().submit_batch(public_api.BATCH),
        lambda: Exchange().submit_batch(public_api.BATCH),
        "BatchResult(commands=1, trades=0)",
        is_code=False,
        has_html=True,
        in_memory=True,
    ),
    "BookSnapshot": Sample(
        lambda: nanobook.BookSnapshot([BID], [ASK], 9),
        lambda: nanobook.BookSnapshot([BID], [], 9),
        "BookSnapshot(bids=[LevelSnapshot(price=9900, quantity=5, order_count=1)], "
        "asks=[LevelSnapshot(price=10100, quantity=5, order_count=1)], timestamp=9)",
        has_html=True,
    ),
    "CancelResult": Sample(
        lambda: nanobook.CancelResult(False, 0, "OrderNotFound"),
        lambda: nanobook.CancelResult(False, 0, "OrderNotActive"),
        "CancelResult(success=False, cancelled_quantity=0, error='OrderNotFound')",
    ),
    "CostModel": Sample(
        lambda: nanobook.CostModel(10, 5, 100),
        lambda: nanobook.CostModel(10, 5, 101),
        "CostModel(commission_bps=10, slippage_bps=5, min_trade_fee=100)",
    ),
    "EqualWeight": Sample(
        nanobook.EqualWeight, nanobook.EqualWeight, "EqualWeight()", in_memory=True
    ),
    "Event": Sample(
        lambda: traded().events()[0],
        lambda: traded().events()[1],
        "SubmitLimit { side: Sell, price: Price(10050), quantity: 2, time_in_force: GTC }",
        is_code=False,
    ),
    "Exchange": Sample(
        traded,
        Exchange,
        "Exchange(best_bid=None, best_ask=10050, trades=1, pending_stops=0)",
        is_code=False,
        change=lambda exchange: exchange.cancel(1),
    ),
    "FeedCounts": Sample(
        lambda: nanobook.FeedCounts(3, 1, 0),
        lambda: nanobook.FeedCounts(3, 0, 1),
        "FeedCounts(messages=3, unknown_references=1, contradictions=0)",
        is_ordered=True,
    ),
    "FeedDriver": Sample(
        followed,
        nanobook.FeedDriver,
        "FeedDriver(messages=1, unknown_references=0, contradictions=0)",
        is_code=False,
        change=lambda driver: driver.apply(Exchange(), ADD),
    ),
    "FeedKind": Sample(
        lambda: nanobook.FeedKind("HiddenTrade"),
        lambda: nanobook.FeedKind.CROSS,
        "FeedKind.HIDDEN_TRADE",
        is_ordered=True,
    ),
    "FeedMessage": Sample(
        lambda: nanobook.FeedMessage("add", 1, 0, 7, 0, "buy", 9_900, 5, "A"),
        lambda: nanobook.FeedMessage("add", 1, 0, 7, 0, "buy", 9_900, 5, "F"),
        "FeedMessage(kind=FeedKind.ADD, timestamp_ns=1, instrument=0, reference=7, "
        "new_reference=0, side=Side.BUY, price=9900, quantity=5, venue_code='A')",
    ),
    "Fill": Sample(
        lambda: nanobook.Fill("AAPL", -10, 10_000, 100),
        lambda: nanobook.Fill("AAPL", 10, 10_000, 100),
        "Fill(symbol='AAPL', quantity=-10, price=10000, cost=100)",
    ),
    "BenchmarkMetrics": Sample(
        lambda: nanobook.BenchmarkMetrics(0.5, 1.0, 0.25, 0.125, math.nan, 2.0, -1.0),
        lambda: nanobook.BenchmarkMetrics(0.5, 1.0, 0.25, 0.125, 0.0, 2.0, -1.0),
        "BenchmarkMetrics(alpha=0.5, beta=1.0, correlation=0.25, tracking_error=0.125, "
        "information_ratio=nan, up_capture=2.0, down_capture=-1.0)",
        has_html=True,
    ),
    "Drawdown": Sample(
        lambda: nanobook.drawdowns([0.5, -0.5, 0.0])[0],
        lambda: nanobook.drawdowns([0.5, -0.5, 1.0])[0],
        "Drawdown(start=1, trough=1, end=None, depth=0.5, length=2, to_trough=1, recovery=None)",
        has_html=True,
    ),
    "LevelSnapshot": Sample(
        lambda: nanobook.LevelSnapshot(9_900, 5, 2, [(1, 3), (4, 2)]),
        lambda: nanobook.LevelSnapshot(9_900, 5, 2),
        "LevelSnapshot(price=9900, quantity=5, order_count=2, orders=[(1, 3), (4, 2)])",
    ),
    "Metrics": Sample(
        lambda: nanobook.compute_metrics([0.5, -0.5, 0.0], 3),
        lambda: nanobook.compute_metrics([0.5, -0.5], 3),
        METRICS_SHOWN,
        has_html=True,
    ),
    "ModifyResult": Sample(
        lambda: nanobook.ModifyResult(True, 1, 2, 5, [TRADE]),
        lambda: nanobook.ModifyResult(False, 1, None, 0, [], "OrderNotActive"),
        "ModifyResult(success=True, old_order_id=1, new_order_id=2, cancelled_quantity=5, "
        f"trades=[{TRADE_SHOWN}], error=None)",
    ),
    "MultiExchange": Sample(
        books,
        MultiExchange,
        "MultiExchange(symbols=['AAPL', 'GOOG'])",
        is_code=False,
        change=lambda multi: multi.cancel("AAPL", 1),
    ),
    "Order": Sample(
        lambda: nanobook.Order(1, "buy", 100, 10, 5, 3, 2, 4, "gtc", "partially_filled"),
        lambda: nanobook.Order(1, "buy", 100, 10, 5, 3, 2, 5, "gtc", "partially_filled"),
        "Order(id=1, side=Side.BUY, price=100, original_quantity=10, remaining_quantity=5, "
        "filled_quantity=3, cancelled_quantity=2, timestamp=4, time_in_force=TimeInForce.GTC, "
        "status=OrderStatus.PARTIALLY_FILLED)",
    ),
    "OrderStatus": Sample(
        lambda: nanobook.OrderStatus("PartiallyFilled"),
        lambda: nanobook.OrderStatus.NEW,
        "OrderStatus.PARTIALLY_FILLED",
        is_ordered=True,
    ),
    "Portfolio": Sample(
        lambda: nanobook.Portfolio(100),
        lambda: nanobook.Portfolio(101),
        "Portfolio(cash=100, positions=0, equity=100, costs=0, periods=0)",
        is_code=False,
        change=lambda portfolio: portfolio.record_return({}),
    ),
    "PortfolioSnapshot": Sample(
        lambda: nanobook.Portfolio(100).snapshot({}),
        lambda: nanobook.Portfolio(101).snapshot({}),
        SNAPSHOT_SHOWN,
        change=lambda snapshot: snapshot["weights"].append(("AAPL", 1.0)),
    ),
    "Position": Sample(
        lambda: nanobook.Position("AAPL", -10, -100_000, -5),
        lambda: nanobook.Position("AAPL", -10, -100_000, 5),
        "Position(symbol='AAPL', quantity=-10, total_cost=-100000, realized_pnl=-5)",
    ),
    "PriceSeries": Sample(
        lambda: nanobook.PriceSeries(ROWS),
        lambda: nanobook.PriceSeries(ROWS[1:]),
        "PriceSeries(bars=2, symbols=['AAPL', 'GOOG'])",
        is_code=False,
        has_html=True,
        in_memory=True,
    ),
    "QueuePosition": Sample(
        lambda: nanobook.QueuePosition(1, 10),
        lambda: nanobook.QueuePosition(2, 5),
        "QueuePosition(orders_ahead=1, quantity_ahead=10)",
        is_ordered=True,
    ),
    "Side": Sample(
        lambda: nanobook.Side("B"), lambda: nanobook.Side.SELL, "Side.BUY", is_ordered=True
    ),
    "StopOrder": Sample(
        stop_order,
        dict[str, Any],
        STOP_SHOWN,
        change=lambda stop: stop["trail_method"].update(trail_value=6),
    ),
    "StopStatus": Sample(
        lambda: nanobook.StopStatus("Pending"),
        lambda: nanobook.StopStatus.TRIGGERED,
        "StopStatus.PENDING",
        is_ordered=True,
    ),
    "StopSubmitResult": Sample(
        lambda: nanobook.StopSubmitResult(4, "pending"),
        lambda: nanobook.StopSubmitResult(4, "triggered"),
        "StopSubmitResult(order_id=4, status=StopStatus.PENDING)",
    ),
    "SubmitResult": Sample(
        lambda: nanobook.SubmitResult(2, "new", [TRADE], 3, 2, 0),
        lambda: nanobook.SubmitResult(2, "new", [], 3, 2, 0),
        f"SubmitResult(order_id=2, status=OrderStatus.NEW, trades=[{TRADE_SHOWN}], "
        "filled_quantity=3, resting_quantity=2, cancelled_quantity=0)",
    ),
    "Table": Sample(
        lambda: traded().depth_table(),
        lambda: Exchange().depth_table(),
        "Table(rows=1, columns=['side', 'price', 'quantity', 'order_count'])",
        is_code=False,
        has_html=True,
        in_memory=True,
    ),
    "TimeInForce": Sample(
        lambda: nanobook.TimeInForce("Gtc"),
        lambda: nanobook.TimeInForce.FOK,
        "TimeInForce.GTC",
        is_ordered=True,
    ),
    "Trade": Sample(
        lambda: nanobook.Trade(7, 10_000, 3, 2, 1, "buy", 9),
        lambda: nanobook.Trade(7, 10_000, 3, 2, 1, "sell", 9),
        TRADE_SHOWN,
    ),
    "TrailMethod": Sample(
        lambda: stop_order()["trail_method"],
        dict[str, Any],
        "{'trail_type': 'fixed', 'trail_value': 5, 'atr_period': None}",
        change=dict[str, Any].clear,
    ),
    "VenueBook": Sample(
        venue_book,
        nanobook.VenueBook,
        "VenueBook(best_bid=9900, best_ask=None, orders=1, messages=1)",
        is_code=False,
        has_html=True,
        change=lambda book: book.apply(ADD),
    ),
    "WeightSchedule": Sample(
        lambda: nanobook.WeightSchedule([[0.5, math.nan]]),
        lambda: nanobook.WeightSchedule([[math.nan, 0.5]]),
        "WeightSchedule(<1 bars x 2 symbols>)",
        is_code=False,
        in_memory=True,
    ),
}
SAMPLES.update(
    {
        error.__name__: Sample(
            lambda error=error: error("a sentence"),
            lambda error=error: error("another"),
            f"{error.__name__}('a sentence')",
        )
        for error in ERRORS
    }
)
# A typed dictionary is a plain one, and exceptions have the equality of Python's own.
TYPED_DICTS = {"PortfolioSnapshot", "StopOrder", "TrailMethod"}
TUPLES = {"FeedCounts", "QueuePosition"}
# A file that is being read is no value.
STREAMS = {"ItchReader", "LobsterBookReader", "LobsterReader"}
VALUES = [name for name in SAMPLES if PUBLIC[name] not in ERRORS]
OBJECTS = [name for name in VALUES if name not in TYPED_DICTS]
IMMUTABLE = [name for name in VALUES if SAMPLES[name].change is None]
ENUMS = ("FeedKind", "OrderStatus", "Side", "StopStatus", "TimeInForce")


def test_every_class_is_in_the_table() -> None:
    assert sorted([*SAMPLES, *STREAMS]) == CLASSES


@pytest.mark.parametrize("name", OBJECTS)
def test_a_sample_is_of_its_class(name: str) -> None:
    assert type(SAMPLES[name].make()) is PUBLIC[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_repr_reads_like_python(name: str) -> None:
    sample = SAMPLES[name]
    value = sample.make()
    if name == "BacktestResult":
        rest = f"'{value.digest}', metrics={value.metrics!r})"
        assert repr(value) == sample.shown + rest
    else:
        assert repr(value) == sample.shown
    if sample.is_code and name in VALUES:
        names = {**vars(nanobook), "nan": math.nan}
        assert eval(repr(value), names) == value


@pytest.mark.parametrize("name", VALUES)
def test_objects_compare_by_value(name: str) -> None:
    sample = SAMPLES[name]
    value, twin, other = sample.make(), sample.make(), sample.other()
    assert value == twin
    assert (value != twin) is False
    if name != "EqualWeight":
        assert value != other
        assert (value == other) is False
    for stranger in (None, 1, object(), Ellipsis):
        assert value != stranger
        assert (value == stranger) is False
        assert value.__eq__(stranger) is NotImplemented


@pytest.mark.parametrize("name", VALUES)
def test_what_cannot_change_has_a_hash(name: str) -> None:
    sample = SAMPLES[name]
    if sample.change is not None:
        with pytest.raises(TypeError, match="unhashable"):
            hash(sample.make())
        return
    value, twin, other = sample.make(), sample.make(), sample.other()
    assert hash(value) == hash(twin)
    assert len({value, twin, other}) == (1 if name == "EqualWeight" else 2)


@pytest.mark.parametrize("name", [name for name in OBJECTS if name not in ENUMS])
def test_attributes_cannot_be_set(name: str) -> None:
    value = SAMPLES[name].make()
    public = [member for member in dir(value) if not member.startswith("_")]
    for member in [*public, "no_such_attribute"]:
        with pytest.raises((AttributeError, TypeError)):
            setattr(value, member, 1)
    assert value == SAMPLES[name].make()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_everything_survives_pickle(name: str, protocol: int) -> None:
    value = SAMPLES[name].make()
    twin = pickle.loads(pickle.dumps(value, protocol))
    assert type(twin) is type(value)
    assert repr(twin) == repr(value)
    if name in VALUES:
        assert twin == value
        assert (name not in IMMUTABLE) or hash(twin) == hash(value)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_equal(name: str, copied: Callable[[Any], Any]) -> None:
    sample = SAMPLES[name]
    value = sample.make()
    twin = copied(value)
    assert type(twin) is type(value)
    assert repr(twin) == repr(value)
    assert (name not in VALUES) or twin == value
    assert (twin is value) or not (sample.in_memory or name in ENUMS)


@pytest.mark.parametrize("name", [name for name in VALUES if SAMPLES[name].change is not None])
def test_a_copy_shares_nothing_with_the_original(name: str) -> None:
    change = SAMPLES[name].change
    assert change is not None

    def within(value: object) -> object:
        return copy.deepcopy([value])[0]

    # A shallow copy of a dictionary shares its values, as everywhere.
    copiers: list[Any] = [copy.deepcopy, within, *([copy.copy] if name in OBJECTS else [])]
    for copied in copiers:
        value = SAMPLES[name].make()
        before = pickle.dumps(value)
        change(copied(value))
        assert pickle.dumps(value) == before


@pytest.mark.parametrize("name", VALUES)
def test_only_what_has_an_order_is_ordered(name: str) -> None:
    sample = SAMPLES[name]
    value, other = sample.make(), sample.other()
    if sample.is_ordered:
        plain: Any = str if name in ENUMS else tuple
        assert sorted([value, other]) == sorted([plain(value), plain(other)])
    else:
        with pytest.raises(TypeError, match="not supported between"):
            _ = value < other


@pytest.mark.parametrize("name", VALUES)
def test_books_results_and_metrics_show_as_html(name: str) -> None:
    sample = SAMPLES[name]
    assert hasattr(PUBLIC[name], "_repr_html_") is sample.has_html
    if sample.has_html:
        html = sample.make()._repr_html_()
        assert html.startswith("<table>")
        assert html.endswith("</table>")


@pytest.mark.parametrize("name", ENUMS)
def test_enum_members_are_strings(name: str) -> None:
    members: list[Any] = list(PUBLIC[name])
    for member in members:
        text: object = member
        assert isinstance(text, str)
        assert str(member) == member.value == member.name.lower() == f"{member}"
        assert hash(member) == hash(member.value)
        for spelling in (member.name, member.value, member.name.title().replace("_", "")):
            assert member == spelling
            assert spelling == member
            assert PUBLIC[name](spelling) is member


def test_hashes_of_numbers_are_the_same_in_every_process() -> None:
    script = (
        "import nanobook\n"
        "print(hash(nanobook.CostModel(1, 2, 3)), hash(nanobook.compute_metrics([0.5, -0.5])),\n"
        "      hash(nanobook.PriceSeries([{'A': 1}])), hash(nanobook.LevelSnapshot(1, 1, 1)))"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-P", "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(shown) == 1


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_the_table_has_every_public_callable() -> None:
    found: set[str] = set()
    for name in NAMES:
        if name not in CLASSES:
            found.add(name)
            continue
        kind: type[object] = PUBLIC[name]
        has_members = (name in OBJECTS or name in STREAMS) and name not in ENUMS
        members = list(kind.__dict__) if has_members else []
        functions = {
            member: getattr(PUBLIC[name], member)
            for member in members
            if not member.startswith("_") and callable(getattr(PUBLIC[name], member))
        }
        found.update(
            f"{name}.{member}"
            for member, function in functions.items()
            if name not in TUPLES and public_api.parameters(function)
        )
    # What cannot be called, or takes no arguments.
    bare = {
        "BacktestResult",
        "EqualWeight",
        "Event",
        *TUPLES,
        "FeedDriver",
        "Table",
        "VenueBook",
        "BatchResult",
        *TYPED_DICTS,
        *ENUMS,
    }
    classes = {name for name in (*VALUES, *STREAMS) if name not in bare}
    assert found | classes == {call.name for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_arguments_have_the_documented_names(call: Call, world: World) -> None:
    names = public_api.parameters(call.function(world))
    assert [name for name in names if (call.name, name) not in LEFT_OUT] == [*call.arguments]


@pytest.mark.parametrize("call", [*CALLS, *VARIANTS], ids=lambda call: call.name)
def test_every_argument_is_taken_by_name(call: Call, world: World) -> None:
    world = world.copy()
    arguments = call.good(world)
    result = call.function(world)(**arguments)
    other = world.copy()
    assert type(call.function(other)(**call.good(other))) is type(result)


INTEGER_KINDS = {
    *("price", "quantity", "natural", "natural_or_none", "size", "integer", "bps", "atr_period"),
    *("count", "workers"),
}
INTEGERS = [
    (call, name)
    for call in [*CALLS, *VARIANTS]
    for name, argument in call.arguments.items()
    if argument.kind in INTEGER_KINDS
]


@pytest.mark.parametrize(("call", "name"), INTEGERS, ids=lambda part: getattr(part, "name", part))
def test_integers_of_numpy_are_taken(call: Call, name: str, world: World) -> None:
    good = call.arguments[name].good
    expected_world = world.copy()
    expected = call.function(expected_world)(**call.good(expected_world))
    numbers: list[Any] = [np.int64(good), np.array(good)]
    numbers += [np.uint64(good)] if good >= 0 else []
    numbers += [np.int16(good)] if abs(good) < 2**15 else []
    for number in numbers:
        changed = world.copy()
        found = call.function(changed)(**{**call.good(changed), name: number})
        assert repr(found) == repr(expected)
        assert changed.state() == expected_world.state()


# `Metrics` and `Drawdown` are made by functions, and their constructors are for pickle.
STRICT = [row for row in INTEGERS if row[0].name not in {"Drawdown", "Metrics"}]


@pytest.mark.parametrize(("call", "name"), STRICT, ids=lambda part: getattr(part, "name", part))
def test_bools_and_floats_are_no_integers(call: Call, name: str, world: World) -> None:
    world = world.copy()
    before = world.state()
    for value in (True, np.True_, 1.0, np.float64(1.0), math.nan):
        with pytest.raises(TypeError):
            call.function(world)(**{**call.good(world), name: value})
    assert world.state() == before


def test_the_version_is_the_packages() -> None:
    assert nanobook.__version__ == importlib.metadata.version("nanobook")


def test_everything_is_at_the_top() -> None:
    public = {name for name in vars(nanobook) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(nanobook, name))}
    assert public - modules <= set(nanobook.__all__)
    assert list(nanobook.__all__) == sorted(set(nanobook.__all__))


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_belongs_to_the_package(name: str) -> None:
    cls = PUBLIC[name]
    assert cls.__module__ == "nanobook"
    assert cls.__qualname__ == cls.__name__ == name
    assert cls.__doc__
    assert pickle.loads(pickle.dumps(cls)) is cls


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_documented(name: str) -> None:
    function = PUBLIC[name]
    assert callable(function)
    assert inspect.getdoc(function)
    assert inspect.signature(function)


@pytest.mark.parametrize("name", ["Portfolio", "run_backtest"])
def test_a_default_that_no_signature_can_show_is_in_the_docstring(name: str) -> None:
    function = PUBLIC[name]
    assert inspect.signature(function).parameters["cost_model"].default is ...
    text = " ".join((function.__doc__ or "").split())
    assert "The default of ``cost_model`` is ``CostModel.zero()``" in text


ARGUMENTS_WITH_A_DEFAULT: list[tuple[str, Callable[[Any], object]]] = [
    ("cost_model", lambda wrong: Portfolio(5, wrong)),
    ("cost_model", lambda wrong: run_backtest(EqualWeight(), [{"A": 1}], 5, cost_model=wrong)),
    ("fill", lambda wrong: run_backtest(EqualWeight(), [{"A": 1}], 5, fill=wrong)),
    ("periods_per_year", lambda wrong: compute_metrics([0.1], wrong)),
    ("risk_free", lambda wrong: compute_metrics([0.1], risk_free=wrong)),
    ("event_log", lambda wrong: Exchange(event_log=wrong)),
    ("min_trade_fee", lambda wrong: CostModel(min_trade_fee=wrong)),
]


@pytest.mark.parametrize(("argument", "call"), ARGUMENTS_WITH_A_DEFAULT)
def test_an_argument_s_error_names_it_once(argument: str, call: Callable[[Any], object]) -> None:
    for wrong in (None, "x", object()):
        with pytest.raises((TypeError, ValidationError), match=f"^{argument} must be ") as caught:
            call(wrong)
        assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("name", CLASSES)
def test_public_members_are_documented(name: str) -> None:
    cls = PUBLIC[name]
    for member in dir(cls):
        value: Any = inspect.getattr_static(cls, member)
        if not member.startswith("_") and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{member}"


def test_the_package_is_typed() -> None:
    package = Path(nanobook.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "nanobook.pyi").is_file()


def test_importing_needs_no_other_package() -> None:
    script = (
        "import sys; import nanobook\n"
        "nanobook.Exchange().submit_limit('buy', 1, 1)\n"
        "known = set(sys.stdlib_module_names) | {'nanobook'}\n"
        "print({name.split('.')[0] for name in sys.modules if not name.startswith('_')} - known)\n"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"sys_path = {sys.path!r}\nimport sys; sys.path[:] = sys_path\n" + script,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() in {"set()", "{'sitecustomize'}"}


def built_in(error: type[BaseException]) -> set[type[BaseException]]:
    return {base for base in error.__mro__ if base.__module__ == "builtins"}


def test_every_error_derives_from_the_built_in_that_fits() -> None:
    assert {error.__name__: error for error in ERRORS}.keys() == {
        "BatchError",
        "FeedError",
        "InvariantError",
        "MissingFileError",
        "MissingPackageError",
        "NanobookError",
        "OutOfRangeError",
        "PersistenceError",
        "ReadOnlyError",
        "StorageError",
        "UnknownSymbolError",
        "ValidationError",
    }
    assert all(issubclass(error, nanobook.NanobookError) for error in ERRORS)
    assert ValueError in built_in(nanobook.ValidationError)
    assert {ValueError, OverflowError} <= built_in(nanobook.OutOfRangeError)
    assert KeyError in built_in(nanobook.UnknownSymbolError)
    assert ValueError in built_in(nanobook.PersistenceError)
    assert ValueError in built_in(nanobook.FeedError)
    assert OSError in built_in(nanobook.StorageError)
    assert FileNotFoundError in built_in(nanobook.MissingFileError)
    assert ImportError in built_in(nanobook.MissingPackageError)
    assert TypeError in built_in(nanobook.ReadOnlyError)
    assert AssertionError in built_in(nanobook.InvariantError)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_pickle(error: type[BaseException], protocol: int) -> None:
    arguments: tuple[Any, ...] = ("a sentence",)
    if issubclass(error, OSError):
        arguments = (2, "a sentence", "a file")
    value = error(*arguments)
    twin = pickle.loads(pickle.dumps(value, protocol))
    assert type(twin) is error
    assert twin.args == value.args
    assert str(twin) == str(value)


def test_an_unknown_symbol_reads_like_a_sentence() -> None:
    with pytest.raises(KeyError) as caught:
        MultiExchange().best_bid("AAPL")
    assert str(caught.value) == "no exchange has the symbol 'AAPL'"


def test_an_exchange_without_a_log_is_another() -> None:
    assert Exchange() == Exchange()
    assert Exchange() != Exchange(event_log=False)
    exchange: object = Exchange()
    assert exchange != MultiExchange()


def test_an_exchange_has_a_short_repr() -> None:
    exchange = Exchange()
    assert repr(exchange) == "Exchange(best_bid=None, best_ask=None, trades=0, pending_stops=0)"
    exchange.submit_limit("buy", 100, 2)
    exchange.submit_limit("sell", 100, 1)
    exchange.submit_limit("sell", 105, 1)
    exchange.submit_stop_market("buy", 110, 1)
    assert repr(exchange) == "Exchange(best_bid=100, best_ask=105, trades=1, pending_stops=1)"


def test_an_exchange_is_a_context_manager() -> None:
    with Exchange() as exchange:
        exchange.submit_limit("buy", 100, 2)
    assert exchange.best_bid() == 100
    with pytest.raises(ZeroDivisionError), Exchange():
        _ = 1 // 0


def test_a_digest_is_16_hexadecimal_digits() -> None:
    digest = Exchange().state_digest()
    assert len(digest) == 16
    assert set(digest) <= set("0123456789abcdef")


def test_signatures_are_those_of_the_documentation() -> None:
    documented = {
        "submit_limit": "(self, side, price, quantity, tif='gtc')",
        "submit_market": "(self, side, quantity)",
        "cancel": "(self, order_id)",
        "modify": "(self, order_id, new_price, new_quantity)",
        "reduce": "(self, order_id, quantity)",
        "queue_position": "(self, order_id)",
        "submit_stop_market": "(self, side, stop_price, quantity)",
        "submit_stop_limit": "(self, side, stop_price, limit_price, quantity, tif='gtc')",
        "submit_trailing_stop_market": "(self, side, initial_stop_price, quantity, trail_type, "
        "trail_value, atr_period=None)",
        "submit_trailing_stop_limit": "(self, side, initial_stop_price, limit_price, quantity, "
        "trail_type, trail_value, tif='gtc', atr_period=None)",
    }
    for name, signature in documented.items():
        assert str(inspect.signature(getattr(Exchange, name))).replace(", /", "") == signature
    assert str(inspect.signature(Exchange)) == "(event_log=True)"
