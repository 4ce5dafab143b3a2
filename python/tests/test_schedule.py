"""`WeightSchedule`: what it is made from, and that it is a value."""

from __future__ import annotations

import array
import copy
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from nanobook import OutOfRangeError, ValidationError, WeightSchedule, run_backtest

pd: Any = pytest.importorskip("pandas")
pl: Any = pytest.importorskip("polars")
pa: Any = pytest.importorskip("pyarrow")

# Any of these is a table to somebody; what is none is for these tests to choose.
Table = Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NAN = math.nan
TABLE = [[0.5, 0.25], [NAN, NAN], [-1.0, 2.0]]


def check(schedule: WeightSchedule, rows: list[list[float]]) -> None:
    """Check that a schedule shows these rows."""
    assert np.array_equal(schedule.weights, np.array(rows), equal_nan=True)
    assert schedule.weights.shape == np.array(rows).shape
    assert len(schedule) == len(rows)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f8", "<f8", "longdouble", "i1", "i8", ">i4", "u2", "u8", "O"]
)
def test_an_array_has_numbers_of_any_kind(dtype: str) -> None:
    check(WeightSchedule(np.array([[1, 0, 2], [0, 1, 3]]).astype(dtype)), [[1, 0, 2], [0, 1, 3]])


def test_an_array_need_not_be_contiguous() -> None:
    # Row after row: 0 to 5, 6 to 11, ...
    numbers: Table = np.arange(24.0).reshape(4, 6)
    check(WeightSchedule(numbers[::-2, ::3]), [[18, 21], [6, 9]])
    check(WeightSchedule(numbers[:2, :3].T), [[0, 6], [1, 7], [2, 8]])
    check(WeightSchedule(np.asfortranarray(numbers[:2, :2])), [[0, 1], [6, 7]])
    check(WeightSchedule(memoryview(numbers[:1])), [[0, 1, 2, 3, 4, 5]])


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "O"])
def test_what_is_masked_is_nan_whatever_is_behind_the_mask(dtype: str) -> None:
    numbers = np.array([[1, 2], [3, 4]]).astype(dtype)
    masked: Table = np.ma.masked_array(numbers, mask=[[False, False], [True, True]])
    check(WeightSchedule(masked), [[1, 2], [NAN, NAN]])
    check(WeightSchedule([*masked]), [[1, 2], [NAN, NAN]])


class Raises:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def __iter__(self) -> Iterator[float]:
        raise self.error


@pytest.mark.parametrize("error", [TypeError("mine"), KeyError("mine")])
def test_an_error_while_the_weights_are_read_arrives(error: Exception) -> None:
    tables: list[Table] = [Raises(error), [Raises(error)]]
    for weights in tables:
        with pytest.raises(type(error)) as caught:
            WeightSchedule(weights)
        assert caught.value is error


def test_rows_are_any_iterables_of_numbers() -> None:
    check(WeightSchedule(TABLE), TABLE)
    check(WeightSchedule(tuple(map(tuple, TABLE))), TABLE)
    check(WeightSchedule(iter([iter([1, 0.5]), array.array("d", [0, 1])])), [[1, 0.5], [0, 1]])
    halves: Table = [[Decimal("0.5"), Fraction(1, 4)], [np.float32(1), np.int8(2)]]
    check(WeightSchedule(halves), [[0.5, 0.25], [1, 2]])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_frame_is_a_table(make: Table) -> None:
    check(WeightSchedule(make({"A": [0.5, 1.0], "B": [0.0, NAN]})), [[0.5, 0], [1, NAN]])
    check(WeightSchedule(make({"A": [2, 1], "B": [0.5, 0.25]})), [[2, 0.5], [1, 0.25]])
    check(WeightSchedule(make({"A": [1, 2], "filled": [3, 4]})), [[1, 3], [2, 4]])


def test_a_null_is_nan() -> None:
    check(WeightSchedule(pl.DataFrame({"A": [0.5, None]})), [[0.5], [NAN]])


