"""`PriceSeries`: what it is made of, what it refuses, and what it can do."""

from __future__ import annotations

import copy
import functools
import gc
import itertools
import math
import pickle
import subprocess
import sys
import threading
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from operator import length_hint
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanobook import (
    EqualWeight,
    NanobookError,
    OutOfRangeError,
    PersistenceError,
    Portfolio,
    PriceSeries,
    ValidationError,
    WeightSchedule,
    run_backtest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Their types are not for these tests to check.
pd: Any = pytest.importorskip("pandas")
pl: Any = pytest.importorskip("polars")
pa: Any = pytest.importorskip("pyarrow")

# What they make, and arguments that the stub would refuse.
Frame: TypeAlias = Any
Series: Any = PriceSeries

Row: TypeAlias = dict[str, int]

NAMES = ["B", "A"]
ROWS: list[Row] = [{"B": 200, "A": 100}, {"B": 210}, {"B": 220, "A": 120}]
INTEGERS = [[200, 100], [210, None], [220, 120]]
MONEY = [[2.0, 1.0], [2.1, None], [2.2, 1.2]]
# As NumPy has it.
FLOATS = np.array([[2.0, 1.0], [2.1, math.nan], [2.2, 1.2]])
# Without gaps.
FULL = np.array([[200, 100], [210, 110], [220, 120]])


def full() -> PriceSeries:
    return PriceSeries([dict(zip(NAMES, row, strict=True)) for row in FULL.tolist()])


def columns(cells: list[list[Any]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in cells] for place, name in enumerate(NAMES)}


def check_same(series: PriceSeries, expected: PriceSeries) -> None:
    assert series == expected
    assert (series != expected) is False
    assert hash(series) == hash(expected)
    assert series.symbols == expected.symbols
    assert len(series) == len(expected)
    assert list(series) == list(expected)
    assert [list(bar) for bar in series] == [list(bar) for bar in expected]


# Rows.


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        tuple(ROWS),
        iter(ROWS),
        (row for row in ROWS),
        [MappingProxyType(row) for row in ROWS],
        [list(row.items()) for row in ROWS],
        [[list(pair) for pair in row.items()] for row in ROWS],
        [row.items() for row in ROWS],
        [iter(row.items()) for row in ROWS],
        [{name: np.int32(price) for name, price in row.items()} for row in ROWS],
        PriceSeries(ROWS),
    ],
)
def test_rows_are_ticks(data: Frame) -> None:
    series = PriceSeries(data)
    check_same(series, PriceSeries(ROWS))
    assert list(series) == ROWS
    assert series.symbols == NAMES


def test_symbols_are_in_the_order_of_first_appearance() -> None:
    rows = [{"Z": 3, "A": 1}, {"M": 5, "Z": 6}, {}, {"A": 9, "B": 4, "M": 1}]
    series = PriceSeries(rows)
    assert series.symbols == ["Z", "A", "M", "B"]
    assert [list(bar.items()) for bar in series] == [list(row.items()) for row in rows]


@pytest.mark.parametrize("gap", [None, math.nan, Decimal("nan"), np.float64("nan"), pd.NA])
def test_rows_of_floats_take_a_tick_size(gap: Frame) -> None:
    rows = [{"B": 2.0, "A": 1}, {"B": 2.1, "A": gap}, {"B": np.float32(2.2), "A": 1.2}]
    check_same(Series(rows, tick_size=0.01), PriceSeries(ROWS))
    check_same(Series([list(row.items()) for row in rows], None, 0.01), PriceSeries(ROWS))


def test_binary_floats_decide_where_a_decimal_half_goes() -> None:
    for price in (2.235, Decimal("2.235"), 2.675, Decimal("2.675")):
        # 223.49999999999997 and 267.5
        ticks = math.floor(float(price) / 0.01 + 0.5)
        assert PriceSeries([{"A": price}], tick_size=0.01)[0] == {"A": ticks}
        assert ticks == (223 if price < 2.5 else 268)


def test_a_gap_names_its_symbol() -> None:
    series = PriceSeries([{"B": None, "A": 1.0}, {"A": None, "B": 2.0}], tick_size=1)
    assert series.symbols == ["B", "A"]
    assert list(series) == [{"A": 1}, {"B": 2}]


def test_numbers_of_other_kinds_are_money() -> None:
    rows = [{"A": Decimal("100.25"), "B": Fraction(401, 4), "C": np.float16(100.25), "D": 100}]
    series = PriceSeries(rows, tick_size=0.25)
    assert series[0] == {"A": 401, "B": 401, "C": 401, "D": 400}


@pytest.mark.parametrize(
    ("price", "tick_size", "ticks"),
    [
        (100.50, 0.01, 10_050),
        (0.015, 0.01, 2),
        (2.5, 1, 3),
        (2.4999, 1, 2),
        (0.5, 1, 1),
        (1.1, 0.1, 11),
        (4_503_599_627_370_497.0, 1, 4_503_599_627_370_497),
    ],
)
def test_floats_round_to_the_nearest_tick(price: float, tick_size: float, ticks: int) -> None:
    assert PriceSeries([{"A": price}], tick_size=tick_size)[0] == {"A": ticks}
    assert PriceSeries(np.array([[price]]), ["A"], tick_size)[0] == {"A": ticks}
    assert PriceSeries(pa.table({"A": [price]}), tick_size=tick_size)[0] == {"A": ticks}


def test_integers_alone_are_ticks_whatever_holds_them() -> None:
    for data in (ROWS, FULL, pd.DataFrame(FULL), pl.DataFrame(FULL), FULL.astype(object)):
        names = None if data is ROWS else NAMES
        if not isinstance(data, list | np.ndarray):
            data.columns = NAMES
            names = None
        with pytest.raises(ValidationError, match=r"tick_size goes with float .* got 0\.01; leave"):
            Series(data, names, 0.01)


@pytest.mark.parametrize("column", [pd.Series([1.0], name="A"), pl.Series("A", [1.0])])
def test_a_column_is_no_frame(column: object) -> None:
    with pytest.raises(ValidationError, match=r"a frame, got a column: use frame\[\['A'\]\]"):
        Series(column, None, 0.01)


