"""Calls with bad values over the whole public API, and the process that makes them.

A row is a public callable of `public_api`, one of its arguments, and a bad value of that
argument's kind; the other arguments are good. As a script, `hostile.py FOLDER GROUP ...` makes the
calls of some groups. It writes each row's name before the call and what is wrong with it after:
whoever started it knows the row that ended it, whatever the end was.
"""

from __future__ import annotations

import datetime
import decimal
import faulthandler
import fractions
import importlib.util
import inspect
import io
import json
import math
import re
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Never, TypeAlias

import numpy as np
from public_api import BID, CALLS, ROWS, TABLE, TRADE, VARIANTS, Argument, Call, World

import nanobook
from nanobook import NanobookError, OutOfRangeError, PersistenceError, ValidationError
from nanobook._errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# How long one call may take. The slowest takes milliseconds; a busy machine is no reason to fail.
SECONDS_PER_CALL = 30


Errors: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


class OwnError(Exception):
    """What the caller's own code raises."""


OWN = OwnError("the caller's own")


class Fails:
    """Each way to read a value raises the caller's own error; so does its repr."""

    def fail(self, *_: object) -> Never:
        raise OWN

    __index__ = __float__ = __iter__ = __len__ = __bool__ = __fspath__ = __repr__ = __hash__ = fail
    __array__ = keys = items = fail


class Silent:
    """A stranger whose repr fails."""

    def __repr__(self) -> str:
        raise OWN


class Says:
    """An integer, float and path by what it says; what it says is wrong."""

    def __init__(self, what: object) -> None:
        self.what = what

    def say(self) -> object:
        return self.what

    __index__ = __float__ = __fspath__ = say

    def __repr__(self) -> str:
        return f"Says({self.what!r})"


class Lies(list[Any]):
    """A list that says it holds more than there can be."""

    def __len__(self) -> int:
        return sys.maxsize

    def __length_hint__(self) -> int:
        return sys.maxsize


class LongString(str):
    """A string that lies about its length."""

    __slots__ = ()

    def __len__(self) -> int:
        return sys.maxsize


class Items:
    """What has `items`, which are no pairs."""

    def __init__(self, items: object) -> None:
        self.found = items

    def items(self) -> object:
        return self.found

    def __repr__(self) -> str:
        return "Items()"


def function_to(value: object) -> Callable[..., object]:
    """Return a function that takes anything and returns a value."""

    def function(*_: object) -> object:
        return value

    return function


def generator(*items: object, error: BaseException | None = None) -> Iterator[object]:
    """Yield items, and then raise."""
    yield from items
    if error is not None:
        raise error


def itself() -> list[Any]:
    """Return a list that is its own item."""
    items: list[Any] = []
    items.append(items)
    return items


def released() -> memoryview:
    view = memoryview(b"bytes")
    view.release()
    return view


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"bytes")
    file.close()
    return file


def shut_down() -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    return pool


class Bad(NamedTuple):
    """A bad value and what is raised for it."""

    name: str
    make: Callable[[], Any]
    error: Errors
    """The documented exception."""
    says: str | None = None
    """What stands in the message; without it the value's repr, cut where it is long."""


def bad(
    value: object,
    error: Errors = TypeError,
    says: str | None = None,
) -> Bad:
    """Return a bad value that can be used again."""
    # Addresses are others in another process.
    return Bad(re.sub(r" at 0x\w+", "", shown(value)), lambda: value, error, says)


def once(name: str, make: Callable[[], Any], error: Errors = TypeError, says: str = "") -> Bad:
    """Return a bad value that is made anew for each call."""
    return Bad(name, make, error, says)


def own(name: str, make: Callable[[], Any]) -> Bad:
    """Return a value whose own code raises: the exception arrives unchanged."""
    return Bad(name, make, OwnError, str(OWN))


# What is of the wrong type wherever it is not taken out.
STRANGERS: dict[str, Bad] = {
    "None": bad(None),
    "bool": bad(True),
    "numpy bool": bad(np.True_),
    "int": bad(7),
    "float": bad(1.5),
    "numpy float": bad(np.float32(1.5)),
    "nan": bad(math.nan),
    "inf": bad(-math.inf),
    "complex": bad(1 + 2j),
    "numpy complex": bad(np.complex128(1 + 2j)),
    "decimal": bad(decimal.Decimal("1.5")),
    "fraction": bad(fractions.Fraction(3, 2)),
    "text": bad("rubbish"),
    "no text": bad(""),
    "unicode": bad("ümläut \N{SNOWMAN}"),
    "number as text": bad("100"),
    "bytes": bad(b"\0\xff"),
    "bytearray": bad(bytearray(b"100")),
    "list": bad([7]),
    "no list": bad([]),
    "tuple": bad((7,)),
    "dict": bad({"a": 7}),
    "set": bad({7}),
    "range": bad(range(7)),
    "slice": bad(slice(7)),
    "function": bad(len),
    "class": bad(int),
    "module": bad(math),
    "object": bad(object()),
    "exception": bad(OWN),
    "ellipsis": bad(...),
    "not implemented": bad(NotImplemented),
    "date": bad(datetime.date(2026, 1, 1)),
    "numpy time": bad(np.datetime64("2026-01-01")),
    "no numpy time": bad(np.datetime64("NaT")),
    "array": bad(np.arange(3)),
    "path": bad(Path("nowhere")),
    "trade": bad(TRADE),
    "silent": bad(Silent(), says="a Silent whose repr fails"),
}

