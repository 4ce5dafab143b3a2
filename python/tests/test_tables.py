"""Tables and structured arrays show what the lists of objects show."""

from __future__ import annotations

import math
import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import commands
import numpy as np
import pytest

import nanobook
from nanobook import Exchange, MultiExchange, OrderStatus, Side, StopStatus, Table, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

TRADE_FIELDS = [
    *("trade_id", "price", "quantity", "aggressor_order_id", "passive_order_id"),
    *("aggressor_side", "timestamp"),
]
ORDER_FIELDS = [
    *("id", "side", "price", "original_quantity", "remaining_quantity", "filled_quantity"),
    *("cancelled_quantity", "timestamp", "time_in_force", "status"),
]
LEVEL_FIELDS = ["side", "price", "quantity", "order_count"]
Columns = dict[str, list[Any]]

pd: Any = pytest.importorskip("pandas")
pl: Any = pytest.importorskip("polars")
pa: Any = pytest.importorskip("pyarrow")


def busy(seed: int = 1, commands: int = 300) -> Exchange:
    """Return an exchange with orders of every status, stops and trades."""
    rng = random.Random(seed)
    exchange = Exchange()
    for _ in range(commands):
        side = rng.choice(list(Side))
        match rng.randrange(6):
            case 0:
                exchange.submit_market(side, rng.randint(1, 20))
            case 1:
                exchange.cancel(rng.randint(1, 100))
            case 2:
                exchange.submit_stop_limit(side, rng.randint(95, 105), 100, rng.randint(1, 9))
            case _:
                tif = rng.choice(list(TimeInForce))
                exchange.submit_limit(side, rng.randint(95, 105), rng.randint(1, 20), tif)
    return exchange


def of_objects(objects: list[Any], fields: list[str]) -> Columns:
    return {field: [getattr(item, field) for item in objects] for field in fields}


def trades_of(exchange: Exchange) -> Columns:
    return of_objects(exchange.trades(), TRADE_FIELDS)


def orders_of(exchange: Exchange) -> Columns:
    found = [exchange.get_order(order_id) for order_id in range(1, exchange.timestamp() + 1)]
    return of_objects([order for order in found if order is not None], ORDER_FIELDS)


def depth_of(exchange: Exchange) -> Columns:
    book = exchange.depth()
    columns = of_objects([*book.bids, *book.asks], LEVEL_FIELDS[1:])
    return {"side": [Side.BUY] * len(book.bids) + [Side.SELL] * len(book.asks), **columns}


KINDS: dict[str, Callable[[Exchange], Columns]] = {
    "trades": trades_of,
    "orders": orders_of,
    "depth": depth_of,
}
EXCHANGES = {"busy": busy, "empty": Exchange}


def with_codes(columns: Columns) -> Columns:
    return {
        name: [getattr(value, "code", value) for value in values]
        for name, values in columns.items()
    }


def read_pyarrow(table: Table) -> Columns:
    return pa.table(table).to_pydict()


def read_polars(table: Table) -> Columns:
    return pl.DataFrame(table).to_dict(as_series=False)


def read_pandas(table: Table) -> Columns:
    return pa.table(table).to_pandas().to_dict("list")


READERS: list[Callable[[Table], Columns]] = [Table.to_dict, read_pyarrow, read_polars, read_pandas]