FRAMES: list[Table] = [pd.DataFrame, pl.DataFrame, pa.table]
PRICES = [{"A": 10, "B": 20, "C": 5}] * 2


@pytest.mark.parametrize("make", FRAMES)
def test_a_frame_goes_by_the_names_of_its_columns(make: Table) -> None:
    schedule = WeightSchedule(make({"C": [0.1, 0.4], "A": [0.2, 0.5], "B": [0.3, 0.0]}))
    assert schedule.symbols == ["C", "A", "B"]
    check(schedule, [[0.1, 0.2, 0.3], [0.4, 0.5, 0]])
    by_order = WeightSchedule([[0.2, 0.3, 0.1], [0.5, 0, 0.4]])
    assert by_order.symbols is None
    expected = run_backtest(by_order, PRICES, 1_000)
    assert expected.weights.tolist() == [[0.2, 0.3, 0.1], [0.5, 0, 0.4]]
    assert run_backtest(schedule, PRICES, 1_000) == expected
    # As in a strategy's answer, what is not named has no target.
    some = run_backtest(WeightSchedule(make({"B": [0.5, 0.25]})), PRICES, 1_000)
    assert some.weights.tolist() == [[0, 0.5, 0], [0, 0.25, 0]]


@pytest.mark.parametrize("make", FRAMES)
def test_a_column_that_no_price_has_is_named(make: Table) -> None:
    schedule = WeightSchedule(make({"A": [0.5, 0.5], "D": [0.0, 0.0]}))
    with pytest.raises(ValidationError, match="must be symbols of the prices, got D"):
        run_backtest(schedule, PRICES, 1_000)
    short = WeightSchedule(make({"A": [0.5]}))
    with pytest.raises(ValidationError, match="must have the prices' 2 bars, got 1"):
        run_backtest(short, PRICES, 1_000)
    with pytest.raises(ValidationError, match="printable ASCII"):
        WeightSchedule(make({"D\u00e9": [0.5]}))


@pytest.mark.parametrize("make", FRAMES)
def test_symbols_choose_columns_of_a_frame(make: Table) -> None:
    frame = make({"day": ["Mon", "Tue"], "B": [0.5, 1.0], "A": [0.25, 0.0]})
    schedule = WeightSchedule(frame, ["A", "B"])
    assert schedule.symbols == ["A", "B"]
    check(schedule, [[0.25, 0.5], [0, 1]])
    with pytest.raises(ValidationError, match="no column is 'C'"):
        WeightSchedule(frame, ["C"])
    with pytest.raises(TypeError, match=r"'day' must have weights|weights\[0\]\[0\] .* 'Mon'"):
        WeightSchedule(frame)


def test_symbols_name_the_columns_of_an_array_or_rows() -> None:
    tables: list[Table] = [np.array([[0.5, 0.25]]), [[0.5, 0.25]], iter([(0.5, 0.25)])]
    for table in tables:
        schedule = WeightSchedule(table, symbols=iter(["B", "A"]))
        assert schedule.symbols == ["B", "A"]
        result = run_backtest(schedule, PRICES[:1], 1_000)
        assert result.weights.tolist() == [[0.25, 0.5, 0]]
    assert WeightSchedule([], ["A"]).weights.shape == (0, 1)
    with pytest.raises(ValidationError, match="must name the 2 columns of the weights, got 1"):
        WeightSchedule([[0.5, 0.25]], ["A"])
    with pytest.raises(ValidationError, match="must name the 3 columns of the weights, got 1"):
        WeightSchedule(np.zeros((0, 3)), ["A"])
    with pytest.raises(ValidationError, match="may have one column of weights, A has two"):
        WeightSchedule([[0.5, 0.25]], ["A", "A"])
    wrong: Table = "AB"
    with pytest.raises(TypeError, match="symbols must be an iterable of str, got 'AB'"):
        WeightSchedule([[0.5, 0.25]], wrong)