def test_integers_beside_floats_are_money() -> None:
    expected = PriceSeries([{"A": 100, "B": 250}, {"A": 200, "B": 300}])
    cells: dict[str, list[float]] = {"A": [1, 2], "B": [2.5, 3.0]}
    assert PriceSeries(pd.DataFrame(cells), tick_size=0.01) == expected
    assert PriceSeries(pl.DataFrame(cells), tick_size=0.01) == expected
    assert PriceSeries(pa.table(cells), tick_size=0.01) == expected
    rows = [{"A": 1, "B": 2.5}, {"A": 2, "B": 3}]
    assert PriceSeries(rows, tick_size=0.01) == expected
    array = np.array([[1, 2.5], [2, 3]], dtype=object)
    assert PriceSeries(array, ["A", "B"], 0.01) == expected


@pytest.mark.parametrize(
    ("data", "tick_size", "error", "message"),
    [
        ([{"A": 1}, {"A": 0}], None, ValidationError, "got 0 for A at bar 1"),
        ([{"A": 1}, {"A": -5}], None, ValidationError, "got -5 for A at bar 1"),
        ([{"A": 1}, {"A": 2**63 - 1}], None, ValidationError, "A at bar 1"),
        ([{"A": 1}, {"A": 2**63}], None, OutOfRangeError, "A at bar 1"),
        ([{"A": 1}, {"A": 1.5}], None, ValidationError, "tick_size is .*, got 1.5 .A at bar 1"),
        ([{"A": 1}, {"A": None}], None, TypeError, "A at bar 1"),
        ([{"A": True}], None, TypeError, "got True .A at bar 0"),
        ([[("A", 1), ("A", 2)]], None, ValidationError, "A has two at bar 0"),
        ([{"A": 1.0}, {"A": 0.0}], 0.01, ValidationError, "got 0 for A at bar 1"),
        ([{"A": 1.0}, {"A": -0.5}], 0.01, ValidationError, "got -0.5 for A at bar 1"),
        ([{"A": 1.0}, {"A": 0.004}], 0.01, ValidationError, "got 0.004 for A at bar 1"),
        ([{"A": 1.0}, {"A": 1e300}], 0.01, ValidationError, "for A at bar 1"),
        ([{"A": 1.0}, {"A": -5}], 0.01, ValidationError, "got -5 for A at bar 1"),
        ([{"A": 1.0}, {"A": 2**70}], 0.01, OutOfRangeError, "A at bar 1"),
        ([{"A": True}], 0.01, TypeError, "got True .A at bar 0"),
        ([{"A": np.True_}], 0.01, TypeError, "A at bar 0"),
        ([{"A": "1.0"}], 0.01, TypeError, "got '1.0' .A at bar 0"),
        ([{"A": 1j}], 0.01, TypeError, "got 1j .A at bar 0"),
        ([[("A", 1.0), ("A", None)]], 0.01, ValidationError, "A has two at bar 0"),
        ([{"A": 1.0}], 0.0, ValidationError, "tick size must be positive and finite, got 0"),
        ([{"A": 1.0}], math.nan, ValidationError, "tick size must be positive"),
        ([{"A": 1.0}], "0.01", TypeError, "tick_size must be a number"),
        ([{"A": 1.0}], True, TypeError, "tick_size must be a number"),
        ([{5: 1}], None, TypeError, "symbol must be a str, got 5"),
        ([{"A" * 25: 1}], None, ValidationError, "1 to 24 bytes"),
        ([5], None, TypeError, r"data\[0\] must be rows"),
        ([[], ["A"]], None, TypeError, r"data\[1\] must be rows"),
        ([[("A", 1, 2)]], None, TypeError, r"data\[0\] must be rows"),
        ("AB", None, TypeError, "data must be rows"),
        ({"A": 1}, None, TypeError, "data must be rows"),
        (None, None, TypeError, "data must be rows"),
        (5, None, TypeError, "data must be rows"),
    ],
)
def test_rows_that_are_wrong_are_refused(
    data: Frame, tick_size: Frame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Series(data, tick_size=tick_size)


def test_what_reading_raises_arrives_unchanged() -> None:
    class Wrong:
        def __index__(self) -> int:
            raise KeyError("mine")

    def rows() -> Iterator[Row]:
        yield {"A": 1}
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        PriceSeries(rows())
    for tick_size in (None, 1.0):
        with pytest.raises(KeyError, match="mine"):
            Series([{"A": Wrong()}], tick_size=tick_size)


def test_rows_without_names_are_a_table_with_symbols() -> None:
    expected = PriceSeries(FULL, NAMES)
    lists: list[list[int]] = FULL.tolist()
    rows: list[Any] = [lists, list(FULL), tuple(tuple(row) for row in lists), iter(FULL)]
    for table in rows:
        check_same(Series(table, NAMES), expected)
    check_same(Series(MONEY, NAMES, 0.01), PriceSeries(ROWS))
    # Integers beside a float are in its unit; a column of none but integers too.
    check_same(Series([[1, 2.5]], NAMES, 0.5), PriceSeries([{"B": 2, "A": 5}]))
    check_same(Series(INTEGERS, NAMES), PriceSeries(ROWS))
    assert Series([], NAMES).symbols == NAMES
    wrong: list[tuple[Any, float | None, type[Exception], str]] = [
        ([[1, 2], [3]], None, ValidationError, r"data\[1\] must have a price .* 2 symbols, got 1"),
        ([[1, 2], 3], None, TypeError, r"data\[1\] must be a row of prices, got 3"),
        (["ab"], None, TypeError, r"data\[0\] must be a row of prices, got 'ab'"),
        ([[1, "x"]], None, TypeError, r"price must be .*, got 'x' \(A at bar 0\)"),
        ([[1, 0]], None, ValidationError, "got 0 for A at bar 0"),
        ([[1, 2.5]], None, ValidationError, "tick_size is required"),
        ([[1, 2]], 0.5, ValidationError, "tick_size"),
        ("ab", None, TypeError, "data must be rows of prices .*, got 'ab'"),
        (5, None, TypeError, "data must be rows of prices .*, got 5"),
    ]
    for table, tick_size, error, message in wrong:
        with pytest.raises(error, match=message):
            Series(table, NAMES, tick_size)


@pytest.mark.parametrize("price", [1.5, math.nan, np.float32(1.5), np.float64(1.5), Decimal("1.5")])
def test_floats_in_rows_need_a_tick_size_as_those_in_columns_do(price: object) -> None:
    for row in ({"A": price}, [("A", price)]):
        with pytest.raises(ValidationError, match=r"tick_size is required .* \(A at bar 0\)"):
            Series([row])
    with pytest.raises(ValidationError, match="tick_size is required"):
        Series(np.array([[price]]).astype(float), ["A"])


def test_rows_name_their_symbols_themselves() -> None:
    for rows in (ROWS, [list(row.items()) for row in ROWS]):
        with pytest.raises(TypeError, match="symbols must be left out"):
            Series(rows, NAMES)
    with pytest.raises(ValidationError, match="leave out"):
        Series(PriceSeries(ROWS), NAMES)
    with pytest.raises(ValidationError, match="leave out"):
        Series(PriceSeries(ROWS), tick_size=1.0)


class TwoArguments(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(first, second)


class BadPrice:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __index__(self) -> int:
        raise self.error

    def __float__(self) -> float:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        TwoArguments(1, 2),
        FileNotFoundError(2, "No such file", "prices.csv"),
        SystemExit(0),
        KeyboardInterrupt(),
        TypeError("no price yet"),
        ValidationError("no price yet"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_price_raises_arrives_with_a_note(error: BaseException) -> None:
    price = BadPrice(error)
    note = "raised by the price of A at bar 1"
    makes: list[Callable[[], object]] = [
        lambda: Series([{"A": 1}, {"A": price}]),
        lambda: Series([{"A": 1.0}, {"A": price}], tick_size=0.01),
        lambda: Series([[1], [price]], ["A"]),
        lambda: Series(np.array([[1], [price]]), ["A"]),
        lambda: Series(pd.DataFrame({"A": [1, price]})),
        lambda: run_backtest(EqualWeight(), cast("Any", [{"A": 1}, {"A": price}]), 100),
    ]
    arguments = error.args
    for make in makes:
        error.__notes__ = []
        with pytest.raises(type(error)) as caught:
            make()
        assert caught.value is error
        assert caught.traceback[-1].name in ("__index__", "__float__")
        assert (error.args, error.__notes__) == (arguments, [note])


# Arrays.


@pytest.mark.parametrize(
    "dtype", ["i2", "i4", "i8", ">i2", ">i8", "u1", "u2", "u4", "u8", ">u4", ">u8", object]
)
def test_an_array_of_integers_is_ticks(dtype: Frame) -> None:
    array = FULL.astype(dtype)
    wide = np.zeros((6, 8), dtype)
    wide[::2, ::4] = array
    for prices in (array, np.asfortranarray(array), wide[::2, ::4], array[::-1][::-1]):
        check_same(Series(prices, NAMES), full())
        check_same(Series(prices, iter(NAMES)), full())


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", ">f8", "longdouble", object])
def test_an_array_of_floats_takes_a_tick_size(dtype: Frame) -> None:
    array = FLOATS.astype(dtype)
    for prices in (array, np.asfortranarray(array), np.repeat(array, 3, axis=1)[:, ::3]):
        check_same(Series(prices, NAMES, 0.01), PriceSeries(ROWS))


def test_small_floats_are_floats() -> None:
    check_same(PriceSeries((FULL / 4).astype("f2"), NAMES, 0.25), full())


def test_an_array_of_objects_may_have_gaps() -> None:
    check_same(PriceSeries(np.array(INTEGERS, dtype=object), NAMES), PriceSeries(ROWS))
    check_same(PriceSeries(np.array(MONEY, dtype=object), NAMES, 0.01), PriceSeries(ROWS))


@pytest.mark.parametrize("dtype", ["i8", "u1", ">i4", "f8", "f4", object])
def test_what_is_masked_is_a_gap(dtype: Frame) -> None:
    money = np.dtype(dtype).kind == "f"
    cells = (FULL / 100 if money else FULL).astype(dtype)
    masked = np.ma.masked_array(cells, FULL == 110)
    tick_size = 0.01 if money else None
    check_same(Series(masked, NAMES, tick_size), PriceSeries(ROWS))
    check_same(Series(np.ma.masked_array(cells), NAMES, tick_size), full())


def test_other_buffers_are_arrays_too() -> None:
    integers: Frame = FULL
    floats: Frame = FLOATS
    check_same(Series(memoryview(integers), NAMES), full())
    check_same(Series(memoryview(floats), NAMES, 0.01), PriceSeries(ROWS))


@pytest.mark.parametrize(
    ("array", "symbols", "tick_size", "error", "message"),
    [
        (FULL, None, None, ValidationError, "symbols are required"),
        (FULL, ["A"], None, ValidationError, "symbols must name the 2 columns .* got 1"),
        (FULL, ["A", "A"], None, ValidationError, "A has two"),
        (FULL, "AB", None, TypeError, "symbols must be an iterable of str, got 'AB'"),
        (FULL, [1, 2], None, TypeError, "symbol must be a str, got 1"),
        (FULL, 5, None, TypeError, "symbols must be an iterable"),
        (FULL / 1, NAMES, None, ValidationError, "tick_size is required"),
        (FULL[0], NAMES, None, ValidationError, "two dimensions, bars and symbols, got 1"),
        (FULL[None], NAMES, None, ValidationError, "two dimensions, bars and symbols, got 3"),
        (np.array(5), NAMES, None, ValidationError, "two dimensions"),
        (FULL > 1, NAMES, None, TypeError, "integers or floats, got bool"),
        (FULL * 1j, NAMES, None, TypeError, "integers or floats, got complex128"),
        (FULL.astype("M8[s]"), NAMES, None, TypeError, r"got datetime64\[s\]"),
        (FULL.astype(str), NAMES, None, TypeError, "got <U"),
        (np.zeros(3, [("A", "i8"), ("B", "i8")]), None, None, TypeError, "as a frame"),
        (np.array([[1, 0]]), NAMES, None, ValidationError, "got 0 for A at bar 0"),
        (np.array([[1, 2], [-3, 4]]), NAMES, None, ValidationError, "got -3 for B at bar 1"),
        (np.array([[1, 2**63]], "u8"), NAMES, None, OutOfRangeError, f"{2**63} for A at bar 0"),
        (np.array([[1.0, -0.5]]), NAMES, 0.01, ValidationError, "got -0.5 for A at bar 0"),
        (FULL.astype("u8"), NAMES, 0.01, ValidationError, "tick_size"),
        (FULL, [*NAMES, "C"], None, ValidationError, "symbols must name the 2 columns .* got 3"),
        (np.array([[1, np.uint64(2**63)]], object), NAMES, None, OutOfRangeError, "A at bar 0"),
        (np.array([[1, True]], object), NAMES, None, TypeError, "got True .A at bar 0"),
        (np.array([[1, "x"]], object), NAMES, None, TypeError, "got 'x' .A at bar 0"),
    ],
)
def test_an_array_that_is_wrong_is_refused(
    array: Frame, symbols: Frame, tick_size: Frame, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Series(array, symbols, tick_size)


def test_an_array_may_be_empty() -> None:
    for dtype, tick_size in (("i8", None), ("f8", 0.01)):
        series = Series(np.zeros((0, 2), dtype), NAMES, tick_size)
        assert len(series) == 0
        assert series.symbols == NAMES


# Frames and tables.

ARROW_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def arrow(cells: list[list[Any]], kind: Frame) -> Frame:
    return pa.table({name: pa.array(cells, kind) for name, cells in columns(cells).items()})


def pandas(cells: list[list[Any]], kind: Frame) -> Frame:
    return pd.DataFrame({name: pd.array(cells, kind) for name, cells in columns(cells).items()})


class Capsules:
    """What an Arrow library of another name has."""

    def __init__(self, table: Frame, name: str = "__arrow_c_stream__") -> None:
        setattr(self, name, getattr(table, name))


FRAMES_OF_INTEGERS: dict[str, Callable[[], Any]] = {
    "pandas Int64": lambda: pandas(INTEGERS, "Int64"),
    "pandas UInt8": lambda: pandas(INTEGERS, "UInt8"),
    "pandas int16[pyarrow]": lambda: pandas(INTEGERS, "int16[pyarrow]"),
    "pandas uint64[pyarrow]": lambda: pandas(INTEGERS, "uint64[pyarrow]"),
    "pandas object": lambda: pandas(INTEGERS, object),
    "pandas object with NA": lambda: pandas(INTEGERS, "Int64").astype(object),
    "polars": lambda: pl.DataFrame(columns(INTEGERS)),
    "polars UInt8": lambda: pl.DataFrame(columns(INTEGERS)).cast(pl.UInt8),
    "polars in chunks": lambda: pl.concat(
        [pl.DataFrame(columns(INTEGERS))[:1], pl.DataFrame(columns(INTEGERS))[1:]], rechunk=False
    ),
    "record batch": lambda: arrow(INTEGERS, "int64").to_batches()[0],
    "record batch reader": lambda: arrow(INTEGERS, "int64").to_reader(max_chunksize=1),
    "part of a table": lambda: pa.concat_tables([arrow(INTEGERS * 2, "int64")]).slice(3),
    "part of a batch": lambda: arrow(INTEGERS * 2, "int32").to_batches()[0].slice(3, 3),
    "struct array": lambda: arrow(INTEGERS, "int64").to_struct_array().chunk(0),
    "part of a struct array": lambda: arrow(INTEGERS * 2, "int16").to_struct_array().chunk(0)[3:],
    "stream": lambda: Capsules(arrow(INTEGERS, "int64")),
    "array": lambda: Capsules(arrow(INTEGERS, "int64").to_batches()[0], "__arrow_c_array__"),
    "table in chunks": lambda: pa.concat_tables(
        [arrow(INTEGERS[:2], "int64"), arrow([], "int64"), arrow(INTEGERS[2:], "int64")]
    ),
} | {
    f"table of {kind}": functools.partial(arrow, INTEGERS, kind)
    for kind in ARROW_INTEGERS
    if kind != "int8"
}

FRAMES_OF_FLOATS: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(FLOATS, columns=NAMES),
    "pandas float32": lambda: pd.DataFrame(FLOATS, columns=NAMES).astype("float32"),
    "pandas Float64": lambda: pandas(MONEY, "Float64"),
    "pandas double[pyarrow]": lambda: pandas(MONEY, "double[pyarrow]"),
    "pandas decimal": lambda: pandas(
        [[None if cell is None else Decimal(str(cell)) for cell in row] for row in MONEY],
        pd.ArrowDtype(pa.decimal128(10, 2)),
    ),
    "pandas object": lambda: pandas(MONEY, object),
    "pandas with dates": lambda: pd.DataFrame(
        FLOATS, columns=NAMES, index=pd.date_range("2024-01-01", periods=3)
    ),
    "pandas part": lambda: pd.DataFrame(np.repeat(FLOATS, 2, axis=0), columns=NAMES).iloc[::2],
    "polars": lambda: pl.DataFrame(columns(MONEY)),
    "polars with NaN": lambda: pl.DataFrame(dict(zip(NAMES, FLOATS.T, strict=True))),
    "polars Float32": lambda: pl.DataFrame(columns(MONEY)).cast(pl.Float32),
    "polars Decimal": lambda: pl.DataFrame(columns(MONEY)).cast(pl.Decimal(10, 2)),
    "table of float": lambda: arrow(MONEY, "float32"),
    "table of double": lambda: arrow(MONEY, "float64"),
    "table of halffloat": lambda: arrow(MONEY, "float16"),
    "table of decimal32": lambda: arrow(MONEY, "float64").cast(
        pa.schema({name: pa.decimal32(5, 2) for name in NAMES})
    ),
    "table of decimal64": lambda: arrow(MONEY, "float64").cast(
        pa.schema({name: pa.decimal64(9, 3) for name in NAMES})
    ),
    "table of decimal128": lambda: arrow(MONEY, "float64").cast(
        pa.schema({name: pa.decimal128(20, 4) for name in NAMES})
    ),
}


@pytest.mark.parametrize("make", FRAMES_OF_INTEGERS.values(), ids=FRAMES_OF_INTEGERS)
def test_a_frame_of_integers_is_ticks(make: Callable[[], Any]) -> None:
    check_same(PriceSeries(make()), PriceSeries(ROWS))
    with pytest.raises(ValidationError, match="tick_size goes with float prices only"):
        PriceSeries(make(), tick_size=0.01)


@pytest.mark.parametrize("make", FRAMES_OF_FLOATS.values(), ids=FRAMES_OF_FLOATS)
def test_a_frame_of_floats_takes_a_tick_size(make: Callable[[], Any]) -> None:
    check_same(PriceSeries(make(), tick_size=0.01), PriceSeries(ROWS))
    with pytest.raises(ValidationError, match="tick_size is required"):
        PriceSeries(make())


def test_small_integers_are_integers() -> None:
    series = PriceSeries(pa.table({"A": pa.array([100, None, -1], "int8")}).slice(0, 2))
    assert list(series) == [{"A": 100}, {}]


def test_a_null_row_is_all_gaps() -> None:
    arrays = [pa.array([1, 2, 3]), pa.array([1.5, 2.5, None])]
    rows = pa.StructArray.from_arrays(arrays, NAMES, mask=pa.array([False, True, False]))
    series = PriceSeries(rows, tick_size=0.5)
    assert list(series) == [{"B": 2, "A": 3}, {}, {"B": 6}]


def test_a_row_that_is_null_is_all_gaps_in_any_batch() -> None:
    kind = pa.struct([("A", pa.int64()), ("B", pa.float64())])
    first = pa.array([{"A": 1, "B": 2.0}] * 2, kind)
    second = pa.array([{"A": 3, "B": 4.0}, None, {"A": 5, "B": 6.0}], kind)
    series = PriceSeries(pa.chunked_array([first, second]), tick_size=1.0)
    row = {"A": 1, "B": 2}
    assert list(series) == [row, row, {"A": 3, "B": 4}, {}, {"A": 5, "B": 6}]


def test_decimals_may_count_hundreds() -> None:
    column = pa.array([Decimal(300), None, Decimal(1_200)], pa.decimal128(5, -2))
    series = PriceSeries(pa.table({"A": column}), tick_size=1.0)
    assert list(series) == [{"A": 300}, {}, {"A": 1_200}]


def test_nan_is_a_gap_and_no_price_among_objects() -> None:
    cells = np.array([[1, math.nan], [math.nan, 2], [Decimal("nan"), None]], object)
    # All prices are integers, so they are ticks.
    assert list(PriceSeries(cells, NAMES)) == [{"B": 1}, {"A": 2}, {}]


@pytest.mark.parametrize("price", [math.inf, -math.inf])
def test_an_infinite_price_is_an_error_in_every_form(price: float) -> None:
    cells = [[2.0, 1.0], [2.1, price]]
    array, named = np.array(cells), columns(cells)
    decimals = [[Decimal(cell) for cell in row] for row in cells]
    money: list[Frame] = [
        array,
        array.astype("f4"),
        array.astype(object),
        np.ma.masked_array(array),
        cells,
        decimals,
        np.array(decimals),
        pd.DataFrame(named),
        pd.DataFrame(named).astype("Float64"),
        pd.DataFrame(named).astype(object),
        pl.DataFrame(named),
        pa.table(named),
    ]
    for data in money:
        with pytest.raises(ValidationError, match=f"got {price} for A at bar 1"):
            Series(data, NAMES, 0.01)
    for rows in (cells, decimals):
        with pytest.raises(ValidationError, match=f"got {price} for A at bar 1"):
            Series([dict(zip(NAMES, row, strict=True)) for row in rows], tick_size=0.01)
    # An infinity among integers is no reason for a tick size.
    ticks = [[200, 100], [210, price]]
    for data in (ticks, np.array(ticks, object), pd.DataFrame(columns(ticks)).astype(object)):
        with pytest.raises(ValidationError, match=f"got {price} for A at bar 1"):
            Series(data, NAMES)


def test_bars_without_symbols_are_counted() -> None:
    nothing = PriceSeries([{}, {}, {}])
    assert (len(nothing), nothing.symbols) == (3, [])
    frame = {"A": [1, 2, 3]}
    made: list[PriceSeries] = [
        Series([[], [], []], []),
        Series(np.zeros((3, 0)), [], 0.01),
        Series(np.zeros((3, 0), int), []),
        Series(np.zeros((3, 0), object), []),
        Series(np.ma.masked_array(np.zeros((3, 0))), [], 0.01),
        Series(pd.DataFrame(index=range(3))),
        Series(pd.DataFrame(frame), []),
        Series(pl.DataFrame(frame), []),
        Series(pa.table(frame), []),
        Series(pa.table(frame).select([])),
    ]
    for series in made:
        check_same(series, nothing)
    with pytest.raises(MemoryError, match=f"{2**55} bars"):
        Series(np.zeros((2**55, 0)), [], 0.01)


def test_a_column_of_nulls_is_all_gaps() -> None:
    table = pa.table({"A": [1, 2], "B": pa.nulls(2)})
    assert list(PriceSeries(table)) == [{"A": 1}, {"A": 2}]
    assert PriceSeries(table).symbols == ["A", "B"]
    for frame in (
        pd.DataFrame({"A": [1.0, 2.0], "B": [None, None]}),
        pd.DataFrame({"A": [1.0, 2.0], "B": [math.nan, math.nan]}),
        pl.DataFrame({"A": [1.0, 2.0], "B": [None, None]}, {"A": pl.Float64, "B": pl.Float64}),
    ):
        assert list(PriceSeries(frame, tick_size=1)) == [{"A": 1}, {"A": 2}]
    assert PriceSeries(pl.DataFrame({"A": [1, 2], "B": [None, None]})) == PriceSeries(table)


FRAMES_WITH_A_DATE: list[Callable[[dict[str, list[Any]]], Any]] = [
    lambda cells: pd.DataFrame(cells).assign(date=pd.Timestamp("2024-01-01")),
    lambda cells: pl.DataFrame(cells).with_columns(date=pl.date(2024, 1, 1)),
    lambda cells: pa.table(cells | {"date": pa.array([0] * 3, pa.date32())}),
]


@pytest.mark.parametrize("make", FRAMES_WITH_A_DATE)
def test_symbols_choose_columns_of_a_frame(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    frame = make({"X": [1, 2, 3], **columns(FULL.tolist())})
    check_same(PriceSeries(frame, NAMES), full())
    check_same(PriceSeries(frame, iter(NAMES)), full())
    assert list(PriceSeries(frame, ["A", "B", "X"])[0].items()) == [
        ("A", 100),
        ("B", 200),
        ("X", 1),
    ]
    assert PriceSeries(frame, []).symbols == []
    with pytest.raises(TypeError, match=r"column 'date' must have prices.*drop it"):
        PriceSeries(frame)
    with pytest.raises(TypeError, match="column 'date' must have prices"):
        PriceSeries(frame, ["A", "date"])
    with pytest.raises(ValidationError, match="no column is 'C'"):
        PriceSeries(frame, ["A", "C"])
    with pytest.raises(ValidationError, match="A has two"):
        PriceSeries(frame, ["A", "A"])
    with pytest.raises(TypeError, match="symbols must be an iterable of str"):
        PriceSeries(frame, "A")


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b", "c"],
        [True, False, True],
        [b"a", b"b", b"c"],
        [[1], [2], [3]],
    ],
)
def test_a_column_that_has_no_prices_is_named(column: list[Any]) -> None:
    for frame in (
        pd.DataFrame({"A": [1, 2, 3], "X": column}),
        pl.DataFrame({"A": [1, 2, 3], "X": column}),
        pa.table({"A": [1, 2, 3], "X": column}),
    ):
        with pytest.raises(TypeError, match="X"):
            PriceSeries(frame)
        assert PriceSeries(frame, ["A"]) == PriceSeries([{"A": 1}, {"A": 2}, {"A": 3}])


def test_a_type_that_is_no_plain_number_is_named() -> None:
    category = pd.DataFrame({"A": pd.Categorical([1, 2])})
    with pytest.raises(TypeError, match=r"'A'.*category"):
        PriceSeries(category)
    dictionary = pa.table({"A": pa.array([1, 2]).dictionary_encode()})
    with pytest.raises(TypeError, match=r"'A'.*Dictionary"):
        PriceSeries(dictionary)
    with pytest.raises(TypeError, match=r"'A'.*Decimal256"):
        PriceSeries(pa.table({"A": pa.array([1, 2], pa.decimal256(50, 0))}))


def test_names_of_columns_are_symbols() -> None:
    with pytest.raises(TypeError, match="a column's name must be a str, got 0"):
        PriceSeries(pd.DataFrame(FULL))
    with pytest.raises(TypeError, match=r"a column's name must be a str, got \('A', 'x'\)"):
        PriceSeries(pd.DataFrame(FULL, columns=pd.MultiIndex.from_product([["A"], ["x", "y"]])))
    twice = pd.DataFrame(FULL, columns=["A", "A"])
    for symbols in (None, ["A"]):
        with pytest.raises(ValidationError, match="A has two"):
            PriceSeries(twice, symbols)
        with pytest.raises(ValidationError, match="A has two"):
            PriceSeries(pa.table([[1], [2]], names=["A", "A"]), symbols)
    for frame in (pd.DataFrame({"é": [1]}), pl.DataFrame({"é": [1]})):
        with pytest.raises(ValidationError, match="printable ASCII"):
            PriceSeries(frame)


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"]
)
def test_a_price_of_a_frame_that_is_wrong_is_named(make: Callable[[Any], Any]) -> None:
    with pytest.raises(ValidationError, match="got 0 for B at bar 1"):
        PriceSeries(make({"A": [1, 2], "B": [3, 0]}))
    with pytest.raises(ValidationError, match="got -2 for B at bar 0"):
        PriceSeries(make({"A": [1, 2], "B": [-2, 5]}))
    with pytest.raises(ValidationError, match=r"got -0\.5 for B at bar 1"):
        PriceSeries(make({"A": [1, 2], "B": [3.0, -0.5]}), tick_size=0.01)
    unsigned = make({"A": np.array([1, 2**63], "u8")})
    with pytest.raises(OutOfRangeError, match=f"got {2**63} for A at bar 1"):
        PriceSeries(unsigned)


def test_a_zero_is_no_gap() -> None:
    frame = pd.DataFrame({"A": pd.array([1, None, 0], "Int64")})
    with pytest.raises(ValidationError, match="got 0 for A at bar 2"):
        PriceSeries(frame)


def test_a_frame_may_be_empty() -> None:
    for frame in (pd.DataFrame(), pl.DataFrame(), pa.table({})):
        assert PriceSeries(frame) == PriceSeries([])
    schema = {"A": pl.Int64, "B": pl.Float64}
    series = PriceSeries(pl.DataFrame(schema=schema), tick_size=1)
    assert (len(series), series.symbols) == (0, ["A", "B"])


def test_one_column_is_no_table() -> None:
    wrong = [pd.Series([1]), pl.Series([1]), pa.array([1]), pa.chunked_array([[1]])]
    for data in wrong:
        with pytest.raises((TypeError, ValueError)):
            Series(data)


def test_a_stream_that_fails_says_why() -> None:
    table = arrow(INTEGERS, "int64")

    def batches() -> Iterator[Any]:
        yield from table.to_batches()
        raise OSError("the disk is gone")

    # Behind the capsule there is only text.
    stream = Capsules(pa.RecordBatchReader.from_batches(table.schema, batches()))
    with pytest.raises(NanobookError, match="the disk is gone"):
        Series(stream)


def holder(name: str, value: object) -> Frame:
    """Return an object whose method gives the value."""

    def method(self: object) -> object:
        return value

    return type("Holder", (), {name: method})()


def test_capsules_that_are_wrong_are_refused() -> None:
    table = arrow(INTEGERS, "int64")
    schema = table.schema.__arrow_c_schema__()
    pair = table.to_batches()[0].__arrow_c_array__()
    stream, of_pair = "a capsule named 'arrow_array_stream'", "a pair of capsules"
    values: list[tuple[str, object, str]] = [
        ("__arrow_c_stream__", None, f"returns must be {stream}, got None"),
        ("__arrow_c_stream__", schema, f"returns must be {stream}, got <capsule object"),
        ("__arrow_c_array__", schema, f"returns must be {of_pair}, got <capsule object"),
        ("__arrow_c_array__", None, f"returns must be {of_pair}, got None"),
        ("__arrow_c_array__", (schema, schema), "returns second must be .* 'arrow_array', got"),
        ("__arrow_c_array__", pair[::-1], "returns first must be .* 'arrow_schema', got"),
        ("__arrow_c_array__", pair[:1], f"returns must be {of_pair}, got"),
    ]
    for name, value, message in values:
        with pytest.raises(TypeError, match=f"what {name}.. {message}"):
            PriceSeries(holder(name, value))
    with pytest.raises(TypeError, match=f"returns must be {stream}, got None"):
        WeightSchedule(holder("__arrow_c_stream__", None))
    # Still whole: nothing above took it.
    for name, value in (
        ("__arrow_c_array__", pair),
        ("__arrow_c_stream__", table.__arrow_c_stream__()),
    ):
        check_same(PriceSeries(holder(name, value)), PriceSeries(ROWS))
        with pytest.raises(ValidationError, match="read before"):
            PriceSeries(holder(name, value))


def test_a_table_is_let_go() -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    for _ in range(20):
        PriceSeries(pa.table({"A": pa.array(np.arange(1, 100_001))}))
        with pytest.raises(ValidationError):
            PriceSeries(pa.table({"A": pa.array(np.arange(100_000))}))
        with pytest.raises(TypeError):
            PriceSeries(pa.table({"A": pa.array(np.arange(100_000), pa.date64())}))
    gc.collect()
    assert pa.total_allocated_bytes() - before < 1_000_000


# What a series can do.


def test_a_bar_is_a_dict_of_its_own() -> None:
    series = PriceSeries(ROWS)
    assert [series[bar] for bar in range(3)] == ROWS
    assert [series[bar] for bar in range(-3, 0)] == ROWS
    assert series[np.int64(1)] == ROWS[1]
    bar = series[0]
    bar.clear()
    next(iter(series)).clear()
    assert series[0] == ROWS[0]
    for place in (3, -4, 2**63, -(2**70)):
        with pytest.raises(IndexError, match=f"no bar {place}: the series has 3"):
            series[place]
    wrong: list[Any] = ["A", 1.0, None, True, (0, 1)]
    for index in wrong:
        with pytest.raises(TypeError, match="bar must be an integer or a slice"):
            series[index]


def test_bars_are_iterated_both_ways() -> None:
    series = PriceSeries(ROWS)
    assert list(reversed(series)) == ROWS[::-1]
    bars = iter(series)
    assert iter(bars) is bars
    assert length_hint(bars) == len(ROWS)
    assert next(bars) == ROWS[0]
    assert length_hint(bars) == len(ROWS) - 1
    assert list(bars) == ROWS[1:]
    assert list(bars) == []
    assert list(PriceSeries([])) == []
    assert list(reversed(PriceSeries([]))) == []


def test_a_symbol_is_in_a_series_or_not() -> None:
    series = PriceSeries(ROWS)[:0]
    assert "A" in series
    assert "C" not in series
    assert "a name that is too long for one" not in series
    assert 5 not in series
    assert None not in series


@pytest.mark.parametrize(
    ("start", "end"), list(itertools.product([None, 0, 1, 2, -1, -9, 9], repeat=2))
)
def test_a_slice_is_a_series(start: int | None, end: int | None) -> None:
    series = PriceSeries(ROWS)
    part = series[start:end]
    assert list(part) == ROWS[start:end]
    assert part.symbols == series.symbols
    assert pickle.loads(pickle.dumps(part)) == part
    assert part == PriceSeries(pd.DataFrame(FLOATS, columns=NAMES).iloc[start:end], tick_size=0.01)


def test_a_slice_shares_the_table() -> None:
    series = PriceSeries(np.ones((1_000_000, 1), dtype=np.int64), ["A"])
    assert len(series[10:][:-10]) == 999_980
    tracemalloc.start()
    parts = [series[bar:] for bar in range(1_000)]
    del series
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert parts[-1][-1] == {"A": 1}
    with pytest.raises(ValidationError, match="step 1, got 2"):
        parts[0][::2]
    with pytest.raises(ValidationError, match="step 1, got -1"):
        parts[0][::-1]
    with pytest.raises(TypeError):
        parts[0]["A":"B"]


def test_a_run_over_a_slice_is_a_run_over_its_bars() -> None:
    rng = np.random.default_rng(5)
    prices = rng.integers(1_000, 2_000, (300, 7)).astype(float)
    prices[rng.random(prices.shape) < 0.1] = np.nan
    names = [f"S{place}" for place in range(7)]
    series = PriceSeries(prices, names, 1)
    rebuilt = PriceSeries(prices[100:200], names, 1)
    seen: list[Row] = []

    def strategy(bar: int, prices: Row, portfolio: Portfolio) -> dict[str, float]:
        seen.append(prices)
        return dict.fromkeys(prices, 0.1)

    for run in (
        functools.partial(run_backtest, strategy),
        functools.partial(run_backtest, EqualWeight()),
    ):
        result = run(series[100:200], 1_000_000)
        assert result == run(rebuilt, 1_000_000)
        assert result.digest == run(rebuilt, 1_000_000).digest
        assert result.symbols == names
    assert seen[:100] == seen[100:200] == seen[200:300] == list(rebuilt)


def test_a_run_takes_what_a_series_is_made_of() -> None:
    expected = run_backtest(EqualWeight(), PriceSeries(ROWS), 1_000)
    for make in FRAMES_OF_INTEGERS.values():
        assert run_backtest(EqualWeight(), make(), 1_000) == expected
    with pytest.raises(ValidationError, match="tick_size is required"):
        run_backtest(EqualWeight(), pd.DataFrame(FLOATS, columns=NAMES), 1_000)
    with pytest.raises(TypeError, match=r"price_series\[0\]"):
        run_backtest(EqualWeight(), Series.__class__.mro(Series), 1_000)


def test_to_numpy_shows_gaps() -> None:
    series = PriceSeries(ROWS)
    floats = series.to_numpy()
    assert floats.dtype == np.float64
    np.testing.assert_array_equal(floats, np.round(FLOATS * 100))
    for dtype in ("float64", np.float64):
        np.testing.assert_array_equal(series.to_numpy(dtype), floats)
    integers = series.to_numpy("int64")
    assert integers.dtype == np.int64
    assert integers.tolist() == [[200, 100], [210, 0], [220, 120]]
    np.testing.assert_array_equal(series[1:].to_numpy(np.int64), integers[1:])
    integers[:] = -1
    assert list(series) == ROWS
    assert PriceSeries([]).to_numpy().shape == (0, 0)
    assert series[:0].to_numpy("int64").shape == (0, 2)
    anything: Any = series
    for dtype in ("float32", "int32", ">f8x", int.__class__):
        with pytest.raises((TypeError, ValueError)):
            anything.to_numpy(dtype)


def test_equal_series_are_equal_however_they_were_made() -> None:
    series = PriceSeries(ROWS)
    assert {series: 1}[PriceSeries(iter(ROWS))] == 1
    different: list[Any] = [
        PriceSeries(ROWS[:2]),
        PriceSeries([{"A": 100, "B": 200}, *ROWS[1:]]),
        PriceSeries([*ROWS[:2], {"B": 220, "A": 121}]),
        PriceSeries([*ROWS[:2], {"A": 120, "B": 220}]),
        ROWS,
        None,
    ]
    for other in different:
        assert series != other
        assert other != series


def test_copies_are_the_series_itself() -> None:
    series = PriceSeries(ROWS)
    assert copy.copy(series) is series
    assert copy.deepcopy([series])[0] is series
    with pytest.raises(AttributeError):
        # The stub says so too: no setter.
        series.symbols = []  # type: ignore[misc]
    series.symbols.append("C")
    assert series.symbols == NAMES


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_series_survives_pickle(protocol: int) -> None:
    shuffled = PriceSeries([{"A": 1, "B": 2}, {"B": 3, "A": 4}, {}, {"B": 5}])
    for series in (PriceSeries(ROWS), shuffled, shuffled[1:3], PriceSeries([]), PriceSeries([{}])):
        twin = pickle.loads(pickle.dumps(series, protocol))
        assert type(twin) is PriceSeries
        check_same(twin, series)


def test_damaged_bytes_are_refused() -> None:
    series = PriceSeries(ROWS)
    data = series.to_bytes()
    assert PriceSeries.from_bytes(bytearray(data)) == series
    for end in range(len(data)):
        with pytest.raises(PersistenceError):
            PriceSeries.from_bytes(data[:end])
    for place, bit in itertools.product(range(len(data)), range(8)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        with pytest.raises(PersistenceError):
            PriceSeries.from_bytes(damaged)
    with pytest.raises(TypeError, match="bytes-like"):
        Series.from_bytes("text")


def test_repr_reads_like_python() -> None:
    assert repr(PriceSeries(ROWS)) == "PriceSeries(bars=3, symbols=['B', 'A'])"
    many = PriceSeries([{f"S{place}": 1 for place in range(20)}])
    assert repr(many) == (
        "PriceSeries(bars=1, symbols=['S0', 'S1', 'S2', ..., 'S17', 'S18', 'S19'])"
    )
    assert repr(PriceSeries([{"it's": 1}])) == """PriceSeries(bars=1, symbols=["it's"])"""


def test_html_shows_both_ends() -> None:
    html = PriceSeries([{"A<B": 1 + bar, "C": 100} for bar in range(1_000)])._repr_html_()
    assert "A&lt;B" in html
    assert "<th>0</th><td>1</td>" in html
    assert "<th>999</th><td>1000</td>" in html
    assert "<th>500</th>" not in html
    assert html.count("<tr>") == html.count("</tr>") == 12


def test_threads_share_a_series() -> None:
    prices = np.random.default_rng(6).integers(100, 200, (500, 5))
    names = list("ABCDE")
    series = PriceSeries(prices, names)
    expected = list(series)
    result = run_backtest(EqualWeight(), series, 10_000)
    shared = iter(series)
    taken: list[Row] = []
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait()
            taken.extend(shared)
            for _ in range(5):
                assert list(series) == expected
                assert series == PriceSeries(prices, names)
                assert run_backtest(EqualWeight(), series, 10_000) == result
                assert pickle.loads(pickle.dumps(series[100:])) == series[100:]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    # Each bar went to one of them.
    assert sorted(map(str, taken)) == sorted(map(str, expected))


def test_a_list_that_changes_while_it_is_read_does_no_harm() -> None:
    row: dict[str, Any] = {"A": 1.0}

    class Hostile:
        def __float__(self) -> float:
            row["C"] = 1.0
            row.pop("A", None)
            return 2.0

    row["B"] = Hostile()
    series = PriceSeries([row], tick_size=1)
    assert list(series) == [{"A": 1, "B": 2}]


def test_no_library_is_imported() -> None:
    script = (
        "import sys, nanobook\n"
        "series = nanobook.PriceSeries([{'A': 1.5}], tick_size=0.5)\n"
        "list(series), series[0:1], repr(series), series._repr_html_()\n"
        "print({'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=24)
rows = st.lists(st.dictionaries(names, st.integers(1, 2**63 - 2), max_size=5), max_size=8)


@given(rows)
def test_any_rows_come_back(rows: list[Row]) -> None:
    series = PriceSeries(rows)
    assert list(series) == rows
    assert [list(bar) for bar in series] == [list(row) for row in rows]
    assert series.symbols == list(dict.fromkeys(name for row in rows for name in row))
    check_same(pickle.loads(pickle.dumps(series)), series)


@given(st.lists(st.lists(st.none() | st.integers(1, 10**9), min_size=2, max_size=2)))
def test_any_columns_come_back(cells: list[list[int | None]]) -> None:
    expected = PriceSeries(np.array(cells, dtype=object).reshape(-1, 2), NAMES)
    assert list(expected) == [
        {name: price for name, price in zip(NAMES, row, strict=True) if price is not None}
        for row in cells
    ]
    check_same(PriceSeries(arrow(cells, "int64")), expected)
    check_same(PriceSeries(pandas(cells, "Int64")), expected)
    check_same(PriceSeries(pl.DataFrame(columns(cells), dict.fromkeys(NAMES, pl.Int64))), expected)
    check_same(PriceSeries(expected.to_numpy(), NAMES, 1), expected)
    part = expected[1:]
    check_same(PriceSeries(part.to_numpy(), NAMES, 1), part)


def test_what_is_no_table_yet_or_never_says_so() -> None:
    lazy = pl.LazyFrame({"A": [1, 2]})
    with pytest.raises(TypeError, match=r"data must be .*, got a LazyFrame: collect it first"):
        PriceSeries(lazy)
    with pytest.raises(TypeError, match=r"price_series must be .*, got a LazyFrame: collect it"):
        run_backtest(EqualWeight(), lazy, 1_000)
    for frame_class in (pd.DataFrame, pl.DataFrame, pa.Table):
        with pytest.raises(TypeError, match=r"data must be rows of prices .*, got <class"):
            PriceSeries(frame_class)


def test_a_column_of_an_unknown_type_is_named_with_it() -> None:
    frame = pl.DataFrame({"B": [1], "A": [2]}, {"B": pl.Int64, "A": pl.Int128})
    with pytest.raises(TypeError, match=r"column 'A' must have a type .* '_pli128': drop it or"):
        PriceSeries(frame)
    for values, kind in [
        (pa.array([Decimal(1)], pa.decimal256(40, 2)), "Decimal256"),
        (pa.array(["x"]), "Utf8"),
    ]:
        table = pa.table({"B": [1], "A": values})
        with pytest.raises(TypeError, match=f"column 'A' must have prices, .* has {kind}"):
            PriceSeries(table)


@pytest.mark.parametrize("error", [ValueError("own"), ZeroDivisionError(), KeyboardInterrupt()])
def test_what_the_source_of_a_reader_raises_arrives_unchanged(error: BaseException) -> None:
    schema = pa.schema([("A", pa.int64())])

    def batches(*, failing: bool) -> Iterator[Any]:
        yield pa.record_batch({"A": [1, 2]})
        yield pa.record_batch({"A": [3]})
        if failing:
            raise error

    for make in (Series, WeightSchedule):
        with pytest.raises(type(error)) as raised:
            make(pa.RecordBatchReader.from_batches(schema, batches(failing=True)))
        assert raised.value is error
    whole = pa.RecordBatchReader.from_batches(schema, batches(failing=False))
    check_same(PriceSeries(whole), PriceSeries([{"A": 1}, {"A": 2}, {"A": 3}]))
