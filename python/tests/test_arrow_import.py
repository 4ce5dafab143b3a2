"""Arrow data that break the rules of their format: an error, and nothing ran."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nanobook import Exchange, MultiExchange, PriceSeries, ValidationError, WeightSchedule

if TYPE_CHECKING:
    from collections.abc import Callable

pa: Any = pytest.importorskip("pyarrow")
pl: Any = pytest.importorskip("polars")

COLUMNS: dict[str, list[Any]] = {
    "kind": ["submit_limit"] * 3,
    "side": ["buy"] * 3,
    "tif": ["gtc"] * 3,
    "price": [100] * 3,
    "quantity": [5] * 3,
}
NOT_UTF8 = [b"buy", b"sell", b"b\xff\xfe"]


def bad_dictionary(indices: Any, values: Any = ("buy", "sell")) -> Any:  # noqa: ANN401 - pyarrow is untyped
    values = pa.array(values, pa.string()) if isinstance(values, tuple) else values
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)


def refused(column: str, values: Any, reason: str) -> None:  # noqa: ANN401 - pyarrow is untyped
    """Check that a column is refused by whatever reads commands, alone and in a table."""
    readers: list[tuple[str, Callable[[Any], object], Callable[[], bool]]] = []
    multi = MultiExchange()
    readers.append(("commands", multi.submit_batch, lambda: not multi.symbols()))
    if column != "symbol":
        exchange = Exchange()
        readers.append(("commands", exchange.submit_batch, lambda: not exchange.events()))
        readers.append(("events", Exchange.replay, lambda: True))
    for argument, read, is_unchanged in readers:
        columns = dict(COLUMNS)
        if read == multi.submit_batch:
            columns["symbol"] = ["AAPL"] * 3
        columns[column] = values
        message = f"^column '{column}' of {argument} cannot be read: {reason}$"
        for data in (columns, pa.table(columns)):
            with pytest.raises(ValidationError, match=message):
                read(data)
            assert is_unchanged()


@pytest.mark.parametrize("column", ["kind", "side", "tif", "symbol"])
@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (pa.binary(), pa.string()),
        (pa.large_binary(), pa.large_string()),
        (pa.binary_view(), pa.string_view()),
    ],
    ids=["string", "large string", "string view"],
)
def test_texts_are_utf8(column: str, raw: Any, text: Any) -> None:  # noqa: ANN401 - pyarrow is untyped
    refused(column, pa.array(NOT_UTF8, raw).view(text), "row 2 is not UTF-8")
    long = [b"buy", b"x" * 30 + b"\xff", b"sell"]
    refused(column, pa.array(long, raw).view(text), "row 1 is not UTF-8")
    # Of a letter that is two bytes, the halves are none.
    halves = [b"\xc3", b"\xa4", b"buy"]
    refused(column, pa.array(halves, raw).view(text), "row 0 is not UTF-8")
    categories = pa.array(NOT_UTF8, raw).view(text)
    indices = pa.array([0, 1, 0], pa.int8())
    refused(column, bad_dictionary(indices, categories), "category 2 is not UTF-8")


def test_rows_are_counted_over_the_pieces_of_a_column() -> None:
    good = pa.array(["buy", "sell"])
    bad = pa.array([b"\xff"], pa.binary()).view(pa.string())
    refused("side", pa.chunked_array([good, bad]), "row 2 is not UTF-8")
    bad = pa.array([b"x", b"y", b"\xff"], pa.binary()).view(pa.string())
    refused("side", pa.concat_arrays([pa.array(["buy"]), bad]).slice(1), "row 2 is not UTF-8")


@pytest.mark.parametrize("column", ["kind", "side", "tif", "symbol"])
@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "int64", "uint64"])
def test_an_index_is_one_of_a_category(column: str, kind: str) -> None:
    for index in (2, 7, 100, -1, -7, 10**9):
        if not np.iinfo(kind).min <= index <= np.iinfo(kind).max:
            continue
        indices = pa.array([0, 1, index], kind)
        reason = f"row 2 has the index {index}, and there are 2 categories"
        refused(column, bad_dictionary(indices), reason)
    reason = "row 1 has the index 0, and there are 0 categories"
    refused(column, bad_dictionary(pa.array([None, 0, 0], kind), ()), reason)


def test_what_is_behind_a_null_is_not_looked_at() -> None:
    indices = pa.array(np.array([0, 99, 1]), mask=np.array([False, True, False]))
    texts = pa.array([b"gtc", b"\xff", b"ioc"], pa.binary())
    valid = pa.py_buffer(bytes([0b101]))
    texts = pa.Array.from_buffers(pa.string(), 3, [valid, *texts.buffers()[1:]])
    for tif in (bad_dictionary(indices, ("gtc", "ioc")), texts):
        exchange = Exchange()
        exchange.submit_batch(pa.table(COLUMNS | {"tif": tif}))
        found = [event.to_dict()["tif"] for event in exchange.events()]
        assert found == ["gtc", "gtc", "ioc"]


class Broken:
    """An array of pyarrow whose struct of the C data interface was changed."""

    def __init__(self, array: Any, **fields: int | None) -> None:  # noqa: ANN401 - pyarrow is untyped
        self.array = array
        self.fields = fields

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema, array = self.array.__arrow_c_array__()
        pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
        pointer_of.restype, pointer_of.argtypes = (
            ctypes.c_void_p,
            [ctypes.py_object, ctypes.c_char_p],
        )
        struct = CArray.from_address(pointer_of(array, b"arrow_array"))
        for name, value in self.fields.items():
            if name[6:].isdigit():
                struct.buffers[int(name[6:])] = value
            else:
                setattr(struct, name, value)
        return schema, array


class CArray(ctypes.Structure):
    _fields_ = [
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
    ]


SIDES = pa.array(["buy"] * 3)
BROKEN: dict[str, tuple[Broken, str]] = {
    "a negative length": (Broken(SIDES, length=-3), "a length of -3 after an offset of 0"),
    "a negative offset": (Broken(SIDES, offset=-3), "a length of 3 after an offset of -3"),
    "a huge length": (Broken(SIDES, length=2**63 - 1), "a length of 9223372036854775807 .*"),
    "a huge offset": (Broken(SIDES, offset=2**62), ".* after an offset of 4611686018427387904"),
    "no buffers": (Broken(SIDES, buffers=None), "an array of Utf8 has 3 buffers"),
    "few buffers": (Broken(SIDES, n_buffers=1), "an array of Utf8 has 1 buffers"),
    "negative buffers": (Broken(SIDES, n_buffers=-1), "an array of Utf8 has -1 buffers"),
    "no offsets": (Broken(SIDES, buffer1=None), "an array of Utf8 has offsets or .*"),
    "crooked offsets": (Broken(SIDES, buffer1=3), "an array of Utf8 has offsets or .*"),
    "no bytes": (Broken(SIDES, buffer2=None), ".*The external buffer at position 2 is null.*"),
    "nulls that are none": (Broken(SIDES, null_count=2), "2 rows are said to be null, and 0 are"),
    "nulls that nobody tells of": (
        Broken(pa.array(["buy", None, None]), null_count=0),
        "0 rows are said to be null, and 2 are",
    ),
    "no categories": (
        Broken(SIDES.dictionary_encode(), dictionary=None),
        "an array of Dictionary.* has no categories",
    ),
    "views without lengths": (
        Broken(pa.array(["x" * 20] * 3, pa.string_view()), buffer3=None),
        "an array of Utf8View has offsets or lengths .*",
    ),
    "views of a buffer that is not there": (
        Broken(pa.array(["x" * 20] * 3, pa.string_view()), n_buffers=3),
        "row 0 is not UTF-8",
    ),
}


def check_broken(broken: Broken, reason: str) -> None:
    exchange = Exchange()
    message = f"^column 'side' of commands cannot be read: {reason}$"
    with pytest.raises(ValidationError, match=message):
        exchange.submit_batch(COLUMNS | {"side": broken})
    assert not exchange.events()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_struct_is_an_error(name: str) -> None:
    check_broken(*BROKEN[name])


@pytest.mark.parametrize(
    ("kind", "width"), [(pa.string(), "i4"), (pa.large_string(), "i8")], ids=["i4", "i8"]
)
def test_offsets_go_up(kind: Any, width: str) -> None:  # noqa: ANN401 - pyarrow is untyped
    texts = pa.array(["buy"] * 3, kind)
    for offsets, reason in {
        (0, 6, 3, 9): "row 1 is from byte 6 to 3",
        (0, 3, 100, 9): "row 2 is from byte 100 to 9",
        (-3, 3, 6, 9): ".*-3.*",
        (0, 3, 6, -9): "an array of .* has offsets or lengths that cannot be read",
        (0, -3, 6, 9): "row 0 is from byte 0 to -3",
    }.items():
        buffer = np.array(offsets, width)
        check_broken(Broken(texts, buffer1=buffer.ctypes.data), reason)


BATCH = pa.record_batch(COLUMNS)
BROKEN_BATCHES: dict[str, tuple[Broken, str]] = {
    "a negative length": (Broken(BATCH, length=-3), "a length of -3 after an offset of 0"),
    "a long batch": (Broken(BATCH, length=4), "a column is shorter than its batch"),
    "an offset": (Broken(BATCH, offset=1), "a column is shorter than its batch"),
    "few columns": (Broken(BATCH, n_children=1), "a batch has 1 columns and its schema 5"),
    "negative columns": (Broken(BATCH, n_children=-1), "a batch has -1 columns and its .*"),
}


@pytest.mark.parametrize("name", BROKEN_BATCHES)
def test_a_broken_batch_is_an_error(name: str) -> None:
    broken, reason = BROKEN_BATCHES[name]
    with pytest.raises(ValidationError, match=f"^the Arrow table cannot be read: {reason}$"):
        Exchange().submit_batch(broken)


def test_prices_and_weights_look_at_what_they_read() -> None:
    bad = pa.array(NOT_UTF8, pa.binary()).view(pa.string())
    table = pa.table({"A": [1, 2, 3], "text": bad})
    assert PriceSeries(table, symbols=["A"]) == PriceSeries([{"A": price} for price in (1, 2, 3)])
    broken = Broken(pa.record_batch({"A": [1, 2, None]}), length=4)
    for read in (PriceSeries, WeightSchedule):
        with pytest.raises(TypeError, match="'text'"):
            read(table)
        with pytest.raises(ValidationError, match="a column is shorter than its batch"):
            read(broken)


def test_a_batch_has_the_types_of_its_reader() -> None:
    def batches() -> Any:  # noqa: ANN401 - pyarrow is untyped
        yield pa.record_batch({"A": pa.array([1, 2], pa.int64())})
        yield pa.record_batch({"A": pa.array([1, 2], pa.int8())})

    reader = pa.RecordBatchReader.from_batches(pa.schema([("A", pa.int64())]), batches())
    with pytest.raises(ValidationError, match="a batch has other types than its reader"):
        PriceSeries(reader)


def test_a_column_that_is_all_null_may_have_no_type() -> None:
    for tif in (pa.nulls(3), pl.Series([None] * 3)):
        for columns in (COLUMNS | {"tif": tif}, pa.table(COLUMNS | {"tif": tif})):
            exchange = Exchange()
            exchange.submit_batch(columns)
            assert [event.to_dict()["tif"] for event in exchange.events()] == ["gtc"] * 3
    frame = pl.DataFrame(COLUMNS | {"tif": [None] * 3})
    assert frame["tif"].dtype == pl.Null
    assert Exchange.replay(frame) == Exchange.replay(COLUMNS)


def test_a_column_of_an_unknown_type_is_named() -> None:
    wide = pl.Series([100] * 3, dtype=pl.Int128)
    for columns in (COLUMNS | {"price": wide}, pl.DataFrame(COLUMNS | {"price": wide})):
        with pytest.raises(TypeError, match=r"^column 'price' must have a type that"):
            Exchange().submit_batch(columns)