def test_a_frame_without_names_goes_by_order() -> None:
    for columns in (None, [2024, 2023], pd.MultiIndex.from_tuples([("A", "x"), ("B", "x")])):
        schedule = WeightSchedule(pd.DataFrame([[0.5, 0.25]], columns=columns))
        assert schedule.symbols is None
        check(schedule, [[0.5, 0.25]])
    with pytest.raises(TypeError, match="a column's name must be a str, got 1"):
        WeightSchedule(pd.DataFrame([[0.5, 0.25]], columns=["A", 1]))
    with pytest.raises(ValidationError, match="may have one column of weights, A has two"):
        WeightSchedule(pd.DataFrame([[0.5, 0.25]], columns=["A", "A"]))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"A": [None, 0.5], "B": [None, 0.25]}),
        pd.DataFrame({"A": [None, 0.5], "B": [None, 0.25]}, dtype=object),
        pd.DataFrame({"A": [pd.NA, 0.5], "B": [None, 0.25]}, dtype=object),
        pd.DataFrame({"A": [None, 0.5], "B": [None, 0.25]}, dtype="Float64"),
        pd.DataFrame({"A": [None, 0.5], "B": [None, 0.25]}, dtype="float64[pyarrow]"),
        pl.DataFrame({"A": [None, 0.5], "B": [None, 0.25]}),
        pa.table({"A": [None, 0.5], "B": [None, 0.25]}),
    ],
)
def test_a_row_of_what_is_missing_leaves_the_portfolio_alone(frame: Table) -> None:
    check(WeightSchedule(frame), [[NAN, NAN], [0.5, 0.25]])
    result = run_backtest(WeightSchedule(frame), PRICES, 1_000)
    assert np.array_equal(result.weights, [[NAN] * 3, [0.5, 0.25, 0]], equal_nan=True)


@pytest.mark.parametrize("make", FRAMES)
def test_a_row_that_is_missing_in_part_stops_the_run(make: Table) -> None:
    schedule = WeightSchedule(make({"B": [0.5, None], "A": [0.5, 0.25]}))
    with pytest.raises(ValidationError, match="bar 1: a weight must be finite, got NaN for B"):
        run_backtest(schedule, PRICES, 1_000)