@pytest.mark.parametrize("state", EXCHANGES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_table_says_what_the_objects_say(
    kind: str, state: str, read: Callable[[Table], Columns]
) -> None:
    exchange = EXCHANGES[state]()
    table = getattr(exchange, f"{kind}_table")()
    expected = KINDS[kind](exchange)
    assert read(table) == expected
    assert table.columns == list(expected)
    assert len(table) == len(expected["price"])


@pytest.mark.parametrize("state", EXCHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_array_says_what_the_objects_say(kind: str, state: str) -> None:
    exchange = EXCHANGES[state]()
    array = getattr(exchange, f"{kind}_array")()
    table = getattr(exchange, f"{kind}_table")()
    expected = with_codes(KINDS[kind](exchange))
    assert array.dtype.names == tuple(expected)
    assert {name: array[name].tolist() for name in expected} == expected
    assert {name: table[name].tolist() for name in expected} == expected
    for other in (table.to_numpy(), np.asarray(table), np.array(table)):
        assert other.dtype == array.dtype
        assert other.tolist() == array.tolist()
    # Aligned, so that columns are as fast as arrays of their own.
    assert all(array[name].flags.aligned for name in expected)


@pytest.mark.parametrize("kind", [*KINDS, "events", "stop_orders"])
def test_a_multi_exchange_shows_the_book_of_a_symbol(kind: str) -> None:
    multi = MultiExchange()
    multi.get_or_create("GOOG")
    book = multi.get_or_create("AAPL")
    book.submit_limit("sell", 100, 5)
    book.submit_market("buy", 2)
    book.submit_stop_market("sell", 90, 1)
    for form in ("table", "array"):
        shown = getattr(multi, f"{kind}_{form}")("AAPL")
        expected = getattr(book, f"{kind}_{form}")()
        assert len(shown) > 0
        assert shown == expected if form == "table" else shown.tobytes() == expected.tobytes()
        with pytest.raises(nanobook.UnknownSymbolError, match="MSFT"):
            getattr(multi, f"{kind}_{form}")("MSFT")


def with_stops() -> Exchange:
    """Return an exchange with stops of every kind and status."""
    exchange = Exchange()
    exchange.submit_limit("sell", 100, 5)
    exchange.submit_limit("buy", 90, 5)
    exchange.submit_stop_market("buy", 100, 1)
    exchange.submit_stop_limit("sell", 80, 79, 2, "fok")
    exchange.submit_trailing_stop_market("sell", 70, 3, "fixed", 9)
    exchange.submit_trailing_stop_limit("buy", 130, 131, 4, "percentage", 0.25)
    cancelled = exchange.submit_trailing_stop_market("buy", 140, 5, "atr", 1.5, 3)
    exchange.cancel(cancelled.order_id)
    exchange.submit_market("buy", 2)
    return exchange


# Each value of each stop, worked out by hand: the trades at 100 trigger the first stop, and move
# the trailing ones to 100 - 9 = 91 and to 100 * 1.25 = 125.
STOPS: Columns = {
    "id": [3, 4, 5, 6, 7],
    "side": ["buy", "sell", "sell", "buy", "buy"],
    "stop_price": [100, 80, 91, 125, 140],
    "limit_price": [None, 79, None, 131, None],
    "quantity": [1, 2, 3, 4, 5],
    "time_in_force": ["ioc", "fok", "ioc", "gtc", "ioc"],
    "timestamp": [3, 4, 5, 6, 7],
    "status": ["triggered", "pending", "pending", "pending", "cancelled"],
    "trail_type": [None, None, "fixed", "percentage", "atr"],
    "trail_offset": [None, None, 9, None, None],
    "trail_value": [None, None, None, 0.25, 1.5],
    "atr_period": [None, None, None, None, 3],
    "watermark": [None, None, 100, 100, None],
    # The market order is number 8.
    "triggered_order_id": [9, None, None, None, None],
}
EMPTY_IN_NUMPY = {"trail_type": 255, "trail_value": math.nan}


@pytest.mark.parametrize("read", READERS[:3], ids=lambda read: read.__name__)
def test_stops_are_a_table(read: Callable[[Table], Columns]) -> None:
    exchange = with_stops()
    table = exchange.stop_orders_table()
    assert read(table) == STOPS
    assert table.columns == list(STOPS)
    assert pickle.loads(pickle.dumps(table)) == table
    for row, order_id in enumerate(STOPS["id"]):
        stop = exchange.get_stop_order(order_id)
        assert stop is not None
        fields = {**stop, **(stop["trail_method"] or {})}
        assert {name: fields[name] for name in STOPS if name in fields} == {
            # One name for the values of all trails, where tables keep integers apart.
            name: STOPS["trail_offset"][row] or values[row]
            if name == "trail_value"
            else values[row]
            for name, values in STOPS.items()
            if name in fields
        }
    assert Exchange().stop_orders_table().columns == list(STOPS)


def test_stops_are_an_array() -> None:
    exchange = with_stops()
    array = exchange.stop_orders_array()
    table = exchange.stop_orders_table()
    enums = {"side": Side, "time_in_force": TimeInForce, "status": StopStatus}
    for name, values in STOPS.items():
        kind = enums.get(name)
        codes = [kind(value).code for value in values] if kind else values
        if name == "trail_type":
            codes = [
                ["fixed", "percentage", "atr"].index(value) if value else 255 for value in values
            ]
        empty = EMPTY_IN_NUMPY.get(name, 0)
        expected = [empty if value is None else value for value in codes]
        np.testing.assert_array_equal(array[name], expected)
        np.testing.assert_array_equal(table[name], expected)
    assert table.to_numpy().tobytes() == array.tobytes()


def test_depth_shows_as_many_levels_as_asked_for() -> None:
    exchange = Exchange()
    for level in range(20):
        exchange.submit_limit("buy", 100 - level, 1)
        exchange.submit_limit("sell", 101 + level, 1)
    assert exchange.depth_array(2)["price"].tolist() == [100, 99, 101, 102]
    assert exchange.depth_table(1).to_dict()["price"] == [100, 101]
    assert len(exchange.depth_array()) == len(exchange.depth_table()) == 20
    assert len(exchange.depth_array(0)) == 0


def test_codes_are_places_among_the_members() -> None:
    assert [member.code for member in Side] == [0, 1]
    assert [member.code for member in TimeInForce] == [0, 1, 2]
    assert [member.code for member in OrderStatus] == [0, 1, 2, 3]
    assert [member.code for member in StopStatus] == [0, 1, 2]
    assert Side.SELL.code == 1
    assert OrderStatus.CANCELLED.code == 3


def test_an_array_is_the_callers_and_a_column_is_not() -> None:
    exchange = busy()
    table = exchange.trades_table()
    array = exchange.trades_array()
    array["price"] = 0
    table.to_numpy()["price"] = 0
    assert table["price"].tolist() == [trade.price for trade in exchange.trades()]
    with pytest.raises(ValueError, match="read-only"):
        table["price"][0] = 0


def test_a_table_stays_as_it_was() -> None:
    exchange = busy()
    table = exchange.trades_table()
    before = table.to_dict()
    exchange.clear_trades()
    assert table.to_dict() == before
    assert len(exchange.trades_table()) == 0


def test_arrow_reads_without_a_copy() -> None:
    table = busy().trades_table()
    first, second = (pa.table(table)["price"].chunk(0).buffers()[1] for _ in range(2))
    assert first.address == second.address


def test_a_schema_says_what_a_stream_brings() -> None:
    table = busy().orders_table()
    assert pa.schema(table) == pa.table(table).schema
    assert pa.table(table).schema.field("side").type == pa.dictionary(pa.uint8(), pa.string())


def test_a_table_goes_over_the_names_of_its_columns() -> None:
    table = Exchange().trades_table()
    assert list(table) == table.keys() == table.columns
    arrays = dict(table)
    assert list(arrays) == table.columns
    assert all(np.array_equal(arrays[name], table[name]) for name in table)


def test_tables_of_other_columns_or_values_differ() -> None:
    exchange = busy()
    assert exchange.trades_table() == busy().trades_table()
    assert exchange.trades_table() != busy(2).trades_table()
    assert exchange.trades_table() != exchange.orders_table()
    assert Exchange().trades_table() != Exchange().orders_table()


def test_a_long_table_shows_its_ends() -> None:
    html = busy().orders_table()._repr_html_()
    assert html.count("<tr>") == 1 + 5 + 1 + 5
    assert "<th>row</th><th>id</th><th>side</th>" in html


def test_a_damaged_pickle_is_refused() -> None:
    table = busy().trades_table()
    reduced: Any = table.__reduce__()
    rebuild, (columns,) = reduced
    name, form, data, valid, names = columns[5]
    assert rebuild(columns) == pickle.loads(pickle.dumps(table)) == table
    wrong: list[Any] = [
        [],
        [(name, "x8", data, valid, names)],
        [(name, "u0", data, valid, names)],
        [(name, "", data, valid, names)],
        [(name, form, data, valid, None)],
        [(name, form, data, valid, names[:1])],
        [(name, form, data, [True], names)],
        [columns[0], (name, form, data[:-1], valid, names)],
        [(*columns[0][:2], columns[0][2][:-1], None, None)],
    ]
    for damaged in wrong:
        with pytest.raises(nanobook.ValidationError, match="damaged"):
            rebuild(damaged)
    with pytest.raises(TypeError):
        rebuild(7)


def test_a_table_of_another_type_is_cast() -> None:
    table = Exchange().trades_table()
    assert np.asarray(table, dtype=table.to_numpy().dtype).shape == (0,)
    assert pd.DataFrame(table.to_numpy()).columns.tolist() == table.columns


def test_tables_need_no_numpy_and_arrays_say_that_they_do() -> None:
    program = (
        "import sys\n"
        "sys.modules['numpy'] = None\n"
        "import nanobook\n"
        "exchange = nanobook.Exchange()\n"
        "exchange.submit_limit('buy', 100, 1)\n"
        "table = exchange.depth_table()\n"
        "print(table.to_dict()['price'])\n"
        "for need in (exchange.depth_array, table.to_numpy, lambda: table['price']):\n"
        "    try:\n"
        "        need()\n"
        "    except nanobook.MissingPackageError as error:\n"
        "        print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    missing = "this needs NumPy, which is not installed: pip install numpy\n"
    assert run.stdout == "[100]\n" + 3 * missing


EVENTS = commands.random_rows(7, 200)


def events_of(rows: list[commands.Row]) -> Columns:
    return {name: [row.get(name) for row in rows] for name in commands.NAMES}


@pytest.mark.parametrize("read", READERS[:3], ids=lambda read: read.__name__)
def test_a_table_of_events_has_the_commands(read: Callable[[Table], Columns]) -> None:
    exchange, _ = commands.one_by_one(EVENTS)
    assert read(exchange.events_table()) == events_of(EVENTS)
    multi = MultiExchange()
    commands.call(multi, {"kind": "submit_market", "side": "buy", "quantity": 1}, "AAPL")
    for row in EVENTS:
        commands.call(multi, row, "AAPL")
    assert read(multi.events_table("AAPL"))["kind"][1:] == [row["kind"] for row in EVENTS]


def test_an_array_of_events_has_no_value_where_there_is_none() -> None:
    exchange = Exchange()
    exchange.cancel(7)
    (event,) = exchange.events_array().tolist()
    *rest, value, period = event
    assert rest == [2, 255, 255, 255, 0, 0, 7, 0, 0]
    assert np.isnan(value)
    assert period == 0


FORMS: dict[str, Callable[[Exchange], Any]] = {
    "array": Exchange.events_array,
    "table": Exchange.events_table,
    "polars": lambda exchange: pl.DataFrame(exchange.events_table()),
    "polars strings": lambda exchange: pl.DataFrame(exchange.events_table()).cast(
        {pl.Categorical: pl.String}
    ),
    "polars narrow": lambda exchange: pl.DataFrame(exchange.events_table()).cast(
        {"price": pl.Int16, "quantity": pl.UInt8, "atr_period": pl.Int32}
    ),
    "polars in pieces": lambda exchange: pl.concat(
        [(frame := pl.DataFrame(exchange.events_table()))[:50], frame[50:51], frame[51:]],
        rechunk=False,
    ),
    "polars series": lambda exchange: pl.DataFrame(exchange.events_table()).to_dict(),
    "pyarrow": lambda exchange: pa.table(exchange.events_table()),
    "pyarrow in batches": lambda exchange: pa.Table.from_batches(
        pa.table(exchange.events_table()).to_batches(max_chunksize=30)
    ),
    "pyarrow reader": lambda exchange: pa.table(exchange.events_table()).to_reader(),
    "pyarrow arrays": lambda exchange: {
        name: column.combine_chunks()
        for name, column in zip(
            commands.NAMES,
            pa.table(exchange.events_table()).select(commands.NAMES).columns,
            strict=True,
        )
    },
    "pandas with codes": lambda exchange: pd.DataFrame(exchange.events_array()),
    "pandas with categories": lambda exchange: pa.table(exchange.events_table()).to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}.get
    ),
    "pandas of Arrow": lambda exchange: pa.table(exchange.events_table()).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "pandas of objects": lambda exchange: pd.DataFrame(
        exchange.events_table().to_dict(), dtype="object"
    ),
    "lists": lambda exchange: exchange.events_table().to_dict(),
    "arrays": lambda exchange: {name: exchange.events_array()[name] for name in commands.NAMES},
    "arrays of objects": lambda exchange: {
        name: np.array(column, dtype=object)
        for name, column in exchange.events_table().to_dict().items()
    },
    "the other byte order": lambda exchange: {
        name: column.astype(column.dtype.newbyteorder())
        for name in commands.NAMES
        for column in [exchange.events_array()[name]]
    },
    "every other row": lambda exchange: np.repeat(exchange.events_array(), 2)[::2],
}


@pytest.mark.parametrize("form", FORMS)
def test_replay_takes_columns_of_every_form(form: str) -> None:
    exchange, _ = commands.one_by_one(EVENTS)
    assert Exchange.replay(FORMS[form](exchange)) == exchange


@pytest.mark.parametrize("seed", range(20))
def test_events_survive_as_an_array(seed: int) -> None:
    exchange, _ = commands.one_by_one(commands.random_rows(seed, 300))
    twin = Exchange.replay(exchange.events_array())
    assert twin == exchange
    assert twin.events() == exchange.events()
    assert twin.state_digest() == exchange.state_digest()


def test_replay_of_nothing_is_an_empty_exchange() -> None:
    assert Exchange.replay(Exchange().events_array()) == Exchange()
    assert Exchange.replay(Exchange().events_table()) == Exchange()
    assert Exchange.replay({"kind": []}) == Exchange()


def test_columns_that_no_row_needs_may_be_missing() -> None:
    columns: Columns = {"kind": ["submit_market", "cancel"], "side": ["B", None]}
    columns |= {"quantity": [5, None], "order_id": [None, 3]}
    exchange = Exchange.replay(columns)
    assert [event.kind for event in exchange.events()] == columns["kind"]


LIMIT: dict[str, Any] = {"kind": ["submit_limit"], "side": ["buy"], "price": [5], "quantity": [1]}
BAD_COLUMNS: dict[str, tuple[dict[Any, Any], type[Exception], str]] = {
    "no kind": ({}, nanobook.ValidationError, "events must have a column 'kind'"),
    "an unknown column": (LIMIT | {"qty": [1]}, nanobook.ValidationError, "unknown column 'qty'"),
    "no column of a name": (LIMIT | {5: [1]}, TypeError, "a column of events must be a str, got 5"),
    "a missing column": (
        {"kind": ["submit_limit"], "side": ["buy"], "quantity": [1]},
        nanobook.ValidationError,
        "no column 'price', which 'submit_limit' needs",
    ),
    "a missing column of a trail": (
        {
            "kind": ["submit_trailing_stop_market"],
            "side": ["buy"],
            "quantity": [1],
            "stop_price": [1],
            "trail_type": ["atr"],
            "trail_value": [0.5],
        },
        nanobook.ValidationError,
        "no column 'atr_period', which",
    ),
    "other lengths": (
        LIMIT | {"quantity": [1, 2]},
        nanobook.ValidationError,
        "'kind' has 1 rows, 'quantity' 2",
    ),
    "floats": (LIMIT | {"price": [5.0]}, TypeError, "column 'price' must be integers, got Float64"),
    "NaN": (LIMIT | {"price": np.array([np.nan])}, TypeError, "column 'price' must be integers"),
    "floats that no row needs": (
        {"kind": ["cancel"], "order_id": [1], "price": np.array([5.0])},
        TypeError,
        "column 'price' must be integers, got Float64",
    ),
    "two dimensions that no row needs": (
        {"kind": ["cancel"], "order_id": [1], "stop_price": np.ones((1, 1), int)},
        TypeError,
        "one dimension",
    ),
    "bools": (LIMIT | {"price": np.array([True])}, TypeError, "column 'price' .*, got bool"),
    "a bool": (
        LIMIT | {"price": [True]},
        nanobook.ValidationError,
        "row 0: column 'price' must be an integer, got True",
    ),
    "an object": (LIMIT | {"side": [[]]}, TypeError, r"row 0 of column 'side' .*, got \[\]"),
    "a scalar": (LIMIT | {"price": 5}, TypeError, "column 'price' must be a list or an array"),
    "a text": (LIMIT | {"side": "buy"}, TypeError, "column 'side' must be a list or an array"),
    "two dimensions": (LIMIT | {"price": np.ones((1, 1), int)}, TypeError, "one dimension"),
    "texts and numbers": (LIMIT | {"side": ["buy", 0]}, TypeError, "of one kind"),
    "texts for numbers": (LIMIT | {"price": ["5"]}, TypeError, "'price' must be integers"),
    "floats for sides": (LIMIT | {"side": [0.5]}, TypeError, "'side' must be strings, categories"),
    "times": (LIMIT | {"price": np.array(["2026"], "M8[D]")}, TypeError, "got datetime64"),
    "Arrow bools": (LIMIT | {"price": pa.array([True])}, TypeError, "got Boolean"),
    "an Arrow list": (LIMIT | {"side": pa.array([[1]])}, TypeError, "'side' must be strings"),
    "a frame's column twice": (
        pd.DataFrame([["cancel", 1, 1]], columns=["kind", "order_id", "order_id"]),
        nanobook.ValidationError,
        "the column 'order_id' twice",
    ),
    "a huge price": (
        LIMIT | {"price": [-(2**70)]},
        nanobook.ValidationError,
        "row 0: column 'price' must fit in 64 bits, got -1180591620717411303424",
    ),
    "huge integers": (
        LIMIT | {"quantity": [2**64]},
        nanobook.ValidationError,
        "row 0: column 'quantity' must not be negative, and fit in 64 bits",
    ),
    "no side": (
        LIMIT | {"side": ["x"]},
        nanobook.ValidationError,
        "row 0: column 'side' must be 'buy' or 'sell', got 'x'",
    ),
    "no code": (LIMIT | {"side": [2]}, nanobook.ValidationError, "'side' must be .*, got 2"),
    "no category": (
        LIMIT | {"side": pa.array(["x"]).dictionary_encode()},
        nanobook.ValidationError,
        "got 'x'",
    ),
    "no value": (LIMIT | {"price": [None]}, nanobook.ValidationError, "'price' must have a value"),
    "a negative quantity": (
        LIMIT | {"quantity": [-1]},
        nanobook.ValidationError,
        "row 0: column 'quantity' must not be negative, and fit in 64 bits, got -1",
    ),
    "a refused price": (
        LIMIT | {"price": [0]},
        nanobook.ValidationError,
        "row 0: column 'price' must be positive and below 9223372036854775807, got 0",
    ),
    "a wide price": (
        LIMIT | {"price": np.array([2**63], "u8")},
        nanobook.ValidationError,
        "row 0: column 'price' must fit in 64 bits, got 9223372036854775808",
    ),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_bad_columns_are_refused_by_name(name: str) -> None:
    columns, error, message = BAD_COLUMNS[name]
    with pytest.raises(error, match=message):
        Exchange.replay(columns)


def run() -> nanobook.BacktestResult:
    """Return a backtest that holds at its second bar."""
    answers = [{"AAPL": 0.5, "GOOG": 0.25}, None, {"GOOG": 1.0}]
    rows = [{"AAPL": 100, "GOOG": 50}, {"AAPL": 101, "GOOG": 49}, {"AAPL": 99, "GOOG": 51}]
    return nanobook.run_backtest(lambda bar, _, __: answers[bar], rows, 10_000)


def test_a_backtest_gives_tables() -> None:
    result = run()
    trades = result.trades_table()
    assert read_polars(trades) == trades.to_dict()
    assert trades.to_dict() == {
        name: result.trades[name].tolist()
        for name in ("bar", "symbol", "quantity", "price", "cost")
    }
    assert len(trades) == result.trade_count > 0
    assert [result.symbols[place] for place in trades["symbol"]] == result.trades["symbol"].tolist()
    assert result.equity_table().to_dict() == {
        "bar": [0, 1, 2],
        # The curve begins with the initial cash, before the first bar.
        "equity": result.equity_curve[1:].tolist(),
        "return": result.returns.tolist(),
    }
    weights = result.weights_table()
    assert weights.to_dict() == {"AAPL": [0.5, None, 0.0], "GOOG": [0.25, None, 1.0]}
    assert pl.DataFrame(weights)["GOOG"].to_list() == [0.25, None, 1.0]
    assert pickle.loads(pickle.dumps(trades)) == trades


def test_a_bar_that_starts_without_equity_has_no_return() -> None:
    rows: list[Any] = [{"A": 100}, {"A": 40}, {"A": 40}, {"A": 200}]
    result = nanobook.run_backtest(lambda bar, _, __: None if bar else {"A": 2.0}, rows, 1_000)
    # Twenty at 100 with 1,000 borrowed: 20 x 40 - 1,000, twice, and 20 x 200 - 1,000.
    assert result.equity_table().to_dict() == {
        "bar": [0, 1, 2, 3],
        "equity": [1_000, -200, -200, 3_000],
        "return": [0.0, -1.2, None, None],
    }
    nothing = nanobook.run_backtest(lambda _, __, ___: None, [{"A": 1}] * 2, 0).equity_table()
    assert nothing.to_dict() == {"bar": [0, 1], "equity": [0, 0], "return": [None, None]}


def test_a_weight_that_no_answer_gave_is_nan_in_numpy() -> None:
    rows: list[Any] = [{"A": 1}] * 2
    result = nanobook.run_backtest(lambda bar, _, __: {"A": 0.0} if bar else None, rows, 100)
    weights = result.weights_table()
    for array in (weights["A"], weights.to_numpy()["A"], np.asarray(weights)["A"]):
        np.testing.assert_array_equal(array, [np.nan, 0.0])


def test_a_table_without_columns_is_an_array_without_fields() -> None:
    array = nanobook.run_backtest(lambda _, __, ___: None, [], 100).weights_table().to_numpy()
    assert (array.dtype.names, array.shape) == ((), (0,))


def test_a_series_of_events_is_replayed_like_a_list() -> None:
    exchange = Exchange()
    exchange.submit_limit("buy", 100, 5)
    assert Exchange.replay(pd.Series(exchange.events())) == exchange


INTERRUPTED = """
import signal, sys
import numpy as np
import nanobook

rows = 1_000_000
lists = {"kind": ["submit_market"] * rows, "side": ["buy"] * rows, "quantity": [1] * rows}
arrays = {"kind": np.ones(rows, "u1"), "side": np.zeros(rows, "u1"), "quantity": np.ones(rows, int)}
exchange = nanobook.Exchange()
if sys.argv[1] == "events":
    exchange.submit_batch(arrays)
calls = {
    "a batch of lists": lambda: exchange.submit_batch(lists),
    "arrays": lambda: nanobook.Exchange.replay(arrays),
    "events": lambda events=exchange.events(): nanobook.Exchange.replay(events),
}
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    calls[sys.argv[1]]()
except KeyboardInterrupt:
    # Nothing of a batch ran whose columns were still being read.
    sys.exit(len(exchange.events_table()) not in {0, rows} or 17)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no timers that send signals")
@pytest.mark.parametrize("call", ["a batch of lists", "arrays", "events"])
def test_an_interrupt_arrives(call: str) -> None:
    run = [sys.executable, "-c", INTERRUPTED, call]
    ended = subprocess.run(run, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (17, "")


def test_arrow_reads_a_price_series() -> None:
    rows: list[Any] = [{"AAPL": 100, "GOOG": 50}, {"AAPL": 101}, {"AAPL": 102, "GOOG": 52}]
    series = nanobook.PriceSeries(rows)
    expected = {"AAPL": [100, 101, 102], "GOOG": [50, None, 52]}
    assert pa.table(series).to_pydict() == expected
    assert pl.DataFrame(series).to_dict(as_series=False) == expected
    assert pa.schema(series) == pa.table(series).schema
    assert nanobook.PriceSeries(pl.DataFrame(series)) == series
    assert pa.table(series[1:2]).to_pydict() == {"AAPL": [101], "GOOG": [None]}
    assert pa.table(nanobook.PriceSeries([])).num_columns == 0