Bads = dict[str, Bad]


def strangers(*taken: str) -> list[Bad]:
    """Return all strangers but those that are taken, or that have rows of their own."""
    return [value for name, value in STRANGERS.items() if name not in taken]


def integers(*values: int, error: Errors = OutOfRangeError) -> list[Bad]:
    return [bad(value, error) for value in values]


# Arrays without a dimension to some.
NUMPY_SCALARS = (np.True_, np.float32(1.5), np.complex128(1j), np.datetime64("NaT"))
HUGE = [
    *integers(2**64, 2**127, 2**128, 2**200, -(2**63) - 1, -(2**64), -(2**200)),
    bad(10**5000, OutOfRangeError, "a huge int"),
]
# Unsigned integers of NumPy are no different.
NUMPY = bad(np.uint64(2**63), OutOfRangeError, str(2**63))
ODD_INTEGERS = [
    own("an __index__ that raises", Fails),
    bad(Says("7"), TypeError),
    bad(Says(7.0), TypeError),
    bad(Says(2**200), OutOfRangeError),
]
INTEGER = [*strangers("int"), *HUGE, *ODD_INTEGERS]
NEGATIVE = integers(-1, -(2**63), error=ValidationError)

TEXTS = ("text", "no text", "unicode", "number as text")
SURROGATE = "\ud800"
CHOICE = [
    *strangers(*TEXTS),
    *(
        bad(text, ValidationError)
        for text in (
            *("", " ", "rubbish", "buy ", " gtc", "buy\0", "\0", "b\0uy", "купить", SURROGATE),
            *("buysell", "x" * 10_000, "\N{FULLWIDTH LATIN SMALL LETTER B}uy", "İ", "\u202ebuy"),
        )
    ),
    bad(LongString("rubbish"), ValidationError),
]
SYMBOL_TEXTS = ("", "x" * 25, "x" * 10_000, "A\0B", "A\nB", "ÄÖ", "\x7f", SURROGATE, "\U0001f600")
FLOATS = ("float", "numpy float", "nan", "inf", "int", "decimal", "fraction")
TOO_LARGE_FLOAT = [
    bad(10**400, OutOfRangeError),
    bad(-(10**5000), OutOfRangeError, "a huge int"),
    own("a __float__ that raises", Fails),
    bad(Says("1.5")),
]
NUMBER = [*strangers(*FLOATS), *TOO_LARGE_FLOAT]
# What can be walked through is no stranger to what takes any iterable.
ITERABLES = (
    *("list", "no list", "tuple", "dict", "set", "range", "array", "text", "no text", "unicode"),
    *("number as text", "bytes", "bytearray"),
)
# Their items are what a message shows.
ODD_ITERABLES = ("set", "range", "array", "bytes", "bytearray")
FAILING = [
    own("an __iter__ that raises", Fails),
    own("a generator that raises", lambda: generator(error=OWN)),
]
NO_ITERABLE = [*strangers(*ITERABLES), *FAILING]
NO_STATE = [b"", b"\0", b"rubbish", b"\xff" * 100, b"\0" * 10_000]
DAMAGED_TEXTS = (
    *("", "{", "null", "[]", "{}", "1e999", '{"SubmitLimit":{}}', "\0", SURROGATE, "[" * 100_000),
    '{"Cancel":{"order_id":-1}}',
)


def within(values: Iterable[Bad], name: str, wrap: Callable[[Any], Any]) -> list[Bad]:
    """Return bad values inside of something, which the message need not show."""
    return [
        Bad(
            name.format(value.name),
            lambda value=value: wrap(value.make()),
            value.error,
            value.says if value.says is not None else shown(value.make()),
        )
        for value in values
    ]


def items_of(good: object, *wrong: Bad) -> list[Bad]:
    """Return lists, tuples, generators and liars with a good item and then a wrong one."""
    shapes: dict[str, Callable[[list[Any]], Any]] = {
        "a tuple": tuple,
        "a generator": lambda items: generator(*items),
        "a list that lies": Lies,
    }
    return [
        *within(wrong, "a list with {}", lambda value: [good, value]),
        *(
            value
            for shape, build in shapes.items()
            for value in within(
                wrong[:3], f"{shape} with {{}}", lambda v, build=build: build([good, v])
            )
        ),
    ]


