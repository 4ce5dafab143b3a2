"""A batch does what one call each does."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import commands
import numpy as np
import pytest
from commands import Row

import nanobook
from nanobook import BatchError, BatchResult, Exchange, MultiExchange, StopStatus

if TYPE_CHECKING:
    from collections.abc import Callable

pd: Any = pytest.importorskip("pandas")
pl: Any = pytest.importorskip("polars")
pa: Any = pytest.importorskip("pyarrow")

NOTHING = {"filled_quantity": 0, "resting_quantity": 0, "cancelled_quantity": 0}


def expected(row: Row, result: Any) -> Row:  # noqa: ANN401 - any result
    """Return what a batch says of a row whose own call returned a result."""
    match result:
        case nanobook.SubmitResult():
            names = ["order_id", "status", *NOTHING]
            return {name: getattr(result, name) for name in names} | {"error": None}
        case nanobook.CancelResult():
            found = {"cancelled_quantity": result.cancelled_quantity, "error": result.error}
            return {"order_id": row["order_id"], "status": None, **NOTHING, **found}
        case nanobook.StopSubmitResult():
            return {"order_id": result.order_id, "status": result.status, **NOTHING, "error": None}
        case nanobook.ModifyResult(error=None):
            filled = sum(trade.quantity for trade in result.trades)
            resting = row["quantity"] - filled
            # Of what the modify itself left, before stops that it triggered traded with it.
            status = "filled" if resting == 0 else "partially_filled" if filled else "new"
            return {
                "order_id": result.new_order_id,
                "status": status,
                "filled_quantity": filled,
                "resting_quantity": resting,
                "cancelled_quantity": result.cancelled_quantity,
                "error": None,
            }
        case _:
            assert isinstance(result, nanobook.ModifyResult)
            return {"order_id": row["order_id"], "status": None, **NOTHING, "error": result.error}


def one_call_each(
    books: Any,  # noqa: ANN401 - either kind
    rows: list[Row],
) -> tuple[list[Row], list[tuple[int, nanobook.Trade]]]:
    """Execute rows, and return what a batch is to say of them and their trades."""
    found: list[Row] = []
    trades: list[tuple[int, nanobook.Trade]] = []
    for place, row in enumerate(rows):
        arguments = dict(row)
        earlier = arguments.pop("order_row", -1)
        if earlier not in {None, -1}:
            arguments["order_id"] = found[earlier]["order_id"]
        name = [arguments.pop("symbol")] if isinstance(books, MultiExchange) else []
        is_open = not name or name[0] in books
        seen = len(books.trades(*name)) if is_open else 0
        result = commands.call(books, arguments, *name)
        found.append(expected(arguments, result))
        trades.extend((place, trade) for trade in books.trades(*name)[seen:])
    return found, trades


def said(result: BatchResult) -> list[Row]:
    columns = result.to_table().to_dict()
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def traded(result: BatchResult) -> list[tuple[int, nanobook.Trade]]:
    columns = result.trades.to_dict()
    rows = columns.pop("row")
    values = zip(*columns.values(), strict=True)
    return [(row, nanobook.Trade(*trade)) for row, trade in zip(rows, values, strict=True)]


def with_rows(rng: random.Random, rows: list[Row], symbols: list[str] | None = None) -> list[Row]:
    """Return rows of which some refer to earlier rows, and have symbols."""
    found: list[Row] = []
    last: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        changed = dict(row)
        symbol = rng.choice(symbols) if symbols else ""
        earlier = last.setdefault(symbol, [])
        if symbols:
            changed["symbol"] = symbol
            if not earlier and "order_id" in row:
                changed = {"kind": "submit_market", "side": "buy", "quantity": 1, "symbol": symbol}
        if "order_id" in changed and rng.random() < 0.6 and earlier:
            del changed["order_id"]
            changed["order_row"] = rng.choice(earlier[-20:])
        earlier.append(place)
        found.append(changed)
    return found


def to_columns(rows: list[Row]) -> commands.Columns:
    names = [*commands.NAMES, "order_row", "symbol"]
    used = {"kind"}.union(*rows)
    return {name: [row.get(name) for row in rows] for name in names if name in used}


@pytest.mark.parametrize("seed", range(200))
def test_a_batch_does_what_one_call_each_does(seed: int) -> None:
    rng = random.Random(seed)
    rows = with_rows(rng, commands.random_rows(seed, rng.choice([1, 30, 200])))
    single, batch = Exchange(), Exchange()
    for exchange in (single, batch):
        exchange.submit_limit("sell", 100, 5)
        exchange.submit_limit("buy", 99, 5)
    found, trades = one_call_each(single, rows)
    # In one batch, or in two.
    cut = rng.choice([len(rows), len(rows) // 2])
    if any(row.get("order_row", -1) in range(cut) for row in rows[cut:]):
        cut = len(rows)
    first = batch.submit_batch(to_columns(rows[:cut]))
    assert said(first) == found[:cut]
    assert traded(first) == trades[: len(first.trades)]
    if cut < len(rows):
        moved = [
            row | ({"order_row": row["order_row"] - cut} if "order_row" in row else {})
            for row in rows[cut:]
        ]
        assert said(batch.submit_batch(to_columns(moved))) == found[cut:]
    else:
        assert traded(first) == trades
    assert batch.events() == single.events()
    assert batch.state_digest() == single.state_digest()
    assert batch == single
    batch.check_invariants()


@pytest.mark.parametrize("seed", range(30))
def test_a_batch_for_many_symbols_does_what_one_call_each_does(seed: int) -> None:
    rng = random.Random(seed)
    rows = with_rows(rng, commands.random_rows(seed, 200), ["AAPL", "GOOG", "MSFT", "X"])
    single, batch = MultiExchange(), MultiExchange()
    single.submit_limit("GOOG", "sell", 100, 5)
    batch.submit_limit("GOOG", "sell", 100, 5)
    found, trades = one_call_each(single, rows)
    result = batch.submit_batch(pl.DataFrame(to_columns(rows)) if seed % 2 else to_columns(rows))
    assert said(result) == found
    assert traded(result) == trades
    assert batch.symbols() == single.symbols()
    assert batch.state_digest() == single.state_digest()
    assert batch == single


def test_a_log_is_a_batch() -> None:
    exchange, _ = commands.one_by_one(commands.random_rows(3, 300))
    for events in (exchange.events_table(), exchange.events_array()):
        other = Exchange()
        other.submit_batch(events)
        assert other == exchange


def test_results_are_columns() -> None:
    exchange = Exchange()
    result = exchange.submit_batch(
        {
            "kind": ["submit_limit", "submit_market", "cancel", "cancel", "submit_stop_market"],
            "side": ["sell", "buy", None, None, "sell"],
            "price": [100, 0, 0, 0, 0],
            "quantity": np.array([5, 2, 0, 0, 1], "u1"),
            "order_row": [-1, -1, 0, 0, -1],
            "stop_price": [0, 0, 0, 0, 100],
        }
    )
    assert isinstance(result, BatchResult)
    assert len(result) == 5
    assert result.order_id.tolist() == [1, 2, 1, 1, 3]
    # A status is a code: of an order, or 4 for a pending and 5 for a triggered stop.
    assert result.status.tolist() == [0, 2, 255, 255, 5]
    assert result.filled_quantity.tolist() == [0, 2, 0, 0, 0]
    assert result.resting_quantity.tolist() == [5, 0, 0, 0, 0]
    assert result.cancelled_quantity.tolist() == [0, 0, 3, 0, 0]
    assert result.error.tolist() == [255, 255, 255, 1, 255]
    assert result.trades.to_dict() == {
        "row": [1],
        "trade_id": [1],
        "price": [100],
        "quantity": [2],
        "aggressor_order_id": [2],
        "passive_order_id": [1],
        "aggressor_side": ["buy"],
        "timestamp": [3],
    }
    assert result.to_table().to_dict()["status"][-1] == StopStatus.TRIGGERED
    frame = pl.DataFrame(result)
    assert frame["error"].to_list() == [None, None, None, "OrderNotActive", None]
    assert pa.table(result).to_pydict() == result.to_table().to_dict()
    assert pa.schema(result) == pa.table(result).schema


def test_trades_of_a_triggered_stop_belong_to_the_row_that_triggered_it() -> None:
    exchange = Exchange()
    exchange.submit_limit("sell", 100, 1)
    exchange.submit_limit("sell", 101, 1)
    exchange.submit_stop_market("buy", 100, 1)
    result = exchange.submit_batch({"kind": ["submit_market"], "side": ["buy"], "quantity": [1]})
    assert result.filled_quantity.tolist() == [1]
    trades = result.trades.to_dict()
    assert (trades["row"], trades["price"]) == ([0, 0], [100, 101])


def test_a_row_refers_to_the_order_that_another_left() -> None:
    rows: list[Row] = [
        {"kind": "submit_limit", "side": "buy", "price": 100, "quantity": 9},
        {"kind": "modify", "order_row": 0, "price": 101, "quantity": 8},
        # It fails, and leaves the order that it was about.
        {"kind": "modify", "order_row": 1, "price": 0, "quantity": 8},
        {"kind": "reduce", "order_row": 2, "quantity": 3},
        {"kind": "submit_stop_market", "side": "buy", "stop_price": 200, "quantity": 1},
        {"kind": "cancel", "order_row": 4},
        {"kind": "cancel", "order_row": 3},
    ]
    exchange = Exchange()
    result = exchange.submit_batch(to_columns(rows))
    assert result.order_id.tolist() == [1, 2, 2, 2, 3, 3, 2]
    assert result.cancelled_quantity.tolist() == [0, 9, 0, 3, 0, 1, 5]
    assert result.to_table().to_dict()["error"] == [None, None, "InvalidPrice", *[None] * 4]
    assert exchange.pending_stop_count() == 0


def test_a_command_that_does_nothing_says_why_as_a_single_call_does() -> None:
    exchange = Exchange()
    exchange.submit_limit("buy", 100, 5)
    exchange.cancel(exchange.submit_limit("buy", 100, 5).order_id)
    alone = copy.deepcopy(exchange)
    singles = [
        *(alone.cancel(order).error for order in (9, 2)),
        *(alone.modify(*change).error for change in ((9, 1, 1), (2, 1, 1), (1, 1, 0), (1, 0, 1))),
    ]
    result = exchange.submit_batch(
        {
            "kind": ["cancel"] * 2 + ["modify"] * 4,
            "order_id": [9, 2, 9, 2, 1, 1],
            "price": [0, 0, 1, 1, 1, 0],
            "quantity": [0, 0, 1, 1, 0, 1],
        }
    )
    expected = ["OrderNotFound", "OrderNotActive"] * 2 + ["InvalidQuantity", "InvalidPrice"]
    assert result.to_table().to_dict()["error"] == expected
    assert singles == expected


def test_what_a_mask_hides_is_no_value() -> None:
    masked: Any = np.ma.masked_array([5, 6], mask=[False, True])
    exchange = Exchange()
    columns = {"kind": ["submit_limit"] * 2, "side": ["buy"] * 2, "quantity": [1, 1]}
    with pytest.raises(BatchError, match="row 1: column 'price' must have a value"):
        exchange.submit_batch(columns | {"price": masked})
    assert [order["price"] for order in exchange.orders_array()] == [5]
    exchange.submit_batch({"kind": ["cancel", "submit_market"], "order_id": masked, **LATER})


def test_what_a_row_does_not_need_may_be_anything() -> None:
    rest: Row = {"kind": ["submit_market", "cancel"], "side": ["buy", None], "quantity": [1, 2**64]}
    for anything in (2**70, -(2**63) - 1, True, np.True_):
        for price in ([None, anything], [2**64 - 1, anything], [-1, anything], [anything, 5]):
            exchange = Exchange()
            exchange.submit_batch(rest | {"price": price, "order_id": [anything, 1]})
            assert len(exchange.events()) == 2
    # One of each sign, and neither of the two fits where the other does.
    columns: Row = {"kind": ["submit_limit"] * 2, "side": ["buy"] * 2, "quantity": [1, 1]}
    for prices, row in (([5, 2**63], 1), ([2**63, 5], 0), ([-5, 2**63], 0), ([2**63, -5], 0)):
        with pytest.raises(BatchError) as caught:
            Exchange().submit_batch(columns | {"price": prices})
        assert (caught.value.row, caught.value.value) == (row, prices[row])


def test_a_huge_order_beside_a_row_is_no_missing_one() -> None:
    columns: Row = {"kind": ["submit_market", "cancel"], "side": ["buy", None], "quantity": [1, 0]}
    with pytest.raises(BatchError, match="row 1: column 'order_row' must be -1 or null where"):
        Exchange().submit_batch(columns | {"order_row": [-1, 0], "order_id": [0, 2**64]})


def test_a_code_that_is_none_is_no_missing_one() -> None:
    columns: Row = {"kind": [0], "side": [1], "price": [5], "quantity": [1], "tif": [None]}
    Exchange().submit_batch(columns)
    for wrong in (2**70, True):
        for name in ("kind", "side", "tif"):
            with pytest.raises(BatchError, match=f"row 0: column '{name}' .*, got {wrong}"):
                Exchange().submit_batch(columns | {name: [wrong]})


LATER: dict[str, list[Any]] = {"side": [None, "sell"], "quantity": [None, 1]}


def test_an_empty_batch_does_nothing() -> None:
    exchange = Exchange()
    result = exchange.submit_batch({"kind": []})
    assert (len(result), len(result.trades), exchange) == (0, 0, Exchange())
    multi = MultiExchange()
    assert len(multi.submit_batch({"kind": [], "symbol": []})) == 0


GOOD: dict[str, list[Any]] = {
    "kind": ["submit_limit", "submit_market", "submit_limit", "cancel"],
    "side": ["sell", "buy", "sell", None],
    "price": [100, None, 101, None],
    "quantity": [5, 2, 7, None],
    "order_id": [None, None, None, 1],
    "order_row": [-1, None, -1, -1],
}
BAD_ROWS: dict[str, tuple[str, int, Any, str]] = {
    "a price of 0": ("price", 2, 0, "must be positive and below 9223372036854775807, got 0"),
    "no price": ("price", 2, None, "must have a value"),
    "a quantity of 0": ("quantity", 2, 0, "must be at least 1, got 0"),
    "a negative quantity": ("quantity", 1, -3, "must not be negative, and fit in 64 bits, got -3"),
    "a price of 71 bits": ("price", 2, 2**70, "must fit in 64 bits, got 1180591620717411303424"),
    "a price of 64 bits": ("price", 2, 2**63, "must fit in 64 bits, got 9223372036854775808"),
    "a price that is a bool": ("price", 2, True, "must be an integer, got True"),
    "a quantity of 65 bits": (
        "quantity",
        1,
        2**64,
        "must not be negative, and fit in 64 bits, got",
    ),
    "an order of 65 bits": ("order_id", 3, 2**64, "must not be negative, and fit in 64 bits, got"),
    "a row of 65 bits": ("order_row", 3, -(2**64), "must be an earlier row, or -1 for none, got"),
    "a huge order": ("quantity", 2, 2**62, "is too large: price 101 x quantity 46116860184273"),
    "a side": ("side", 2, "both", "must be 'buy' or 'sell', got 'both'"),
    "no side": ("side", 0, None, "must be 'buy' or 'sell'"),
    "a kind": ("kind", 3, "amend", "must be the name of a command: .*, got 'amend'"),
    "no kind": ("kind", 1, None, "must have a value"),
    "no order": ("order_id", 3, None, "must have a value"),
    "a later row": ("order_row", 3, 3, "must be an earlier row, or -1 for none, got 3"),
    "a negative row": ("order_row", 3, -2, "must be an earlier row, or -1 for none, got -2"),
    "two orders": ("order_row", 3, 0, "must be -1 or null where there is an order_id, got 0"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_ends_a_batch(name: str) -> None:
    column, row, value, message = BAD_ROWS[name]
    columns = {key: list(values) for key, values in GOOD.items()}
    columns[column][row] = value
    exchange, single = Exchange(), Exchange()
    with pytest.raises(BatchError, match=f"^row {row}: column '{column}' {message}") as caught:
        exchange.submit_batch(columns)
    error = caught.value
    assert isinstance(error, nanobook.ValidationError)
    assert (error.row, error.column, error.value, error.completed) == (row, column, value, row)
    rows = [
        {key: values[place] for key, values in GOOD.items() if values[place] is not None}
        for place in range(row)
    ]
    found, trades = one_call_each(single, rows)
    # The rows before it stand, and none after it ran.
    assert exchange == single
    assert said(error.result) == found
    assert traded(error.result) == trades
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.row, twin.column, twin.value, twin.result) == (row, column, value, error.result)
    assert str(twin) == str(error)


def test_a_trail_of_a_bad_row_is_named() -> None:
    trail: dict[str, list[Any]] = {
        "kind": ["submit_trailing_stop_market"],
        "side": ["buy"],
        "quantity": [1],
        "stop_price": [100],
        "trail_type": ["atr"],
        "trail_offset": [0],
        "trail_value": [0.5],
        "atr_period": [3],
    }
    cases: list[tuple[dict[str, list[Any]], str, str]] = [
        ({"trail_type": ["x"]}, "trail_type", "must be 'fixed', 'percentage' or 'atr', got 'x'"),
        ({"trail_type": [None]}, "trail_type", "must be 'fixed'"),
        ({"trail_type": ["fixed"]}, "trail_offset", "must be at least 1, got 0"),
        ({"trail_type": ["percentage"], "trail_value": [1.5]}, "trail_value", "got 1.5"),
        ({"trail_value": [-0.5]}, "trail_value", "must be positive and finite, got -0.5"),
        ({"trail_value": [None]}, "trail_value", "must have a value"),
        ({"trail_value": [10**400]}, "trail_value", "must be positive and finite, got 1000"),
        ({"trail_value": [True]}, "trail_value", "must be positive and finite, got True"),
        ({"atr_period": [2000]}, "atr_period", "must be 1 to 1024, got 2000"),
        ({"stop_price": [0]}, "stop_price", "must be positive"),
        ({"tif": ["day"], "kind": ["submit_stop_limit"], "price": [1]}, "tif", "got 'day'"),
    ]
    for change, column, message in cases:
        with pytest.raises(BatchError, match=f"row 0: column '{column}' .*{message}"):
            Exchange().submit_batch(trail | change)
    assert len(Exchange().submit_batch(trail)) == 1


BAD_SYMBOLS: dict[str, tuple[dict[str, list[Any]], str, str]] = {
    "a cancel at an unknown one": (
        {"kind": ["cancel"], "symbol": ["X"], "order_id": [1]},
        "symbol",
        "must be one that has an exchange, got 'X'",
    ),
    "a long one": (
        {"kind": ["submit_market"], "symbol": ["x" * 25], "side": ["buy"], "quantity": [1]},
        "symbol",
        "must be 1 to 24 bytes of printable ASCII, got 'xxx",
    ),
    "none": (
        {"kind": ["submit_market"], "symbol": [None], "side": ["buy"], "quantity": [1]},
        "symbol",
        "must have a value",
    ),
    "a refused order does not open it": (
        {"kind": ["submit_market"], "symbol": ["X"], "side": ["buy"], "quantity": [0]},
        "quantity",
        "must be at least 1, got 0",
    ),
}


@pytest.mark.parametrize("name", BAD_SYMBOLS)
def test_a_bad_symbol_ends_a_batch(name: str) -> None:
    columns, column, message = BAD_SYMBOLS[name]
    multi = MultiExchange()
    with pytest.raises(BatchError, match=f"^row 0: column '{column}' {message}"):
        multi.submit_batch(columns)
    assert multi.symbols() == []


def test_a_row_refers_to_rows_of_its_symbol() -> None:
    multi = MultiExchange()
    columns: dict[str, list[Any]] = {
        "kind": ["submit_limit", "submit_limit", "cancel"],
        "symbol": ["A", "B", "B"],
        "side": ["buy", "buy", None],
        "price": [1, 1, None],
        "quantity": [1, 1, None],
    }
    with pytest.raises(BatchError, match="row 2: column 'order_row' must be a row of the same"):
        multi.submit_batch(columns | {"order_row": [-1, -1, 0]})
    result = multi.submit_batch(columns | {"order_row": [-1, -1, 1]})
    assert result.cancelled_quantity.tolist() == [0, 0, 1]


KIND: dict[str, list[Any]] = {"kind": ["cancel"]}
WRONG: list[tuple[Callable[[Any], object], Any, type[Exception], str]] = [
    (Exchange().submit_batch, KIND | {"symbol": ["A"]}, ValueError, "unknown column 'symbol'"),
    (MultiExchange().submit_batch, KIND, ValueError, "must have a column 'symbol'"),
    (
        MultiExchange().submit_batch,
        KIND | {"symbol": [0]},
        TypeError,
        "'symbol' must be strings",
    ),
    (Exchange().submit_batch, {}, ValueError, "commands must have a column 'kind'"),
    (Exchange().submit_batch, KIND, ValueError, "no column 'order_id'"),
    (Exchange().submit_batch, [1], TypeError, "commands must be columns by name: .*got"),
    (Exchange.replay, KIND | {"order_row": [0]}, ValueError, "unknown column 'order_row'"),
]


@pytest.mark.parametrize(("call", "columns", "error", "message"), WRONG)
def test_what_is_wrong_as_a_whole_raises_before_anything_ran(
    call: Callable[[Any], object],
    columns: Any,  # noqa: ANN401 - of any kind
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as caught:
        call(columns)
    assert not isinstance(caught.value, BatchError)


def test_a_damaged_pickle_of_a_result_is_refused() -> None:
    result = Exchange().submit_batch({"kind": []})
    reduced: Any = result.__reduce__()
    rebuild, (columns, trades) = reduced
    assert rebuild(columns, trades) == result
    with pytest.raises(nanobook.ValidationError, match="damaged"):
        rebuild(trades, columns)


def test_a_batch_needs_no_numpy() -> None:
    program = (
        "import sys\n"
        "sys.modules['numpy'] = None\n"
        "import nanobook\n"
        "columns = {'kind': ['submit_market'], 'side': ['buy'], 'quantity': [1]}\n"
        "result = nanobook.Exchange().submit_batch(columns)\n"
        "print(result.to_table().to_dict()['status'])\n"
        "try:\n"
        "    result.status\n"
        "except nanobook.MissingPackageError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (
        run.stdout == "['cancelled']\nthis needs NumPy, which is not installed: pip install numpy\n"
    )