def test_a_column_without_weights_is_named_with_its_type() -> None:
    frames: list[tuple[Table, str]] = [
        (pl.DataFrame({"A": ["x"]}), "column 'A' must have weights, .* has Utf8"),
        (pa.table({"A": [True]}), "column 'A' must have weights, .* has Boolean"),
        (pl.DataFrame({"A": [1]}, {"A": pl.Int128}), "column 'A' must have a type .* '_pli128'"),
        (pl.LazyFrame({"A": [1.0]}), "weights must be .*, got a LazyFrame: collect it first"),
        (pl.DataFrame, "weights must be a table of numbers, .* got <class"),
    ]
    for frame, message in frames:
        with pytest.raises(TypeError, match=message):
            WeightSchedule(frame)
    decimals = pl.DataFrame({"A": [Decimal("0.25")]})
    check(WeightSchedule(decimals), [[0.25]])


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([[1, 0], [0]], ValueError, r"weights\[1\] must have as many .* before, 2, got 1"),
        ([[1], [0, 0]], ValueError, r"weights\[1\] must have as many .* before, 1, got 2"),
        ([[1, 0], [0, "x"]], TypeError, r"weights\[1\]\[1\] must be a number, got 'x'"),
        ([[True]], TypeError, r"weights\[0\]\[0\] must be a number, got True"),
        (np.array([[True]]), TypeError, r"weights\[0\]\[0\] must be a number, got "),
        (np.array([["a"]]), TypeError, r"weights\[0\]\[0\] must be a number, got "),
        ([[10**400]], OutOfRangeError, r"weights\[0\]\[0\] is too large for a float: 1000"),
        ([1.0, 2.0], TypeError, r"weights\[0\] must be a row of numbers, got 1.0"),
        (["ab"], TypeError, r"weights\[0\] must be a row of numbers, got 'ab'"),
        ({"A": [1.0]}, TypeError, r"weights must be a table of numbers, .* got {'A': \[1.0\]}"),
        ([{1.0, 0.5}], TypeError, r"weights\[0\] must be a row of numbers, got {"),
        ([b"ab"], TypeError, r"weights\[0\] must be a row of numbers, got b'ab'"),
        (np.array([[1j]]), TypeError, "weights must be real numbers, got complex128"),
        (np.array([[1j]], "c8"), TypeError, "weights must be real numbers, got complex64"),
        (np.ma.masked_array([[1j]]), TypeError, "weights must be real numbers, got complex128"),
        (pd.DataFrame({"A": [1j]}), TypeError, "weights must be real numbers, got complex128"),
        ([[0.5, 1j]], TypeError, r"weights\[0\]\[1\] must be a number, got 1j"),
        ([[0.5, np.ma.masked]], TypeError, r"weights\[0\]\[1\] must be a number, got masked"),
        (np.zeros(3), ValueError, "two dimensions, bars and symbols, got 1"),
        (np.zeros((2, 2, 2)), ValueError, "two dimensions, bars and symbols, got 3"),
        (np.zeros(3, int), TypeError, r"weights\[0\] must be a row of numbers"),
        (pd.Series([0.5]), ValueError, "two dimensions, bars and symbols, got 1"),
        (pd.DataFrame({"A": [0.5], "B": ["x"]}), TypeError, r"weights\[0\]\[1\] .* got 'x'"),
        ("text", TypeError, "weights must be a table of numbers, .* got 'text'"),
        (5, TypeError, "weights must be a table of numbers, .* got 5"),
        (None, TypeError, "weights must be a table of numbers, .* got None"),
    ],
)
def test_what_is_no_table_names_row_column_and_value(
    weights: Table, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        WeightSchedule(weights)


def test_what_reading_raises_arrives_unchanged() -> None:
    class Failing:
        def __float__(self) -> float:
            raise RuntimeError(self)

    weight: Any = Failing()
    with pytest.raises(RuntimeError) as raised:
        WeightSchedule([[weight]])
    assert raised.value.args == (weight,)


def test_a_schedule_may_be_empty() -> None:
    cases: list[tuple[Table, int, int]] = [
        ([], 0, 0),
        (np.zeros((0, 3)), 0, 3),
        ([[], []], 0, 0),
    ]
    for weights, bars, symbols in cases:
        schedule = WeightSchedule(weights)
        assert schedule.weights.shape == (bars, symbols)
        assert repr(schedule) == f"WeightSchedule(<{bars} bars x {symbols} symbols>)"


def test_a_schedule_keeps_its_own_numbers() -> None:
    weights = np.array([[0.5, 0.25]])
    schedule = WeightSchedule(weights)
    weights[0, 0] = 9
    check(schedule, [[0.5, 0.25]])
    with pytest.raises(ValueError, match="read-only"):
        schedule.weights[0, 0] = 9
    with pytest.raises(AttributeError):
        # The stub says so too: no setter.
        schedule.weights = weights  # pyright: ignore[reportAttributeAccessIssue]


def test_schedules_compare_by_value() -> None:
    schedule = WeightSchedule(TABLE)
    same = [WeightSchedule(np.array(TABLE)), WeightSchedule(pd.DataFrame(TABLE))]
    for other in same:
        assert other == schedule
        assert hash(other) == hash(schedule)
    # A zero is a zero and NaN is NaN, whatever its sign and bits.
    zeros = [WeightSchedule([[0.0, NAN]]), WeightSchedule([[-0.0, -NAN]])]
    assert zeros[0] == zeros[1]
    assert hash(zeros[0]) == hash(zeros[1])
    others: list[object] = [
        WeightSchedule([*TABLE[:2], [-1.0, 2.5]]),
        WeightSchedule(TABLE[:2]),
        WeightSchedule(np.array(TABLE).reshape(2, 3)),
        WeightSchedule(np.array(TABLE).reshape(6, 1)),
        WeightSchedule(TABLE, ["A", "B"]),
        TABLE,
        None,
    ]
    for other in others:
        assert other != schedule
    assert len({schedule, *same}) == 1


def test_a_schedule_reads_like_python() -> None:
    assert repr(WeightSchedule(TABLE)) == "WeightSchedule(<3 bars x 2 symbols>)"
    named = WeightSchedule(TABLE, ["B", "A"])
    assert repr(named) == "WeightSchedule(<3 bars x 2 symbols>, symbols=['B', 'A'])"
    assert named != WeightSchedule(TABLE, ["A", "B"])
    assert len({named, WeightSchedule(np.array(TABLE), ["B", "A"])}) == 1
    assert WeightSchedule.__module__ == "nanobook"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_schedule_survives_pickle(protocol: int) -> None:
    tables: list[Table] = [TABLE, [], np.zeros((0, 3))]
    for weights in tables:
        schedule = WeightSchedule(weights)
        restored = pickle.loads(pickle.dumps(schedule, protocol))
        assert restored == schedule
        assert restored.weights.shape == schedule.weights.shape
        assert restored.to_bytes() == schedule.to_bytes()
    named = WeightSchedule(TABLE, ["B", "A"])
    restored = pickle.loads(pickle.dumps(named, protocol))
    assert restored == named
    assert restored.symbols == ["B", "A"]


def test_copies_are_the_schedule_itself() -> None:
    schedule = WeightSchedule(TABLE)
    assert copy.copy(schedule) is schedule
    assert copy.deepcopy(schedule) is schedule


def test_damaged_bytes_are_refused() -> None:
    good = WeightSchedule(TABLE).to_bytes()
    for end in range(len(good)):
        with pytest.raises(ValueError, match="data"):
            WeightSchedule.from_bytes(good[:end])
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match="data"):
            WeightSchedule.from_bytes(damaged)