def pairs_of(good: tuple[str, Any], values: list[Bad]) -> list[Bad]:
    """Return what is no dict and no pairs of symbol and a good value."""
    symbols = [bad(text, ValidationError) for text in SYMBOL_TEXTS] + strangers(*TEXTS)
    items: list[object] = [1, None, "ab", (), ("A",), ("A", 1, 2), [], b"ab"]
    no_pairs = [bad(item) for item in items]
    return [
        *strangers("list", "no list", "tuple", "dict", *ODD_ITERABLES),
        *FAILING,
        *items_of(good, *no_pairs),
        *within(values, "a pair with {}", lambda value: [good, ("GOOG", value)]),
        *within(symbols, "a symbol that is {}", lambda symbol: [good, (symbol, good[1])]),
        bad([good, good], ValidationError, good[0]),
        bad({"x" * 25: good[1]}, ValidationError, "x" * 25),
        bad({7: good[1]}, TypeError, "7"),
        own("items that raise", lambda: Items(generator(error=OWN))),
        bad(Items(7), (TypeError,), ""),
        bad(Items([7]), TypeError, "7"),
        bad(itself(), TypeError),
    ]


BAD_PRICE = [*INTEGER, *integers(0, -1, -(2**63), 2**63 - 1, 2**63, error=ValidationError), NUMPY]
BAD_WEIGHT = [*NUMBER, bad(math.nan, ValidationError, "NaN"), bad(math.inf, ValidationError, "inf")]


