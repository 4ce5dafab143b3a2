"""Tables and structured arrays show what the lists of objects show."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nanobook
from nanobook import Exchange, MultiExchange, OrderStatus, Side, Table, TimeInForce

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


@pytest.mark.parametrize("kind", KINDS)
def test_a_multi_exchange_shows_the_book_of_a_symbol(kind: str) -> None:
    multi = MultiExchange()
    multi.get_or_create("GOOG")
    book = multi.get_or_create("AAPL")
    book.submit_limit("sell", 100, 5)
    book.submit_market("buy", 2)
    for form in ("table", "array"):
        shown = getattr(multi, f"{kind}_{form}")("AAPL")
        expected = getattr(book, f"{kind}_{form}")()
        assert len(shown) > 0
        assert shown == expected if form == "table" else (shown == expected).all()
        with pytest.raises(nanobook.UnknownSymbolError, match="MSFT"):
            getattr(multi, f"{kind}_{form}")("MSFT")


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
    missing = "this needs NumPy, which is not installed\n"
    assert run.stdout == "[100]\n" + 3 * missing