def test_a_row_of_nan_leaves_the_portfolio_alone() -> None:
    prices = [{"A": 10, "B": 20}] * 3
    result = run_backtest(WeightSchedule(TABLE), prices, 1_000)
    # 50 of A and 12 of B; then nothing; then -100 and 100 of them.
    assert result.trades.tolist() == [
        (0, "A", 50, 10, 0),
        (0, "B", 12, 20, 0),
        (2, "A", -150, 10, 0),
        (2, "B", 88, 20, 0),
    ]
    assert np.array_equal(result.weights, np.array(TABLE), equal_nan=True)


def test_a_weight_that_is_not_finite_stops_the_run_at_its_bar() -> None:
    prices = [{"A": 10, "B": 20}] * 2
    for weight, shown in [(math.inf, "inf"), (NAN, "NaN")]:
        schedule = WeightSchedule([[0, 0], [1, weight]])
        with pytest.raises(ValueError, match=f"bar 1: a weight must be finite, got {shown} for B"):
            run_backtest(schedule, prices, 1_000)


@pytest.mark.parametrize("dtype", ["f8", "i8"])
def test_a_masked_weight_of_an_answer_is_no_weight(dtype: str) -> None:
    prices = [{"A": 10, "B": 20}]
    shown: Table = np.ma.masked_array(np.array([1, 0], dtype))
    result = run_backtest(lambda bar, prices, portfolio: shown, prices, 1_000)
    assert result.weights.tolist() == [[1.0, 0.0]]
    hidden: Table = np.ma.masked_array(np.array([1, 0], dtype), mask=[False, True])
    with pytest.raises(ValueError, match="bar 0: a weight must be finite, got NaN for B"):
        run_backtest(lambda bar, prices, portfolio: hidden, prices, 1_000)


def test_a_row_of_none_leaves_the_portfolio_alone() -> None:
    for rows in ([[0.5], [None]], np.array([[0.5], [None]], dtype=object)):
        schedule = WeightSchedule(array=cast("Any", rows))
        result = run_backtest(schedule, [{"A": 10}, {"A": 20}], 100)
        assert result.portfolio.positions()["A"].quantity == 5
        assert math.isnan(result.weights[1][0])