def kinds() -> dict[str, list[Bad]]:
    """Return the bad values of each kind of argument."""
    not_finite = [
        bad(value, ValidationError, text)
        for value, text in ((math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"))
    ]
    not_positive = [bad(0.0, ValidationError, "0"), bad(-1.0, ValidationError, "-1")]
    choices = (
        "feed_kind",
        "side",
        "tif",
        "order_status",
        "stop_status",
        "fill",
        "trail_type",
        "atr",
    )
    counts = ("natural", "size", "count")
    found: dict[str, list[Bad]] = {
        "flag": [*strangers("bool", "numpy bool"), bad(2), bad(Fails(), says="Fails")],
        **same(choices, CHOICE),
        **same(("cancel_error", "modify_error"), without_none(CHOICE)),
        "price": BAD_PRICE,
        "side_or_none": without_none(CHOICE),
        "price_or_none": [*without_none(INTEGER), *integers(2**63), NUMPY],
        "instrument": [*INTEGER, *NEGATIVE, *integers(2**16)],
        "venue_code": [
            *strangers(*TEXTS),
            *(bad(text, ValidationError) for text in ("", "AB", "\N{SNOWMAN}", "\n", SURROGATE)),
        ],
        "feed_message": [*strangers(), bad(nanobook.FeedMessage)],
        "feed": [*NO_ITERABLE, *within(strangers(), "[{}]", lambda value: [value])],
        "exchange": [*strangers(), bad(nanobook.Exchange), bad(nanobook.MultiExchange())],
        "snapshot": [*strangers(), bad(nanobook.BookSnapshot), bad(BID)],
        "symbols_or_none": [
            *without_none(NO_ITERABLE),
            *within((bad(text, ValidationError) for text in SYMBOL_TEXTS), "[{}]", lambda v: [v]),
            bad("AAPL"),
        ],
        "feed_path": [*PATH, *NO_PATHS, bad("/nowhere/at/all", nanobook.MissingFileError)],
        "quantity": [*INTEGER, *NEGATIVE, *integers(0, error=ValidationError)],
        **same(counts, [*INTEGER, *NEGATIVE]),
        "workers": [
            *(bad(v.make(), ValidationError, v.says) for v in HUGE),
            *strangers("int", "None"),
            *ODD_INTEGERS[:-1],
            *NEGATIVE,
            *integers(0, 65_537, error=ValidationError),
        ],
        "integer": [*INTEGER, *integers(2**63), NUMPY],
        "bps": [*INTEGER, *NEGATIVE, *integers(2**32, 2**63)],
        "natural_or_none": [*without_none(INTEGER), *NEGATIVE],
        "atr_period": [
            *without_none(INTEGER),
            *NEGATIVE,
            *integers(0, 1025, 2**32, error=ValidationError),
        ],
        "trail_value": [
            *strangers("int", "float", "numpy float", "nan", "inf"),
            *(bad(v, ValidationError) for v in (1.5, math.nan, math.inf, 0, -1)),
            *HUGE,
            bad(1e300, OutOfRangeError, ""),
            *ODD_INTEGERS,
        ],
        "fraction": [*NUMBER, *not_positive, *not_finite],
        "new_symbol": [
            *strangers(*TEXTS),
            *(bad(text, ValidationError) for text in SYMBOL_TEXTS),
        ],
        "known_symbol": [
            *strangers(*TEXTS),
            *(bad(text, KeyError) for text in (*SYMBOL_TEXTS, "MSFT", "aapl", "AAPL ")),
            bad(LongString("MSFT"), KeyError),
        ],
        "known_symbol_or_none": [
            *strangers(*TEXTS, "None"),
            *(bad(text, KeyError) for text in (*SYMBOL_TEXTS, "MSFT", "aapl", "AAPL ")),
        ],
        "price_pairs": pairs_of(("AAPL", 100), BAD_PRICE),
        "weight_pairs": pairs_of(("AAPL", 0.5), BAD_WEIGHT),
        "trades": [*NO_ITERABLE, *items_of(TRADE, *strangers("trade")), bad("rubbish", says="'r'")],
        "levels": [*NO_ITERABLE, *items_of(BID, *strangers()), bad("rubbish", says="'r'")],
        "event": [*strangers(), bad(nanobook.Event)],
        "events": [*NO_ITERABLE, *within(strangers(), "[{}]", lambda value: [value])],
        "commands": [
            *strangers("dict", "no list"),
            bad({}, ValidationError, "commands must have a column 'kind'"),
            bad({"a": 7}, says="column 'a' must be a list or an array, got 7"),
            bad({"a": [7]}, ValidationError, "commands has the unknown column 'a'"),
            bad({7: [7]}, says="a column of commands must be a str, got 7"),
            bad(np.zeros(1, [("kind", "f8")]), says="column 'kind' must be strings"),
            bad(
                np.zeros(1, [("kind", "u1"), ("symbol", "u1")]),
                (TypeError, ValidationError),
                "symb",
            ),
            bad({"kind": itself()}, says="column 'kind'"),
            own("a column that raises", lambda: {"kind": generator(error=OWN)}),
            own("a row that raises", lambda: {"kind": [Fails()]}),
        ],
        "level_orders": [
            *without_none(NO_ITERABLE),
            *items_of((1, 3), *(bad(item) for item in (7, None, "ab", (1,), (1, 2, 3)))),
            *within(INTEGER, "an order of {}", lambda value: [(1, 3), (4, value)]),
            *within(INTEGER, "an id of {}", lambda value: [(1, 3), (value, 2)]),
            bad([(1, 3)], ValidationError, "3"),
            bad([(1, 2**64 - 1), (4, 6)], ValidationError, str(2**64 + 5)),
            bad([], ValidationError, ""),
        ],
        "state_bytes": [
            *strangers("bytes", "bytearray"),
            *(bad(data, PersistenceError, "") for data in NO_STATE),
            bad(bytearray(b"rubbish"), PersistenceError, ""),
            bad(released()),
            bad(closed_file()),
            bad(np.zeros(4)),
        ],
        **same(
            ("event_json", "portfolio_json"),
            [*strangers(*TEXTS), *(bad(text, PersistenceError, "") for text in DAMAGED_TEXTS)],
        ),
        "path_to_write": [*PATH, *NO_PATHS],
        "path_to_read": [
            *PATH,
            *NO_PATHS,
            bad("/nowhere/at/all", nanobook.MissingFileError),
            bad(__file__, PersistenceError, ""),
        ],
        "cost_model": [*strangers(), bad(nanobook.CostModel), bad(nanobook.Portfolio(1))],
        "multi": [*strangers(), bad(nanobook.Exchange()), bad(nanobook.MultiExchange)],
        "rate": [*NUMBER, *not_finite],
        "periods": [*NUMBER, *not_positive, *not_finite],
        "returns": RETURNS,
        "real": NUMBER,
        "rows": [
            *(value for value in NO_ITERABLE if not value.name.startswith("np.")),
            *(bad(value, (TypeError, ValidationError), "") for value in NUMPY_SCALARS),
            *items_of(ROWS[0], *strangers("dict", "list", "no list", "tuple", *ODD_ITERABLES)),
            *within(
                [
                    *strangers("int", *FLOATS, "None"),
                    *integers(0, -1, error=ValidationError),
                    *HUGE,
                ],
                "a price of {}",
                lambda value: [ROWS[0], {"AAPL": value}],
            ),
            *within(
                (bad(text, ValidationError) for text in SYMBOL_TEXTS),
                "a symbol of {}",
                lambda symbol: [ROWS[0], {symbol: 1}],
            ),
            bad([{7: 1}], says="7"),
            bad([[("AAPL", 1), ("AAPL", 2)]], ValidationError, "AAPL"),
            bad([[("AAPL", 1, 2)]], says="('AAPL', 1, 2)"),
            own("rows whose items raise", lambda: [Items(generator(error=OWN))]),
            bad(np.ones(3), (ValidationError, TypeError), ""),
            bad(np.ones((1, 1, 1)), (ValidationError, TypeError), ""),
            *frames(),
        ],
        "columns": [],
        "symbols": [
            *without_none(NO_ITERABLE),
            *within((bad(text, ValidationError) for text in SYMBOL_TEXTS), "[{}]", lambda v: [v]),
            bad(["AAPL"], ValidationError, ""),
        ],
        "tick_size": [*without_none(NUMBER), *not_positive, *not_finite],
        "dtype": [
            *(
                bad(value, (TypeError, ValidationError), "")
                for value in (*("int32", "rubbish", "object", SURROGATE, np.int32, list), 7, (1, 2))
            ),
        ],
        "weights": [
            *NO_ITERABLE,
            *(
                bad(value, (TypeError, ValidationError), "")
                for value in ("rubbish", [1, 2], [[0.5], [0.5, 0.5]], {"a": 1}, [[[0.5]]])
            ),
            bad(np.zeros(3), ValidationError, "1"),
            bad(np.zeros((1, 1, 1)), ValidationError, "3"),
            bad(np.array([["a"]]), says="a"),
            bad(np.array([[1j]]), says="complex128"),
            *within(without_none(NUMBER), "a weight of {}", lambda value: [[0.5, value]]),
        ],
        "strategy": [
            *strangers("function", "class"),
            *within(
                [
                    Bad(v.name, v.make, (ValueError, TypeError, OwnError), v.says)
                    for v in without_none(pairs_of(("AAPL", 0.5), BAD_WEIGHT))
                ],
                "a strategy that answers {}",
                function_to,
            ),
            own("a strategy that raises", lambda: Fails().fail),
            bad(nanobook.WeightSchedule([[1.0, 2.0]]), ValidationError, "1"),
            bad(nanobook.WeightSchedule([[math.inf, 1.0]] * 2), ValidationError, "inf"),
            once("a function of nothing", lambda: lambda: None, says="takes 0"),
        ],
        "make_strategy": [
            *strangers("function", "class"),
            *within(
                strangers("function", "class"),
                "a function to {}",
                function_to,
            ),
            own("a function that raises", lambda: Fails().fail),
            once("a function of nothing", lambda: lambda: None, says="takes 0"),
        ],
        "run": [
            *strangers("function", "class"),
            *within(RETURNS, "a function to {}", function_to),
            own("a function that raises", lambda: Fails().fail),
            once("a function of nothing", lambda: lambda: None, says="takes 0"),
        ],
        "params": [*NO_ITERABLE, bad("rubbish")],
        # What Python's own `Enum` stumbles over before it asks: an array, and what has no repr.
        "enum": [
            bad(value.make(), ValidationError, value.says)
            for value in CHOICE
            if value not in (STRANGERS["array"], STRANGERS["silent"])
        ],
        "executor": [
            *strangers("None"),
            once("a pool that is shut down", shut_down, RuntimeError, "shutdown"),
        ],
        "progress": [*strangers("bool", "numpy bool")],
    }
    return found


def same(kinds: Iterable[str], values: list[Bad]) -> dict[str, list[Bad]]:
    return dict.fromkeys(kinds, values)


def frames() -> Iterator[Bad]:
    """Return frames and tables that are no prices, of the packages that are installed."""
    text: dict[str, object] = {"AAPL": ["a"]}
    for package, name, says in (
        ("pandas", "DataFrame", "AAPL"),
        ("polars", "DataFrame", "AAPL"),
        ("polars", "LazyFrame", "LazyFrame"),
        ("pyarrow", "table", "AAPL"),
    ):
        if importlib.util.find_spec(package) is not None:
            frame = getattr(importlib.import_module(package), name)(text)
            yield Bad(f"a {name} of {package}", lambda frame=frame: frame, TypeError, says)


def without_none(values: Iterable[Bad]) -> list[Bad]:
    return [value for value in values if value.name != "None"]


PATH = [
    *strangers(*TEXTS, "bytes", "path"),
    own("an __fspath__ that raises", Fails),
    bad(Says(7), says="7"),
    bad("nul\0byte", (ValueError, OSError), ""),
]
NO_PATHS = [
    bad("/nowhere/at/all", OSError),
    bad(Path("/nowhere/at/all"), OSError, "/nowhere/at/all"),
    bad("", OSError, ""),
    bad("/", OSError, "/"),
    bad("/" + "x" * 10_000, OSError, "xxx"),
]
RETURNS = [
    *NO_ITERABLE,
    *items_of(0.5, *strangers(*FLOATS), *TOO_LARGE_FLOAT),
    *items_of(0.5, bad(math.nan, ValidationError, "NaN"), bad(math.inf, ValidationError, "inf")),
    *(bad(text, says="") for text in ("rubbish", "100", b"100")),
    bad(np.array([0.5, math.nan]), ValidationError, "NaN"),
    bad(np.array([0.5, 1j]), says=""),
    bad(np.array(["a"]), says="a"),
    bad(np.array([[0.5]]), (TypeError, ValidationError), ""),
    bad(np.array(["NaT"], "M8[D]"), says="NaT"),
    bad([["0.5"]], says="['0.5']"),
    bad(itself(), says="[...]"),
    bad(np.array(["a"], object), says="'a'"),
]


class Row(NamedTuple):
    """A call that must be refused."""

    name: str
    call: Callable[[World], object]
    error: Errors
    says: str
    """What has to stand in the message."""
    words: list[str]
    """The argument, one of which has to stand there too."""


# Messages of Python's own, which name no argument.
ANYWHERE = ("", "takes 0", "shutdown")

# What messages call an argument beside its name.
WORDS = {
    "array": ("weight",),
    "commands": ("column",),
    "benchmark": ("return",),
    "data": ("price", "symbol", "bar"),
    "dtype": ("data type",),
    "initial_stop_price": ("stop price",),
    "limit_price": ("price",),
    "make_strategy": ("strategy",),
    "min_trade_fee": ("minimum fee",),
    "orders": ("a level of",),
    "path": ("Errno", "file"),
    "periods_per_year": ("periods per year",),
    "price_series": ("price", "symbol", "bar", "data"),
    "prices": ("price", "symbol"),
    "returns": ("a return",),
    "risk_free": ("risk free rate",),
    "run": ("return",),
    "stop_price": ("stop price",),
    "strategy": ("bar 0", "weight schedule"),
    "symbol": ("no exchange has the symbol",),
    "symbols": ("symbol",),
    "targets": ("symbol", "weight"),
    "tick_size": ("tick size",),
    "trail_value": ("trail offset", "ATR multiplier"),
    "atr_period": ("ATR period",),
}


def call_rows(call: Call, world: World) -> Iterator[Row]:
    """Return the calls of one public callable with a bad value, or with wrong arguments."""

    def row(
        label: str,
        change: Callable[[dict[str, Any]], Any],
        error: Errors,
        says: str,
        name: str = "",
    ) -> Row:
        def made(world: World) -> object:
            arguments = call.good(world)
            change(arguments)
            return call.function(world)(**arguments)

        words = [name, *WORDS.get(name, ())]
        return Row(f"{call.name}({label})", made, error, says, words)

    for name, argument in call.arguments.items():
        if (call.name, name) in ELSEWHERE and call not in APART:
            continue
        for value in BAD[argument.kind]:
            says = shown(value.make()) if value.says is None else value.says
            yield row(
                f"{name}: {value.name}",
                lambda arguments, name=name, value=value: arguments.update({name: value.make()}),
                value.error,
                says,
                "" if says in ANYWHERE or call.name in ENUMS else name,
            )
    yield row("no such name", lambda a: a.update(nonsense=1), TypeError, "keyword argument")

    function = call.function(world)
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name in call.arguments:
            yield row(
                f"without {parameter.name}",
                lambda arguments, name=parameter.name: arguments.pop(name),
                TypeError,
                f"'{parameter.name}'",
            )
    count = sum(parameter.kind != parameter.KEYWORD_ONLY for parameter in parameters)

    def too_many(world: World) -> object:
        return call.function(world)(*[None] * (count + 1))

    # The second argument of an enum is `Enum`'s own, and what it does has changed.
    if call.name not in ENUMS:
        yield Row(f"{call.name}(too many)", too_many, TypeError, "argument", [""])


def plain_calls() -> list[Call]:
    """Return the public callables that take no arguments."""
    known = {call.name for call in CALLS}
    found: list[Call] = []
    for name in nanobook.__all__:
        kind: Any = getattr(nanobook, name)
        if not isinstance(kind, type) or name in LEFT_OUT or name in ENUMS:
            continue
        names = [f"{name}.{member}" for member in dir(kind) if is_method(kind, member)]
        found.extend(Call(name, {}) for name in names if name not in known)
    return found


def is_method(kind: object, member: str) -> bool:
    return not member.startswith("_") and callable(getattr(kind, member))


# The enums, which take any spelling of a member.
ENUMS = ("FeedKind", "OrderStatus", "Side", "StopStatus", "TimeInForce")
ENUM_CALLS = [
    Call(name, {"value": Argument("enum", next(iter(getattr(nanobook, name))))}) for name in ENUMS
]
# Rows of prices name their symbols, columns do not.
COLUMNS = Call(
    "PriceSeries",
    {
        "data": Argument("columns", np.array([[100.5, 50.25]])),
        "symbols": Argument("symbols", ["AAPL", "GOOG"]),
        "tick_size": Argument("tick_size", 0.01),
    },
)

# An executor goes with no `max_workers`.
ALONE = Call(
    "sweep_strategy",
    {
        name: argument
        for name, argument in TABLE["sweep_strategy"].items()
        if name in {"make_strategy", "params", "price_series", "initial_cash", "executor"}
    },
)
APART = [COLUMNS, ALONE]
# The arguments that these calls are there for.
ELSEWHERE = {("PriceSeries", "symbols"), ("sweep_strategy", "executor")}

# Public classes whose calls are not tried, and why.
LEFT_OUT = {
    **dict.fromkeys(
        (name for name in nanobook.__all__ if name.endswith("Error")),
        "an exception takes what its base takes",
    ),
    **dict.fromkeys(
        ("PortfolioSnapshot", "StopOrder", "TrailMethod"), "a typed dictionary is a plain one"
    ),
    **dict.fromkeys(("FeedCounts", "QueuePosition"), "a named tuple of Python"),
}

# Rows whose message is known to be wrong, by a pattern of their names.
KNOWN = {
    # An error of Python's own.
    r".*to_numpy\(dtype: '.ud800'",
}

BAD = kinds()
ALL_CALLS = [*CALLS, *VARIANTS, *APART, *ENUM_CALLS, *plain_calls()]


def on(attribute: str, name: str, call: Callable[[Any], object], error: Errors, says: str) -> Row:
    """Return a row of something that is done to an object of the world."""

    def made(world: World) -> object:
        return call(getattr(world, attribute))

    return Row(name, made, error, says, [""])


def protocol_rows() -> list[Row]:
    """Return what is done to objects without calling a method by its name."""
    series, multi, exchange = "series", "multi", "exchange"
    return [
        on(series, "series[2]", lambda s: s[2], IndexError, "2"),
        on(series, "series[-3]", lambda s: s[-3], IndexError, "-3"),
        on(series, "series[2**200]", lambda s: s[2**200], IndexError, str(2**200)),
        on(series, "series['AAPL']", lambda s: s["AAPL"], TypeError, "'AAPL'"),
        on(series, "series[1.0]", lambda s: s[1.0], TypeError, "1.0"),
        on(series, "series[True]", lambda s: s[True], TypeError, "True"),
        on(series, "series[None]", lambda s: s[None], TypeError, "None"),
        on(series, "series[::2]", lambda s: s[::2], ValueError, "2"),
        on(series, "series[::0]", lambda s: s[::0], ValueError, "zero"),
        on(series, "series['a':]", lambda s: s["a":], TypeError, "indices"),
        on(series, "series[0] = {}", lambda s: s.__setitem__(0, {}), AttributeError, "__setitem__"),
        on(multi, "multi['MSFT']", lambda m: m["MSFT"], KeyError, "'MSFT'"),
        on(multi, "multi['']", lambda m: m[""], KeyError, "''"),
        on(multi, "multi[0]", lambda m: m[0], TypeError, "0"),
        on(multi, "multi[None]", lambda m: m[None], TypeError, "None"),
        *(
            on(name, f"{name} < 1", lambda value: value < 1, TypeError, "not supported")
            for name in ("exchange", "multi", "portfolio", "series", "event", "cost_model")
        ),
        on(
            exchange, "table['nonsense']", lambda e: e.trades_table()["nonsense"], KeyError, "'nons"
        ),
        on(exchange, "table[0]", lambda e: e.trades_table()[0], TypeError, "0"),
        on(exchange, "table[None]", lambda e: e.trades_table()[None], TypeError, "None"),
        on(
            exchange,
            "table without a copy",
            lambda e: e.trades_table().__array__(copy=False),
            ValueError,
            "copy",
        ),
        on(exchange, "hash(exchange)", hash, TypeError, "unhashable"),
        on(exchange, "len(exchange)", len, TypeError, "len()"),
        on(exchange, "exchange()", lambda e: e(), TypeError, "not callable"),
        on(exchange, "iter(exchange)", iter, TypeError, "not iterable"),
    ]


def reentrant_rows() -> list[Row]:
    """Return calls whose arguments use the same object while it reads them, and then fail.

    What they do with it takes effect; the call itself must not.
    """

    class Uses:
        def __init__(self, use: Callable[[], object]) -> None:
            self.use = use

        def __index__(self) -> int:
            self.use()
            raise OWN

        __float__ = __index__

        def __iter__(self) -> Iterator[object]:
            self.use()
            raise OWN

    def row(name: str, call: Callable[[World, Any], object]) -> Row:
        def used(world: World) -> object:
            def use() -> None:
                world.exchange.best_bid()
                world.multi.best_prices()
                world.portfolio.state_digest()
                world.series.to_bytes()

            return call(world, Uses(use))

        return Row(f"an argument that uses {name}", used, OwnError, str(OWN), [""])

    return [
        row("the exchange", lambda w, uses: w.exchange.submit_limit("buy", uses, 1)),
        row("the exchange it cancels in", lambda w, uses: w.exchange.cancel(uses)),
        row("the exchanges", lambda w, uses: w.multi.submit_limit("AAPL", "buy", uses, 1)),
        row("the portfolio", lambda w, uses: w.portfolio.total_equity({"AAPL": uses})),
        row("its targets", lambda w, uses: w.portfolio.rebalance_simple({"AAPL": uses}, {})),
        row("its pairs", lambda w, uses: w.portfolio.record_return(uses)),
        row("events", lambda w, uses: nanobook.Exchange.replay(uses)),
        row("trades", lambda w, uses: nanobook.Trade.vwap(uses)),
    ]


def view_rows() -> list[Row]:
    """Return trades on the view that a strategy got, kept after its run."""

    def kept(world: World) -> nanobook.Portfolio:
        views: list[nanobook.Portfolio] = []
        nanobook.run_backtest(lambda _, __, view: views.append(view), ROWS, 100)
        return views[0]

    calls: dict[str, Callable[[nanobook.Portfolio], object]] = {
        "record_return": lambda view: view.record_return(ROWS[0]),
        "rebalance_simple": lambda view: view.rebalance_simple({}, ROWS[0]),
        "rebalance_lob": lambda view: view.rebalance_lob({}, nanobook.MultiExchange()),
    }

    def row(name: str, call: Callable[[nanobook.Portfolio], object]) -> Row:
        def made(world: World) -> object:
            return call(kept(world))

        return Row(f"view.{name}", made, nanobook.ReadOnlyError, "read-only", [""])

    return [row(name, call) for name, call in calls.items()]


def rows_of(world: World) -> dict[str, list[Row]]:
    """Return all rows by the class they are about, functions together."""
    groups: dict[str, list[Row]] = {
        "protocols": [*protocol_rows(), *reentrant_rows(), *view_rows()]
    }
    for call in ALL_CALLS:
        owner = call.name.partition(".")[0]
        group = owner if isinstance(getattr(nanobook, owner), type) else "functions"
        groups.setdefault(group, []).extend(call_rows(call, world))
    return groups


def problem(row: Row, world: World) -> str | None:
    """Make a call and return what is wrong with its outcome."""
    before = world.state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "risk_free is per period")
            result = row.call(world)
    except row.error as error:
        wrong = wrong_error(row, error)
    except BaseException as error:
        wrong = f"raised {type(error).__name__}({str(error)[:300]!r})"
        if not isinstance(error, Exception):
            return wrong
    else:
        wrong = f"returned {shown(result)}"
    if any(re.match(pattern, row.name) for pattern in KNOWN):
        wrong = None
    return wrong if world.state() == before else f"the state has changed: {wrong}"


def wrong_error(row: Row, error: BaseException) -> str | None:
    """Return what is wrong with an error of the class that was to be raised."""
    if isinstance(error, OwnError):
        return None if error is OWN else f"another {error!r}"
    if not isinstance(error, NanobookError) and type(error) not in PLAIN_ERRORS:
        return f"not documented: {error!r}"
    message = str(error)
    if row.says not in message or not any(word in message for word in row.words):
        return f"{type(error).__name__}({message!r}) does not say {row.says} and {row.words}"
    # Those of the system show paths whole.
    if len(message) > 500 and not isinstance(error, OSError):
        return f"a message of {len(message)} characters: {message[:100]}"
    return None


# What is raised beside the errors of the package and the caller's own.
PLAIN_ERRORS = {TypeError, AttributeError, IndexError, KeyError, RuntimeError, ValueError}


def main(folder: str, groups: list[str]) -> None:
    """Make the calls of some groups."""
    world = World(Path(folder))
    rows = rows_of(world)
    for row in (row for group in groups for row in rows[group]):
        sys.stdout.write(f"{json.dumps([row.name])}\n")
        sys.stdout.flush()
        faulthandler.dump_traceback_later(SECONDS_PER_CALL, exit=True)
        wrong = problem(row, world)
        if wrong is not None:
            sys.stdout.write(f"{json.dumps([row.name, wrong])}\n")
            # Whatever it did is not blamed on the next.
            world = World(Path(folder))
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
